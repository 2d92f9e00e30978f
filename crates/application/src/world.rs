#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use matricula_domain::privacy::{Evidence, EvidenceId};
use matricula_domain::shared::{Aggregate, Id, Instant};
use matricula_ports::privacy::PersonKeys;
use matricula_ports::{Clock, Ids, PortError, Transactions};

/// What every use case needs of the world.
#[derive(Clone)]
pub struct World {
    /// The door to the repositories.
    pub transactions: Arc<dyn Transactions>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub ids: Arc<dyn Ids>,
    /// The keys of people.
    pub keys: Arc<dyn PersonKeys>,
}

impl World {
    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(crate) fn id<I: Id>(&self) -> I {
        self.ids.id()
    }
}

/// Which version of a thing somebody wants to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The one that they saw (`If-Match`).
    Version(u32),
    /// Whichever is there.
    Any,
}

impl Expected {
    /// Whether a thing is still as it was seen.
    ///
    /// # Errors
    /// [`PortError::Stale`].
    pub fn met_by(self, thing: &impl Aggregate) -> Result<(), PortError> {
        match self {
            Self::Version(version) if version != thing.version() => Err(PortError::Stale),
            _ => Ok(()),
        }
    }
}

/// How somebody came to say something, as proof.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// From which address.
    pub ip: Option<IpAddr>,
    /// With which program.
    pub user_agent: Option<String>,
    /// From which page.
    pub referer: Option<String>,
}

impl Circumstances {
    pub(crate) fn evidence(&self, id: EvidenceId) -> Evidence {
        Evidence { id, ip: self.ip, user_agent: self.user_agent.clone(), referer: self.referer.clone(), page_url: None }
    }
}
