//! An organization with something in every table that a repository writes.

use matricula_application::Circumstances;
use matricula_application::leads::Leads;
use matricula_domain::catalog::{Campus, Course, CourseRun, Cycle, PageOf, Redirect, SeoDetails, SeoMetadata};
use matricula_domain::enrollment::{Enrollment, Request, SeatHold};
use matricula_domain::identity::{
    ApiKey, CustomRole, Group, IdentityProvider, LinkTarget, LoginSession, OneTimeLink, ProviderIdentity, ProviderSignIn, Role, User,
};
use matricula_domain::leads::{Lead, NewActivity};
use matricula_domain::marketing::Campaign;
use matricula_domain::notifications::{WebhookDeliveryId, WebhookEndpoint};
use matricula_domain::people::{Person, PersonId};
use matricula_domain::privacy::{ConsentText, Purpose, TextKind};
use matricula_domain::publishing::{BlogPost, EntityType, MediaAsset, MediaRole, MediaType, MediaUse};
use matricula_domain::shared::{Form as _, Id as _, RecordId, Slug, Stored};
use matricula_ports::notifications::NewJob;
use matricula_ports::{Clock as _, Ids as _};
use matricula_tests::records::Extent;
use matricula_tests::{Tenant, capture, value};
use serde_json::json;

use super::identity_providers::provider;
use super::webhooks::{webhook_delivery, webhook_endpoint};

pub(super) struct Filled {
    pub(super) user: User,
    pub(super) role: CustomRole,
    pub(super) group: Group,
    pub(super) key: ApiKey,
    pub(super) session: LoginSession,
    pub(super) provider: IdentityProvider,
    pub(super) sign_in: ProviderSignIn,
    pub(super) cycle: Stored<Cycle>,
    pub(super) campus: Stored<Campus>,
    pub(super) campaign: Stored<Campaign>,
    pub(super) course: Course,
    pub(super) run: CourseRun,
    pub(super) post: BlogPost,
    pub(super) metadata: SeoMetadata,
    pub(super) redirect: Redirect,
    pub(super) notice: ConsentText,
    pub(super) person: Person,
    pub(super) lead: Lead,
    pub(super) enrollment: Enrollment,
    pub(super) hold: SeatHold,
    pub(super) asset: MediaAsset,
    pub(super) endpoint: WebhookEndpoint,
    pub(super) delivery: WebhookDeliveryId,
}

/// Puts a person into a run as it is now, at the end of its queue if it is full.
pub(super) async fn enroll(here: &Tenant, run: &CourseRun, person: PersonId) -> Enrollment {
    let now = here.db.clock.now();
    here.in_unit(async |tx| {
        let queue = tx.course_runs().find_with_queue(run.id()).await?.unwrap();
        let attempts = tx.enrollments().attempts(run.id(), person).await?;
        let enrolled = Enrollment::enroll(Request {
            id: here.db.id(),
            run: &queue.run,
            waiting: queue.waiting,
            person,
            previous_attempts: u32::try_from(attempts.len()).unwrap(),
            already_open: attempts.iter().any(|attempt| attempt.status().is_open()),
            hold: None,
            waitlist: true,
            lead: None,
            today: queue.time_zone.date_of(now),
            now,
        })
        .unwrap();
        tx.enrollments().save(&enrolled.enrollment).await?;
        Ok(enrolled.enrollment.into_state())
    })
    .await
}

/// Keeps a seat of a run for a person, for an hour.
pub(super) async fn hold(here: &Tenant, run: &CourseRun, person: PersonId) -> SeatHold {
    let now = here.db.clock.now();
    here.in_unit(async |tx| {
        let queue = tx.course_runs().find_with_queue(run.id()).await?.unwrap();
        let hold = SeatHold::hold(here.db.id(), &queue.run, queue.waiting, person, 1, queue.time_zone.date_of(now), now).unwrap();
        tx.seat_holds().save(&hold).await?;
        Ok(hold.into_state())
    })
    .await
}

pub(super) async fn fill(here: &Tenant) -> Filled {
    let db = &here.db;
    let user = here.user("berta@example.es", Role::Adviser).await;
    let session = LoginSession::open(db.id(), user.id, user.membership.id, db.ids.secret(), db.ids.secret(), db.clock.now());
    here.in_unit(async |tx| tx.login_sessions().save(&session).await).await;
    let role = here.role("asesor-norte", &["leads.read_own"]).await;
    let group = here.group(std::slice::from_ref(&role.slug)).await;
    here.in_unit(async |tx| tx.groups().save(&group.join(user.id, db.clock.now())).await).await;
    let key = here.api_key(user.id).await;
    let link = OneTimeLink::issue(db.id(), LinkTarget::PasswordReset(user.id), user.email.clone(), db.ids.secret(), db.clock.now());
    here.in_unit(async |tx| tx.links().save(&link).await).await;
    let provider = provider(here, &["uno.example"]).await;
    let sign_in = ProviderSignIn::begin(db.id(), provider.id, db.ids.secret(), db.ids.secret(), db.clock.now());
    here.in_unit(async |tx| tx.provider_sign_ins().save(&sign_in).await).await;
    let identity = ProviderIdentity::tie(db.id(), provider.id, [7; 32], user.id, db.clock.now());
    here.in_unit(async |tx| tx.provider_identities().save(&identity).await).await;
    let (cycle, campus, campaign) = (here.cycle("fp", 1).await, here.campus("norte").await, here.campaign("otono").await);
    for kind in matricula_web::kinds() {
        here.example(kind.schema, Extent::Whole).await;
    }
    here.draft("presencial", json!({"campus_ids": [campus.id().to_string()], "cycle_id": cycle.id().to_string()})).await;
    let course = here.course("soldadura").await;
    let run = here.run_at(&course, Some(campus.id()), 2).await;
    let mut asset = super::media::published(here, MediaType::Png).await;
    for role in [MediaRole::Cover, MediaRole::Gallery] {
        let usage = MediaUse { entity_type: EntityType::Course, entity_id: RecordId::from_uuid(course.id().as_uuid()), role };
        asset = super::media::link(here, &asset, usage, 0).await;
    }
    let notice = here.text(TextKind::Notice, None, "Quién trata tus datos", false).await;
    let label = here.text(TextKind::ConsentLabel, Some(Purpose::EmailMarketing), "Quiero recibir ofertas", false).await;
    here.form("contacto", &notice, &[&label]).await;

    let post = here.blog_post(user.id, "becas", json!({})).await;
    let about = RecordId::from_uuid(course.id().as_uuid());
    let metadata = SeoMetadata::describe(db.id(), PageOf::Course, about, SeoDetails::read(&value(json!({"title": "TIG"}))).unwrap(), db.clock.now());
    here.in_unit(async |tx| tx.seo_metadata().save(&metadata).await).await;
    let redirect = Redirect::leave(db.id(), PageOf::Course, Slug::parse("antes").unwrap(), about, db.clock.now());
    here.in_unit(async |tx| tx.redirects().save(&redirect).await).await;

    let person = here.person("Lucía").await;
    let input = json!({"email": "plucc3ada@example.es", "course": "soldadura", "campaign": "otono", "form": "contacto", "consents": ["email_marketing"],
        "utm": {"source": "boletín"}, "click_ids": {"gclid": "x"}});
    let how = Circumstances { ip: Some("203.0.113.7".parse().unwrap()), user_agent: Some("X".into()), referer: None };
    let captured = Leads::new(db.world()).capture_from_visitor(&here.visitor(), &capture(input), &how).await.unwrap();
    assert_eq!(captured.lead.person(), person.id(), "found by the address");
    let note = NewActivity::read(&value(json!({"kind": "note", "text": "Prefiere la tarde"}))).unwrap();
    let lead = captured.lead.log(db.id(), note, None, db.clock.now());
    here.in_unit(async |tx| tx.leads().save(&lead).await).await;

    let (ana, last) = (here.person("Ana").await, here.person("Carla").await);
    let enrollment = enroll(here, &run, person.id()).await;
    let hold = hold(here, &run, ana.id()).await;
    enroll(here, &run, last.id()).await;
    let job = NewJob { id: db.ids.next(), kind: "test", dedupe_key: here.id().to_string(), payload: value(json!({})), run_at: db.clock.now() };
    here.in_unit(async |tx| tx.jobs().enqueue(job.clone()).await).await;
    let endpoint = webhook_endpoint(here, "https://example.es/hook", &["*"]).await;
    let delivery = webhook_delivery(here, &endpoint).await.id;
    Filled {
        user,
        role,
        group,
        key,
        session: session.into_state(),
        provider,
        sign_in: sign_in.into_state(),
        cycle,
        campus,
        campaign,
        course,
        run,
        post,
        metadata: metadata.into_state(),
        redirect: redirect.into_state(),
        notice,
        person,
        lead: lead.into_state(),
        enrollment,
        hold,
        asset,
        endpoint,
        delivery,
    }
}
