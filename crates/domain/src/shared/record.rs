use std::fmt;
use std::marker::PhantomData;

use uuid::Uuid;

use super::{Aggregate, Changed, Fact, Fault, Faults, Field, Fields, Form, Instant, Kind, Noun, Value};
use crate::people::PersonId;

crate::id!(
    /// The id of any record; the kind is known from where it is used.
    RecordId
);

/// Data that people keep in order: a validated form that can be created, read, listed, changed, archived and restored,
/// and nothing else. Declared with [`record!`](crate::record); everything about it comes from one pipeline.
pub trait Record: Form + Clone + Send + Sync + 'static {
    /// Its name.
    const NOUN: Noun;
    /// Its declaration.
    const SCHEMA: RecordSchema;
}

/// The id of a record of one kind, which must be there: the pipeline looks before it saves, and the table refers to it.
pub struct IdOf<R>(RecordId, PhantomData<fn() -> R>);

impl<R> IdOf<R> {
    /// The id.
    pub fn id(&self) -> RecordId {
        self.0
    }
}

// By hand, since a derived one would ask the same of the record itself.
impl<R> Clone for IdOf<R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R> Copy for IdOf<R> {}
impl<R> PartialEq for IdOf<R> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<R> Eq for IdOf<R> {}
impl<R> fmt::Debug for IdOf<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<R: Record> Field for IdOf<R> {
    const KIND: Kind = Kind::IdOf(&R::NOUN);
    fn parse(value: &Value) -> Result<Self, Fault> {
        RecordId::parse(value).map(|id| Self(id, PhantomData))
    }
    fn value(&self) -> Value {
        self.0.value()
    }
}

/// How a record kind is declared.
#[derive(Clone, Copy, Debug)]
pub struct RecordSchema {
    /// Its name.
    pub noun: Noun,
    /// What it is, for people.
    pub doc: &'static str,
    /// Its fields.
    pub fields: &'static [super::FieldSchema],
    /// Fields (beside the organization) whose values only one unarchived record may have.
    pub unique: &'static [&'static str],
    /// The field that lists are ordered by, after which comes the id.
    pub order: &'static str,
    /// Fields that lists can be filtered by.
    pub filters: &'static [&'static str],
    /// The states that it goes through, if it has any.
    pub lifecycle: Option<Lifecycle>,
    /// What [`Form::read`] makes of an input, as fields again: for those who do not know the type.
    pub read: fn(&Value) -> Result<Fields, Faults>,
}

/// The states that a record goes through, and the ways between them. A new record may be in any, since it may have a past elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Lifecycle {
    /// The field that holds the state: a [`choice!`](crate::choice).
    pub field: &'static str,
    /// From each state, where it can go.
    pub ways: &'static [(&'static str, &'static [&'static str])],
}

impl Lifecycle {
    /// Where a record can go from a state.
    pub fn possible(&self, from: &str) -> &'static [&'static str] {
        self.ways.iter().find(|(state, _)| *state == from).map_or(&[], |(_, to)| to)
    }
}

/// Why a record is not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordRefusal {
    /// The input is understood, and wrong.
    #[error(transparent)]
    Invalid(#[from] Faults),
    /// There is no way from one state to the other.
    #[error("there is no way from {from} to {to}")]
    InvalidTransition {
        /// Where it is.
        from: String,
        /// Where it should go.
        to: String,
        /// Where it could.
        possible: &'static [&'static str],
    },
}

impl PartialEq for RecordSchema {
    fn eq(&self, other: &Self) -> bool {
        self.noun == other.noun
    }
}
impl Eq for RecordSchema {}

impl RecordSchema {
    /// Whether what is unique, ordered and filtered by are fields, and what it goes through are states of one: what `record!` asks while the
    /// program is compiled.
    pub const fn names_its_fields(&self) -> bool {
        let mut all = self.has(self.order);
        let mut n = 0;
        if let Some(lifecycle) = self.lifecycle {
            all = all && self.has(lifecycle.field);
            while n < self.fields.len() {
                if same(self.fields[n].name, lifecycle.field) {
                    all = all && goes_through(lifecycle.ways, &self.fields[n].kind);
                }
                n += 1;
            }
            n = 0;
        }
        while n < self.unique.len() {
            all = all && self.has(self.unique[n]);
            n += 1;
        }
        n = 0;
        while n < self.filters.len() {
            all = all && self.has(self.filters[n]);
            n += 1;
        }
        all
    }

    const fn has(&self, name: &str) -> bool {
        let mut n = 0;
        while n < self.fields.len() {
            if same(self.fields[n].name, name) {
                return true;
            }
            n += 1;
        }
        false
    }
}

/// Whether the ways begin and end in words of a choice, and begin in each of them.
const fn goes_through(ways: &[(&str, &[&str])], kind: &Kind) -> bool {
    let Kind::Choice(words) = kind else { return false };
    // In the first state there is somewhere to go, or there would be no lifecycle.
    let (mut all, mut n) = (ways.len() == words.len() && !ways.is_empty() && !ways[0].1.is_empty(), 0);
    while n < ways.len() {
        all = all && is_among(ways[n].0, words);
        let mut m = 0;
        while m < ways[n].1.len() {
            all = all && is_among(ways[n].1[m], words);
            m += 1;
        }
        n += 1;
    }
    all
}

const fn is_among(word: &str, words: &[&str]) -> bool {
    let mut n = 0;
    while n < words.len() {
        if same(words[n], word) {
            return true;
        }
        n += 1;
    }
    false
}

/// Whether two texts are the same. (`==` is not there yet while a program is compiled.)
const fn same(one: &str, two: &str) -> bool {
    let (one, two) = (one.as_bytes(), two.as_bytes());
    let mut n = 0;
    while n < one.len() && n < two.len() && one[n] == two[n] {
        n += 1;
    }
    n == one.len() && n == two.len()
}

/// A record as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored<R: Record> {
    id: RecordId,
    record: R,
    archived_at: Option<Instant>,
    created_at: Instant,
    updated_at: Instant,
    version: u32,
}

impl<R: Record> Stored<R> {
    /// A new record.
    ///
    /// # Errors
    /// Every fault of the input.
    pub fn create(id: RecordId, input: &Value, now: Instant) -> Result<Changed<Self>, Faults> {
        let state = Self { id, record: R::read(input)?, archived_at: None, created_at: now, updated_at: now, version: 0 };
        Ok(Changed::created(state, RecordFact(RecordVerb::Created), now))
    }

    /// Changes the fields that the patch names; where it names another state, the record goes there.
    ///
    /// # Errors
    /// [`RecordRefusal`]: every fault of what would come out, or that there is no such way.
    pub fn change(&self, patch: &Value, now: Instant) -> Result<Changed<Self>, RecordRefusal> {
        let record = R::read(&Value::Map(self.record.fields()).merged(patch))?;
        let after = Self { record, ..self.clone() };
        let verb = match (self.state(), after.state()) {
            (Some((lifecycle, from)), Some((_, to))) if from != to => {
                let possible = lifecycle.possible(&from);
                match possible.iter().find(|way| **way == to) {
                    Some(way) => RecordVerb::Moved(way),
                    None => return Err(RecordRefusal::InvalidTransition { from, to, possible }),
                }
            }
            _ => RecordVerb::Changed,
        };
        Ok(Changed::of(self, after, RecordFact(verb), now))
    }

    /// Takes it to another state.
    ///
    /// # Errors
    /// [`RecordRefusal`]; also if it is there already, or has no states.
    pub fn transition(&self, to: &str, now: Instant) -> Result<Changed<Self>, RecordRefusal> {
        match self.state() {
            Some((lifecycle, from)) if from != to => self.change(&Value::Map(vec![(lifecycle.field.to_owned(), to.into())]), now),
            here => {
                let possible = here.as_ref().map_or(&[][..], |(lifecycle, from)| lifecycle.possible(from));
                Err(RecordRefusal::InvalidTransition { from: to.to_owned(), to: to.to_owned(), possible })
            }
        }
    }

    /// Its lifecycle, and the state in which it is.
    fn state(&self) -> Option<(Lifecycle, String)> {
        let lifecycle = R::SCHEMA.lifecycle?;
        let (_, state) = self.record.fields().into_iter().find(|(name, _)| name == lifecycle.field)?;
        Some((lifecycle, state.as_text()?.to_owned()))
    }

    /// Hides it, with undo. `None` if it is hidden already.
    pub fn archive(&self, now: Instant) -> Option<Changed<Self>> {
        self.archived_at.is_none().then(|| Changed::of(self, Self { archived_at: Some(now), ..self.clone() }, RecordFact(RecordVerb::Archived), now))
    }

    /// Undoes [`Stored::archive`]. `None` if it is not hidden.
    pub fn restore(&self, now: Instant) -> Option<Changed<Self>> {
        self.archived_at.map(|_| Changed::of(self, Self { archived_at: None, ..self.clone() }, RecordFact(RecordVerb::Restored), now))
    }

    /// What a repository reads back.
    pub fn from_parts(id: RecordId, record: R, archived_at: Option<Instant>, created_at: Instant, updated_at: Instant, version: u32) -> Self {
        Self { id, record, archived_at, created_at, updated_at, version }
    }

    /// Its id.
    pub fn id(&self) -> RecordId {
        self.id
    }
    /// What it holds.
    pub fn record(&self) -> &R {
        &self.record
    }
    /// Since when it is hidden.
    pub fn archived_at(&self) -> Option<Instant> {
        self.archived_at
    }
    /// Since when it exists.
    pub fn created_at(&self) -> Instant {
        self.created_at
    }
    /// When it was last changed.
    pub fn updated_at(&self) -> Instant {
        self.updated_at
    }
}

impl<R: Record> Aggregate for Stored<R> {
    type Fact = RecordFact;
    fn noun(&self) -> Noun {
        R::NOUN
    }
    fn id(&self) -> Uuid {
        super::Id::as_uuid(self.id)
    }
    fn version(&self) -> u32 {
        self.version
    }
    fn mark(&mut self, version: u32, at: Instant) {
        self.version = version;
        self.updated_at = at;
    }
    fn subject(&self) -> Option<PersonId> {
        None
    }
    fn fields(&self) -> Fields {
        let mut fields = self.record.fields();
        fields.push(("archived_at".to_owned(), self.archived_at.map_or(Value::Null, Value::Instant)));
        fields
    }
}

/// What can happen to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordVerb {
    /// It is there.
    Created,
    /// Fields changed.
    Changed,
    /// It went to this state.
    Moved(&'static str),
    /// It is hidden.
    Archived,
    /// It is back.
    Restored,
}

/// What happened to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordFact(pub RecordVerb);

impl Fact for RecordFact {
    fn verb(&self) -> &'static str {
        match self.0 {
            RecordVerb::Created => "created",
            RecordVerb::Changed => "changed",
            RecordVerb::Moved(to) => to,
            RecordVerb::Archived => "archived",
            RecordVerb::Restored => "restored",
        }
    }
}

/// Declares a record kind: its name, its fields, and what is unique.
#[macro_export]
macro_rules! record {
    (
        #[doc = $doc:literal] $(#[doc = $more:literal])*
        pub struct $name:ident in $context:literal as $one:literal / $many:literal
            unique [$($unique:literal),*] order $order:literal filter [$($filter:literal),*]
            $(lifecycle $state:literal { $($from:literal -> [$($to:literal),*]),+ $(,)? })?
        { $($fields:tt)* } $(check $($check:tt)+)?
    ) => {
        $crate::form! {
            #[doc = $doc] $(#[doc = $more])*
            pub struct $name { $($fields)* } $(check $($check)+)?
        }
        impl $crate::shared::Record for $name {
            const NOUN: $crate::shared::Noun = $crate::shared::Noun { context: $context, one: $one, many: $many };
            const SCHEMA: $crate::shared::RecordSchema = $crate::shared::RecordSchema {
                noun: <$name as $crate::shared::Record>::NOUN,
                doc: $doc,
                fields: <$name as $crate::shared::Form>::FIELDS,
                unique: &[$($unique),*],
                order: $order,
                filters: &[$($filter),*],
                lifecycle: $crate::record!(@lifecycle $($state { $($from -> [$($to),*]),+ })?),
                read: |input| <$name as $crate::shared::Form>::read(input).map(|record| $crate::shared::Form::fields(&record)),
            };
        }
        const _: () = assert!(<$name as $crate::shared::Record>::SCHEMA.names_its_fields(), "unique, order, filter or lifecycle names what is no field, or no state");
    };
    (@lifecycle) => { None };
    (@lifecycle $state:literal { $($from:literal -> [$($to:literal),*]),+ }) => {
        Some($crate::shared::Lifecycle { field: $state, ways: &[$(($from, &[$($to),*])),+] })
    };
}
