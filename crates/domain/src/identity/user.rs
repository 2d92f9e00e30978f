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
}

impl Fact for UserFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::PasswordRehashed => "password_rehashed",
        }
    }
}
