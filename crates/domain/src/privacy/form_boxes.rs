use super::{ConsentTextId, Purpose};
use crate::shared::{Fault, Faults};

crate::form! {
    /// A consent box, as a form shows it.
    pub struct ConsentBox {
        /// What it decides: exactly one purpose.
        purposes: Vec<Purpose>,
        /// The wording beside it.
        text_id: ConsentTextId,
        /// Whether it is ticked before anybody touched it: never.
        default: bool,
        /// Whether the form can only be sent with the box ticked: never.
        required: bool,
    }
}

/// Checks the boxes of a form before it is published, with pointers such as `/boxes/0/default`.
///
/// # Errors
/// - `FORM_PRETICKED_CONSENT`: silence is no consent (GDPR art. 4(11), C-673/17 Planet49; case D02).
/// - `CONSENT_BUNDLED`: who has to agree does not agree freely (GDPR art. 7(4), LOPDGDD art. 6.3; case D03).
/// - `CONSENT_NOT_GRANULAR`: one box, one purpose (LOPDGDD art. 6.2; case D04).
/// - `NOT_A_CONSENT_PURPOSE`: no box decides what rests on a contract or a law.
pub fn check_boxes(boxes: &[ConsentBox]) -> Result<(), Faults> {
    let mut faults = Faults::default();
    for (n, shown) in boxes.iter().enumerate() {
        let mut refuse = |field: &str, code, detail: &'static str| faults.add(Fault::rule(&format!("/boxes/{n}/{field}"), code, detail));
        if shown.default {
            refuse("default", "FORM_PRETICKED_CONSENT", "a consent box starts unticked");
        }
        if shown.required && shown.purposes.iter().any(|purpose| purpose.is_marketing()) {
            refuse("required", "CONSENT_BUNDLED", "a form cannot require a consent that its service does not need");
        }
        if shown.purposes.len() != 1 {
            refuse("purposes", "CONSENT_NOT_GRANULAR", "a consent box decides one purpose");
        }
        if shown.purposes.iter().any(|purpose| !purpose.can_be_granted()) {
            refuse("purposes", "NOT_A_CONSENT_PURPOSE", "a consent box cannot decide this purpose");
        }
    }
    faults.into_result()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::shared::Id;

    fn email() -> ConsentBox {
        ConsentBox { purposes: vec![Purpose::EmailMarketing], text_id: ConsentTextId::from_uuid(Uuid::from_u128(1)), default: false, required: false }
    }

    fn refusals(boxes: &[ConsentBox]) -> Vec<(String, &'static str)> {
        let faults = check_boxes(boxes).unwrap_err();
        assert!(faults.0.iter().all(|fault| fault.headline));
        faults.0.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn an_unticked_voluntary_box_for_one_purpose_is_fine() {
        assert_eq!(check_boxes(&[]), Ok(()));
        assert_eq!(check_boxes(&[email(), ConsentBox { purposes: vec![Purpose::OpenClickTracking], ..email() }]), Ok(()));
    }

    #[test]
    fn d02_a_pre_ticked_box_is_refused() {
        assert_eq!(refusals(&[email(), ConsentBox { default: true, ..email() }]), [("/boxes/1/default".into(), "FORM_PRETICKED_CONSENT")]);
    }

    #[test]
    fn d03_a_required_marketing_box_is_refused() {
        assert_eq!(refusals(&[ConsentBox { required: true, ..email() }]), [("/boxes/0/required".into(), "CONSENT_BUNDLED")]);
    }

    #[test]
    fn d04_a_box_for_two_purposes_or_none_is_refused() {
        let two = vec![Purpose::EmailMarketing, Purpose::SmsMarketing];
        assert_eq!(refusals(&[ConsentBox { purposes: two, ..email() }]), [("/boxes/0/purposes".into(), "CONSENT_NOT_GRANULAR")]);
        assert_eq!(refusals(&[ConsentBox { purposes: Vec::new(), ..email() }]), [("/boxes/0/purposes".into(), "CONSENT_NOT_GRANULAR")]);
    }

    #[test]
    fn a_box_cannot_decide_what_a_law_decides() {
        assert_eq!(refusals(&[ConsentBox { purposes: vec![Purpose::Billing], ..email() }]), [("/boxes/0/purposes".into(), "NOT_A_CONSENT_PURPOSE")]);
    }
}
