//! Consent: record what somebody decided, ask what is permitted, publish texts; and the destruction of a person's key.

mod permission;
mod publish_text;
mod record;
mod shred;

#[cfg(test)]
mod tests;

pub use record::{Decide, Recorded};

use matricula_domain::privacy::ConsentError;
use matricula_domain::shared::Faults;
use matricula_ports::PortError;

use crate::World;

/// Why a use case of consent does not happen.
#[derive(Debug, thiserror::Error)]
pub enum PrivacyError {
    /// There is no such person in this organization.
    #[error("not found")]
    NotFound,
    /// The person's data may not be worked with (GDPR art. 18).
    #[error("the person is restricted")]
    Restricted,
    /// The ledger refuses.
    #[error(transparent)]
    Refused(#[from] ConsentError),
    /// The input is understood, and wrong.
    #[error(transparent)]
    Invalid(#[from] Faults),
    /// The world.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// The use cases of consent.
#[derive(Clone)]
pub struct Privacy {
    world: World,
}

impl Privacy {
    /// Over this world.
    pub fn new(world: World) -> Self {
        Self { world }
    }
}
