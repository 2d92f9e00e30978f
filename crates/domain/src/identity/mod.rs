//! Who may do what: organizations, users, memberships, roles, permissions, login sessions.

mod login_session;
mod organization;
mod permission;
mod second_factor;
mod user;

pub use login_session::{EndReason, LoginSession, LoginSessionFact, LoginSessionId, LoginSessionParts, Refresh};
pub use organization::{Organization, OrganizationDetails, OrganizationFact, OrganizationId, OrganizationStatus};
pub use permission::{Permission, Role};
pub use second_factor::{Code, SecondFactor, SecondFactorError, SecondFactorFact, SecondFactorParts, Seed};
pub use user::{Membership, MembershipId, NewUser, Password, User, UserFact, UserId};
