use matricula_domain::enrollment::{EnrollmentError, HoldStatus, SeatHold};
use matricula_domain::identity::Role;
use matricula_domain::shared::{Changed, Id, Value};
use matricula_ports::PortError;
use matricula_ports::mocks::MockRepositories;
use matricula_ports::notifications::NewJob;

use super::super::{Enrollments, EnrollmentsError};
use super::{closed_runs, knowing, lucia, over, with_run};
use crate::notifications::SEATS_SWEEP;
use crate::testing::{CLOSED, Seen, allowed, id, in_hours, person_in, queue, run, told};

async fn hold(enrollments: &Enrollments, hours: u32) -> Result<SeatHold, EnrollmentsError> {
    enrollments.hold(&allowed(Role::Adviser), id(40), id(20), hours).await
}

async fn refusal(repositories: MockRepositories, hours: u32) -> EnrollmentsError {
    let (transactions, enrollments) = over(repositories);
    let refused = hold(&enrollments, hours).await.unwrap_err();
    assert_eq!(transactions.commits(), 0);
    refused
}

#[tokio::test]
async fn a_seat_is_held_and_a_job_sees_to_its_end() {
    let (saved, jobs) = (Seen::<Changed<SeatHold>>::nothing(), Seen::<NewJob>::nothing());
    let mut repositories = with_run(knowing(Some(lucia())), Some(run(2, 1)), 0);
    repositories.seat_holds.expect_save().times(1).returning(saved.note());
    repositories.jobs.expect_enqueue().times(1).returning(jobs.keep());
    let (transactions, enrollments) = over(repositories);
    let held = hold(&enrollments, 48).await.unwrap();
    assert_eq!((held.status(), held.run(), held.person(), held.expires_at()), (HoldStatus::Held, id(40), id(20), in_hours(48)));
    assert_eq!((saved.verbs(), saved.one().state(), transactions.commits()), (vec!["held"], &held, 1));

    let job = jobs.one();
    assert_eq!((job.kind, job.run_at, job.payload), (SEATS_SWEEP, in_hours(48), Value::Map(Vec::new())));
    assert_eq!(job.dedupe_key, format!("{}@{}", held.id(), in_hours(48).timestamp_micros()));
    assert_ne!(job.id, held.id().as_uuid());
}

#[tokio::test]
async fn nothing_is_held_for_nobody() {
    let EnrollmentsError::Invalid(faults) = refusal(with_run(knowing(None), Some(run(2, 0)), 0), 48).await else { panic!("must be a fault") };
    assert_eq!(told(&faults), [("/person_id", "NOT_FOUND")]);
}

#[tokio::test]
async fn data_that_may_not_be_worked_with_holds_no_seat() {
    for standing in CLOSED {
        let restricted = knowing(Some(person_in(standing, 20, Some("lucia@example.es"), None)));
        let refused = refusal(with_run(restricted, Some(run(2, 0)), 0), 48).await;
        assert!(matches!(refused, EnrollmentsError::Restricted), "{standing}");
    }
}

#[tokio::test]
async fn nothing_is_held_in_a_run_that_is_not_there() {
    assert!(matches!(refusal(with_run(knowing(Some(lucia())), None, 0), 48).await, EnrollmentsError::NotFound));
}

#[tokio::test]
async fn nothing_is_held_where_no_seat_is_free_or_others_wait_for_it() {
    for (run, waiting) in [(run(2, 2), 0), (run(2, 1), 1)] {
        let refused = refusal(with_run(knowing(Some(lucia())), Some(run), waiting), 48).await;
        assert!(matches!(refused, EnrollmentsError::Refused(EnrollmentError::RunFull)));
    }
}

#[tokio::test]
async fn nothing_is_held_in_a_run_that_is_closed() {
    for (run, reason) in closed_runs() {
        let EnrollmentsError::Refused(refused) = refusal(with_run(knowing(Some(lucia())), Some(run), 0), 48).await else { panic!("must be refused") };
        assert_eq!(refused, reason);
    }
}

#[tokio::test]
async fn nothing_is_held_for_no_time_or_for_ever() {
    for hours in [0, 169] {
        let refused = refusal(with_run(knowing(Some(lucia())), Some(run(2, 1)), 0), hours).await;
        let EnrollmentsError::Refused(EnrollmentError::Invalid(faults)) = refused else { panic!("must be a fault") };
        assert_eq!(told(&faults), [("/hours", "HOURS_OUT_OF_RANGE")]);
    }
}

#[tokio::test]
async fn of_two_who_saw_the_last_seat_one_holds_it() {
    let mut repositories = knowing(Some(lucia()));
    repositories.course_runs.expect_find_with_queue().times(1).returning(|_| Ok(Some(queue(run(1, 0), 0))));
    repositories.course_runs.expect_find_with_queue().times(1).returning(|_| Ok(Some(queue(run(1, 1), 0))));
    repositories.seat_holds.expect_save().times(1).returning(|_| Ok(()));
    repositories.jobs.expect_enqueue().times(1).returning(|_| Ok(()));
    let (transactions, enrollments) = over(repositories);
    let transactions = transactions.refusing(PortError::Conflict("seats"));
    assert!(matches!(hold(&enrollments, 48).await, Err(EnrollmentsError::Refused(EnrollmentError::RunFull))));
    assert_eq!(transactions.commits(), 1, "the first try alone, which was refused");
}
