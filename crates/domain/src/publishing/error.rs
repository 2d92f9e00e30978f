use super::{BlogPostStatus, MediaStatus};
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

/// Why a media asset refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaAssetError {
    /// No way leads from one status to the other.
    #[error("a media asset does not go from {from} to {to}")]
    InvalidTransition {
        /// Where it is.
        from: MediaStatus,
        /// Where it should have gone.
        to: MediaStatus,
        /// Where it can go.
        possible: Vec<&'static str>,
    },
    /// The organization has no room for it.
    #[error("the organization's files would take more than its quota")]
    QuotaExceeded,
    /// The input is not valid, or something is missing for publication.
    #[error(transparent)]
    Invalid(#[from] Faults),
}

/// Why a file is not taken, whatever it is called and whatever it says that it is (`reliability.md`, S14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileRefusal {
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Its first bytes are those of no kind that is taken.
    #[error("files of this kind are not taken")]
    UnsupportedType,
    /// It has more bytes than one of its kind may have.
    #[error("the file is larger than {0} bytes")]
    TooLarge(u64),
    /// It is something else too, or something stands behind its end.
    #[error("the file is two things at once")]
    Polyglot,
    /// It holds what browsers or readers run.
    #[error("the file holds a program")]
    ActiveContent,
    /// The picture has more points than one may have.
    #[error("the picture has more than {0} pixels")]
    TooManyPixels(u64),
    /// Something in it unpacks to far more than it should.
    #[error("the file unpacks to far more than it should")]
    DecompressionBomb,
    /// It begins as one of its kind and is none.
    #[error("the file cannot be read")]
    Broken,
}
