use matricula_domain::identity::{IsolationStrategy, Organization, OrganizationDetails};
use matricula_ports::identity::ConnectionString;
use matricula_ports::{Actor, Scope, transact};

use super::{Identity, IdentityError};

impl Identity {
    /// Founds an organization, in the shared database or in one that it has to itself. For the command line and the demo alone.
    ///
    /// # Errors
    /// [`IdentityError`].
    #[expect(clippy::disallowed_methods, reason = "the organization comes to be here")]
    pub async fn found(&self, details: &OrganizationDetails, database: Option<&ConnectionString>) -> Result<Organization, IdentityError> {
        let id: matricula_domain::identity::OrganizationId = self.world.id();
        let scope = Scope::new(id, Actor::System("founding"));
        transact(&*self.world.transactions, &scope, async |tx| {
            let isolation = if database.is_some() { IsolationStrategy::Dedicated } else { IsolationStrategy::Shared };
            let founded = Organization::found(id, details.clone(), isolation, self.world.now());
            tx.organizations().save(&founded).await?;
            if let Some(database) = database {
                tx.organizations().dedicate(database).await?;
            }
            Ok(founded.into_state())
        })
        .await
    }
}
