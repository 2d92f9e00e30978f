use uuid::Uuid;

use super::{RoleName, UserId};
use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, Fact, Faults, Fields, Form, Id, Instant, Line, Noun, Prose, Value};

crate::id!(
    /// A group of users.
    GroupId
);

crate::form! {
    /// What of a group can be changed.
    pub struct GroupDetails {
        /// What it is called.
        name: Line<255>,
        /// What it is for.
        description: Option<Prose<1000>>,
        /// Roles that its members have beside their own.
        roles: Vec<RoleName>,
    }
}

/// Users who work together: a team, whose members may be given roles together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Id.
    pub id: GroupId,
    /// What it is called, and what it gives.
    pub details: GroupDetails,
    /// Since when it is hidden; until it is back it is nobody's team and gives nothing.
    pub archived_at: Option<Instant>,
    /// Since when.
    pub created_at: Instant,
    /// Last change.
    pub updated_at: Instant,
    /// Version.
    pub version: u32,
}

impl Group {
    /// A new group without members.
    pub fn create(id: GroupId, details: GroupDetails, now: Instant) -> Changed<Self> {
        let group = Self { id, details: each_once(details), archived_at: None, created_at: now, updated_at: now, version: 0 };
        Changed::created(group, GroupFact::Created, now)
    }

    /// Changes the fields that the patch names.
    ///
    /// # Errors
    /// Every fault of what would come out.
    pub fn change(&self, patch: &Value, now: Instant) -> Result<Changed<Self>, Faults> {
        let details = each_once(GroupDetails::read(&Value::Map(self.details.fields()).merged(patch))?);
        Ok(Changed::of(self, Self { details, ..self.clone() }, GroupFact::Changed, now))
    }

    /// Takes somebody in.
    pub fn join(&self, user: UserId, now: Instant) -> Changed<Self> {
        Changed::of(self, Self { ..self.clone() }, GroupFact::Joined(user), now)
    }

    /// Lets somebody go.
    pub fn leave(&self, user: UserId, now: Instant) -> Changed<Self> {
        Changed::of(self, Self { ..self.clone() }, GroupFact::Left(user), now)
    }
}

fn each_once(mut details: GroupDetails) -> GroupDetails {
    details.roles.sort();
    details.roles.dedup();
    details
}

crate::shared::archivable!(Group.archived_at, GroupFact);

impl Aggregate for Group {
    type Fact = GroupFact;
    fn noun(&self) -> Noun {
        Noun { context: "identity", one: "group", many: "groups" }
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
        fields.push(("archived_at".to_owned(), self.archived_at.map_or(Value::Null, Value::Instant)));
        fields
    }
}

/// What can happen to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupFact {
    /// It is there.
    Created,
    /// It is called otherwise, or gives other roles.
    Changed,
    /// It is hidden.
    Archived,
    /// It is back.
    Restored,
    /// Somebody came in.
    Joined(UserId),
    /// Somebody went.
    Left(UserId),
}

impl Fact for GroupFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Archived => "archived",
            Self::Restored => "restored",
            Self::Joined(_) => "joined",
            Self::Left(_) => "left",
        }
    }
    fn data(&self) -> Fields {
        match self {
            Self::Joined(user) | Self::Left(user) => vec![("user_id".to_owned(), Value::Id(user.as_uuid()))],
            _ => Fields::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Field;

    #[test]
    fn a_group_names_each_role_once_and_tells_who_came_and_went() {
        let now: Instant = Field::parse(&"2026-03-01T10:00:00Z".into()).unwrap();
        let roles = Value::List(vec!["viewer".into(), "adviser".into(), "viewer".into()]);
        let details = GroupDetails::read(&Value::Map(vec![("name".to_owned(), "Tarde".into()), ("roles".to_owned(), roles)])).unwrap();
        let group = Group::create(GroupId::from_uuid(Uuid::from_u128(1)), details, now).into_state();
        assert_eq!(group.details.roles.iter().map(RoleName::as_str).collect::<Vec<_>>(), ["adviser", "viewer"]);
        let user = UserId::from_uuid(Uuid::from_u128(2));
        let joined = group.join(user, now);
        assert_eq!((joined.fact().verb(), joined.fact().data()), ("joined", vec![("user_id".to_owned(), Value::Id(user.as_uuid()))]));
        assert_eq!(joined.into_state().leave(user, now).state().version, 3);
        let hidden = group.archive(now).unwrap().into_state();
        assert!(hidden.archive(now).is_none() && group.restore(now).is_none() && hidden.restore(now).is_some());
    }
}
