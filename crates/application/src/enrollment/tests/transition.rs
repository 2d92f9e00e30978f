use matricula_domain::catalog::CourseRunId;
use matricula_domain::enrollment::{Enrollment, EnrollmentError, EnrollmentId, EnrollmentStatus};
use matricula_domain::identity::Role;
use matricula_domain::shared::{Changed, Id, Line};
use matricula_ports::PortError;
use matricula_ports::mocks::MockRepositories;
use matricula_ports::notifications::NewJob;

use super::super::{Enrollments, EnrollmentsError, OFFER_LIVES};
use super::{closed_runs, over, with_run};
use crate::notifications::SEATS_SWEEP;
use crate::testing::{Seen, allowed, enrollment, id, now, run};

/// Repositories that know this enrollment, under the id 41.
fn knowing(enrollment: Option<Enrollment>) -> MockRepositories {
    let mut repositories = MockRepositories::default();
    repositories.enrollments.expect_find().withf(|asked, _| *asked == id::<EnrollmentId>(41)).returning(move |_, _| Ok(enrollment.clone()));
    repositories
}

fn saving(mut repositories: MockRepositories, times: usize) -> (MockRepositories, Seen<Changed<Enrollment>>) {
    let saved = Seen::nothing();
    repositories.enrollments.expect_save().times(times).returning(saved.note());
    (repositories, saved)
}

/// The repositories, where these are next in line for the one free seat.
fn with_line(mut repositories: MockRepositories, line: Vec<Enrollment>) -> MockRepositories {
    let seat = (id::<CourseRunId>(40), 1);
    repositories.enrollments.expect_next_in_line().withf(move |run, most| (*run, *most) == seat).times(1).returning(move |_, _| Ok(line.clone()));
    repositories
}

async fn move_to(enrollments: &Enrollments, to: EnrollmentStatus) -> Result<Enrollment, EnrollmentsError> {
    let reason = Line::parse("Se muda").unwrap();
    enrollments.transition(&allowed(Role::Adviser), id(41), to, Some(&reason)).await
}

#[tokio::test]
async fn a_freed_seat_is_offered_to_the_next_in_line_and_a_job_sees_to_the_end_of_the_offer() {
    for from in [EnrollmentStatus::Active, EnrollmentStatus::Suspended, EnrollmentStatus::Offered] {
        let waiting = enrollment(42, EnrollmentStatus::Waitlisted);
        let (mut repositories, saved) = saving(with_line(with_run(knowing(Some(enrollment(41, from))), Some(run(1, 0)), 1), vec![waiting]), 2);
        let jobs = Seen::<NewJob>::nothing();
        repositories.jobs.expect_enqueue().times(1).returning(jobs.keep());
        let (transactions, enrollments) = over(repositories);
        let dropped = move_to(&enrollments, EnrollmentStatus::Dropped).await.unwrap();
        assert_eq!((dropped.id(), dropped.status(), dropped.reason()), (id(41), EnrollmentStatus::Dropped, Some("Se muda")));

        let mut changes = saved.all();
        changes.sort_by_key(|changed| changed.state().id());
        assert_eq!(changes[0].state(), &dropped);
        let offer = changes[1].state();
        let until = now() + OFFER_LIVES;
        assert_eq!((offer.id(), offer.status(), offer.offer_expires_at()), (id(42), EnrollmentStatus::Offered, Some(until)));
        let job = jobs.one();
        assert_eq!((job.kind, job.run_at), (SEATS_SWEEP, until));
        assert_eq!(job.dedupe_key, format!("{}@{}", offer.id().as_uuid(), until.timestamp_micros()));
        assert_eq!(transactions.commits(), 1);
    }
}

#[tokio::test]
async fn a_freed_seat_that_nobody_waits_for_is_free() {
    let (repositories, saved) = saving(with_run(knowing(Some(enrollment(41, EnrollmentStatus::Active))), Some(run(1, 0)), 0), 1);
    let (transactions, enrollments) = over(repositories);
    move_to(&enrollments, EnrollmentStatus::Dropped).await.unwrap();
    assert_eq!((saved.verbs(), transactions.commits()), (vec!["dropped"], 1));
}

#[tokio::test]
async fn where_nobody_can_enroll_any_more_nobody_is_offered_a_seat() {
    for (run, reason) in closed_runs() {
        let (repositories, saved) = saving(with_run(knowing(Some(enrollment(41, EnrollmentStatus::Active))), Some(run), 1), 1);
        let (transactions, enrollments) = over(repositories);
        move_to(&enrollments, EnrollmentStatus::Dropped).await.unwrap();
        assert_eq!((saved.verbs(), transactions.commits()), (vec!["dropped"], 1), "{reason}");
    }
}

#[tokio::test]
async fn a_move_that_frees_no_seat_offers_none() {
    // Nobody is asked for who is next in line.
    for (from, to, verb) in [
        (EnrollmentStatus::Active, EnrollmentStatus::Completed, "completed"),
        (EnrollmentStatus::Active, EnrollmentStatus::Suspended, "suspended"),
        (EnrollmentStatus::Suspended, EnrollmentStatus::Active, "resumed"),
        (EnrollmentStatus::Offered, EnrollmentStatus::Active, "accepted"),
        (EnrollmentStatus::Waitlisted, EnrollmentStatus::Dropped, "dropped"),
    ] {
        let (repositories, saved) = saving(knowing(Some(enrollment(41, from))), 1);
        let (transactions, enrollments) = over(repositories);
        assert_eq!(move_to(&enrollments, to).await.unwrap().status(), to);
        assert_eq!((saved.verbs(), transactions.commits()), (vec![verb], 1));
    }
}

#[tokio::test]
async fn what_the_rules_refuse_is_not_saved() {
    let (transactions, enrollments) = over(knowing(Some(enrollment(41, EnrollmentStatus::Completed))));
    let refused = move_to(&enrollments, EnrollmentStatus::Dropped).await;
    let Err(EnrollmentsError::Refused(error)) = refused else { panic!("must be refused") };
    let expected = EnrollmentError::InvalidTransition { from: EnrollmentStatus::Completed, to: EnrollmentStatus::Dropped, possible: Vec::new() };
    assert_eq!((error, transactions.commits()), (expected, 0));
}

#[tokio::test]
async fn an_offer_that_ran_out_is_not_accepted() {
    let parts = enrollment(41, EnrollmentStatus::Offered).parts().clone();
    let late = Enrollment::from_parts(matricula_domain::enrollment::EnrollmentParts { offer_expires_at: Some(now()), ..parts });
    let (transactions, enrollments) = over(knowing(Some(late)));
    let refused = move_to(&enrollments, EnrollmentStatus::Active).await;
    assert!(matches!(refused, Err(EnrollmentsError::Refused(EnrollmentError::OfferExpired))));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn an_enrollment_that_is_not_there_does_not_move() {
    let (transactions, enrollments) = over(knowing(None));
    assert!(matches!(move_to(&enrollments, EnrollmentStatus::Dropped).await, Err(EnrollmentsError::NotFound)));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn who_was_dropped_by_somebody_else_meanwhile_frees_no_second_seat() {
    let mut repositories = with_run(MockRepositories::default(), Some(run(1, 0)), 0);
    repositories.enrollments.expect_find().times(1).returning(|_, _| Ok(Some(enrollment(41, EnrollmentStatus::Active))));
    repositories.enrollments.expect_find().times(1).returning(|_, _| Ok(Some(enrollment(41, EnrollmentStatus::Dropped))));
    let (repositories, _) = saving(repositories, 1);
    let (transactions, enrollments) = over(repositories);
    let transactions = transactions.refusing(PortError::Stale);
    let refused = move_to(&enrollments, EnrollmentStatus::Dropped).await;
    assert!(matches!(refused, Err(EnrollmentsError::Refused(EnrollmentError::InvalidTransition { .. }))));
    assert_eq!(transactions.commits(), 1, "the first try alone, which was refused");
}
