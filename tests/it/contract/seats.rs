use matricula_application::access::ManageEnrollments;
use matricula_application::enrollment::{Enrollments, EnrollmentsError, OFFER_LIVES, Swept, Wanted};
use matricula_domain::catalog::{CourseRun, CourseRunId, Seats};
use matricula_domain::enrollment::{Enrollment, EnrollmentError, EnrollmentStatus, HoldStatus};
use matricula_domain::identity::Reach;
use matricula_domain::people::{Person, PersonId};
use matricula_domain::shared::{Changed, Id as _};
use matricula_ports::PortError;
use matricula_ports::enrollment::EnrollmentQueries;
use matricula_tests::{Tenant, TestDatabase, at, at_once, figure, on_both, value};
use serde_json::json;

use super::filled::hold;

on_both!(
    fifty_people_get_ten_seats,
    two_hundred_people_get_one_seat,
    whoever_waits_gets_the_seat_in_the_order_of_asking,
    a_hold_that_ran_out_gives_its_seat_to_the_next_in_line,
    an_offer_that_lapsed_goes_to_the_next_and_its_person_to_the_end,
    the_last_in_line_gets_the_offer_again_if_nobody_else_waits,
    a_seat_that_is_held_is_nobody_elses,
    a_person_has_one_open_enrollment_and_one_hold_in_a_run,
    a_run_cannot_have_fewer_seats_than_are_gone,
    counters_are_a_recount_whatever_happens_at_once,
);

/// How often the races are run.
pub(super) fn rounds() -> usize {
    figure("MATRICULA_ROUNDS", 20)
}

pub(super) async fn seats(here: &Tenant, run: CourseRunId) -> Seats {
    here.in_unit(async |tx| tx.course_runs().find(run).await).await.unwrap().seats()
}

/// What the counters of a run have to say.
async fn recount(here: &Tenant, run: CourseRunId) -> (i64, i64) {
    let (raw, id) = (&here.db.raw, run.as_uuid());
    let taken = raw.count_where("enrollments", "course_run_id = $1 AND status IN ('active', 'suspended', 'completed')", [id.into()]).await;
    let offered = raw.count_where("enrollments", "course_run_id = $1 AND status = 'offered'", [id.into()]).await;
    let held = raw.count_where("seat_holds", "course_run_id = $1 AND status = 'held'", [id.into()]).await;
    (taken, held + offered)
}

pub(super) async fn assert_counters(here: &Tenant, run: CourseRunId) {
    let counted = seats(here, run).await;
    assert_eq!((i64::from(counted.taken), i64::from(counted.held)), recount(here, run).await);
    assert!(counted.gone() <= counted.max, "{counted:?}");
}

pub(super) async fn enroll(here: &Tenant, run: CourseRunId, person: PersonId, waitlist: bool) -> Result<Enrollment, EnrollmentsError> {
    let who = here.allowed::<ManageEnrollments>();
    let placed = Enrollments::new(here.db.world()).enroll(&who, run, &Wanted::Person(person), None, waitlist).await?;
    assert_eq!(placed.waitlist_position.is_some(), placed.enrollment.status() == EnrollmentStatus::Waitlisted);
    Ok(placed.enrollment)
}

async fn race(here: &Tenant, crowd: &[Person], run: &CourseRun, size: usize) {
    let outcomes = at_once(crowd.iter().map(|person| {
        let (here, run, person) = (here.clone(), run.id(), person.id());
        async move || enroll(&here, run, person, false).await
    }))
    .await;
    let (placed, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    let strange: Vec<_> = refused.iter().filter(|outcome| !matches!(outcome, Err(EnrollmentsError::Refused(EnrollmentError::RunFull)))).collect();
    assert!(strange.is_empty(), "{strange:?}");
    assert_eq!((placed.len(), refused.len()), (size, crowd.len() - size));
    assert!(placed.iter().flatten().all(|enrollment| enrollment.status() == EnrollmentStatus::Active));
    let max = u32::try_from(size).unwrap();
    assert_eq!(seats(here, run.id()).await, Seats { max, taken: max, held: 0 });
    assert_counters(here, run.id()).await;
}

async fn fifty_people_get_ten_seats(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (crowd, course) = (here.crowd(50).await, here.course("soldadura").await);
    for _ in 0..rounds() {
        let run = here.run(&course, 10).await;
        race(&here, &crowd, &run, 10).await;
    }
    let told = i64::try_from(rounds() * 10).unwrap();
    assert_eq!(db.raw.count_where("audit_entries", "action = 'enrollment.enrolled'", []).await, told);
    assert_eq!(db.raw.count_where("outbox", "fact = 'enrollment.enrolled'", []).await, told);
}

async fn two_hundred_people_get_one_seat(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (crowd, course) = (here.crowd(200).await, here.course("soldadura").await);
    for _ in 0..rounds() {
        let run = here.run(&course, 1).await;
        race(&here, &crowd, &run, 1).await;
    }
    assert_eq!(db.raw.count("enrollments").await, i64::try_from(rounds()).unwrap());
}

/// A run of one seat, which the first of these people has, while the others wait in their order, a minute apart.
async fn full_run(here: &Tenant, names: &[&str]) -> (CourseRun, Vec<Enrollment>) {
    let course = here.course("soldadura").await;
    let run = here.run(&course, 1).await;
    let mut line = Vec::new();
    for (n, person) in here.people(names).await.iter().enumerate() {
        here.db.clock.set(i64::try_from(n).unwrap() * 60);
        line.push(enroll(here, run.id(), person.id(), true).await.unwrap());
    }
    (run, line)
}

async fn status(here: &Tenant, enrollment: &Enrollment) -> (EnrollmentStatus, Option<u32>) {
    let row = EnrollmentQueries::one(&here.db.queries, &here.scope, &Reach::All, enrollment.id()).await.unwrap().unwrap();
    (row.enrollment.status(), row.waitlist_position)
}

async fn moved(here: &Tenant, enrollment: &Enrollment, to: EnrollmentStatus) -> Result<Enrollment, EnrollmentsError> {
    Enrollments::new(here.db.world()).transition(&here.allowed::<ManageEnrollments>(), enrollment.id(), to, None).await
}

async fn whoever_waits_gets_the_seat_in_the_order_of_asking(db: TestDatabase) {
    use EnrollmentStatus::{Active, Dropped, Offered, Waitlisted};
    let here = db.tenant("uno").await;
    let (run, line) = full_run(&here, &["Ana", "Berta", "Carla", "Diana"]).await;
    let [ana, berta, carla, diana] = line.try_into().unwrap();
    for (enrollment, place) in
        [(&ana, (Active, None)), (&berta, (Waitlisted, Some(1))), (&carla, (Waitlisted, Some(2))), (&diana, (Waitlisted, Some(3)))]
    {
        assert_eq!(status(&here, enrollment).await, place);
    }
    moved(&here, &ana, Dropped).await.unwrap();
    for (enrollment, place) in [(&berta, (Offered, None)), (&carla, (Waitlisted, Some(1))), (&diana, (Waitlisted, Some(2)))] {
        assert_eq!(status(&here, enrollment).await, place);
    }
    assert_eq!(seats(&here, run.id()).await, Seats { max: 1, taken: 0, held: 1 }, "the seat is kept for who was offered it");
    // Nobody slips in between, not even who left a moment ago.
    let again = enroll(&here, run.id(), ana.person(), true).await.unwrap();
    assert_eq!((status(&here, &again).await, again.attempt()), ((Waitlisted, Some(3)), 2));

    // Whoever declines hands the seat on.
    moved(&here, &berta, Dropped).await.unwrap();
    assert_eq!(status(&here, &carla).await, (Offered, None));
    moved(&here, &carla, Active).await.unwrap();
    assert_eq!(seats(&here, run.id()).await, Seats { max: 1, taken: 1, held: 0 });
    assert_eq!((status(&here, &diana).await, status(&here, &again).await), ((Waitlisted, Some(1)), (Waitlisted, Some(2))));
    assert_counters(&here, run.id()).await;
}

async fn a_hold_that_ran_out_gives_its_seat_to_the_next_in_line(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let course = here.course("soldadura").await;
    let run = here.run(&course, 1).await;
    let (ana, berta) = (here.person("Ana").await, here.person("Berta").await);
    let held = hold(&here, &run, ana.id()).await;
    let waiting = enroll(&here, run.id(), berta.id(), true).await.unwrap();
    assert_eq!(waiting.status(), EnrollmentStatus::Waitlisted);

    let enrollments = Enrollments::new(db.world());
    db.clock.set(3599);
    assert_eq!(enrollments.sweep(&here.scope).await.unwrap(), Swept::default(), "an hour is not over");
    db.clock.set(3600);
    assert_eq!(enrollments.sweep(&here.scope).await.unwrap(), Swept { holds: 1, offers: 0 });
    assert_eq!(here.in_unit(async |tx| tx.seat_holds().find(held.id()).await).await.unwrap().status(), HoldStatus::Expired);
    let offered = here.in_unit(async |tx| tx.enrollments().find(waiting.id(), &Reach::All).await).await.unwrap();
    assert_eq!((offered.status(), offered.offer_expires_at()), (EnrollmentStatus::Offered, Some(at(3600) + OFFER_LIVES)));
    assert_counters(&here, run.id()).await;
    assert_eq!(enrollments.sweep(&here.scope).await.unwrap(), Swept::default(), "twice is once");
    // The one whose hold ran out cannot use it any more.
    let who = here.allowed::<ManageEnrollments>();
    let late = enrollments.enroll(&who, run.id(), &Wanted::Person(ana.id()), Some(held.id()), false).await;
    assert!(matches!(late, Err(EnrollmentsError::Refused(EnrollmentError::HoldNotUsable))), "{late:?}");
}

async fn an_offer_that_lapsed_goes_to_the_next_and_its_person_to_the_end(db: TestDatabase) {
    use EnrollmentStatus::{Active, Dropped, Offered, Waitlisted};
    let here = db.tenant("uno").await;
    let (run, line) = full_run(&here, &["Ana", "Berta", "Carla", "Diana"]).await;
    let [ana, berta, carla, diana] = line.try_into().unwrap();
    moved(&here, &ana, Dropped).await.unwrap();
    let enrollments = Enrollments::new(db.world());
    db.clock.advance(OFFER_LIVES - chrono::TimeDelta::microseconds(1));
    assert_eq!(enrollments.sweep(&here.scope).await.unwrap(), Swept::default());
    db.clock.advance(chrono::TimeDelta::microseconds(1));
    let late = moved(&here, &berta, Active).await;
    assert!(matches!(late, Err(EnrollmentsError::Refused(EnrollmentError::OfferExpired))), "{late:?}");
    assert_eq!(enrollments.sweep(&here.scope).await.unwrap(), Swept { holds: 0, offers: 1 });
    assert_eq!(status(&here, &carla).await, (Offered, None));
    assert_eq!((status(&here, &diana).await, status(&here, &berta).await), ((Waitlisted, Some(1)), (Waitlisted, Some(2))));
    assert_eq!(seats(&here, run.id()).await, Seats { max: 1, taken: 0, held: 1 });
    moved(&here, &carla, Active).await.unwrap();
    assert_counters(&here, run.id()).await;
}

async fn the_last_in_line_gets_the_offer_again_if_nobody_else_waits(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (run, line) = full_run(&here, &["Ana", "Berta"]).await;
    moved(&here, &line[0], EnrollmentStatus::Dropped).await.unwrap();
    db.clock.advance(OFFER_LIVES);
    assert_eq!(Enrollments::new(db.world()).sweep(&here.scope).await.unwrap(), Swept { holds: 0, offers: 1 });
    assert_eq!(status(&here, &line[1]).await, (EnrollmentStatus::Offered, None));
    assert_counters(&here, run.id()).await;
    let told: Vec<String> = here.audit_of(&line[1]).await.into_iter().map(|(_, action)| action).collect();
    assert_eq!(told, ["enrollment.waitlisted", "enrollment.offered", "enrollment.lapsed", "enrollment.offered"]);
}

async fn a_seat_that_is_held_is_nobody_elses(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let course = here.course("soldadura").await;
    let run = here.run(&course, 1).await;
    let (ana, berta) = (here.person("Ana").await, here.person("Berta").await);
    let held = hold(&here, &run, ana.id()).await;
    let (enrollments, who) = (Enrollments::new(db.world()), here.allowed::<ManageEnrollments>());
    let refused = enroll(&here, run.id(), berta.id(), false).await;
    assert!(matches!(refused, Err(EnrollmentsError::Refused(EnrollmentError::RunFull))), "{refused:?}");
    let refused = enrollments.enroll(&who, run.id(), &Wanted::Person(berta.id()), Some(held.id()), false).await;
    assert!(matches!(refused, Err(EnrollmentsError::Refused(EnrollmentError::HoldNotUsable))), "{refused:?}");
    let placed = enrollments.enroll(&who, run.id(), &Wanted::Person(ana.id()), Some(held.id()), false).await.unwrap();
    assert_eq!(placed.enrollment.status(), EnrollmentStatus::Active);
    assert_eq!(seats(&here, run.id()).await, Seats { max: 1, taken: 1, held: 0 });
    assert_eq!(here.in_unit(async |tx| tx.seat_holds().find(held.id()).await).await.unwrap().status(), HoldStatus::Used);
}

async fn a_person_has_one_open_enrollment_and_one_hold_in_a_run(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let course = here.course("soldadura").await;
    let run = here.run(&course, 100).await;
    let ana = here.person("Ana").await;
    let outcomes = at_once((0..16).map(|_| {
        let (here, run, person) = (here.clone(), run.id(), ana.id());
        async move || enroll(&here, run, person, true).await
    }));
    let outcomes = outcomes.await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    let told = |outcome: &&Result<_, _>| matches!(outcome, Err(EnrollmentsError::Refused(EnrollmentError::AlreadyEnrolled)));
    assert_eq!(outcomes.iter().filter(told).count(), 15, "{outcomes:?}");
    hold(&here, &run, ana.id()).await;
    let second = here.begin().await;
    let again = matricula_domain::enrollment::SeatHold::hold(db.id(), &run, 0, ana.id(), 1, "2026-03-01".parse().unwrap(), at(0)).unwrap();
    second.seat_holds().save(&again).await.unwrap();
    let refused = second.commit().await;
    assert!(matches!(refused, Err(PortError::Conflict("seat_holds"))), "{refused:?}");
    assert_eq!(seats(&here, run.id()).await, Seats { max: 100, taken: 1, held: 1 });
}

async fn a_run_cannot_have_fewer_seats_than_are_gone(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let course = here.course("soldadura").await;
    let run = here.run(&course, 3).await;
    let stale = run.change(&value(json!({"max_students": 1})), at(1)).unwrap();
    for person in here.crowd(2).await {
        enroll(&here, run.id(), person.id(), false).await.unwrap();
    }
    // The rule saw none of them; the table does.
    let save = async |change: &Changed<CourseRun>| here.try_in_unit(async |tx| tx.course_runs().save(change).await).await;
    let refused = save(&stale).await;
    assert!(matches!(refused, Err(PortError::Conflict(_))), "{refused:?}");
    let two = run.change(&value(json!({"max_students": 2})), at(1)).unwrap();
    save(&two).await.unwrap();
    assert_eq!(seats(&here, run.id()).await, Seats { max: 2, taken: 2, held: 0 }, "a change of the plan leaves the counters alone");
}

/// Numbers that are the same in every run of the test.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

async fn counters_are_a_recount_whatever_happens_at_once(db: TestDatabase) {
    use EnrollmentStatus::{Active, Completed, Dropped, Suspended};
    let here = db.tenant("uno").await;
    let course = here.course("soldadura").await;
    let run = here.run(&course, 3).await.id();
    let crowd: Vec<PersonId> = here.crowd(12).await.iter().map(Person::id).collect();
    let outcomes = at_once((0..6).map(|worker| {
        let (here, crowd) = (here.clone(), crowd.clone());
        async move || {
            let (enrollments, who) = (Enrollments::new(here.db.world()), here.allowed::<ManageEnrollments>());
            let (mut dice, mut done) = (Dice(worker), 0);
            for _ in 0..20 {
                let person = crowd[dice.roll(crowd.len())];
                let attempts = here.in_unit(async |tx| tx.enrollments().attempts(run, person).await).await;
                let outcome = match (dice.roll(8), attempts.last()) {
                    (0, _) => enrollments.hold(&who, run, person, 1).await.map(|_| ()),
                    (1, _) => {
                        here.db.clock.advance(chrono::TimeDelta::minutes(30));
                        enrollments.sweep(&here.scope).await.map(|_| ())
                    }
                    (n @ 2..5, Some(last)) => moved(&here, last, [Dropped, Suspended, Active][n - 2]).await.map(|_| ()),
                    (5, Some(last)) if dice.roll(4) == 0 => moved(&here, last, Completed).await.map(|_| ()),
                    _ => enroll(&here, run, person, true).await.map(|_| ()),
                };
                match outcome {
                    Ok(()) => done += 1,
                    Err(EnrollmentsError::Refused(_) | EnrollmentsError::Port(PortError::Conflict(_) | PortError::Stale)) => {}
                    Err(error) => panic!("{error:?}"),
                }
                let now = seats(&here, run).await;
                assert!(now.gone() <= now.max, "{now:?}");
            }
            done
        }
    }))
    .await;
    assert!(outcomes.into_iter().sum::<usize>() > 30);
    assert_counters(&here, run).await;
}
