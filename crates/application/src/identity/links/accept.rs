use matricula_domain::identity::{Known, LinkError, LinkPurpose, LinkTarget, NewUser, OrganizationId, Password, Role, User};
use matricula_domain::shared::{EmailAddress, Fault, Faults, Line};
use matricula_ports::{PortError, Tx, transact};

use super::super::quality::good_enough;
use super::super::{Door, IdentityError};
use super::Links;

matricula_domain::form! {
    /// The acceptance of an invitation. Who signs in somewhere already just joins; others say their name and choose a password.
    pub struct Acceptance {
        /// What the mail brought.
        token: Line<100>,
        /// Their name.
        name: Option<Line<200>>,
        /// Their password.
        password: Option<Password>,
    }
}

/// Somebody who is new: what they will be, and the hash of their password.
type Newcomer = (NewUser, String);

impl Links {
    /// Accepts an invitation.
    ///
    /// # Errors
    /// [`IdentityError`], [`IdentityError::Suspended`] among them; faults if name or password are missing of somebody new.
    pub async fn accept(&self, acceptance: &Acceptance, door: &Door) -> Result<User, IdentityError> {
        let opening = self.knock(LinkPurpose::Invitation, acceptance.token.as_str(), door).await?;
        let email = &opening.link.parts().email;
        let LinkTarget::Invitation { role, .. } = opening.link.parts().target else { return Err(LinkError::WrongToken.into()) };
        let known = transact(&*self.world.transactions, &opening.scope, async |tx| {
            Ok::<_, IdentityError>(tx.users().find_by_email(email, self.world.id()).await?)
        });
        let newcomer = match known.await? {
            Some(_) => None,
            None => Some(self.newcomer(acceptance, email, role).await?),
        };
        let here = opening.scope.organization();
        match self.open(&opening, async |tx, _| self.let_in(tx, here, (email, role), newcomer.as_ref()).await).await {
            Err(IdentityError::Port(PortError::Conflict("members"))) => Err(IdentityError::NoRoom),
            other => other,
        }
    }

    async fn newcomer(&self, acceptance: &Acceptance, email: &EmailAddress, role: Role) -> Result<Newcomer, IdentityError> {
        let (Some(name), Some(password)) = (&acceptance.name, &acceptance.password) else {
            let mut faults = Faults::default();
            for (field, missing) in [("/name", acceptance.name.is_none()), ("/password", acceptance.password.is_none())] {
                if missing {
                    faults.add(Fault::rule(field, "REQUIRED", "is required of somebody new"));
                }
            }
            return Err(faults.into());
        };
        good_enough(password, "/password", &[email.as_str(), name.as_str()])?;
        let hash = self.passwords.hash(password).await?;
        Ok((NewUser { email: email.clone(), name: name.clone(), password: password.clone(), role }, hash))
    }

    async fn let_in(
        &self,
        tx: &Tx,
        here: OrganizationId,
        (email, role): (&EmailAddress, Role),
        newcomer: Option<&Newcomer>,
    ) -> Result<User, IdentityError> {
        let now = self.world.now();
        if let Some(organization) = tx.organizations().find().await? {
            if !organization.status.works() {
                return Err(IdentityError::Suspended);
            }
            organization.has_room()?;
        }
        let joined = match (tx.users().find_by_email(email, self.world.id()).await?, newcomer) {
            (Some(Known::Member(user)), _) if user.works_here() => return Err(IdentityError::WorksHere),
            (Some(Known::Member(user)), _) if user.active => user.rejoin(role.into(), now),
            (Some(Known::Stranger(stranger)), _) if stranger.is_active() => stranger.join(role.into(), now),
            (None, Some((new, hash))) => User::admit(self.world.id(), self.world.id(), here, new, hash.clone(), now),
            // Somebody who may not sign in anywhere, or who was there a moment ago.
            _ => return Err(LinkError::Over.into()),
        };
        tx.users().save(&joined).await?;
        Ok(joined.into_state())
    }
}
