use matricula_domain::catalog::{
    Course, CourseDetails, CourseId, CourseRun, CourseRunError, CourseRunId, CourseRunParts, RunCopy, RunPlan, RunShift, RunStatus,
};
use matricula_domain::enrollment::{Enrollment, EnrollmentStatus, SeatHold, Shortage};
use matricula_domain::identity::Role;
use matricula_domain::shared::{Changed, Form, Line, RecordId, Value};
use matricula_ports::PortError;
use matricula_ports::mocks::MockRepositories;
use matricula_ports::notifications::NewJob;
use matricula_ports::records::RecordRow;

use super::super::{Catalog, CatalogError};
use super::over;
use crate::Expected;
use crate::access::{Allowed, ManageCatalog};
use crate::enrollment::OFFER_LIVES;
use crate::testing::{Seen, allowed, enrollment, id, map, now, queue, run, told};

fn who() -> Allowed<ManageCatalog> {
    allowed(Role::Manager)
}

/// A plan for the course 30 in the cycle 31, at the campus 32.
fn plan() -> RunPlan {
    RunPlan { cycle_id: Some(id(31)), campus_id: Some(id(32)), ..run(10, 0).plan().clone() }
}

/// Repositories in which the course may be there, and these records are.
fn referring(mut repositories: MockRepositories, course: bool, records: &'static [u128]) -> MockRepositories {
    let details = CourseDetails::read(&map(&[
        ("slug", "dam".into()),
        ("title", "DAM".into()),
        ("duration_hours", Value::Int(9)),
        ("modality", "online".into()),
    ]));
    let known = course.then(|| Course::draft(id(30), details.unwrap(), now()).into_state());
    repositories.courses.expect_find().withf(|asked| *asked == id::<CourseId>(30)).returning(move |_| Ok(known.clone()));
    let row = |id| RecordRow { id, fields: Value::Null, archived_at: None, created_at: now(), updated_at: now(), version: 1 };
    repositories.records.expect_find().returning(move |schema, asked| {
        let expected = if asked == id::<RecordId>(31) { "cycle" } else { "campus" };
        assert_eq!(schema.noun.one, expected);
        Ok(records.iter().any(|n| asked == id(*n)).then(|| row(asked)))
    });
    repositories
}

/// Repositories that know this run, under the id 40.
fn knowing(run: Option<CourseRun>) -> MockRepositories {
    let mut repositories = MockRepositories::default();
    repositories.course_runs.expect_find().withf(|asked| *asked == id::<CourseRunId>(40)).returning(move |_| Ok(run.clone()));
    repositories
}

fn saving(mut repositories: MockRepositories) -> (MockRepositories, Seen<Changed<CourseRun>>) {
    let saved = Seen::nothing();
    repositories.course_runs.expect_save().times(1).returning(saved.note());
    (repositories, saved)
}

#[tokio::test]
async fn a_run_is_scheduled_with_all_its_seats_free() {
    let (repositories, saved) = saving(referring(MockRepositories::default(), true, &[31, 32]));
    let (transactions, catalog) = over(repositories);
    let scheduled = catalog.schedule_run(&who(), &plan()).await.unwrap();
    assert_eq!((scheduled.status(), scheduled.plan(), scheduled.seats().free()), (RunStatus::Scheduled, &plan(), 10));
    assert_eq!((saved.verbs(), saved.one().state(), transactions.commits()), (vec!["scheduled"], &scheduled, 1));
}

#[tokio::test]
async fn all_that_a_run_refers_to_in_vain_is_told_at_once() {
    let (transactions, catalog) = over(referring(MockRepositories::default(), false, &[]));
    let Err(CatalogError::Invalid(faults)) = catalog.schedule_run(&who(), &plan()).await else { panic!("must be refused") };
    let wrong = [("/course_id", "NOT_FOUND"), ("/cycle_id", "NOT_FOUND"), ("/campus_id", "NOT_FOUND")];
    assert_eq!((told(&faults), transactions.commits()), (wrong.to_vec(), 0));
}

#[tokio::test]
async fn a_run_without_cycle_and_campus_looks_for_none() {
    let (repositories, _) = saving(referring(MockRepositories::default(), true, &[]));
    let (transactions, catalog) = over(repositories);
    let online = RunPlan { cycle_id: None, campus_id: None, ..plan() };
    assert_eq!(catalog.schedule_run(&who(), &online).await.unwrap().plan(), &online);
    assert_eq!(transactions.commits(), 1);
}

mod change {
    use super::*;

    async fn change(catalog: &Catalog, patch: &[(&str, Value)], expected: Expected) -> Result<CourseRun, CatalogError> {
        catalog.change_run(&who(), id(40), &map(patch), expected).await
    }

    #[tokio::test]
    async fn added_seats_are_offered_to_the_queue_with_a_time_limit() {
        let (mut repositories, saved) = saving(referring(knowing(Some(run(2, 2))), true, &[]));
        let (offers, jobs) = (Seen::<Changed<Enrollment>>::nothing(), Seen::<NewJob>::nothing());
        let waiting = || vec![enrollment(41, EnrollmentStatus::Waitlisted), enrollment(42, EnrollmentStatus::Waitlisted)];
        repositories
            .enrollments
            .expect_next_in_line()
            .withf(|run, most| (*run, *most) == (id::<CourseRunId>(40), 3))
            .times(1)
            .returning(move |_, _| Ok(waiting()));
        repositories.course_runs.expect_find_with_queue().returning(|_| Ok(Some(queue(run(5, 2), 2))));
        repositories.enrollments.expect_save().returning(offers.note());
        repositories.jobs.expect_enqueue().returning(jobs.keep());
        let (transactions, catalog) = over(repositories);
        let changed = change(&catalog, &[("max_students", Value::Int(5))], Expected::Version(2)).await.unwrap();
        assert_eq!((changed.seats().max, saved.verbs(), transactions.commits()), (5, vec!["changed"], 1));
        let offered: Vec<_> =
            offers.all().iter().map(|offer| (offer.state().id(), offer.state().status(), offer.state().offer_expires_at())).collect();
        let until = Some(now() + OFFER_LIVES);
        assert_eq!(offered, [(id(41), EnrollmentStatus::Offered, until), (id(42), EnrollmentStatus::Offered, until)]);
        assert_eq!(jobs.all().iter().map(|job| Some(job.run_at)).collect::<Vec<_>>(), [until, until]);
    }

    #[tokio::test]
    async fn where_no_seat_is_added_nobody_is_asked_for() {
        for (patch, max) in [(("max_students", Value::Int(2)), 2), (("max_students", Value::Int(3)), 3), (("start_date", "2026-04-12".into()), 3)] {
            let (repositories, saved) = saving(referring(knowing(Some(run(3, 2))), true, &[]));
            let (transactions, catalog) = over(repositories);
            assert_eq!(change(&catalog, &[patch], Expected::Any).await.unwrap().seats().max, max);
            assert_eq!((saved.verbs(), transactions.commits()), (vec!["changed"], 1));
        }
    }

    #[tokio::test]
    async fn seats_that_are_gone_are_not_taken_away() {
        let (transactions, catalog) = over(knowing(Some(run(3, 2))));
        let Err(CatalogError::Invalid(faults)) = change(&catalog, &[("max_students", Value::Int(1))], Expected::Any).await else {
            panic!("must be refused")
        };
        assert_eq!((told(&faults), transactions.commits()), (vec![("/max_students", "SEATS_BELOW_TAKEN")], 0));
    }

    #[tokio::test]
    async fn a_run_does_not_move_to_a_campus_that_is_not_there() {
        let (transactions, catalog) = over(referring(knowing(Some(run(3, 2))), true, &[]));
        let Err(CatalogError::Invalid(faults)) = change(&catalog, &[("campus_id", Value::Id(uuid::Uuid::from_u128(32)))], Expected::Any).await else {
            panic!("must be refused")
        };
        assert_eq!((told(&faults), transactions.commits()), (vec![("/campus_id", "NOT_FOUND")], 0));
    }

    #[tokio::test]
    async fn another_version_than_the_one_that_was_seen_is_not_overwritten() {
        let (transactions, catalog) = over(knowing(Some(run(3, 2))));
        let refused = change(&catalog, &[("max_students", Value::Int(9))], Expected::Version(1)).await;
        assert!(matches!(refused, Err(CatalogError::Port(PortError::Stale))));
        assert_eq!(transactions.commits(), 0);
    }

    #[tokio::test]
    async fn a_seat_that_is_taken_meanwhile_is_seen_at_the_second_try() {
        let mut repositories = referring(MockRepositories::default(), true, &[]);
        repositories.course_runs.expect_find().times(1).returning(|_| Ok(Some(run(3, 1))));
        repositories.course_runs.expect_find().times(1).returning(|_| Ok(Some(run(3, 2))));
        repositories.course_runs.expect_save().times(1).returning(|_| Ok(()));
        let (transactions, catalog) = over(repositories);
        let transactions = transactions.refusing(PortError::Conflict("check"));
        let Err(CatalogError::Invalid(faults)) = change(&catalog, &[("max_students", Value::Int(1))], Expected::Any).await else {
            panic!("must be refused")
        };
        assert_eq!((told(&faults), transactions.commits()), (vec![("/max_students", "SEATS_BELOW_TAKEN")], 1));
    }
}

#[tokio::test]
async fn a_run_starts_and_does_not_start_twice() {
    let (repositories, saved) = saving(knowing(Some(run(3, 2))));
    let (transactions, catalog) = over(repositories);
    let started = catalog.move_run(&who(), id(40), RunStatus::Ongoing, None).await.unwrap();
    assert_eq!((started.status(), saved.verbs(), transactions.commits()), (RunStatus::Ongoing, vec!["started"], 1));

    let (transactions, catalog) = over(knowing(Some(started)));
    let refused = catalog.move_run(&who(), id(40), RunStatus::Ongoing, None).await;
    assert!(matches!(refused, Err(CatalogError::CourseRun(CourseRunError::InvalidTransition { from: RunStatus::Ongoing, .. }))));
    assert_eq!(transactions.commits(), 0);
}

/// The run 44, to which people may go.
fn other_run(seats: u32, taken: u32) -> CourseRun {
    CourseRun::from_parts(CourseRunParts { id: id(44), ..run(seats, taken).parts().clone() })
}

/// The repositories, in which these have places in the run 40, and nobody in any other.
fn with_places(mut repositories: MockRepositories, enrollments: Vec<Enrollment>, holds: Vec<SeatHold>) -> MockRepositories {
    let here = |run| run == id::<CourseRunId>(40);
    repositories.enrollments.expect_of_run().returning(move |run| Ok(if here(run) { enrollments.clone() } else { Vec::new() }));
    repositories.seat_holds.expect_held_in().returning(move |run| Ok(if here(run) { holds.clone() } else { Vec::new() }));
    repositories
}

#[tokio::test]
async fn who_has_a_place_in_a_run_that_is_cancelled_loses_it_and_is_told_why() {
    let (repositories, saved) = saving(knowing(Some(run(3, 2))));
    let places =
        vec![enrollment(41, EnrollmentStatus::Active), enrollment(42, EnrollmentStatus::Waitlisted), enrollment(43, EnrollmentStatus::Completed)];
    let mut repositories = with_places(repositories, places, vec![]);
    let ended = Seen::<Changed<Enrollment>>::nothing();
    repositories.enrollments.expect_save().times(2).returning(ended.note());
    let (transactions, catalog) = over(repositories);
    let why = Line::parse("Falta de alumnos").unwrap();
    catalog.move_run(&who(), id(40), RunStatus::Cancelled, Some(&why)).await.unwrap();
    assert_eq!((saved.verbs(), saved.one().state().status_reason()), (vec!["cancelled"], Some("Falta de alumnos")));
    assert_eq!((ended.verbs(), transactions.commits()), (vec!["dropped", "dropped"], 1));
    assert!(ended.all().iter().all(|place| place.state().reason() == Some("Falta de alumnos")));
}

#[tokio::test]
async fn a_run_is_announced_once_more_at_another_time() {
    let (repositories, saved) = saving(referring(knowing(Some(run(10, 7))), true, &[]));
    let (transactions, catalog) = over(repositories);
    let copy = RunCopy::read(&map(&[("shift_days", Value::Int(7))])).unwrap();
    let copied = catalog.copy_run(&who(), id(40), &copy).await.unwrap();
    assert_eq!((copied.plan().start_date.to_string(), copied.seats().free()), ("2026-04-17".to_owned(), 10));
    assert_eq!((saved.verbs(), saved.one().is_new(), transactions.commits()), (vec!["scheduled"], true, 1));

    let elsewhere = RunCopy { campus_id: Some(id(32)), ..copy };
    let (transactions, catalog) = over(referring(knowing(Some(run(10, 7))), true, &[]));
    let Err(CatalogError::Invalid(faults)) = catalog.copy_run(&who(), id(40), &elsewhere).await else { panic!("must be refused") };
    assert_eq!((told(&faults), transactions.commits()), (vec![("/campus_id", "NOT_FOUND")], 0));
}

#[tokio::test]
async fn where_people_can_enroll_again_the_queue_is_asked() {
    let (mut repositories, saved) = saving(knowing(Some(run(3, 3))));
    repositories.course_runs.expect_find_with_queue().times(1).returning(|_| Ok(Some(queue(run(3, 3), 1))));
    let (transactions, catalog) = over(repositories);
    let shifted = catalog.shift_run(&who(), id(40), &RunShift { days: 7 }).await.unwrap();
    assert_eq!(shifted.plan().last_day_to_enroll().to_string(), "2026-04-12");
    assert_eq!((saved.verbs(), transactions.commits()), (vec!["shifted"], 1));
}

mod merge {
    use super::*;

    /// Repositories that know both runs, of which the other has so many seats and so many taken.
    fn two_runs(seats: u32, taken: u32) -> MockRepositories {
        let mut repositories = MockRepositories::default();
        repositories.course_runs.expect_find().returning(move |asked| match asked {
            asked if asked == id::<CourseRunId>(40) => Ok(Some(run(3, 2))),
            asked if asked == id::<CourseRunId>(44) => Ok(Some(other_run(seats, taken))),
            _ => Ok(None),
        });
        with_places(repositories, vec![enrollment(41, EnrollmentStatus::Active), enrollment(42, EnrollmentStatus::Active)], vec![])
    }

    #[tokio::test]
    async fn both_runs_are_saved_before_anybody_moves() {
        let mut repositories = two_runs(3, 1);
        let (runs, places) = (Seen::<Changed<CourseRun>>::nothing(), Seen::<Changed<Enrollment>>::nothing());
        repositories.course_runs.expect_save().times(2).returning(runs.note());
        let before = runs.clone();
        let note = places.note();
        repositories.enrollments.expect_save().times(2).returning(move |place| {
            assert_eq!(before.all().len(), 2, "the runs first");
            note(place)
        });
        repositories.course_runs.expect_find_with_queue().returning(|_| Ok(Some(queue(other_run(3, 3), 0))));
        let (transactions, catalog) = over(repositories);
        catalog.merge_run(&who(), id(40), id(44), false).await.unwrap();
        assert_eq!((runs.verbs(), places.verbs(), transactions.commits()), (vec!["merged", "joined"], vec!["moved", "moved"], 1));
    }

    #[tokio::test]
    async fn a_dry_run_saves_nothing() {
        let (_, catalog) = over(two_runs(3, 1));
        let merged = catalog.merge_run(&who(), id(40), id(44), true).await.unwrap();
        assert_eq!((merged.merge.moved.enrollments.len(), merged.run.status()), (2, RunStatus::Scheduled));
    }

    #[tokio::test]
    async fn nobody_moves_into_a_run_without_seats_or_one_that_is_not_there() {
        let mut repositories = two_runs(3, 2);
        repositories.course_runs.expect_save().returning(|_| Ok(()));
        let (transactions, catalog) = over(repositories);
        let refused = catalog.merge_run(&who(), id(40), id(44), false).await;
        assert!(matches!(refused, Err(CatalogError::Shortage(Shortage { missing: 1 }))));
        let Err(CatalogError::Invalid(faults)) = catalog.merge_run(&who(), id(40), id(45), false).await else { panic!("must be refused") };
        assert_eq!(told(&faults), [("/into", "NOT_FOUND")]);
        assert!(matches!(catalog.merge_run(&who(), id(45), id(44), false).await, Err(CatalogError::NotFound)));
        assert_eq!(transactions.commits(), 0);
    }
}

#[tokio::test]
async fn a_run_is_hidden_and_comes_back() {
    let (repositories, saved) = saving(knowing(Some(run(3, 2))));
    let (transactions, catalog) = over(repositories);
    let hidden = catalog.archive_run(&who(), id(40)).await.unwrap();
    assert_eq!((hidden.archived_at(), saved.verbs(), transactions.commits()), (Some(now()), vec!["archived"], 1));

    // Seats that came free meanwhile are for who waits.
    let (mut repositories, saved) = saving(knowing(Some(hidden)));
    repositories.course_runs.expect_find_with_queue().times(1).returning(|_| Ok(Some(queue(run(3, 2), 0))));
    let (transactions, catalog) = over(repositories);
    assert_eq!(catalog.restore_run(&who(), id(40)).await.unwrap().archived_at(), None);
    assert_eq!((saved.verbs(), transactions.commits()), (vec!["restored"], 1));
}

#[tokio::test]
async fn what_is_hidden_is_not_hidden_again_nor_brought_back_twice() {
    let (transactions, catalog) = over(knowing(Some(run(3, 2).archive(now()).unwrap().into_state())));
    assert!(matches!(catalog.archive_run(&who(), id(40)).await, Err(CatalogError::AlreadySo)));
    assert_eq!(transactions.commits(), 0);
    let (transactions, catalog) = over(knowing(Some(run(3, 2))));
    assert!(matches!(catalog.restore_run(&who(), id(40)).await, Err(CatalogError::AlreadySo)));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn nothing_is_done_to_a_run_that_is_not_there() {
    let (transactions, catalog) = over(knowing(None));
    for outcome in [
        catalog.change_run(&who(), id(40), &map(&[]), Expected::Any).await,
        catalog.move_run(&who(), id(40), RunStatus::Ongoing, None).await,
        catalog.shift_run(&who(), id(40), &RunShift { days: 7 }).await,
        catalog.archive_run(&who(), id(40)).await,
        catalog.restore_run(&who(), id(40)).await,
    ] {
        assert!(matches!(outcome, Err(CatalogError::NotFound)));
    }
    assert_eq!(transactions.commits(), 0);
}
