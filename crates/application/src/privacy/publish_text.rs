use matricula_domain::privacy::{ConsentText, TextBody};
use matricula_ports::{Scope, transact};

use super::{Privacy, PrivacyError};
use crate::access::{Allowed, ManagePrivacy};

impl Privacy {
    /// Publishes a text; it never changes afterwards.
    ///
    /// # Errors
    /// [`PrivacyError`].
    pub async fn publish_text(&self, who: &Allowed<ManagePrivacy>, body: &TextBody) -> Result<ConsentText, PrivacyError> {
        self.publish_text_in(who.scope(), body).await
    }

    pub(crate) async fn publish_text_in(&self, scope: &Scope, body: &TextBody) -> Result<ConsentText, PrivacyError> {
        transact(&*self.world.transactions, scope, async |tx| {
            let number = tx.consent_texts().newest_number(body.kind, body.purpose, body.locale.as_str()).await? + 1;
            let text = ConsentText::publish(self.world.id(), body.clone(), number, self.world.now())?;
            tx.consent_texts().save(&text).await?;
            Ok(text.into_state())
        })
        .await
    }
}
