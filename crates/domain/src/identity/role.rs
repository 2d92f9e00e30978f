use std::fmt;

use uuid::Uuid;

use super::{Grant, Grants, Role};
use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, Fact, Fault, Faults, Field, Fields, Form, Id, Instant, Kind, Line, Noun, Prose, Slug, Value};

crate::id!(
    /// A role of an organization's own.
    RoleId
);

/// The name of a role: a built-in one's word, or the slug of one of the organization's own. No two roles share one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleName(String);

impl RoleName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The built-in role that it names, if it is one.
    pub fn built_in(&self) -> Option<Role> {
        Role::from_word(self.as_str())
    }
}

impl PartialEq<Role> for RoleName {
    fn eq(&self, role: &Role) -> bool {
        self.built_in() == Some(*role)
    }
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        Self(role.as_str().to_owned())
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Field for RoleName {
    const KIND: Kind = Slug::KIND;
    fn parse(value: &Value) -> Result<Self, Fault> {
        <Slug as Field>::parse(value).map(|slug| Self(slug.to_string()))
    }
    fn value(&self) -> Value {
        Value::Text(self.0.clone())
    }
}

crate::form! {
    /// What of a role can be changed.
    pub struct RoleDetails {
        /// What it is called.
        name: Line<100>,
        /// Whom it is for.
        description: Option<Prose<1000>>,
        /// What it grants: permissions, with `_campus`, `_team` or `_own` behind those that shall not reach everything.
        grants: Vec<Grant>,
    }
}

crate::form! {
    /// A role that an organization makes.
    pub struct NewRole {
        /// Its name in memberships: never changes, and is no built-in role's.
        slug: RoleName,
        /// What it is called.
        name: Line<100>,
        /// Whom it is for.
        description: Option<Prose<1000>>,
        /// What it grants.
        grants: Vec<Grant>,
        /// A role that it begins with the grants of.
        cloned_from: Option<RoleName>,
    } check |new, faults| {
        if new.slug.built_in().is_some() {
            faults.add(Fault::rule("/slug", "ROLE_IS_BUILT_IN", "is the name of a built-in role"));
        }
    }
}

/// A role of an organization's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomRole {
    /// Id.
    pub id: RoleId,
    /// Its name in memberships.
    pub slug: RoleName,
    /// The role that it was cloned from.
    pub cloned_from: Option<RoleName>,
    /// What it is called, and what it grants.
    pub details: RoleDetails,
    /// Since when it is hidden; until it is back it grants nothing.
    pub archived_at: Option<Instant>,
    /// Since when.
    pub created_at: Instant,
    /// Last change.
    pub updated_at: Instant,
    /// Version.
    pub version: u32,
}

impl CustomRole {
    /// A new role, which begins with the grants of another.
    pub fn create(id: RoleId, new: NewRole, cloned: &[Grant], now: Instant) -> Changed<Self> {
        let details = RoleDetails { name: new.name, description: new.description, grants: [cloned, &new.grants].concat() };
        let role = Self {
            id,
            slug: new.slug,
            cloned_from: new.cloned_from,
            details: in_few_words(details),
            archived_at: None,
            created_at: now,
            updated_at: now,
            version: 0,
        };
        Changed::created(role, RoleFact::Created, now)
    }

    /// Changes the fields that the patch names.
    ///
    /// # Errors
    /// Every fault of what would come out.
    pub fn change(&self, patch: &Value, now: Instant) -> Result<Changed<Self>, Faults> {
        let details = in_few_words(RoleDetails::read(&Value::Map(self.details.fields()).merged(patch))?);
        Ok(Changed::of(self, Self { details, ..self.clone() }, RoleFact::Changed, now))
    }

    /// What whoever has it may do.
    pub fn grants(&self) -> &[Grant] {
        if self.archived_at.is_some() { &[] } else { &self.details.grants }
    }
}

/// The same role, where no grant says what another says already.
fn in_few_words(details: RoleDetails) -> RoleDetails {
    RoleDetails { grants: details.grants.into_iter().collect::<Grants>().words(), ..details }
}

crate::shared::archivable!(CustomRole.archived_at, RoleFact);

impl Aggregate for CustomRole {
    type Fact = RoleFact;
    fn noun(&self) -> Noun {
        Noun { context: "identity", one: "role", many: "roles" }
    }
    fn id(&self) -> Uuid {
        self.id.as_uuid()
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
        let mut fields = self.details.fields();
        fields.push(("slug".to_owned(), self.slug.value()));
        fields.push(("cloned_from".to_owned(), self.cloned_from.value()));
        fields.push(("archived_at".to_owned(), self.archived_at.map_or(Value::Null, Value::Instant)));
        fields
    }
}

/// What can happen to a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleFact {
    /// It is there.
    Created,
    /// It is called otherwise, or grants something else.
    Changed,
    /// It is hidden, and grants nothing.
    Archived,
    /// It is back.
    Restored,
}

impl Fact for RoleFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Archived => "archived",
            Self::Restored => "restored",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Instant {
        Field::parse(&"2026-03-01T10:00:00Z".into()).unwrap()
    }

    fn map(fields: &[(&str, Value)]) -> Value {
        Value::Map(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    fn words(words: &[&str]) -> Value {
        Value::List(words.iter().map(|word| Value::from(*word)).collect())
    }

    fn role(grants: &[&str], cloned: &[Grant]) -> CustomRole {
        let new = NewRole::read(&map(&[("slug", "asesor-norte".into()), ("name", "Asesor norte".into()), ("grants", words(grants))])).unwrap();
        CustomRole::create(RoleId::from_uuid(Uuid::from_u128(1)), new, cloned, now()).into_state()
    }

    #[test]
    fn no_role_is_called_like_a_built_in_one() {
        for word in Role::WORDS {
            let faults = NewRole::read(&map(&[("slug", (*word).into()), ("name", "X".into())])).unwrap_err();
            assert_eq!(faults.code(), "ROLE_IS_BUILT_IN");
        }
    }

    #[test]
    fn a_clone_begins_with_the_grants_of_the_other_and_says_each_once() {
        let cloned: Vec<_> = Role::Trainer.grants().collect();
        let words: Vec<_> = role(&["leads.read_own", "leads.read", "catalog.read"], &cloned).grants().iter().map(Grant::to_string).collect();
        assert_eq!(words, ["catalog.read", "leads.read", "enrollment.read", "publishing.read"]);
    }

    #[test]
    fn its_name_stays_and_its_grants_change() {
        let role = role(&["leads.read"], &[]);
        let changed = role.change(&map(&[("grants", words(&["leads.read_own"]))]), now()).unwrap().into_state();
        assert_eq!((changed.slug.clone(), changed.grants()), (role.slug.clone(), [Grant::from_word("leads.read_own").unwrap()].as_slice()));
        assert!(role.change(&map(&[("slug", "otro".into())]), now()).is_err());
        assert!(role.change(&map(&[("grants", words(&["leads.fly"]))]), now()).is_err());
    }

    #[test]
    fn a_hidden_role_grants_nothing() {
        let hidden = role(&["leads.read"], &[]).archive(now()).unwrap().into_state();
        assert!(hidden.grants().is_empty() && hidden.archive(now()).is_none());
        assert_eq!(hidden.restore(now()).unwrap().into_state().grants().len(), 1);
        assert!(role(&[], &[]).restore(now()).is_none());
    }
}
