use matricula_domain::catalog::CourseRunId;
use matricula_domain::enrollment::{Enrollment, EnrollmentError, EnrollmentParts, EnrollmentStatus, HoldStatus, SeatHold, SeatHoldParts};
use matricula_domain::shared::Changed;
use matricula_ports::PortError;
use matricula_ports::mocks::MockRepositories;
use mockall::Sequence;

use super::super::{EnrollmentsError, OFFER_LIVES, Swept};
use super::{over, with_run};
use crate::testing::{Seen, away, enrollment, id, in_hours, now, queue, run, scope};

/// The hold 45 for a seat of the run 40, whose time is over.
fn run_out() -> SeatHold {
    SeatHold::from_parts(SeatHoldParts {
        id: id(45),
        run: id(40),
        person: id(20),
        status: HoldStatus::Held,
        expires_at: now(),
        created_at: in_hours(-1),
        updated_at: in_hours(-1),
        version: 1,
    })
}

/// The numbered offer of a seat of the run 40, whose time is over.
fn lapsed(n: u128) -> Enrollment {
    let parts = enrollment(n, EnrollmentStatus::Offered).parts().clone();
    Enrollment::from_parts(EnrollmentParts { offer_expires_at: Some(in_hours(-1)), ..parts })
}

/// Repositories in which these holds and offers are over.
fn over_now(holds: Vec<SeatHold>, offers: Vec<Enrollment>) -> MockRepositories {
    let mut repositories = MockRepositories::default();
    repositories.seat_holds.expect_run_out().withf(|at, most| (*at, *most) == (now(), 50)).returning(move |_, _| Ok(holds.clone()));
    repositories.enrollments.expect_lapsed_offers().withf(|at, most| (*at, *most) == (now(), 50)).returning(move |_, _| Ok(offers.clone()));
    repositories
}

#[tokio::test]
async fn where_nothing_is_over_nothing_ends() {
    let (transactions, enrollments) = over(over_now(Vec::new(), Vec::new()));
    assert_eq!(enrollments.sweep(&scope()).await.unwrap(), Swept { holds: 0, offers: 0 });
    assert_eq!(transactions.commits(), 1);
}

#[tokio::test]
async fn a_hold_that_ran_out_frees_its_seat_for_the_next_in_line() {
    let (holds, offers) = (Seen::<Changed<SeatHold>>::nothing(), Seen::<Changed<Enrollment>>::nothing());
    let mut repositories = with_run(over_now(vec![run_out()], Vec::new()), Some(run(1, 0)), 1);
    let seat = (id::<CourseRunId>(40), 1);
    repositories
        .enrollments
        .expect_next_in_line()
        .withf(move |run, most| (*run, *most) == seat)
        .times(1)
        .returning(|_, _| Ok(vec![enrollment(42, EnrollmentStatus::Waitlisted)]));
    repositories.seat_holds.expect_save().times(1).returning(holds.note());
    repositories.enrollments.expect_save().times(1).returning(offers.note());
    repositories.jobs.expect_enqueue().withf(|job| job.run_at == now() + OFFER_LIVES).times(1).returning(|_| Ok(()));
    let (transactions, enrollments) = over(repositories);
    assert_eq!(enrollments.sweep(&scope()).await.unwrap(), Swept { holds: 1, offers: 0 });
    assert_eq!((holds.verbs(), holds.one().state().id()), (vec!["expired"], id(45)));
    assert_eq!((offers.verbs(), offers.one().state().id(), transactions.commits()), (vec!["offered"], id(42), 1));
}

#[tokio::test]
async fn an_offer_that_lapsed_frees_its_seat_for_the_next_in_line() {
    let saved = Seen::<Changed<Enrollment>>::nothing();
    let mut repositories = with_run(over_now(Vec::new(), vec![lapsed(41)]), Some(run(1, 0)), 2);
    repositories.enrollments.expect_next_in_line().times(1).returning(|_, _| Ok(vec![enrollment(42, EnrollmentStatus::Waitlisted)]));
    repositories.enrollments.expect_save().times(2).returning(saved.note());
    repositories.jobs.expect_enqueue().times(1).returning(|_| Ok(()));
    let (transactions, enrollments) = over(repositories);
    assert_eq!(enrollments.sweep(&scope()).await.unwrap(), Swept { holds: 0, offers: 1 });
    let ended: Vec<_> = saved.all().iter().map(|changed| (changed.state().id(), changed.state().status())).collect();
    assert_eq!(ended, [(id(41), EnrollmentStatus::Waitlisted), (id(42), EnrollmentStatus::Offered)]);
    assert_eq!((saved.all()[0].state().queued_at(), transactions.commits()), (Some(now()), 1));
}

#[tokio::test]
async fn who_waits_alone_is_offered_the_seat_again() {
    // The lapse is saved before anybody is asked for who is next: it may be the same person.
    let mut repositories = with_run(over_now(Vec::new(), vec![lapsed(41)]), Some(run(1, 0)), 1);
    let mut order = Sequence::new();
    let is = |status| move |changed: &Changed<Enrollment>| changed.state().status() == status;
    let back = || lapsed(41).lapse(now()).unwrap().into_state();
    repositories.enrollments.expect_save().withf(is(EnrollmentStatus::Waitlisted)).times(1).in_sequence(&mut order).returning(|_| Ok(()));
    repositories.enrollments.expect_next_in_line().times(1).in_sequence(&mut order).returning(move |_, _| Ok(vec![back()]));
    repositories.enrollments.expect_save().withf(is(EnrollmentStatus::Offered)).times(1).in_sequence(&mut order).returning(|_| Ok(()));
    repositories.jobs.expect_enqueue().times(1).returning(|_| Ok(()));
    let (transactions, enrollments) = over(repositories);
    assert_eq!(enrollments.sweep(&scope()).await.unwrap(), Swept { holds: 0, offers: 1 });
    assert_eq!(transactions.commits(), 1);
}

#[tokio::test]
async fn holds_and_offers_end_in_one_transaction() {
    let (holds, offers) = (Seen::<Changed<SeatHold>>::nothing(), Seen::<Changed<Enrollment>>::nothing());
    let mut repositories = over_now(vec![run_out(), run_out()], vec![lapsed(41)]);
    repositories.course_runs.expect_find_with_queue().times(3).returning(|_| Ok(Some(queue(run(3, 0), 0))));
    repositories.seat_holds.expect_save().returning(holds.note());
    repositories.enrollments.expect_save().returning(offers.note());
    let (transactions, enrollments) = over(repositories);
    assert_eq!(enrollments.sweep(&scope()).await.unwrap(), Swept { holds: 2, offers: 1 });
    assert_eq!((holds.verbs(), offers.verbs(), transactions.commits()), (vec!["expired"; 2], vec!["lapsed"], 1));
}

#[tokio::test]
async fn what_was_accepted_meanwhile_does_not_lapse() {
    let mut repositories = MockRepositories::default();
    repositories.seat_holds.expect_run_out().returning(|_, _| Ok(Vec::new()));
    repositories.enrollments.expect_lapsed_offers().times(1).returning(|_, _| Ok(vec![lapsed(41)]));
    repositories.enrollments.expect_lapsed_offers().times(1).returning(|_, _| Ok(Vec::new()));
    repositories.course_runs.expect_find_with_queue().times(1).returning(|_| Ok(Some(queue(run(1, 0), 0))));
    repositories.enrollments.expect_save().times(1).returning(|_| Ok(()));
    let (transactions, enrollments) = over(repositories);
    let transactions = transactions.refusing(PortError::Stale);
    assert_eq!(enrollments.sweep(&scope()).await.unwrap(), Swept { holds: 0, offers: 0 });
    assert_eq!(transactions.commits(), 2);
}

#[tokio::test]
async fn what_is_not_over_does_not_end_even_if_the_repository_says_so() {
    let (transactions, enrollments) = over(over_now(Vec::new(), vec![enrollment(41, EnrollmentStatus::Offered)]));
    assert!(matches!(enrollments.sweep(&scope()).await, Err(EnrollmentsError::Refused(EnrollmentError::NotExpired))));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn a_database_that_is_away_is_told() {
    let mut repositories = MockRepositories::default();
    repositories.seat_holds.expect_run_out().returning(|_, _| Err(away()));
    let (transactions, enrollments) = over(repositories);
    assert!(matches!(enrollments.sweep(&scope()).await, Err(EnrollmentsError::Port(PortError::Unavailable(_)))));
    assert_eq!(transactions.commits(), 0);
}
