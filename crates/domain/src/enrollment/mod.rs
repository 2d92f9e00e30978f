//! Places in course runs: enrollments, seat holds, the waitlist and its offers.
//!
//! A run has so many seats, and never are more of them taken and held than there are (`api.md`, Seats). A seat is *taken* by
//! whoever is active, suspended or has completed the run; it is *held* by a [`SeatHold`] or by an offer to the first
//! in the waitlist. While somebody waits, nobody else gets a free seat: it is offered down the queue, each time for a while.
//!
//! The rules here decide from what was read, and every fact carries the [`SeatMove`] that it means for the run. The repository
//! applies it in the transaction of the fact, in one statement, and only if the seats suffice: so of two who saw the same last
//! seat, one is refused, whatever the rules had said. Without a database, [`CourseRun::after`](crate::catalog::CourseRun::after) does the same.
//!
//! # One seat
//! ```
//! use chrono::TimeDelta;
//! use matricula_domain::catalog::{CourseId, CourseRun, CourseRunId, RunPlan};
//! use matricula_domain::enrollment::{Enrollment, EnrollmentError, EnrollmentId, EnrollmentStatus, Request, next_in_line};
//! use matricula_domain::people::PersonId;
//! use matricula_domain::shared::{Id, Instant};
//! use uuid::Uuid;
//!
//! let now: Instant = "2026-03-01T10:00:00Z".parse()?;
//! let (today, may) = ("2026-03-01".parse()?, "2026-05-01".parse()?);
//! let course_id = CourseId::from_uuid(Uuid::from_u128(1));
//! let plan = RunPlan {
//!     course_id,
//!     cycle_id: None,
//!     campus_id: None,
//!     start_date: may,
//!     end_date: may,
//!     enrollment_deadline: None,
//!     max_students: 1,
//!     min_students: None,
//!     prices: Vec::new(),
//!     seats_left_policy: None,
//! };
//! let run = CourseRun::schedule(CourseRunId::from_uuid(Uuid::from_u128(2)), plan, now).into_state();
//!
//! // Ana gets the only seat.
//! let ana = Enrollment::enroll(Request {
//!     id: EnrollmentId::from_uuid(Uuid::from_u128(3)),
//!     run: &run,
//!     waiting: 0,
//!     person: PersonId::from_uuid(Uuid::from_u128(4)),
//!     previous_attempts: 0,
//!     already_open: false,
//!     hold: None,
//!     waitlist: false,
//!     lead: None,
//!     today,
//!     now,
//! })?.enrollment;
//! let run = run.after(ana.fact().seat_move())?;
//! let ana = ana.into_state();
//! assert_eq!((ana.status(), run.seats().free()), (EnrollmentStatus::Active, 0));
//!
//! // Berta comes too late, and waits.
//! let berta = Request {
//!     id: EnrollmentId::from_uuid(Uuid::from_u128(5)),
//!     run: &run,
//!     waiting: 0,
//!     person: PersonId::from_uuid(Uuid::from_u128(6)),
//!     previous_attempts: 0,
//!     already_open: false,
//!     hold: None,
//!     waitlist: false,
//!     lead: None,
//!     today,
//!     now,
//! };
//! assert_eq!(Enrollment::enroll(berta).unwrap_err(), EnrollmentError::RunFull);
//! let berta = Enrollment::enroll(Request { waitlist: true, ..berta })?.enrollment.into_state();
//! assert_eq!(berta.status(), EnrollmentStatus::Waitlisted);
//!
//! // Ana leaves. Her seat is offered to the first in line, who has two days and accepts.
//! let dropped = ana.transition(EnrollmentStatus::Dropped, None, now)?;
//! let run = run.after(dropped.fact().seat_move())?;
//! let line = [dropped.into_state(), berta];
//! let offer = next_in_line(&line).ok_or("nobody waits")?.offer(now + TimeDelta::days(2), now)?;
//! let run = run.after(offer.fact().seat_move())?;
//! assert_eq!((run.seats().held, run.seats().free()), (1, 0));
//! let accepted = offer.into_state().transition(EnrollmentStatus::Active, None, now)?;
//! let run = run.after(accepted.fact().seat_move())?;
//! assert_eq!((run.seats().taken, run.seats().held), (1, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[expect(clippy::module_inception, reason = "the aggregate has the name of its context")]
mod enrollment;
mod error;
mod hold;
mod merge;
mod seats;
#[cfg(test)]
mod tests;

pub use enrollment::{Enrolled, Enrollment, EnrollmentFact, EnrollmentId, EnrollmentParts, EnrollmentStatus, Request, next_in_line};
pub use error::EnrollmentError;
pub use hold::{HoldStatus, SeatHold, SeatHoldFact, SeatHoldId, SeatHoldParts};
pub use merge::{ChangedPlaces, Merge, Places};
pub use seats::{Full, SeatMove, Shortage};
