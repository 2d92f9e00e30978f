use matricula_domain::identity::{CustomRole, NewRole, RoleId};
use matricula_domain::shared::{Changed, Fault, Faults, Instant, Value};
use matricula_ports::{PortError, transact};

use super::administration::{Granted, covered};
use super::{Administration, AdministrationError};
use crate::Expected;
use crate::access::{Allowed, ManageRoles};

impl Administration {
    /// Makes a role of the organization's own, that grants nothing but what its maker has.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn create_role(&self, who: &Allowed<ManageRoles>, new: &NewRole) -> Result<CustomRole, AdministrationError> {
        let created = transact(&*self.world.transactions, who.scope(), async |tx| {
            let cloned = Granted::by(tx, new.cloned_from.as_slice()).await?.known(|fault, _| fault.under("cloned_from"))?;
            let cloned = cloned.covered_by(who.grants())?;
            if !tx.roles().named(std::slice::from_ref(&new.slug)).await?.is_empty() {
                return Err(slug_taken());
            }
            let role = CustomRole::create(self.world.id(), new.clone(), &cloned, self.world.now());
            covered(who.grants(), role.state().grants())?;
            tx.roles().save(&role).await?;
            Ok(role.into_state())
        })
        .await;
        match created {
            Err(AdministrationError::Port(PortError::Conflict("roles"))) => Err(slug_taken()),
            other => other,
        }
    }

    /// Changes the fields that the patch names. Who changes what a role grants must have all of it, before and after.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn change_role(
        &self,
        who: &Allowed<ManageRoles>,
        id: RoleId,
        patch: &Value,
        expected: Expected,
    ) -> Result<CustomRole, AdministrationError> {
        self.role(who, id, expected, |role, now| Ok(role.change(patch, now)?)).await
    }

    /// Hides a role, with undo: meanwhile it grants nothing.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn archive_role(&self, who: &Allowed<ManageRoles>, id: RoleId) -> Result<CustomRole, AdministrationError> {
        self.role(who, id, Expected::Any, |role, now| role.archive(now).ok_or(AdministrationError::AlreadySo)).await
    }

    /// Undoes [`Administration::archive_role`].
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn restore_role(&self, who: &Allowed<ManageRoles>, id: RoleId) -> Result<CustomRole, AdministrationError> {
        self.role(who, id, Expected::Any, |role, now| role.restore(now).ok_or(AdministrationError::AlreadySo)).await
    }

    async fn role(
        &self,
        who: &Allowed<ManageRoles>,
        id: RoleId,
        expected: Expected,
        change: impl Fn(&CustomRole, Instant) -> Result<Changed<CustomRole>, AdministrationError>,
    ) -> Result<CustomRole, AdministrationError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let role = tx.roles().find(id).await?.ok_or(AdministrationError::NotFound)?;
            expected.met_by(&role)?;
            let changed = change(&role, self.world.now())?;
            covered(who.grants(), role.grants())?;
            covered(who.grants(), changed.state().grants())?;
            tx.roles().save(&changed).await?;
            Ok(changed.into_state())
        })
        .await
    }
}

fn slug_taken() -> AdministrationError {
    Faults::from(Fault::rule("/slug", "SLUG_TAKEN", "another role has it, hidden perhaps")).into()
}
