use matricula_domain::enrollment::{Enrollment, EnrollmentError, EnrollmentStatus, HoldStatus, SeatHold, SeatHoldId};
use matricula_domain::identity::Role;
use matricula_domain::people::{IdentifierKind, Person, PersonDetails, PersonId};
use matricula_domain::shared::{Changed, EmailAddress, Line, PhoneNumber, TimeZone};
use matricula_ports::PortError;
use matricula_ports::catalog::RunWithQueue;
use matricula_ports::mocks::{MockRepositories, MockTransactions};

use super::super::{Enrollments, EnrollmentsError, Placed, Wanted};
use super::{closed_runs, knowing, lucia, over, with_run};
use crate::testing::{
    CLOSED, FixedClock, Seen, allowed, away, day, enrollment, id, issuing, now, once, person, person_in, run, told, world, world_with_keys,
};
use crate::{World, testing};

const LUCIA: &str = "lucia@example.es";
const PHONE: &str = "+34600111222";

fn details() -> Wanted {
    let (email, phone) = (Some(EmailAddress::parse(LUCIA).unwrap()), Some(PhoneNumber::parse(PHONE).unwrap()));
    Wanted::Details(PersonDetails { name: Line::parse("Lucía Pérez").unwrap(), email, phone })
}

fn known() -> Wanted {
    Wanted::Person(id(20))
}

/// How somebody asks for a place.
struct Ask {
    wanted: Wanted,
    hold: Option<SeatHoldId>,
    waitlist: bool,
}

impl Ask {
    fn of(wanted: Wanted) -> Self {
        Self { wanted, hold: None, waitlist: false }
    }
    async fn to(self, enrollments: &Enrollments) -> Result<Placed, EnrollmentsError> {
        enrollments.enroll(&allowed(Role::Adviser), id(40), &self.wanted, self.hold, self.waitlist).await
    }
}

/// The repositories, where the person 20 has had these attempts in the run.
fn after(mut repositories: MockRepositories, attempts: Vec<Enrollment>) -> MockRepositories {
    repositories.enrollments.expect_attempts().withf(|run, _| *run == id(40)).returning(move |_, _| Ok(attempts.clone()));
    repositories
}

fn saving(mut repositories: MockRepositories) -> (MockRepositories, Seen<Changed<Enrollment>>) {
    let saved = Seen::nothing();
    repositories.enrollments.expect_save().times(1).returning(saved.note());
    (repositories, saved)
}

/// Repositories in which the address or number belongs to these people.
fn owning(people: Vec<Person>) -> MockRepositories {
    let mut repositories = MockRepositories::default();
    let asked = [(IdentifierKind::Email, LUCIA.to_owned()), (IdentifierKind::Phone, PHONE.to_owned())];
    repositories.people.expect_find_by_identifiers().withf(move |identifiers| identifiers == asked).returning(move |_| Ok(people.clone()));
    repositories
}

async fn refusal(repositories: MockRepositories, ask: Ask) -> EnrollmentsError {
    let (transactions, enrollments) = over(repositories);
    let refused = ask.to(&enrollments).await.unwrap_err();
    assert_eq!(transactions.commits(), 0);
    refused
}

#[tokio::test]
async fn who_is_known_gets_a_free_seat() {
    let (repositories, saved) = saving(after(with_run(knowing(Some(lucia())), Some(run(2, 1)), 0), Vec::new()));
    let (transactions, enrollments) = over(repositories);
    let Placed { enrollment, waitlist_position } = Ask::of(known()).to(&enrollments).await.unwrap();
    assert_eq!((enrollment.status(), enrollment.person(), enrollment.run(), enrollment.attempt()), (EnrollmentStatus::Active, id(20), id(40), 1));
    assert_eq!((enrollment.created_at(), enrollment.lead(), waitlist_position), (now(), None, None));
    assert_eq!((saved.verbs(), saved.one().state(), transactions.commits()), (vec!["enrolled"], &enrollment, 1));
}

#[tokio::test]
async fn who_is_new_is_met_with_a_key_and_gets_a_seat() {
    let met = Seen::<Changed<Person>>::nothing();
    let (mut repositories, saved) = saving(after(with_run(owning(Vec::new()), Some(run(2, 1)), 0), Vec::new()));
    repositories.people.expect_save().times(1).returning(met.note());
    let transactions = MockTransactions::over(repositories);
    let enrollments = Enrollments::new(world_with_keys(&transactions, issuing(1)));
    let placed = Ask::of(details()).to(&enrollments).await.unwrap();
    let met = met.one();
    assert_eq!((met.state().name(), met.state().parts().key_id, met.state().parts().created_at), ("Lucía Pérez", id(77), now()));
    assert_eq!((met.state().identifier(IdentifierKind::Email), met.state().identifier(IdentifierKind::Phone)), (Some(LUCIA), Some(PHONE)));
    assert_eq!((placed.enrollment.person(), saved.verbs(), transactions.commits()), (met.state().id(), vec!["enrolled"], 1));
}

#[tokio::test]
async fn who_has_the_address_or_number_is_not_met_again() {
    let by_number = vec![person(20, None, Some(PHONE))];
    let two = vec![person(200, Some("padre@example.es"), Some(PHONE)), person(20, Some(LUCIA), None)];
    // Of the address of one and the number of another, the address decides.
    for people in [vec![person(20, Some(LUCIA), None)], by_number, two] {
        let (repositories, _) = saving(after(with_run(owning(people), Some(run(2, 1)), 0), Vec::new()));
        let (transactions, enrollments) = over(repositories);
        assert_eq!(Ask::of(details()).to(&enrollments).await.unwrap().enrollment.person(), id(20));
        assert_eq!(transactions.commits(), 1);
    }
}

#[tokio::test]
async fn nobody_is_looked_for_by_what_was_not_said() {
    let mut repositories = MockRepositories::default();
    let asked = [(IdentifierKind::Phone, PHONE.to_owned())];
    repositories
        .people
        .expect_find_by_identifiers()
        .withf(move |identifiers| identifiers == asked)
        .times(1)
        .returning(|_| Ok(vec![person(20, None, Some(PHONE))]));
    let (repositories, _) = saving(after(with_run(repositories, Some(run(2, 1)), 0), Vec::new()));
    let (_, enrollments) = over(repositories);
    let wanted = Wanted::Details(PersonDetails { name: Line::parse("Lucía").unwrap(), email: None, phone: PhoneNumber::parse(PHONE).ok() });
    assert_eq!(Ask::of(wanted).to(&enrollments).await.unwrap().enrollment.person(), id(20));
}

#[tokio::test]
async fn a_person_who_is_not_there_is_a_fault_of_the_input() {
    let EnrollmentsError::Invalid(faults) = refusal(with_run(knowing(None), Some(run(2, 0)), 0), Ask::of(known())).await else {
        panic!("must be a fault")
    };
    assert_eq!(told(&faults), [("/person_id", "NOT_FOUND")]);
}

#[tokio::test]
async fn data_that_may_not_be_worked_with_gets_no_place() {
    for standing in CLOSED {
        let somebody = || person_in(standing, 20, Some(LUCIA), None);
        let open = |repositories| with_run(repositories, Some(run(2, 0)), 0);
        assert!(matches!(refusal(open(knowing(Some(somebody()))), Ask::of(known())).await, EnrollmentsError::Restricted), "{standing}");
        assert!(matches!(refusal(open(owning(vec![somebody()])), Ask::of(details())).await, EnrollmentsError::Restricted), "{standing}");
    }
}

#[tokio::test]
async fn nobody_is_met_without_a_key() {
    let mut keys = matricula_ports::privacy::MockPersonKeys::new();
    keys.expect_issue().times(1).returning(|_| Err(away()));
    let transactions = MockTransactions::over(with_run(owning(Vec::new()), Some(run(2, 0)), 0));
    let enrollments = Enrollments::new(world_with_keys(&transactions, keys));
    let refused = Ask::of(details()).to(&enrollments).await;
    assert!(matches!(refused, Err(EnrollmentsError::Port(PortError::Unavailable(_)))));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn a_run_that_is_not_there_takes_nobody() {
    // Nobody is looked for: it is not there for whoever is named.
    assert!(matches!(refusal(with_run(MockRepositories::default(), None, 0), Ask::of(known())).await, EnrollmentsError::NotFound));
}

#[tokio::test]
async fn a_full_run_takes_nobody_and_neither_does_a_free_seat_that_others_wait_for() {
    for (run, waiting) in [(run(2, 2), 0), (run(2, 1), 1)] {
        let refused = refusal(after(with_run(knowing(Some(lucia())), Some(run), waiting), Vec::new()), Ask::of(known())).await;
        assert!(matches!(refused, EnrollmentsError::Refused(EnrollmentError::RunFull)));
    }
}

#[tokio::test]
async fn somebody_new_is_not_kept_when_the_run_is_full() {
    let mut repositories = after(with_run(owning(Vec::new()), Some(run(2, 2)), 0), Vec::new());
    repositories.people.expect_save().returning(|_| Ok(()));
    let transactions = MockTransactions::over(repositories);
    let enrollments = Enrollments::new(world_with_keys(&transactions, issuing(1)));
    let refused = Ask::of(details()).to(&enrollments).await;
    assert!(matches!(refused, Err(EnrollmentsError::Refused(EnrollmentError::RunFull))));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn who_would_wait_is_told_their_place_in_the_queue() {
    let (mut repositories, saved) = saving(after(with_run(knowing(Some(lucia())), Some(run(2, 2)), 3), Vec::new()));
    repositories.enrollments.expect_waitlist_position().withf(|waiting| waiting.person() == id(20)).times(1).returning(|_| Ok(4));
    let (transactions, enrollments) = over(repositories);
    let placed = Ask { waitlist: true, ..Ask::of(known()) }.to(&enrollments).await.unwrap();
    assert_eq!(
        (placed.enrollment.status(), placed.enrollment.queued_at(), placed.waitlist_position),
        (EnrollmentStatus::Waitlisted, Some(now()), Some(4))
    );
    assert_eq!((saved.verbs(), transactions.commits()), (vec!["waitlisted"], 1));
}

#[tokio::test]
async fn who_has_a_place_or_waits_for_one_gets_no_second_one() {
    for status in [EnrollmentStatus::Active, EnrollmentStatus::Waitlisted, EnrollmentStatus::Offered, EnrollmentStatus::Suspended] {
        let attempts = vec![enrollment(41, EnrollmentStatus::Dropped), enrollment(42, status)];
        let refused = refusal(after(with_run(knowing(Some(lucia())), Some(run(2, 0)), 0), attempts), Ask::of(known())).await;
        assert!(matches!(refused, EnrollmentsError::Refused(EnrollmentError::AlreadyEnrolled)), "{status}");
    }
}

#[tokio::test]
async fn who_left_comes_back_at_another_attempt() {
    let attempts = vec![enrollment(41, EnrollmentStatus::Dropped), enrollment(42, EnrollmentStatus::Completed)];
    let (mut repositories, _) = saving(with_run(knowing(Some(lucia())), Some(run(2, 0)), 0));
    repositories
        .enrollments
        .expect_attempts()
        .withf(|run, person| (*run, *person) == (id(40), id::<PersonId>(20)))
        .times(1)
        .returning(move |_, _| Ok(attempts.clone()));
    let (_, enrollments) = over(repositories);
    assert_eq!(Ask::of(known()).to(&enrollments).await.unwrap().enrollment.attempt(), 3);
}

#[tokio::test]
async fn a_run_that_is_closed_takes_nobody() {
    for (run, reason) in closed_runs() {
        let ask = Ask { waitlist: true, ..Ask::of(known()) };
        let EnrollmentsError::Refused(refused) = refusal(after(with_run(knowing(Some(lucia())), Some(run), 0), Vec::new()), ask).await else {
            panic!("must be refused")
        };
        assert_eq!(refused, reason);
    }
}

#[tokio::test]
async fn the_last_day_to_enroll_ends_at_midnight_of_the_campus() {
    // 23:30 in Madrid on the last day is the day after in Kiribati.
    let last_minutes = day("2026-04-05").and_hms_opt(21, 30, 0).unwrap().and_utc();
    for (zone, open) in [("Europe/Madrid", true), ("Pacific/Kiritimati", false)] {
        let mut repositories = after(knowing(Some(lucia())), Vec::new());
        let time_zone = TimeZone::parse(zone).unwrap();
        repositories.course_runs.expect_find_with_queue().returning(move |_| Ok(Some(RunWithQueue { run: run(2, 0), waiting: 0, time_zone })));
        repositories.enrollments.expect_save().times(usize::from(open)).returning(|_| Ok(()));
        let transactions = MockTransactions::over(repositories);
        let late = World { clock: std::sync::Arc::new(FixedClock(last_minutes)), ..world(&transactions) };
        let outcome = Ask::of(known()).to(&Enrollments::new(late)).await;
        assert_eq!(matches!(outcome, Err(EnrollmentsError::Refused(EnrollmentError::EnrollmentClosed))), !open, "{zone}");
        assert_eq!((outcome.is_ok(), transactions.commits()), (open, usize::from(open)), "{zone}");
    }
}

mod with_a_hold {
    use super::*;

    /// The hold 45 of the person 20 for a seat of the run 40.
    fn held() -> SeatHold {
        SeatHold::hold(id(45), &run(1, 0), 0, id(20), 1, day("2026-03-01"), testing::in_hours(0)).unwrap().into_state()
    }

    /// Somebody comes with the hold 45 to a run whose seats are gone.
    fn repositories(hold: Option<SeatHold>) -> MockRepositories {
        let mut repositories = after(with_run(knowing(Some(lucia())), Some(run(2, 2)), 2), Vec::new());
        repositories.seat_holds.expect_find().withf(|asked| *asked == id::<SeatHoldId>(45)).times(1).returning(move |_| Ok(hold.clone()));
        repositories
    }

    fn ask() -> Ask {
        Ask { hold: Some(id(45)), ..Ask::of(known()) }
    }

    #[tokio::test]
    async fn the_seat_that_is_held_is_theirs_and_the_hold_is_used() {
        let used = Seen::<Changed<SeatHold>>::nothing();
        let (mut repositories, saved) = saving(repositories(Some(held())));
        repositories.seat_holds.expect_save().times(1).returning(used.note());
        let (transactions, enrollments) = over(repositories);
        let placed = ask().to(&enrollments).await.unwrap();
        assert_eq!((placed.enrollment.status(), used.one().state().status()), (EnrollmentStatus::Active, HoldStatus::Used));
        assert_eq!((saved.verbs(), used.verbs(), transactions.commits()), (vec!["enrolled"], vec!["used"], 1));
    }

    #[tokio::test]
    async fn a_hold_that_is_not_there_or_somebody_else_s_or_over_is_of_no_use() {
        let of = |change: fn(&mut matricula_domain::enrollment::SeatHoldParts)| {
            let mut parts = held().parts().clone();
            change(&mut parts);
            Some(SeatHold::from_parts(parts))
        };
        for hold in [
            None,
            of(|hold| hold.person = id(21)),
            of(|hold| hold.run = id(41)),
            of(|hold| hold.expires_at = now()),
            of(|hold| hold.status = HoldStatus::Used),
        ] {
            let refused = refusal(repositories(hold), ask()).await;
            assert!(matches!(refused, EnrollmentsError::Refused(EnrollmentError::HoldNotUsable)));
        }
    }
}

#[tokio::test]
async fn of_two_who_saw_the_last_seat_one_finds_the_run_full() {
    let mut repositories = after(knowing(Some(lucia())), Vec::new());
    repositories.course_runs.expect_find_with_queue().times(1).returning(|_| Ok(Some(testing::queue(run(1, 0), 0))));
    repositories.course_runs.expect_find_with_queue().times(1).returning(|_| Ok(Some(testing::queue(run(1, 1), 0))));
    repositories.enrollments.expect_save().times(1).returning(|_| Ok(()));
    let (transactions, enrollments) = over(repositories);
    let transactions = transactions.refusing(PortError::Conflict("seats"));
    let refused = Ask::of(known()).to(&enrollments).await;
    assert!(matches!(refused, Err(EnrollmentsError::Refused(EnrollmentError::RunFull))));
    assert_eq!(transactions.commits(), 1, "the first try alone, which was refused");
}

#[tokio::test]
async fn the_answer_to_an_enrollment_that_must_happen_once_is_remembered_and_its_repeat_changes_nothing() {
    let repositories = || saving(after(with_run(knowing(Some(lucia())), Some(run(2, 1)), 0), Vec::new())).0;
    let who = || allowed(Role::Adviser).once(once(|placed: &Placed| Some(placed.enrollment.status().to_string())));
    let (transactions, enrollments) = over(repositories());
    enrollments.enroll(&who(), id(40), &known(), None, false).await.unwrap();
    assert_eq!(transactions.remembered().map(|answer| answer.body).as_deref(), Some("active"));

    let (transactions, enrollments) = over(repositories());
    let transactions = transactions.refusing(PortError::Conflict("idempotency_keys"));
    let repeated = enrollments.enroll(&who(), id(40), &known(), None, false).await;
    assert!(matches!(repeated, Err(EnrollmentsError::Port(PortError::Conflict("idempotency_keys")))));
    assert_eq!(transactions.commits(), 1);
}
