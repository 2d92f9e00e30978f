use super::{CourseRun, CourseRunError, CourseRunFact, CourseRunId, RunPlan, RunStatus};
use crate::shared::{Changed, Fault, Faults, Form, Instant, LocalDate, RecordId, Value, days_later};

crate::form! {
    /// How a run is announced once more: when, and what else is different there.
    pub struct RunCopy {
        /// First day; the others are as far from it as they are in the run that is copied.
        start_date: Option<LocalDate>,
        /// How many days later it is than the run that is copied, where no `start_date` is said.
        shift_days: Option<i32>,
        /// Where it is taught.
        campus_id: Option<RecordId>,
        /// How many seats there are.
        max_students: Option<u32>,
        /// With fewer people it is not worth teaching.
        min_students: Option<u32>,
    }
    check |this, faults| {
        if this.start_date.is_some() == this.shift_days.is_some() {
            faults.add(Fault::new("REQUIRED", "either start_date or shift_days is required").under("start_date"));
        }
    }
}

crate::form! {
    /// By how much the days of a run move.
    pub struct RunShift {
        /// So many days later; earlier, if it is negative.
        days: i32,
    }
    check |this, faults| {
        if this.days == 0 {
            faults.add(Fault::new("OUT_OF_RANGE", "must not be 0").under("days"));
        }
    }
}

impl RunPlan {
    /// The plan so many days later, as a field asks for it.
    fn shifted(&self, field: &str, days: i64) -> Result<Self, Faults> {
        let shift = |day| days_later(day, days).ok_or_else(|| Fault::new("OUT_OF_RANGE", "leads out of the calendar").under(field));
        let enrollment_deadline = self.enrollment_deadline.map(shift).transpose()?;
        Ok(Self { start_date: shift(self.start_date)?, end_date: shift(self.end_date)?, enrollment_deadline, ..self.clone() })
    }
}

impl CourseRun {
    /// Announces the same once more, with all its days as far from each other, and all its seats free.
    ///
    /// # Errors
    /// Every fault of the plan that would come out; `OUT_OF_RANGE` for days that are not in the calendar.
    pub fn copy(&self, id: CourseRunId, copy: &RunCopy, now: Instant) -> Result<Changed<Self>, Faults> {
        let (field, days) = match copy.start_date {
            Some(start) => ("start_date", (start - self.plan().start_date).num_days()),
            None => ("shift_days", copy.shift_days.unwrap_or_default().into()),
        };
        let mut plan = self.plan().shifted(field, days)?;
        plan.campus_id = copy.campus_id.or(plan.campus_id);
        plan.max_students = copy.max_students.unwrap_or(plan.max_students);
        plan.min_students = copy.min_students.or(plan.min_students);
        // What is different has to fit what is the same.
        Ok(Self::announce(id, RunPlan::read(&Value::Map(plan.fields()))?, Some(self.id()), now))
    }

    /// Moves all its days by so many.
    ///
    /// # Errors
    /// [`CourseRunError::NotScheduled`] once it has begun or will not be taught, `OUT_OF_RANGE` for days that are not in the calendar.
    pub fn shift(&self, shift: &RunShift, now: Instant) -> Result<Changed<Self>, CourseRunError> {
        if self.status() != RunStatus::Scheduled {
            return Err(CourseRunError::NotScheduled);
        }
        let plan = self.plan().shifted("days", shift.days.into())?;
        Ok(self.with(CourseRunFact::Shifted { days: shift.days }, now, |parts| parts.plan = plan))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::catalog::{CourseRunParts, Seats};
    use crate::shared::{Aggregate, Fact, Id};

    fn now() -> Instant {
        "2026-03-01T10:00:00Z".parse().unwrap()
    }

    fn day(text: &str) -> LocalDate {
        text.parse().unwrap()
    }

    fn map(fields: &[(&str, Value)]) -> Value {
        Value::Map(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    fn id(n: u128) -> CourseRunId {
        CourseRunId::from_uuid(Uuid::from_u128(n))
    }

    /// A run in which eight of ten seats are taken.
    fn run() -> CourseRun {
        let plan = RunPlan::read(&map(&[
            ("course_id", Value::Id(Uuid::from_u128(1))),
            ("campus_id", Value::Id(Uuid::from_u128(3))),
            ("start_date", "2026-04-01".into()),
            ("end_date", "2026-06-30".into()),
            ("enrollment_deadline", "2026-03-25".into()),
            ("max_students", Value::Int(10)),
            ("min_students", Value::Int(6)),
        ]));
        let run = CourseRun::schedule(id(2), plan.unwrap(), now()).into_state();
        CourseRun::from_parts(CourseRunParts { seats: Seats { max: 10, taken: 8, held: 0 }, ..run.parts().clone() })
    }

    fn days(plan: &RunPlan) -> [String; 3] {
        [plan.enrollment_deadline.unwrap(), plan.start_date, plan.end_date].map(|day| day.to_string())
    }

    fn copy(fields: &[(&str, Value)]) -> Result<Changed<CourseRun>, Faults> {
        RunCopy::read(&map(fields)).and_then(|copy| run().copy(id(9), &copy, now()))
    }

    #[test]
    fn a_copy_is_the_same_run_at_another_time_without_its_people() {
        for input in [("start_date", "2026-09-30".into()), ("shift_days", Value::Int(182))] {
            let copied = copy(&[input]).unwrap();
            assert_eq!((copied.is_new(), copied.fact().verb(), copied.state().id()), (true, "scheduled", id(9)));
            assert_eq!(copied.fact().data(), [("copy_of".to_owned(), Value::Id(Uuid::from_u128(2)))]);
            assert_eq!(days(copied.state().plan()), ["2026-09-23", "2026-09-30", "2026-12-29"]);
            let same = RunPlan {
                start_date: day("2026-04-01"),
                end_date: day("2026-06-30"),
                enrollment_deadline: Some(day("2026-03-25")),
                ..copied.state().plan().clone()
            };
            assert_eq!((&same, copied.state().seats()), (run().plan(), Seats { max: 10, taken: 0, held: 0 }));
        }
        let gone = CourseRun::from_parts(CourseRunParts { status: RunStatus::Completed, archived_at: Some(now()), ..run().parts().clone() });
        let again = gone.copy(id(9), &RunCopy::read(&map(&[("shift_days", Value::Int(0))])).unwrap(), now()).unwrap().into_state();
        assert_eq!((again.status(), again.archived_at(), again.plan()), (RunStatus::Scheduled, None, run().plan()));
    }

    #[test]
    fn what_is_different_in_a_copy_has_to_fit_the_rest() {
        let other = [
            ("shift_days", Value::Int(7)),
            ("campus_id", Value::Id(Uuid::from_u128(4))),
            ("max_students", Value::Int(5)),
            ("min_students", Value::Int(5)),
        ];
        let plan = copy(&other).unwrap().into_state().plan().clone();
        assert_eq!((plan.campus_id.map(Id::as_uuid), plan.max_students, plan.min_students), (Some(Uuid::from_u128(4)), 5, Some(5)));
        for (fields, wrong) in [
            (&[][..], ("/start_date", "REQUIRED")),
            (&[("start_date", "2026-09-30".into()), ("shift_days", Value::Int(7))], ("/start_date", "REQUIRED")),
            (&[("shift_days", Value::Int(7)), ("max_students", Value::Int(5))], ("/min_students", "MIN_ABOVE_MAX")),
            (&[("start_date", "2999-12-01".into())], ("/start_date", "OUT_OF_RANGE")),
            (&[("shift_days", Value::Int(1_000_000_000))], ("/shift_days", "OUT_OF_RANGE")),
            (&[("shift_days", Value::Int(-1_000_000_000))], ("/shift_days", "OUT_OF_RANGE")),
        ] {
            let faults = copy(fields).unwrap_err();
            assert_eq!(faults.0.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect::<Vec<_>>(), [wrong]);
        }
    }

    #[test]
    fn all_days_of_a_run_move_as_long_as_it_has_not_begun() {
        let by = |days| RunShift::read(&map(&[("days", Value::Int(days))]));
        for (shift, expected) in [(7, ["2026-04-01", "2026-04-08", "2026-07-07"]), (-30, ["2026-02-23", "2026-03-02", "2026-05-31"])] {
            let shifted = run().shift(&by(shift).unwrap(), now()).unwrap();
            assert_eq!(days(shifted.state().plan()), expected);
            assert_eq!((shifted.fact().verb(), shifted.fact().data()), ("shifted", vec![("days".to_owned(), Value::Int(shift))]));
            assert_eq!((shifted.state().seats(), shifted.state().version()), (run().seats(), 2));
        }
        assert_eq!(by(0).unwrap_err().0[0].code, "OUT_OF_RANGE");
        for status in [RunStatus::Ongoing, RunStatus::Completed, RunStatus::Cancelled] {
            let begun = CourseRun::from_parts(CourseRunParts { status, ..run().parts().clone() });
            assert_eq!(begun.shift(&by(7).unwrap(), now()).unwrap_err(), CourseRunError::NotScheduled);
        }
        let far = run().shift(&by(999_999_999).unwrap(), now()).unwrap_err();
        assert!(matches!(far, CourseRunError::Invalid(faults) if faults.0[0].pointer == "/days" && faults.0[0].code == "OUT_OF_RANGE"));
    }

    proptest! {
        #[test]
        fn what_is_moved_and_moved_back_is_as_it_was(days in -300_000..300_000_i32) {
            prop_assume!(days != 0);
            if let Ok(there) = run().shift(&RunShift { days }, now()) {
                let back = there.into_state().shift(&RunShift { days: -days }, now()).unwrap().into_state();
                prop_assert_eq!(back.plan().clone(), run().plan().clone());
            }
        }
    }
}
