use matricula_domain::identity::{Organization, OrganizationError, OrganizationId, OrganizationStatus};
use matricula_domain::shared::Value;
use matricula_ports::{Actor, PortError, Scope, transact};

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
            tx.organizations().save(&changed).await?;
            Ok(changed.into_state())
        })
        .await
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
    #[expect(clippy::disallowed_methods, reason = "the operator of the installation acts, who has no sign-in")]
    pub async fn move_organization(&self, id: OrganizationId, to: OrganizationStatus) -> Result<Organization, MoveError> {
        let scope = Scope::new(id, Actor::System("operator"));
        transact(&*self.world.transactions, &scope, async |tx| {
            let organization = tx.organizations().find().await?.ok_or(MoveError::NotFound)?;
            let moved = organization.transition(to, self.world.now())?;
            tx.organizations().save(&moved).await?;
            Ok(moved.into_state())
        })
        .await
    }
}
