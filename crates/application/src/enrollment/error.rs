use matricula_domain::enrollment::EnrollmentError;
use matricula_domain::shared::Faults;
use matricula_ports::PortError;

/// Why a use case of enrollments does not happen.
#[derive(Debug, thiserror::Error)]
pub enum EnrollmentsError {
    /// There is no such run or enrollment in this organization.
    #[error("not found")]
    NotFound,
    /// The seats refuse.
    #[error(transparent)]
    Refused(#[from] EnrollmentError),
    /// The person's data may not be worked with (GDPR art. 18).
    #[error("the person is restricted")]
    Restricted,
    /// The input is understood, and wrong.
    #[error(transparent)]
    Invalid(#[from] Faults),
    /// The world.
    #[error(transparent)]
    Port(#[from] PortError),
}
