use std::time::{Duration, Instant};

use matricula_domain::people::PersonId;
use matricula_domain::shared::{Id as _, Line};
use matricula_ports::notifications::{FactQueries as _, Outbox as _, OutboxRow};
use matricula_tests::{Tenant, TestDatabase, at, at_once, on_both, on_postgres};
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use uuid::Uuid;

on_both!(
    a_fact_is_read_as_it_was_saved,
    each_consumer_reads_every_fact_once,
    a_cursor_never_goes_back,
    facts_are_read_in_the_order_of_commits_while_others_write,
    the_facts_of_an_organization_are_its_own_and_no_place_moves,
);
on_postgres!(
    a_transaction_that_is_open_holds_the_feed_back_and_nothing_is_skipped,
    the_facts_of_an_organization_wait_for_what_may_still_commit_before_them,
);

/// What a consumer reads until it has read so much. Transactions of other tests on the same server hold it back for a while.
async fn read_until(db: &TestDatabase, consumer: &str, most: u32, enough: usize) -> Vec<OutboxRow> {
    let (begun, mut all) = (Instant::now(), Vec::new());
    while all.len() < enough {
        let rows = db.queue.read(consumer, most).await.unwrap();
        assert!(rows.len() <= usize::try_from(most).unwrap());
        if let Some(last) = rows.last() {
            db.queue.advance(consumer, last.id, at(0)).await.unwrap();
        }
        all.extend(rows);
        assert!(begun.elapsed() < Duration::from_mins(1), "{} of {enough} facts", all.len());
    }
    all
}

async fn rename(here: &Tenant, person: PersonId, name: &str) {
    here.in_unit(async |tx| {
        let found = tx.people().find(person).await?.unwrap();
        tx.people().save(&found.rename(Line::parse(name).unwrap(), at(1)).unwrap()).await
    })
    .await;
}

async fn a_fact_is_read_as_it_was_saved(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let ana = here.person("Zoraida").await;
    rename(&here, ana.id(), "Qxcanary").await;
    let rows = read_until(&db, "mail", 9, 3).await;
    let told: Vec<_> = rows.iter().map(|row| (row.fact.as_str(), row.entity.as_str(), row.entity_version, row.at)).collect();
    assert_eq!(
        told,
        [("organization.founded", "organization", 1, at(0)), ("person.met", "person", 1, at(0)), ("person.changed", "person", 2, at(1))]
    );
    assert_eq!((rows[2].organization, rows[2].entity_id), (here.id(), ana.id().as_uuid()));
    let payload: serde_json::Value = serde_json::from_str(&rows[2].payload).unwrap();
    assert_eq!(payload, serde_json::json!({"changed": ["name"], "data": {}}));
    assert!(rows.iter().all(|row| !row.payload.contains("Zoraida") && !row.payload.contains("Qxcanary")), "nothing personal goes out");
    assert!(db.queue.read("mail", 9).await.unwrap().is_empty());
}

async fn each_consumer_reads_every_fact_once(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    for (tenant, names) in [(&here, ["A", "B", "C"]), (&there, ["A", "B", "C"]), (&here, ["D", "E", "F"])] {
        // Several facts of one transaction.
        assert_eq!(tenant.people(&names).await.len(), 3);
    }
    let ids = |rows: Vec<OutboxRow>| rows.iter().map(|row| row.id).collect::<Vec<_>>();
    let all = ids(read_until(&db, "mail", 50, 2 + 9).await);
    for most in [1, 2, 4] {
        assert_eq!(ids(read_until(&db, &format!("webhooks-{most}"), most, 11).await), all, "{most} at a time");
    }
    // Reading without moving reads the same again.
    let first = ids(db.queue.read("slow", 5).await.unwrap());
    assert_eq!((&first[..], ids(db.queue.read("slow", 5).await.unwrap())), (&all[..5], all[..5].to_vec()));
    here.person("Nueva").await;
    assert_eq!(read_until(&db, "mail", 9, 1).await[0].fact, "person.met");
}

async fn a_cursor_never_goes_back(db: TestDatabase) {
    let here = db.tenant("uno").await;
    assert_eq!(here.crowd(3).await.len(), 3);
    let all = read_until(&db, "mail", 9, 4).await;
    for row in [&all[0], &all[3]] {
        db.queue.advance("mail", row.id, at(1)).await.unwrap();
        assert!(db.queue.read("mail", 9).await.unwrap().is_empty());
    }
    db.queue.advance("mail", Uuid::nil(), at(1)).await.unwrap();
    assert!(db.queue.read("mail", 9).await.unwrap().is_empty());
    // Two copies of a consumer that note the same thing.
    let twice = at_once((0..2).map(|_| {
        let (db, to) = (db.clone(), all[2].id);
        async move || db.queue.advance("twin", to, at(1)).await.unwrap()
    }));
    assert_eq!(twice.await.len(), 2);
    assert_eq!(db.queue.read("twin", 9).await.unwrap().iter().map(|row| row.id).collect::<Vec<_>>(), [all[3].id]);
}

async fn facts_are_read_in_the_order_of_commits_while_others_write(db: TestDatabase) {
    const WRITERS: usize = 4;
    const EACH: usize = 20;
    let here = db.tenant("uno").await;
    let people = here.crowd(WRITERS).await;
    let total = 1 + WRITERS + WRITERS * EACH;
    let read = at_once((0..=WRITERS).map(|n| {
        let (here, person) = (here.clone(), people.get(n).map(matricula_domain::people::Person::id));
        async move || match person {
            Some(person) => {
                for n in 0..EACH {
                    rename(&here, person, &format!("Nombre {n}")).await;
                }
                Vec::new()
            }
            None => read_until(&here.db, "mail", 3, total).await,
        }
    }))
    .await
    .pop()
    .unwrap();

    assert_eq!(read.len(), total);
    let mut ids: Vec<_> = read.iter().map(|row| row.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), total, "none was read twice");
    for person in &people {
        let versions: Vec<_> = read.iter().filter(|row| row.entity_id == person.id().as_uuid()).map(|row| row.entity_version).collect();
        assert_eq!(versions, (1..=u32::try_from(EACH + 1).unwrap()).collect::<Vec<_>>(), "what came later is read later");
    }
}

async fn a_transaction_that_is_open_holds_the_feed_back_and_nothing_is_skipped(db: TestDatabase) {
    let here = db.tenant("uno").await;
    read_until(&db, "mail", 9, 1).await;
    // It began to write before the others, and commits after them.
    let open = db.raw.connection().begin().await.unwrap();
    let (organization, late) = (here.id().as_uuid(), db.id::<PersonId>().as_uuid());
    let insert = format!(
        "INSERT INTO outbox (organization_id, id, at, fact, entity, entity_id, entity_version, payload) \
         VALUES ('{organization}', '{late}', now(), 'late.fact', 'late', '{late}', 1, '{{}}')"
    );
    open.execute_unprepared(&insert).await.unwrap();
    here.person("Ana").await;
    here.person("Berta").await;
    for _ in 0..5 {
        assert!(db.queue.read("mail", 9).await.unwrap().is_empty(), "what committed later must wait for what may still commit before it");
    }
    open.commit().await.unwrap();
    let facts: Vec<_> = read_until(&db, "mail", 9, 3).await.into_iter().map(|row| row.fact).collect();
    assert_eq!(facts, ["late.fact", "person.met", "person.met"]);

    // One that is rolled back holds nothing back any more.
    let open = db.raw.connection().begin().await.unwrap();
    open.execute_unprepared(&insert.replace(&late.to_string(), &db.id::<PersonId>().to_string())).await.unwrap();
    here.person("Carla").await;
    open.rollback().await.unwrap();
    assert_eq!(read_until(&db, "mail", 9, 1).await[0].fact, "person.met");
}

async fn the_facts_of_an_organization_are_its_own_and_no_place_moves(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    for (tenant, names) in [(&here, ["A", "B", "C"]), (&there, ["A", "B", "C"]), (&here, ["D", "E", "F"])] {
        assert_eq!(tenant.people(&names).await.len(), 3);
    }
    let (begun, mut read, mut place) = (Instant::now(), Vec::new(), None);
    while read.len() < 7 {
        let part = db.queries.facts(&here.scope, place.as_ref(), 2).await.unwrap();
        // Whoever asks again from the same place is told the same, and more at most.
        let again = db.queries.facts(&here.scope, place.as_ref(), 2).await.unwrap();
        assert!(part.items.len() <= 2 && again.items.starts_with(&part.items));
        assert!(!part.has_more || part.items.len() == 2);
        read.extend(part.items);
        place = Some(part.end);
        assert!(begun.elapsed() < Duration::from_mins(1), "{} of 7 facts", read.len());
    }
    assert!(read.iter().all(|fact| fact.organization == here.id()));
    let ids: std::collections::BTreeSet<_> = read.iter().map(|fact| fact.id).collect();
    assert_eq!((read.len(), ids.len()), (7, 7));
    let rest = db.queries.facts(&here.scope, place.as_ref(), 9).await.unwrap();
    assert_eq!((rest.items, rest.has_more, Some(&rest.end)), (Vec::new(), false, place.as_ref()));
    here.person("Nueva").await;
    let (begun, mut new) = (Instant::now(), Vec::new());
    while new.is_empty() {
        new = db.queries.facts(&here.scope, place.as_ref(), 9).await.unwrap().items;
        assert!(begun.elapsed() < Duration::from_mins(1));
    }
    assert_eq!(new[0].fact, "person.met");
}

async fn the_facts_of_an_organization_wait_for_what_may_still_commit_before_them(db: TestDatabase) {
    let here = db.tenant("uno").await;
    read_until(&db, "mail", 9, 1).await;
    let place = db.queries.facts(&here.scope, None, 9).await.unwrap().end;
    let open = db.raw.connection().begin().await.unwrap();
    let (organization, late) = (here.id().as_uuid(), db.id::<PersonId>().as_uuid());
    let insert = format!(
        "INSERT INTO outbox (organization_id, id, at, fact, entity, entity_id, entity_version, payload) \
         VALUES ('{organization}', '{late}', now(), 'late.fact', 'late', '{late}', 1, '{{}}')"
    );
    open.execute_unprepared(&insert).await.unwrap();
    here.person("Ana").await;
    for _ in 0..5 {
        assert_eq!(db.queries.facts(&here.scope, Some(&place), 9).await.unwrap().items, []);
    }
    open.commit().await.unwrap();
    let (begun, mut told) = (Instant::now(), Vec::new());
    while told.len() < 2 {
        told = db.queries.facts(&here.scope, Some(&place), 9).await.unwrap().items;
        assert!(begun.elapsed() < Duration::from_mins(1), "{told:?}");
    }
    assert_eq!(told.iter().map(|fact| fact.fact.as_str()).collect::<Vec<_>>(), ["late.fact", "person.met"]);
}
