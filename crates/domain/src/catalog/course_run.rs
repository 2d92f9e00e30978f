use uuid::Uuid;

use super::price::{check_prices, price_of};
use super::{Audience, AudiencePrice, CourseDetails, CourseId, CourseRunError, SeatsLeftPolicy};
use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, Fact, Fault, Faults, Field, Fields, Form, Id, Instant, Line, LocalDate, Money, Noun, RecordId, Value};

crate::id!(
    /// A course run.
    CourseRunId
);

crate::choice! {
    /// Where a course run stands (seed 0, `course_runs.status`).
    pub enum RunStatus {
        /// Announced.
        Scheduled = "scheduled",
        /// Being taught.
        Ongoing = "ongoing",
        /// Over.
        Completed = "completed",
        /// Will not be taught (any more).
        Cancelled = "cancelled",
    }
}

crate::form! {
    /// What, where, when, and for how many (`api.md`, Catalog). The days are those of the campus.
    pub struct RunPlan {
        /// The course that is taught; a run keeps it for good.
        course_id: CourseId,
        /// The educational cycle.
        cycle_id: Option<RecordId>,
        /// Where it is taught; nowhere if online.
        campus_id: Option<RecordId>,
        /// First day.
        start_date: LocalDate,
        /// Last day; a run of one day ends when it starts.
        end_date: LocalDate,
        /// Last day to enroll; the first day of the run if nothing is said.
        enrollment_deadline: Option<LocalDate>,
        /// How many seats there are.
        max_students: u32,
        /// With fewer people it is not worth teaching.
        min_students: Option<u32>,
        /// What those pay here who do not pay what the course says.
        prices: Vec<AudiencePrice>,
        /// What everybody may know of the seats that are left; what the organization says, if nothing is said.
        seats_left_policy: Option<SeatsLeftPolicy>,
    }
    check |this, faults| {
        if this.end_date < this.start_date {
            faults.add(Fault::rule("/end_date", "END_BEFORE_START", "must not be before start_date"));
        }
        if this.enrollment_deadline.is_some_and(|deadline| deadline > this.start_date) {
            faults.add(Fault::rule("/enrollment_deadline", "DEADLINE_AFTER_START", "must not be after start_date"));
        }
        if this.min_students.is_some_and(|min| min > this.max_students) {
            faults.add(Fault::rule("/min_students", "MIN_ABOVE_MAX", "must not be above max_students"));
        }
        check_prices(None, &this.prices, faults);
    }
}

impl RunPlan {
    /// The last day on which somebody can enroll; that day itself still counts.
    pub fn last_day_to_enroll(&self) -> LocalDate {
        self.enrollment_deadline.unwrap_or(self.start_date)
    }

    /// What an audience pays for a run of this plan: what is said here, else what its course says.
    pub fn price_for(&self, course: &CourseDetails, audience: Audience) -> Option<Money> {
        price_of(&self.prices, audience).or_else(|| course.price_for(audience))
    }
}

/// How many seats a run has, and how many are gone. Taken and held together never exceed `max` (seed 0: `current_students ≤ max_students`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seats {
    /// There are.
    pub max: u32,
    /// Somebody sits there.
    pub taken: u32,
    /// Set aside for somebody, by a hold or an offer.
    pub held: u32,
}

impl Seats {
    /// Taken or held.
    pub fn gone(self) -> u32 {
        self.taken.saturating_add(self.held)
    }

    /// Neither taken nor held.
    pub fn free(self) -> u32 {
        self.max.saturating_sub(self.gone())
    }
}

/// One dated offering of a course, with seats.
///
/// How many seats are gone changes by [`SeatMove`](crate::enrollment::SeatMove) alone, and is neither part of the version nor of
/// what the audit remembers: two people who enroll at the same time change the run's counters, not the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CourseRun {
    parts: CourseRunParts,
}

/// What a repository keeps of a course run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CourseRunParts {
    /// Id.
    pub id: CourseRunId,
    /// What, where, when, for how many.
    pub plan: RunPlan,
    /// Where it stands.
    pub status: RunStatus,
    /// Why it stands there, in somebody's words.
    pub status_reason: Option<String>,
    /// The run to which its people went when it was cancelled.
    pub merged_into: Option<CourseRunId>,
    /// Its seats; `max` is the plan's `max_students`.
    pub seats: Seats,
    /// Since when it is hidden.
    pub archived_at: Option<Instant>,
    /// Since when it exists.
    pub created_at: Instant,
    /// Last change.
    pub updated_at: Instant,
    /// Version.
    pub version: u32,
}

impl CourseRun {
    /// A new run, all of whose seats are free.
    pub fn schedule(id: CourseRunId, plan: RunPlan, now: Instant) -> Changed<Self> {
        Self::announce(id, plan, None, now)
    }

    pub(super) fn announce(id: CourseRunId, plan: RunPlan, copy_of: Option<CourseRunId>, now: Instant) -> Changed<Self> {
        let parts = CourseRunParts {
            id,
            seats: Seats { max: plan.max_students, taken: 0, held: 0 },
            plan,
            status: RunStatus::Scheduled,
            status_reason: None,
            merged_into: None,
            archived_at: None,
            created_at: now,
            updated_at: now,
            version: 0,
        };
        Changed::created(Self { parts }, CourseRunFact::Scheduled { copy_of }, now)
    }

    /// Changes what the patch names of the plan (RFC 7396). Seats can be added at any time, and taken away as long as they are
    /// free: the table's own check stands behind this for a seat that is taken meanwhile.
    ///
    /// # Errors
    /// Every fault of what would come out; `IMMUTABLE` for another course, `SEATS_BELOW_TAKEN` for fewer seats than are gone.
    pub fn change(&self, patch: &Value, now: Instant) -> Result<Changed<Self>, Faults> {
        let input = Value::Map(self.parts.plan.fields()).merged(patch);
        let (plan, mut faults) = match RunPlan::read(&input) {
            Ok(plan) => (Some(plan), Faults::default()),
            Err(faults) => (None, faults),
        };
        // Judged field by field, so that what else is wrong does not hide it.
        if CourseId::parse(input.get("course_id")).is_ok_and(|course| course != self.parts.plan.course_id) {
            faults.add(Fault::rule("/course_id", "IMMUTABLE", "a run keeps its course; schedule another run"));
        }
        let gone = self.parts.seats.gone();
        if u32::parse(input.get("max_students")).is_ok_and(|max| max < gone) {
            faults.add(Fault::rule("/max_students", "SEATS_BELOW_TAKEN", format!("{gone} seats are taken or held")));
        }
        match plan {
            Some(plan) if faults.0.is_empty() => Ok(self.with(CourseRunFact::Changed, now, |parts| {
                parts.seats.max = plan.max_students;
                parts.plan = plan;
            })),
            _ => Err(faults),
        }
    }

    /// Takes it to another status. The reason is why it stands there, so the one from before goes. In a run that is cancelled nobody has
    /// a place: end them in the same transaction ([`Places::end`](crate::enrollment::Places::end)).
    ///
    /// # Errors
    /// [`CourseRunError::InvalidTransition`].
    pub fn transition(&self, to: RunStatus, reason: Option<&Line<300>>, now: Instant) -> Result<Changed<Self>, CourseRunError> {
        let fact = self.step(to)?;
        Ok(self.with(fact, now, |parts| {
            parts.status = to;
            parts.status_reason = reason.map(|reason| reason.as_str().to_owned());
        }))
    }

    /// Cancels it in favour of another run of the same course, to which its people go in the same transaction
    /// ([`Places::merge_into`](crate::enrollment::Places::merge_into)). Answers what becomes of both.
    ///
    /// # Errors
    /// [`CourseRunError::InvalidTransition`] unless it can be cancelled, [`CourseRunError::NotOpen`] for a run to which nobody can go, faults
    /// of `into` for itself (`SAME_RUN`) and for a run of another course (`OTHER_COURSE`).
    pub fn merge_into(&self, target: &Self, now: Instant) -> Result<[Changed<Self>; 2], CourseRunError> {
        if target.id() == self.id() {
            return Err(Faults::from(Fault::rule("/into", "SAME_RUN", "must be another run")).into());
        }
        if target.plan().course_id != self.plan().course_id {
            return Err(Faults::from(Fault::rule("/into", "OTHER_COURSE", "must be a run of the same course")).into());
        }
        self.step(RunStatus::Cancelled)?;
        if !matches!(target.status(), RunStatus::Scheduled | RunStatus::Ongoing) || target.archived_at().is_some() {
            return Err(CourseRunError::NotOpen);
        }
        let merged = self.with(CourseRunFact::Merged { into: target.id() }, now, |parts| {
            parts.status = RunStatus::Cancelled;
            parts.status_reason = None;
            parts.merged_into = Some(target.id());
        });
        Ok([merged, target.with(CourseRunFact::Joined { from: self.id() }, now, |_| ())])
    }

    fn step(&self, to: RunStatus) -> Result<CourseRunFact, CourseRunError> {
        let from = self.parts.status;
        step(from, to).ok_or_else(|| {
            let possible = RunStatus::ALL.iter().filter(|to| step(from, **to).is_some()).map(|to| to.as_str()).collect();
            CourseRunError::InvalidTransition { from, to, possible }
        })
    }

    /// Whether it is yet to start, and fewer people have a seat than it is worth teaching for.
    pub fn is_below_minimum(&self) -> bool {
        self.parts.status == RunStatus::Scheduled && self.parts.plan.min_students.is_some_and(|min| self.parts.seats.taken < min)
    }

    pub(crate) fn set_seats(&mut self, seats: Seats) {
        self.parts.seats = seats;
    }

    /// Its id.
    pub fn id(&self) -> CourseRunId {
        self.parts.id
    }
    /// What, where, when, for how many.
    pub fn plan(&self) -> &RunPlan {
        &self.parts.plan
    }
    /// Where it stands.
    pub fn status(&self) -> RunStatus {
        self.parts.status
    }
    /// Why it stands there, in somebody's words.
    pub fn status_reason(&self) -> Option<&str> {
        self.parts.status_reason.as_deref()
    }
    /// The run to which its people went when it was cancelled.
    pub fn merged_into(&self) -> Option<CourseRunId> {
        self.parts.merged_into
    }
    /// Its seats, as they were when it was read.
    pub fn seats(&self) -> Seats {
        self.parts.seats
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

/// The state machine: what has happened when a run goes from one status to another, if it can.
fn step(from: RunStatus, to: RunStatus) -> Option<CourseRunFact> {
    use RunStatus::{Cancelled, Completed, Ongoing, Scheduled};
    match (from, to) {
        (Scheduled, Ongoing) => Some(CourseRunFact::Started),
        (Ongoing, Completed) => Some(CourseRunFact::Completed),
        (Scheduled | Ongoing, Cancelled) => Some(CourseRunFact::Cancelled),
        _ => None,
    }
}

crate::shared::kept_as!(CourseRun, CourseRunParts, CourseRunFact);
crate::shared::archivable!(CourseRun.parts.archived_at, CourseRunFact);

impl Aggregate for CourseRun {
    type Fact = CourseRunFact;
    fn noun(&self) -> Noun {
        Noun { context: "catalog", one: "course_run", many: "course_runs" }
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
        None
    }
    /// The plan, states and ids. The reason is free text, and stays in the row alone.
    fn fields(&self) -> Fields {
        let mut fields = self.parts.plan.fields();
        fields.push(("status".to_owned(), self.parts.status.value()));
        fields.push(("merged_into".to_owned(), self.parts.merged_into.value()));
        fields.push(("archived_at".to_owned(), self.parts.archived_at.value()));
        fields
    }
}

/// What can happen to a course run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CourseRunFact {
    /// It is announced.
    Scheduled {
        /// The run of which it is a copy.
        copy_of: Option<CourseRunId>,
    },
    /// The plan changed; there may be more seats.
    Changed,
    /// All its days moved.
    Shifted {
        /// So many days later; earlier, if it is negative.
        days: i32,
    },
    /// Teaching began.
    Started,
    /// It is over.
    Completed,
    /// It will not be taught (any more).
    Cancelled,
    /// It will not be taught (any more), and its people went to another run.
    Merged {
        /// That run.
        into: CourseRunId,
    },
    /// The people of another run came to it.
    Joined {
        /// That run.
        from: CourseRunId,
    },
    /// It is hidden.
    Archived,
    /// It is back.
    Restored,
}

impl Fact for CourseRunFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Scheduled { .. } => "scheduled",
            Self::Changed => "changed",
            Self::Shifted { .. } => "shifted",
            Self::Started => "started",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Merged { .. } => "merged",
            Self::Joined { .. } => "joined",
            Self::Archived => "archived",
            Self::Restored => "restored",
        }
    }
    fn data(&self) -> Fields {
        match self {
            Self::Scheduled { copy_of: Some(copied) } => vec![("copy_of".to_owned(), copied.value())],
            Self::Shifted { days } => vec![("days".to_owned(), days.value())],
            Self::Merged { into } => vec![("into".to_owned(), into.value())],
            Self::Joined { from } => vec![("from".to_owned(), from.value())],
            _ => Fields::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Instant {
        "2026-03-01T10:00:00Z".parse().unwrap()
    }

    fn map(fields: &[(&str, Value)]) -> Value {
        Value::Map(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    fn plan() -> Value {
        map(&[
            ("course_id", Value::Id(Uuid::from_u128(1))),
            ("start_date", "2026-04-01".into()),
            ("end_date", "2026-06-30".into()),
            ("max_students", Value::Int(10)),
        ])
    }

    fn run() -> CourseRun {
        CourseRun::schedule(CourseRunId::from_uuid(Uuid::from_u128(2)), RunPlan::read(&plan()).unwrap(), now()).into_state()
    }

    fn places(faults: &Faults) -> Vec<(&str, &str)> {
        faults.0.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect()
    }

    #[test]
    fn the_days_of_a_plan_follow_each_other() {
        for (end, deadline, wrong) in [
            ("2026-04-01", Value::Null, &[][..]),
            ("2026-04-01", "2026-04-01".into(), &[]),
            ("2026-06-30", "2026-03-31".into(), &[]),
            ("2026-06-30", "2026-04-02".into(), &[("/enrollment_deadline", "DEADLINE_AFTER_START")]),
            ("2026-03-31", Value::Null, &[("/end_date", "END_BEFORE_START")]),
            ("2026-04-01", "2026-04-02".into(), &[("/enrollment_deadline", "DEADLINE_AFTER_START")]),
            ("2026-03-31", "2026-04-02".into(), &[("/end_date", "END_BEFORE_START"), ("/enrollment_deadline", "DEADLINE_AFTER_START")]),
        ] {
            let read = RunPlan::read(&plan().merged(&map(&[("end_date", end.into()), ("enrollment_deadline", deadline)])));
            assert_eq!(read.as_ref().err().map(places).unwrap_or_default(), wrong, "{end}");
        }
    }

    #[test]
    fn every_pair_of_statuses_is_either_a_step_or_refused() {
        use RunStatus::{Cancelled, Completed, Ongoing, Scheduled};
        for (from, steps) in [
            (Scheduled, &[(Ongoing, "started"), (Cancelled, "cancelled")][..]),
            (Ongoing, &[(Completed, "completed"), (Cancelled, "cancelled")]),
            (Completed, &[]),
            (Cancelled, &[]),
        ] {
            let before = CourseRun::from_parts(CourseRunParts { status: from, ..run().parts().clone() });
            for to in RunStatus::ALL.iter().copied() {
                let outcome = before.transition(to, None, now());
                if let Some((_, verb)) = steps.iter().find(|(step, _)| *step == to) {
                    let changed = outcome.unwrap();
                    assert_eq!((changed.state().status(), changed.fact().verb()), (to, *verb), "{from} to {to}");
                } else {
                    let possible = steps.iter().map(|(step, _)| step.as_str()).collect();
                    assert_eq!(outcome.unwrap_err(), CourseRunError::InvalidTransition { from, to, possible });
                }
            }
        }
    }

    #[test]
    fn seats_that_are_gone_cannot_be_taken_away() {
        let run = CourseRun::from_parts(CourseRunParts { seats: Seats { max: 10, taken: 3, held: 1 }, ..run().parts().clone() });
        assert_eq!(places(&run.change(&map(&[("max_students", Value::Int(3))]), now()).unwrap_err()), [("/max_students", "SEATS_BELOW_TAKEN")]);
        let smaller = run.change(&map(&[("max_students", Value::Int(4))]), now()).unwrap();
        assert_eq!((smaller.state().seats(), smaller.state().seats().free()), (Seats { max: 4, taken: 3, held: 1 }, 0));
    }

    #[test]
    fn a_change_tells_all_its_faults() {
        let run = CourseRun::from_parts(CourseRunParts { seats: Seats { max: 10, taken: 1, held: 0 }, ..run().parts().clone() });
        let patch = map(&[
            ("seats_taken", Value::Int(0)),
            ("course_id", Value::Id(Uuid::from_u128(9))),
            ("start_date", Value::Null),
            ("max_students", Value::Int(0)),
        ]);
        assert_eq!(
            places(&run.change(&patch, now()).unwrap_err()),
            [("/seats_taken", "UNKNOWN_FIELD"), ("/start_date", "REQUIRED"), ("/course_id", "IMMUTABLE"), ("/max_students", "SEATS_BELOW_TAKEN")]
        );
        assert_eq!(run.change(&Value::Null, now()).unwrap_err().code(), "VALIDATION_FAILED");
        // Naming the same course again is no change.
        assert!(run.change(&map(&[("course_id", Value::Id(Uuid::from_u128(1)))]), now()).unwrap().changes().is_empty());
    }

    #[test]
    fn a_reason_is_why_a_run_stands_where_it_stands() {
        let why = Line::parse("Falta de alumnos").unwrap();
        let cancelled = run().transition(RunStatus::Cancelled, Some(&why), now()).unwrap();
        assert_eq!(cancelled.state().status_reason(), Some("Falta de alumnos"));
        assert!(cancelled.changes().iter().all(|change| change.field == "status"), "what somebody wrote is not for the audit");
    }

    #[test]
    fn the_people_of_a_run_go_to_another_one_of_the_same_course() {
        let other = |course: u128, status, hidden: bool| {
            let plan = RunPlan { course_id: CourseId::from_uuid(Uuid::from_u128(course)), ..run().plan().clone() };
            let id = CourseRunId::from_uuid(Uuid::from_u128(3));
            CourseRun::from_parts(CourseRunParts { id, plan, status, archived_at: hidden.then(now), ..run().parts().clone() })
        };
        for status in [RunStatus::Scheduled, RunStatus::Ongoing] {
            let target = other(1, status, false);
            let from = CourseRun::from_parts(CourseRunParts { status, ..run().parts().clone() });
            let [merged, joined] = from.merge_into(&target, now()).unwrap();
            assert_eq!((merged.fact().verb(), joined.fact().verb()), ("merged", "joined"));
            assert_eq!((merged.fact().data()[0].1.clone(), joined.fact().data()[0].1.clone()), (target.id().value(), from.id().value()));
            assert_eq!((merged.state().status(), merged.state().merged_into()), (RunStatus::Cancelled, Some(target.id())));
            assert_eq!((joined.changes().len(), joined.state().version()), (0, target.version() + 1));
        }
        for status in [RunStatus::Completed, RunStatus::Cancelled] {
            assert_eq!(run().merge_into(&other(1, status, false), now()).unwrap_err(), CourseRunError::NotOpen);
            let over = CourseRun::from_parts(CourseRunParts { status, ..run().parts().clone() });
            let refused = over.merge_into(&other(1, RunStatus::Scheduled, false), now()).unwrap_err();
            assert!(matches!(refused, CourseRunError::InvalidTransition { to: RunStatus::Cancelled, .. }));
        }
        assert_eq!(run().merge_into(&other(1, RunStatus::Scheduled, true), now()).unwrap_err(), CourseRunError::NotOpen);
        for (target, code) in [(other(9, RunStatus::Scheduled, false), "OTHER_COURSE"), (run(), "SAME_RUN")] {
            let CourseRunError::Invalid(faults) = run().merge_into(&target, now()).unwrap_err() else { panic!("{code}") };
            assert_eq!((places(&faults), faults.code()), (vec![("/into", code)], code));
        }
    }

    #[test]
    fn a_run_that_is_worth_teaching_has_enough_people() {
        let with = |min: Option<u32>, taken, status| {
            let plan = RunPlan { min_students: min, ..run().plan().clone() };
            CourseRun::from_parts(CourseRunParts { plan, seats: Seats { max: 10, taken, held: 9 - taken }, status, ..run().parts().clone() })
        };
        for (min, taken, status, below) in [
            (Some(6), 5, RunStatus::Scheduled, true),
            (Some(6), 6, RunStatus::Scheduled, false),
            (Some(6), 5, RunStatus::Ongoing, false),
            (Some(6), 0, RunStatus::Cancelled, false),
            (None, 0, RunStatus::Scheduled, false),
        ] {
            assert_eq!(with(min, taken, status).is_below_minimum(), below, "{min:?} {taken} {status}");
        }
        for (min, wrong) in [(10, &[][..]), (11, &[("/min_students", "MIN_ABOVE_MAX")])] {
            let read = RunPlan::read(&plan().merged(&map(&[("min_students", Value::Int(min))])));
            assert_eq!(read.as_ref().err().map(places).unwrap_or_default(), wrong);
        }
    }

    #[test]
    fn what_a_run_says_of_a_price_stands_before_what_its_course_says() {
        let price = |audience: &str, cents| map(&[("audience", audience.into()), ("price", Money::euros_in_cents(cents).value())]);
        let course = map(&[
            ("slug", "soldadura".into()),
            ("title", "Soldadura".into()),
            ("duration_hours", Value::Int(60)),
            ("modality", "online".into()),
            ("price", Money::euros_in_cents(3).value()),
            ("prices", Value::List(vec![price("company", 2), price("student", 4)])),
        ]);
        let (course, prices) = (CourseDetails::read(&course).unwrap(), Value::List(vec![price("company", 1)]));
        let here = RunPlan::read(&plan().merged(&map(&[("prices", prices)]))).unwrap();
        for (audience, cents) in [(Audience::Company, 1), (Audience::Student, 4), (Audience::Private, 3)] {
            assert_eq!(here.price_for(&course, audience), Some(Money::euros_in_cents(cents)));
        }
        let twice = Value::List(vec![price("company", 1), price("company", 2)]);
        assert_eq!(places(&RunPlan::read(&plan().merged(&map(&[("prices", twice)]))).unwrap_err()), [("/prices/1", "DUPLICATE")]);
    }

    #[test]
    fn how_many_seats_are_gone_is_not_for_the_audit() {
        let mut run = run();
        let fields = run.fields();
        run.set_seats(Seats { max: 10, taken: 5, held: 5 });
        assert_eq!(run.fields(), fields);
        assert!(fields.iter().all(|(name, _)| !name.starts_with("seats_taken") && !name.starts_with("seats_held")));
    }

    #[test]
    fn what_is_hidden_comes_back_as_it_was() {
        let hidden = run().archive(now()).unwrap().into_state();
        assert_eq!((hidden.archived_at(), hidden.status()), (Some(now()), RunStatus::Scheduled));
        assert!(hidden.archive(now()).is_none() && run().restore(now()).is_none());
        assert_eq!(hidden.restore(now()).unwrap().state().archived_at(), None);
    }
}
