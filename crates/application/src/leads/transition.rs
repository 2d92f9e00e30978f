use matricula_domain::leads::{Lead, LeadId, LeadStatus};
use matricula_domain::shared::Line;
use matricula_ports::transact;

use super::{Leads, LeadsError};
use crate::access::{Allowed, WorkLeads};

impl Leads {
    /// Moves a lead through its lifecycle.
    ///
    /// # Errors
    /// [`LeadsError`].
    pub async fn transition(&self, who: &Allowed<WorkLeads>, id: LeadId, to: LeadStatus, reason: Option<&Line<300>>) -> Result<Lead, LeadsError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let lead = tx.leads().find(id, &who.reach()).await?.ok_or(LeadsError::NotFound)?;
            let changed = lead.transition(to, reason, self.world.now())?;
            tx.leads().save(&changed).await?;
            Ok(changed.into_state())
        })
        .await
    }
}
