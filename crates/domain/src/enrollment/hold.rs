use chrono::TimeDelta;
use uuid::Uuid;

use super::{EnrollmentError, SeatMove};
use crate::catalog::{CourseRun, CourseRunId};
use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, Fact, Fault, Faults, Field, Fields, Id, Instant, LocalDate, Noun};

crate::id!(
    /// A seat hold.
    SeatHoldId
);

crate::choice! {
    /// Where a hold stands. Every status but `held` is final.
    pub enum HoldStatus {
        /// The seat is set aside.
        Held = "held",
        /// The person enrolled with it.
        Used = "used",
        /// It was given back.
        Released = "released",
        /// It was not used in time.
        Expired = "expired",
    }
}

/// For how many hours a seat can be held: at most a week.
const HOURS: std::ops::RangeInclusive<u32> = 1..=168;

/// A seat set aside for a person until a moment, as while they pay (`product.md`, story 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatHold {
    parts: SeatHoldParts,
}

/// What a repository keeps of a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatHoldParts {
    /// Id.
    pub id: SeatHoldId,
    /// The run with the seat.
    pub run: CourseRunId,
    /// For whom.
    pub person: PersonId,
    /// Where it stands.
    pub status: HoldStatus,
    /// From when on it cannot be used.
    pub expires_at: Instant,
    /// Since when it exists.
    pub created_at: Instant,
    /// Last change.
    pub updated_at: Instant,
    /// Version.
    pub version: u32,
}

impl SeatHold {
    /// Sets a free seat aside for some hours. `waiting` counts who waits for a seat of the run or was offered one.
    ///
    /// # Errors
    /// `HOURS_OUT_OF_RANGE` unless `hours` is 1 to 168; what [`CourseRun::is_open`] says; [`EnrollmentError::RunFull`]
    /// if no seat is free or others wait for it.
    pub fn hold(
        id: SeatHoldId,
        run: &CourseRun,
        waiting: u32,
        person: PersonId,
        hours: u32,
        today: LocalDate,
        now: Instant,
    ) -> Result<Changed<Self>, EnrollmentError> {
        if !HOURS.contains(&hours) {
            let fault = Fault::rule("/hours", "HOURS_OUT_OF_RANGE", format!("must be between {} and {}", HOURS.start(), HOURS.end()));
            return Err(Faults::from(fault).into());
        }
        run.is_open(today)?;
        if !run.has_seat_for_a_newcomer(waiting) {
            return Err(EnrollmentError::RunFull);
        }
        let expires_at = now + TimeDelta::hours(hours.into());
        let parts = SeatHoldParts { id, run: run.id(), person, status: HoldStatus::Held, expires_at, created_at: now, updated_at: now, version: 0 };
        Ok(Changed::created(Self { parts }, SeatHoldFact::Held { run: run.id() }, now))
    }

    /// Gives the seat back.
    ///
    /// # Errors
    /// [`EnrollmentError::HoldNotUsable`] if it is no longer held.
    pub fn release(&self, now: Instant) -> Result<Changed<Self>, EnrollmentError> {
        self.end(HoldStatus::Released, SeatHoldFact::Released { run: self.parts.run }, now)
    }

    /// Gives the seat back because it was not used in time.
    ///
    /// # Errors
    /// [`EnrollmentError::HoldNotUsable`] if it is no longer held, [`EnrollmentError::NotExpired`] before its time.
    pub fn expire(&self, now: Instant) -> Result<Changed<Self>, EnrollmentError> {
        let expired = self.end(HoldStatus::Expired, SeatHoldFact::Expired { run: self.parts.run }, now)?;
        if now < self.parts.expires_at { Err(EnrollmentError::NotExpired) } else { Ok(expired) }
    }

    /// Enrolls the person with it. Not public: [`Enrollment::enroll`](super::Enrollment::enroll) gives the seat that this gives up.
    pub(super) fn use_for(&self, run: CourseRunId, person: PersonId, now: Instant) -> Result<Changed<Self>, EnrollmentError> {
        if run != self.parts.run || person != self.parts.person || now >= self.parts.expires_at {
            return Err(EnrollmentError::HoldNotUsable);
        }
        self.end(HoldStatus::Used, SeatHoldFact::Used { run }, now)
    }

    /// Sets the seat aside in another run instead, until the same moment; nothing, if it is no longer held.
    pub(super) fn move_to(&self, run: CourseRunId, now: Instant) -> Option<Changed<Self>> {
        let parts = SeatHoldParts { run, ..self.parts.clone() };
        let moved = Changed::of(self, Self { parts }, SeatHoldFact::Moved { run, left: self.parts.run }, now);
        (self.parts.status == HoldStatus::Held).then_some(moved)
    }

    fn end(&self, status: HoldStatus, fact: SeatHoldFact, now: Instant) -> Result<Changed<Self>, EnrollmentError> {
        if self.parts.status != HoldStatus::Held {
            return Err(EnrollmentError::HoldNotUsable);
        }
        let parts = SeatHoldParts { status, ..self.parts.clone() };
        Ok(Changed::of(self, Self { parts }, fact, now))
    }

    /// Its id.
    pub fn id(&self) -> SeatHoldId {
        self.parts.id
    }
    /// The run with the seat.
    pub fn run(&self) -> CourseRunId {
        self.parts.run
    }
    /// For whom.
    pub fn person(&self) -> PersonId {
        self.parts.person
    }
    /// Where it stands.
    pub fn status(&self) -> HoldStatus {
        self.parts.status
    }
    /// From when on it cannot be used.
    pub fn expires_at(&self) -> Instant {
        self.parts.expires_at
    }
    /// Since when it exists.
    pub fn created_at(&self) -> Instant {
        self.parts.created_at
    }
    /// When it was last changed.
    pub fn updated_at(&self) -> Instant {
        self.parts.updated_at
    }
}

crate::shared::kept_as!(SeatHold, SeatHoldParts);

impl Aggregate for SeatHold {
    type Fact = SeatHoldFact;
    fn noun(&self) -> Noun {
        Noun { context: "enrollment", one: "seat_hold", many: "seat_holds" }
    }
    fn id(&self) -> Uuid {
        self.parts.id.as_uuid()
    }
    fn version(&self) -> u32 {
        self.parts.version
    }
    fn mark(&mut self, version: u32, at: Instant) {
        self.parts.version = version;
        self.parts.updated_at = at;
    }
    fn subject(&self) -> Option<PersonId> {
        Some(self.parts.person)
    }
    fn fields(&self) -> Fields {
        vec![
            ("course_run_id".to_owned(), self.parts.run.value()),
            ("person_id".to_owned(), self.parts.person.value()),
            ("status".to_owned(), self.parts.status.value()),
            ("expires_at".to_owned(), self.parts.expires_at.value()),
        ]
    }
}

/// What can happen to a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeatHoldFact {
    /// A seat is set aside.
    Held {
        /// The run with the seat.
        run: CourseRunId,
    },
    /// The person enrolled with it.
    Used {
        /// The run with the seat.
        run: CourseRunId,
    },
    /// It was given back.
    Released {
        /// The run with the seat.
        run: CourseRunId,
    },
    /// It was not used in time.
    Expired {
        /// The run with the seat.
        run: CourseRunId,
    },
    /// A seat is set aside in another run, into which the first was merged.
    Moved {
        /// The run with the seat.
        run: CourseRunId,
        /// The run whose seat was set aside before.
        left: CourseRunId,
    },
}

impl SeatHoldFact {
    /// The run whose seats it moves.
    pub fn run(&self) -> CourseRunId {
        match *self {
            Self::Held { run } | Self::Used { run } | Self::Released { run } | Self::Expired { run } | Self::Moved { run, .. } => run,
        }
    }

    /// What it does to the seats of [the run](Self::run).
    pub fn seat_move(&self) -> SeatMove {
        match self {
            Self::Held { .. } | Self::Moved { .. } => SeatMove { taken: 0, held: 1 },
            // The fact of the enrollment turns the held seat into a taken one at once: were it two moves,
            // a full run would refuse the one or show a free seat after the other.
            Self::Used { .. } => SeatMove::NONE,
            Self::Released { .. } | Self::Expired { .. } => SeatMove { taken: 0, held: -1 },
        }
    }

    /// What it does to the seats of every run that it is about: what comes to one leaves the other.
    pub fn seat_moves(&self) -> impl Iterator<Item = (CourseRunId, SeatMove)> + use<> {
        let left = if let Self::Moved { left, .. } = self { Some((*left, -self.seat_move())) } else { None };
        [(self.run(), self.seat_move())].into_iter().chain(left)
    }
}

impl Fact for SeatHoldFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Held { .. } => "held",
            Self::Used { .. } => "used",
            Self::Released { .. } => "released",
            Self::Expired { .. } => "expired",
            Self::Moved { .. } => "moved",
        }
    }
    fn data(&self) -> Fields {
        let left = if let Self::Moved { left, .. } = self { Some(("left_course_run_id".to_owned(), left.value())) } else { None };
        [("course_run_id".to_owned(), self.run().value())].into_iter().chain(left).collect()
    }
}
