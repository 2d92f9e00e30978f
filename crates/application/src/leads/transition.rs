use matricula_domain::leads::{ActivityKind, Lead, LeadId, LeadStatus, NewActivity};
use matricula_domain::shared::{Line, Prose};
use matricula_ports::transact;

use super::{Leads, LeadsError};
use crate::access::{Allowed, WorkLeads};

impl Leads {
    /// Moves a lead through its lifecycle, and notes what else there is to say.
    ///
    /// # Errors
    /// [`LeadsError`].
    pub async fn transition(
        &self,
        who: &Allowed<WorkLeads>,
        id: LeadId,
        to: LeadStatus,
        reason: Option<&Line<300>>,
        note: Option<&Prose<5000>>,
    ) -> Result<Lead, LeadsError> {
        who.may_write("lead_activity", note.iter().map(|_| "text"))?;
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let lead = tx.leads().find(id, &who.reach()).await?.ok_or(LeadsError::NotFound)?;
            let changed = lead.transition(to, reason, self.world.now())?;
            tx.leads().save(&changed).await?;
            let Some(text) = note else { return Ok(changed.into_state()) };
            let note = NewActivity { kind: ActivityKind::Note, outcome: None, text: Some(text.clone()), next_action: None, next_action_at: None };
            let noted = changed.state().log(self.world.id(), note, who.scope().user(), self.world.now());
            tx.leads().save(&noted).await?;
            Ok(noted.into_state())
        })
        .await
    }
}
