use matricula_application::Circumstances;
use matricula_application::leads::{Leads, LeadsError};
use matricula_domain::enrollment::EnrollmentError;
use matricula_domain::identity::{Reach, Role};
use matricula_domain::leads::{Lead, LeadId, LeadStatus, LeadTargets, WorkingHours};
use matricula_domain::people::IdentifierKind;
use matricula_domain::privacy::{Purpose, TextKind};
use matricula_domain::shared::{Aggregate as _, Changed, Code, Field as _, Id as _, Line};
use matricula_ports::leads::{LeadFilter, LeadQueries};
use matricula_ports::{Order, Page, PortError};
use matricula_tests::{Tenant, TestDatabase, at, at_once, capture, on_both, value};
use serde_json::json;

use super::filled::{enroll, fill};
use super::paging::{assert_refuses_foreign_cursors, longest, walk};

on_both!(
    a_lead_is_read_back_as_it_was_saved,
    each_arrival_leaves_a_touch,
    a_person_has_one_open_lead_for_a_course,
    an_intake_finds_everything_that_the_form_names,
    an_intake_finds_the_open_lead_of_each_of_two_people,
    the_same_form_sent_many_times_at_once_is_one_lead,
    leads_are_listed_newest_first_while_others_come,
    leads_are_filtered,
    a_lead_shows_its_person_course_and_campaign,
    a_lead_becomes_a_place_or_nothing_is_saved,
    the_newest_version_of_a_form_is_read_back_as_it_was_published,
);

async fn save(here: &Tenant, lead: &Changed<Lead>) {
    here.in_unit(async |tx| tx.leads().save(lead).await).await;
}

async fn find(here: &Tenant, id: LeadId) -> Option<Lead> {
    here.in_unit(async |tx| tx.leads().find(id, &Reach::All).await).await
}

fn reason() -> Line<300> {
    Line::parse(&longest(300)).unwrap()
}

async fn a_lead_is_read_back_as_it_was_saved(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let all = fill(&here).await;
    let user = here.user("ana@example.es", Role::Adviser).await;
    let person = here.person("Otra").await.id();
    let bare = Lead::capture(db.id(), person, &capture(json!({})), LeadTargets::default(), &WorkingHours::default(), at(0));
    let form = here.in_unit(async |tx| tx.forms().newest(&Code::parse(&"contacto".into()).unwrap()).await).await.unwrap();
    let targets = LeadTargets {
        course: Some(all.course.id()),
        course_run: Some(all.run.id()),
        campaign: Some(all.campaign.id()),
        form_version: Some(form.parts().id),
    };
    let told = capture(json!({"message": longest(5000), "source": longest(100), "locale": "ca-ES"}));
    let full = Lead::capture(db.id(), person, &told, targets, &WorkingHours::default(), at(1));
    for captured in [bare, full] {
        save(&here, &captured).await;
        let mut lead = captured.into_state();
        for step in 0..5 {
            assert_eq!(find(&here, lead.id()).await.unwrap(), lead, "after step {step}");
            let next = match step {
                0 => lead.transition(LeadStatus::Contacted, None, at(2)).unwrap(),
                1 => lead.assign(Some(user.id), at(3)),
                2 => lead.change(&value(json!({"message": null, "source": "feria", "course_run_id": null})), at(4)).unwrap(),
                3 => lead.transition(LeadStatus::Rejected, Some(&reason()), at(5)).unwrap(),
                _ => lead.assign(None, at(6)),
            };
            save(&here, &next).await;
            lead = next.into_state();
        }
        assert_eq!((find(&here, lead.id()).await.unwrap(), lead.version()), (lead.clone(), 6));
    }
    assert!(find(&here, db.id()).await.is_none());
    assert!(LeadQueries::one(&db.queries, &here.scope, &Reach::All, db.id()).await.unwrap().is_none());
}

async fn each_arrival_leaves_a_touch(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let campaign = here.campaign("otono").await;
    let lead = here.lead(here.person("Ana").await.id(), LeadTargets::default()).await;
    let long = longest(200);
    let again = capture(
        json!({"message": "Otra vez", "source": "web", "utm": {"source": long, "medium": "cpc", "campaign": "otoño", "content": "a", "term": "b"},
        "click_ids": {"gclid": longest(500), "fbclid": "x"}}),
    );
    let touched = lead.touch(db.id(), &again, Some(campaign.id()), &WorkingHours::default(), at(5));
    save(&here, &touched).await;
    assert_eq!(find(&here, lead.id()).await.unwrap(), *touched.state());
    assert_eq!(db.raw.count("lead_touches").await, 2);
    let all = "campaign_id IS NOT NULL AND message = 'Otra vez' AND source = 'web' AND utm_source = $1 AND utm_medium = 'cpc' AND utm_campaign = 'otoño' \
         AND utm_content = 'a' AND utm_term = 'b'";
    assert_eq!(db.raw.count_where("lead_touches", all, [long.into()]).await, 1);
    let ids: serde_json::Value = db.raw.one("SELECT click_ids FROM lead_touches WHERE click_ids IS NOT NULL", []).await;
    assert_eq!((ids["gclid"].as_str(), ids["fbclid"].as_str()), (Some(longest(500).as_str()), Some("x")));
}

async fn a_person_has_one_open_lead_for_a_course(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (ana, course) = (here.person("Ana").await.id(), here.course("a").await.id());
    for targets in [LeadTargets::default(), LeadTargets { course: Some(course), ..LeadTargets::default() }] {
        let first = here.lead(ana, targets).await;
        let second = Lead::capture(db.id(), ana, &capture(json!({})), targets, &WorkingHours::default(), at(1));
        let refused = here.try_in_unit(async |tx| tx.leads().save(&second).await).await;
        assert!(matches!(refused, Err(PortError::Conflict("leads"))), "{refused:?}");
        save(&here, &first.transition(LeadStatus::Spam, None, at(2)).unwrap()).await;
        save(&here, &second).await;
        // What was closed does not open again beside it.
        let reopened = find(&here, first.id()).await.unwrap().transition(LeadStatus::New, None, at(3)).unwrap();
        let refused = here.try_in_unit(async |tx| tx.leads().save(&reopened).await).await;
        assert!(matches!(refused, Err(PortError::Conflict(_))), "{refused:?}");
    }
    assert_eq!(db.raw.count("leads").await, 4);
}

async fn an_intake_finds_everything_that_the_form_names(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let all = fill(&here).await;
    let (address, other) = (all.person.identifier(IdentifierKind::Email).unwrap(), here.course("otro").await);
    let intake = async |more| {
        let told = capture(more);
        here.in_unit(async |tx| tx.leads().intake(&told).await).await
    };
    let run = all.run.id().to_string();
    let full = intake(json!({"email": address, "course": "soldadura", "course_run_id": run, "campaign": "otono", "form": "contacto"})).await;
    assert_eq!(full.people.iter().collect::<Vec<_>>(), [&all.person]);
    assert_eq!((full.course, full.course_run, full.campaign), (Some(all.course.id()), Some(all.run.id()), Some(all.campaign.id())));
    assert_eq!((full.form.unwrap().parts().number, full.leads), (1, vec![all.lead.clone()]));

    let by_run = intake(json!({"email": address, "course_run_id": run})).await;
    assert_eq!(
        (by_run.course, by_run.course_run, by_run.leads),
        (Some(all.course.id()), Some(all.run.id()), vec![all.lead.clone()]),
        "a run names its course"
    );
    let elsewhere = intake(json!({"email": address, "course": "otro", "course_run_id": run})).await;
    assert_eq!((elsewhere.course, elsewhere.course_run, elsewhere.leads), (Some(other.id()), None, vec![]), "the run is of another course");
    let nothing = intake(
        json!({"email": "nadie@example.es", "course": "nada", "campaign": "nada", "form": "nada", "course_run_id": db.id::<LeadId>().to_string()}),
    )
    .await;
    assert_eq!(nothing, matricula_ports::leads::Intake::default());
    // What is hidden is not there for the public.
    here.in_unit(async |tx| tx.courses().save(&other.archive(at(1)).unwrap()).await).await;
    assert_eq!(intake(json!({"course": "otro"})).await.course, None);
}

async fn an_intake_finds_the_open_lead_of_each_of_two_people(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (leads, how) = (Leads::new(db.world()), Circumstances::default());
    let send = async |more| leads.capture_from_visitor(&here.visitor(), &capture(more), &how).await.unwrap();
    // A mother, whose number her son gives with an address of his own.
    let mother = send(json!({"name": "Madre", "email": null, "phone": "600111222"})).await;
    let son = send(json!({"name": "Hijo", "email": "hijo@example.es"})).await;
    assert_ne!(mother.lead.person(), son.lead.person());
    let told = capture(json!({"name": "Hijo", "email": "hijo@example.es", "phone": "600111222"}));
    let intake = here.in_unit(async |tx| tx.leads().intake(&told).await).await;
    assert_eq!(intake.people.len(), 2);
    let mut open: Vec<_> = intake.leads.iter().map(Lead::id).collect();
    open.sort();
    assert_eq!(open, [mother.lead.id(), son.lead.id()]);
    let again = leads.capture_from_visitor(&here.visitor(), &told, &how).await.unwrap();
    assert_eq!((again.new, again.lead.id()), (false, son.lead.id()));
}

async fn the_same_form_sent_many_times_at_once_is_one_lead(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let course = here.course("soldadura").await;
    for person_is_known in [false, true] {
        let outcomes = at_once((0..8).map(|_| {
            let here = here.clone();
            async move || {
                let told = capture(json!({"course": "soldadura", "phone": "600111222"}));
                Leads::new(here.db.world()).capture_from_visitor(&here.visitor(), &told, &Circumstances::default()).await
            }
        }))
        .await;
        let failed: Vec<_> = outcomes.iter().filter(|outcome| outcome.is_err()).collect();
        assert!(failed.is_empty(), "the person is known: {person_is_known}: {failed:?}");
        let new = outcomes.iter().flatten().filter(|captured| captured.new).count();
        assert_eq!(new, usize::from(!person_is_known));
    }
    assert_eq!((db.raw.count("people").await, db.raw.count("leads").await, db.raw.count("lead_touches").await), (1, 1, 16));
    assert_eq!(db.raw.count_where("consent_events", "action = 'NOTICE_SHOWN'", []).await, 16, "each time somebody was told");
    assert_eq!(db.raw.column::<uuid::Uuid>("SELECT course_id FROM leads", []).await, [course.id().as_uuid()]);
}

async fn leads_are_listed_newest_first_while_others_come(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let mut newest_first = Vec::new();
    for (n, person) in here.crowd(7).await.iter().enumerate() {
        db.clock.set(i64::try_from(n / 3).unwrap());
        newest_first.insert(0, here.lead(person.id(), LeadTargets::default()).await.id().as_uuid());
    }
    let list = async |page: &Page| LeadQueries::list(&db.queries, &here.scope, &Reach::All, &LeadFilter::default(), page).await;
    let ids = |rows: Vec<matricula_ports::leads::LeadRow>| rows.iter().map(|row| row.id).collect::<Vec<_>>();
    for limit in [1, 2, 3, 7, 8] {
        assert_eq!(ids(walk(Page::first(limit), list, async |_| ()).await), newest_first, "{limit} a page");
    }
    let new = async |n: usize| {
        db.clock.set(100);
        here.lead(here.person(&format!("Nueva {n}")).await.id(), LeadTargets::default()).await;
    };
    assert_eq!(ids(walk(Page::first(2), list, new).await), newest_first);
    let up = ids(walk(Page { order: Order::Ascending, ..Page::first(3) }, list, async |_| ()).await);
    assert!(up[..7].iter().eq(newest_first.iter().rev()));
    assert_refuses_foreign_cursors(list).await;
}

async fn leads_are_filtered(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (course, campaign, user) =
        (here.course("a").await.id(), here.campaign("otono").await.id(), here.user("u@example.es", Role::Adviser).await.id);
    let people = here.people(&["Begoña 100%", "Ana", "Luis"]).await;
    let with_course = here.lead(people[0].id(), LeadTargets { course: Some(course), campaign: Some(campaign), ..LeadTargets::default() }).await;
    db.clock.set(10);
    let contacted = here.lead(people[1].id(), LeadTargets::default()).await;
    save(&here, &contacted.transition(LeadStatus::Contacted, None, at(11)).unwrap()).await;
    let assigned = here.lead(people[2].id(), LeadTargets { campaign: Some(campaign), ..LeadTargets::default() }).await;
    save(&here, &assigned.assign(Some(user), at(11))).await;
    let [first, second, third] = [&with_course, &contacted, &assigned].map(|lead| lead.id().as_uuid());
    let any = LeadFilter::default();
    let q = |q: &str| LeadFilter { q: Some(q.to_owned()), ..LeadFilter::default() };
    let address = people[1].identifier(IdentifierKind::Email).unwrap();
    for (filter, hits) in [
        (any.clone(), vec![third, second, first]),
        (LeadFilter { statuses: vec![LeadStatus::New], ..any.clone() }, vec![third, first]),
        (LeadFilter { statuses: vec![LeadStatus::New, LeadStatus::Contacted], ..any.clone() }, vec![third, second, first]),
        (LeadFilter { statuses: vec![LeadStatus::Spam], ..any.clone() }, vec![]),
        (LeadFilter { course: Some(course), ..any.clone() }, vec![first]),
        (LeadFilter { campaign: Some(campaign), ..any.clone() }, vec![third, first]),
        (LeadFilter { assigned_to: Some(user), ..any.clone() }, vec![third]),
        (LeadFilter { person: Some(people[1].id()), ..any.clone() }, vec![second]),
        (LeadFilter { created_after: Some(at(0)), ..any.clone() }, vec![third, second]),
        (LeadFilter { created_after: Some(at(10)), ..any.clone() }, vec![]),
        (LeadFilter { campaign: Some(campaign), statuses: vec![LeadStatus::New], created_after: Some(at(0)), ..any.clone() }, vec![third]),
        (q("begona"), vec![first]),
        (q("100%"), vec![first]),
        (q("%"), vec![first]),
        (q(&address.to_uppercase()), vec![second]),
        (q("nadie@example.es"), vec![]),
        (q("600111222"), vec![]),
    ] {
        let listed = LeadQueries::list(&db.queries, &here.scope, &Reach::All, &filter, &Page::first(9)).await.unwrap().items;
        assert_eq!(listed.iter().map(|row| row.id).collect::<Vec<_>>(), hits, "{filter:?}");
    }
}

async fn a_lead_shows_its_person_course_and_campaign(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let all = fill(&here).await;
    let row = LeadQueries::list(
        &db.queries,
        &here.scope,
        &Reach::All,
        &LeadFilter { person: Some(all.person.id()), ..LeadFilter::default() },
        &Page::first(2),
    )
    .await
    .unwrap()
    .items
    .remove(0);
    assert_eq!(
        (row.person, row.email.as_deref(), row.phone),
        ((all.person.id().as_uuid(), "Lucía".to_owned()), all.person.identifier(IdentifierKind::Email), None)
    );
    assert_eq!(row.course, Some((all.course.id().as_uuid(), all.course.details().title.to_string())));
    assert_eq!(row.campaign, Some((all.campaign.id().as_uuid(), "otono".to_owned())));
    assert_eq!((row.status.as_str(), row.version, row.created_at, row.assigned_to), ("new", 2, at(0), None));
    let shown = LeadQueries::one(&db.queries, &here.scope, &Reach::All, all.lead.id()).await.unwrap().unwrap();
    assert_eq!((shown.row.id, shown.course_run, shown.message, shown.enrollment), (all.lead.id().as_uuid(), None, None, None));

    let alone = here.lead(here.person("Sola").await.id(), LeadTargets::default()).await;
    save(&here, &alone.transition(LeadStatus::Rejected, Some(&reason()), at(1)).unwrap()).await;
    let shown = LeadQueries::one(&db.queries, &here.scope, &Reach::All, alone.id()).await.unwrap().unwrap();
    assert_eq!((shown.row.course, shown.row.campaign, shown.status_reason), (None, None, Some(reason().to_string())));
}

async fn a_lead_becomes_a_place_or_nothing_is_saved(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let course = here.course("a").await;
    let (full, free) = (here.run(&course, 1).await, here.run(&course, 1).await);
    let people = here.crowd(2).await;
    enroll(&here, &full, people[0].id()).await;
    let lead = here.lead(people[1].id(), LeadTargets::default()).await;
    let (leads, before) = (Leads::new(db.world()), db.raw.count("audit_entries").await);
    let refused = leads.convert(&here.allowed(), lead.id(), full.id()).await;
    assert!(matches!(refused, Err(LeadsError::Enrollment(EnrollmentError::RunFull))), "{refused:?}");
    assert_eq!((find(&here, lead.id()).await.unwrap(), db.raw.count("audit_entries").await), (lead.clone(), before));

    let converted = leads.convert(&here.allowed(), lead.id(), free.id()).await.unwrap();
    let found = find(&here, lead.id()).await.unwrap();
    assert_eq!((found.status(), found.parts().enrollment), (LeadStatus::Converted, Some(converted.enrollment.id().as_uuid())));
    assert_eq!(here.in_unit(async |tx| tx.enrollments().find(converted.enrollment.id(), &Reach::All).await).await.unwrap(), converted.enrollment);
    assert_eq!(converted.enrollment.lead(), Some(lead.id().as_uuid()));
    assert_eq!(db.raw.count("audit_entries").await, before + 2);
}

async fn the_newest_version_of_a_form_is_read_back_as_it_was_published(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let notice = here.text(TextKind::Notice, None, "Aviso", false).await;
    let email = here.text(TextKind::ConsentLabel, Some(Purpose::EmailMarketing), "Ofertas", false).await;
    let sms = here.text(TextKind::ConsentLabel, Some(Purpose::SmsMarketing), "Mensajes", false).await;
    let key = Code::parse(&"contacto".into()).unwrap();
    let newest = async || here.in_unit(async |tx| tx.forms().newest(&key).await).await;
    assert!(newest().await.is_none());
    for labels in [&[][..], &[&sms, &email], &[&email]] {
        let published = here.form("contacto", &notice, labels).await;
        let mut found = newest().await.unwrap().parts().clone();
        let mut expected = published.parts().clone();
        found.wordings.sort();
        expected.wordings.sort();
        assert_eq!(found, expected);
    }
    assert_eq!(newest().await.unwrap().parts().number, 3);
    assert_eq!((db.raw.count("forms").await, db.raw.count("form_versions").await), (1, 3));
    // Two who publish at the same time: one number, one version.
    let previous = newest().await.unwrap();
    let texts = [notice, email];
    let next = |_| {
        matricula_domain::leads::FormVersion::publish(
            (db.id(), db.id()),
            key.clone(),
            Some(&previous),
            previous.parts().published.clone(),
            &texts,
            at(9),
        )
        .unwrap()
    };
    here.in_unit(async |tx| tx.forms().save(&next(1)).await).await;
    let refused = here.try_in_unit(async |tx| tx.forms().save(&next(2)).await).await;
    assert!(matches!(refused, Err(PortError::Conflict("form_versions"))), "{refused:?}");
}
