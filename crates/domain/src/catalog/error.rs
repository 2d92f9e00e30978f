use super::{CourseStatus, RunStatus};
use crate::shared::Faults;

/// Why a course refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CourseError {
    /// It cannot be published yet: everything that is missing, at once.
    #[error("the course is not ready to be published")]
    NotReady(Faults),
    /// No way leads from one status to the other.
    #[error("a course does not go from {from} to {to}")]
    InvalidTransition {
        /// Where it is.
        from: CourseStatus,
        /// Where it should have gone.
        to: CourseStatus,
        /// Where it can go.
        possible: Vec<&'static str>,
    },
}

/// Why a course run refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CourseRunError {
    /// No way leads from one status to the other.
    #[error("a course run does not go from {from} to {to}")]
    InvalidTransition {
        /// Where it is.
        from: RunStatus,
        /// Where it should have gone.
        to: RunStatus,
        /// Where it can go.
        possible: Vec<&'static str>,
    },
    /// Its days are settled: it has begun, or will not be taught.
    #[error("the run is not scheduled any more")]
    NotScheduled,
    /// Nobody goes to a run that is neither scheduled nor ongoing, or is hidden.
    #[error("the run is not open")]
    NotOpen,
    /// The input is not valid.
    #[error(transparent)]
    Invalid(#[from] Faults),
}
