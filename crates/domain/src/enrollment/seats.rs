use std::ops::{Add, Neg};

use super::EnrollmentError;
use crate::catalog::{CourseRun, RunStatus, Seats};
use crate::shared::LocalDate;

/// What a fact does to the counters of a run (`product.md`, disagreement 8: stored counters change only in the transaction that
/// holds the lock). Moves add up, and the sum of all moves of a run is what its counters say.
///
/// The repository applies it in the statement that checks it: the run's row is updated where taken and held together
/// stay within `max_students`; if no row is, the run is [`Full`].
#[must_use = "a move that is not applied leaves the counters wrong"]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeatMove {
    /// So many more are taken.
    pub taken: i32,
    /// So many more are held.
    pub held: i32,
}

impl SeatMove {
    /// Every seat stays as it is.
    pub const NONE: Self = Self { taken: 0, held: 0 };
}

impl Add for SeatMove {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { taken: self.taken + other.taken, held: self.held + other.held }
    }
}

impl Neg for SeatMove {
    type Output = Self;
    fn neg(self) -> Self {
        Self { taken: -self.taken, held: -self.held }
    }
}

/// A move would take or hold more seats than there are, or give back more than are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the seats do not suffice")]
pub struct Full;

/// There are too few seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{missing} seats are missing")]
pub struct Shortage {
    /// So many are missing.
    pub missing: u32,
}

impl Seats {
    /// Whether there are enough of them for a move.
    ///
    /// # Errors
    /// [`Shortage`].
    pub fn suffice_for(self, seat_move: SeatMove) -> Result<(), Shortage> {
        let gone = i64::from(self.gone()) + i64::from(seat_move.taken) + i64::from(seat_move.held);
        match u32::try_from(gone - i64::from(self.max)) {
            Err(_) | Ok(0) => Ok(()),
            Ok(missing) => Err(Shortage { missing }),
        }
    }

    /// The seats after a move.
    ///
    /// # Errors
    /// [`Full`], and then nothing changed.
    pub fn after(self, seat_move: SeatMove) -> Result<Self, Full> {
        let moved = self.taken.checked_add_signed(seat_move.taken).zip(self.held.checked_add_signed(seat_move.held));
        match moved.map(|(taken, held)| Self { taken, held, ..self }) {
            Some(after) if after.gone() <= after.max => Ok(after),
            _ => Err(Full),
        }
    }
}

impl CourseRun {
    /// The run with its seats after a move, as a repository would read it back: for tests, and for services that keep runs themselves.
    ///
    /// # Errors
    /// [`Full`], and then nothing changed.
    pub fn after(mut self, seat_move: SeatMove) -> Result<Self, Full> {
        self.set_seats(self.seats().after(seat_move)?);
        Ok(self)
    }

    /// Whether people can enroll, or hold a seat, on a day of the run's campus. Whether its course is published does not matter: what is
    /// taught for one company alone never is.
    ///
    /// # Errors
    /// [`EnrollmentError::RunNotOpen`] unless it is scheduled or ongoing, and not hidden; else
    /// [`EnrollmentError::EnrollmentClosed`] after [the last day](crate::catalog::RunPlan::last_day_to_enroll).
    pub fn is_open(&self, today: LocalDate) -> Result<(), EnrollmentError> {
        if !matches!(self.status(), RunStatus::Scheduled | RunStatus::Ongoing) || self.archived_at().is_some() {
            return Err(EnrollmentError::RunNotOpen);
        }
        if today > self.plan().last_day_to_enroll() { Err(EnrollmentError::EnrollmentClosed) } else { Ok(()) }
    }

    /// Whether somebody who comes now gets a seat: one is free, and nobody waits for it.
    pub(super) fn has_seat_for_a_newcomer(&self, waiting: u32) -> bool {
        waiting == 0 && self.seats().free() > 0
    }
}
