use matricula_domain::enrollment::EnrollmentError;
use matricula_domain::leads::LeadError;
use matricula_domain::privacy::ConsentError;
use matricula_domain::shared::Faults;
use matricula_ports::PortError;

use crate::access::Denied;

/// Why a use case of leads does not happen.
#[derive(Debug, thiserror::Error)]
pub enum LeadsError {
    /// There is no such lead (or run, or user) in this organization.
    #[error("not found")]
    NotFound,
    /// The lifecycle refuses.
    #[error(transparent)]
    Refused(#[from] LeadError),
    /// The seats refuse.
    #[error(transparent)]
    Enrollment(#[from] EnrollmentError),
    /// The ledger refuses.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// The person's data may not be worked with (GDPR art. 18).
    #[error("the person is restricted")]
    Restricted,
    /// A field takes a permission that they lack.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The input is understood, and wrong.
    #[error(transparent)]
    Invalid(#[from] Faults),
    /// The world.
    #[error(transparent)]
    Port(#[from] PortError),
}
