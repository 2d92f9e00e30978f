use matricula_domain::enrollment::{Enrollment, EnrollmentError, EnrollmentStatus};
use matricula_domain::identity::{Role, User, UserId};
use matricula_domain::leads::{Lead, LeadError, LeadId, LeadStatus};
use matricula_domain::people::{Person, PersonId};
use matricula_domain::shared::{Changed, Id, Line, Value};
use matricula_ports::PortError;
use matricula_ports::mocks::MockRepositories;

use super::super::{Converted, Leads, LeadsError};
use super::over;
use crate::Expected;
use crate::testing::{CLOSED, Seen, allowed, day, enrollment, id, lead, map, now, person, person_in, queue, run, told, user};

/// Repositories that know this lead, under the id 10.
fn knowing(lead: Option<Lead>) -> MockRepositories {
    let mut repositories = MockRepositories::default();
    repositories.leads.expect_find().withf(|asked, _| *asked == id::<LeadId>(10)).returning(move |_, _| Ok(lead.clone()));
    repositories
}

/// The same, where the lead is saved so often.
fn saving(lead: Lead, times: usize) -> (MockRepositories, Seen<Changed<Lead>>) {
    let (mut repositories, saved) = (knowing(Some(lead)), Seen::nothing());
    repositories.leads.expect_save().times(times).returning(saved.note());
    (repositories, saved)
}

mod transition {
    use super::*;

    async fn move_to(leads: &Leads, to: LeadStatus, reason: Option<&str>) -> Result<Lead, LeadsError> {
        let reason = reason.map(|reason| Line::parse(reason).unwrap());
        leads.transition(&allowed(Role::Adviser), id(10), to, reason.as_ref(), None).await
    }

    #[tokio::test]
    async fn a_lead_moves_with_its_reason() {
        let (repositories, saved) = saving(lead(LeadStatus::Contacted), 1);
        let (transactions, leads) = over(repositories);
        let moved = move_to(&leads, LeadStatus::Rejected, Some("No quiere")).await.unwrap();
        assert_eq!((moved.status(), moved.parts().status_reason.as_deref()), (LeadStatus::Rejected, Some("No quiere")));
        assert_eq!((saved.verbs(), saved.one().state(), transactions.commits()), (vec!["rejected"], &moved, 1));
    }

    #[tokio::test]
    async fn a_lead_that_is_not_there_does_not_move() {
        let (transactions, leads) = over(knowing(None));
        assert!(matches!(move_to(&leads, LeadStatus::Contacted, None).await, Err(LeadsError::NotFound)));
        assert_eq!(transactions.commits(), 0);
    }

    #[tokio::test]
    async fn what_the_lifecycle_refuses_is_not_saved() {
        let (transactions, leads) = over(knowing(Some(lead(LeadStatus::New))));
        let refused = move_to(&leads, LeadStatus::Qualified, None).await;
        let Err(LeadsError::Refused(LeadError::InvalidTransition { from, to, possible })) = refused else { panic!("must be refused") };
        assert_eq!((from, to, possible), (LeadStatus::New, LeadStatus::Qualified, vec!["contacted", "rejected", "spam"]));
        assert!(matches!(move_to(&leads, LeadStatus::Rejected, None).await, Err(LeadsError::Refused(LeadError::ReasonRequired))));
        assert_eq!(transactions.commits(), 0);
    }

    #[tokio::test]
    async fn somebody_else_s_move_is_looked_at_before_ours_is_tried_again() {
        let mut repositories = MockRepositories::default();
        repositories.leads.expect_find().times(1).returning(|_, _| Ok(Some(lead(LeadStatus::New))));
        repositories.leads.expect_find().times(1).returning(|_, _| Ok(Some(lead(LeadStatus::Contacted))));
        repositories.leads.expect_save().times(1).returning(|_| Ok(()));
        let (transactions, leads) = over(repositories);
        let transactions = transactions.refusing(PortError::Stale);
        let refused = move_to(&leads, LeadStatus::Contacted, None).await;
        assert!(matches!(refused, Err(LeadsError::Refused(LeadError::InvalidTransition { from: LeadStatus::Contacted, .. }))));
        assert_eq!(transactions.commits(), 1);
    }
}

mod log {
    use matricula_domain::leads::{ActivityKind, NewActivity};
    use matricula_domain::shared::{Field, Form, Prose};

    use super::*;

    fn note() -> NewActivity {
        NewActivity::read(&map(&[("kind", "note".into()), ("text", "Por la tarde".into())])).unwrap()
    }

    #[tokio::test]
    async fn what_was_done_is_noted_with_who_did_it() {
        let (repositories, saved) = saving(lead(LeadStatus::New), 1);
        let (transactions, leads) = over(repositories);
        let logged = leads.log(&allowed(Role::Adviser), id(10), &note()).await.unwrap();
        let change = saved.one();
        let activity = change.fact().activity().unwrap();
        assert_eq!((activity.id, activity.kind, activity.by.is_some()), (logged.activity, ActivityKind::Note, true));
        assert_eq!((saved.verbs(), transactions.commits()), (vec!["activity_logged"], 1));
    }

    #[tokio::test]
    async fn a_move_brings_its_note() {
        let (repositories, saved) = saving(lead(LeadStatus::New), 2);
        let (transactions, leads) = over(repositories);
        let text = Prose::parse(&"Vino a la oficina".into()).unwrap();
        let moved = leads.transition(&allowed(Role::Adviser), id(10), LeadStatus::Contacted, None, Some(&text)).await.unwrap();
        assert_eq!((saved.verbs(), moved.status(), transactions.commits()), (vec!["contacted", "activity_logged"], LeadStatus::Contacted, 1));
    }

    #[tokio::test]
    async fn nothing_is_done_about_a_lead_that_is_not_there() {
        let (transactions, leads) = over(knowing(None));
        assert!(matches!(leads.log(&allowed(Role::Adviser), id(10), &note()).await, Err(LeadsError::NotFound)));
        assert!(matches!(leads.hold(&allowed(Role::Adviser), id(10), id(40), 48).await, Err(LeadsError::NotFound)));
        assert_eq!(transactions.commits(), 0);
    }
}

mod assign {
    use super::*;

    async fn assign(leads: &Leads, to: Option<UserId>) -> Result<Lead, LeadsError> {
        leads.assign(&allowed(Role::Manager), id(10), to).await
    }

    fn staff(mut repositories: MockRepositories, known: Option<User>) -> MockRepositories {
        repositories.users.expect_find().withf(|asked| *asked == id::<UserId>(50)).returning(move |_| Ok(known.clone()));
        repositories
    }

    #[tokio::test]
    async fn a_lead_is_given_to_who_works_here() {
        let (repositories, saved) = saving(lead(LeadStatus::New), 1);
        let (transactions, leads) = over(staff(repositories, Some(user(true, true))));
        let assigned = assign(&leads, Some(id(50))).await.unwrap();
        assert_eq!(assigned.parts().assigned_to, Some(id(50)));
        assert_eq!((saved.verbs(), saved.one().state(), transactions.commits()), (vec!["assigned"], &assigned, 1));
    }

    #[tokio::test]
    async fn a_lead_can_be_nobody_s() {
        let mine = lead(LeadStatus::New).assign(Some(id(50)), now()).into_state();
        let (repositories, saved) = saving(mine, 1);
        let (_, leads) = over(repositories);
        assert_eq!(assign(&leads, None).await.unwrap().parts().assigned_to, None);
        assert_eq!(saved.verbs(), ["assigned"]);
    }

    #[tokio::test]
    async fn who_does_not_work_here_gets_no_lead() {
        for nobody in [None, Some(user(false, true)), Some(user(true, false))] {
            let (transactions, leads) = over(staff(knowing(Some(lead(LeadStatus::New))), nobody));
            let Err(LeadsError::Invalid(faults)) = assign(&leads, Some(id(50))).await else { panic!("must be refused") };
            assert_eq!((told(&faults), transactions.commits()), (vec![("/user_id", "NOT_FOUND")], 0));
        }
    }

    #[tokio::test]
    async fn a_lead_that_is_not_there_is_given_to_nobody() {
        let (transactions, leads) = over(knowing(None));
        assert!(matches!(assign(&leads, Some(id(50))).await, Err(LeadsError::NotFound)));
        assert_eq!(transactions.commits(), 0);
    }
}

mod change {
    use super::*;

    async fn change(leads: &Leads, patch: &[(&str, Value)], expected: Expected) -> Result<Lead, LeadsError> {
        leads.change(&allowed(Role::Adviser), id(10), &map(patch), expected).await
    }

    #[tokio::test]
    async fn what_the_patch_names_is_changed_and_nothing_else() {
        let (repositories, saved) = saving(lead(LeadStatus::New), 1);
        let (transactions, leads) = over(repositories);
        let changed = change(&leads, &[("source", "feria".into())], Expected::Version(4)).await.unwrap();
        let details = &changed.parts().details;
        assert_eq!((details.source.as_ref().map(Line::as_str), details.course_id), (Some("feria"), Some(id(30))));
        assert_eq!((saved.one().changes().len(), transactions.commits()), (1, 1));
    }

    #[tokio::test]
    async fn a_patch_that_makes_no_sense_changes_nothing() {
        let (transactions, leads) = over(knowing(Some(lead(LeadStatus::New))));
        let patch = [("status", "converted".into()), ("course_id", "dam".into())];
        let Err(LeadsError::Invalid(faults)) = change(&leads, &patch, Expected::Any).await else { panic!("must be refused") };
        assert_eq!((told(&faults), transactions.commits()), (vec![("/status", "UNKNOWN_FIELD"), ("/course_id", "NOT_AN_ID")], 0));
    }

    #[tokio::test]
    async fn another_version_than_the_one_that_was_seen_is_not_overwritten() {
        let (transactions, leads) = over(knowing(Some(lead(LeadStatus::New))));
        let refused = change(&leads, &[("source", "feria".into())], Expected::Version(3)).await;
        assert!(matches!(refused, Err(LeadsError::Port(PortError::Stale))));
        assert_eq!(transactions.commits(), 0);
    }

    #[tokio::test]
    async fn a_lead_that_is_not_there_does_not_change() {
        let (transactions, leads) = over(knowing(None));
        assert!(matches!(change(&leads, &[], Expected::Any).await, Err(LeadsError::NotFound)));
        assert_eq!(transactions.commits(), 0);
    }
}

mod convert {
    use super::*;
    use matricula_domain::catalog::CourseRun;

    /// Repositories with the lead, its person, the run and the person's attempts in it.
    fn standing(lead: Lead, person: Person, run: Option<CourseRun>, attempts: Vec<Enrollment>) -> MockRepositories {
        let mut repositories = knowing(Some(lead));
        repositories.people.expect_find().withf(|asked| *asked == id::<PersonId>(20)).returning(move |_| Ok(Some(person.clone())));
        repositories.course_runs.expect_find_with_queue().returning(move |_| Ok(run.clone().map(|run| queue(run, 0))));
        repositories.enrollments.expect_attempts().returning(move |_, _| Ok(attempts.clone()));
        repositories
    }

    fn lucia() -> Person {
        person(20, Some("lucia@example.es"), None)
    }

    async fn convert(leads: &Leads) -> Result<Converted, LeadsError> {
        leads.convert(&allowed(Role::Adviser), id(10), id(40)).await
    }

    #[tokio::test]
    async fn a_lead_becomes_a_place_and_each_knows_the_other() {
        let (leads_saved, places_saved) = (Seen::<Changed<Lead>>::nothing(), Seen::<Changed<Enrollment>>::nothing());
        let mut repositories = standing(lead(LeadStatus::Qualified), lucia(), Some(run(1, 0)), Vec::new());
        repositories.leads.expect_save().times(1).returning(leads_saved.note());
        repositories.enrollments.expect_save().times(1).returning(places_saved.note());
        let (transactions, leads) = over(repositories);
        let Converted { lead, enrollment } = convert(&leads).await.unwrap();
        assert_eq!((lead.status(), lead.parts().enrollment), (LeadStatus::Converted, Some(enrollment.id().as_uuid())));
        assert_eq!((enrollment.status(), enrollment.person(), enrollment.lead()), (EnrollmentStatus::Active, id(20), Some(lead.id().as_uuid())));
        assert_eq!((leads_saved.one().state(), places_saved.one().state()), (&lead, &enrollment));
        assert_eq!((leads_saved.verbs(), places_saved.verbs(), transactions.commits()), (vec!["converted"], vec!["enrolled"], 1));
    }

    #[tokio::test]
    async fn a_full_run_leaves_the_lead_as_it_is() {
        let (transactions, leads) = over(standing(lead(LeadStatus::Qualified), lucia(), Some(run(1, 1)), Vec::new()));
        assert!(matches!(convert(&leads).await, Err(LeadsError::Enrollment(EnrollmentError::RunFull))));
        assert_eq!(transactions.commits(), 0);
    }

    #[tokio::test]
    async fn who_has_a_place_in_the_run_gets_no_second_one() {
        let attempts = vec![enrollment(41, EnrollmentStatus::Active)];
        let (transactions, leads) = over(standing(lead(LeadStatus::New), lucia(), Some(run(5, 1)), attempts));
        assert!(matches!(convert(&leads).await, Err(LeadsError::Enrollment(EnrollmentError::AlreadyEnrolled))));
        assert_eq!(transactions.commits(), 0);
    }

    #[tokio::test]
    async fn a_lead_that_is_not_open_is_told_so_before_anything_is_looked_up() {
        for (status, possible) in [(LeadStatus::Converted, vec![]), (LeadStatus::Rejected, vec!["new"]), (LeadStatus::Spam, vec!["new"])] {
            let (transactions, leads) = over(knowing(Some(lead(status))));
            let refused = convert(&leads).await;
            let Err(LeadsError::Refused(error)) = refused else { panic!("must be refused") };
            assert_eq!(error, LeadError::InvalidTransition { from: status, to: LeadStatus::Converted, possible });
            assert_eq!(transactions.commits(), 0);
        }
    }

    #[tokio::test]
    async fn a_run_that_is_not_there_is_a_fault_of_the_input() {
        let (transactions, leads) = over(standing(lead(LeadStatus::New), lucia(), None, Vec::new()));
        let Err(LeadsError::Invalid(faults)) = convert(&leads).await else { panic!("must be refused") };
        assert_eq!((told(&faults), transactions.commits()), (vec![("/course_run_id", "NOT_FOUND")], 0));
    }

    #[tokio::test]
    async fn data_that_may_not_be_worked_with_gets_no_place() {
        for closed in CLOSED {
            let someone = person_in(closed, 20, Some("lucia@example.es"), None);
            let (transactions, leads) = over(standing(lead(LeadStatus::New), someone, Some(run(5, 0)), Vec::new()));
            assert!(matches!(convert(&leads).await, Err(LeadsError::Restricted)), "{closed}");
            assert_eq!(transactions.commits(), 0);
        }
    }

    #[tokio::test]
    async fn a_lead_that_is_not_there_becomes_nothing() {
        let (transactions, leads) = over(knowing(None));
        assert!(matches!(convert(&leads).await, Err(LeadsError::NotFound)));
        assert_eq!(transactions.commits(), 0);
    }

    #[tokio::test]
    async fn the_last_seat_that_is_gone_meanwhile_leaves_the_lead_as_it_is() {
        let mut repositories = knowing(Some(lead(LeadStatus::New)));
        repositories.people.expect_find().returning(|_| Ok(Some(lucia())));
        repositories.enrollments.expect_attempts().returning(|_, _| Ok(Vec::new()));
        repositories.course_runs.expect_find_with_queue().times(1).returning(|_| Ok(Some(queue(run(1, 0), 0))));
        repositories.course_runs.expect_find_with_queue().times(1).returning(|_| Ok(Some(queue(run(1, 1), 0))));
        repositories.enrollments.expect_save().times(1).returning(|_| Ok(()));
        repositories.leads.expect_save().times(1).returning(|_| Ok(()));
        let (transactions, leads) = over(repositories);
        let transactions = transactions.refusing(PortError::Conflict("seats"));
        assert!(matches!(convert(&leads).await, Err(LeadsError::Enrollment(EnrollmentError::RunFull))));
        assert_eq!(transactions.commits(), 1, "the first try alone, which was refused");
    }

    #[tokio::test]
    async fn a_run_whose_deadline_has_passed_takes_nobody() {
        let closed = run(5, 0);
        let plan = matricula_domain::catalog::RunPlan { enrollment_deadline: Some(day("2026-02-28")), ..closed.plan().clone() };
        let closed = CourseRun::from_parts(matricula_domain::catalog::CourseRunParts { plan, ..closed.parts().clone() });
        let (transactions, leads) = over(standing(lead(LeadStatus::New), lucia(), Some(closed), Vec::new()));
        assert!(matches!(convert(&leads).await, Err(LeadsError::Enrollment(EnrollmentError::EnrollmentClosed))));
        assert_eq!(transactions.commits(), 0);
    }
}
