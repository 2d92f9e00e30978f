use std::any::Any;

use matricula_domain::catalog::Cycle;
use matricula_domain::shared::{Line, Stored};
use matricula_ports::notifications::Answers as _;
use matricula_ports::records::RecordChange;
use matricula_ports::{Clock as _, Once, PortError, Scope, StoredAnswer, transact};
use matricula_tests::{Tenant, TestDatabase, at, at_once, on_both, value};
use serde_json::json;

on_both!(
    an_answer_is_kept_with_its_effect_and_found_under_its_key,
    the_same_key_has_one_effect,
    an_effect_that_fails_keeps_no_answer,
    an_answer_is_forgotten_once_it_is_old,
);

const ROUTE: &str = "POST /cycles";

fn once(here: &Tenant, principal: &str, key: &str) -> Scope {
    let render = |done: &dyn Any| {
        let name = done.downcast_ref::<String>()?;
        let headers = vec![("ETag".to_owned(), "\"1\"".to_owned()), ("Location".to_owned(), "/cycles/ñ".to_owned())];
        Some(StoredAnswer { status: 201, headers, body: json!({"name": name}).to_string() })
    };
    here.scope.clone().once(Once {
        principal: principal.to_owned(),
        route: ROUTE.to_owned(),
        key: key.to_owned(),
        fingerprint: [7; 32],
        render: Box::new(render),
    })
}

async fn create(here: &Tenant, scope: &Scope, slug: &str) -> Result<String, PortError> {
    let input = value(json!({"slug": slug, "name": "Ciclo 🎓", "level": "grado_medio", "order_display": 1}));
    transact(&here.db.store, scope, async |tx| {
        let cycle = Stored::<Cycle>::create(here.db.id(), &input, here.db.clock.now()).unwrap();
        tx.records().save(RecordChange::of(&cycle)).await?;
        Ok(cycle.state().record().name.to_string())
    })
    .await
}

async fn an_answer_is_kept_with_its_effect_and_found_under_its_key(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    create(&here, &once(&here, "ana", "k1"), "a").await.unwrap();

    let (fingerprint, answer) = db.queue.find(&here.scope, "ana", ROUTE, "k1").await.unwrap().unwrap();
    assert_eq!((fingerprint, answer.status, answer.body.as_str()), ([7; 32], 201, r#"{"name":"Ciclo 🎓"}"#));
    assert_eq!(answer.headers, [("ETag".to_owned(), "\"1\"".to_owned()), ("Location".to_owned(), "/cycles/ñ".to_owned())]);
    for (scope, principal, route, key) in [
        (&there.scope, "ana", ROUTE, "k1"),
        (&here.scope, "berta", ROUTE, "k1"),
        (&here.scope, "ana", "POST /campuses", "k1"),
        (&here.scope, "ana", ROUTE, "k2"),
    ] {
        assert_eq!(db.queue.find(scope, principal, route, key).await.unwrap(), None, "{principal} {route} {key}");
    }
    // Each of them is free.
    create(&here, &once(&here, "berta", "k1"), "b").await.unwrap();
    create(&there, &once(&there, "ana", "k1"), "a").await.unwrap();
}

async fn the_same_key_has_one_effect(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let outcomes = at_once((0..8).map(|n| {
        let here = here.clone();
        async move || create(&here, &once(&here, "ana", "k1"), &format!("slug-{n}")).await
    }))
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    let refused = |outcome: &&Result<_, _>| matches!(outcome, Err(PortError::Conflict("idempotency_keys")));
    assert_eq!(outcomes.iter().filter(refused).count(), 7, "{outcomes:?}");
    assert_eq!((db.raw.count("cycles").await, db.raw.count("idempotency_keys").await), (1, 1));
    assert_eq!(db.raw.count_where("outbox", "fact = 'cycle.created'", []).await, 1);
}

async fn an_effect_that_fails_keeps_no_answer(db: TestDatabase) {
    let here = db.tenant("uno").await;
    here.cycle("a", 1).await;
    let refused = create(&here, &once(&here, "ana", "k1"), "a").await;
    assert!(matches!(refused, Err(PortError::Conflict("cycles"))), "{refused:?}");
    let ana = here.person("Ana").await;
    let gave_up = transact(&db.store, &once(&here, "ana", "k1"), async |tx| {
        tx.people().save(&ana.rename(Line::parse("Otra").unwrap(), at(1)).unwrap()).await?;
        Err::<String, _>(PortError::Dangling("x"))
    })
    .await;
    assert!(matches!(gave_up, Err(PortError::Dangling("x"))), "{gave_up:?}");
    assert_eq!(db.queue.find(&here.scope, "ana", ROUTE, "k1").await.unwrap(), None);
    create(&here, &once(&here, "ana", "k1"), "b").await.unwrap();
}

async fn an_answer_is_forgotten_once_it_is_old(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    for (n, tenant) in [&here, &here, &there].into_iter().enumerate() {
        create(tenant, &once(tenant, "ana", &format!("k{n}")), &format!("slug-{n}")).await.unwrap();
    }
    assert_eq!(db.queue.sweep(at(0), 10).await.unwrap(), 0, "they are not older than that");
    assert_eq!(db.queue.sweep(at(1), 2).await.unwrap(), 2);
    assert!(db.queue.find(&there.scope, "ana", ROUTE, "k2").await.unwrap().is_some(), "the oldest go first");
    assert_eq!(db.queue.sweep(at(1), 2).await.unwrap(), 1);
    assert_eq!(db.queue.find(&there.scope, "ana", ROUTE, "k2").await.unwrap(), None);
}
