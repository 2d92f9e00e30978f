use matricula_domain::identity::{Organization, OrganizationError, OrganizationId, OrganizationStatus, RoleName};
use matricula_domain::shared::{Changed, Fault, Faults, Instant, Value};
use matricula_ports::{Actor, PortError, Scope, Tx, transact};

use super::{Administration, AdministrationError, Identity};
use crate::Expected;
use crate::access::{Allowed, ManageOrganization};

impl Administration {
    /// Changes what of the organization its own people can change.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn change_organization(
        &self,
        who: &Allowed<ManageOrganization>,
        patch: &Value,
        expected: Expected,
    ) -> Result<Organization, AdministrationError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let organization = tx.organizations().find().await?.ok_or(AdministrationError::NotFound)?;
            expected.met_by(&organization)?;
            let changed = organization.change(patch, self.world.now())?;
            known_roles(tx, &changed.state().second_factor_roles).await?;
            tx.organizations().save(&changed).await?;
            Ok(changed.into_state())
        })
        .await
    }
}

/// Nobody asks for a second factor in a role that is not there, and believes that it is asked for.
async fn known_roles(tx: &Tx, names: &[RoleName]) -> Result<(), AdministrationError> {
    let own: Vec<_> = names.iter().filter(|name| name.built_in().is_none()).cloned().collect();
    let known = if own.is_empty() { Vec::new() } else { tx.roles().named(&own).await? };
    match own.iter().find(|name| known.iter().all(|role| role.slug != **name)) {
        Some(_) => Err(Faults::from(Fault::rule("/second_factor_roles", "UNKNOWN_ROLE", "names a role that is not there")).into()),
        None => Ok(()),
    }
}

/// Why an organization does not go where the operator sends it.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// There is none.
    #[error("there is no such organization")]
    NotFound,
    /// There is no way there.
    #[error(transparent)]
    Refused(#[from] OrganizationError),
    /// The world.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl Identity {
    /// Suspends, activates or closes an organization. For the command line alone.
    ///
    /// # Errors
    /// [`MoveError`].
    pub async fn move_organization(&self, id: OrganizationId, to: OrganizationStatus) -> Result<Organization, MoveError> {
        self.as_operator(id, |organization, now| Ok(organization.transition(to, now)?)).await
    }

    /// Says in which roles nobody works without a second factor. For the command line and the demo alone.
    ///
    /// # Errors
    /// [`MoveError::NotFound`], a port's.
    pub async fn ask_for_second_factor(&self, id: OrganizationId, roles: &[RoleName]) -> Result<Organization, MoveError> {
        self.as_operator(id, |organization, now| Ok(organization.ask_for_second_factor(roles.to_vec(), now))).await
    }

    /// Says how many people may work there; no limit, if it is not said. For the command line alone, until a payment provider says it.
    ///
    /// # Errors
    /// [`MoveError::NotFound`], a port's.
    pub async fn purchase_seats(&self, id: OrganizationId, seats: Option<u32>) -> Result<Organization, MoveError> {
        self.as_operator(id, |organization, now| Ok(organization.purchase_seats(seats, now))).await
    }

    #[expect(clippy::disallowed_methods, reason = "the operator of the installation acts, who has no sign-in")]
    async fn as_operator(
        &self,
        id: OrganizationId,
        change: impl Fn(&Organization, Instant) -> Result<Changed<Organization>, MoveError>,
    ) -> Result<Organization, MoveError> {
        transact(&*self.world.transactions, &Scope::new(id, Actor::System("operator")), async |tx| {
            let organization = tx.organizations().find().await?.ok_or(MoveError::NotFound)?;
            let changed = change(&organization, self.world.now())?;
            tx.organizations().save(&changed).await?;
            Ok(changed.into_state())
        })
        .await
    }
}
