use matricula_domain::leads::{ActivityId, Lead, LeadId, NewActivity};
use matricula_ports::transact;

use super::{Leads, LeadsError};
use crate::access::{Allowed, WorkLeads};

/// Something that was done about a lead.
#[derive(Clone, Debug)]
pub struct Logged {
    /// The lead.
    pub lead: Lead,
    /// What was done.
    pub activity: ActivityId,
}

impl Leads {
    /// Notes what was done about a lead, and what is to be done next.
    ///
    /// # Errors
    /// [`LeadsError`].
    pub async fn log(&self, who: &Allowed<WorkLeads>, id: LeadId, new: &NewActivity) -> Result<Logged, LeadsError> {
        who.may_write("lead_activity", new.text.iter().map(|_| "text"))?;
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let lead = tx.leads().find(id, &who.reach()).await?.ok_or(LeadsError::NotFound)?;
            let activity = self.world.id();
            let changed = lead.log(activity, new.clone(), who.scope().user(), self.world.now());
            tx.leads().save(&changed).await?;
            Ok(Logged { lead: changed.into_state(), activity })
        })
        .await
    }
}
