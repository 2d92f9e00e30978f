use super::OrganizationStatus;
use crate::shared::Faults;

/// What a membership refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MembershipError {
    /// Nobody would be left who owns the organization.
    #[error("the last owner stays")]
    LastOwner,
    /// The input is understood, and wrong.
    #[error(transparent)]
    Invalid(#[from] Faults),
}

/// As many people work in an organization as it has subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the organization has no room for one more")]
pub struct NoRoom;

/// What an organization refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrganizationError {
    /// There is no way from where it stands to there.
    #[error("from {from} there is no way to {to}")]
    InvalidTransition {
        /// Where it stands.
        from: OrganizationStatus,
        /// Where it should go.
        to: OrganizationStatus,
    },
}
