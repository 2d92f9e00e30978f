//! Ports of the context `enrollment`.

use async_trait::async_trait;
use matricula_domain::catalog::CourseRunId;
use matricula_domain::enrollment::{Enrollment, EnrollmentId, EnrollmentStatus, SeatHold, SeatHoldId};
use matricula_domain::identity::Reach;
use matricula_domain::people::PersonId;
use matricula_domain::shared::{Changed, Instant};

use crate::{Page, PortError, Scope, Slice};

/// Enrollments.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait EnrollmentRepository: Send + Sync {
    /// An enrollment that is in reach.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, id: EnrollmentId, reach: &Reach) -> Result<Option<Enrollment>, PortError>;

    /// All enrollments of a person in a run, oldest first: the attempts so far.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn attempts(&self, run: CourseRunId, person: PersonId) -> Result<Vec<Enrollment>, PortError>;

    /// All enrollments in a run, whatever their state, oldest first.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn of_run(&self, run: CourseRunId) -> Result<Vec<Enrollment>, PortError>;

    /// Who is next in line of a run, at most so many.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn next_in_line(&self, run: CourseRunId, most: u32) -> Result<Vec<Enrollment>, PortError>;

    /// The place in the queue (1 is next) of a waitlisted enrollment.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn waitlist_position(&self, enrollment: &Enrollment) -> Result<u32, PortError>;

    /// Offers that have run out, oldest first, at most so many.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn lapsed_offers(&self, now: Instant, most: u32) -> Result<Vec<Enrollment>, PortError>;

    /// Saves, and moves the seats as the fact says. No seat left, or a second open enrollment of the person, is a
    /// [`PortError::Conflict`] of the commit.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, enrollment: &Changed<Enrollment>) -> Result<(), PortError>;
}

/// Seat holds.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait SeatHoldRepository: Send + Sync {
    /// A hold.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, id: SeatHoldId) -> Result<Option<SeatHold>, PortError>;

    /// The holds of a run that are held.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn held_in(&self, run: CourseRunId) -> Result<Vec<SeatHold>, PortError>;

    /// Holds that have run out, oldest first, at most so many.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn run_out(&self, now: Instant, most: u32) -> Result<Vec<SeatHold>, PortError>;

    /// Saves, and moves the seats as the fact says. No seat left, or a second hold of the person, is a [`PortError::Conflict`] of the commit.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, hold: &Changed<SeatHold>) -> Result<(), PortError>;
}

/// Which enrollments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnrollmentFilter {
    /// In this run.
    pub run: Option<CourseRunId>,
    /// Of this person.
    pub person: Option<PersonId>,
    /// In this state.
    pub status: Option<EnrollmentStatus>,
}

/// An enrollment with its place in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrollmentRow {
    /// The enrollment.
    pub enrollment: Enrollment,
    /// Its place in the queue, if it waits.
    pub waitlist_position: Option<u32>,
}

/// Reads of enrollments for screens.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait EnrollmentQueries: Send + Sync {
    /// Enrollments in reach, newest first.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn list(&self, scope: &Scope, reach: &Reach, filter: &EnrollmentFilter, page: &Page) -> Result<Slice<EnrollmentRow>, PortError>;

    /// One enrollment.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn one(&self, scope: &Scope, reach: &Reach, id: EnrollmentId) -> Result<Option<EnrollmentRow>, PortError>;
}
