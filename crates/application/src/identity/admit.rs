use matricula_domain::identity::{NewUser, OrganizationId, User};
use matricula_domain::shared::{Fault, Faults};
use matricula_ports::{Actor, PortError, Scope, transact};

use super::quality::good_enough;
use super::{Identity, IdentityError};

impl Identity {
    /// Lets somebody into an organization. For the command line and the demo alone.
    ///
    /// # Errors
    /// [`IdentityError`].
    #[expect(clippy::disallowed_methods, reason = "the operator of the installation acts, who has no sign-in")]
    pub async fn admit(&self, organization: OrganizationId, new: &NewUser) -> Result<User, IdentityError> {
        good_enough(&new.password, "/password", &[new.email.as_str(), new.name.as_str()])?;
        let hash = self.passwords.hash(&new.password).await?;
        let scope = Scope::new(organization, Actor::System("operator"));
        let admitted = transact(&*self.world.transactions, &scope, async |tx| {
            let user = User::admit(self.world.id(), self.world.id(), organization, new, hash.clone(), self.world.now());
            tx.users().save(&user).await?;
            Ok::<_, IdentityError>(user.into_state())
        })
        .await;
        match admitted {
            Err(IdentityError::Port(PortError::Conflict("users"))) => {
                Err(Faults::from(Fault::rule("/email", "EMAIL_TAKEN", "somebody signs in with it already")).into())
            }
            Err(IdentityError::Port(PortError::Conflict("members"))) => Err(IdentityError::NoRoom),
            other => other,
        }
    }
}
