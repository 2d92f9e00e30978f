use matricula_domain::identity::Password;
use matricula_domain::notifications::Message;
use matricula_domain::shared::Id;
use matricula_ports::{PortError, transact};

use super::super::quality::good_enough;
use super::super::{Door, IdentityError};
use super::{Links, end_sessions};
use crate::access::Caller;
use crate::notifications::mail_about;

matricula_domain::form! {
    /// A password for another.
    pub struct PasswordChange {
        /// The password until now.
        current_password: Password,
        /// The password from now on.
        new_password: Password,
    }
}

impl Links {
    /// Changes the caller's own password. Their other sign-ins end, wherever they are.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn change_password(&self, caller: &Caller, change: &PasswordChange, door: &Door) -> Result<(), IdentityError> {
        self.identity.show_again(caller, &change.current_password, door).await?;
        let principal = caller.principal();
        good_enough(&change.new_password, "/new_password", &[&principal.email, &principal.name, &principal.organization.name])?;
        let hash = self.passwords.hash(&change.new_password).await?;
        self.end_sessions_elsewhere(principal.user, principal.organization.id).await?;
        transact(&*self.world.transactions, caller.scope(), async |tx| {
            let now = self.world.now();
            let user = tx.users().find(principal.user).await?.ok_or(PortError::Dangling("user"))?;
            self.forget_resets(tx, user.id).await?;
            end_sessions(tx, user.id, Some(principal.session), now).await?;
            tx.users().save(&user.change_password(hash.clone(), now)).await?;
            Ok::<_, IdentityError>(tx.jobs().enqueue(mail_about(&self.world, Message::PasswordChanged, user.id.as_uuid())).await?)
        })
        .await?;
        self.end_sessions_elsewhere(principal.user, principal.organization.id).await
    }
}
