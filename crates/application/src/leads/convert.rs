use matricula_domain::catalog::CourseRunId;
use matricula_domain::enrollment::Enrollment;
use matricula_domain::identity::Reach;
use matricula_domain::leads::{Lead, LeadId};
use matricula_domain::shared::{Fault, Faults, Id};
use matricula_ports::transact;

use super::{Leads, LeadsError};
use crate::access::{Allowed, WorkLeads};
use crate::enrollment::{EnrollmentsError, Wanted, Wish};

/// A lead that became a place.
#[derive(Clone, Debug)]
pub struct Converted {
    /// The lead.
    pub lead: Lead,
    /// The place.
    pub enrollment: Enrollment,
}

impl Leads {
    /// Turns a lead into a place in a run: both, or neither.
    ///
    /// # Errors
    /// [`LeadsError`].
    pub async fn convert(&self, who: &Allowed<WorkLeads>, id: LeadId, run: CourseRunId) -> Result<Converted, LeadsError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let lead = tx.leads().find(id, &who.reach()).await?.ok_or(LeadsError::NotFound)?;
            let enrollment = self.world.id();
            // Asked of the lead first: a converted lead is told so, whether or not its person has a place already.
            let converted = lead.convert(Id::as_uuid(enrollment), self.world.now())?;
            let wanted = Wanted::Person(lead.person());
            let wish = Wish {
                id: enrollment,
                run,
                wanted: &wanted,
                hold: None,
                waitlist: false,
                lead: Some(lead.id().as_uuid()),
                reach: &Reach::All,
                scope: who.scope(),
            };
            let placed = crate::enrollment::enroll_in(tx, &self.world, wish).await.map_err(told)?;
            tx.leads().save(&converted).await?;
            Ok(Converted { lead: converted.into_state(), enrollment: placed.enrollment })
        })
        .await
    }
}

/// What enrolling or holding refused, as it is told of a lead.
pub(super) fn told(error: EnrollmentsError) -> LeadsError {
    match error {
        EnrollmentsError::NotFound => Faults::from(Fault::new("NOT_FOUND", "names nothing here").under("course_run_id")).into(),
        EnrollmentsError::Refused(error) => error.into(),
        EnrollmentsError::Restricted => LeadsError::Restricted,
        EnrollmentsError::Invalid(faults) => faults.into(),
        EnrollmentsError::Port(error) => error.into(),
    }
}
