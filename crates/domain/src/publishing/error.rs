use super::BlogPostStatus;
use crate::shared::Faults;

/// Why a blog post refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlogPostError {
    /// It cannot be published yet: everything that is missing, at once.
    #[error("the post is not ready to be published")]
    NotReady(Faults),
    /// No way leads from one status to the other.
    #[error("a post does not go from {from} to {to}")]
    InvalidTransition {
        /// Where it is.
        from: BlogPostStatus,
        /// Where it should have gone.
        to: BlogPostStatus,
        /// Where it can go.
        possible: Vec<&'static str>,
    },
    /// The time of publication makes no sense.
    #[error(transparent)]
    Invalid(#[from] Faults),
}
