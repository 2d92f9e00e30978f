//! Who may do what: organizations, users, memberships, roles, permissions, login sessions, links that open once.

mod login_session;
mod one_time_link;
mod organization;
mod permission;
mod second_factor;
mod user;

pub use login_session::{EndReason, LoginSession, LoginSessionFact, LoginSessionId, LoginSessionParts, Refresh};
pub use one_time_link::{LinkEnd, LinkError, LinkFact, LinkId, LinkParts, LinkPurpose, LinkTarget, OneTimeLink};
pub use organization::{Organization, OrganizationDetails, OrganizationFact, OrganizationId, OrganizationStatus};
pub use permission::{Permission, Role};
pub use second_factor::{Code, SecondFactor, SecondFactorError, SecondFactorFact, SecondFactorParts, Seed};
pub use user::{Known, Membership, MembershipId, NewUser, Password, Stranger, User, UserFact, UserId};
