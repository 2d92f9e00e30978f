use matricula_domain::people::PersonId;
use matricula_ports::{Scope, transact};

use super::{Privacy, PrivacyError};

impl Privacy {
    /// Destroys the key of a person: whatever was sealed under it (audit details, evidence of consent) cannot be opened any more,
    /// while the chain of the audit stays whole (`privacy.md` §2.5, case D35). The erasure is entered first, so that it is on
    /// record even if the program dies in between; doing it again changes nothing.
    ///
    /// # Errors
    /// [`PrivacyError`].
    pub async fn shred(&self, scope: &Scope, person: PersonId) -> Result<(), PrivacyError> {
        let key = transact(&*self.world.transactions, scope, async |tx| {
            let found = tx.people().find(person).await?.ok_or(PrivacyError::NotFound)?;
            let shredded = found.shred(self.world.now());
            tx.people().save(&shredded).await?;
            Ok::<_, PrivacyError>(found.parts().key_id)
        })
        .await?;
        Ok(self.world.keys.destroy(scope, key).await?)
    }
}
