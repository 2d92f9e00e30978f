use matricula_domain::catalog::{Campus, Cycle};
use matricula_domain::marketing::Campaign;
use matricula_domain::publishing::Faq;
use matricula_domain::shared::{Aggregate as _, Record, Stored, Value};
use matricula_ports::records::{RecordChange, RecordFilter, RecordQueries, RecordRow};
use matricula_ports::{Page, PortError};
use matricula_tests::records::Extent;
use matricula_tests::{Tenant, TestDatabase, at, on_both, value};
use serde_json::{Value as Json, json};

use super::paging::{assert_refuses_foreign_cursors, longest, walk};

on_both!(
    a_record_is_read_back_as_it_was_saved,
    a_clean_text_is_read_back_as_it_was_kept,
    a_field_that_is_cleared_is_gone,
    records_are_listed_in_the_declared_order_while_others_come,
    records_are_filtered_by_the_declared_fields,
    a_record_that_is_archived_is_listed_apart_and_frees_its_name,
    a_record_that_is_not_there_is_not_found,
);

fn long_slug() -> String {
    "ab-".repeat(33) + "z"
}

async fn assert_reads_back<R: Record + PartialEq + std::fmt::Debug>(here: &Tenant, input: Json) {
    let saved = here.record::<R>(input).await;
    let found = here.in_unit(async |tx| tx.records().find(&R::SCHEMA, saved.id()).await).await.unwrap();
    assert_eq!(found.typed::<R>().unwrap(), saved);
    let shown = RecordQueries::one(&here.db.queries, &here.scope, &R::SCHEMA, saved.id()).await.unwrap().unwrap();
    assert_eq!(shown.typed::<R>().unwrap(), saved);
    let listed = RecordQueries::list(&here.db.queries, &here.scope, &R::SCHEMA, &RecordFilter::default(), &Page::first(100)).await.unwrap();
    assert!(listed.items.into_iter().any(|row| row.id == saved.id() && row.typed::<R>().unwrap() == saved));
}

async fn a_record_is_read_back_as_it_was_saved(db: TestDatabase) {
    let here = db.tenant("uno").await;
    for kind in matricula_web::kinds() {
        for extent in [Extent::Least, Extent::Whole] {
            let saved = here.example(kind.schema, extent).await;
            let found = here.in_unit(async |tx| tx.records().find(kind.schema, saved.id).await).await.unwrap();
            // Within a field, names have no order once they are kept.
            assert_eq!(found.fields.canonical(), saved.fields.canonical(), "{}", kind.schema.noun.many);
            assert_eq!(RecordRow { fields: saved.fields.clone(), ..found }, saved, "{}", kind.schema.noun.many);
        }
    }
    for (level, order) in [("fp_basica", -1_000_000_000), ("certificado_profesionalidad", 1_000_000_000)] {
        assert_reads_back::<Cycle>(&here, json!({"slug": level.replace('_', "-"), "name": "C", "level": level, "order_display": order})).await;
    }
    let full = json!({"slug": long_slug(), "name": longest(200), "description": longest(5000), "level": "grado_superior", "order_display": 0});
    assert_reads_back::<Cycle>(&here, full).await;
    assert_reads_back::<Campus>(&here, json!({"slug": "a", "name": "Ñ", "city": "A Coruña", "time_zone": "Atlantic/Canary"})).await;
    let full = json!({"slug": "b", "name": longest(200), "city": longest(100), "address": longest(300), "postal_code": "28001", "phone": "+34 600 111 222",
        "email": "Recepción@ESPAÑA.es".replace("ó", "o"), "maps_url": format!("https://example.es/{}", "x".repeat(1900)), "time_zone": "Europe/Madrid"});
    assert_reads_back::<Campus>(&here, full).await;
    assert_reads_back::<Campaign>(&here, json!({"slug": "a", "name": "Nada", "platform": "organic", "status": "draft"})).await;
    let audience = json!({"edad": [18, 30], "factor": 1.5, "nada": null, "si": true, "texto": longest(300), "zona": {"a": {"b": []}}});
    let full = json!({"slug": "b", "name": "Otoño", "description": longest(5000), "platform": "meta_ads", "budget": {"amount": 100_000_000_000_i64, "currency": "EUR"},
        "start_date": "2024-02-29", "end_date": "2999-12-31", "target_audience": audience, "conversion_goal": "alta_1", "status": "completed"});
    assert_reads_back::<Campaign>(&here, full).await;
    assert_reads_back::<Campaign>(
        &here,
        json!({"slug": "c", "name": "Cero", "platform": "email", "budget": {"amount": 0, "currency": "USD"}, "status": "active"}),
    )
    .await;
}

async fn a_clean_text_is_read_back_as_it_was_kept(db: TestDatabase) {
    let here = db.tenant("uno").await;
    for answer in [longest(10_000), "a < b & c".to_owned(), "<h2>Sí</h2><p>a &lt; b, <a href=\"/becas?a&b\">aquí".to_owned()] {
        let faq = json!({"question": longest(300), "answer": answer, "category": "technical", "order_display": 1, "is_published": true});
        assert_reads_back::<Faq>(&here, faq).await;
    }
}

async fn a_field_that_is_cleared_is_gone(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let mut campaign = here.campaign("a").await;
    for (version, patch) in [
        (2, json!({"budget": {"amount": 1, "currency": "EUR"}, "end_date": "2026-10-01", "target_audience": {"x": 1}, "description": "d"})),
        (3, json!({"budget": null, "end_date": null, "target_audience": null, "description": null})),
    ] {
        let changed = campaign.change(&value(patch), at(version)).unwrap();
        here.in_unit(async |tx| tx.records().save(RecordChange::of(&changed)).await).await;
        campaign = changed.into_state();
        let found = here.in_unit(async |tx| tx.records().find(&Campaign::SCHEMA, campaign.id()).await).await.unwrap().typed::<Campaign>().unwrap();
        assert_eq!((i64::from(found.version()), found.updated_at(), found.created_at()), (version, at(version), at(0)));
        assert_eq!(found, campaign);
    }
    assert_eq!(campaign.record().budget, None);
    let cleared = "budget_amount IS NULL AND budget_currency IS NULL AND end_date IS NULL AND target_audience IS NULL AND description IS NULL";
    assert_eq!(db.raw.count_where("campaigns", cleared, []).await, 1, "no JSON null either");
}

async fn records_are_listed_in_the_declared_order_while_others_come(db: TestDatabase) {
    let here = db.tenant("uno").await;
    // Seven cycles on three places, so that pages end between equals.
    for (n, order) in [5, 4, 5, 4, 3, 5, 4].into_iter().enumerate() {
        here.cycle(&format!("c-{n}"), order).await;
    }
    let list = async |page: &Page| RecordQueries::list(&db.queries, &here.scope, &Cycle::SCHEMA, &RecordFilter::default(), page).await;
    let slug = |row: RecordRow| row.typed::<Cycle>().unwrap().record().slug.to_string();
    for limit in [1, 2, 3, 7, 8] {
        let all = walk(Page::first(limit), list, async |_| ()).await;
        assert_eq!(all.into_iter().map(slug).collect::<Vec<_>>(), ["c-4", "c-1", "c-3", "c-6", "c-0", "c-2", "c-5"], "{limit} a page");
    }
    // Before the first page's end, and behind it.
    let all = walk(Page::first(2), list, async |n| {
        here.cycle(&format!("before-{n}"), 0).await;
        here.cycle(&format!("behind-{n}"), 9).await;
    });
    let all: Vec<_> = all.await.into_iter().map(slug).collect();
    assert_eq!(all[..7], ["c-4", "c-1", "c-3", "c-6", "c-0", "c-2", "c-5"], "none twice, none left out");
    assert!(all[7..].iter().all(|slug| slug.starts_with("behind-")), "{all:?}");
    assert_refuses_foreign_cursors(list).await;
}

async fn records_are_filtered_by_the_declared_fields(db: TestDatabase) {
    let here = db.tenant("uno").await;
    for (n, (city, name)) in [("Madrid", "B"), ("Ávila", "A"), ("Madrid", "A")].into_iter().enumerate() {
        here.record::<Campus>(json!({"slug": format!("k-{n}"), "name": name, "city": city, "time_zone": "Europe/Madrid"})).await;
    }
    here.record::<Cycle>(json!({"slug": "a", "name": "A", "level": "fp_basica", "order_display": 1})).await;
    here.cycle("b", 2).await;
    let count = async |schema, name: &'static str, value: Value| {
        let filter = RecordFilter { equal: vec![(name, value)], archived: false };
        RecordQueries::list(&db.queries, &here.scope, schema, &filter, &Page::first(9)).await.unwrap().items.len()
    };
    for (name, word, hits) in [("city", "Madrid", 2), ("city", "Ávila", 1), ("city", "madrid", 0), ("city", "Madrid' OR '1'='1", 0)] {
        assert_eq!(count(&Campus::SCHEMA, name, word.into()).await, hits, "{name}={word}");
    }
    for (name, value, hits) in [
        ("level", Value::from("fp_basica"), 1),
        ("level", Value::from("grado_medio"), 1),
        ("level", Value::from("nada"), 0),
        ("order_display", Value::Int(2), 1),
        ("order_display", Value::Int(3), 0),
    ] {
        assert_eq!(count(&Cycle::SCHEMA, name, value.clone()).await, hits, "{name}={value:?}");
    }
    let both = RecordFilter { equal: vec![("level", "fp_basica".into()), ("order_display", Value::Int(2))], archived: false };
    assert!(RecordQueries::list(&db.queries, &here.scope, &Cycle::SCHEMA, &both, &Page::first(9)).await.unwrap().items.is_empty());
    let unknown = RecordFilter { equal: vec![("nothing", "x".into())], archived: false };
    let refused = RecordQueries::list(&db.queries, &here.scope, &Cycle::SCHEMA, &unknown, &Page::first(9)).await;
    assert!(matches!(refused, Err(PortError::Broken(_))), "{refused:?}");
}

async fn a_record_that_is_archived_is_listed_apart_and_frees_its_name(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (old, other) = (here.cycle("fp", 1).await, here.cycle("otro", 2).await);
    let taken =
        async |slug: &str, than| here.in_unit(async |tx| tx.records().taken(&Cycle::SCHEMA, &vec![("slug".into(), slug.into())], than).await).await;
    assert!(taken("fp", other.id()).await);
    assert!(!taken("fp", old.id()).await, "by itself");
    assert!(!taken("libre", old.id()).await);
    let archived = old.archive(at(5)).unwrap();
    here.in_unit(async |tx| tx.records().save(RecordChange::of(&archived)).await).await;
    assert!(!taken("fp", other.id()).await);

    let ids = async |archived| {
        let filter = RecordFilter { archived, ..RecordFilter::default() };
        let listed = RecordQueries::list(&db.queries, &here.scope, &Cycle::SCHEMA, &filter, &Page::first(9)).await.unwrap();
        listed.items.into_iter().map(|row| (row.id, row.archived_at)).collect::<Vec<_>>()
    };
    assert_eq!((ids(false).await, ids(true).await), (vec![(other.id(), None)], vec![(old.id(), Some(at(5)))]));
    assert!(RecordQueries::one(&db.queries, &here.scope, &Cycle::SCHEMA, old.id()).await.unwrap().is_some(), "it is still there");
    // Its name was taken meanwhile, so it does not come back under it.
    here.cycle("fp", 3).await;
    let restored = archived.state().restore(at(6)).unwrap();
    let refused = here.try_in_unit(async |tx| tx.records().save(RecordChange::of(&restored)).await).await;
    assert!(matches!(refused, Err(PortError::Conflict(_))), "{refused:?}");
}

async fn a_record_that_is_not_there_is_not_found(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let campus: Stored<Campus> = here.campus("norte").await;
    assert!(here.in_unit(async |tx| tx.records().find(&Campus::SCHEMA, db.id()).await).await.is_none());
    assert!(here.in_unit(async |tx| tx.records().find(&Cycle::SCHEMA, campus.id()).await).await.is_none(), "it is a campus");
    assert!(RecordQueries::one(&db.queries, &here.scope, &Campus::SCHEMA, db.id()).await.unwrap().is_none());
}
