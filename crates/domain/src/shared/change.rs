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
    /// Notes the version, and when it was changed where it says so. Used by [`Changed`] alone.
    fn mark(&mut self, version: u32, at: Instant);
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
        state.mark(1, at);
        let changes =
            state.fields().into_iter().filter(|(_, value)| !value.is_null()).map(|(field, to)| Change { field, from: Value::Null, to }).collect();
        Self { state, fact, at, changes }
    }

    pub(crate) fn of(before: &A, mut state: A, fact: A::Fact, at: Instant) -> Self {
        state.mark(before.version() + 1, at);
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

/// What every aggregate has that a repository keeps in parts; with its fact also `with`, the change that an edit of its parts makes.
macro_rules! kept_as {
    ($aggregate:ident, $parts:ident) => {
        impl $aggregate {
            /// What a repository reads back.
            pub fn from_parts(parts: $parts) -> Self {
                Self { parts }
            }
            /// What a repository keeps.
            pub fn parts(&self) -> &$parts {
                &self.parts
            }
        }
    };
    ($aggregate:ident, $parts:ident, $fact:ident) => {
        $crate::shared::kept_as!($aggregate, $parts);
        impl $aggregate {
            pub(super) fn with(&self, fact: $fact, now: $crate::shared::Instant, edit: impl FnOnce(&mut $parts)) -> $crate::shared::Changed<Self> {
                let mut after = self.clone();
                edit(&mut after.parts);
                $crate::shared::Changed::of(self, after, fact, now)
            }
        }
    };
}

/// What every aggregate has that can be hidden with undo (`product.md`, Words): its facts are `Archived` and `Restored`.
macro_rules! archivable {
    ($aggregate:ident $(. $archived_at:ident)+, $fact:ident) => {
        impl $aggregate {
            /// Hides it, with undo. `None` if it is hidden already.
            pub fn archive(&self, now: $crate::shared::Instant) -> Option<$crate::shared::Changed<Self>> {
                self.hide(Some(now), $fact::Archived, now)
            }

            /// Shows it again. `None` if it is not hidden.
            pub fn restore(&self, now: $crate::shared::Instant) -> Option<$crate::shared::Changed<Self>> {
                self.hide(None, $fact::Restored, now)
            }

            fn hide(&self, since: Option<$crate::shared::Instant>, fact: $fact, now: $crate::shared::Instant) -> Option<$crate::shared::Changed<Self>> {
                let mut after = self.clone();
                after $(. $archived_at)+ = since;
                (self.archived_at().is_some() != since.is_some()).then(|| $crate::shared::Changed::of(self, after, fact, now))
            }

            /// Since when it is hidden.
            pub fn archived_at(&self) -> Option<$crate::shared::Instant> {
                self $(. $archived_at)+
            }
        }
    };
}

pub(crate) use {archivable, kept_as};
