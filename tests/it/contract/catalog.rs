use matricula_domain::catalog::{
    Audience, Course, CourseDetails, CourseId, CourseRun, CourseStatus, Modality, RunPlan, RunStatus, SeatsLeft, SeatsLeftPolicy,
};
use matricula_domain::identity::Role;
use matricula_domain::shared::{Aggregate as _, Changed, Form as _, LocalDate, Record as _, RecordId, Slug, TimeZone};
use matricula_ports::catalog::{CatalogQueries as _, CourseFilter, RunFilter, RunWithQueue};
use matricula_ports::records::RecordChange;
use matricula_ports::{Order, Page, PortError};
use matricula_tests::{Tenant, TestDatabase, at, on_both, value};
use serde_json::{Value as Json, json};

use super::filled::enroll;
use super::paging::{assert_refuses_foreign_cursors, longest, walk};

on_both!(
    a_course_is_read_back_as_it_was_saved,
    the_campuses_of_a_course_come_and_go,
    courses_are_listed_newest_first_while_others_come,
    courses_are_filtered,
    a_slug_is_one_courses_for_good,
    a_run_is_read_back_as_it_was_saved,
    a_run_knows_its_queue_and_its_time_zone,
    what_everybody_may_know_of_the_seats_says_the_run_else_the_organization,
    runs_are_listed_and_filtered,
    the_coming_runs_of_a_course_start_soonest_first,
);

async fn find(here: &Tenant, id: CourseId) -> Option<Course> {
    here.in_unit(async |tx| tx.courses().find(id).await).await
}

async fn save(here: &Tenant, change: &Changed<Course>) {
    here.in_unit(async |tx| tx.courses().save(change).await).await;
}

async fn save_run(here: &Tenant, change: &Changed<CourseRun>) {
    here.in_unit(async |tx| tx.course_runs().save(change).await).await;
}

async fn a_course_is_read_back_as_it_was_saved(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (cycle, norte, sur) = (here.cycle("fp", 1).await.id(), here.campus("norte").await.id(), here.campus("sur").await.id());
    let trainer = here.user("trainer@example.es", Role::Trainer).await.id;
    let keywords: Vec<_> = (0..100).map(|n| format!("{} {n}", longest(50))).collect();
    let tags: Vec<_> = (0..20).map(|n| format!("{}-{n}", "t".repeat(90))).collect();
    let prices: Vec<_> = Audience::ALL
        .iter()
        .map(|audience| json!({"audience": audience.as_str(), "price": {"amount": 100_000_000_000_i64, "currency": "GBP"}}))
        .collect();
    let variants = [
        json!({"modality": "online", "featured": false}),
        json!({"modality": "hibrido", "featured": true, "duration_hours": 1_000_000, "price": {"amount": 0, "currency": "EUR"}, "seo": {"keywords": ["a'b"]},
            "tags": ["uno"], "prices": [{"audience": "company", "price": {"amount": 1, "currency": "EUR"}}]}),
        json!({"modality": "presencial", "featured": false, "title": longest(200), "description": longest(20_000), "price": {"amount": 123_456_789, "currency": "GBP"},
            "cycle_id": cycle.to_string(), "campus_ids": [norte.to_string(), sur.to_string()], "level": longest(60), "category": longest(100),
            "seo": {"title": longest(200), "description": longest(1000), "keywords": keywords}, "tags": tags, "prices": prices,
            "instructor_id": trainer.to_string()}),
    ];
    for (n, variant) in variants.into_iter().enumerate() {
        let slug = format!("curso-{n}");
        let saved = here.draft(&slug, variant).await;
        assert_eq!(find(&here, saved.id()).await.unwrap(), saved);
        assert_eq!(here.in_unit(async |tx| tx.courses().find_by_slug(&Slug::parse(&slug).unwrap()).await).await.unwrap(), saved);
        assert_eq!(db.queries.course(&here.scope, saved.id()).await.unwrap().unwrap(), saved);
        let filter = CourseFilter { slug: Some(slug), ..CourseFilter::default() };
        assert_eq!(db.queries.courses(&here.scope, &filter, &Page::first(9)).await.unwrap().items, [saved]);
    }
    let silent = here.draft("callado", json!({})).await;
    assert_eq!(find(&here, silent.id()).await.unwrap().details().featured, Some(false), "who says nothing does not stand out");
    assert!(find(&here, db.id()).await.is_none());
    assert!(db.queries.course(&here.scope, db.id()).await.unwrap().is_none());
    assert!(here.in_unit(async |tx| tx.courses().find_by_slug(&Slug::parse("nada").unwrap()).await).await.is_none());
}

async fn the_campuses_of_a_course_come_and_go(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let campuses = [here.campus("a").await.id(), here.campus("b").await.id(), here.campus("c").await.id()];
    let mut course = here.draft("curso", json!({"featured": false})).await;
    for (n, chosen) in [&[0, 1][..], &[1, 2], &[], &[0, 1, 2], &[0, 1, 2]].into_iter().enumerate() {
        let wanted: Vec<RecordId> = chosen.iter().map(|n| campuses[*n]).collect();
        let words: Vec<_> = wanted.iter().map(ToString::to_string).collect();
        let changed = course.change(&value(json!({"campus_ids": words, "title": format!("Título {n}")})), at(1)).unwrap();
        save(&here, &changed).await;
        course = find(&here, course.id()).await.unwrap();
        assert_eq!(course, *changed.state());
    }
    let missing = course.change(&value(json!({"campus_ids": [db.id::<RecordId>().to_string()]})), at(2)).unwrap();
    let refused = here.try_in_unit(async |tx| tx.courses().save(&missing).await).await;
    assert!(matches!(refused, Err(PortError::Dangling(_))), "{refused:?}");
    assert_eq!(find(&here, course.id()).await.unwrap(), course);
}

async fn courses_are_listed_newest_first_while_others_come(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let mut newest_first = Vec::new();
    // Several at one moment, and moments that differ by less than a second.
    for (n, micros) in [0, 0, 1, 1, 500_000, 500_001, 1_000_000].into_iter().enumerate() {
        db.clock.set(0);
        db.clock.advance(chrono::TimeDelta::microseconds(micros));
        newest_first
            .insert(0, here.draft(&format!("c-{n}"), json!({"campus_ids": [here.campus(&format!("k-{n}")).await.id().to_string()]})).await.id());
    }
    let list = async |page: &Page| db.queries.courses(&here.scope, &CourseFilter::default(), page).await;
    let ids = |courses: Vec<Course>| courses.iter().map(Course::id).collect::<Vec<_>>();
    for limit in [1, 2, 3, 7] {
        assert_eq!(ids(walk(Page::first(limit), list, async |_| ()).await), newest_first, "{limit} a page");
    }
    let oldest_first: Vec<_> = newest_first.iter().rev().copied().collect();
    let up = Page { order: Order::Ascending, ..Page::first(2) };
    assert_eq!(ids(walk(up.clone(), list, async |_| ()).await), oldest_first);
    let new = async |n: usize| {
        db.clock.advance(chrono::TimeDelta::seconds(1));
        here.draft(&format!("nuevo-{n}"), json!({})).await;
    };
    assert_eq!(ids(walk(Page::first(2), list, new).await), newest_first, "what comes later stands before the first page");
    let all = ids(walk(up, list, async |n| new(n + 9).await).await);
    assert_eq!(all[..7], oldest_first[..]);
    assert!(all.len() > 7 + 3, "what comes later stands behind the last page");
    assert_refuses_foreign_cursors(list).await;
}

async fn courses_are_filtered(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (cycle, norte, sur) = (here.cycle("fp", 1).await, here.campus("norte").await, here.campus("sur").await);
    let trainer = here.user("trainer@example.es", Role::Trainer).await.id;
    let tig = json!({"title": "Soldadura TIG 100%", "description": "x", "modality": "presencial", "price": {"amount": 0, "currency": "EUR"}, "featured": true,
        "cycle_id": cycle.id().to_string(), "campus_ids": [norte.id().to_string(), sur.id().to_string()], "seo": {"keywords": ["marketing digital", "a'b"]}, "tags": ["metal", "tig"],
        "prices": [{"audience": "company", "price": {"amount": 9, "currency": "EUR"}}], "category": "Metal", "level": "inicial", "instructor_id": trainer.to_string()});
    let tig = here.draft("soldadura", tig).await;
    save(&here, &tig.transition(CourseStatus::Published, at(1)).unwrap()).await;
    here.draft("excel", json!({"title": "EXCEL_1 ñandú"})).await;
    let hidden = here.draft("oculto", json!({})).await;
    save(&here, &hidden.archive(at(1)).unwrap()).await;
    let text = |text: &str| Some(text.to_owned());
    let any = CourseFilter::default();
    for (filter, slugs) in [
        (any.clone(), &["excel", "soldadura"][..]),
        (CourseFilter { status: Some(CourseStatus::Published), ..any.clone() }, &["soldadura"]),
        (CourseFilter { status: Some(CourseStatus::Draft), ..any.clone() }, &["excel"]),
        (CourseFilter { cycle: text("fp"), ..any.clone() }, &["soldadura"]),
        (CourseFilter { cycle: text("otro"), ..any.clone() }, &[]),
        (CourseFilter { campus: text("sur"), ..any.clone() }, &["soldadura"]),
        (CourseFilter { campus: text("este"), ..any.clone() }, &[]),
        (CourseFilter { modality: Some(Modality::Online), ..any.clone() }, &["excel"]),
        (CourseFilter { keyword: text("a'b"), ..any.clone() }, &["soldadura"]),
        (CourseFilter { keyword: text("marketing"), ..any.clone() }, &[]),
        (CourseFilter { tag: text("tig"), ..any.clone() }, &["soldadura"]),
        (CourseFilter { tag: text("ti"), ..any.clone() }, &[]),
        (CourseFilter { audience: Some(Audience::Company), ..any.clone() }, &["soldadura"]),
        (CourseFilter { audience: Some(Audience::Student), ..any.clone() }, &[]),
        (CourseFilter { category: text("Metal"), ..any.clone() }, &["soldadura"]),
        (CourseFilter { category: text("Madera"), ..any.clone() }, &[]),
        (CourseFilter { level: text("inicial"), ..any.clone() }, &["soldadura"]),
        (CourseFilter { level: text("Inicial"), ..any.clone() }, &[]),
        (CourseFilter { instructor: Some(trainer), ..any.clone() }, &["soldadura"]),
        (CourseFilter { instructor: Some(db.id()), ..any.clone() }, &[]),
        (CourseFilter { q: text("soldaduras"), ..any.clone() }, &["soldadura"]),
        (CourseFilter { q: text("soldadura"), modality: Some(Modality::Online), ..any.clone() }, &[]),
        (CourseFilter { q: text("%"), ..any.clone() }, &[]),
        (CourseFilter { featured: Some(true), ..any.clone() }, &["soldadura"]),
        (CourseFilter { featured: Some(false), ..any.clone() }, &["excel"]),
        (CourseFilter { slug: text("excel"), modality: Some(Modality::InPerson), ..any.clone() }, &[]),
        (CourseFilter { slug: text("oculto"), ..any.clone() }, &[]),
    ] {
        let listed = db.queries.courses(&here.scope, &filter, &Page::first(10)).await.unwrap().items;
        assert_eq!(listed.iter().map(|course| course.details().slug.as_str()).collect::<Vec<_>>(), slugs, "{filter:?}");
    }
    assert!(db.queries.course(&here.scope, hidden.id()).await.unwrap().is_some(), "who knows its id finds it");
    // A cycle that is hidden orders nothing any more.
    here.in_unit(async |tx| tx.records().save(RecordChange::of(&cycle.archive(at(2)).unwrap())).await).await;
    let filter = CourseFilter { cycle: text("fp"), ..any };
    assert!(db.queries.courses(&here.scope, &filter, &Page::first(10)).await.unwrap().items.is_empty());
    assert_eq!(matricula_domain::catalog::Cycle::SCHEMA.noun.many, "cycles");
}

async fn a_slug_is_one_courses_for_good(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let course = here.draft("curso", json!({})).await;
    save(&here, &course.archive(at(1)).unwrap()).await;
    let details = |slug: &str| CourseDetails::read(&value(json!({"slug": slug, "title": "x", "duration_hours": 1, "modality": "online"}))).unwrap();
    let again = Course::draft(db.id(), details("curso"), at(2));
    let refused = here.try_in_unit(async |tx| tx.courses().save(&again).await).await;
    assert!(matches!(refused, Err(PortError::Conflict("courses"))), "{refused:?}");
    let other = here.draft("otro", json!({})).await;
    let renamed = other.change(&value(json!({"slug": "curso"})), at(3)).unwrap();
    let refused = here.try_in_unit(async |tx| tx.courses().save(&renamed).await).await;
    assert!(matches!(refused, Err(PortError::Conflict("unique"))), "{refused:?}");
}

fn plan(course: &Course, more: Json) -> RunPlan {
    let input = json!({"course_id": course.id().to_string(), "start_date": "2026-05-01", "end_date": "2026-06-30", "max_students": 10});
    RunPlan::read(&value(input).merged(&value(more))).unwrap()
}

async fn a_run_is_read_back_as_it_was_saved(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (course, cycle, campus) = (here.draft("curso", json!({})).await, here.cycle("fp", 1).await.id(), here.campus("norte").await.id());
    let full = json!({"cycle_id": cycle.to_string(), "campus_id": campus.to_string(), "start_date": "2024-02-29", "end_date": "2024-02-29",
        "enrollment_deadline": "2024-02-28", "max_students": 1_000_000, "min_students": 1_000_000, "seats_left_policy": "few",
        "prices": [{"audience": "student", "price": {"amount": 0, "currency": "EUR"}}]});
    for more in [json!({}), json!({"max_students": 0}), full] {
        let scheduled = CourseRun::schedule(db.id(), plan(&course, more), at(0));
        save_run(&here, &scheduled).await;
        let mut run = scheduled.into_state();
        for step in 0..3 {
            let id = run.id();
            assert_eq!(here.in_unit(async |tx| tx.course_runs().find(id).await).await.unwrap(), run);
            assert_eq!(db.queries.run(&here.scope, id).await.unwrap().unwrap().run, run);
            let next = match step {
                0 => run.transition(RunStatus::Ongoing, None, at(1)).unwrap(),
                1 => run.change(&value(json!({"end_date": "2027-01-01", "enrollment_deadline": null})), at(2)).unwrap(),
                _ => run.archive(at(3)).unwrap(),
            };
            save_run(&here, &next).await;
            run = next.into_state();
        }
        assert_eq!((run.archived_at(), run.version()), (Some(at(3)), 4));
    }
    assert!(here.in_unit(async |tx| tx.course_runs().find(db.id()).await).await.is_none());
    assert!(here.in_unit(async |tx| tx.course_runs().find_with_queue(db.id()).await).await.is_none());
    assert!(db.queries.run(&here.scope, db.id()).await.unwrap().is_none());
}

async fn a_run_knows_its_queue_and_its_time_zone(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let course = here.draft("curso", json!({})).await;
    let canary: matricula_domain::shared::Stored<matricula_domain::catalog::Campus> =
        here.record(json!({"slug": "palmas", "name": "Palmas", "city": "Las Palmas", "time_zone": "Atlantic/Canary"})).await;
    let run = here.run_at(&course, Some(canary.id()), 1).await;
    let with_queue = async || here.in_unit(async |tx| tx.course_runs().find_with_queue(run.id()).await).await.unwrap();
    assert_eq!(with_queue().await, RunWithQueue { run: run.clone(), waiting: 0, time_zone: TimeZone::parse("Atlantic/Canary").unwrap() });
    for person in here.crowd(4).await {
        enroll(&here, &run, person.id()).await;
    }
    assert_eq!((with_queue().await.waiting, with_queue().await.run.seats().taken), (3, 1));
    assert_eq!(db.queries.run(&here.scope, run.id()).await.unwrap().unwrap().waitlisted, 3);
    let nowhere = here.run(&course, 1).await;
    let nowhere = here.in_unit(async |tx| tx.course_runs().find_with_queue(nowhere.id()).await).await.unwrap();
    assert_eq!(
        (nowhere.time_zone, nowhere.waiting),
        (TimeZone::MADRID, 0),
        "that of the organization, and the queue of the other is none of its own"
    );
}

async fn what_everybody_may_know_of_the_seats_says_the_run_else_the_organization(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let course = here.course("curso").await;
    let mut runs = Vec::new();
    for (n, policy) in [None, Some("exact"), Some("few"), Some("hidden")].into_iter().enumerate() {
        let run = CourseRun::schedule(db.id(), plan(&course, json!({"seats_left_policy": policy, "max_students": n.min(1)})), at(0));
        save_run(&here, &run).await;
        runs.push(run.into_state().id());
    }
    let exact = |max| SeatsLeft::Exact { max, free: max };
    let few = SeatsLeft::shown(SeatsLeftPolicy::Few, matricula_domain::catalog::Seats { max: 1, taken: 0, held: 0 });
    for (policy, of_the_first) in [("exact", exact(0)), ("hidden", SeatsLeft::Hidden)] {
        here.in_unit(async |tx| {
            let organization = tx.organizations().find().await?.unwrap();
            tx.organizations().save(&organization.change(&value(json!({"seats_left_policy": policy})), at(1)).unwrap()).await
        })
        .await;
        for (run, seats) in runs.iter().zip([of_the_first, exact(1), few, SeatsLeft::Hidden]) {
            assert_eq!(db.queries.run(&here.scope, *run).await.unwrap().unwrap().seats_left(), seats, "{policy}");
        }
        // Everybody finds those whose seats are hidden by neither question.
        let hidden = usize::from(policy == "hidden");
        for (published, has_seats, found) in [(false, true, 3), (false, false, 1), (true, true, 3 + hidden), (true, false, 2)] {
            let filter = RunFilter { published, has_seats: Some(has_seats), ..RunFilter::default() };
            assert_eq!(db.queries.runs(&here.scope, &filter, &Page::first(9)).await.unwrap().items.len(), found, "{policy} {filter:?}");
        }
    }
}

async fn runs_are_listed_and_filtered(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (published, draft, norte) = (here.course("a").await, here.draft("b", json!({})).await, here.campus("norte").await);
    let mut newest_first = Vec::new();
    for n in 0..5 {
        db.clock.set(n);
        newest_first.insert(0, here.run(&published, 3).await.id());
    }
    db.clock.set(9);
    let special = CourseRun::schedule(
        db.id(),
        plan(&draft, json!({"campus_id": norte.id().to_string(), "start_date": "2026-05-02", "min_students": 4})),
        at(9),
    );
    save_run(&here, &special).await;
    let hidden = here.run(&draft, 1).await;
    save_run(&here, &hidden.archive(at(10)).unwrap()).await;
    newest_first.insert(0, special.state().id());

    let list = async |page: &Page| db.queries.runs(&here.scope, &RunFilter::default(), page).await;
    for limit in [1, 2, 6] {
        let all = walk(Page::first(limit), list, async |_| ()).await;
        assert_eq!(all.iter().map(|row| row.run.id()).collect::<Vec<_>>(), newest_first);
    }
    let all = walk(Page::first(2), list, async |_| {
        db.clock.advance(chrono::TimeDelta::seconds(1));
        here.run(&published, 1).await;
    });
    assert_eq!(all.await.len(), 6);
    assert_refuses_foreign_cursors(list).await;
    let day = |day: &str| Some(day.parse::<LocalDate>().unwrap());
    let any = RunFilter::default();
    for (filter, hits) in [
        (RunFilter { course: Some(draft.id()), ..any.clone() }, 1),
        (RunFilter { course: Some(published.id()), ..any.clone() }, 7),
        (RunFilter { campus: Some(norte.id()), ..any.clone() }, 1),
        (RunFilter { status: Some(RunStatus::Cancelled), ..any.clone() }, 0),
        (RunFilter { starts_from: day("2026-05-01"), ..any.clone() }, 8),
        (RunFilter { starts_from: day("2026-05-02"), ..any.clone() }, 1),
        (RunFilter { starts_from: day("2026-05-03"), ..any.clone() }, 0),
        (RunFilter { starts_until: day("2026-05-01"), ..any.clone() }, 7),
        (RunFilter { starts_until: day("2026-05-02"), ..any.clone() }, 8),
        (RunFilter { starts_until: day("2026-04-30"), ..any.clone() }, 0),
        (RunFilter { below_minimum: Some(true), ..any.clone() }, 1),
        (RunFilter { below_minimum: Some(false), ..any.clone() }, 7),
        (RunFilter { published: true, ..any.clone() }, 7),
    ] {
        assert_eq!(db.queries.runs(&here.scope, &filter, &Page::first(20)).await.unwrap().items.len(), hits, "{filter:?}");
    }
    // Enough people make it worth teaching, and so does its beginning.
    save_run(&here, &special.state().transition(RunStatus::Ongoing, None, at(10)).unwrap()).await;
    for (filter, hits) in
        [(RunFilter { status: Some(RunStatus::Ongoing), ..any.clone() }, 1), (RunFilter { below_minimum: Some(true), ..any.clone() }, 0)]
    {
        assert_eq!(db.queries.runs(&here.scope, &filter, &Page::first(20)).await.unwrap().items.len(), hits, "{filter:?}");
    }
}

async fn the_coming_runs_of_a_course_start_soonest_first(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (course, other) = (here.course("a").await, here.course("b").await);
    let run = async |start: &str, end: &str| {
        let run = CourseRun::schedule(db.id(), plan(&course, json!({"start_date": start, "end_date": end})), at(0));
        save_run(&here, &run).await;
        run.into_state()
    };
    let last = run("2026-06-01", "2026-06-30").await;
    let hidden = run("2026-05-10", "2026-06-30").await;
    save_run(&here, &hidden.archive(at(1)).unwrap()).await;
    run("2026-04-01", "2026-05-01").await;
    let ends_today = run("2026-04-02", "2026-05-02").await;
    let same_day = [run("2026-05-20", "2026-05-21").await, run("2026-05-20", "2026-05-22").await];
    here.run(&other, 1).await;
    let coming = async |most| {
        let rows = db.queries.coming_runs(&here.scope, course.id(), "2026-05-02".parse().unwrap(), most).await.unwrap();
        rows.into_iter().map(|row| row.run.id()).collect::<Vec<_>>()
    };
    let mut expected = vec![ends_today.id(), same_day[0].id(), same_day[1].id(), last.id()];
    expected[1..3].sort();
    assert_eq!(coming(9).await, expected);
    assert_eq!(coming(2).await, expected[..2]);
}
