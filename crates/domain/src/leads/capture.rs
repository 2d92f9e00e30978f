use crate::people::{AgeBand, PersonDetails};
use crate::privacy::Purpose;
use crate::shared::{Code, EmailAddress, Fault, Line, PhoneNumber, Prose, Slug};

crate::form! {
    /// Where a click came from.
    pub struct Utm {
        /// `utm_source`.
        source: Option<Line<200>>,
        /// `utm_medium`.
        medium: Option<Line<200>>,
        /// `utm_campaign`.
        campaign: Option<Line<200>>,
        /// `utm_content`.
        content: Option<Line<200>>,
        /// `utm_term`.
        term: Option<Line<200>>,
    }
}

crate::form! {
    /// What an advertising network calls the click.
    pub struct ClickIds {
        /// Meta.
        fbclid: Option<Line<500>>,
        /// Google.
        gclid: Option<Line<500>>,
        /// Google, from an app.
        gbraid: Option<Line<500>>,
        /// Google, from the web.
        wbraid: Option<Line<500>>,
        /// Microsoft.
        msclkid: Option<Line<500>>,
        /// `TikTok`.
        ttclid: Option<Line<500>>,
        /// `LinkedIn`.
        li_fat_id: Option<Line<500>>,
    }
}

crate::form! {
    /// A lead as it arrives, from a public form or entered by staff.
    pub struct Capture {
        /// The name, as they write it.
        name: Line<200>,
        /// E-mail address; this or a phone is required.
        email: Option<EmailAddress>,
        /// Phone number; this or an e-mail address is required.
        phone: Option<PhoneNumber>,
        /// Slug of the course of interest.
        course: Option<Slug>,
        /// The run of interest.
        course_run_id: Option<crate::catalog::CourseRunId>,
        /// Slug of the campaign.
        campaign: Option<Slug>,
        /// Key of the form.
        form: Option<Code>,
        /// What they write.
        message: Option<Prose<5000>>,
        /// Language of the form.
        locale: Option<Line<10>>,
        /// How old they are, as far as a form may ask.
        age_band: Option<AgeBand>,
        /// The intake attestation (seed 0): must be true. It permits nothing by itself.
        gdpr_consent: bool,
        /// That the privacy notice was shown: must be true.
        privacy_policy_accepted: bool,
        /// Purposes whose boxes were ticked.
        consents: Vec<Purpose>,
        /// Where the click came from.
        utm: Option<Utm>,
        /// What networks call the click.
        click_ids: Option<ClickIds>,
        /// Where the lead comes from: web, phone, fair ….
        source: Option<Line<100>>,
    }
    check |this, faults| {
        if !this.privacy_policy_accepted {
            faults.add(Fault::rule("/privacy_policy_accepted", "NOTICE_NOT_ACKNOWLEDGED", "the privacy notice must have been shown (GDPR art. 13)"));
        }
        if !this.gdpr_consent {
            faults.add(Fault::rule("/gdpr_consent", "INTAKE_ATTESTATION_REQUIRED", "the intake attestation is required"));
        }
        if this.email.is_none() && this.phone.is_none() {
            faults.add(Fault::new("REQUIRED", "email or phone is required").under("email"));
        }
        for (n, purpose) in this.consents.iter().enumerate() {
            if !purpose.can_be_granted() {
                faults.add(Fault::new("NOT_A_CONSENT_PURPOSE", "is not decided by a box").under(&n.to_string()).under("consents"));
            }
            if this.consents[..n].contains(purpose) {
                faults.add(Fault::new("DUPLICATE", "is named twice").under(&n.to_string()).under("consents"));
            }
        }
    }
}

impl Capture {
    /// The person that it tells of.
    pub fn person(&self) -> PersonDetails {
        PersonDetails { name: self.name.clone(), email: self.email.clone(), phone: self.phone.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::{Form, Value};

    fn input(fields: &[(&str, Value)]) -> Value {
        let mut all = vec![
            ("name".to_owned(), "Lucía".into()),
            ("email".to_owned(), "lucia@example.es".into()),
            ("gdpr_consent".to_owned(), Value::Bool(true)),
            ("privacy_policy_accepted".to_owned(), Value::Bool(true)),
        ];
        for (name, value) in fields {
            all.retain(|(known, _)| known != name);
            all.push(((*name).to_owned(), value.clone()));
        }
        Value::Map(all)
    }

    #[test]
    fn d05_nothing_is_taken_without_notice_and_attestation() {
        let code = |field| Capture::read(&input(&[(field, Value::Bool(false))])).unwrap_err().code();
        assert_eq!(code("privacy_policy_accepted"), "NOTICE_NOT_ACKNOWLEDGED");
        assert_eq!(code("gdpr_consent"), "INTAKE_ATTESTATION_REQUIRED");
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let faults = Capture::read(&input(&[
            ("name", "\u{7}".into()),
            ("email", "a@b\r\nBcc: c".into()),
            ("phone", "abc".into()),
            ("course", "No Slug".into()),
            ("unknown", Value::Int(1)),
            ("gdpr_consent", "yes".into()),
        ]))
        .unwrap_err();
        let told: Vec<_> = faults.0.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
        assert_eq!(
            told,
            [
                ("/unknown", "UNKNOWN_FIELD"),
                ("/name", "CONTROL_CHARACTER"),
                ("/email", "CONTROL_CHARACTER"),
                ("/phone", "NOT_A_PHONE"),
                ("/course", "NOT_A_SLUG"),
                ("/gdpr_consent", "WRONG_TYPE"),
            ]
        );
    }

    #[test]
    fn an_enquiry_is_not_a_box() {
        let faults =
            Capture::read(&input(&[("consents", Value::List(vec!["lead_enquiry".into(), "email_marketing".into(), "email_marketing".into()]))]))
                .unwrap_err();
        let told: Vec<_> = faults.0.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
        assert_eq!(told, [("/consents/0", "NOT_A_CONSENT_PURPOSE"), ("/consents/2", "DUPLICATE")]);
    }
}
