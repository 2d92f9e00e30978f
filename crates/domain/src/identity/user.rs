use uuid::Uuid;

use super::{MembershipError, OrganizationId, Role, RoleName, Vouched};
use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, EmailAddress, Fact, Fault, Field, Fields, Form, Id, Instant, Kind, Line, Noun, RecordId, Value};

crate::id!(
    /// A login.
    UserId,
    /// What ties a user to an organization with a role.
    MembershipId
);

/// A password as it was typed: 8 to 128 characters, nothing more is asked of it here (ASVS 6.2.1). It shows itself to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// What the hasher needs.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Field for Password {
    const KIND: Kind = Kind::Text { min: 8, max: 128, pattern: None, format: Some("password") };
    fn parse(value: &Value) -> Result<Self, Fault> {
        match value {
            Value::Text(text) if text.len() > 4 * 128 || text.chars().count() > 128 => Err(Fault::new("TOO_LONG", "at most 128 characters")),
            Value::Text(text) if text.chars().count() < 8 => Err(Fault::new("TOO_SHORT", "at least 8 characters")),
            Value::Text(text) => Ok(Self(text.clone())),
            _ => Err(Fault::wrong_type("text")),
        }
    }
    /// A password has no value that could be written down.
    fn value(&self) -> Value {
        Value::Null
    }
}

crate::form! {
    /// What it takes to let somebody in.
    pub struct NewUser {
        /// The address to sign in with.
        email: EmailAddress,
        /// Their name.
        name: Line<200>,
        /// Their first password.
        password: Password,
        /// What they may do.
        role: Role,
    }
}

crate::form! {
    /// What of a membership can be changed.
    pub struct MembershipChange {
        /// What they may do: a built-in role, or one of the organization's own.
        role: RoleName,
        /// The campuses that are theirs, for grants that reach as far as those.
        campus_ids: Vec<RecordId>,
    }
}

/// A login. It is global: memberships tie it to organizations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Id.
    pub id: UserId,
    /// The address to sign in with, normalised.
    pub email: EmailAddress,
    /// Name.
    pub name: Line<200>,
    /// Hash in PHC form; `None` for who cannot sign in with a password.
    pub password_hash: Option<String>,
    /// Language.
    pub locale: String,
    /// Whether they may sign in at all.
    pub active: bool,
    /// The membership that came with the making of the user, or that is looked at.
    pub membership: Membership,
    /// Since when.
    pub created_at: Instant,
    /// Last change.
    pub updated_at: Instant,
    /// Version.
    pub version: u32,
}

/// A user's place in an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Id.
    pub id: MembershipId,
    /// Where.
    pub organization: OrganizationId,
    /// What they may do there.
    pub role: RoleName,
    /// The campuses that are theirs.
    pub campuses: Vec<RecordId>,
    /// Whether it holds now.
    pub active: bool,
}

impl User {
    /// Keeps the same password under a newer hash.
    pub fn rehash(&self, password_hash: String, now: Instant) -> Changed<Self> {
        let after = Self { password_hash: Some(password_hash), ..self.clone() };
        Changed::of(self, after, UserFact::PasswordRehashed, now)
    }

    /// Lets somebody in.
    pub fn admit(
        id: UserId,
        membership: MembershipId,
        organization: OrganizationId,
        new: &NewUser,
        password_hash: String,
        now: Instant,
    ) -> Changed<Self> {
        let membership = Membership { id: membership, organization, role: new.role.into(), campuses: Vec::new(), active: true };
        Self::new(id, membership, (new.email.clone(), new.name.clone()), Some(password_hash), now)
    }

    /// Lets somebody in for whom an identity provider vouches. They have no password until they choose one.
    pub fn admit_vouched(
        id: UserId,
        membership: MembershipId,
        organization: OrganizationId,
        vouched: &Vouched,
        role: RoleName,
        now: Instant,
    ) -> Changed<Self> {
        let membership = Membership { id: membership, organization, role, campuses: Vec::new(), active: true };
        Self::new(id, membership, (vouched.email.clone(), vouched.name.clone()), None, now)
    }

    fn new(
        id: UserId,
        membership: Membership,
        (email, name): (EmailAddress, Line<200>),
        password_hash: Option<String>,
        now: Instant,
    ) -> Changed<Self> {
        let (locale, active) = ("es".to_owned(), true);
        let user = Self { id, email, name, password_hash, locale, active, membership, created_at: now, updated_at: now, version: 0 };
        let tally = Tally::between(None, &user);
        Changed::created(user, UserFact::Admitted(tally), now)
    }

    /// Whether they may do what an owner may, now.
    pub fn is_owner(&self) -> bool {
        self.active && self.membership.active && self.membership.role == Role::Owner
    }

    /// Gives them another role or other campuses. `owners` is how many owners there are, this one among them.
    ///
    /// # Errors
    /// [`MembershipError::LastOwner`] if nobody would be left who owns the organization; every fault of the input.
    pub fn change_membership(&self, patch: &Value, owners: u32, now: Instant) -> Result<Changed<Self>, MembershipError> {
        let mut change = MembershipChange::read(&Value::Map(self.membership.change().fields()).merged(patch))?;
        change.campus_ids.sort();
        change.campus_ids.dedup();
        let membership = Membership { role: change.role, campuses: change.campus_ids, ..self.membership.clone() };
        self.with(membership, UserFact::MembershipChanged, owners, now)
    }

    /// Ends their membership, with undo. `None` if it has ended already.
    ///
    /// # Errors
    /// [`MembershipError::LastOwner`].
    pub fn deactivate(&self, owners: u32, now: Instant) -> Result<Option<Changed<Self>>, MembershipError> {
        if !self.membership.active {
            return Ok(None);
        }
        self.with(Membership { active: false, ..self.membership.clone() }, UserFact::Deactivated, owners, now).map(Some)
    }

    /// Undoes [`User::deactivate`]. `None` if their membership holds.
    pub fn activate(&self, now: Instant) -> Option<Changed<Self>> {
        let membership = Membership { active: true, ..self.membership.clone() };
        let again = Self { membership, ..self.clone() };
        let tally = Tally::between(Some(self), &again);
        (!self.membership.active).then(|| Changed::of(self, again, UserFact::Activated(tally), now))
    }

    fn with(&self, membership: Membership, fact: fn(Tally) -> UserFact, owners: u32, now: Instant) -> Result<Changed<Self>, MembershipError> {
        let after = Self { membership, ..self.clone() };
        if self.is_owner() && !after.is_owner() && owners <= 1 {
            return Err(MembershipError::LastOwner);
        }
        let tally = Tally::between(Some(self), &after);
        Ok(Changed::of(self, after, fact(tally), now))
    }

    /// Whether they may sign in and work here.
    pub fn works_here(&self) -> bool {
        self.active && self.membership.active
    }

    /// They sign in with another password from now on.
    pub fn change_password(&self, password_hash: String, now: Instant) -> Changed<Self> {
        self.changed(UserFact::PasswordChanged, now, |after| after.password_hash = Some(password_hash))
    }

    /// They sign in with another address from now on.
    pub fn change_email(&self, email: EmailAddress, now: Instant) -> Changed<Self> {
        self.changed(UserFact::EmailChanged, now, |after| after.email = email)
    }

    /// They work here again, with a role.
    pub fn rejoin(&self, role: RoleName, now: Instant) -> Changed<Self> {
        self.taken_on(role, UserFact::Rejoined, now)
    }

    fn taken_on(&self, role: RoleName, fact: fn(Tally) -> UserFact, now: Instant) -> Changed<Self> {
        let membership = Membership { role, active: true, ..self.membership.clone() };
        let after = Self { membership, ..self.clone() };
        let tally = Tally::between(Some(self), &after);
        Changed::of(self, after, fact(tally), now)
    }

    fn changed(&self, fact: UserFact, now: Instant, change: impl FnOnce(&mut Self)) -> Changed<Self> {
        let mut after = self.clone();
        change(&mut after);
        Changed::of(self, after, fact, now)
    }
}

impl Membership {
    fn change(&self) -> MembershipChange {
        MembershipChange { role: self.role.clone(), campus_ids: self.campuses.clone() }
    }
}

/// Somebody who signs in with an address, as an organization finds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// They work here, or did.
    Member(User),
    /// They work for others alone.
    Stranger(Stranger),
}

/// A user who has no membership here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranger(User);

impl Stranger {
    /// A user as a repository found them; the membership is the one that they get if they join, and does not hold yet.
    pub fn new(mut user: User) -> Self {
        user.membership.active = false;
        Self(user)
    }

    /// Whether they may sign in at all.
    pub fn is_active(&self) -> bool {
        self.0.active
    }

    /// They work here from now on, with a role.
    pub fn join(&self, role: RoleName, now: Instant) -> Changed<User> {
        self.0.taken_on(role, UserFact::Joined, now)
    }
}

impl Aggregate for User {
    type Fact = UserFact;
    fn noun(&self) -> Noun {
        Noun { context: "identity", one: "user", many: "users" }
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
        vec![
            ("email".to_owned(), self.email.value()),
            ("name".to_owned(), self.name.value()),
            ("active".to_owned(), Value::Bool(self.active)),
            ("role".to_owned(), self.membership.role.value()),
            ("campus_ids".to_owned(), self.membership.campuses.value()),
            ("works_here".to_owned(), Value::Bool(self.membership.active)),
        ]
    }
}

/// How a change moves the counts of who works in an organization.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// People more or fewer who work there.
    pub seats: i32,
    /// Owners more or fewer.
    pub owners: i32,
}

impl Tally {
    fn between(before: Option<&User>, after: &User) -> Self {
        let works = |user: &User| user.active && user.membership.active;
        let move_of = |counts: fn(&User) -> bool| i32::from(counts(after)) - i32::from(before.is_some_and(counts));
        Self { seats: move_of(works), owners: move_of(User::is_owner) }
    }
}

/// What can happen to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserFact {
    /// They were let in.
    Admitted(Tally),
    /// Their password is kept under a newer hash.
    PasswordRehashed,
    /// They have another role, or other campuses.
    MembershipChanged(Tally),
    /// Their membership ended.
    Deactivated(Tally),
    /// It holds again.
    Activated(Tally),
    /// A user of other organizations works here too.
    Joined(Tally),
    /// Somebody who did not work here any more does again.
    Rejoined(Tally),
    /// They have another password.
    PasswordChanged,
    /// They sign in with another address.
    EmailChanged,
}

impl UserFact {
    /// How it moves the counts of who works in the organization.
    pub fn tally(self) -> Tally {
        match self {
            Self::Admitted(tally)
            | Self::MembershipChanged(tally)
            | Self::Deactivated(tally)
            | Self::Activated(tally)
            | Self::Joined(tally)
            | Self::Rejoined(tally) => tally,
            Self::PasswordRehashed | Self::PasswordChanged | Self::EmailChanged => Tally::default(),
        }
    }
}

impl Fact for UserFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Admitted(_) => "admitted",
            Self::PasswordRehashed => "password_rehashed",
            Self::MembershipChanged(_) => "membership_changed",
            Self::Deactivated(_) => "deactivated",
            Self::Activated(_) => "activated",
            Self::Joined(_) => "joined",
            Self::Rejoined(_) => "rejoined",
            Self::PasswordChanged => "password_changed",
            Self::EmailChanged => "email_changed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Instant {
        Field::parse(&"2026-03-01T10:00:00Z".into()).unwrap()
    }

    fn user(role: Role) -> User {
        let id = Uuid::from_u128;
        let new = NewUser {
            email: EmailAddress::parse("ana@example.es").unwrap(),
            name: Line::parse("Ana").unwrap(),
            password: Field::parse(&"correct horse".into()).unwrap(),
            role,
        };
        let ids = (UserId::from_uuid(id(1)), MembershipId::from_uuid(id(2)), OrganizationId::from_uuid(id(3)));
        User::admit(ids.0, ids.1, ids.2, &new, "hash".to_owned(), now()).into_state()
    }

    fn role(word: &str) -> Value {
        Value::Map(vec![("role".to_owned(), word.into())])
    }

    #[test]
    fn the_last_owner_stays() {
        let owner = user(Role::Owner);
        for (owners, refused) in [(0, true), (1, true), (2, false)] {
            assert_eq!(matches!(owner.change_membership(&role("viewer"), owners, now()), Err(MembershipError::LastOwner)), refused, "{owners}");
            assert_eq!(matches!(owner.deactivate(owners, now()), Err(MembershipError::LastOwner)), refused, "{owners}");
        }
        assert!(owner.change_membership(&role("owner"), 1, now()).is_ok());
        let campuses = Value::Map(vec![("campus_ids".to_owned(), Value::List(vec![Value::Id(Uuid::from_u128(9))]))]);
        assert!(owner.change_membership(&campuses, 1, now()).is_ok(), "who stays an owner may move");
        let viewer = user(Role::Viewer);
        assert!(viewer.change_membership(&role("adviser"), 1, now()).is_ok() && viewer.deactivate(1, now()).is_ok());
    }

    #[test]
    fn who_does_not_work_here_any_more_owns_nothing_and_can_come_back() {
        let gone = user(Role::Owner).deactivate(2, now()).unwrap().unwrap().into_state();
        assert!(!gone.is_owner() && gone.membership.role == Role::Owner);
        assert!(gone.deactivate(1, now()).unwrap().is_none(), "it is over already");
        assert!(gone.change_membership(&role("viewer"), 1, now()).is_ok(), "and takes no owner away");
        let back = gone.activate(now()).unwrap();
        assert!(back.state().is_owner());
        assert_eq!(back.fact().tally(), Tally { seats: 1, owners: 1 });
        assert!(user(Role::Owner).activate(now()).is_none());
    }

    #[test]
    fn a_role_of_the_organizations_own_is_a_role() {
        let changed = user(Role::Viewer).change_membership(&role("asesor-norte"), 1, now()).unwrap();
        assert_eq!(changed.fact().tally(), Tally::default());
        let names: Vec<_> = changed.changes().iter().map(|change| change.field.as_str()).collect();
        assert_eq!((names, changed.fact().verb()), (vec!["role"], "membership_changed"));
        assert!(matches!(user(Role::Viewer).change_membership(&role("No Slug"), 1, now()), Err(MembershipError::Invalid(_))));
    }

    fn told(changed: &Changed<User>) -> (&'static str, Vec<&str>, u32) {
        (changed.fact().verb(), changed.changes().iter().map(|change| change.field.as_str()).collect(), changed.state().version)
    }

    #[test]
    fn what_changes_of_a_user_is_told_and_never_the_password() {
        let (user, now) = (user(Role::Adviser), now());
        assert_eq!(told(&user.change_password("$other".to_owned(), now)), ("password_changed", vec![], 2));
        assert_eq!(told(&user.change_email(EmailAddress::parse("eva@example.es").unwrap(), now)), ("email_changed", vec!["email"], 2));
        assert!(user.fields().iter().all(|(_, value)| *value != Value::from("$hash")));
    }

    #[test]
    fn who_joins_works_here_with_the_role_that_they_were_given() {
        let now = now();
        let joined = Stranger::new(user(Role::Adviser)).join(Role::Viewer.into(), now);
        assert_eq!(told(&joined), ("joined", vec!["role", "works_here"], 2));
        assert_eq!(
            (joined.state().works_here(), &joined.state().membership.role, joined.state().updated_at),
            (true, &RoleName::from(Role::Viewer), now)
        );
        let mut left = user(Role::Adviser);
        left.membership.active = false;
        assert!(!left.works_here());
        assert_eq!(told(&left.rejoin(Role::Adviser.into(), now)), ("rejoined", vec!["works_here"], 2));
    }
}
