use uuid::Uuid;

use super::{Fields, Instant, Value};
use crate::people::PersonId;

/// The name of a kind of thing, the same in code, tables, addresses, permissions and facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Noun {
    /// The context that owns it.
    pub context: &'static str,
    /// One of them: `lead`, `course_run`.
    pub one: &'static str,
    /// Its table: `leads`, `course_runs`.
    pub many: &'static str,
}

/// Something with rules, kept whole in one transaction.
pub trait Aggregate: Clone + Send + Sync + 'static {
    /// What can happen to it.
    type Fact: Fact;

    /// Its name.
    fn noun(&self) -> Noun;
    /// Its id.
    fn id(&self) -> Uuid;
    /// How often it was changed; 1 once it was first saved.
    fn version(&self) -> u32;
    /// Used by [`Changed`] alone.
    fn set_version(&mut self, version: u32);
    /// The person whom it concerns, under whose key the audit seals the values.
    fn subject(&self) -> Option<PersonId>;
    /// What the audit remembers of it.
    fn fields(&self) -> Fields;
}

/// What happened. (The context `events` holds gatherings, so what happened is a fact.)
pub trait Fact: Clone + Send + Sync + 'static {
    /// The verb in the past: `captured`. With the noun it is the fact's name, `lead.captured`.
    fn verb(&self) -> &'static str;
    /// What receivers of the fact need to know beside the id: ids and states, never anything personal.
    fn data(&self) -> Fields {
        Fields::new()
    }
}

/// One field that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The field.
    pub field: String,
    /// What it was.
    pub from: Value,
    /// What it is.
    pub to: Value,
}

/// A new state, together with the fact that explains it. Only this crate makes one, and repositories save nothing else:
/// so nothing changes without a fact, and no fact lacks its change.
#[must_use = "a change that is not saved did not happen"]
#[derive(Clone, Debug)]
pub struct Changed<A: Aggregate> {
    state: A,
    fact: A::Fact,
    at: Instant,
    changes: Vec<Change>,
}

impl<A: Aggregate> Changed<A> {
    pub(crate) fn created(mut state: A, fact: A::Fact, at: Instant) -> Self {
        state.set_version(1);
        let changes =
            state.fields().into_iter().filter(|(_, value)| !value.is_null()).map(|(field, to)| Change { field, from: Value::Null, to }).collect();
        Self { state, fact, at, changes }
    }

    pub(crate) fn of(before: &A, mut state: A, fact: A::Fact, at: Instant) -> Self {
        state.set_version(before.version() + 1);
        let changes = before
            .fields()
            .into_iter()
            .zip(state.fields())
            .filter(|((_, from), (_, to))| from != to)
            .map(|((field, from), (_, to))| Change { field, from, to })
            .collect();
        Self { state, fact, at, changes }
    }

    /// The new state.
    pub fn state(&self) -> &A {
        &self.state
    }

    /// The new state, for the answer, once this was saved.
    pub fn into_state(self) -> A {
        self.state
    }

    /// What happened.
    pub fn fact(&self) -> &A::Fact {
        &self.fact
    }

    /// When.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// The fields that are not what they were.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether it did not exist before.
    pub fn is_new(&self) -> bool {
        self.state.version() == 1
    }
}
