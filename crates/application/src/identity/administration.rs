use matricula_domain::identity::{Grant, Grants, MembershipError, NoRoom, Role, RoleName};
use matricula_domain::shared::{Fault, Faults};
use matricula_ports::{PortError, Tx};

use crate::World;

/// Why a use case about who may do what does not happen.
#[derive(Debug, thiserror::Error)]
pub enum AdministrationError {
    /// There is no such thing in this organization.
    #[error("not found")]
    NotFound,
    /// It is so already.
    #[error("already so")]
    AlreadySo,
    /// It would give somebody what the one who gives it has not.
    #[error("nobody gives what they have not")]
    ExceedsMaker,
    /// Nobody would be left who owns the organization.
    #[error("the last owner stays")]
    LastOwner,
    /// As many people work there as the organization has subscribed to.
    #[error("the organization has no room for one more")]
    NoRoom,
    /// The input is understood, and wrong.
    #[error(transparent)]
    Invalid(#[from] Faults),
    /// The world.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl From<MembershipError> for AdministrationError {
    fn from(error: MembershipError) -> Self {
        match error {
            MembershipError::LastOwner => Self::LastOwner,
            MembershipError::Invalid(faults) => Self::Invalid(faults),
        }
    }
}

impl From<NoRoom> for AdministrationError {
    fn from(NoRoom: NoRoom) -> Self {
        Self::NoRoom
    }
}

/// The use cases about who works in an organization and what they may do. Whoever gives a right must have it.
#[derive(Clone)]
pub struct Administration {
    pub(super) world: World,
}

impl Administration {
    /// Over this world.
    pub fn new(world: World) -> Self {
        Self { world }
    }
}

/// Refuses to give what the maker has not.
pub(super) fn covered(maker: &Grants, given: &[Grant]) -> Result<(), AdministrationError> {
    if maker.cover(&given.iter().copied().collect()) { Ok(()) } else { Err(AdministrationError::ExceedsMaker) }
}

/// What roles grant together.
pub(super) struct Granted {
    grants: Vec<Grant>,
    unknown: Vec<usize>,
}

impl Granted {
    /// What these roles grant; a name that is no role's (any more) grants nothing.
    pub(super) async fn by(tx: &Tx, names: &[RoleName]) -> Result<Self, PortError> {
        let own: Vec<RoleName> = names.iter().filter(|name| name.built_in().is_none()).cloned().collect();
        let found = if own.is_empty() { Vec::new() } else { tx.roles().named(&own).await? };
        let (mut grants, mut unknown) = (Vec::new(), Vec::new());
        for (n, name) in names.iter().enumerate() {
            match (name.built_in(), found.iter().find(|role| role.slug == *name && role.archived_at.is_none())) {
                (Some(role), _) => grants.extend(Role::grants(role)),
                (None, Some(role)) => grants.extend(role.grants()),
                (None, None) => unknown.push(n),
            }
        }
        Ok(Self { grants, unknown })
    }

    /// The same, where each name must be that of a role. What is none is a fault at the place that is told.
    pub(super) fn known(self, place: impl Fn(Fault, usize) -> Fault) -> Result<Self, Faults> {
        let faults = self.unknown.iter().map(|n| place(Fault::new("NOT_FOUND", "names no role here"), *n)).collect();
        Faults(faults).into_result().map(|()| self)
    }

    /// The grants, once it is clear that who gives them has them all.
    pub(super) fn covered_by(self, maker: &Grants) -> Result<Vec<Grant>, AdministrationError> {
        covered(maker, &self.grants).map(|()| self.grants)
    }
}
