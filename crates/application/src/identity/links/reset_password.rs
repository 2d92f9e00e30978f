use chrono::Duration;
use matricula_domain::identity::{LinkEnd, LinkError, LinkPurpose, LinkTarget, Password, User, UserId};
use matricula_domain::notifications::Message;
use matricula_domain::shared::{EmailAddress, Id, Line, Slug};
use matricula_ports::{Actor, Scope, Tx, transact};

use super::super::quality::good_enough;
use super::super::{Door, IdentityError};
use super::{Links, end_all, end_sessions};
use crate::notifications::mail_about;

matricula_domain::form! {
    /// Who forgot their password.
    pub struct PasswordResetRequest {
        /// The address that they sign in with.
        email: EmailAddress,
        /// The organization, for who belongs to several.
        organization: Option<Slug>,
    }
}

matricula_domain::form! {
    /// Another password.
    pub struct NewPassword {
        /// What the mail brought.
        token: Line<100>,
        /// The password from now on.
        password: Password,
    }
}

/// How long after one mail there is no other: an address is not to be flooded by somebody who knows it.
const PAUSE: Duration = Duration::minutes(2);

impl Links {
    /// Sends a link with which another password can be chosen, if there is such an account. Nobody learns whether there is.
    ///
    /// # Errors
    /// [`IdentityError`].
    #[expect(clippy::disallowed_methods, reason = "who forgot their password has no sign-in")]
    pub async fn request_password_reset(&self, request: &PasswordResetRequest, door: &Door) -> Result<(), IdentityError> {
        let organization = request.organization.as_ref().map(Slug::as_str);
        let Some(account) = self.directory.account(request.email.as_str(), organization).await? else { return Ok(()) };
        let scope = Scope::new(account.organization, Actor::Public).of_request(door.request_id.as_str());
        transact(&*self.world.transactions, &scope, async |tx| {
            let now = self.world.now();
            let earlier = tx.links().unended_of(account.user, LinkPurpose::PasswordReset).await?;
            if earlier.iter().all(|link| now - link.parts().created_at >= PAUSE) {
                self.issue(tx, LinkTarget::PasswordReset(account.user), &request.email, &earlier, now).await?;
            }
            Ok(())
        })
        .await
    }

    /// Chooses another password by a link. All sign-ins of the user end; a second factor stays what it was.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn reset_password(&self, new: &NewPassword, door: &Door) -> Result<(), IdentityError> {
        let opening = self.knock(LinkPurpose::PasswordReset, new.token.as_str(), door).await?;
        let LinkTarget::PasswordReset(user) = opening.link.parts().target else { return Err(LinkError::WrongToken.into()) };
        good_enough(&new.password, "/password", &[opening.link.parts().email.as_str()])?;
        let hash = self.passwords.hash(&new.password).await?;
        let here = opening.scope.organization();
        self.end_sessions_elsewhere(user, here).await?;
        self.open(&opening, async |tx, now| {
            let user = tx.users().find(user).await?.filter(User::works_here).ok_or(LinkError::Over)?;
            end_sessions(tx, user.id, None, now).await?;
            tx.users().save(&user.change_password(hash.clone(), now)).await?;
            Ok(tx.jobs().enqueue(mail_about(&self.world, Message::PasswordChanged, user.id.as_uuid())).await?)
        })
        .await?;
        self.end_sessions_elsewhere(user, here).await
    }

    /// Takes back the links with which a user's password could be changed: they know it, or another address is theirs.
    pub(super) async fn forget_resets(&self, tx: &Tx, user: UserId) -> Result<(), IdentityError> {
        let resets = tx.links().unended_of(user, LinkPurpose::PasswordReset).await?;
        end_all(tx, &resets, LinkEnd::Revoked, self.world.now()).await
    }
}
