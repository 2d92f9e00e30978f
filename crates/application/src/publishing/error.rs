use matricula_domain::publishing::BlogPostError;
use matricula_domain::shared::Faults;
use matricula_ports::PortError;

/// Why a use case of publishing does not happen.
#[derive(Debug, thiserror::Error)]
pub enum PublishingError {
    /// There is no such thing in this organization.
    #[error("not found")]
    NotFound,
    /// It is archived already, or not archived at all.
    #[error("already so")]
    AlreadySo,
    /// The post's rules refuse.
    #[error(transparent)]
    BlogPost(#[from] BlogPostError),
    /// The input is understood, and wrong.
    #[error(transparent)]
    Invalid(#[from] Faults),
    /// The world.
    #[error(transparent)]
    Port(#[from] PortError),
}
