//! Who may do what: organizations, users, memberships, groups, roles, permissions, login sessions, links that open once, and others who say
//! who people are.

mod api_key;
mod error;
mod grant;
mod group;
mod guarded;
mod identity_provider;
mod login_session;
mod one_time_link;
mod organization;
mod permission;
mod provider_identity;
mod provider_sign_in;
mod rights;
mod role;
mod second_factor;
mod user;

pub use api_key::{ApiKey, ApiKeyFact, ApiKeyId, NewApiKey};
pub use error::{MembershipError, NoRoom, OrganizationError};
pub use grant::{Breadth, Grant, Grants, Post, Reach};
pub use group::{Group, GroupDetails, GroupFact, GroupId};
pub use guarded::GuardedField;
pub use identity_provider::{
    ClientSecret, EmailDomain, IdentityProvider, IdentityProviderDetails, IdentityProviderFact, IdentityProviderId, Issuer, RoleMapping, Vouched,
};
pub use login_session::{EndReason, LoginSession, LoginSessionFact, LoginSessionId, LoginSessionParts, Refresh};
pub use one_time_link::{LinkEnd, LinkError, LinkFact, LinkId, LinkParts, LinkPurpose, LinkTarget, OneTimeLink};
pub use organization::{
    IsolationStrategy, Organization, OrganizationChange, OrganizationDetails, OrganizationFact, OrganizationId, OrganizationStatus, Subscription,
};
pub use permission::{Permission, Role};
pub use provider_identity::{ProviderIdentity, ProviderIdentityFact, ProviderIdentityId};
pub use provider_sign_in::{ProviderClaims, ProviderRefusal, ProviderSignIn, ProviderSignInFact, ProviderSignInId};
pub use rights::{Explanation, Rights, Source};
pub use role::{CustomRole, NewRole, RoleDetails, RoleFact, RoleId, RoleName};
pub use second_factor::{Code, SecondFactor, SecondFactorError, SecondFactorFact, SecondFactorParts, Seed};
pub use user::{Known, Membership, MembershipChange, MembershipId, NewUser, Password, Stranger, Tally, User, UserFact, UserId};
