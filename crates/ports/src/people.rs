//! Ports of the context `people`.

use async_trait::async_trait;
use matricula_domain::people::{IdentifierKind, Person, PersonId};
use matricula_domain::shared::Changed;
use matricula_domain::shared::Instant;

use crate::{Page, PortError, Scope, Slice};

/// People.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait PersonRepository: Send + Sync {
    /// A person with their identifiers.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, id: PersonId) -> Result<Option<Person>, PortError>;

    /// Everybody whom one of these identifiers belongs to, oldest first.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find_by_identifiers(&self, identifiers: &[(IdentifierKind, String)]) -> Result<Vec<Person>, PortError>;

    /// Saves. An identifier that belongs to somebody else is a [`PortError::Conflict`] of the commit.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, person: &Changed<Person>) -> Result<(), PortError>;
}

/// Which people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeopleFilter {
    /// Part of the name, without accents.
    pub q: Option<String>,
    /// An e-mail address, normalised.
    pub email: Option<String>,
}

/// One thing that happened to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineRow {
    /// The audit entry.
    pub id: uuid::Uuid,
    /// When.
    pub at: Instant,
    /// What: `lead.captured`.
    pub what: String,
    /// Who did it.
    pub actor: String,
    /// To what kind of thing.
    pub entity: String,
    /// Its id.
    pub entity_id: uuid::Uuid,
    /// Which fields changed.
    pub fields: Vec<String>,
}

/// Reads of people for screens.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait PeopleQueries: Send + Sync {
    /// People, newest first.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn list(&self, scope: &Scope, filter: &PeopleFilter, page: &Page) -> Result<Slice<Person>, PortError>;

    /// One person with their identifiers.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn one(&self, scope: &Scope, id: PersonId) -> Result<Option<Person>, PortError>;

    /// What happened to a person, newest first; from the audit, so nothing is missing and nothing personal is in it.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn timeline(&self, scope: &Scope, person: PersonId, page: &Page) -> Result<Option<Slice<TimelineRow>>, PortError>;
}
