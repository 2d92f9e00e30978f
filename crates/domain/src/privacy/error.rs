use super::{ConsentAction, Purpose};

/// Why the ledger of consent does not take an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsentError {
    /// No consent box decides this purpose: it has another basis, or none (GDPR art. 6).
    #[error("{0} is not decided by consent")]
    NotAConsentPurpose(Purpose),
    /// The person is below the age of consent on that day: a guardian decides (GDPR art. 8, LOPDGDD art. 7; case D16).
    #[error("a guardian has to decide")]
    GuardianRequired,
    /// Only the person can do this: nobody confirms for another, nor gives again what the person took back (GDPR art. 7; case D21).
    #[error("only the person can do this")]
    SubjectActionRequired,
    /// There is no given consent that waits for its confirmation (`privacy.md` §1, rule 4).
    #[error("there is nothing to confirm")]
    NothingToConfirm,
    /// The purpose rests on a contract or a law, which a no does not end; a subject request can be made (GDPR art. 17, 21(1)).
    #[error("{0} does not end by a refusal")]
    NotRefusable(Purpose),
    /// The consent is not over its age, nor is its text out of date (cases D17, D18).
    #[error("{0} is not due")]
    NotDue(ConsentAction),
    /// This is not decided: an attestation of former times has a door of its own.
    #[error("{0} is not a decision")]
    NotADecision(ConsentAction),
}
