use matricula_domain::identity::{Organization, OrganizationDetails};
use matricula_ports::{Actor, Scope, transact};

use super::{Identity, IdentityError};

impl Identity {
    /// Founds an organization. For the command line and the demo alone.
    ///
    /// # Errors
    /// [`IdentityError`].
    #[expect(clippy::disallowed_methods, reason = "the organization comes to be here")]
    pub async fn found(&self, details: &OrganizationDetails) -> Result<Organization, IdentityError> {
        let id: matricula_domain::identity::OrganizationId = self.world.id();
        let scope = Scope::new(id, Actor::System("founding"));
        transact(&*self.world.transactions, &scope, async |tx| {
            let founded = Organization::found(id, details.clone(), self.world.now());
            tx.organizations().save(&founded).await?;
            Ok(founded.into_state())
        })
        .await
    }
}
