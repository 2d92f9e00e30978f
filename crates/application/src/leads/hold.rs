use matricula_domain::catalog::CourseRunId;
use matricula_domain::enrollment::SeatHold;
use matricula_domain::identity::Reach;
use matricula_domain::leads::LeadId;
use matricula_ports::transact;

use super::convert::told;
use super::{Leads, LeadsError};
use crate::access::{Allowed, WorkLeads};
use crate::enrollment::hold_in;

impl Leads {
    /// Keeps a seat of a run for the person of a lead, for some hours.
    ///
    /// # Errors
    /// [`LeadsError`].
    pub async fn hold(&self, who: &Allowed<WorkLeads>, id: LeadId, run: CourseRunId, hours: u32) -> Result<SeatHold, LeadsError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let lead = tx.leads().find(id, &who.reach()).await?.ok_or(LeadsError::NotFound)?;
            hold_in(tx, &self.world, &Reach::All, run, lead.person(), hours).await.map_err(told)
        })
        .await
    }
}
