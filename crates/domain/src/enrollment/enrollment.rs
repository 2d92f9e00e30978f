use uuid::Uuid;

use super::{EnrollmentError, SeatHold, SeatMove};
use crate::catalog::{CourseRun, CourseRunId};
use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, Fact, Field, Fields, Id, Instant, Line, LocalDate, Noun, Value};

crate::id!(
    /// An enrollment.
    EnrollmentId
);

crate::choice! {
    /// Where an enrollment stands (seed 2, `enrollments.status`, with the waitlist). All but the final ones are *open*, and
    /// a person has at most one open enrollment in a run (`product.md`, disagreement 9).
    pub enum EnrollmentStatus {
        /// Has a seat.
        Active = "active",
        /// Waits for a seat.
        Waitlisted = "waitlisted",
        /// Was offered a seat, which is held until the offer expires.
        Offered = "offered",
        /// Has taken the run to its end; the seat stays taken. Final.
        Completed = "completed",
        /// Has left. Final.
        Dropped = "dropped",
        /// Does not take part for now; the seat stays taken.
        Suspended = "suspended",
    }
}

impl EnrollmentStatus {
    /// Whether it stands in the way of another enrollment of the same person in the same run.
    pub fn is_open(self) -> bool {
        !matches!(self, Self::Completed | Self::Dropped)
    }
}

/// A person's place in a course run, whatever its state (`product.md`, Words).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrollment {
    parts: EnrollmentParts,
}

/// What a repository keeps of an enrollment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrollmentParts {
    /// Id.
    pub id: EnrollmentId,
    /// The run.
    pub run: CourseRunId,
    /// Whose place it is.
    pub person: PersonId,
    /// Where it stands.
    pub status: EnrollmentStatus,
    /// Why it stands there, in somebody's words.
    pub reason: Option<String>,
    /// Which enrollment of the person in this run it is, counted from 1.
    pub attempt: u32,
    /// Since when they queue; there while waitlisted or offered.
    pub queued_at: Option<Instant>,
    /// From when on the offer cannot be accepted; there while offered.
    pub offer_expires_at: Option<Instant>,
    /// The lead from which it came.
    pub lead: Option<Uuid>,
    /// Since when it exists.
    pub created_at: Instant,
    /// Last change.
    pub updated_at: Instant,
    /// Version.
    pub version: u32,
}

/// Somebody asks for a place, and what was found when they did.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The id of the enrollment that comes out.
    pub id: EnrollmentId,
    /// The run.
    pub run: &'a CourseRun,
    /// How many wait for a seat of the run, or were offered one.
    pub waiting: u32,
    /// Who asks.
    pub person: PersonId,
    /// How many enrollments they have had in this run.
    pub previous_attempts: u32,
    /// Whether one of these is open.
    pub already_open: bool,
    /// The hold that they come with.
    pub hold: Option<&'a SeatHold>,
    /// Whether they would wait.
    pub waitlist: bool,
    /// The lead from which this comes.
    pub lead: Option<Uuid>,
    /// The day at the run's campus.
    pub today: LocalDate,
    /// The moment.
    pub now: Instant,
}

/// What comes out of a [`Request`]: save both in one transaction.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// The enrollment, active or waitlisted.
    pub enrollment: Changed<Enrollment>,
    /// The hold that was used for it.
    pub hold: Option<Changed<SeatHold>>,
}

impl Enrollment {
    /// Gives a person a seat: the one that is held for them, or a free one for which nobody waits. If there is none, the
    /// person waits in line if they asked for that.
    ///
    /// # Errors
    /// In this order: [`EnrollmentError::AlreadyEnrolled`]; what [`CourseRun::is_open`] says, with a hold too;
    /// [`EnrollmentError::HoldNotUsable`] if there is a hold, but not of this person, for this run, and still valid;
    /// [`EnrollmentError::RunFull`].
    pub fn enroll(request: Request<'_>) -> Result<Enrolled, EnrollmentError> {
        let Request { id, run, waiting, person, previous_attempts, already_open, hold, waitlist, lead, today, now } = request;
        if already_open {
            return Err(EnrollmentError::AlreadyEnrolled);
        }
        run.is_open(today)?;
        let hold = hold.map(|hold| hold.use_for(run.id(), person, now)).transpose()?;
        let has_seat = hold.is_some() || run.has_seat_for_a_newcomer(waiting);
        let run = run.id();
        let (status, queued_at, fact) = if has_seat {
            (EnrollmentStatus::Active, None, EnrollmentFact::Enrolled { run, held: hold.is_some() })
        } else if waitlist {
            (EnrollmentStatus::Waitlisted, Some(now), EnrollmentFact::Waitlisted { run })
        } else {
            return Err(EnrollmentError::RunFull);
        };
        let parts = EnrollmentParts {
            id,
            run,
            person,
            status,
            reason: None,
            attempt: previous_attempts.saturating_add(1),
            queued_at,
            offer_expires_at: None,
            lead,
            created_at: now,
            updated_at: now,
            version: 0,
        };
        Ok(Enrolled { enrollment: Changed::created(Self { parts }, fact, now), hold })
    }

    /// Takes it to another status, as people decide; going from `offered` to `active` accepts the offer.
    /// The reason is why it stands there, so the one from before goes.
    ///
    /// # Errors
    /// [`EnrollmentError::InvalidTransition`], also for what only [`Enrollment::offer`] and [`Enrollment::lapse`] do;
    /// [`EnrollmentError::OfferExpired`] for an offer that is accepted too late.
    pub fn transition(&self, to: EnrollmentStatus, reason: Option<Line<300>>, now: Instant) -> Result<Changed<Self>, EnrollmentError> {
        let fact = self.step(to).ok_or_else(|| self.refuse(to))?;
        if matches!(fact, EnrollmentFact::Accepted { .. }) && self.offer_has_expired(now) {
            return Err(EnrollmentError::OfferExpired);
        }
        Ok(self.with(fact, now, |parts| {
            parts.status = to;
            parts.reason = reason.map(|reason| reason.as_str().to_owned());
            parts.queued_at = None;
            parts.offer_expires_at = None;
        }))
    }

    /// Offers a free seat to whoever is [next in line](next_in_line), until a moment. That a seat is free shows when the
    /// fact's move is applied; that enrollment is still open ([`CourseRun::is_open`]) is for the caller to see.
    ///
    /// # Errors
    /// [`EnrollmentError::InvalidTransition`] unless it is waitlisted.
    pub fn offer(&self, until: Instant, now: Instant) -> Result<Changed<Self>, EnrollmentError> {
        if self.parts.status != EnrollmentStatus::Waitlisted {
            return Err(self.refuse(EnrollmentStatus::Offered));
        }
        Ok(self.with(EnrollmentFact::Offered { run: self.parts.run }, now, |parts| {
            parts.status = EnrollmentStatus::Offered;
            parts.offer_expires_at = Some(until);
        }))
    }

    /// Takes an offer back that was not accepted in time: the seat is free for the next, and the person is last in line.
    ///
    /// # Errors
    /// [`EnrollmentError::InvalidTransition`] unless it is offered, [`EnrollmentError::NotExpired`] before its time.
    pub fn lapse(&self, now: Instant) -> Result<Changed<Self>, EnrollmentError> {
        if self.parts.status != EnrollmentStatus::Offered {
            return Err(self.refuse(EnrollmentStatus::Waitlisted));
        }
        if !self.offer_has_expired(now) {
            return Err(EnrollmentError::NotExpired);
        }
        Ok(self.with(EnrollmentFact::Lapsed { run: self.parts.run }, now, |parts| {
            parts.status = EnrollmentStatus::Waitlisted;
            parts.queued_at = Some(now);
            parts.offer_expires_at = None;
        }))
    }

    /// Takes an open enrollment into another run, in which the person had so many before: a seat stays a seat, an offer an offer until the
    /// same moment, and who waits has waited as long.
    pub(super) fn move_to(&self, run: CourseRunId, previous_attempts: usize, now: Instant) -> Changed<Self> {
        let fact = EnrollmentFact::Moved { run, left: self.parts.run, status: self.parts.status };
        self.with(fact, now, |parts| {
            parts.run = run;
            parts.attempt = u32::try_from(previous_attempts).unwrap_or(u32::MAX).saturating_add(1);
        })
    }

    /// The state machine of [`Enrollment::transition`]: what has happened when it goes to another status, if it can.
    fn step(&self, to: EnrollmentStatus) -> Option<EnrollmentFact> {
        use EnrollmentStatus::{Active, Completed, Dropped, Offered, Suspended};
        let (from, run) = (self.parts.status, self.parts.run);
        match (from, to) {
            (Active, Completed) => Some(EnrollmentFact::Completed { run }),
            (Active, Suspended) => Some(EnrollmentFact::Suspended { run }),
            (Suspended, Active) => Some(EnrollmentFact::Resumed { run }),
            (Offered, Active) => Some(EnrollmentFact::Accepted { run }),
            (from, Dropped) if from.is_open() => Some(EnrollmentFact::Dropped { run, from }),
            _ => None,
        }
    }

    fn refuse(&self, to: EnrollmentStatus) -> EnrollmentError {
        let possible = EnrollmentStatus::ALL.iter().filter(|to| self.step(**to).is_some()).map(|to| to.as_str()).collect();
        EnrollmentError::InvalidTransition { from: self.parts.status, to, possible }
    }

    fn offer_has_expired(&self, now: Instant) -> bool {
        self.parts.offer_expires_at.is_some_and(|until| now >= until)
    }

    /// Its id.
    pub fn id(&self) -> EnrollmentId {
        self.parts.id
    }
    /// The run.
    pub fn run(&self) -> CourseRunId {
        self.parts.run
    }
    /// Whose place it is.
    pub fn person(&self) -> PersonId {
        self.parts.person
    }
    /// Where it stands.
    pub fn status(&self) -> EnrollmentStatus {
        self.parts.status
    }
    /// Why it stands there, in somebody's words.
    pub fn reason(&self) -> Option<&str> {
        self.parts.reason.as_deref()
    }
    /// Which enrollment of the person in this run it is, counted from 1.
    pub fn attempt(&self) -> u32 {
        self.parts.attempt
    }
    /// Since when they queue; there while waitlisted or offered.
    pub fn queued_at(&self) -> Option<Instant> {
        self.parts.queued_at
    }
    /// From when on the offer cannot be accepted; there while offered.
    pub fn offer_expires_at(&self) -> Option<Instant> {
        self.parts.offer_expires_at
    }
    /// The lead from which it came.
    pub fn lead(&self) -> Option<Uuid> {
        self.parts.lead
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

/// Who of these enrollments of one run gets the next free seat: who has waited longest. The id, which is made in the order of
/// time, decides between those who began at the same moment. `None` if nobody waits.
pub fn next_in_line(enrollments: &[Enrollment]) -> Option<&Enrollment> {
    enrollments
        .iter()
        .filter(|enrollment| enrollment.status() == EnrollmentStatus::Waitlisted)
        .min_by_key(|enrollment| (enrollment.queued_at(), enrollment.id()))
}

crate::shared::kept_as!(Enrollment, EnrollmentParts, EnrollmentFact);

impl Aggregate for Enrollment {
    type Fact = EnrollmentFact;
    fn noun(&self) -> Noun {
        Noun { context: "enrollment", one: "enrollment", many: "enrollments" }
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
    /// Ids, states and dates. The reason is free text, and stays in the row alone.
    fn fields(&self) -> Fields {
        vec![
            ("course_run_id".to_owned(), self.parts.run.value()),
            ("person_id".to_owned(), self.parts.person.value()),
            ("status".to_owned(), self.parts.status.value()),
            ("attempt".to_owned(), self.parts.attempt.value()),
            ("queued_at".to_owned(), self.parts.queued_at.value()),
            ("offer_expires_at".to_owned(), self.parts.offer_expires_at.value()),
            ("lead_id".to_owned(), self.parts.lead.map_or(Value::Null, Value::Id)),
        ]
    }
}

/// What can happen to an enrollment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnrollmentFact {
    /// The person got a seat.
    Enrolled {
        /// The run.
        run: CourseRunId,
        /// Whether it is the seat that a hold had set aside.
        held: bool,
    },
    /// The person waits for a seat.
    Waitlisted {
        /// The run.
        run: CourseRunId,
    },
    /// The person was offered a seat, which is held meanwhile.
    Offered {
        /// The run.
        run: CourseRunId,
    },
    /// The person accepted the seat that was offered.
    Accepted {
        /// The run.
        run: CourseRunId,
    },
    /// The person did not accept it in time, and waits again.
    Lapsed {
        /// The run.
        run: CourseRunId,
    },
    /// The person has taken the run to its end.
    Completed {
        /// The run.
        run: CourseRunId,
    },
    /// The person has left.
    Dropped {
        /// The run.
        run: CourseRunId,
        /// Where they stood, which says what becomes free.
        from: EnrollmentStatus,
    },
    /// The person does not take part for now.
    Suspended {
        /// The run.
        run: CourseRunId,
    },
    /// The person takes part again.
    Resumed {
        /// The run.
        run: CourseRunId,
    },
    /// The place is in another run, into which the first was merged.
    Moved {
        /// The run in which it is now.
        run: CourseRunId,
        /// The run in which it was.
        left: CourseRunId,
        /// Where the person stands, in the one as in the other.
        status: EnrollmentStatus,
    },
}

impl EnrollmentFact {
    /// The run whose seats it moves.
    pub fn run(&self) -> CourseRunId {
        match *self {
            Self::Enrolled { run, .. }
            | Self::Waitlisted { run }
            | Self::Offered { run }
            | Self::Accepted { run }
            | Self::Lapsed { run }
            | Self::Completed { run }
            | Self::Dropped { run, .. }
            | Self::Suspended { run }
            | Self::Resumed { run }
            | Self::Moved { run, .. } => run,
        }
    }

    /// What it does to the seats of [the run](Self::run).
    pub fn seat_move(&self) -> SeatMove {
        use EnrollmentStatus::{Active, Offered, Suspended};
        match self {
            Self::Enrolled { held: false, .. } | Self::Moved { status: Active | Suspended, .. } => SeatMove { taken: 1, held: 0 },
            Self::Enrolled { held: true, .. } | Self::Accepted { .. } => SeatMove { taken: 1, held: -1 },
            Self::Offered { .. } | Self::Moved { status: Offered, .. } => SeatMove { taken: 0, held: 1 },
            Self::Lapsed { .. } | Self::Dropped { from: Offered, .. } => SeatMove { taken: 0, held: -1 },
            Self::Dropped { from: Active | Suspended, .. } => SeatMove { taken: -1, held: 0 },
            Self::Waitlisted { .. }
            | Self::Completed { .. }
            | Self::Dropped { .. }
            | Self::Suspended { .. }
            | Self::Resumed { .. }
            | Self::Moved { .. } => SeatMove::NONE,
        }
    }

    /// What it does to the seats of every run that it is about: what comes to one leaves the other.
    pub fn seat_moves(&self) -> impl Iterator<Item = (CourseRunId, SeatMove)> + use<> {
        let left = if let Self::Moved { left, .. } = self { Some((*left, -self.seat_move())) } else { None };
        [(self.run(), self.seat_move())].into_iter().chain(left)
    }
}

impl Fact for EnrollmentFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Enrolled { .. } => "enrolled",
            Self::Waitlisted { .. } => "waitlisted",
            Self::Offered { .. } => "offered",
            Self::Accepted { .. } => "accepted",
            Self::Lapsed { .. } => "lapsed",
            Self::Completed { .. } => "completed",
            Self::Dropped { .. } => "dropped",
            Self::Suspended { .. } => "suspended",
            Self::Resumed { .. } => "resumed",
            Self::Moved { .. } => "moved",
        }
    }
    /// The run, so that whoever hears of a freed seat knows where to look. The person is left out: what is told outside
    /// cannot be erased there, and the enrollment's id leads to them for as long as they are there.
    fn data(&self) -> Fields {
        let left = if let Self::Moved { left, .. } = self { Some(("left_course_run_id".to_owned(), left.value())) } else { None };
        [("course_run_id".to_owned(), self.run().value())].into_iter().chain(left).collect()
    }
}
