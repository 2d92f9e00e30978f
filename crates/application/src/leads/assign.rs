use matricula_domain::identity::UserId;
use matricula_domain::leads::{Lead, LeadId};
use matricula_domain::shared::{Fault, Faults};
use matricula_ports::transact;

use super::{Leads, LeadsError};
use crate::access::{Allowed, AssignLeads};
use crate::identity::works_here;

impl Leads {
    /// Says who works on a lead; nobody, if `None`.
    ///
    /// # Errors
    /// [`LeadsError`].
    pub async fn assign(&self, who: &Allowed<AssignLeads>, id: LeadId, to: Option<UserId>) -> Result<Lead, LeadsError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let lead = tx.leads().find(id, &who.reach()).await?.ok_or(LeadsError::NotFound)?;
            if let Some(user) = to
                && !works_here(tx, user).await?
            {
                return Err(Faults::from(Fault::new("NOT_FOUND", "must work here").under("user_id")).into());
            }
            let changed = lead.assign(to, self.world.now());
            tx.leads().save(&changed).await?;
            Ok(changed.into_state())
        })
        .await
    }
}
