use matricula_domain::identity::{Refresh, UserId};
use matricula_domain::notifications::Message;
use matricula_domain::shared::Id as _;
use matricula_ports::{Actor, Scope, transact};

use super::{Door, Identity, IdentityError, Tokens, hash_of};
use crate::notifications::mail_about;

/// What came of a refresh token.
enum Refreshed {
    Tokens(Tokens),
    /// It was used before; the commit tells of it.
    Ended,
    /// The sign-in was over.
    Over(UserId),
}

impl Identity {
    /// Exchanges a refresh token for new tokens. A token that was used before ends the whole sign-in, unless its answer
    /// may have been lost a moment ago; its owner is told by mail.
    ///
    /// # Errors
    /// [`IdentityError`].
    #[expect(clippy::disallowed_methods, reason = "authentication is where scopes come from")]
    pub async fn refresh(&self, token: &str, door: &Door) -> Result<Tokens, IdentityError> {
        let presented = hash_of(token).ok_or(IdentityError::InvalidCredentials)?;
        let (organization, id) = self.directory.session_of_refresh(presented).await?.ok_or(IdentityError::InvalidCredentials)?;
        let scope = Scope::new(organization, Actor::System("refresh")).of_request(door.request_id.as_str());
        let refreshed = transact(&*self.world.transactions, &scope, async |tx| {
            let session = tx.login_sessions().find(id).await?.ok_or(IdentityError::InvalidCredentials)?;
            let (tokens, access, refresh) = Tokens::fresh(&*self.world.ids);
            match session.refresh(presented, access, refresh, self.world.now()) {
                Some(Refresh::Rotated(changed)) => {
                    tx.login_sessions().save(&changed).await?;
                    Ok::<_, IdentityError>(Refreshed::Tokens(tokens))
                }
                // The end of the family is committed, so this is no error yet.
                Some(Refresh::Ended(changed)) => {
                    tx.login_sessions().save(&changed).await?;
                    let user = changed.state().parts().user.as_uuid();
                    tx.jobs().enqueue(mail_about(&self.world, Message::SignInEnded, user)).await?;
                    Ok(Refreshed::Ended)
                }
                None => Ok(Refreshed::Over(session.parts().user)),
            }
        })
        .await?;
        match refreshed {
            Refreshed::Tokens(tokens) => return Ok(tokens),
            Refreshed::Ended => {}
            Refreshed::Over(user) => self.watch.sign_in_refused(&scope, user, "refresh_token").await,
        }
        Err(IdentityError::InvalidCredentials)
    }
}
