use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use matricula_ports::audit::AuditChain;
use matricula_ports::notifications::{Leases, Outbox, OutboxRow};
use matricula_ports::{Clock, PortError};
use uuid::Uuid;

/// How long a lease lasts. A copy of the program that dies is followed by another after this time.
const LEASE: Duration = Duration::from_secs(10);

/// At most so many entries are sealed, or facts given out, at once. Where there were as many, there may be more.
pub const BATCH: u32 = 250;

/// Takes facts from the outbox.
#[async_trait]
pub trait Receiver: Send + Sync {
    /// Its name, under which the outbox remembers how far it has come.
    fn name(&self) -> &'static str;

    /// Takes some facts. A fact may come again if the program died before it was noted that it was taken.
    ///
    /// # Errors
    /// [`PortError`]; the same facts then come again later.
    async fn receive(&self, facts: &[OutboxRow]) -> Result<(), PortError>;
}

/// What follows the feeds: one copy of the program seals the audit chain, one gives out the facts to each receiver.
pub struct Followers {
    chain: Arc<dyn AuditChain>,
    outbox: Arc<dyn Outbox>,
    leases: Arc<dyn Leases>,
    receivers: Vec<Arc<dyn Receiver>>,
    clock: Arc<dyn Clock>,
    holder: Uuid,
}

impl Followers {
    /// Followers of these feeds.
    pub fn new(
        chain: Arc<dyn AuditChain>,
        outbox: Arc<dyn Outbox>,
        leases: Arc<dyn Leases>,
        receivers: Vec<Arc<dyn Receiver>>,
        clock: Arc<dyn Clock>,
        holder: Uuid,
    ) -> Self {
        Self { chain, outbox, leases, receivers, clock, holder }
    }

    /// Seals some entries, if this copy is the sealer; answers how many.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    pub async fn seal(&self) -> Result<u32, PortError> {
        if !self.leases.hold("audit.seal", self.holder, self.clock.now(), LEASE).await? {
            return Ok(0);
        }
        self.chain.seal(self.clock.now(), BATCH).await
    }

    /// Gives some facts out to each receiver that this copy serves; answers how many. A receiver that fails keeps none of the
    /// others waiting.
    ///
    /// # Errors
    /// The first receiver's that failed, after all had their turn; [`PortError::Unavailable`].
    pub async fn give_out(&self) -> Result<usize, PortError> {
        let mut outcome = Ok(0);
        for receiver in &self.receivers {
            let given = self.give_to(&**receiver).await;
            outcome = outcome.and_then(|before| Ok(before + given?));
        }
        outcome
    }

    async fn give_to(&self, receiver: &dyn Receiver) -> Result<usize, PortError> {
        let name = receiver.name();
        if !self.leases.hold(&format!("outbox.{name}"), self.holder, self.clock.now(), LEASE).await? {
            return Ok(0);
        }
        let facts = self.outbox.read(name, BATCH).await?;
        let Some(last) = facts.last() else { return Ok(0) };
        receiver.receive(&facts).await?;
        self.outbox.advance(name, last.id, self.clock.now()).await?;
        Ok(facts.len())
    }

    /// Gives the leases back, so that another copy goes on at once.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    pub async fn release(&self) -> Result<(), PortError> {
        self.leases.release("audit.seal", self.holder).await?;
        for receiver in &self.receivers {
            self.leases.release(&format!("outbox.{}", receiver.name()), self.holder).await?;
        }
        Ok(())
    }
}
