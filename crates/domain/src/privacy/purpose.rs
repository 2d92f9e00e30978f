use chrono::Months;

crate::choice! {
    /// What personal data is used for. Nothing is done with a person's data outside one of these (GDPR art. 5(1)(b); table of `privacy.md` §1).
    pub enum Purpose {
        /// Answering what the person asked.
        LeadEnquiry = "lead_enquiry",
        /// Advertising by e-mail.
        EmailMarketing = "email_marketing",
        /// Advertising by SMS.
        SmsMarketing = "sms_marketing",
        /// Advertising similar own products to customers (LSSI art. 21.2).
        CustomerSimilar = "customer_similar",
        /// Commercial calls (Ley 11/2022 art. 66.1.b).
        PhoneMarketing = "phone_marketing",
        /// Noting who opened or clicked what (ePrivacy art. 5(3)).
        OpenClickTracking = "open_click_tracking",
        /// Guessing who is likely to enrol (GDPR art. 21, 22).
        ScoringProfiling = "scoring_profiling",
        /// Uploading addresses to an advertising network.
        AdsAudienceUpload = "ads_audience_upload",
        /// Teaching what was contracted.
        EnrolmentContract = "enrolment_contract",
        /// Invoices and books.
        Billing = "billing",
        /// The file that subsidised training must keep (Ley 30/2015, RD 694/2017).
        SubsidisedRecord = "subsidised_record",
        /// Knowing who did what (GDPR art. 32).
        SecurityAudit = "security_audit",
        /// A consent of former times that does not say to what: it allows nothing (case D19).
        LegacyUnspecified = "legacy_unspecified",
    }
}

crate::choice! {
    /// What makes a use lawful (GDPR art. 6(1); LSSI art. 21.2).
    pub enum Basis {
        /// The person agreed: 6(1)(a).
        Consent = "consent",
        /// A contract with the person: 6(1)(b).
        Contract = "contract",
        /// Steps before a contract, at the person's request: 6(1)(b).
        PreContract = "pre_contract",
        /// A law demands it: 6(1)(c).
        LegalObligation = "legal_obligation",
        /// An interest that outweighs the person's: 6(1)(f).
        LegitimateInterest = "legitimate_interest",
        /// A customer who did not decline advertising for similar products: LSSI art. 21.2.
        SoftOptIn = "soft_opt_in",
    }
}

crate::choice! {
    /// By which way somebody is reached, or has reached us.
    pub enum Channel {
        /// E-mail.
        Email = "email",
        /// Text message.
        Sms = "sms",
        /// A call.
        Phone = "phone",
        /// A letter, or the counter.
        Post = "post",
        /// A web page.
        Web = "web",
        /// The messenger of that name.
        Whatsapp = "whatsapp",
    }
}

/// How long a consent to advertising lasts: a policy, since the GDPR sets no term (`privacy.md` §1, rule 5).
const MARKETING_MAX_AGE: Months = Months::new(24);

impl Purpose {
    /// What makes it lawful. Scoring rests on legitimate interest, and on consent where that was given.
    pub const fn basis(self) -> Basis {
        match self {
            Self::LeadEnquiry => Basis::PreContract,
            Self::EmailMarketing
            | Self::SmsMarketing
            | Self::PhoneMarketing
            | Self::OpenClickTracking
            | Self::AdsAudienceUpload
            | Self::LegacyUnspecified => Basis::Consent,
            Self::CustomerSimilar => Basis::SoftOptIn,
            Self::ScoringProfiling | Self::SecurityAudit => Basis::LegitimateInterest,
            Self::EnrolmentContract => Basis::Contract,
            Self::Billing | Self::SubsidisedRecord => Basis::LegalObligation,
        }
    }

    /// Whether a ticked box counts only once its owner confirmed it (`privacy.md` §1, rule 4). Tracking has a box of its own and
    /// is confirmed on the same page as the e-mails.
    pub const fn needs_double_opt_in(self) -> bool {
        matches!(self, Self::EmailMarketing | Self::SmsMarketing | Self::OpenClickTracking | Self::AdsAudienceUpload)
    }

    /// How long a consent lasts; `None` where it has no term (`privacy.md` §1, rule 5).
    pub const fn max_age(self) -> Option<Months> {
        match self {
            Self::EmailMarketing | Self::SmsMarketing | Self::PhoneMarketing => Some(MARKETING_MAX_AGE),
            _ => None,
        }
    }

    /// Whether it is direct marketing, with the tracking and profiling that serve it (GDPR art. 21(2)).
    pub const fn is_marketing(self) -> bool {
        matches!(self, Self::CustomerSimilar) || self.can_be_granted()
    }

    /// Whether it is observing or rating people for marketing, which an objection to any marketing ends too (GDPR art. 21(2)).
    pub const fn is_profiling(self) -> bool {
        matches!(self, Self::OpenClickTracking | Self::ScoringProfiling)
    }

    /// Whether a consent box can decide it.
    pub const fn can_be_granted(self) -> bool {
        matches!(
            self,
            Self::EmailMarketing
                | Self::SmsMarketing
                | Self::PhoneMarketing
                | Self::OpenClickTracking
                | Self::ScoringProfiling
                | Self::AdsAudienceUpload
        )
    }

    /// Whether the person's no is enough to end it: all marketing (GDPR art. 7(3), 21(3)), the consent of former times, and an
    /// enquiry, which is answered only because the person wants it. For everything else there are subject requests, which are weighed.
    pub const fn can_be_refused(self) -> bool {
        self.is_marketing() || matches!(self, Self::LeadEnquiry | Self::LegacyUnspecified)
    }

    /// Whether a child needs a guardian for it: all that rests on the will of the person (GDPR art. 8, LOPDGDD art. 7), and all
    /// marketing; not what a law or security demands.
    pub const fn needs_guardian(self) -> bool {
        match self.basis() {
            Basis::LegalObligation => false,
            Basis::LegitimateInterest => self.is_marketing(),
            Basis::Consent | Basis::Contract | Basis::PreContract | Basis::SoftOptIn => true,
        }
    }

    /// The one channel that it is about, where it is about one.
    pub const fn channel(self) -> Option<Channel> {
        match self {
            Self::EmailMarketing => Some(Channel::Email),
            Self::SmsMarketing => Some(Channel::Sms),
            Self::PhoneMarketing => Some(Channel::Phone),
            _ => None,
        }
    }

    /// Whether it can be served by a channel: a yes to e-mails is no yes to calls (LOPDGDD art. 6.2), and the customers' exception
    /// of LSSI art. 21.2 holds for electronic messages alone.
    pub const fn covers(self, channel: Channel) -> bool {
        match self {
            Self::EmailMarketing => matches!(channel, Channel::Email),
            Self::SmsMarketing => matches!(channel, Channel::Sms),
            Self::PhoneMarketing => matches!(channel, Channel::Phone),
            Self::CustomerSimilar => matches!(channel, Channel::Email | Channel::Sms | Channel::Whatsapp),
            _ => true,
        }
    }
}

impl Channel {
    /// The consent to advertising by this channel.
    pub const fn marketing(self) -> Option<Purpose> {
        match self {
            Self::Email => Some(Purpose::EmailMarketing),
            Self::Sms => Some(Purpose::SmsMarketing),
            Self::Phone => Some(Purpose::PhoneMarketing),
            Self::Post | Self::Web | Self::Whatsapp => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_that_a_box_decides_is_marketing_and_can_be_refused() {
        for purpose in Purpose::ALL {
            assert!(!purpose.can_be_granted() || (purpose.is_marketing() && purpose.can_be_refused()), "{purpose}");
        }
    }

    #[test]
    fn only_what_a_box_decides_can_wait_for_a_confirmation_or_expire() {
        for purpose in Purpose::ALL {
            assert!(purpose.can_be_granted() || !(purpose.needs_double_opt_in() || purpose.max_age().is_some()), "{purpose}");
        }
    }

    #[test]
    fn a_purpose_of_one_channel_covers_that_channel_alone() {
        for purpose in Purpose::ALL {
            if let Some(own) = purpose.channel() {
                assert_eq!(own.marketing(), Some(*purpose));
                assert!(Channel::ALL.iter().all(|channel| purpose.covers(*channel) == (*channel == own)), "{purpose}");
            }
        }
    }

    #[test]
    fn what_a_law_demands_does_not_wait_for_a_guardian() {
        let without: Vec<_> = Purpose::ALL.iter().filter(|purpose| !purpose.needs_guardian()).map(|purpose| purpose.as_str()).collect();
        assert_eq!(without, ["billing", "subsidised_record", "security_audit"]);
    }
}
