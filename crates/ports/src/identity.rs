//! Ports of the context `identity`.

mod access;
mod providers;

pub use access::*;
pub use providers::*;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use matricula_domain::identity::{
    ApiKeyId, Known, LinkId, LinkPurpose, LoginSession, LoginSessionId, MembershipId, OneTimeLink, Organization, OrganizationId, OrganizationStatus,
    Rights, RoleName, SecondFactor, User, UserId,
};
use matricula_domain::shared::{Changed, EmailAddress, Instant, TimeZone};

use crate::{Page, PortError, Scope, Slice};

/// The address of a database with what opens it: a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionString(String);

impl ConnectionString {
    /// An address.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The address itself, for who connects or seals.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// It shows itself to nobody who only debugs.
impl fmt::Debug for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionString(…)")
    }
}

/// Organizations.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait OrganizationRepository: Send + Sync {
    /// The organization that the unit of work is in.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self) -> Result<Option<Organization>, PortError>;

    /// Saves. A slug that is taken is a [`PortError::Conflict`] of the commit.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, organization: &Changed<Organization>) -> Result<(), PortError>;

    /// Says, with its founding, where the database is that the organization has to itself. The address is kept sealed.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn dedicate(&self, url: &ConnectionString) -> Result<(), PortError>;
}

/// Users with their membership in this organization.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait UserRepository: Send + Sync {
    /// A member of this organization.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, id: UserId) -> Result<Option<User>, PortError>;

    /// How many people own this organization now.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn owners(&self) -> Result<u32, PortError>;

    /// Who signs in with an address, whether they work here or not; `fresh` is the membership that a stranger would get.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find_by_email(&self, email: &EmailAddress, fresh: MembershipId) -> Result<Option<Known>, PortError>;

    /// Saves user and membership. An address that is taken, a change that leaves nobody who owns the organization, and somebody for whom
    /// it has no room are each a [`PortError::Conflict`] of the commit: of `users`, `owners` and `members`.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, user: &Changed<User>) -> Result<(), PortError>;
}

/// Login sessions.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait LoginSessionRepository: Send + Sync {
    /// A login session of this organization.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, id: LoginSessionId) -> Result<Option<LoginSession>, PortError>;

    /// The login sessions of a user in this organization that have not ended.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn open_of(&self, user: UserId) -> Result<Vec<LoginSession>, PortError>;

    /// Saves.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, session: &Changed<LoginSession>) -> Result<(), PortError>;
}

/// Second factors. They are of users, so the same in all of their organizations.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait SecondFactorRepository: Send + Sync {
    /// The second factor of a user, one that was taken off too.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, user: UserId) -> Result<Option<SecondFactor>, PortError>;

    /// Saves.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, factor: &Changed<SecondFactor>) -> Result<(), PortError>;
}

/// Links that open once.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait LinkRepository: Send + Sync {
    /// A link of this organization.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, id: LinkId) -> Result<Option<OneTimeLink>, PortError>;

    /// The links of a user for a purpose that have not ended (though their time may be over).
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn unended_of(&self, user: UserId, purpose: LinkPurpose) -> Result<Vec<OneTimeLink>, PortError>;

    /// The invitations to an address that have not ended (though their time may be over).
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn unended_invitations(&self, email: &EmailAddress) -> Result<Vec<OneTimeLink>, PortError>;

    /// Saves.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, link: &Changed<OneTimeLink>) -> Result<(), PortError>;
}

/// Reads of links, for screens.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait LinkQueries: Send + Sync {
    /// Invitations, newest first.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn invitations(&self, scope: &Scope, page: &Page) -> Result<Slice<OneTimeLink>, PortError>;
}

/// What opens links, beside their id: derived from a secret of the installation, so that it need not be kept anywhere. Whoever has a
/// copy of the database, of its outbox or of its jobs has nothing that opens.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait LinkSecrets: Send + Sync {
    /// What opens the link for this purpose, always the same.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn secret_of(&self, link: LinkId, purpose: LinkPurpose) -> Result<[u8; 32], PortError>;
}

/// What is known of an organization before anybody signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationRow {
    /// Id.
    pub id: OrganizationId,
    /// Its name in addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Its time zone.
    pub time_zone: TimeZone,
    /// Its language.
    pub locale: String,
    /// Where it stands.
    pub status: OrganizationStatus,
    /// The roles in which nobody works without a second factor.
    pub second_factor_roles: Vec<RoleName>,
}

impl From<&Organization> for OrganizationRow {
    fn from(organization: &Organization) -> Self {
        let details = &organization.details;
        Self {
            id: organization.id,
            slug: details.slug.to_string(),
            name: details.name.to_string(),
            time_zone: details.time_zone,
            locale: details.locale.to_string(),
            status: organization.status,
            second_factor_roles: organization.second_factor_roles.clone(),
        }
    }
}

/// Somebody who may sign in, in one of their memberships.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: UserId,
    /// Hash of the password.
    pub password_hash: Option<String>,
    /// The membership.
    pub membership: MembershipId,
    /// Where.
    pub organization: OrganizationId,
}

/// A sign-in that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginSessionRow {
    /// Id.
    pub id: LoginSessionId,
    /// Where.
    pub organization: OrganizationId,
    /// The slug of that organization.
    pub organization_slug: String,
    /// Since when.
    pub created_at: Instant,
    /// When its tokens were last replaced.
    pub last_used_at: Instant,
    /// Until when, whatever happens.
    pub expires_at: Instant,
}

/// Somebody who signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The sign-in.
    pub session: LoginSessionId,
    /// The user.
    pub user: UserId,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// The membership.
    pub membership: MembershipId,
    /// The role of the membership.
    pub role: RoleName,
    /// What they may do, through that role and those of their groups.
    pub rights: Arc<Rights>,
    /// Where.
    pub organization: Arc<OrganizationRow>,
    /// Whether signing in asks them for a second factor, or an identity provider has seen two.
    pub has_second_factor: bool,
    /// When they last showed who they are.
    pub proven_at: Instant,
    /// Until when the access token opens.
    pub expires_at: Instant,
}

impl Principal {
    /// Whether the organization asks for a second factor in one of their roles, and they have none: until they have, they may nothing.
    pub fn owes_second_factor(&self) -> bool {
        !self.has_second_factor && self.rights.sources().iter().any(|source| self.organization.second_factor_roles.contains(&source.role))
    }
}

/// What is known of a key that sign-ins are counted under: an account, an address, or an account at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// The key.
    pub key: [u8; 32],
    /// Until when nobody may try.
    pub blocked_until: Option<Instant>,
    /// Until when it counts instead of account and address.
    pub trusted_until: Option<Instant>,
}

/// A program that came in with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHolder {
    /// The key.
    pub key: ApiKeyId,
    /// What it may.
    pub rights: Arc<Rights>,
    /// Where.
    pub organization: Arc<OrganizationRow>,
    /// Until when it opens.
    pub expires_at: Option<Instant>,
}

/// What authentication asks before an organization is known. The only port that looks across organizations for a request.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Directory: Send + Sync {
    /// The organization that has a slug.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn organization(&self, slug: &str) -> Result<Option<OrganizationRow>, PortError>;

    /// The organization that has an id.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn organization_by_id(&self, id: OrganizationId) -> Result<Option<OrganizationRow>, PortError>;

    /// The organization in which a link opens something.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn organization_of_link(&self, id: LinkId) -> Result<Option<OrganizationId>, PortError>;

    /// Whether nobody can sign in anywhere yet.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn is_empty(&self) -> Result<bool, PortError>;

    /// All organizations, for jobs, at most so many after this one.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn organizations(&self, after: Option<OrganizationId>, most: u32) -> Result<Vec<OrganizationRow>, PortError>;

    /// The account of an address: in the organization that is named, else in the oldest membership. Only active users and memberships.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn account<'a>(&self, email: &str, organization: Option<&'a str>) -> Result<Option<Account>, PortError>;

    /// Who has the access token with this SHA-256, if it opens at this time.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn principal(&self, access_hash: [u8; 32], now: Instant) -> Result<Option<Principal>, PortError>;

    /// The sign-ins of a user that are not over, in all organizations, the newest first, at most so many.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn login_sessions(&self, user: UserId, now: Instant, most: u32) -> Result<Vec<LoginSessionRow>, PortError>;

    /// Which program has the key with this SHA-256, if it opens at this time; that it was used is written down once a minute.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn key_holder(&self, key_hash: [u8; 32], now: Instant) -> Result<Option<KeyHolder>, PortError>;

    /// The login session that has or had the refresh token with this SHA-256, and its organization.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn session_of_refresh(&self, refresh_hash: [u8; 32]) -> Result<Option<(OrganizationId, LoginSessionId)>, PortError>;

    /// What is known of these keys; nothing of those under which nothing was counted.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn throttles(&self, keys: &[[u8; 32]]) -> Result<Vec<Throttle>, PortError>;

    /// Counts a try for a key, and says whether it may be made; however many come at once, no more are let through than one after the
    /// other would be. After a few of them each costs a longer wait, never a lock for good.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn count_try(&self, key: [u8; 32], now: Instant) -> Result<bool, PortError>;

    /// Forgets what was counted for a key, after a sign-in that went well.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn forget_tries(&self, key: [u8; 32]) -> Result<(), PortError>;

    /// Forgets what was counted for a key, and trusts it until then.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn trust(&self, key: [u8; 32], until: Instant, now: Instant) -> Result<(), PortError>;
}
