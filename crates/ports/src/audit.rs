//! Ports of the context `audit`.

use async_trait::async_trait;
use matricula_domain::identity::OrganizationId;
use matricula_domain::people::PersonId;
use matricula_domain::shared::Instant;
use uuid::Uuid;

use crate::{Page, PortError, Scope, Slice};

/// What a check of a chain found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainState {
    /// Every entry is where it was, and as it was.
    Intact {
        /// How many entries.
        entries: u64,
    },
    /// The first entry that is not as it was, or that is missing.
    Broken {
        /// Its number.
        seq: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// Entries at the end are missing: a signed head says that there were more.
    Truncated {
        /// How many the head counts.
        head: u64,
        /// How many are there.
        have: u64,
    },
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The organization.
    pub organization: OrganizationId,
    /// What was found.
    pub state: ChainState,
    /// When the oldest entry that is not sealed yet was written.
    pub oldest_unsealed: Option<Instant>,
}

/// A denial or a sensitive read: something to remember that changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// `access.denied`, `person.read`.
    pub action: &'static str,
    /// The kind of thing.
    pub entity: &'static str,
    /// Its id, where there is one.
    pub entity_id: Option<Uuid>,
    /// The person whom it concerns.
    pub subject: Option<PersonId>,
    /// The permission or purpose.
    pub purpose: Option<String>,
}

/// The audit chain.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AuditChain: Send + Sync {
    /// Puts settled entries into their organizations' chains, at most so many, and signs the heads; answers how many.
    /// Only the holder of the sealer's lease calls this.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn seal(&self, now: Instant, most: u32) -> Result<u32, PortError>;

    /// Checks an organization's chain from the first entry to the last signed head.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn verify(&self, organization: OrganizationId) -> Result<Verification, PortError>;
}

/// What an entry says, with its values where the key still opens them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Id.
    pub id: Uuid,
    /// When.
    pub at: Instant,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// On what kind of thing.
    pub entity: String,
    /// Its id.
    pub entity_id: Uuid,
    /// Names of the fields that changed.
    pub fields: Vec<String>,
    /// Its number in the chain, once it is sealed.
    pub seq: Option<u64>,
}

/// Reads of the audit.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AuditQueries: Send + Sync {
    /// Entries, newest first, of one thing if it is named.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn list(&self, scope: &Scope, entity_id: Option<Uuid>, page: &Page) -> Result<Slice<AuditRow>, PortError>;

    /// The values of an entry, as JSON; `None` if it has none.
    ///
    /// # Errors
    /// [`PortError::KeyDestroyed`] if its person was erased, [`PortError::Unavailable`].
    async fn detail(&self, scope: &Scope, entry: Uuid) -> Result<Option<String>, PortError>;
}

/// Writes down what changes nothing: denials and sensitive reads.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Writes an observation.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn observe(&self, scope: &Scope, observation: &Observation, now: Instant) -> Result<(), PortError>;
}
