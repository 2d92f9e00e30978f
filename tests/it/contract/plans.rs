use std::future::Future;

use matricula_domain::catalog::{Campus, Course, CourseStatus, Cycle, PageOf, RunStatus};
use matricula_domain::identity::{Reach, Role};
use matricula_domain::leads::LeadStatus;
use matricula_domain::publishing::{BlogPostStatus, EntityType, Faq, MediaStatus};
use matricula_domain::shared::{Id, Record as _, Slug, Value};
use matricula_persistence::with_plans;
use matricula_ports::catalog::{CatalogQueries as _, CourseFilter, CourseOrder, RunFilter, SeoFilter, SeoQueries as _};
use matricula_ports::leads::{LeadFilter, LeadQueries};
use matricula_ports::publishing::{BlogPostFilter, MediaFilter, MediaQueries as _, PublishingQueries as _};
use matricula_ports::records::{RecordFilter, RecordQueries};
use matricula_ports::reporting::ReportQueries as _;
use matricula_ports::{Page, Scope};
use matricula_tests::{Tenant, TestDatabase, on_postgres};

on_postgres!(
    every_index_of_the_catalogue_serves_its_statement_among_a_hundred_thousand_courses,
    what_is_done_with_leads_is_read_by_indexes_among_a_hundred_thousand
);

/// How many courses there are, each with a run.
const COURSES: u32 = 100_000;

/// Fills the catalogue of an organization, whose owner's statements are planned by what is in it.
async fn fill(here: &Tenant) {
    let id = |kind: u32, n: &str| format!("lpad(to_hex({n}), 8, '0')::text || '-0000-7000-8000-{kind:012x}'");
    let (std, owner) = ("now() - i * interval '1 minute', now(), 1", here.id());
    let mut authors = Vec::new();
    for n in 1..=5 {
        authors.push(here.user(&format!("autora-{n}@example.es"), Role::Marketing).await.id.to_string());
    }
    let authors = authors.join(",");
    here.db
        .raw
        .script(&format!(
            "INSERT INTO cycles (organization_id, id, slug, name, level, order_display, created_at, updated_at, version)
               SELECT '{owner}', ({cycle})::uuid, 'ciclo-' || i, 'Ciclo ' || i, 'grado_medio', i, {std} FROM generate_series(1, 20) i;
             INSERT INTO campuses (organization_id, id, slug, name, city, time_zone, opening_hours, created_at, updated_at, version)
               SELECT '{owner}', ({campus})::uuid, 'sede-' || i, 'Sede ' || i, 'Ciudad ' || i, 'Europe/Madrid', '[]', {std} FROM generate_series(1, 50) i;
             INSERT INTO courses (organization_id, id, slug, title, duration_hours, modality, cycle_id, category, featured, status, seo_keywords, tags, prices,
                 created_at, updated_at, version)
               SELECT '{owner}', ({course})::uuid, 'curso-' || i, 'Curso ' || i, 60, 'presencial', ({of_cycle})::uuid, 'Tema ' || i % 30, i % 20 = 0,
                 CASE i % 4 WHEN 0 THEN 'draft' ELSE 'published' END, jsonb_build_array('clave ' || i % 1000), jsonb_build_array('t-' || i % 1000), '[]', {std} FROM generate_series(1, {COURSES}) i;
             INSERT INTO course_campuses (organization_id, course_id, campus_id, cycle_id, status, featured, created_at, version)
               SELECT c.organization_id, c.id, ({of_campus})::uuid, c.cycle_id, c.status, c.featured, c.created_at, c.version
               FROM generate_series(1, {COURSES}) i JOIN courses c ON c.id = ({course})::uuid;
             INSERT INTO course_runs (organization_id, id, course_id, campus_id, start_date, end_date, max_students, seats_taken, seats_held, prices, status,
                 created_at, updated_at, version)
               SELECT '{owner}', ({run})::uuid, ({course})::uuid, ({of_campus})::uuid, current_date + i % 400 - 200, current_date + 300, 20, 0, 0, '[]',
                 CASE WHEN i % 400 < 200 THEN 'completed' ELSE 'scheduled' END, {std} FROM generate_series(1, {COURSES}) i;
             INSERT INTO search_index (organization_id, kind, entity_id, title, labels, category, description, keywords, tags, version)
               SELECT organization_id, 'course', id, lower(title), 'tema' || version, lower(category), '', seo_keywords, tags, version FROM courses;
             INSERT INTO search_words (organization_id, kind, part, word)
               SELECT DISTINCT '{owner}'::uuid, kind, substr('  ' || w || ' ', n, 3), w FROM (SELECT 'palabra' || i AS w FROM generate_series(1, 2000) i) q,
                 generate_series(1, 8) n, unnest(ARRAY['course', 'blog_post']) kind;
             INSERT INTO seo_metadata (organization_id, id, entity_type, entity_id, title, keywords, created_at, updated_at, version)
               SELECT '{owner}', ({seo})::uuid, 'course', ({course})::uuid, 'Curso ' || i, jsonb_build_array('clave ' || i % 1000), {std} FROM generate_series(1, {COURSES}) i;
             INSERT INTO blog_posts (organization_id, id, slug, title, category, tags, youtube_video_ids, author_id, language, status, published_at,
                 views_count, created_at, updated_at, version)
               SELECT '{owner}', ({post})::uuid, 'noticia-' || i, 'Noticia ' || i, 'Tema ' || i % 30, jsonb_build_array('t-' || i % 1000), '[]',
                 split_part('{authors}', ',', 1 + i % 5)::uuid, 'es', CASE i % 4 WHEN 0 THEN 'scheduled' ELSE 'published' END, now() - i * interval '1 minute', 0, {std} FROM generate_series(1, {COURSES}) i;
             INSERT INTO faqs (organization_id, id, question, answer, category, order_display, is_published, created_at, updated_at, version)
               SELECT '{owner}', ({faq})::uuid, 'Pregunta ' || i, 'Respuesta', CASE i % 4 WHEN 0 THEN 'financial' ELSE 'general' END, i, i % 10 = 0, {std}
               FROM generate_series(1, {COURSES}) i;
             INSERT INTO search_index (organization_id, kind, entity_id, title, labels, category, description, keywords, tags, version)
               SELECT organization_id, 'blog_post', id, lower(title), '', lower(category), '', '[]', tags, version FROM blog_posts
               UNION ALL SELECT organization_id, 'seo_metadata', id, '', '', '', '', keywords, '[]', version FROM seo_metadata;
             INSERT INTO media_assets (organization_id, id, filename, original_filename, mime_type, size_bytes, stored_bytes, alt_text, sha256, storage_path, status,
                 created_at, updated_at, version)
               SELECT '{owner}', ({asset})::uuid, 'foto-' || i, 'foto', 'image/png', 1, 1, 'Foto', decode(repeat('00', 32), 'hex'), 'carpeta-' || i,
                 CASE i % 20 WHEN 0 THEN 'draft' ELSE 'published' END, {std} FROM generate_series(1, {COURSES}) i;
             INSERT INTO media_links (organization_id, id, asset_id, entity_type, entity_id, role, position, created_at)
               SELECT '{owner}', ({link})::uuid, ({asset})::uuid, 'course', ({course})::uuid, 'cover', 0, now() FROM generate_series(1, {COURSES}) i;
             INSERT INTO redirects (organization_id, id, entity_type, slug, entity_id, created_at, updated_at, version)
               SELECT '{owner}', ({redirect})::uuid, 'course', 'antes-' || i, ({course})::uuid, {std} FROM generate_series(1, {COURSES}) i;
             ANALYZE",
            cycle = id(1, "i"),
            campus = id(2, "i"),
            course = id(3, "i"),
            run = id(4, "i"),
            seo = id(5, "i"),
            post = id(6, "i"),
            faq = id(7, "i"),
            asset = id(8, "i"),
            link = id(9, "i"),
            redirect = id(10, "i"),
            of_cycle = id(1, "1 + i % 20"),
            of_campus = id(2, "1 + i / 20 % 50"),
        ))
        .await;
}

/// The plans of all statements of some work together.
async fn plans<T>(work: impl Future<Output = T>) -> String {
    with_plans(work).await.1.join("\n\n")
}

/// The plans of what is said beside the catalogue: posts, questions, media, and how all that is found.
async fn of_content(db: &TestDatabase, scope: &Scope, course: &Course) -> Vec<(&'static str, String)> {
    let (q, page) = (&db.queries, Page::first(50));
    let text = |text: &str| Some(text.to_owned());
    let posts = async |filter: BlogPostFilter| {
        plans(async { assert!(!q.blog_posts(scope, &filter, &page).await.unwrap().items.is_empty(), "{filter:?}") }).await
    };
    let post = Slug::parse("noticia-77").unwrap();
    let told = plans(async { assert!(q.seo_metadata(scope, PageOf::Course, Id::from_uuid(course.id().as_uuid())).await.unwrap().is_some()) }).await;
    let faqs = async |equal: Vec<(&'static str, Value)>| {
        plans(RecordQueries::list(q, scope, &Faq::SCHEMA, &RecordFilter { equal, archived: false }, &page)).await
    };
    let author = q.blog_posts(scope, &BlogPostFilter::default(), &Page::first(1)).await.unwrap().items.remove(0).details().author_id.unwrap();
    let seo = async |filter: SeoFilter| {
        plans(async { assert!(!q.all_seo_metadata(scope, &filter, &page).await.unwrap().items.is_empty(), "{filter:?}") }).await
    };
    let antes = Slug::parse("antes-77").unwrap();
    let moved = plans(async { assert!(q.redirect(scope, PageOf::Course, &antes).await.unwrap().is_some()) }).await;
    let media =
        async |filter: MediaFilter| plans(async { assert!(!q.assets(scope, &filter, &page).await.unwrap().items.is_empty(), "{filter:?}") }).await;
    let of_course =
        MediaFilter { entity_type: Some(EntityType::Course), entity_id: Some(Id::from_uuid(course.id().as_uuid())), ..MediaFilter::default() };
    vec![
        ("ux_seo_metadata_entity_type_entity_id", told),
        ("ux_blog_posts_slug", plans(async { assert!(q.published_blog_post(scope, &post).await.unwrap().is_some()) }).await),
        (
            "ix_blog_posts_status_published_at_id",
            posts(BlogPostFilter { status: Some(BlogPostStatus::Published), ..BlogPostFilter::default() }).await,
        ),
        ("ix_blog_posts_created_at_id", posts(BlogPostFilter::default()).await),
        (
            "ix_blog_posts_category_status_published_at_id",
            posts(BlogPostFilter { status: Some(BlogPostStatus::Published), category: text("Tema 7"), ..BlogPostFilter::default() }).await,
        ),
        ("ix_blog_posts_author_id_created_at_id", posts(BlogPostFilter { author: Some(author), ..BlogPostFilter::default() }).await),
        ("ix_search_index_tags", posts(BlogPostFilter { tag: text("t-7"), ..BlogPostFilter::default() }).await),
        ("ix_search_index_words", posts(BlogPostFilter { q: text("noticia 77"), ..BlogPostFilter::default() }).await),
        ("search_words_pkey", posts(BlogPostFilter { q: text("palarba noticia"), ..BlogPostFilter::default() }).await),
        ("ix_seo_metadata_created_at_id", seo(SeoFilter::default()).await),
        ("ix_search_index_keywords", seo(SeoFilter { keyword: text("clave 7"), ..SeoFilter::default() }).await),
        ("ux_redirects_entity_type_slug", moved),
        ("ix_redirects_created_at_id", plans(async { assert!(!q.redirects(scope, &page).await.unwrap().items.is_empty()) }).await),
        (
            "ux_media_assets_storage_path",
            plans(async { assert_eq!(q.known_folders(scope, &["carpeta-77".to_owned()]).await.unwrap().len(), 1) }).await,
        ),
        ("ix_media_links_entity_type_entity_id_role_position", media(of_course).await),
        ("ix_media_assets_status_created_at_id", media(MediaFilter { status: Some(MediaStatus::Draft), ..MediaFilter::default() }).await),
        ("ix_media_assets_created_at_id", media(MediaFilter::default()).await),
        ("ix_faqs_published", faqs(vec![("is_published", Value::Bool(true))]).await),
        ("ix_faqs_order_display_id", faqs(vec![]).await),
        ("ix_faqs_category_order_display_id", faqs(vec![("category", "financial".into())]).await),
    ]
}

async fn every_index_of_the_catalogue_serves_its_statement_among_a_hundred_thousand_courses(db: TestDatabase) {
    let here = db.tenant("uno").await;
    fill(&here).await;
    // Their connections planned while the tables were empty.
    let db = db.reopened().await;
    let (q, scope, page) = (&db.queries, &here.scope, Page::first(50));
    let text = |text: &str| Some(text.to_owned());
    let any = CourseFilter::default();
    let catalogue = CourseFilter {
        status: Some(CourseStatus::Published),
        cycle: text("ciclo-2"),
        campus: text("sede-1"),
        order: CourseOrder::Featured,
        ..any.clone()
    };
    let course = q.courses(scope, &any, &Page::first(1)).await.unwrap().items.remove(0);
    let campus = course.details().campus_ids[0];
    let courses =
        async |filter: CourseFilter| plans(async { assert!(!q.courses(scope, &filter, &page).await.unwrap().items.is_empty(), "{filter:?}") }).await;
    let runs = async |filter: RunFilter| plans(async { assert!(!q.runs(scope, &filter, &page).await.unwrap().items.is_empty(), "{filter:?}") }).await;
    let of_catalogue = courses(catalogue.clone()).await;
    let slug = Slug::parse("curso-77").unwrap();
    let by_slug = plans(async { here.in_unit(async |tx| tx.courses().find_by_slug(&slug).await).await.unwrap() }).await;
    let city = RecordFilter { equal: vec![("city", Value::Text("Ciudad 7".to_owned()))], archived: false };
    let mut cases = vec![
        ("ux_courses_slug", courses(CourseFilter { slug: text("curso-77"), ..any.clone() }).await),
        ("ux_courses_slug", by_slug),
        // The catalogue of seed 0: of a cycle, at a campus, published, those that stand out first, then the newest.
        ("ix_course_campuses_catalogue", of_catalogue.clone()),
        ("course_campuses_pkey", of_catalogue.clone()),
        ("ix_course_campuses_listed", courses(CourseFilter { cycle: None, ..catalogue.clone() }).await),
        ("ix_course_campuses_campus_id_created_at_course_id", courses(CourseFilter { campus: text("sede-1"), ..any.clone() }).await),
        ("ix_courses_cycle_id_featured_created_at_id", courses(CourseFilter { campus: None, ..catalogue.clone() }).await),
        ("ux_cycles_slug", of_catalogue.clone()),
        ("ux_campuses_slug", of_catalogue),
        ("ix_courses_status_featured_created_at_id", courses(CourseFilter { cycle: None, campus: None, ..catalogue }).await),
        ("ix_courses_featured", courses(CourseFilter { featured: Some(true), ..any.clone() }).await),
        ("ix_courses_created_at_id", courses(any.clone()).await),
        ("ix_search_index_keywords", courses(CourseFilter { keyword: text("clave 7"), ..any.clone() }).await),
        ("ix_search_index_tags", courses(CourseFilter { tag: text("t-7"), ..any.clone() }).await),
        ("ix_search_index_words", courses(CourseFilter { q: text("curso 77"), ..any.clone() }).await),
        ("search_words_pkey", courses(CourseFilter { q: text("palarba curso"), ..any }).await),
        ("ix_cycles_order_display_id", plans(RecordQueries::list(q, scope, &Cycle::SCHEMA, &RecordFilter::default(), &page)).await),
        ("ix_campuses_name_id", plans(RecordQueries::list(q, scope, &Campus::SCHEMA, &RecordFilter::default(), &page)).await),
        ("ix_campuses_city", plans(RecordQueries::list(q, scope, &Campus::SCHEMA, &city, &page)).await),
        ("ix_course_runs_course_id_start_date", runs(RunFilter { course: Some(course.id()), ..RunFilter::default() }).await),
        (
            "ix_course_runs_campus_id_status_created_at_id",
            runs(RunFilter { campus: Some(campus), status: Some(RunStatus::Scheduled), ..RunFilter::default() }).await,
        ),
        ("ix_course_runs_open", plans(q.upcoming_runs(scope, "2026-01-01".parse().unwrap(), 20)).await),
        ("ix_course_runs_created_at_id", runs(RunFilter::default()).await),
    ];
    cases.extend(of_content(&db, scope, &course).await);
    for (index, plan) in &cases {
        assert!(plan.contains(&format!("{index} on ")) || plan.contains(&format!("on {index} ")), "{index} does not serve\n{plan}");
        assert!(!plan.contains("Seq Scan on"), "{plan}");
    }
    // What people are told serves does so.
    for told in include_str!("../../../docs/performance.md").split('`').filter(|word| word.starts_with("ix_") || word.starts_with("ux_")) {
        assert!(cases.iter().any(|(index, _)| *index == told), "nothing was asked of {told}");
    }
    println!("{} plans among {COURSES} courses, no sequential scan", cases.len());
}

/// How many leads there are, each of a person of their own.
const LEADS: u32 = 100_000;

async fn what_is_done_with_leads_is_read_by_indexes_among_a_hundred_thousand(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let user = here.user("asesora@example.es", Role::Adviser).await.id;
    let id = |kind: u32, n: &str| format!("lpad(to_hex({n}), 8, '0')::text || '-0000-7000-8000-{kind:012x}'");
    let (std, owner) = ("now() - i * interval '1 minute', now(), 1", here.id());
    here.db
        .raw
        .script(&format!(
            "INSERT INTO people (organization_id, id, subject_ref, key_id, name, name_folded, state, created_at, updated_at, version)
               SELECT '{owner}', ({person})::uuid, ({subject})::uuid, ({key})::uuid, 'Persona ' || i, 'persona ' || i, 'active', {std}
               FROM generate_series(1, {LEADS}) i;
             INSERT INTO campaigns (organization_id, id, slug, name, platform, status, created_at, updated_at, version)
               SELECT '{owner}', ({campaign})::uuid, 'campana-' || i, 'Campaña ' || i, 'email', 'active', {std} FROM generate_series(1, 200) i;
             INSERT INTO leads (organization_id, id, person_id, campaign_id, status, status_reason, gdpr_consent, privacy_policy_accepted, attested_at,
                 assigned_to, due_at, created_at, updated_at, version)
               SELECT '{owner}', ({lead})::uuid, ({person})::uuid, ({of_campaign})::uuid,
                 CASE i % 5 WHEN 0 THEN 'new' WHEN 1 THEN 'contacted' WHEN 2 THEN 'qualified' WHEN 3 THEN 'rejected' ELSE 'spam' END, 'x', TRUE, TRUE, now(),
                 CASE WHEN i % 50 = 0 THEN '{user}'::uuid END, CASE WHEN i % 5 < 3 THEN now() + i % 9999 * interval '1 minute' END, {std}
               FROM generate_series(1, {LEADS}) i;
             INSERT INTO lead_activities (organization_id, id, lead_id, person_id, kind, at)
               SELECT '{owner}', ({activity})::uuid, ({lead})::uuid, ({person})::uuid, 'email', now() FROM generate_series(1, {LEADS}) i;
             ANALYZE",
            person = id(1, "i"),
            subject = id(2, "i"),
            key = id(3, "i"),
            campaign = id(4, "i"),
            lead = id(5, "i"),
            activity = id(6, "i"),
            of_campaign = id(4, "1 + i % 200"),
        ))
        .await;
    let db = db.reopened().await;
    let (q, scope, page) = (&db.queries, &here.scope, Page::first(50));
    let any = LeadFilter::default();
    let leads = async |filter: LeadFilter| {
        plans(async { assert!(!LeadQueries::list(q, scope, &Reach::All, &filter, &page).await.unwrap().items.is_empty(), "{filter:?}") }).await
    };
    let one = LeadQueries::list(q, scope, &Reach::All, &any, &Page::first(1)).await.unwrap().items.remove(0);
    let (lead, campaign) = (Id::from_uuid(one.id), one.campaign.as_ref().map(|(id, _)| Id::from_uuid(*id)));
    let cases = [
        ("ix_leads_due_at_id", leads(LeadFilter { due: true, ..any.clone() }).await),
        ("ix_leads_assigned_to_due_at_id", leads(LeadFilter { due: true, assigned_to: Some(user), ..any.clone() }).await),
        ("ix_leads_created_at_id", leads(any.clone()).await),
        ("ix_leads_status_created_at_id", leads(LeadFilter { statuses: vec![LeadStatus::New, LeadStatus::Contacted], ..any.clone() }).await),
        ("ix_leads_assigned_to_created_at_id", leads(LeadFilter { assigned_to: Some(user), ..any.clone() }).await),
        ("ix_leads_person_id", leads(LeadFilter { person: Some(Id::from_uuid(one.person.0)), ..any }).await),
        ("ix_leads_campaign_id_status", plans(q.campaign_funnel(scope, campaign.unwrap())).await),
        ("ix_lead_activities_lead_id_at_id", plans(q.activities(scope, &Reach::All, lead, &page)).await),
    ];
    for (index, plan) in &cases {
        assert!(plan.contains(&format!("{index} on ")) || plan.contains(&format!("on {index} ")), "{index} does not serve\n{plan}");
        assert!(!plan.contains("Seq Scan on"), "{plan}");
    }
    println!("{} plans among {LEADS} leads, no sequential scan", cases.len());
}
