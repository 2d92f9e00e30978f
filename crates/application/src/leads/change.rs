use matricula_domain::leads::{Lead, LeadId};
use matricula_domain::shared::Value;
use matricula_ports::transact;

use super::{Leads, LeadsError};
use crate::Expected;
use crate::access::{Allowed, WorkLeads};

impl Leads {
    /// Changes what can be changed by hand.
    ///
    /// # Errors
    /// [`LeadsError`].
    pub async fn change(&self, who: &Allowed<WorkLeads>, id: LeadId, patch: &Value, expected: Expected) -> Result<Lead, LeadsError> {
        who.may_write("lead", patch.names())?;
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let lead = tx.leads().find(id, &who.reach()).await?.ok_or(LeadsError::NotFound)?;
            expected.met_by(&lead)?;
            let changed = lead.change(patch, self.world.now())?;
            tx.leads().save(&changed).await?;
            Ok(changed.into_state())
        })
        .await
    }
}
