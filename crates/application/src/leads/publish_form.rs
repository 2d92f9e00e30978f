use matricula_domain::leads::{FormVersion, NewFormVersion};
use matricula_domain::shared::Code;
use matricula_ports::transact;

use super::{Leads, LeadsError};
use crate::access::{Allowed, ManageForms};

impl Leads {
    /// Publishes a version of a form; the form itself comes with its first version.
    ///
    /// # Errors
    /// [`LeadsError`].
    pub async fn publish_form(&self, who: &Allowed<ManageForms>, key: &Code, new: &NewFormVersion) -> Result<FormVersion, LeadsError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let mut texts: Vec<_> = new.boxes.iter().map(|one| one.text_id).collect();
            texts.push(new.notice_text_id);
            let texts = tx.consent_texts().find(&texts).await?;
            let previous = tx.forms().newest(key).await?;
            let ids = (self.world.id(), self.world.id());
            let published = FormVersion::publish(ids, key.clone(), previous.as_ref(), new.clone(), &texts, self.world.now())?;
            tx.forms().save(&published).await?;
            Ok(published.into_state())
        })
        .await
    }
}
