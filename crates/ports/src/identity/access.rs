use async_trait::async_trait;
use matricula_domain::identity::{ApiKey, ApiKeyId, CustomRole, Group, GroupId, Organization, Rights, RoleId, RoleName, User, UserId};
use matricula_domain::shared::Changed;

use crate::{Page, PortError, Scope, Slice};

/// Roles of an organization's own.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait RoleRepository: Send + Sync {
    /// A role, hidden or not.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, id: RoleId) -> Result<Option<CustomRole>, PortError>;

    /// The roles that have one of these names, hidden or not.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn named(&self, names: &[RoleName]) -> Result<Vec<CustomRole>, PortError>;

    /// Saves. A name that is taken is a [`PortError::Conflict`] of the commit.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, role: &Changed<CustomRole>) -> Result<(), PortError>;
}

/// Groups of users.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait GroupRepository: Send + Sync {
    /// A group, hidden or not.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, id: GroupId) -> Result<Option<Group>, PortError>;

    /// Whether somebody is in a group.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn has(&self, id: GroupId, user: UserId) -> Result<bool, PortError>;

    /// Saves, with who came or went.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, group: &Changed<Group>) -> Result<(), PortError>;
}

/// Keys for programs.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ApiKeyRepository: Send + Sync {
    /// A key, over or not.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, id: ApiKeyId) -> Result<Option<ApiKey>, PortError>;

    /// Saves.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, key: &Changed<ApiKey>) -> Result<(), PortError>;
}

/// The counts of who works in each organization, beside which stands the truth.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait MemberCounts: Send + Sync {
    /// Counts anew, in all organizations; answers in how many the counts were wrong.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn recount(&self) -> Result<u64, PortError>;
}

/// Reads of who works in an organization and what they may do, for screens.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AccessQueries: Send + Sync {
    /// The organization itself.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn organization(&self, scope: &Scope) -> Result<Option<Organization>, PortError>;

    /// Its users, newest first, those of one group if it is named.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn users(&self, scope: &Scope, group: Option<GroupId>, page: &Page) -> Result<Slice<User>, PortError>;

    /// One of them.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn user(&self, scope: &Scope, id: UserId) -> Result<Option<User>, PortError>;

    /// What one of them may do, and through what; `None` for who does not work here now.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn rights(&self, scope: &Scope, user: UserId) -> Result<Option<Rights>, PortError>;

    /// Its own roles, newest first; the hidden ones instead of the others, if asked.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn roles(&self, scope: &Scope, archived: bool, page: &Page) -> Result<Slice<CustomRole>, PortError>;

    /// One of them.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn role(&self, scope: &Scope, id: RoleId) -> Result<Option<CustomRole>, PortError>;

    /// One of them by its name.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn role_named(&self, scope: &Scope, name: &RoleName) -> Result<Option<CustomRole>, PortError>;

    /// Its groups, newest first; the hidden ones instead of the others, if asked.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn groups(&self, scope: &Scope, archived: bool, page: &Page) -> Result<Slice<Group>, PortError>;

    /// One of them.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn group(&self, scope: &Scope, id: GroupId) -> Result<Option<Group>, PortError>;

    /// Its keys for programs, newest first.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn api_keys(&self, scope: &Scope, page: &Page) -> Result<Slice<ApiKey>, PortError>;
}
