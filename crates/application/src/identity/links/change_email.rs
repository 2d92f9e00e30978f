use matricula_domain::identity::{LinkEnd, LinkError, LinkId, LinkPurpose, LinkTarget, Password, User, UserId};
use matricula_domain::shared::{EmailAddress, Fault, Faults, Line};
use matricula_ports::{PortError, Tx, transact};

use super::super::{Door, IdentityError};
use super::{Links, end_all, end_sessions};
use crate::access::Caller;

matricula_domain::form! {
    /// Another address to sign in with.
    pub struct EmailChange {
        /// The new address.
        email: EmailAddress,
        /// The caller's password.
        current_password: Password,
    }
}

impl Links {
    /// Asks for another address: the new one is to confirm it, and the old one may object. Until then nothing changes. Whether somebody else
    /// signs in with the new address shows only to whoever reads its mail.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn request_email_change(&self, caller: &Caller, change: &EmailChange, door: &Door) -> Result<(), IdentityError> {
        self.identity.show_again(caller, &change.current_password, door).await?;
        transact(&*self.world.transactions, caller.scope(), async |tx| {
            let now = self.world.now();
            let user = tx.users().find(caller.principal().user).await?.ok_or(PortError::Dangling("user"))?;
            if user.email == change.email {
                return Err(Faults::from(Fault::rule("/email", "ALREADY_SO", "this is the address already")).into());
            }
            let earlier = tx.links().unended_of(user.id, LinkPurpose::EmailChange).await?;
            let asked = self.issue(tx, LinkTarget::EmailChange(user.id), &change.email, &earlier, now).await?;
            // Earlier ones go on: what was objected to once may be objected to still.
            self.issue(tx, LinkTarget::EmailVeto { user: user.id, change: asked.id() }, &user.email, &[], now).await?;
            Ok(())
        })
        .await
    }

    /// Confirms a new address by the link that was sent to it.
    ///
    /// # Errors
    /// [`IdentityError::EmailTaken`] if somebody else signs in with it, and as every link.
    pub async fn confirm_email_change(&self, token: &Line<100>, door: &Door) -> Result<(), IdentityError> {
        let opening = self.knock(LinkPurpose::EmailChange, token.as_str(), door).await?;
        let LinkTarget::EmailChange(user) = opening.link.parts().target else { return Err(LinkError::WrongToken.into()) };
        let email = &opening.link.parts().email;
        self.open(&opening, async |tx, now| {
            if tx.users().find_by_email(email, self.world.id()).await?.is_some() {
                return Err(IdentityError::EmailTaken);
            }
            let user = found(tx, user).await?;
            self.forget_resets(tx, user.id).await?;
            Ok(tx.users().save(&user.change_email(email.clone(), now)).await?)
        })
        .await
    }

    /// Objects to another address by the link that was sent to the old one: the change does not happen, or is taken back, and all sign-ins end.
    ///
    /// # Errors
    /// As every link.
    pub async fn veto_email_change(&self, token: &Line<100>, door: &Door) -> Result<(), IdentityError> {
        let opening = self.knock(LinkPurpose::EmailVeto, token.as_str(), door).await?;
        let LinkTarget::EmailVeto { user, change } = opening.link.parts().target else { return Err(LinkError::WrongToken.into()) };
        let (old, here) = (&opening.link.parts().email, opening.scope.organization());
        self.end_sessions_elsewhere(user, here).await?;
        self.open(&opening, async |tx, now| {
            let user = found(tx, user).await?;
            let happened = was_used(tx, change).await?;
            let open = tx.links().unended_of(user.id, LinkPurpose::EmailChange).await?;
            self.forget_resets(tx, user.id).await?;
            end_sessions(tx, user.id, None, now).await?;
            end_all(tx, &open, LinkEnd::Revoked, now).await?;
            if happened && user.email != *old {
                tx.users().save(&user.change_email(old.clone(), now)).await?;
            }
            Ok(())
        })
        .await?;
        self.end_sessions_elsewhere(user, here).await
    }
}

async fn found(tx: &Tx, user: UserId) -> Result<User, IdentityError> {
    Ok(tx.users().find(user).await?.filter(User::works_here).ok_or(LinkError::Over)?)
}

async fn was_used(tx: &Tx, link: LinkId) -> Result<bool, IdentityError> {
    Ok(tx.links().find(link).await?.is_some_and(|link| matches!(link.parts().ended, Some((_, LinkEnd::Used)))))
}
