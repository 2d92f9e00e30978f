use matricula_domain::identity::EndReason;
use matricula_ports::transact;

use super::{Identity, IdentityError};
use crate::access::Caller;

impl Identity {
    /// Signs the caller out: none of the tokens of this sign-in opens any more.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn sign_out(&self, caller: &Caller) -> Result<(), IdentityError> {
        transact(&*self.world.transactions, caller.scope(), async |tx| {
            if let Some(session) = tx.login_sessions().find(caller.principal().session).await?
                && let Some(ended) = session.end(EndReason::SignedOut, self.world.now())
            {
                tx.login_sessions().save(&ended).await?;
            }
            Ok(())
        })
        .await
    }
}
