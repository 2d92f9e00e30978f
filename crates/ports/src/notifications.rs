//! Ports of the context `notifications`: jobs, leases, the outbox, kept answers, mail.

mod mail;
mod webhooks;

use std::time::Duration;

use async_trait::async_trait;
use matricula_domain::identity::OrganizationId;
use matricula_domain::shared::{Instant, Value};
use uuid::Uuid;

use crate::{Cursor, PortError, Scope, StoredAnswer};

pub use mail::{Mail, MailError, Mailbox, Mailer, Wording, Wordings};
#[cfg(feature = "mocks")]
pub use mail::{MockMailer, MockWordings};
pub use webhooks::{
    ClaimedDelivery, DeliveryRow, Listener, NewDelivery, Tried, WebhookEndpointRepository, WebhookMessage, WebhookQueries, WebhookRefusal,
    WebhookSecret, WebhookSender, WebhookWork,
};
#[cfg(feature = "mocks")]
pub use webhooks::{MockWebhookEndpointRepository, MockWebhookQueries, MockWebhookSender, MockWebhookWork};

/// Work to be done later, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Id.
    pub id: Uuid,
    /// Which kind of work.
    pub kind: &'static str,
    /// Two jobs of a kind with the same key are one.
    pub dedupe_key: String,
    /// What the work needs to know: ids, nothing personal.
    pub payload: Value,
    /// Not before.
    pub run_at: Instant,
}

/// Jobs, enqueued in the transaction that needs them.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait JobRepository: Send + Sync {
    /// Enqueues; a job of the same kind and key that is there already stays alone.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn enqueue(&self, job: NewJob) -> Result<(), PortError>;
}

/// A job that a worker has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Id.
    pub id: Uuid,
    /// In which organization; `None` for work on all of them.
    pub organization: Option<OrganizationId>,
    /// Which kind of work.
    pub kind: String,
    /// What the work needs to know, as JSON.
    pub payload: String,
    /// The how-manieth try this is, from 1. It also guards against a worker that comes too late.
    pub attempt: u32,
    /// How many there will be.
    pub max_attempts: u32,
}

/// What workers do with jobs.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait JobQueue: Send + Sync {
    /// Enqueues outside any organization; answers whether it was new.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn plan(&self, job: NewJob) -> Result<bool, PortError>;

    /// Takes at most so many jobs that are due (or whose worker has not come back in time), for so long. The attempt is counted
    /// before it is made, so that a job that kills its worker does not live for ever.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn claim(&self, worker: Uuid, now: Instant, lease: Duration, most: u32) -> Result<Vec<Job>, PortError>;

    /// The job is done. `false` if somebody else has taken it meanwhile.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn finish(&self, job: &Job, now: Instant) -> Result<bool, PortError>;

    /// The try failed: again at this time, or never if `None` (a dead letter, with its reason).
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn fail(&self, job: &Job, reason: &str, again_at: Option<Instant>, now: Instant) -> Result<bool, PortError>;

    /// Removes finished jobs older than this, at most so many; answers how many.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn sweep(&self, before: Instant, most: u32) -> Result<u64, PortError>;

    /// How many jobs are ready, running and dead.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn counts(&self) -> Result<Vec<(String, u64)>, PortError>;
}

/// Something that only one copy of the program does at a time.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Leases: Send + Sync {
    /// Takes or keeps a lease; `true` if this holder has it now.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn hold(&self, name: &str, holder: Uuid, now: Instant, length: Duration) -> Result<bool, PortError>;

    /// Gives it back.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn release(&self, name: &str, holder: Uuid) -> Result<(), PortError>;
}

/// A fact on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// Id.
    pub id: Uuid,
    /// In which organization.
    pub organization: OrganizationId,
    /// When it happened.
    pub at: Instant,
    /// `lead.captured`.
    pub fact: String,
    /// The kind of thing.
    pub entity: String,
    /// Its id.
    pub entity_id: Uuid,
    /// Its version then.
    pub entity_version: u32,
    /// What receivers need, as JSON; nothing personal.
    pub payload: String,
}

/// The outbox, read in the order of commits by as many consumers as there are; each has a cursor.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Outbox: Send + Sync {
    /// The facts after the consumer's cursor, at most so many, of transactions that are settled.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn read(&self, consumer: &str, most: u32) -> Result<Vec<OutboxRow>, PortError>;

    /// Moves the consumer's cursor behind this fact.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn advance(&self, consumer: &str, to: Uuid, now: Instant) -> Result<(), PortError>;
}

/// A part of an organization's facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The facts, in the order in which they were committed.
    pub items: Vec<OutboxRow>,
    /// The place behind the last of them, from which a consumer goes on: at once if there are more, else whenever it likes.
    pub end: Cursor,
    /// Whether there are more now.
    pub has_more: bool,
}

/// The facts of an organization, for consumers that remember themselves how far they have come.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait FactQueries: Send + Sync {
    /// The facts behind a place (`None`: from the first on), at most so many, of transactions that are settled: nothing is ever added
    /// before a place that was given.
    ///
    /// # Errors
    /// [`PortError::Unavailable`]; [`PortError::Dangling`] for a cursor that is none of the organization's.
    async fn facts<'c>(&self, scope: &Scope, after: Option<&'c Cursor>, limit: u16) -> Result<Facts, PortError>;

    /// The place behind everything that is settled now: whatever is committed from now on comes after it.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn end(&self, scope: &Scope) -> Result<Cursor, PortError>;
}

/// Answers kept for repeats (`Idempotency-Key`).
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Answers: Send + Sync {
    /// The answer kept under a key, with the SHA-256 of the body it answered.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, scope: &Scope, principal: &str, route: &str, key: &str) -> Result<Option<([u8; 32], StoredAnswer)>, PortError>;

    /// Forgets answers that are older than this, at most so many; answers how many.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn sweep(&self, before: Instant, most: u32) -> Result<u64, PortError>;
}
