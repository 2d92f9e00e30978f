use matricula_domain::catalog::{CourseRun, RunPlan, RunStatus};
use matricula_domain::leads::{LeadStatus, LeadTargets};
use matricula_domain::shared::{Id as _, LocalDate, RecordId};
use matricula_ports::records::RecordChange;
use matricula_ports::reporting::{PopularCourse, ReportQueries as _, UpcomingRun};
use matricula_tests::{Tenant, TestDatabase, at, on_both, value};
use serde_json::json;

use super::filled::{enroll, hold};

on_both!(campaigns_are_ranked_by_their_rate, courses_are_ranked_by_their_leads, runs_that_are_about_to_start_come_soonest_first);

/// So many leads of a campaign, of which the first ones become places.
async fn leads(here: &Tenant, campaign: Option<RecordId>, size: usize, converted: usize) {
    let course = here.course(&format!("curso-{size}-{converted}")).await;
    let run = here.run(&course, 100).await;
    let names: Vec<_> = (0..size).map(|n| format!("{size} {converted} {n}")).collect();
    for (n, person) in here.people(&names).await.iter().enumerate() {
        let lead = here.lead(person.id(), LeadTargets { campaign, ..LeadTargets::default() }).await;
        if n < converted {
            let enrollment = enroll(here, &run, person.id()).await;
            here.in_unit(async |tx| tx.leads().save(&lead.convert(enrollment.id().as_uuid(), at(1)).unwrap()).await).await;
        }
    }
}

async fn campaigns_are_ranked_by_their_rate(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (half, most, none, empty) =
        (here.campaign("mitad").await, here.campaign("casi").await, here.campaign("nadie").await, here.campaign("vacia").await);
    leads(&here, Some(half.id()), 4, 2).await;
    leads(&here, Some(most.id()), 3, 2).await;
    leads(&here, Some(none.id()), 5, 0).await;
    leads(&here, None, 2, 1).await;
    let paused = empty.change(&value(json!({"status": "paused"})), at(1)).unwrap();
    here.in_unit(async |tx| tx.records().save(RecordChange::of(&paused)).await).await;
    let hidden = here.campaign("oculta").await.archive(at(1)).unwrap();
    here.in_unit(async |tx| tx.records().save(RecordChange::of(&hidden)).await).await;

    let performance = async |status, most| {
        let rows = db.queries.campaign_performance(&here.scope, status, most).await.unwrap();
        rows.into_iter().map(|row| (row.name, row.leads, row.conversions)).collect::<Vec<_>>()
    };
    let row = |name: &str, leads, conversions| (name.to_owned(), leads, conversions);
    let ranked = [row("casi", 3, 2), row("mitad", 4, 2), row("nadie", 5, 0), row("vacia", 0, 0)];
    assert_eq!(performance(None, 9).await, ranked);
    assert_eq!(performance(None, 2).await, ranked[..2]);
    assert_eq!(performance(Some("active"), 9).await, ranked[..3]);
    assert_eq!(performance(Some("draft"), 9).await, []);

    let funnel = async |id| db.queries.campaign_funnel(&here.scope, id).await.unwrap();
    assert_eq!(funnel(half.id()).await, Some(vec![("converted".to_owned(), 2), ("new".to_owned(), 2)]));
    assert_eq!(funnel(empty.id()).await, Some(vec![]));
    assert_eq!(funnel(db.id()).await, None);
}

async fn courses_are_ranked_by_their_leads(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (one, two, unread, draft) =
        (here.course("uno").await, here.course("dos").await, here.course("nadie").await, here.draft("borrador", json!({})).await);
    let people = here.crowd(3).await;
    for (course, size) in [(&one, 1), (&two, 3), (&draft, 3)] {
        for person in &people[..size] {
            here.lead(person.id(), LeadTargets { course: Some(course.id()), ..LeadTargets::default() }).await;
        }
    }
    let popular = |course: &matricula_domain::catalog::Course, leads| PopularCourse {
        course: course.id().as_uuid(),
        title: course.details().title.to_string(),
        leads,
    };
    let ranked = [popular(&two, 3), popular(&one, 1)];
    assert_eq!(db.queries.popular_courses(&here.scope, 9).await.unwrap(), ranked, "nobody asked for the third, and the fourth is no offer");
    assert_eq!(db.queries.popular_courses(&here.scope, 1).await.unwrap(), ranked[..1]);
    here.in_unit(async |tx| tx.courses().save(&two.archive(at(1)).unwrap()).await).await;
    assert_eq!(db.queries.popular_courses(&here.scope, 9).await.unwrap(), ranked[1..]);
    assert!(unread.archived_at().is_none());
    let spam = here.lead(here.person("Spam").await.id(), LeadTargets { course: Some(unread.id()), ..LeadTargets::default() }).await;
    here.in_unit(async |tx| tx.leads().save(&spam.transition(LeadStatus::Spam, None, at(2)).unwrap()).await).await;
    assert_eq!(db.queries.popular_courses(&here.scope, 9).await.unwrap().len(), 2, "leads in all, whatever became of them");
}

async fn runs_that_are_about_to_start_come_soonest_first(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (course, campus) = (here.course("curso").await, here.campus("norte").await);
    let day = |day: &str| day.parse::<LocalDate>().unwrap();
    let schedule = async |start: &str, campus| {
        let plan = RunPlan {
            course_id: course.id(),
            cycle_id: None,
            campus_id: campus,
            start_date: day(start),
            end_date: day("2026-12-31"),
            enrollment_deadline: None,
            max_students: 3,
            min_students: None,
            prices: Vec::new(),
            seats_left_policy: None,
        };
        let run = CourseRun::schedule(db.id(), plan, at(0));
        here.in_unit(async |tx| tx.course_runs().save(&run).await).await;
        run.into_state()
    };
    let (later, sooner) = (schedule("2026-06-01", None).await, schedule("2026-05-01", Some(campus.id())).await);
    let (ongoing, hidden) = (schedule("2026-05-15", None).await, schedule("2026-05-20", None).await);
    here.in_unit(async |tx| tx.course_runs().save(&ongoing.transition(RunStatus::Ongoing, None, at(1)).unwrap()).await).await;
    here.in_unit(async |tx| tx.course_runs().save(&hidden.archive(at(1)).unwrap()).await).await;
    let people = here.crowd(2).await;
    enroll(&here, &sooner, people[0].id()).await;
    hold(&here, &sooner, people[1].id()).await;

    let upcoming = async |from: &str, most| db.queries.upcoming_runs(&here.scope, day(from), most).await.unwrap();
    let first = UpcomingRun {
        run: sooner.id().as_uuid(),
        course: course.id().as_uuid(),
        title: "curso".to_owned(),
        start_date: day("2026-05-01"),
        end_date: day("2026-12-31"),
        campus: Some("norte".to_owned()),
        max: 3,
        taken: 1,
        held: 1,
    };
    let second = UpcomingRun { run: later.id().as_uuid(), start_date: day("2026-06-01"), campus: None, taken: 0, held: 0, ..first.clone() };
    assert_eq!(upcoming("2026-05-01", 9).await, [first.clone(), second.clone()]);
    assert_eq!(upcoming("2026-05-01", 1).await, [first]);
    assert_eq!(upcoming("2026-05-02", 9).await, [second]);
    assert_eq!(upcoming("2026-06-02", 9).await, []);
    here.in_unit(async |tx| tx.courses().save(&course.archive(at(2)).unwrap()).await).await;
    assert_eq!(upcoming("2026-05-01", 9).await, []);
}
