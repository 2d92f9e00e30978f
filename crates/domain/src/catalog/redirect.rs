use uuid::Uuid;

use super::PageOf;
use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, Fact, Field, Fields, Instant, Noun, RecordId, Slug};

crate::id!(
    /// A redirect.
    RedirectId
);

/// A slug that something had: who asks for it is led to the thing itself, whatever its slug is now. So there are no chains and no loops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    parts: RedirectParts,
}

/// What a repository keeps of a redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectParts {
    /// Id.
    pub id: RedirectId,
    /// What kind of thing had the slug.
    pub entity_type: PageOf,
    /// The slug.
    pub slug: Slug,
    /// The thing.
    pub entity_id: RecordId,
    /// Since when it exists.
    pub created_at: Instant,
    /// Last change.
    pub updated_at: Instant,
    /// Version.
    pub version: u32,
}

impl Redirect {
    /// Leaves one at a slug that something had.
    pub fn leave(id: RedirectId, entity_type: PageOf, slug: Slug, entity_id: RecordId, now: Instant) -> Changed<Self> {
        let parts = RedirectParts { id, entity_type, slug, entity_id, created_at: now, updated_at: now, version: 0 };
        Changed::created(Self { parts }, RedirectFact::Created, now)
    }

    /// Removes it: the slug leads nowhere, or to something else that has it now.
    pub fn remove(&self, now: Instant) -> Changed<Self> {
        Changed::of(self, self.clone(), RedirectFact::Removed, now)
    }
}

crate::shared::kept_as!(Redirect, RedirectParts);

impl Aggregate for Redirect {
    type Fact = RedirectFact;
    fn noun(&self) -> Noun {
        Noun { context: "catalog", one: "redirect", many: "redirects" }
    }
    fn id(&self) -> Uuid {
        crate::shared::Id::as_uuid(self.parts.id)
    }
    fn version(&self) -> u32 {
        self.parts.version
    }
    fn mark(&mut self, version: u32, at: Instant) {
        self.parts.version = version;
        self.parts.updated_at = at;
    }
    fn subject(&self) -> Option<PersonId> {
        None
    }
    fn fields(&self) -> Fields {
        vec![
            ("entity_type".to_owned(), self.parts.entity_type.value()),
            ("slug".to_owned(), self.parts.slug.value()),
            ("entity_id".to_owned(), self.parts.entity_id.value()),
        ]
    }
}

/// What can happen to a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectFact {
    /// It is there.
    Created,
    /// It is gone for good.
    Removed,
}

impl Fact for RedirectFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Removed => "removed",
        }
    }
}
