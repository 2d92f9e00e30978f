use matricula_domain::catalog::{CourseError, CourseRunError};
use matricula_domain::enrollment::Shortage;
use matricula_domain::shared::Faults;
use matricula_ports::PortError;

use crate::access::Denied;

/// Why a use case of the catalog does not happen.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// There is no such thing in this organization.
    #[error("not found")]
    NotFound,
    /// It is archived already, or not archived at all.
    #[error("already so")]
    AlreadySo,
    /// A field is guarded by a permission that is missing.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The course's rules refuse.
    #[error(transparent)]
    Course(#[from] CourseError),
    /// The run's rules refuse.
    #[error(transparent)]
    CourseRun(#[from] CourseRunError),
    /// The run to which people were to go has too few seats.
    #[error(transparent)]
    Shortage(#[from] Shortage),
    /// The input is understood, and wrong.
    #[error(transparent)]
    Invalid(#[from] Faults),
    /// The world.
    #[error(transparent)]
    Port(#[from] PortError),
}
