use super::{AgeRules, Basis, Channel, ConsentAction, ConsentEvent, ConsentEventId, CustomerRelation, Ledger, Purpose, Standing, SuppressionReason};
use crate::people::PersonId;
use crate::shared::Instant;

crate::choice! {
    /// Yes or no.
    pub enum Ruling {
        /// It may be done.
        Allow = "ALLOW",
        /// It may not.
        Deny = "DENY",
    }
}

crate::choice! {
    /// Why something may be done or not. The refusals stand in the order in which they are looked for.
    pub enum Reason {
        /// Denied: the data is reserved for authorities (LOPDGDD art. 32), or gone.
        Blocked = "BLOCKED",
        /// Denied: the data is kept, not used (GDPR art. 18).
        Restricted = "RESTRICTED",
        /// Denied: the person objected (GDPR art. 21).
        Objected = "OBJECTED",
        /// Denied: the address complained, or does not exist.
        Suppressed = "SUPPRESSED",
        /// Denied: a guardian has to agree (GDPR art. 8).
        GuardianRequired = "GUARDIAN_REQUIRED",
        /// Denied: the person took the consent back (GDPR art. 7(3)).
        Withdrawn = "WITHDRAWN",
        /// Denied: the owner of the address has not confirmed yet.
        DoiPending = "DOI_PENDING",
        /// Denied: the consent is over its age.
        Expired = "EXPIRED",
        /// Denied: the consent is to a text that holds no more, or a guardian's who has no say any more.
        RefreshRequired = "REFRESH_REQUIRED",
        /// Allowed: the person agreed.
        Consent = "CONSENT",
        /// Allowed: a customer, and a similar product (LSSI art. 21.2).
        SoftOptIn = "SOFT_OPT_IN",
        /// Allowed: steps before a contract.
        PreContract = "PRE_CONTRACT",
        /// Allowed: a contract.
        Contract = "CONTRACT",
        /// Allowed: a law.
        LegalObligation = "LEGAL_OBLIGATION",
        /// Allowed: an interest that outweighs the person's.
        LegitimateInterest = "LEGITIMATE_INTEREST",
        /// Denied: a customer, but not of a similar product of ours (C-654/23 Inteligo; case D14).
        NotOwnProduct = "NOT_OWN_PRODUCT",
        /// Denied: nothing allows it.
        NoConsent = "NO_CONSENT",
    }
}

impl From<Basis> for Reason {
    fn from(basis: Basis) -> Self {
        match basis {
            Basis::Consent => Self::Consent,
            Basis::SoftOptIn => Self::SoftOptIn,
            Basis::PreContract => Self::PreContract,
            Basis::Contract => Self::Contract,
            Basis::LegalObligation => Self::LegalObligation,
            Basis::LegitimateInterest => Self::LegitimateInterest,
        }
    }
}

crate::choice! {
    /// How it stands with the consent to one purpose.
    pub enum ConsentState {
        /// Never decided.
        None = "none",
        /// A child agreed, which waits for a guardian.
        Requested = "requested",
        /// Agreed, which waits for the confirmation.
        Pending = "pending",
        /// Given.
        Granted = "granted",
        /// Asked, and said no.
        Refused = "refused",
        /// Taken back.
        Withdrawn = "withdrawn",
        /// Objected to.
        Objected = "objected",
        /// Over its age.
        Expired = "expired",
        /// To be asked again.
        RefreshRequired = "refresh_required",
    }
}

/// The question what may be done with a person's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// What for.
    pub purpose: Purpose,
    /// By which way.
    pub channel: Channel,
    /// As of when.
    pub at: Instant,
    /// The category of the own product that is advertised; `None` for somebody else's. Only [`Purpose::CustomerSimilar`] looks at it.
    pub category: Option<String>,
}

/// The answer, with its proof. It cannot be made up: [`Ledger::permission`] alone gives one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    person: PersonId,
    purpose: Purpose,
    channel: Channel,
    at: Instant,
    decision: Ruling,
    basis: Option<Basis>,
    reason: Reason,
    evidence: Option<ConsentEventId>,
}

impl Verdict {
    /// Yes or no.
    pub fn decision(&self) -> Ruling {
        self.decision
    }
    /// What makes it lawful; `None` where it is denied.
    pub fn basis(&self) -> Option<Basis> {
        self.basis
    }
    /// Why.
    pub fn reason(&self) -> Reason {
        self.reason
    }
    /// The entry of the ledger that proves it: the consent or the refusal; for what needs no consent the notice, where one was shown.
    pub fn evidence(&self) -> Option<ConsentEventId> {
        self.evidence
    }

    /// The key to doing it; `None` where it is denied.
    pub fn permitted(&self) -> Option<Permitted> {
        (self.decision == Ruling::Allow).then_some(Permitted {
            person: self.person,
            purpose: self.purpose,
            channel: self.channel,
            at: self.at,
            evidence: self.evidence,
        })
    }
}

/// The key to using a person's data for one purpose by one channel. Only an ALLOW of [`Ledger::permission`] yields one, so what takes
/// it, such as the mailer, cannot be called without having asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permitted {
    person: PersonId,
    purpose: Purpose,
    channel: Channel,
    at: Instant,
    evidence: Option<ConsentEventId>,
}

impl Permitted {
    /// Whose data.
    pub fn person(&self) -> PersonId {
        self.person
    }
    /// What for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }
    /// By which way.
    pub fn channel(&self) -> Channel {
        self.channel
    }
    /// As of when it was asked.
    pub fn at(&self) -> Instant {
        self.at
    }
    /// The entry of the ledger that proves it.
    pub fn evidence(&self) -> Option<ConsentEventId> {
        self.evidence
    }
}

impl Ledger {
    /// Whether something may be done, as of any moment: later entries, suppressions and texts count for nothing, while the person's
    /// standing, age and purchases are as they were loaded. The first rule that applies decides, in the order of `privacy.md` §1:
    ///
    /// BLOCKED, RESTRICTED, OBJECTED and SUPPRESSED, `GUARDIAN_REQUIRED`, WITHDRAWN, `DOI_PENDING`, EXPIRED, `REFRESH_REQUIRED`; then it is
    /// allowed by consent, as a customer, or by the purpose's own basis; else `NOT_OWN_PRODUCT` or `NO_CONSENT`.
    ///
    /// Whatever the person objected to or took back, only their own later CONFIRMED lifts (case D21).
    pub fn permission(&self, ask: &Ask, ages: &AgeRules) -> Verdict {
        let story = self.story(ask.purpose, Some(ask.channel), ask.at);
        let suppressed = |reason| self.is_suppressed(ask.purpose, ask.channel, reason, ask.at);
        let refusal = |action| story.refusal(action).map(|event| event.id);
        let deny = |reason, evidence| self.verdict(ask, Ruling::Deny, None, reason, evidence);
        let allow = |basis: Basis, evidence| self.verdict(ask, Ruling::Allow, Some(basis), basis.into(), evidence);

        match self.parts().standing {
            Standing::Blocked | Standing::Destroyed => return deny(Reason::Blocked, None),
            Standing::Restricted => return deny(Reason::Restricted, None),
            Standing::Active => {}
        }
        let objection = refusal(ConsentAction::Objected);
        if objection.is_some() || suppressed(SuppressionReason::Objected) {
            return deny(Reason::Objected, objection);
        }
        if suppressed(SuppressionReason::Complaint) || suppressed(SuppressionReason::HardBounce) {
            return deny(Reason::Suppressed, None);
        }
        if self.lacks_guardian(ask.purpose, ask.at, ages) {
            return deny(Reason::GuardianRequired, None);
        }
        let withdrawal = refusal(ConsentAction::Withdrawn);
        if withdrawal.is_some() || suppressed(SuppressionReason::Withdrawn) {
            return deny(Reason::Withdrawn, withdrawal);
        }
        let (state, event) = if ask.purpose.covers(ask.channel) {
            story.conclusion(self.below_age(ask.at, ages))
        } else {
            // A consent says nothing about a channel that it does not cover.
            (ConsentState::None, None)
        };
        let evidence = event.map(|event| event.id);
        let notice = self.notice(ask).map(|event| event.id);
        match state {
            ConsentState::Pending => deny(Reason::DoiPending, evidence),
            ConsentState::Expired => deny(Reason::Expired, evidence),
            ConsentState::RefreshRequired => deny(Reason::RefreshRequired, evidence),
            ConsentState::Granted => allow(Basis::Consent, evidence),
            // Who was asked and said no is not reached by another basis either.
            ConsentState::Refused => deny(Reason::NoConsent, evidence),
            ConsentState::None | ConsentState::Requested | ConsentState::Withdrawn | ConsentState::Objected => match ask.purpose.basis() {
                Basis::Consent => deny(Reason::NoConsent, None),
                Basis::SoftOptIn => match self.soft_opt_in(ask) {
                    Ok(()) => allow(Basis::SoftOptIn, notice),
                    Err(reason) => deny(reason, None),
                },
                basis => allow(basis, notice),
            },
        }
    }

    /// How it stands with the consent to a purpose at a moment, by the entries alone. That a guardian's consent lapsed with a birthday
    /// shows once it is entered; [`Ledger::permission`] knows at once.
    pub fn state(&self, purpose: Purpose, at: Instant) -> ConsentState {
        self.story(purpose, None, at).conclusion(true).0
    }

    fn verdict(&self, ask: &Ask, decision: Ruling, basis: Option<Basis>, reason: Reason, evidence: Option<ConsentEventId>) -> Verdict {
        Verdict { person: self.person(), purpose: ask.purpose, channel: ask.channel, at: ask.at, decision, basis, reason, evidence }
    }

    /// Whether the person took the purpose back or objected to it, by an entry or on the list of suppressed addresses.
    pub(super) fn is_refused(&self, purpose: Purpose, at: Instant) -> bool {
        let listed = |channel| {
            [SuppressionReason::Objected, SuppressionReason::Withdrawn, SuppressionReason::Complaint]
                .into_iter()
                .any(|reason| self.is_suppressed(purpose, channel, reason, at))
        };
        self.story(purpose, None, at).is_refused() || purpose.channel().is_some_and(listed)
    }

    /// Whether the address of a channel gets no marketing (LOPDGDD art. 15.2): the list ends nothing else, so a receipt still arrives
    /// (case D13). Its owner's later CONFIRMED lifts it, except that an address does not exist.
    fn is_suppressed(&self, purpose: Purpose, channel: Channel, reason: SuppressionReason, at: Instant) -> bool {
        let lifts = |event: &ConsentEvent| {
            reason != SuppressionReason::HardBounce
                && event.is_own_confirmation()
                && (event.purpose == purpose || channel.marketing() == Some(event.purpose))
        };
        let confirmed = self.events().iter().filter(|event| event.at <= at && lifts(event)).map(|event| event.at).max();
        purpose.is_marketing()
            && self.parts().suppressions.iter().any(|listed| {
                listed.channel == channel && listed.reason == reason && listed.at <= at && confirmed.is_none_or(|confirmed| confirmed <= listed.at)
            })
    }

    /// Whether a child's guardian has not agreed. What the person agreed to when of age for it stays theirs, even if a later law raises
    /// the age (case D16).
    fn lacks_guardian(&self, purpose: Purpose, at: Instant, ages: &AgeRules) -> bool {
        let agreed = |event: &ConsentEvent| match event.action {
            ConsentAction::GuardianApproved => true,
            ConsentAction::Granted | ConsentAction::Confirmed => !self.below_age(event.at, ages),
            _ => false,
        };
        purpose.needs_guardian()
            && self.below_age(at, ages)
            && !self.events().iter().any(|event| event.purpose == purpose && event.at <= at && agreed(event))
    }

    /// The newest notice that told of a use: its own, or that of an enquiry, which tells of all.
    fn notice(&self, ask: &Ask) -> Option<&ConsentEvent> {
        let told = |purpose| purpose == ask.purpose || purpose == Purpose::LeadEnquiry;
        self.events().iter().rev().find(|event| event.action == ConsentAction::NoticeShown && event.at <= ask.at && told(event.purpose))
    }

    /// LSSI art. 21.2: a customer who could decline, and a similar product of ours (case D14).
    fn soft_opt_in(&self, ask: &Ask) -> Result<(), Reason> {
        let offered = |relation: &&CustomerRelation| relation.optout_offered_at_collection;
        let mut relations = self.parts().relations.iter().filter(offered).peekable();
        if relations.peek().is_none() || !ask.purpose.covers(ask.channel) {
            return Err(Reason::NoConsent);
        }
        if relations.any(|relation| ask.category.as_ref() == Some(&relation.category)) { Ok(()) } else { Err(Reason::NotOwnProduct) }
    }
}
