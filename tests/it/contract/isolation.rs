use matricula_domain::catalog::{Campus, Course, CourseDetails, CourseRun, Cycle, PageOf, RunPlan};
use matricula_domain::enrollment::{EnrollmentStatus, SeatHold};
use matricula_domain::identity::{EndReason, Reach, Role};
use matricula_domain::leads::{Lead, LeadStatus, LeadTargets, WorkingHours};
use matricula_domain::people::{IdentifierKind, PersonDetails};
use matricula_domain::privacy::{Purpose, TextKind};
use matricula_domain::publishing::{EntityType, MediaRole, MediaUse};
use matricula_domain::shared::{Aggregate as _, Code, Field as _, Form as _, Id as _, Line, Record as _, RecordId, Slug};
use matricula_ports::audit::{AuditChain as _, AuditQueries as _, ChainState};
use matricula_ports::catalog::{CatalogQueries as _, CourseFilter, RunFilter, SeoFilter, SeoQueries as _};
use matricula_ports::enrollment::{EnrollmentFilter, EnrollmentQueries};
use matricula_ports::identity::{AccessQueries as _, IdentityProviderQueries as _};
use matricula_ports::leads::{LeadFilter, LeadQueries, RunWish};
use matricula_ports::notifications::WebhookQueries as _;
use matricula_ports::people::{PeopleFilter, PeopleQueries};
use matricula_ports::privacy::ConsentTextQueries;
use matricula_ports::publishing::{BlogPostFilter, MediaFilter, MediaQueries, PublishingQueries as _};
use matricula_ports::records::{RecordChange, RecordFilter, RecordQueries};
use matricula_ports::reporting::ReportQueries as _;
use matricula_ports::{Page, PortError, Tx, transact};
use matricula_tests::{Tenant, TestDatabase, at, capture, on_both, value};
use serde_json::json;

use super::filled::{Filled, fill};

on_both!(
    a_foreign_organization_finds_nothing,
    a_foreign_organization_lists_nothing,
    a_foreign_organization_changes_nothing,
    a_reference_into_another_organization_leads_nowhere,
    two_organizations_can_use_the_same_names,
);

pub async fn a_foreign_organization_finds_nothing(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let all = fill(&here).await;
    // What is found here must not be found there: the same look-ups, in both.
    for (tenant, hits) in [(&here, 22), (&there, 0)] {
        let found = tenant
            .in_unit(async |tx| {
                let in_tx = found_in(tx, &all).await?;
                Ok(in_tx)
            })
            .await;
        let scope = &tenant.scope;
        let screens = [
            db.queries.course(scope, all.course.id()).await.unwrap().is_some(),
            db.queries.run(scope, all.run.id()).await.unwrap().is_some(),
            PeopleQueries::one(&db.queries, scope, all.person.id()).await.unwrap().is_some(),
            db.queries.timeline(scope, all.person.id(), &Page::first(9)).await.unwrap().is_some(),
            LeadQueries::one(&db.queries, scope, &Reach::All, all.lead.id()).await.unwrap().is_some(),
            db.queries.activities(scope, &Reach::All, all.lead.id(), &Page::first(9)).await.unwrap().is_some_and(|done| !done.items.is_empty()),
            db.queries.suggestions(scope, &Reach::All, all.lead.id(), &RunWish::on(at(0).date_naive()), 9).await.unwrap().is_some(),
            db.queries.funnel_total(scope, at(-99)..at(1_000_000)).await.unwrap().leads > 0,
            EnrollmentQueries::one(&db.queries, scope, &Reach::All, all.enrollment.id()).await.unwrap().is_some(),
            RecordQueries::one(&db.queries, scope, &Cycle::SCHEMA, all.cycle.id()).await.unwrap().is_some(),
            db.queries.campaign_funnel(scope, all.campaign.id()).await.unwrap().is_some(),
            db.queries.user(scope, all.user.id).await.unwrap().is_some(),
            db.queries.rights(scope, all.user.id).await.unwrap().is_some(),
            db.queries.role(scope, all.role.id).await.unwrap().is_some(),
            db.queries.role_named(scope, &all.role.slug).await.unwrap().is_some(),
            db.queries.group(scope, all.group.id).await.unwrap().is_some(),
            db.queries.identity_provider(scope, all.provider.id).await.unwrap().is_some(),
            db.queries.blog_post(scope, all.post.id()).await.unwrap().is_some(),
            db.queries.seo_metadata(scope, PageOf::Course, all.metadata.parts().entity_id).await.unwrap().is_some(),
            db.queries.redirect(scope, PageOf::Course, &all.redirect.parts().slug).await.unwrap().is_some(),
            db.queries.asset(scope, all.asset.id).await.unwrap().is_some(),
            db.queries.endpoint(scope, all.endpoint.id).await.unwrap().is_some(),
            db.queries.space_used(scope).await.unwrap() > 0,
            !db.queries.known_folders(scope, std::slice::from_ref(&all.asset.file.storage_path)).await.unwrap().is_empty(),
        ];
        for kind in matricula_web::kinds() {
            let listed = RecordQueries::list(&db.queries, scope, kind.schema, &RecordFilter::default(), &Page::first(50)).await.unwrap().items;
            assert_eq!(!listed.is_empty(), hits > 0, "{}", kind.schema.noun.many);
        }
        assert!(screens.iter().all(|found| *found == (hits > 0)), "{screens:?}");
        assert!(found.iter().all(|found| *found == (hits > 0)), "{found:?}");
    }
}

/// What of the course the asset of a filled organization is.
fn cover_of(course: &Course) -> MediaUse {
    MediaUse { entity_type: EntityType::Course, entity_id: RecordId::from_uuid(course.id().as_uuid()), role: MediaRole::Cover }
}

async fn found_in(tx: &Tx, all: &Filled) -> Result<Vec<bool>, PortError> {
    let key = Code::parse(&"contacto".into()).unwrap();
    let address = (IdentifierKind::Email, all.person.identifier(IdentifierKind::Email).unwrap().to_owned());
    Ok(vec![
        tx.users().find(all.user.id).await?.is_some(),
        tx.login_sessions().find(all.session.parts().id).await?.is_some(),
        tx.roles().find(all.role.id).await?.is_some(),
        !tx.roles().named(std::slice::from_ref(&all.role.slug)).await?.is_empty(),
        tx.groups().find(all.group.id).await?.is_some(),
        tx.groups().has(all.group.id, all.user.id).await?,
        tx.api_keys().find(all.key.id).await?.is_some(),
        tx.identity_providers().find(all.provider.id).await?.is_some(),
        tx.identity_providers().secret_of(all.provider.id).await?.is_some(),
        tx.provider_sign_ins().find(all.sign_in.id).await?.is_some(),
        tx.provider_identities().find(all.provider.id, [7; 32]).await?.is_some(),
        tx.provider_identities().of_user(all.provider.id, all.user.id).await?.is_some(),
        tx.people().find(all.person.id()).await?.is_some(),
        !tx.people().find_by_identifiers(&[address]).await?.is_empty(),
        tx.courses().find(all.course.id()).await?.is_some(),
        tx.courses().find_by_slug(&all.course.details().slug).await?.is_some(),
        tx.course_runs().find(all.run.id()).await?.is_some(),
        tx.course_runs().find_with_queue(all.run.id()).await?.is_some(),
        tx.leads().find(all.lead.id(), &Reach::All).await?.is_some(),
        tx.forms().newest(&key).await?.is_some(),
        tx.enrollments().find(all.enrollment.id(), &Reach::All).await?.is_some(),
        !tx.enrollments().attempts(all.run.id(), all.person.id()).await?.is_empty(),
        tx.seat_holds().find(all.hold.id()).await?.is_some(),
        tx.consents().ledger(all.person.id()).await?.is_some(),
        !tx.consent_texts().find(&[all.notice.id()]).await?.is_empty(),
        tx.records().find(&Campus::SCHEMA, all.campus.id()).await?.is_some(),
        tx.blog_posts().find(all.post.id()).await?.is_some(),
        tx.blog_posts().find_by_slug(&all.post.details().slug).await?.is_some(),
        tx.seo_metadata().find(PageOf::Course, all.metadata.parts().entity_id).await?.is_some(),
        tx.redirects().find(all.redirect.parts().id).await?.is_some(),
        tx.redirects().find_by_slug(PageOf::Course, &all.redirect.parts().slug).await?.is_some(),
        tx.media_assets().find(all.asset.id).await?.is_some(),
        tx.media_assets().has_link(all.asset.id, &cover_of(&all.course)).await?,
        tx.media_assets().space_used().await? > 0,
        tx.webhook_endpoints().find(all.endpoint.id).await?.is_some(),
        tx.webhook_endpoints().delivery(all.delivery).await?.is_some(),
    ])
}

pub async fn a_foreign_organization_lists_nothing(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let all = fill(&here).await;
    let intake =
        capture(json!({"email": "pLuc%C3%ADa@example.es".replace("%C3%AD", "c3ad"), "course": "soldadura", "campaign": "otono", "form": "contacto"}));
    for (tenant, some) in [(&here, true), (&there, false)] {
        let (scope, page, q) = (&tenant.scope, Page::first(50), &db.queries);
        let from = "2026-01-01".parse().unwrap();
        let course = RecordId::from_uuid(all.course.id().as_uuid());
        let sought = |text: &str| CourseFilter { q: Some(text.to_owned()), ..CourseFilter::default() };
        let lists = [
            q.courses(scope, &CourseFilter::default(), &page).await.unwrap().items.len(),
            q.courses(scope, &sought("soldaduras"), &page).await.unwrap().items.len(),
            q.courses(scope, &sought("soldadra"), &page).await.unwrap().items.len(),
            q.course_facets(scope, &CourseFilter::default()).await.unwrap().modality.len(),
            q.course_facets(scope, &sought("soldadura")).await.unwrap().modality.len(),
            q.runs(scope, &RunFilter::default(), &page).await.unwrap().items.len(),
            q.coming_runs(scope, all.course.id(), from, 9).await.unwrap().len(),
            q.blog_posts(scope, &BlogPostFilter::default(), &page).await.unwrap().items.len(),
            q.blog_posts(scope, &BlogPostFilter { q: Some("beca".to_owned()), ..BlogPostFilter::default() }, &page).await.unwrap().items.len(),
            q.all_seo_metadata(scope, &SeoFilter::default(), &page).await.unwrap().items.len(),
            q.courses(scope, &CourseFilter { campus: Some("norte".to_owned()), ..CourseFilter::default() }, &page).await.unwrap().items.len(),
            q.redirects(scope, &page).await.unwrap().items.len(),
            PeopleQueries::list(q, scope, &PeopleFilter::default(), &page).await.unwrap().items.len(),
            LeadQueries::list(q, scope, &Reach::All, &LeadFilter::default(), &page).await.unwrap().items.len(),
            EnrollmentQueries::list(q, scope, &Reach::All, &EnrollmentFilter::default(), &page).await.unwrap().items.len(),
            RecordQueries::list(q, scope, &Cycle::SCHEMA, &RecordFilter::default(), &page).await.unwrap().items.len(),
            ConsentTextQueries::list(q, scope, &page).await.unwrap().items.len(),
            q.campaign_performance(scope, None, 9).await.unwrap().len(),
            q.popular_courses(scope, 9).await.unwrap().len(),
            q.users(scope, None, &page).await.unwrap().items.len(),
            q.users(scope, Some(all.group.id), &page).await.unwrap().items.len(),
            q.roles(scope, false, &page).await.unwrap().items.len(),
            q.groups(scope, false, &page).await.unwrap().items.len(),
            q.api_keys(scope, &page).await.unwrap().items.len(),
            q.identity_providers(scope, false, &page).await.unwrap().items.len(),
            q.upcoming_runs(scope, from, 9).await.unwrap().len(),
            q.assets(scope, &MediaFilter::default(), &page).await.unwrap().items.len(),
            q.assets(scope, &MediaFilter { role: Some(MediaRole::Cover), ..MediaFilter::default() }, &page).await.unwrap().items.len(),
            q.covers(scope, EntityType::Course, &[course]).await.unwrap().len(),
            q.beside_cover(scope, EntityType::Course, course, 9).await.unwrap().len(),
            q.endpoints(scope, false, &page).await.unwrap().items.len(),
            q.deliveries(scope, all.endpoint.id, None, &page).await.unwrap().items.len(),
            MediaQueries::links(q, scope, all.asset.id, &page).await.unwrap().items.len(),
            db.audit.list(scope, Some(all.person.id().as_uuid()), &page).await.unwrap().items.len(),
        ];
        assert!(lists.iter().all(|hits| (*hits > 0) == some), "{lists:?}");
        let in_unit = tenant
            .in_unit(async |tx| {
                let found = tx.leads().intake(&intake).await?;
                Ok([
                    found.people.len(),
                    usize::from(found.course.is_some()),
                    usize::from(found.campaign.is_some()),
                    usize::from(found.form.is_some()),
                    found.leads.len(),
                    tx.enrollments().next_in_line(all.run.id(), 9).await?.len(),
                    tx.seat_holds().run_out(at(3600 * 24 * 30), 9).await?.len(),
                    usize::from(tx.consent_texts().newest_number(TextKind::ConsentLabel, Some(Purpose::EmailMarketing), "es").await? > 0),
                    usize::from(tx.records().taken(&Cycle::SCHEMA, &vec![("slug".into(), "fp".into())], db.id()).await?),
                ])
            })
            .await;
        assert!(in_unit.iter().all(|hits| (*hits > 0) == some), "{in_unit:?}");
    }
    assert_eq!(db.audit.verify(there.id()).await.unwrap().state, ChainState::Intact { entries: 0 });
}

async fn a_foreign_organization_changes_nothing(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let all = fill(&here).await;
    let mut before = Vec::new();
    let tables = ["people", "courses", "course_runs", "leads", "enrollments", "seat_holds", "cycles", "login_sessions", "audit_entries", "outbox"];
    for table in tables {
        before.push(db.raw.dump(table).await);
    }
    for n in 0..8 {
        let unit = there.begin().await;
        match n {
            0 => unit.people().save(&all.person.rename(Line::parse("Otra").unwrap(), at(1)).unwrap()).await,
            1 => unit.courses().save(&all.course.archive(at(1)).unwrap()).await,
            2 => unit.course_runs().save(&all.run.archive(at(1)).unwrap()).await,
            3 => unit.leads().save(&all.lead.transition(LeadStatus::Contacted, None, at(1)).unwrap()).await,
            4 => unit.enrollments().save(&all.enrollment.transition(EnrollmentStatus::Dropped, None, at(1)).unwrap()).await,
            5 => unit.seat_holds().save(&all.hold.release(at(1)).unwrap()).await,
            6 => unit.records().save(RecordChange::of(&all.cycle.archive(at(1)).unwrap())).await,
            _ => unit.login_sessions().save(&all.session.end(EndReason::SignedOut, at(1)).unwrap()).await,
        }
        .unwrap();
        let refused = unit.commit().await;
        // Who has the seat is counted before whose it is.
        let expected = matches!(refused, Err(PortError::Stale | PortError::Conflict("seats") | PortError::Dangling("person")));
        assert!(expected, "{n}: {refused:?}");
    }
    for (table, before) in tables.into_iter().zip(before) {
        assert_eq!(db.raw.dump(table).await, before, "{table}");
    }
}

async fn a_reference_into_another_organization_leads_nowhere(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let all = fill(&here).await;
    let (course, berta) = (there.course("propio").await, there.person("Berta").await);
    let before = db.raw.count("audit_entries").await;
    let details = |more: serde_json::Value| {
        let input = value(json!({"slug": "ajeno", "title": "x", "duration_hours": 1, "modality": "online"})).merged(&value(more));
        Course::draft(db.id(), CourseDetails::read(&input).unwrap(), at(0))
    };
    let run = |course, campus| {
        let (start_date, end_date) = ("2026-05-01".parse().unwrap(), "2026-05-02".parse().unwrap());
        let plan = RunPlan {
            course_id: course,
            cycle_id: None,
            campus_id: campus,
            start_date,
            end_date,
            enrollment_deadline: None,
            max_students: 1,
            min_students: None,
            prices: Vec::new(),
            seats_left_policy: None,
        };
        CourseRun::schedule(db.id(), plan, at(0))
    };
    let lead = |person, targets| Lead::capture(db.id(), person, &capture(json!({})), targets, &WorkingHours::default(), at(0));
    let targets = LeadTargets::default();
    let cases = ["cycle", "campus", "course", "campus of a run", "person", "course of a lead", "campaign", "run"];
    for case in cases {
        let refused = try_in(&there, async |tx| match case {
            "cycle" => tx.courses().save(&details(json!({"cycle_id": all.cycle.id().to_string()}))).await,
            "campus" => tx.courses().save(&details(json!({"campus_ids": [all.campus.id().to_string()]}))).await,
            "course" => tx.course_runs().save(&run(all.course.id(), None)).await,
            "campus of a run" => tx.course_runs().save(&run(course.id(), Some(all.campus.id()))).await,
            "person" => tx.leads().save(&lead(all.person.id(), targets)).await,
            "course of a lead" => tx.leads().save(&lead(berta.id(), LeadTargets { course: Some(all.course.id()), ..targets })).await,
            "campaign" => tx.leads().save(&lead(berta.id(), LeadTargets { campaign: Some(all.campaign.id()), ..targets })).await,
            _ => {
                let today = "2026-03-01".parse().unwrap();
                tx.seat_holds().save(&SeatHold::hold(db.id(), &all.run, 0, berta.id(), 1, today, at(0)).unwrap()).await
            }
        })
        .await;
        match refused {
            Err(PortError::Dangling(_)) => {}
            Err(PortError::Conflict("seats")) if case == "run" => {}
            other => panic!("{case}: {other:?}"),
        }
    }
    assert_eq!(db.raw.count("audit_entries").await, before);
}

async fn try_in(tenant: &Tenant, work: impl AsyncFn(&Tx) -> Result<(), PortError>) -> Result<(), PortError> {
    transact(&tenant.db.store, &tenant.scope, work).await
}

async fn two_organizations_can_use_the_same_names(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let details = PersonDetails::read(&value(json!({"name": "Ana", "email": "ana@example.es"}))).unwrap();
    let mut people = Vec::new();
    for tenant in [&here, &there] {
        tenant.cycle("fp", 1).await;
        tenant.course("soldadura").await;
        tenant.campaign("otono").await;
        tenant.text(TextKind::Notice, None, "Aviso", false).await;
        people.push(tenant.person("Ana").await);
    }
    assert_ne!(people[0].id(), people[1].id());
    assert_eq!(details.name.as_str(), people[0].name());
    let slug = Slug::parse("soldadura").unwrap();
    for tenant in [&here, &there] {
        let found = tenant.in_unit(async |tx| tx.people().find_by_identifiers(&[(IdentifierKind::Email, "pana@example.es".into())]).await).await;
        assert_eq!(found.len(), 1);
        assert!(tenant.in_unit(async |tx| tx.courses().find_by_slug(&slug).await).await.is_some());
    }
    // But a login is one for all.
    here.user("ana@example.es", Role::Owner).await;
    let again = matricula_domain::identity::User::admit(
        db.id(),
        db.id(),
        there.id(),
        &matricula_domain::identity::NewUser::read(&value(
            json!({"email": "ana@example.es", "name": "Ana", "password": "correct horse", "role": "viewer"}),
        ))
        .unwrap(),
        String::new(),
        at(0),
    );
    let refused = try_in(&there, async |tx| tx.users().save(&again).await).await;
    assert!(matches!(refused, Err(PortError::Conflict("users"))), "{refused:?}");
    assert_eq!(again.state().version(), 1);
}
