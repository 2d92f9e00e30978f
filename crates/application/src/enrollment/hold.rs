use matricula_domain::catalog::CourseRunId;
use matricula_domain::enrollment::SeatHold;
use matricula_domain::identity::Reach;
use matricula_domain::people::{PersonId, Standing};
use matricula_domain::shared::{Fault, Faults, Id};
use matricula_ports::{Tx, transact};

use super::{Enrollments, EnrollmentsError};
use crate::World;
use crate::access::{Allowed, ManageEnrollments};

impl Enrollments {
    /// Keeps a seat for somebody for some hours.
    ///
    /// # Errors
    /// [`EnrollmentsError`].
    pub async fn hold(&self, who: &Allowed<ManageEnrollments>, run: CourseRunId, person: PersonId, hours: u32) -> Result<SeatHold, EnrollmentsError> {
        transact(&*self.world.transactions, who.scope(), async |tx| hold_in(tx, &self.world, &who.reach(), run, person, hours).await).await
    }
}

/// Keeps a seat of a run in reach for somebody.
///
/// # Errors
/// [`EnrollmentsError`].
pub(crate) async fn hold_in(
    tx: &Tx,
    world: &World,
    reach: &Reach,
    run: CourseRunId,
    person: PersonId,
    hours: u32,
) -> Result<SeatHold, EnrollmentsError> {
    let now = world.now();
    let queue = tx.course_runs().find_with_queue(run).await?.ok_or(EnrollmentsError::NotFound)?;
    if !reach.has_campus(queue.run.plan().campus_id) {
        return Err(EnrollmentsError::NotFound);
    }
    let found = tx.people().find(person).await?.ok_or_else(|| Faults::from(Fault::new("NOT_FOUND", "names nobody here").under("person_id")))?;
    if found.standing() != Standing::Active {
        return Err(EnrollmentsError::Restricted);
    }
    let hold = SeatHold::hold(world.id(), &queue.run, queue.waiting, person, hours, queue.time_zone.date_of(now), now)?;
    tx.jobs().enqueue(crate::notifications::seats_sweep_at(world, hold.state().id().as_uuid(), hold.state().expires_at())).await?;
    tx.seat_holds().save(&hold).await?;
    Ok(hold.into_state())
}
