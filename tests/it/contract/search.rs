use std::collections::BTreeSet;

use matricula_domain::catalog::{Course, CourseStatus, Modality};
use matricula_domain::shared::{Aggregate as _, Changed, Id as _, Value};
use matricula_ports::catalog::{CatalogQueries as _, CourseFacets, CourseFilter, CourseOrder, Facet};
use matricula_ports::search::{SearchIndex as _, SearchKind};
use matricula_ports::{Cursor, Page, PortError};
use matricula_tests::{Tenant, TestDatabase, at, on_both, value};
use serde_json::json;

use super::paging::{assert_refuses_foreign_cursors, longest, walk};

on_both!(
    what_a_course_says_is_found_as_soon_as_it_is_saved,
    what_is_found_runs_by_relevance_while_others_come_and_go,
    a_slip_means_a_word_of_the_same_organization,
    what_looks_like_an_operator_is_none,
    the_longest_course_is_found,
    filters_and_words_go_together,
    courses_are_counted_by_what_they_are,
    those_that_stand_out_come_first_while_others_come,
    the_index_can_be_made_anew,
    the_index_keeps_the_newest_words,
);

/// The filter of a search.
fn q(text: &str) -> CourseFilter {
    CourseFilter { q: Some(text.to_owned()), ..CourseFilter::default() }
}

/// The slugs of what a filter finds.
async fn slugs(here: &Tenant, filter: &CourseFilter) -> Vec<String> {
    let found = here.db.queries.courses(&here.scope, filter, &Page::first(50)).await.unwrap();
    found.items.iter().map(|course| course.details().slug.to_string()).collect()
}

async fn titled(here: &Tenant, slug: &str, title: &str) -> Course {
    here.draft(slug, json!({"title": title})).await
}

async fn save(here: &Tenant, change: &Changed<Course>) {
    here.in_unit(async |tx| tx.courses().save(change).await).await;
}

async fn what_a_course_says_is_found_as_soon_as_it_is_saved(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let more = json!({"title": "Soldadura", "description": "Con electrodos", "category": "Metal", "level": "inicial", "tags": ["arte-industrial"], "seo": {"title": "Arco",
        "description": "Chispas", "keywords": ["homologación"]}});
    let course = here.draft("a", more).await;
    titled(&here, "b", "Cocina").await;
    for text in ["soldaduras", "electrodo", "metal", "inicial", "arco", "chispa", "homologaciones", "industria"] {
        assert_eq!(slugs(&here, &q(text)).await, ["a"], "{text}");
    }
    let changed = course.change(&value(json!({"title": "Fontanería", "seo": null})), at(1)).unwrap();
    save(&here, &changed).await;
    assert_eq!(slugs(&here, &q("fontanero")).await, ["a"], "by a beginning that both have");
    for text in ["soldadura", "homologación"] {
        assert_eq!(slugs(&here, &q(text)).await, Vec::<String>::new(), "{text}");
    }
    let hidden = changed.state().archive(at(2)).unwrap();
    save(&here, &hidden).await;
    assert_eq!(slugs(&here, &q("fontanería")).await, Vec::<String>::new());
    save(&here, &hidden.state().restore(at(3)).unwrap()).await;
    assert_eq!(slugs(&here, &q("fontanería")).await, ["a"]);
}

async fn what_is_found_runs_by_relevance_while_others_come_and_go(db: TestDatabase) {
    let here = db.tenant("uno").await;
    for (slug, title) in [("d", "Curso de cocina"), ("c", "Cocina rápida y fácil para toda la semana"), ("b", "Cocina italiana"), ("a", "Cocina")] {
        titled(&here, slug, title).await;
    }
    here.draft("e", json!({"title": "Otra cosa", "description": "Un poco de cocina"})).await;
    titled(&here, "z", "Mecánica").await;
    let expected = slugs(&here, &q("cocina italiana")).await;
    assert_eq!(expected.len(), 5);
    assert_eq!((expected[0].as_str(), expected[4].as_str()), ("b", "e"));
    let filter = q("cocina italiana");
    let list = async |page: &Page| db.queries.courses(&here.scope, &filter, page).await;
    let walked = async |limit| {
        let new = async |n: usize| _ = titled(&here, &format!("n-{limit}-{n}"), "Cocina italiana de verdad").await;
        walk(Page::first(limit), list, new).await.iter().map(|course| course.details().slug.to_string()).collect::<Vec<_>>()
    };
    for limit in [1, 2, 4] {
        let seen = walked(limit).await;
        let old: Vec<_> = seen.iter().filter(|slug| expected.contains(slug)).cloned().collect();
        assert_eq!(old, expected, "{limit} a page: each once, and in the same order");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len());
    }
    assert_refuses_foreign_cursors(list).await;
    let first = list(&Page::first(1)).await.unwrap().next.unwrap();
    let of_another = db.queries.courses(&here.scope, &q("cocina"), &Page { after: Some(first), ..Page::first(1) }).await;
    assert!(matches!(of_another, Err(PortError::Dangling("cursor"))), "it weighs other words");
}

async fn a_slip_means_a_word_of_the_same_organization(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    titled(&here, "excel", "Excel").await;
    titled(&there, "exterior", "Comercio exterior").await;
    assert_eq!(slugs(&here, &q("exel")).await, ["excel"]);
    assert_eq!(slugs(&there, &q("exel")).await, Vec::<String>::new());
    assert_eq!(slugs(&there, &q("excel")).await, Vec::<String>::new());
    for tenant in [&here, &there] {
        for text in [format!("'@{}'", tenant.id()), tenant.id().as_uuid().simple().to_string()] {
            assert_eq!(slugs(&there, &q(&text)).await, Vec::<String>::new(), "what stands for an organization is nobody's to seek");
        }
    }
}

async fn what_looks_like_an_operator_is_none(db: TestDatabase) {
    let here = db.tenant("uno").await;
    titled(&here, "a", "Cocina y sala: near (or) not").await;
    for text in [
        "cocina'; DROP TABLE courses; --",
        "cocina:A",
        "\"cocina",
        "cocina*",
        "(cocina",
        "title : cocina",
        "cocina & !sala",
        "cocina <-> sala",
        "-cocina",
    ] {
        assert_eq!(slugs(&here, &q(text)).await, ["a"], "{text}");
    }
    for text in ["", " ", "'", "\"", "*", ":*", "()", "&|!<->", "\\", "🎓", "%", "NOT", "AND OR NEAR", "{title}", "^", "\u{301}"] {
        slugs(&here, &q(text)).await;
    }
    slugs(&here, &q(&longest(200))).await;
    slugs(&here, &q(&"cocina ".repeat(28))).await;
    slugs(&here, &q("a1b2 c3d4 e5f6 1e5 0x1f 3,14 a.b@c.es http://x.es/y?z -1 +2")).await;
}

async fn the_longest_course_is_found(db: TestDatabase) {
    let here = db.tenant("uno").await;
    // Words that are all different, as many as a course can have.
    let word = |n: usize| n.to_string().bytes().map(|digit| char::from(b'a' + digit - b'0')).collect::<String>();
    let words = |from: usize, many: usize| (from..from + many).map(|n| word(1_000_000 + n)).collect::<Vec<_>>().join(" ");
    let keywords: Vec<_> = (0..100).map(|n| words(n * 7, 7)).collect();
    let more = json!({"title": words(1000, 25), "description": words(2000, 2400), "category": words(5000, 12), "level": words(6000, 7),
        "seo": {"title": words(7000, 25), "description": words(8000, 120), "keywords": keywords}});
    here.draft("largo", more).await;
    for n in [0, 699, 1000, 1024, 2000, 4399, 5000, 6006, 7024, 8119] {
        assert_eq!(slugs(&here, &q(&word(1_000_000 + n))).await, ["largo"], "{n}");
    }
}

async fn filters_and_words_go_together(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (cycle, norte) = (here.cycle("fp", 1).await, here.campus("norte").await);
    let a = json!({"title": "Cocina", "modality": "presencial", "description": "x", "price": {"amount": 0, "currency": "EUR"}, "category": "Hostelería",
        "level": "inicial", "tags": ["sala"], "featured": true, "cycle_id": cycle.id().to_string(), "campus_ids": [norte.id().to_string()], "seo": {"keywords": ["chef"]}});
    let a = here.draft("a", a).await;
    save(&here, &a.transition(CourseStatus::Published, at(1)).unwrap()).await;
    here.draft("b", json!({"title": "Cocina", "seo": {"keywords": ["chef de partida"]}})).await;
    let text = |text: &str| Some(text.to_owned());
    for filter in [
        CourseFilter { status: Some(CourseStatus::Published), ..q("cocina") },
        CourseFilter { cycle: text("fp"), ..q("cocina") },
        CourseFilter { campus: text("norte"), ..q("cocina") },
        CourseFilter { modality: Some(Modality::InPerson), ..q("cocina") },
        CourseFilter { category: text("Hostelería"), ..q("cocina") },
        CourseFilter { level: text("inicial"), ..q("cocina") },
        CourseFilter { keyword: text("chef"), ..q("cocina") },
        CourseFilter { tag: text("sala"), ..q("cocina") },
        CourseFilter { tag: text("sala"), ..CourseFilter::default() },
        CourseFilter { keyword: text("chef"), ..CourseFilter::default() },
        CourseFilter { featured: Some(true), ..q("cocina") },
        CourseFilter { slug: text("a"), ..q("cocina") },
        q("inicial"),
    ] {
        assert_eq!(slugs(&here, &filter).await, ["a"], "{filter:?}");
    }
    assert_eq!(slugs(&here, &CourseFilter { status: Some(CourseStatus::Archived), ..q("cocina") }).await, Vec::<String>::new());
}

async fn courses_are_counted_by_what_they_are(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (fp, eso) = (here.cycle("fp", 1).await, here.cycle("eso", 2).await);
    let (norte, sur) = (here.campus("norte").await, here.campus("sur").await);
    let (fp_id, eso_id, norte_id, sur_id) = (fp.id().to_string(), eso.id().to_string(), norte.id().to_string(), sur.id().to_string());
    here.draft("a", json!({"title": "Cocina", "modality": "hibrido", "cycle_id": fp_id, "campus_ids": [norte_id, sur_id], "category": "Sala"})).await;
    here.draft(
        "b",
        json!({"title": "Cocina", "modality": "hibrido", "cycle_id": fp_id, "campus_ids": [norte_id], "category": "Sala", "level": "alto", "tags": ["uno", "dos"]}),
    )
    .await;
    here.draft("c", json!({"title": "Barra", "cycle_id": eso_id, "category": "Bar", "tags": ["dos"]})).await;
    let hidden = here.draft("d", json!({"title": "Cocina", "category": "Sala"})).await;
    save(&here, &hidden.archive(at(1)).unwrap()).await;
    let facet = |value: &str, name: Option<&str>, count| Facet { value: value.to_owned(), name: name.map(str::to_owned), count };
    let facets = async |filter: CourseFilter| db.queries.course_facets(&here.scope, &filter).await.unwrap();
    let all = CourseFacets {
        modality: vec![facet("hibrido", None, 2), facet("online", None, 1)],
        cycle: vec![facet("fp", Some("fp"), 2), facet("eso", Some("eso"), 1)],
        campus: vec![facet("norte", Some("norte"), 2), facet("sur", Some("sur"), 1)],
        category: vec![facet("Sala", None, 2), facet("Bar", None, 1)],
        level: vec![facet("alto", None, 1)],
        tag: vec![facet("dos", None, 2), facet("uno", None, 1)],
    };
    assert_eq!(facets(CourseFilter::default()).await, all);
    let of_kitchen = CourseFacets {
        modality: vec![facet("hibrido", None, 2)],
        cycle: vec![facet("fp", Some("fp"), 2)],
        category: vec![facet("Sala", None, 2)],
        tag: vec![facet("dos", None, 1), facet("uno", None, 1)],
        ..all
    };
    assert_eq!(facets(q("cocinas")).await, of_kitchen);
    assert_eq!(facets(CourseFilter { category: Some("Sala".to_owned()), ..CourseFilter::default() }).await, of_kitchen);
    assert_eq!(facets(q("nada de nada")).await, CourseFacets::default());
    assert_eq!(facets(CourseFilter { status: Some(CourseStatus::Published), ..CourseFilter::default() }).await, CourseFacets::default());
}

async fn those_that_stand_out_come_first_while_others_come(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (mut plain, mut featured) = (Vec::new(), Vec::new());
    for (n, micros) in [0, 0, 1, 1, 500_000, 1_000_000].into_iter().enumerate() {
        db.clock.set(0);
        db.clock.advance(chrono::TimeDelta::microseconds(micros));
        let stands_out = n % 2 == 1;
        let course = here.draft(&format!("c-{n}"), json!({"featured": stands_out})).await;
        if stands_out { &mut featured } else { &mut plain }.insert(0, course.id());
    }
    let expected = [featured, plain].concat();
    let filter = CourseFilter { order: CourseOrder::Featured, ..CourseFilter::default() };
    let list = async |page: &Page| db.queries.courses(&here.scope, &filter, page).await;
    for limit in [1, 2, 6] {
        let new = async |n: usize| {
            db.clock.advance(chrono::TimeDelta::seconds(1));
            here.draft(&format!("n-{limit}-{n}"), json!({"featured": true})).await;
        };
        let old = walk(Page::first(limit), list, new).await;
        let old: Vec<_> = old.iter().map(Course::id).filter(|id| expected.contains(id)).collect();
        assert_eq!(old, expected, "{limit} a page");
    }
    assert_refuses_foreign_cursors(list).await;
    let by_age = Cursor(vec![Value::Instant(at(0)), Value::Id(expected[0].as_uuid())]);
    let refused = list(&Page { after: Some(by_age), ..Page::first(1) }).await;
    assert!(matches!(refused, Err(PortError::Dangling("cursor"))), "{refused:?}");
}

/// Indexes all courses anew, two at a time, and answers how many times it took.
async fn index(here: &Tenant) -> usize {
    let (mut after, mut turns) = (None, 0);
    loop {
        let indexed = here.db.store.index(&here.scope, SearchKind::Course, after, 2).await.unwrap();
        let Some(last) = indexed.last else { return turns };
        assert_eq!(indexed.things, 2);
        (after, turns) = (Some(last), turns + 1);
    }
}

async fn the_index_can_be_made_anew(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    for slug in ["a", "b", "c"] {
        here.draft(slug, json!({"title": "Cocina", "seo": {"keywords": ["chef"]}})).await;
    }
    let renamed = titled(&here, "d", "Mecánica").await;
    titled(&there, "e", "Cocina").await;
    save(&here, &renamed.change(&value(json!({"title": "Cocina"})), at(1)).unwrap()).await;
    let words = async |word: &str| db.raw.count_where("search_words", "word = $1", [word.into()]).await;
    let (of_all, of_there) = (words("cocina").await, words("cocina").await / 2);
    assert!(words("mecanica").await > 0, "a word that was there once");
    // Others wrote the courses, who know nothing of the index.
    db.raw.execute("DELETE FROM search_index", []).await;
    let keyword = CourseFilter { keyword: Some("chef".to_owned()), ..CourseFilter::default() };
    assert_eq!(slugs(&here, &q("cocina")).await, Vec::<String>::new());
    let before = db.raw.count("audit_entries").await;
    assert_eq!(index(&here).await, 2);
    assert_eq!(slugs(&here, &q("cosina")).await.len(), 4);
    assert_eq!(slugs(&here, &keyword).await.len(), 3);
    assert_eq!(slugs(&there, &q("cocina")).await, Vec::<String>::new(), "of one organization");
    assert_eq!((words("mecanica").await, words("cocina").await, of_all), (0, of_all, of_there * 2));
    assert_eq!(db.raw.count("audit_entries").await, before, "nothing has happened to any course");
    assert_eq!(index(&here).await, 2, "done twice is done once");
    assert_eq!(slugs(&here, &q("cocina")).await.len(), 4);
}

async fn the_index_keeps_the_newest_words(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let course = titled(&here, "a", "Cocina").await;
    // Somebody saves while the index is made anew from what was read before.
    db.raw.execute("UPDATE search_index SET version = 99, title = 'mecanica'", []).await;
    here.db.store.index(&here.scope, SearchKind::Course, None, 2).await.unwrap();
    assert_eq!(slugs(&here, &q("mecanica")).await, ["a"]);
    assert_eq!((slugs(&here, &q("cocina")).await, course.version()), (Vec::<String>::new(), 1));
}
