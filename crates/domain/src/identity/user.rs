use uuid::Uuid;

use super::{OrganizationId, Role};
use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, EmailAddress, Fact, Fault, Field, Fields, Id, Instant, Kind, Line, Noun, Value};

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
    pub role: Role,
    /// Whether it holds now.
    pub active: bool,
}

impl User {
    /// Keeps the same password under a newer hash.
    pub fn rehash(&self, password_hash: String, now: Instant) -> Changed<Self> {
        let after = Self { password_hash: Some(password_hash), updated_at: now, ..self.clone() };
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
        let user = Self {
            id,
            email: new.email.clone(),
            name: new.name.clone(),
            password_hash: Some(password_hash),
            locale: "es".to_owned(),
            active: true,
            membership: Membership { id: membership, organization, role: new.role, active: true },
            created_at: now,
            updated_at: now,
            version: 0,
        };
        Changed::created(user, UserFact::Admitted, now)
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
    pub fn rejoin(&self, role: Role, now: Instant) -> Changed<Self> {
        self.changed(UserFact::Rejoined, now, |after| {
            after.membership.role = role;
            after.membership.active = true;
        })
    }

    fn changed(&self, fact: UserFact, now: Instant, change: impl FnOnce(&mut Self)) -> Changed<Self> {
        let mut after = self.clone();
        change(&mut after);
        after.updated_at = now;
        Changed::of(self, after, fact, now)
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
    pub fn join(&self, role: Role, now: Instant) -> Changed<User> {
        self.0.changed(UserFact::Joined, now, |after| {
            after.membership.role = role;
            after.membership.active = true;
        })
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
    fn set_version(&mut self, version: u32) {
        self.version = version;
    }
    fn subject(&self) -> Option<PersonId> {
        None
    }
    fn fields(&self) -> Fields {
        vec![
            ("email".to_owned(), self.email.value()),
            ("name".to_owned(), self.name.value()),
            ("active".to_owned(), Value::Bool(self.active)),
            ("role".to_owned(), self.membership.role.as_str().into()),
            ("member".to_owned(), Value::Bool(self.membership.active)),
        ]
    }
}

/// What can happen to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserFact {
    /// They were let in.
    Admitted,
    /// Their password is kept under a newer hash.
    PasswordRehashed,
    /// A user of other organizations works here too.
    Joined,
    /// Somebody who did not work here any more does again.
    Rejoined,
    /// They have another password.
    PasswordChanged,
    /// They sign in with another address.
    EmailChanged,
}

impl Fact for UserFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::PasswordRehashed => "password_rehashed",
            Self::Joined => "joined",
            Self::Rejoined => "rejoined",
            Self::PasswordChanged => "password_changed",
            Self::EmailChanged => "email_changed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    fn user() -> User {
        let id = Uuid::from_u128;
        let new = NewUser {
            email: EmailAddress::parse("ana@example.es").unwrap(),
            name: Line::parse("Ana").unwrap(),
            password: Password("contraseña".to_owned()),
            role: Role::Adviser,
        };
        let ids = (UserId::from_uuid(id(1)), MembershipId::from_uuid(id(2)), OrganizationId::from_uuid(id(3)));
        User::admit(ids.0, ids.1, ids.2, &new, "$hash".to_owned(), at("2026-03-01T10:00:00Z")).into_state()
    }

    fn told(changed: &Changed<User>) -> (&'static str, Vec<&str>, u32) {
        (changed.fact().verb(), changed.changes().iter().map(|change| change.field.as_str()).collect(), changed.state().version)
    }

    #[test]
    fn what_changes_of_a_user_is_told_and_never_the_password() {
        let (user, now) = (user(), at("2026-03-02T10:00:00Z"));
        assert_eq!(told(&user.change_password("$other".to_owned(), now)), ("password_changed", vec![], 2));
        assert_eq!(told(&user.change_email(EmailAddress::parse("eva@example.es").unwrap(), now)), ("email_changed", vec!["email"], 2));
        assert!(user.fields().iter().all(|(_, value)| *value != Value::from("$hash")));
    }

    #[test]
    fn who_joins_works_here_with_the_role_that_they_were_given() {
        let now = at("2026-03-02T10:00:00Z");
        let joined = Stranger::new(user()).join(Role::Viewer, now);
        assert_eq!(told(&joined), ("joined", vec!["role", "member"], 2));
        assert_eq!((joined.state().works_here(), joined.state().membership.role, joined.state().updated_at), (true, Role::Viewer, now));
        let mut left = user();
        left.membership.active = false;
        assert!(!left.works_here());
        assert_eq!(told(&left.rejoin(Role::Adviser, now)), ("rejoined", vec!["member"], 2));
    }
}
