//! Seats: enroll, hold, move; what jobs do when time runs out.

mod enroll;
mod error;
mod hold;
mod sweep;
mod transition;

#[cfg(test)]
mod tests;

pub use enroll::{Placed, Wanted};
pub(crate) use enroll::{Wish, enroll_in};
pub use error::EnrollmentsError;
pub(crate) use hold::hold_in;
pub use sweep::Swept;

use chrono::Duration;
use matricula_domain::catalog::CourseRunId;
use matricula_domain::enrollment::{ChangedPlaces, Places};
use matricula_domain::shared::Id;
use matricula_ports::{PortError, Tx};

use crate::World;

/// How long an offered seat waits for its person.
pub const OFFER_LIVES: Duration = Duration::hours(48);

/// The use cases of enrollments.
#[derive(Clone)]
pub struct Enrollments {
    world: World,
}

impl Enrollments {
    /// Over this world.
    pub fn new(world: World) -> Self {
        Self { world }
    }
}

/// Everybody who has, had or waits for a place in a run. If the run was saved before in the same transaction, nobody else comes or goes
/// until its end.
pub(crate) async fn places_of(tx: &Tx, run: CourseRunId) -> Result<Places, PortError> {
    Ok(Places { enrollments: tx.enrollments().of_run(run).await?, holds: tx.seat_holds().held_in(run).await? })
}

/// Saves what became of places. It is written in few statements at the commit, however many there are.
pub(crate) async fn save_places(tx: &Tx, places: &ChangedPlaces) -> Result<(), PortError> {
    for enrollment in &places.enrollments {
        tx.enrollments().save(enrollment).await?;
    }
    for hold in &places.holds {
        tx.seat_holds().save(hold).await?;
    }
    Ok(())
}

/// Offers the free seats of a run to whoever is next in line. What freed them was saved before, in the same transaction: so the run
/// is this transaction's until its end, and nobody slips in between. Where nobody can enroll any more, nobody is offered a seat either.
pub(crate) async fn offer_seats(tx: &Tx, world: &World, run: CourseRunId) -> Result<(), PortError> {
    let now = world.now();
    let Some(queue) = tx.course_runs().find_with_queue(run).await? else { return Ok(()) };
    let free = queue.run.seats().free();
    if free == 0 || queue.waiting == 0 || queue.run.is_open(queue.time_zone.date_of(now)).is_err() {
        return Ok(());
    }
    for next in tx.enrollments().next_in_line(run, free).await? {
        if let Ok(offered) = next.offer(now + OFFER_LIVES, now) {
            tx.jobs().enqueue(crate::notifications::seats_sweep_at(world, next.id().as_uuid(), now + OFFER_LIVES)).await?;
            tx.enrollments().save(&offered).await?;
        }
    }
    Ok(())
}
