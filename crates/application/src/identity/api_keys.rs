use matricula_domain::identity::{ApiKey, ApiKeyId, NewApiKey};
use matricula_ports::{Actor, transact};

use super::administration::covered;
use super::tokens::fresh_key;
use super::{Administration, AdministrationError};
use crate::access::{Allowed, ManageApiKeys};

/// A key that was made a moment ago. The key itself is told now and never again.
pub struct MadeKey {
    /// What is kept of it.
    pub kept: ApiKey,
    /// The key.
    pub key: String,
}

impl Administration {
    /// Makes a key for a program, that may nothing but what its maker may.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn make_key(&self, who: &Allowed<ManageApiKeys>, new: &NewApiKey) -> Result<MadeKey, AdministrationError> {
        // A program makes no programs: a key that leaked could not be got rid of.
        let Actor::User(maker) = who.scope().actor() else { return Err(AdministrationError::ExceedsMaker) };
        covered(who.grants(), &new.grants)?;
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let (key, hint, hash) = fresh_key(&*self.world.ids);
            let made = ApiKey::make(self.world.id(), new.clone(), (hint, hash), maker, self.world.now())?;
            tx.api_keys().save(&made).await?;
            Ok(MadeKey { kept: made.into_state(), key })
        })
        .await
    }

    /// Ends a key at once and for good.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn revoke_key(&self, who: &Allowed<ManageApiKeys>, id: ApiKeyId) -> Result<ApiKey, AdministrationError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let key = tx.api_keys().find(id).await?.ok_or(AdministrationError::NotFound)?;
            let revoked = key.revoke(self.world.now()).ok_or(AdministrationError::AlreadySo)?;
            tx.api_keys().save(&revoked).await?;
            Ok(revoked.into_state())
        })
        .await
    }
}
