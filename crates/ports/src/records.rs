//! The port of all records: one for every kind, told apart by the declaration.

use async_trait::async_trait;
use matricula_domain::shared::{Aggregate, Changed, Fact, Fields, Instant, Noun, Record, RecordFact, RecordId, RecordSchema, Stored, Value};

use crate::{Page, PortError, Scope, Slice};

/// A record as it stands in its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordRow {
    /// Id.
    pub id: RecordId,
    /// The declared fields.
    pub fields: Value,
    /// Since when it is hidden.
    pub archived_at: Option<Instant>,
    /// Since when it exists.
    pub created_at: Instant,
    /// Last change.
    pub updated_at: Instant,
    /// Version.
    pub version: u32,
}

impl RecordRow {
    /// The typed record.
    ///
    /// # Errors
    /// [`PortError::Broken`] when the table holds what the declaration refuses.
    pub fn typed<R: Record>(self) -> Result<Stored<R>, PortError> {
        let record = R::read(&self.fields).map_err(|faults| PortError::Broken(format!("{}: {faults:?}", R::NOUN.many)))?;
        Ok(Stored::from_parts(self.id, record, self.archived_at, self.created_at, self.updated_at, self.version))
    }
}

/// A change of a record of some kind.
#[derive(Clone, Debug)]
pub struct RecordChange {
    /// Which kind.
    pub schema: &'static RecordSchema,
    /// What comes out.
    pub row: RecordRow,
    /// The change itself, for the audit.
    pub fact: RecordFact,
    /// Which fields are not what they were.
    pub changes: Vec<matricula_domain::shared::Change>,
    /// When.
    pub at: Instant,
}

impl RecordChange {
    /// Forgets the type, keeps everything else.
    pub fn of<R: Record>(changed: &Changed<Stored<R>>) -> Self {
        let state = changed.state();
        Self {
            schema: &R::SCHEMA,
            row: RecordRow {
                id: state.id(),
                fields: Value::Map(state.record().fields()),
                archived_at: state.archived_at(),
                created_at: state.created_at(),
                updated_at: state.updated_at(),
                version: state.version(),
            },
            fact: *changed.fact(),
            changes: changed.changes().to_vec(),
            at: changed.at(),
        }
    }

    /// What happened.
    pub fn verb(&self) -> &'static str {
        self.fact.verb()
    }
}

/// Records of every kind.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait RecordRepository: Send + Sync {
    /// A record, hidden or not.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, schema: &'static RecordSchema, id: RecordId) -> Result<Option<RecordRow>, PortError>;

    /// Whether there is a record of a kind, hidden or not.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn is_there(&self, noun: &'static Noun, id: RecordId) -> Result<bool, PortError>;

    /// The unhidden record, other than this one, that has one of these values in its unique field.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn taken(&self, schema: &'static RecordSchema, unique: &Fields, other_than: RecordId) -> Result<bool, PortError>;

    /// Saves.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, change: RecordChange) -> Result<(), PortError>;
}

/// Reads of records for screens.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait RecordQueries: Send + Sync {
    /// Records that are not hidden (or that are, if asked), in the declared order.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn list(&self, scope: &Scope, schema: &'static RecordSchema, filter: &RecordFilter, page: &Page) -> Result<Slice<RecordRow>, PortError>;

    /// One record, hidden or not.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn one(&self, scope: &Scope, schema: &'static RecordSchema, id: RecordId) -> Result<Option<RecordRow>, PortError>;

    /// Those of these that are there and not hidden, in no order. At most a thousand are asked for at once.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn these(&self, scope: &Scope, schema: &'static RecordSchema, ids: &[RecordId]) -> Result<Vec<RecordRow>, PortError>;
}

/// Which records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordFilter {
    /// Declared filter fields with the values that they must have.
    pub equal: Vec<(&'static str, Value)>,
    /// The hidden ones instead of the others.
    pub archived: bool,
}
