use matricula_domain::shared::{Faults, Instant};
use matricula_ports::PortError;

/// Why a use case of identity does not happen.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The address, the password or the token is wrong; which one is not told.
    #[error("invalid credentials")]
    InvalidCredentials,
    /// Too many tries; again at this time.
    #[error("too many tries")]
    SlowedDown(Instant),
    /// The input is understood, and wrong.
    #[error(transparent)]
    Invalid(#[from] Faults),
    /// The world.
    #[error(transparent)]
    Port(#[from] PortError),
}
