use chrono::TimeDelta;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::catalog::{CourseId, CourseRun, CourseRunId, CourseRunParts, RunPlan, RunStatus, Seats};
use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, Fact, Id, Instant, Line, LocalDate, Value};

const TAKE: SeatMove = SeatMove { taken: 1, held: 0 };
const LEAVE: SeatMove = SeatMove { taken: -1, held: 0 };
const HOLD: SeatMove = SeatMove { taken: 0, held: 1 };
const FREE: SeatMove = SeatMove { taken: 0, held: -1 };
const SIT: SeatMove = SeatMove { taken: 1, held: -1 };

fn id<T: Id>(n: u128) -> T {
    T::from_uuid(Uuid::from_u128(n))
}

fn now() -> Instant {
    "2026-03-01T10:00:00Z".parse().unwrap()
}

fn in_hours(hours: i64) -> Instant {
    now() + TimeDelta::hours(hours)
}

fn day(text: &str) -> LocalDate {
    text.parse().unwrap()
}

/// A run from April to June, until whose fifth day people can enroll.
fn run(max_students: u32) -> CourseRun {
    let (start_date, end_date, enrollment_deadline) = (day("2026-04-10"), day("2026-06-30"), Some(day("2026-04-05")));
    let plan = RunPlan {
        course_id: id::<CourseId>(1),
        cycle_id: None,
        campus_id: None,
        start_date,
        end_date,
        enrollment_deadline,
        max_students,
        min_students: None,
        prices: Vec::new(),
        seats_left_policy: None,
    };
    CourseRun::schedule(id(2), plan, now()).into_state()
}

fn full(max_students: u32) -> CourseRun {
    run(max_students).after(SeatMove { taken: i32::try_from(max_students).unwrap(), held: 0 }).unwrap()
}

fn ask(run: &CourseRun) -> Request<'_> {
    Request {
        id: id(3),
        run,
        waiting: 0,
        person: id(4),
        previous_attempts: 0,
        already_open: false,
        hold: None,
        waitlist: false,
        lead: None,
        today: day("2026-03-01"),
        now: now(),
    }
}

fn hold(run: &CourseRun, hours: u32) -> Result<Changed<SeatHold>, EnrollmentError> {
    SeatHold::hold(id(5), run, 0, id(4), hours, day("2026-03-01"), now())
}

/// An enrollment as it comes to be in each status. An offer is open for 48 hours.
fn at(status: EnrollmentStatus) -> Enrollment {
    let (run, full) = (run(1), full(1));
    let active = || Enrollment::enroll(ask(&run)).unwrap().enrollment.into_state();
    let waitlisted = || Enrollment::enroll(Request { waitlist: true, ..ask(&full) }).unwrap().enrollment.into_state();
    match status {
        EnrollmentStatus::Active => active(),
        EnrollmentStatus::Waitlisted => waitlisted(),
        EnrollmentStatus::Offered => waitlisted().offer(in_hours(48), now()).unwrap().into_state(),
        EnrollmentStatus::Completed | EnrollmentStatus::Dropped | EnrollmentStatus::Suspended => {
            active().transition(status, None, now()).unwrap().into_state()
        }
    }
}

fn refused(from: EnrollmentStatus, to: EnrollmentStatus, possible: &[&'static str]) -> EnrollmentError {
    EnrollmentError::InvalidTransition { from, to, possible: possible.to_vec() }
}

/// What can be done from each status, in the order of the declaration.
fn possible(from: EnrollmentStatus) -> &'static [&'static str] {
    match from {
        EnrollmentStatus::Active => &["completed", "dropped", "suspended"],
        EnrollmentStatus::Waitlisted => &["dropped"],
        EnrollmentStatus::Offered | EnrollmentStatus::Suspended => &["active", "dropped"],
        EnrollmentStatus::Completed | EnrollmentStatus::Dropped => &[],
    }
}

#[test]
fn every_pair_of_statuses_is_either_a_step_or_refused() {
    use EnrollmentStatus::{Active, Completed, Dropped, Offered, Suspended, Waitlisted};
    let steps = [
        (Active, Completed, "completed", SeatMove::NONE),
        (Active, Dropped, "dropped", LEAVE),
        (Active, Suspended, "suspended", SeatMove::NONE),
        (Suspended, Active, "resumed", SeatMove::NONE),
        (Suspended, Dropped, "dropped", LEAVE),
        (Waitlisted, Dropped, "dropped", SeatMove::NONE),
        (Offered, Dropped, "dropped", FREE),
        (Offered, Active, "accepted", SIT),
    ];
    for from in EnrollmentStatus::ALL.iter().copied() {
        for to in EnrollmentStatus::ALL.iter().copied() {
            let outcome = at(from).transition(to, None, in_hours(1));
            if let Some((_, _, verb, seat_move)) = steps.iter().find(|(a, b, ..)| (*a, *b) == (from, to)) {
                let changed = outcome.unwrap();
                assert_eq!((changed.state().status(), changed.fact().verb(), changed.fact().seat_move()), (to, *verb, *seat_move), "{from} to {to}");
                assert_eq!((changed.state().queued_at(), changed.state().offer_expires_at()), (None, None), "{from} to {to}");
                assert_eq!((changed.fact().run(), changed.state().updated_at()), (id(2), in_hours(1)));
            } else {
                assert_eq!(outcome.unwrap_err(), refused(from, to, possible(from)));
            }
        }
    }
}

#[test]
fn only_who_waits_is_offered_a_seat() {
    for from in EnrollmentStatus::ALL.iter().copied() {
        let outcome = at(from).offer(in_hours(48), now());
        if from == EnrollmentStatus::Waitlisted {
            let offered = outcome.unwrap();
            assert_eq!((offered.fact().verb(), offered.fact().seat_move()), ("offered", HOLD));
            assert_eq!((offered.state().queued_at(), offered.state().offer_expires_at()), (Some(now()), Some(in_hours(48))));
        } else {
            assert_eq!(outcome.unwrap_err(), refused(from, EnrollmentStatus::Offered, possible(from)));
        }
    }
}

#[test]
fn only_an_offer_lapses_and_only_after_its_time() {
    for from in EnrollmentStatus::ALL.iter().copied() {
        let outcome = at(from).lapse(in_hours(48));
        if from == EnrollmentStatus::Offered {
            let lapsed = outcome.unwrap();
            assert_eq!((lapsed.fact().verb(), lapsed.fact().seat_move()), ("lapsed", FREE));
            assert_eq!(
                (lapsed.state().status(), lapsed.state().queued_at(), lapsed.state().offer_expires_at()),
                (EnrollmentStatus::Waitlisted, Some(in_hours(48)), None)
            );
        } else {
            assert_eq!(outcome.unwrap_err(), refused(from, EnrollmentStatus::Waitlisted, possible(from)));
        }
    }
    assert_eq!(at(EnrollmentStatus::Offered).lapse(in_hours(47)).unwrap_err(), EnrollmentError::NotExpired);
}

#[test]
fn an_offer_is_accepted_before_it_expires_or_never() {
    let offered = at(EnrollmentStatus::Offered);
    assert!(offered.transition(EnrollmentStatus::Active, None, in_hours(47)).is_ok());
    assert_eq!(offered.transition(EnrollmentStatus::Active, None, in_hours(48)).unwrap_err(), EnrollmentError::OfferExpired);
    // Whoever is too late can still say no.
    assert!(offered.transition(EnrollmentStatus::Dropped, None, in_hours(48)).is_ok());
}

#[test]
fn a_reason_says_why_it_stands_where_it_stands() {
    let reason = Line::parse("baja médica").unwrap();
    let suspended = at(EnrollmentStatus::Active).transition(EnrollmentStatus::Suspended, Some(reason), now()).unwrap();
    assert_eq!(suspended.state().reason(), Some("baja médica"));
    let words = Value::Map(suspended.state().fields()).canonical() + &Value::Map(suspended.fact().data()).canonical();
    assert!(!words.contains("baja"), "{words}");
    assert_eq!(suspended.state().transition(EnrollmentStatus::Active, None, now()).unwrap().state().reason(), None);
}

#[test]
fn a_place_is_given_by_seat_then_by_line() {
    let (open, gone) = (run(1), full(1));
    let seat = Ok(("enrolled", TAKE));
    let line = Ok(("waitlisted", SeatMove::NONE));
    for (what, request, outcome) in [
        ("a free seat", ask(&open), seat.clone()),
        ("a free seat needs no line", Request { waitlist: true, ..ask(&open) }, seat),
        ("full", ask(&gone), Err(EnrollmentError::RunFull)),
        ("full, and would wait", Request { waitlist: true, ..ask(&gone) }, line.clone()),
        ("others wait for the free seat", Request { waiting: 1, ..ask(&open) }, Err(EnrollmentError::RunFull)),
        ("others wait, and would too", Request { waiting: 1, waitlist: true, ..ask(&open) }, line),
        ("already in", Request { already_open: true, waitlist: true, ..ask(&open) }, Err(EnrollmentError::AlreadyEnrolled)),
        ("too late", Request { today: day("2026-04-06"), waitlist: true, ..ask(&open) }, Err(EnrollmentError::EnrollmentClosed)),
    ] {
        let told = Enrollment::enroll(request).map(|enrolled| (enrolled.enrollment.fact().verb(), enrolled.enrollment.fact().seat_move()));
        assert_eq!(told, outcome, "{what}");
    }
}

#[test]
fn an_enrollment_remembers_what_it_came_from() {
    let (lead, gone) = (Some(Uuid::from_u128(8)), full(1));
    let enrollment = Enrollment::enroll(Request { lead, previous_attempts: 2, waitlist: true, ..ask(&gone) }).unwrap().enrollment;
    assert!(enrollment.is_new());
    let enrollment = enrollment.into_state();
    assert_eq!((enrollment.lead(), enrollment.attempt(), enrollment.queued_at()), (lead, 3, Some(now())));
    assert_eq!((enrollment.run(), enrollment.person(), enrollment.subject()), (id(2), id(4), Some(id(4))));
    assert_eq!(Enrollment::from_parts(enrollment.parts().clone()), enrollment);
}

#[test]
fn a_run_is_open_while_it_is_announced_or_taught_until_its_last_day() {
    use EnrollmentError::{EnrollmentClosed, RunNotOpen};
    use RunStatus::{Cancelled, Completed, Ongoing, Scheduled};
    let open = |status, hidden: bool, deadline: Option<&str>, today| {
        let run = run(1);
        let plan = RunPlan { enrollment_deadline: deadline.map(day), ..run.plan().clone() };
        CourseRun::from_parts(CourseRunParts { status, plan, archived_at: hidden.then(now), ..run.parts().clone() }).is_open(day(today))
    };
    for (status, hidden, deadline, today, outcome) in [
        (Scheduled, false, Some("2026-04-05"), "2026-04-05", Ok(())),
        (Ongoing, false, Some("2026-04-05"), "2026-04-05", Ok(())),
        (Scheduled, false, Some("2026-04-05"), "2026-04-06", Err(EnrollmentClosed)),
        (Scheduled, false, None, "2026-04-10", Ok(())),
        (Ongoing, false, None, "2026-04-11", Err(EnrollmentClosed)),
        (Scheduled, true, None, "2026-03-01", Err(RunNotOpen)),
        (Completed, false, None, "2026-03-01", Err(RunNotOpen)),
        (Cancelled, false, None, "2026-04-02", Err(RunNotOpen)),
    ] {
        assert_eq!(open(status, hidden, deadline, today), outcome, "{status} {deadline:?} {today}");
    }
    let cancelled = CourseRun::from_parts(CourseRunParts { status: Cancelled, ..run(1).parts().clone() });
    assert_eq!(Enrollment::enroll(ask(&cancelled)).unwrap_err(), RunNotOpen);
    assert_eq!(hold(&cancelled, 48).unwrap_err(), RunNotOpen);
}

#[test]
fn a_seat_is_held_for_an_hour_to_a_week() {
    for (hours, fits) in [(0, false), (1, true), (168, true), (169, false)] {
        match hold(&run(1), hours) {
            Ok(held) => assert_eq!((fits, held.state().expires_at()), (true, in_hours(hours.into()))),
            Err(EnrollmentError::Invalid(faults)) => {
                assert_eq!((fits, faults.0[0].pointer.as_str(), faults.code()), (false, "/hours", "HOURS_OUT_OF_RANGE"));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn only_a_free_seat_for_which_nobody_waits_is_held() {
    let held = hold(&run(1), 48).unwrap();
    assert_eq!((held.fact().verb(), held.fact().seat_move(), held.fact().run()), ("held", HOLD, id(2)));
    assert_eq!((held.state().subject(), SeatHold::from_parts(held.state().parts().clone())), (Some(id(4)), held.state().clone()));
    assert_eq!(hold(&full(1), 48).unwrap_err(), EnrollmentError::RunFull);
    assert_eq!(SeatHold::hold(id(5), &run(1), 1, id(4), 48, day("2026-03-01"), now()).unwrap_err(), EnrollmentError::RunFull);
    assert_eq!(SeatHold::hold(id(5), &run(1), 0, id(4), 48, day("2026-04-06"), now()).unwrap_err(), EnrollmentError::EnrollmentClosed);
}

#[test]
fn a_held_seat_becomes_the_persons_seat_in_a_full_run() {
    let held = hold(&run(1), 48).unwrap();
    let run = run(1).after(held.fact().seat_move()).unwrap();
    assert_eq!(Enrollment::enroll(ask(&run)).unwrap_err(), EnrollmentError::RunFull);
    let enrolled = Enrollment::enroll(Request { hold: Some(held.state()), waiting: 3, now: in_hours(47), ..ask(&run) }).unwrap();
    let used = enrolled.hold.unwrap();
    assert_eq!(
        (used.fact().verb(), used.state().status(), enrolled.enrollment.state().status()),
        ("used", HoldStatus::Used, EnrollmentStatus::Active)
    );
    assert_eq!(used.fact().seat_move() + enrolled.enrollment.fact().seat_move(), SIT);
    // Each by itself can be applied to the full run, in either order.
    assert_eq!(
        run.after(enrolled.enrollment.fact().seat_move()).unwrap().after(used.fact().seat_move()).unwrap().seats(),
        Seats { max: 1, taken: 1, held: 0 }
    );
}

#[test]
fn a_hold_is_for_one_person_one_run_and_a_while() {
    let held = hold(&run(9), 48).unwrap().into_state();
    let run = run(9);
    let other_run = CourseRun::from_parts(CourseRunParts { id: id::<CourseRunId>(99), ..run.parts().clone() });
    let released = held.release(now()).unwrap().into_state();
    let request = Request { waitlist: true, hold: Some(&held), ..ask(&run) };
    for (what, request) in [
        ("another person", Request { person: id::<PersonId>(99), ..request }),
        ("another run", Request { run: &other_run, ..request }),
        ("too late", Request { now: in_hours(48), ..request }),
        ("given back", Request { hold: Some(&released), ..request }),
    ] {
        assert_eq!(Enrollment::enroll(request).unwrap_err(), EnrollmentError::HoldNotUsable, "{what}");
    }
    assert_eq!(Enrollment::enroll(Request { today: day("2026-04-06"), ..request }).unwrap_err(), EnrollmentError::EnrollmentClosed);
}

#[test]
fn a_hold_ends_once() {
    let held = hold(&run(1), 48).unwrap().into_state();
    assert_eq!(held.expire(in_hours(47)).unwrap_err(), EnrollmentError::NotExpired);
    let ends = [
        ("released", HoldStatus::Released, held.release(in_hours(1)).unwrap()),
        ("released", HoldStatus::Released, held.release(in_hours(49)).unwrap()),
        ("expired", HoldStatus::Expired, held.expire(in_hours(48)).unwrap()),
    ];
    for (verb, status, end) in ends {
        assert_eq!((end.fact().verb(), end.state().status(), end.fact().seat_move(), end.fact().run()), (verb, status, FREE, id(2)));
        assert_eq!(end.state().release(in_hours(49)).unwrap_err(), EnrollmentError::HoldNotUsable);
        assert_eq!(end.state().expire(in_hours(49)).unwrap_err(), EnrollmentError::HoldNotUsable);
    }
}

#[test]
fn the_line_is_kept_by_time_then_by_id() {
    let waiting = |n: u128, since: i64| {
        let parts = at(EnrollmentStatus::Waitlisted).parts().clone();
        Enrollment::from_parts(EnrollmentParts { id: id(n), queued_at: Some(in_hours(since)), ..parts })
    };
    let line = [at(EnrollmentStatus::Active), waiting(11, 2), waiting(13, 1), waiting(12, 1), at(EnrollmentStatus::Offered)];
    assert_eq!(next_in_line(&line).unwrap().id(), id(12));
    assert!(next_in_line(&line[..1]).is_none());
}

#[test]
fn seats_never_go_beyond_what_there_is() {
    let seats = Seats { max: 3, taken: 1, held: 1 };
    for (seat_move, outcome) in [
        (SeatMove::NONE, Ok((1, 1))),
        (TAKE, Ok((2, 1))),
        (HOLD, Ok((1, 2))),
        (SIT, Ok((2, 0))),
        (TAKE + HOLD, Err(Full)),
        (TAKE + HOLD + FREE, Ok((2, 1))),
        (LEAVE + LEAVE, Err(Full)),
        (FREE + FREE, Err(Full)),
    ] {
        assert_eq!(seats.after(seat_move).map(|after| (after.taken, after.held)), outcome, "{seat_move:?}");
    }
    assert_eq!(EnrollmentError::from(Full), EnrollmentError::RunFull);
}

/// Something that people, or the jobs, do to a run.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Enroll { who: u128, waitlist: bool, with_hold: bool },
    Hold { who: u128, hours: u32 },
    Release(usize),
    Expire(usize),
    Move(usize, EnrollmentStatus),
    Offer,
    Lapse(usize),
    Wait { hours: i64 },
    Resize(u32),
}

fn deed() -> impl Strategy<Value = Deed> {
    let who = || 100..108_u128;
    prop_oneof![
        5 => (who(), any::<bool>(), any::<bool>()).prop_map(|(who, waitlist, with_hold)| Deed::Enroll { who, waitlist, with_hold }),
        2 => (who(), 1..72_u32).prop_map(|(who, hours)| Deed::Hold { who, hours }),
        1 => any::<usize>().prop_map(Deed::Release),
        2 => any::<usize>().prop_map(Deed::Expire),
        5 => (any::<usize>(), prop::sample::select(EnrollmentStatus::ALL)).prop_map(|(n, to)| Deed::Move(n, to)),
        4 => Just(Deed::Offer),
        3 => any::<usize>().prop_map(Deed::Lapse),
        2 => (1..48_i64).prop_map(|hours| Deed::Wait { hours }),
        1 => (0..6_u32).prop_map(Deed::Resize),
    ]
}

/// A run with everything that points to it, as repositories would keep it, and the line as the people in it see it.
struct World {
    run: CourseRun,
    enrollments: Vec<Enrollment>,
    holds: Vec<SeatHold>,
    line: Vec<EnrollmentId>,
    now: Instant,
    last_id: u128,
}

impl World {
    fn new(seats: u32) -> Self {
        Self { run: run(seats), enrollments: vec![], holds: vec![], line: vec![], now: now(), last_id: 1000 }
    }

    fn count(&self, statuses: &[EnrollmentStatus]) -> u32 {
        u32::try_from(self.enrollments.iter().filter(|enrollment| statuses.contains(&enrollment.status())).count()).unwrap()
    }

    fn waiting(&self) -> u32 {
        self.count(&[EnrollmentStatus::Waitlisted, EnrollmentStatus::Offered])
    }

    fn held_for(&self, who: PersonId) -> Option<&SeatHold> {
        self.holds.iter().find(|hold| hold.status() == HoldStatus::Held && hold.person() == who)
    }

    fn new_id<T: Id>(&mut self) -> T {
        self.last_id += 1;
        id(self.last_id)
    }

    fn save_enrollment(&mut self, changed: &Changed<Enrollment>) {
        let (state, fact) = (changed.state(), changed.fact());
        // A rule that says yes to what it was shown as it is never meets a full run.
        self.run = self.run.clone().after(fact.seat_move()).unwrap();
        self.line.retain(|waiting| *waiting != state.id());
        if matches!(fact, EnrollmentFact::Waitlisted { .. } | EnrollmentFact::Lapsed { .. }) {
            self.line.push(state.id());
        }
        self.enrollments.retain(|other| other.id() != state.id());
        self.enrollments.push(state.clone());
    }

    fn save_hold(&mut self, changed: &Changed<SeatHold>) {
        self.run = self.run.clone().after(changed.fact().seat_move()).unwrap();
        self.holds.retain(|other| other.id() != changed.state().id());
        self.holds.push(changed.state().clone());
    }

    fn enroll(&mut self, who: PersonId, waitlist: bool, with_hold: bool) {
        let id = self.new_id();
        let theirs: Vec<_> = self.enrollments.iter().filter(|enrollment| enrollment.person() == who).collect();
        let request = Request {
            id,
            waiting: self.waiting(),
            person: who,
            previous_attempts: u32::try_from(theirs.len()).unwrap(),
            already_open: theirs.iter().any(|enrollment| enrollment.status().is_open()),
            hold: self.held_for(who).filter(|_| with_hold),
            waitlist,
            now: self.now,
            ..ask(&self.run)
        };
        if let Ok(enrolled) = Enrollment::enroll(request) {
            assert!(!request.already_open);
            let jumps_the_line = enrolled.hold.is_none() && request.waiting > 0 && enrolled.enrollment.state().status() == EnrollmentStatus::Active;
            assert!(!jumps_the_line);
            self.save_enrollment(&enrolled.enrollment);
            if let Some(used) = &enrolled.hold {
                self.save_hold(used);
            }
        }
    }

    fn pick<T: Clone>(of: &[T], n: usize) -> Option<T> {
        of.get(n.checked_rem(of.len())?).cloned()
    }

    fn offer(&mut self) {
        let next = next_in_line(&self.enrollments).cloned();
        assert_eq!(next.as_ref().map(Enrollment::id), self.line.first().copied(), "the first in line is next");
        let Some(offered) = next.map(|next| next.offer(self.now + TimeDelta::hours(24), self.now).unwrap()) else { return };
        // The offer does not look at the run: that no seat is free is seen when the move is applied.
        match self.run.clone().after(offered.fact().seat_move()) {
            Ok(_) => self.save_enrollment(&offered),
            Err(Full) => assert_eq!(self.run.seats().free(), 0),
        }
    }

    fn do_it(&mut self, deed: Deed) {
        // Time goes on with every deed, so that the line has one order.
        self.now += TimeDelta::seconds(1);
        match deed {
            Deed::Enroll { who, waitlist, with_hold } => self.enroll(id(who), waitlist, with_hold),
            Deed::Hold { who, hours } => {
                let new = self.new_id();
                let held = SeatHold::hold(new, &self.run, self.waiting(), id(who), hours, day("2026-03-01"), self.now);
                if let Some(held) = held.ok().filter(|_| self.held_for(id(who)).is_none()) {
                    self.save_hold(&held);
                }
            }
            Deed::Release(n) => {
                if let Some(Ok(released)) = Self::pick(&self.holds, n).map(|hold| hold.release(self.now)) {
                    self.save_hold(&released);
                }
            }
            Deed::Expire(n) => {
                if let Some(Ok(expired)) = Self::pick(&self.holds, n).map(|hold| hold.expire(self.now)) {
                    self.save_hold(&expired);
                }
            }
            Deed::Move(n, to) => {
                if let Some(Ok(moved)) = Self::pick(&self.enrollments, n).map(|enrollment| enrollment.transition(to, None, self.now)) {
                    self.save_enrollment(&moved);
                }
            }
            Deed::Offer => self.offer(),
            Deed::Lapse(n) => {
                if let Some(Ok(lapsed)) = Self::pick(&self.enrollments, n).map(|enrollment| enrollment.lapse(self.now)) {
                    self.save_enrollment(&lapsed);
                }
            }
            Deed::Wait { hours } => self.now += TimeDelta::hours(hours),
            Deed::Resize(max) => {
                let patch = Value::Map(vec![("max_students".to_owned(), Value::Int(max.into()))]);
                if let Ok(resized) = self.run.change(&patch, self.now) {
                    self.run = resized.into_state();
                }
            }
        }
    }

    fn check(&self) {
        use EnrollmentStatus::{Active, Completed, Offered, Suspended, Waitlisted};
        let seats = self.run.seats();
        let holds = u32::try_from(self.holds.iter().filter(|hold| hold.status() == HoldStatus::Held).count()).unwrap();
        assert!(seats.taken + seats.held <= seats.max, "{seats:?}");
        assert_eq!(seats.taken, self.count(&[Active, Suspended, Completed]));
        assert_eq!(seats.held, self.count(&[Offered]) + holds);
        for enrollment in &self.enrollments {
            assert_eq!(enrollment.queued_at().is_some(), matches!(enrollment.status(), Waitlisted | Offered));
            assert_eq!(enrollment.offer_expires_at().is_some(), enrollment.status() == Offered);
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_no_seat_is_sold_twice_and_the_line_is_kept(seats in 0..4_u32, deeds in prop::collection::vec(deed(), 0..120)) {
        let mut world = World::new(seats);
        for deed in deeds {
            world.do_it(deed);
            world.check();
        }
    }

    #[test]
    fn freed_seats_go_down_the_line_in_order(seats in 1..5_u32, waiting in 0..6_u128, leaving in prop::collection::vec(any::<usize>(), 0..8)) {
        let mut world = World::new(seats);
        for who in 0..u128::from(seats) + waiting {
            world.do_it(Deed::Enroll { who, waitlist: true, with_hold: false });
        }
        let mut expected: Vec<PersonId> = (u128::from(seats)..u128::from(seats) + waiting).map(id).collect();
        for n in leaving {
            let seated: Vec<_> = world.enrollments.iter().filter(|enrollment| enrollment.status() == EnrollmentStatus::Active).cloned().collect();
            let Some(leaver) = World::pick(&seated, n) else { break };
            world.save_enrollment(&leaver.transition(EnrollmentStatus::Dropped, None, world.now).unwrap());
            // Somebody new does not get the seat, as long as somebody waits for it.
            world.do_it(Deed::Enroll { who: 999, waitlist: false, with_hold: false });
            world.do_it(Deed::Offer);
            let offered = world.enrollments.iter().find(|enrollment| enrollment.status() == EnrollmentStatus::Offered).cloned();
            prop_assert_eq!(offered.as_ref().map(Enrollment::person), expected.first().copied());
            let Some(offered) = offered else { break };
            expected.remove(0);
            world.save_enrollment(&offered.transition(EnrollmentStatus::Active, None, world.now).unwrap());
            world.check();
        }
    }
}

/// A place of somebody in the run with a number, as it comes to be in each status.
fn place(n: u128, run: u128, person: u128, status: EnrollmentStatus) -> Enrollment {
    let parts = at(status).parts().clone();
    Enrollment::from_parts(EnrollmentParts { id: id(n), run: id(run), person: id(person), ..parts })
}

fn held(n: u128, in_run: u128, person: u128) -> SeatHold {
    let parts = hold(&run(1), 48).unwrap().into_state().parts().clone();
    SeatHold::from_parts(SeatHoldParts { id: id(n), run: id(in_run), person: id(person), ..parts })
}

/// A run with a number, and with what its places say of its seats.
fn run_of(number: u128, max: u32, places: &Places) -> CourseRun {
    use EnrollmentStatus::{Active, Completed, Offered, Suspended};
    let count = |statuses: &[EnrollmentStatus]| places.enrollments.iter().filter(|place| statuses.contains(&place.status())).count();
    let holds = places.holds.iter().filter(|hold| hold.status() == HoldStatus::Held).count();
    let number_of = |n: usize| u32::try_from(n).unwrap();
    let seats = Seats { max, taken: number_of(count(&[Active, Suspended, Completed])), held: number_of(count(&[Offered]) + holds) };
    let parts = run(max).parts().clone();
    CourseRun::from_parts(CourseRunParts { id: id(number), seats, ..parts })
}

#[test]
fn a_run_that_is_not_taught_ends_every_place_in_it() {
    let statuses = EnrollmentStatus::ALL.iter().zip(100..).map(|(status, n)| place(n, 2, n, *status));
    let places = Places { enrollments: statuses.collect(), holds: vec![held(200, 2, 300)] };
    let why = Line::parse("Falta de alumnos").unwrap();
    let ended = places.end(Some(&why), in_hours(1));
    assert_eq!(ended.enrollments.len(), 4, "who has taken the run to its end has done so, and who left has left");
    for place in &ended.enrollments {
        assert_eq!(
            (place.state().status(), place.state().reason(), place.fact().verb()),
            (EnrollmentStatus::Dropped, Some("Falta de alumnos"), "dropped")
        );
    }
    assert_eq!((ended.holds.len(), ended.holds[0].fact().verb()), (1, "released"));
    // An active and a suspended one gave their seats back, an offer and a hold what was held; the completed one keeps its seat.
    assert_eq!(ended.seat_move(id(2)), SeatMove { taken: -2, held: -2 });
    assert_eq!(run_of(2, 9, &places).after(ended.seat_move(id(2))).unwrap().seats(), Seats { max: 9, taken: 1, held: 0 });
}

#[test]
fn who_has_a_place_in_both_runs_keeps_the_better_one() {
    use EnrollmentStatus::{Active, Completed, Dropped, Offered, Suspended, Waitlisted};
    for (here, there, ends, moves) in [
        (Active, None, &[][..], true),
        (Active, Some(Active), &[10], false),
        (Active, Some(Suspended), &[10], false),
        (Active, Some(Waitlisted), &[20], true),
        (Suspended, Some(Offered), &[20], true),
        (Offered, Some(Active), &[10], false),
        (Offered, Some(Waitlisted), &[20], true),
        (Waitlisted, Some(Waitlisted), &[10], false),
        (Waitlisted, Some(Offered), &[10], false),
        (Active, Some(Dropped), &[], true),
        (Waitlisted, Some(Completed), &[], true),
        (Completed, None, &[], false),
        (Dropped, Some(Active), &[], false),
    ] {
        let source = Places { enrollments: vec![place(10, 2, 4, here)], holds: vec![] };
        let target = Places { enrollments: there.map(|there| place(20, 3, 4, there)).into_iter().collect(), holds: vec![] };
        let merge = source.merge_into(&run_of(3, 5, &target), &target, in_hours(1)).unwrap();
        let ended: Vec<_> = merge.ended.enrollments.iter().map(|place| place.state().id()).collect();
        assert_eq!((ended, merge.moved.enrollments.len()), (ends.iter().map(|n| id(*n)).collect(), usize::from(moves)), "{here} {there:?}");
        for moved in &merge.moved.enrollments {
            let (before, after) = (&source.enrollments[0], moved.state());
            assert_eq!((after.id(), after.run(), after.status(), after.attempt()), (id(10), id(3), here, 1 + u32::from(there.is_some())));
            assert_eq!((after.queued_at(), after.offer_expires_at()), (before.queued_at(), before.offer_expires_at()));
            assert_eq!(moved.fact().data().iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["course_run_id", "left_course_run_id"]);
        }
    }
    // No seat is held for somebody who has one, nor two for the same person.
    let source = Places { enrollments: vec![], holds: (4..8).map(|person| held(100 + person, 2, person)).collect() };
    let target = Places { enrollments: vec![place(20, 3, 4, Active), place(21, 3, 5, Waitlisted)], holds: vec![held(22, 3, 6)] };
    let merge = source.merge_into(&run_of(3, 5, &target), &target, in_hours(1)).unwrap();
    assert_eq!(merge.ended.holds.iter().map(|hold| hold.state().id()).collect::<Vec<_>>(), [id::<SeatHoldId>(104), id(106)]);
    let moved: Vec<_> = merge.moved.holds.iter().map(|hold| (hold.state().id(), hold.state().run(), hold.state().expires_at())).collect();
    assert_eq!(moved, [(id(105), id(3), in_hours(48)), (id(107), id(3), in_hours(48))]);
}

#[test]
fn nobody_moves_where_the_seats_do_not_suffice() {
    let seated =
        |run, people: std::ops::Range<u128>| people.map(|person| place(run * 1000 + person, run, person, EnrollmentStatus::Active)).collect();
    let source = Places { enrollments: seated(2, 0..5), holds: vec![held(1, 2, 90)] };
    let target = Places { enrollments: seated(3, 3..9), holds: vec![] };
    // Six are there, three come who are not there yet, and a hold.
    for (max, missing) in [(10, None), (9, Some(1)), (6, Some(4))] {
        let merge = source.merge_into(&run_of(3, max, &target), &target, now());
        assert_eq!(merge.err(), missing.map(|missing| Shortage { missing }), "{max}");
    }
}

fn places(run: u128) -> impl Strategy<Value = Places> {
    let enrollments = prop::collection::vec((100..112_u128, prop::sample::select(EnrollmentStatus::ALL)), 0..14);
    let holds = prop::collection::hash_set(100..112_u128, 0..4);
    (enrollments, holds).prop_map(move |(enrollments, holds)| {
        let mut places = Places { enrollments: vec![], holds: holds.into_iter().map(|person| held(run * 10_000 + person, run, person)).collect() };
        for ((person, status), n) in enrollments.into_iter().zip(run * 1000..) {
            // One open place a person.
            if !(status.is_open() && places.enrollments.iter().any(|place| place.person() == id(person) && place.status().is_open())) {
                places.enrollments.push(place(n, run, person, status));
            }
        }
        places
    })
}

impl Places {
    /// These, once that was saved.
    fn after(mut self, run: CourseRunId, changed: &[&ChangedPlaces]) -> Self {
        for changed in changed {
            for place in &changed.enrollments {
                self.enrollments.retain(|other| other.id() != place.state().id());
                self.enrollments.extend((place.state().run() == run).then(|| place.state().clone()));
            }
            for hold in &changed.holds {
                self.holds.retain(|other| other.id() != hold.state().id());
                self.holds.extend((hold.state().run() == run).then(|| hold.state().clone()));
            }
        }
        self
    }
}

proptest! {
    #[test]
    fn a_merge_leaves_the_seats_of_both_runs_right(source in places(2), target in places(3), max in 0..30_u32) {
        let (from, into) = (run_of(2, 30, &source), run_of(3, max, &target));
        prop_assume!(into.seats().gone() <= max);
        let Ok(merge) = source.merge_into(&into, &target, now()) else { return Ok(()) };
        let changed = [&merge.ended, &merge.moved];
        let seat_move = |run| changed.iter().fold(SeatMove::NONE, |sum, changed| sum + changed.seat_move(run));
        let (left, here) = (source.clone().after(id(2), &changed), target.clone().after(id(3), &changed));
        // The counters are what a recount says.
        prop_assert_eq!(from.after(seat_move(id(2))).unwrap().seats(), run_of(2, 30, &left).seats());
        prop_assert_eq!(into.after(seat_move(id(3))).unwrap().seats(), run_of(3, max, &here).seats());
        // Nobody is left behind, and nobody has two places.
        prop_assert!(left.enrollments.iter().all(|place| !place.status().is_open()));
        prop_assert!(left.holds.iter().all(|hold| hold.status() != HoldStatus::Held));
        for person in 100..112 {
            let open = |places: &Places| places.enrollments.iter().filter(|place| place.person() == id(person) && place.status().is_open()).count();
            prop_assert_eq!(open(&here), open(&source).max(open(&target)));
            prop_assert!(here.holds.iter().filter(|hold| hold.person() == id(person) && hold.status() == HoldStatus::Held).count() <= 1);
        }
    }
}
