//! Ports of the context `privacy`.

use async_trait::async_trait;
use matricula_domain::people::{KeyId, PersonId};
use matricula_domain::privacy::{AgeRules, ConsentText, ConsentTextId, Ledger, Purpose, TextKind};
use matricula_domain::shared::Changed;

use crate::{Page, PortError, Scope, Slice};

/// The consent ledger.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ConsentRepository: Send + Sync {
    /// All that was decided by a person, with what permission depends on beside it.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn ledger(&self, person: PersonId) -> Result<Option<Ledger>, PortError>;

    /// From which age a person decides alone, by country and day.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn age_rules(&self) -> Result<AgeRules, PortError>;

    /// Appends the events of the fact, and their evidence sealed under the person's key. Nothing that stands is touched.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn append(&self, ledger: &Changed<Ledger>) -> Result<(), PortError>;
}

/// Consent texts.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ConsentTextRepository: Send + Sync {
    /// Texts by their ids.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, ids: &[ConsentTextId]) -> Result<Vec<ConsentText>, PortError>;

    /// The greatest number of a text of a kind, purpose and language; 0 if there is none.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn newest_number(&self, kind: TextKind, purpose: Option<Purpose>, locale: &str) -> Result<u32, PortError>;

    /// Publishes.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, text: &Changed<ConsentText>) -> Result<(), PortError>;
}

/// Reads of texts for screens.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ConsentTextQueries: Send + Sync {
    /// Texts, newest first.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn list(&self, scope: &Scope, page: &Page) -> Result<Slice<ConsentText>, PortError>;
}

/// The keys under which what is known of a person is sealed. They live apart from the data and are backed up apart, so that
/// destroying one erases everything sealed under it (`privacy.md` §1, §2.5). The scope says whose people they are of.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait PersonKeys: Send + Sync {
    /// A fresh key that is durable already. Keys are made ahead in batches, so that this seldom waits.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn issue(&self, scope: &Scope) -> Result<KeyId, PortError>;

    /// Destroys a key for good. Destroying it again changes nothing.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn destroy(&self, scope: &Scope, key: KeyId) -> Result<(), PortError>;
}
