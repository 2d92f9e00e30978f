use matricula_domain::publishing::{FileRefusal, MediaAssetError};
use matricula_domain::shared::Faults;
use matricula_ports::PortError;
use matricula_ports::publishing::PrepareError;

/// Why a use case of media does not happen.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// There is no such thing in this organization.
    #[error("not found")]
    NotFound,
    /// It is archived already, or not archived at all; used there already, or not at all.
    #[error("already so")]
    AlreadySo,
    /// The file is not taken.
    #[error(transparent)]
    File(#[from] FileRefusal),
    /// The asset's rules refuse.
    #[error(transparent)]
    Asset(#[from] MediaAssetError),
    /// The input is understood, and wrong.
    #[error(transparent)]
    Invalid(#[from] Faults),
    /// The world.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl From<PrepareError> for MediaError {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Refused(refusal) => refusal.into(),
            PrepareError::Port(error) => error.into(),
        }
    }
}
