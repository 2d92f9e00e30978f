use matricula_application::access::{ManageCatalog, ManageEnrollments};
use matricula_application::catalog::{Catalog, CatalogError, Merged};
use matricula_application::enrollment::{Enrollments, EnrollmentsError};
use matricula_domain::catalog::{CourseRun, CourseRunError, CourseRunId, RunStatus, Seats};
use matricula_domain::enrollment::{Enrollment, EnrollmentError, EnrollmentStatus, HoldStatus, Shortage};
use matricula_domain::people::{Person, PersonId};
use matricula_domain::shared::{Aggregate as _, Id as _, Line};
use matricula_tests::{Tenant, TestDatabase, at_once, on_both};

use super::filled::hold;
use super::seats::{assert_counters, enroll, rounds, seats};

on_both!(
    nobody_keeps_a_place_in_a_run_that_is_cancelled,
    who_enrolls_while_a_run_is_cancelled_has_no_place_either,
    everybody_moves_to_the_run_into_which_theirs_is_merged,
    a_merge_that_finds_too_few_seats_moves_nobody,
    a_merge_and_a_crowd_share_the_seats_that_there_are,
    of_two_merges_that_meet_one_is_done,
);

async fn find(here: &Tenant, run: CourseRunId) -> CourseRun {
    here.in_unit(async |tx| tx.course_runs().find(run).await).await.unwrap()
}

async fn everybody(here: &Tenant, run: CourseRunId) -> Vec<Enrollment> {
    here.in_unit(async |tx| tx.enrollments().of_run(run).await).await
}

async fn cancel(here: &Tenant, run: CourseRunId) -> Result<CourseRun, CatalogError> {
    let why = Line::parse("Falta de alumnos").unwrap();
    Catalog::new(here.db.world()).move_run(&here.allowed::<ManageCatalog>(), run, RunStatus::Cancelled, Some(&why)).await
}

async fn merge(here: &Tenant, run: CourseRunId, into: CourseRunId, dry_run: bool) -> Result<Merged, CatalogError> {
    Catalog::new(here.db.world()).merge_run(&here.allowed::<ManageCatalog>(), run, into, dry_run).await
}

async fn moved(here: &Tenant, enrollment: &Enrollment, to: EnrollmentStatus) {
    Enrollments::new(here.db.world()).transition(&here.allowed::<ManageEnrollments>(), enrollment.id(), to, None).await.unwrap();
}

async fn nobody_keeps_a_place_in_a_run_that_is_cancelled(db: TestDatabase) {
    use EnrollmentStatus::{Completed, Dropped, Suspended};
    let here = db.tenant("uno").await;
    let course = here.course("soldadura").await;
    let run = here.run(&course, 8).await;
    let crowd = here.crowd(12).await;
    let kept = hold(&here, &run, crowd[0].id()).await;
    let mut line = Vec::new();
    for person in &crowd[1..] {
        line.push(enroll(&here, run.id(), person.id(), true).await.unwrap());
    }
    // One has been to the end, one does not take part for now, one has left and left an offer behind, the rest sit or wait.
    for (enrollment, to) in line.iter().zip([Completed, Suspended, Dropped]) {
        moved(&here, enrollment, to).await;
    }
    assert_eq!(seats(&here, run.id()).await, Seats { max: 8, taken: 6, held: 2 });
    let cancelled = cancel(&here, run.id()).await.unwrap();
    assert_eq!((cancelled.status(), cancelled.status_reason(), cancelled.merged_into()), (RunStatus::Cancelled, Some("Falta de alumnos"), None));
    assert_eq!((cancelled.seats(), &find(&here, run.id()).await), (Seats { max: 8, taken: 1, held: 0 }, &cancelled));
    for enrollment in everybody(&here, run.id()).await {
        let (status, reason) = match line.iter().position(|one| one.id() == enrollment.id()) {
            Some(0) => (Completed, None),
            Some(2) => (Dropped, None),
            _ => (Dropped, Some("Falta de alumnos")),
        };
        assert_eq!((enrollment.status(), enrollment.reason()), (status, reason));
    }
    assert_eq!(here.in_unit(async |tx| tx.seat_holds().find(kept.id()).await).await.unwrap().status(), HoldStatus::Released);
    assert_counters(&here, run.id()).await;
    assert_eq!(db.raw.count_where("outbox", "fact = 'enrollment.dropped'", []).await, 10, "each with its fact");
    assert_eq!(db.raw.count_where("audit_entries", "action = 'seat_hold.released'", []).await, 1);
    let refused = enroll(&here, run.id(), crowd[0].id(), true).await;
    assert!(matches!(refused, Err(EnrollmentsError::Refused(EnrollmentError::RunNotOpen))), "{refused:?}");
}

async fn who_enrolls_while_a_run_is_cancelled_has_no_place_either(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (crowd, course) = (here.crowd(20).await, here.course("soldadura").await);
    for _ in 0..rounds() / 2 {
        let run = here.run(&course, 8).await.id();
        for person in &crowd[..6] {
            enroll(&here, run, person.id(), false).await.unwrap();
        }
        let outcomes = at_once((5..20).map(|n| {
            let (here, person) = (here.clone(), crowd[n].id());
            async move || match n {
                5 => cancel(&here, run).await.is_ok(),
                _ => match enroll(&here, run, person, true).await {
                    Ok(_) | Err(EnrollmentsError::Refused(EnrollmentError::RunNotOpen)) => true,
                    Err(error) => panic!("{error:?}"),
                },
            }
        }));
        assert!(outcomes.await.into_iter().all(|well| well));
        assert!(everybody(&here, run).await.iter().all(|enrollment| enrollment.status() == EnrollmentStatus::Dropped));
        assert_eq!(seats(&here, run).await, Seats { max: 8, taken: 0, held: 0 });
    }
}

async fn everybody_moves_to_the_run_into_which_theirs_is_merged(db: TestDatabase) {
    use EnrollmentStatus::{Active, Dropped, Offered, Suspended, Waitlisted};
    let here = db.tenant("uno").await;
    let course = here.course("soldadura").await;
    let (run, target) = (here.run(&course, 7).await, here.run(&course, 10).await);
    let crowd = here.crowd(12).await;
    let kept = hold(&here, &run, crowd[11].id()).await;
    let mut line = Vec::new();
    for (n, person) in (0..).zip(&crowd[..9]) {
        db.clock.set(n * 60);
        line.push(enroll(&here, run.id(), person.id(), true).await.unwrap());
    }
    // Six sit and three wait. One of the six does not take part for now; one leaves, so that the first who waits has an offer.
    moved(&here, &line[1], Suspended).await;
    moved(&here, &line[2], Dropped).await;
    // The first of them has left the other run before; the fourth sits there too, and the ninth waits in both.
    let before = enroll(&here, target.id(), crowd[0].id(), false).await.unwrap();
    moved(&here, &before, Dropped).await;
    let there = enroll(&here, target.id(), crowd[3].id(), false).await.unwrap();

    let dry = merge(&here, run.id(), target.id(), true).await.unwrap();
    assert_eq!((dry.run.status(), dry.merge.moved.enrollments.len(), dry.merge.moved.holds.len()), (RunStatus::Scheduled, 7, 1));
    assert_eq!(
        (seats(&here, run.id()).await, find(&here, target.id()).await.version()),
        (Seats { max: 7, taken: 5, held: 2 }, 1),
        "nothing happened"
    );

    let merged = merge(&here, run.id(), target.id(), false).await.unwrap();
    assert_eq!((merged.run.status(), merged.run.merged_into()), (RunStatus::Cancelled, Some(target.id())));
    assert_eq!(merged.run.seats(), Seats { max: 7, taken: 0, held: 0 });
    // Five who sit, a hold, an offer from before, and two more: there are seats for those who waited.
    assert_eq!(merged.into.seats(), Seats { max: 10, taken: 5, held: 4 });
    let status = async |enrollment: &Enrollment| {
        let found = everybody(&here, target.id()).await.into_iter().find(|one| one.id() == enrollment.id());
        found.map(|one| (one.status(), one.attempt(), one.queued_at()))
    };
    for (n, expected) in
        [Some((Active, 2)), Some((Suspended, 1)), None, None, Some((Active, 1)), Some((Active, 1)), Some((Offered, 1)), Some((Offered, 1))]
            .into_iter()
            .enumerate()
    {
        assert_eq!(status(&line[n]).await.map(|(status, attempt, _)| (status, attempt)), expected, "{n}");
    }
    assert_eq!(status(&line[7]).await.unwrap().2, line[7].queued_at(), "who waits has waited as long");
    assert_eq!(status(&there).await.unwrap().0, Active);
    let left: Vec<_> = everybody(&here, run.id()).await.iter().map(|one| (one.id(), one.status())).collect();
    assert_eq!(left, [(line[2].id(), Dropped), (line[3].id(), Dropped)], "who left before, and who has a seat there already");
    let kept = here.in_unit(async |tx| tx.seat_holds().find(kept.id()).await).await.unwrap();
    assert_eq!((kept.run(), kept.status()), (target.id(), HoldStatus::Held));
    for run in [run.id(), target.id()] {
        assert_counters(&here, run).await;
    }
    let told = |run: &CourseRun| run.id().as_uuid();
    for (run, fact) in [(&run, "course_run.merged"), (&target, "course_run.joined")] {
        assert_eq!(db.raw.count_where("outbox", "fact = $1 AND entity_id = $2", [fact.into(), told(run).into()]).await, 1, "{fact}");
    }
    assert!(everybody(&here, target.id()).await.iter().all(|one| one.status() != Waitlisted));
}

async fn a_merge_that_finds_too_few_seats_moves_nobody(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (course, crowd) = (here.course("soldadura").await, here.crowd(9).await);
    let (run, target) = (here.run(&course, 5).await.id(), here.run(&course, 6).await.id());
    for (n, person) in crowd.iter().enumerate() {
        enroll(&here, if n < 5 { run } else { target }, person.id(), false).await.unwrap();
    }
    let before = (db.raw.count("outbox").await, everybody(&here, run).await, find(&here, run).await, find(&here, target).await);
    for dry_run in [true, false] {
        let refused = merge(&here, run, target, dry_run).await;
        assert!(matches!(refused, Err(CatalogError::Shortage(Shortage { missing: 3 }))), "{refused:?}");
        assert_eq!((db.raw.count("outbox").await, everybody(&here, run).await, find(&here, run).await, find(&here, target).await), before);
    }
}

async fn a_merge_and_a_crowd_share_the_seats_that_there_are(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (course, crowd) = (here.course("soldadura").await, here.crowd(28).await);
    let (mut merges, mut refusals) = (0, 0);
    for round in 0..rounds() {
        // Eight sit in the one; in the other there are seats for twelve, or for fewer than come.
        let (run, target) = (here.run(&course, 8).await.id(), here.run(&course, if round % 2 == 0 { 12 } else { 30 }).await.id());
        for person in &crowd[..8] {
            enroll(&here, run, person.id(), false).await.unwrap();
        }
        let outcomes = at_once((7..28).map(|n| {
            let (here, person): (_, PersonId) = (here.clone(), Person::id(&crowd[n]));
            async move || match n {
                7 => match merge(&here, run, target, false).await {
                    Ok(_) => Some(true),
                    Err(CatalogError::Shortage(_)) => Some(false),
                    Err(error) => panic!("{error:?}"),
                },
                _ => match enroll(&here, target, person, false).await {
                    Ok(_) | Err(EnrollmentsError::Refused(EnrollmentError::RunFull)) => None,
                    Err(error) => panic!("{error:?}"),
                },
            }
        }));
        let merged = outcomes.await.into_iter().flatten().next().unwrap();
        let (left, there) = (everybody(&here, run).await.len(), everybody(&here, target).await.len());
        if merged {
            merges += 1;
            assert_eq!((left, find(&here, run).await.status()), (0, RunStatus::Cancelled));
            assert!(there >= 8);
        } else {
            refusals += 1;
            assert_eq!((left, find(&here, run).await.status()), (8, RunStatus::Scheduled));
        }
        for run in [run, target] {
            assert_counters(&here, run).await;
        }
    }
    assert!(merges > 0, "{merges} merges, {refusals} refusals");
}

async fn of_two_merges_that_meet_one_is_done(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (course, crowd) = (here.course("soldadura").await, here.crowd(6).await);
    for _ in 0..rounds() / 2 {
        let runs = [here.run(&course, 10).await.id(), here.run(&course, 10).await.id()];
        for (n, person) in crowd.iter().enumerate() {
            enroll(&here, runs[n % 2], person.id(), false).await.unwrap();
        }
        let outcomes = at_once((0..2).map(|n| {
            let here = here.clone();
            async move || merge(&here, runs[n], runs[1 - n], false).await
        }));
        let mut done = 0;
        for outcome in outcomes.await {
            match outcome {
                Ok(merged) => {
                    done += 1;
                    assert_eq!((merged.run.seats().taken, merged.into.seats().taken), (0, 6));
                }
                Err(CatalogError::CourseRun(CourseRunError::NotOpen | CourseRunError::InvalidTransition { .. })) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(done, 1);
        for run in runs {
            assert_counters(&here, run).await;
        }
    }
}
