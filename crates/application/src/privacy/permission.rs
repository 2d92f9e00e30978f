use matricula_domain::people::PersonId;
use matricula_domain::privacy::{Ask, Ledger, Verdict};
use matricula_ports::transact;

use super::{Privacy, PrivacyError};
use crate::access::{Allowed, ReadConsents};

impl Privacy {
    /// Whether something may be done with a person's data, as of any moment.
    ///
    /// # Errors
    /// [`PrivacyError`].
    pub async fn permission(&self, who: &Allowed<ReadConsents>, person: PersonId, ask: &Ask) -> Result<Verdict, PrivacyError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let ledger = tx.consents().ledger(person).await?.ok_or(PrivacyError::NotFound)?;
            let ages = tx.consents().age_rules().await?;
            Ok(ledger.permission(ask, &ages))
        })
        .await
    }

    /// Everything that a person decided, in order.
    ///
    /// # Errors
    /// [`PrivacyError`].
    pub async fn ledger(&self, who: &Allowed<ReadConsents>, person: PersonId) -> Result<Ledger, PrivacyError> {
        transact(&*self.world.transactions, who.scope(), async |tx| tx.consents().ledger(person).await?.ok_or(PrivacyError::NotFound)).await
    }
}
