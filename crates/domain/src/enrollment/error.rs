use super::{EnrollmentStatus, Full};
use crate::shared::Faults;

/// Why an enrollment or a hold refuses (`api.md`, Seats).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnrollmentError {
    /// No seat is free, or others wait for it.
    #[error("the run is full")]
    RunFull,
    /// The person has a place in this run, or waits for one.
    #[error("the person is enrolled already")]
    AlreadyEnrolled,
    /// The last day to enroll has passed.
    #[error("enrollment is closed")]
    EnrollmentClosed,
    /// The run is neither scheduled nor ongoing, or it is hidden.
    #[error("the run is not open")]
    RunNotOpen,
    /// The hold is for another person or run, has expired, or is no longer held.
    #[error("the hold cannot be used")]
    HoldNotUsable,
    /// The offered seat was not accepted in time.
    #[error("the offer has expired")]
    OfferExpired,
    /// The offer or hold cannot lapse, since its time has not passed.
    #[error("the time limit has not passed")]
    NotExpired,
    /// No way leads from one status to the other.
    #[error("an enrollment does not go from {from} to {to}")]
    InvalidTransition {
        /// Where it is.
        from: EnrollmentStatus,
        /// Where it should have gone.
        to: EnrollmentStatus,
        /// Where it can go.
        possible: Vec<&'static str>,
    },
    /// The input is not valid.
    #[error(transparent)]
    Invalid(#[from] Faults),
}

impl From<Full> for EnrollmentError {
    fn from(_: Full) -> Self {
        Self::RunFull
    }
}
