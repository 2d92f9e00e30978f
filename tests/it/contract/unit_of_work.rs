use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use matricula_domain::catalog::{Course, CourseDetails, CourseStatus, Cycle};
use matricula_domain::people::{IdentifierKind, Person};
use matricula_domain::shared::{Aggregate as _, Changed, Form as _, Id as _, Line, Record as _, RecordId, Stored};
use matricula_ports::audit::AuditQueries as _;
use matricula_ports::notifications::NewJob;
use matricula_ports::records::RecordChange;
use matricula_ports::{Clock as _, Ids as _, Page, PortError, Transactions as _, UnitOfWork};
use matricula_tests::{Tenant, TestDatabase, at, ids, on_both, value};
use serde_json::json;

on_both!(
    nothing_stays_of_a_unit_that_is_dropped,
    each_save_leaves_one_audit_entry_and_one_fact,
    a_detail_holds_what_changed_and_nobody_else_reads_it,
    a_change_that_changes_no_field_is_told_too,
    a_change_of_what_somebody_changed_is_stale_and_nothing_of_its_unit_stays,
    a_later_wave_that_is_stale_takes_the_earlier_ones_with_it,
    what_is_taken_is_a_conflict_that_leaves_nothing_and_poisons_nothing,
    a_unit_that_was_refused_at_an_early_write_commits_nothing,
    who_was_too_slow_does_its_work_again,
    who_learns_of_it_at_a_read_does_its_work_again_too,
    a_unit_reads_what_it_has_saved_and_others_do_not,
    one_thing_can_change_several_times_in_a_unit,
    rows_go_in_the_order_of_their_references,
    a_name_that_is_given_up_can_be_taken_in_the_same_unit,
    a_thing_can_lose_and_get_back_the_same_campus_in_a_unit,
    an_empty_unit_commits,
);

fn new_cycle(db: &TestDatabase, slug: &str) -> Changed<Stored<Cycle>> {
    let input = json!({"slug": slug, "name": "Ciclo", "level": "grado_medio", "order_display": 1});
    Stored::create(db.id(), &value(input), db.clock.now()).unwrap()
}

async fn save_cycle(unit: &dyn UnitOfWork, cycle: &Changed<Stored<Cycle>>) {
    unit.records().save(RecordChange::of(cycle)).await.unwrap();
}

fn renamed(person: &Person, name: &str) -> Changed<Person> {
    person.rename(Line::parse(name).unwrap(), at(60)).unwrap()
}

/// Everything that a commit could have left, as bytes.
async fn everything(db: &TestDatabase) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for (table, _) in db.raw.tables().await {
        all.push(db.raw.dump(&table).await);
    }
    all
}

async fn nothing_stays_of_a_unit_that_is_dropped(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let ana = here.person("Ana").await;
    let before = everything(&db).await;

    for with_early_write in [false, true] {
        let unit = here.begin().await;
        let cycle = new_cycle(&db, "a");
        save_cycle(&*unit, &cycle).await;
        unit.people().save(&renamed(&ana, "Otra")).await.unwrap();
        let job = NewJob { id: db.ids.next(), kind: "test", dedupe_key: "1".into(), payload: value(json!({})), run_at: at(0) };
        unit.jobs().enqueue(job).await.unwrap();
        if with_early_write {
            assert!(unit.records().find(&Cycle::SCHEMA, cycle.state().id()).await.unwrap().is_some());
        }
        drop(unit);
        assert_eq!(everything(&db).await, before, "with an early write: {with_early_write}");
    }
    // The connection that was given back in the middle of it is as good as any.
    here.in_unit(async |tx| tx.people().save(&renamed(&ana, "Otra")).await).await;
    assert_eq!(db.raw.column::<String>("SELECT name FROM people", []).await, ["Otra"]);
}

async fn each_save_leaves_one_audit_entry_and_one_fact(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (ana, course) = (here.person("Ana").await, here.draft("soldadura", json!({})).await);
    let before = db.raw.count("audit_entries").await;
    let change = course.change(&value(json!({"title": "Soldadura TIG"})), at(5)).unwrap();
    here.in_unit(async |tx| {
        for slug in ["a", "b", "c"] {
            save_cycle(&**tx, &new_cycle(&db, slug)).await;
        }
        tx.people().save(&renamed(&ana, "Ana María")).await?;
        tx.courses().save(&change).await
    })
    .await;

    assert_eq!(db.raw.count("audit_entries").await, before + 5);
    assert_eq!(db.raw.count("outbox").await, before + 5);
    let pairs = "audit_entries a JOIN outbox o ON o.organization_id = a.organization_id AND o.id = a.id AND o.fact = a.action AND o.at = a.at \
         AND o.entity = a.entity AND o.entity_id = a.entity_id AND o.entity_version = a.entity_version";
    assert_eq!(db.raw.count(pairs).await, before + 5, "a fact and its entry say the same");
    let told: Vec<String> = db.raw.column("SELECT action FROM audit_entries ORDER BY id", []).await;
    assert_eq!(told[3..], ["cycle.created", "cycle.created", "cycle.created", "person.changed", "course.changed"]);
    let (entry, _) = here.audit_of(change.state()).await.pop().unwrap();
    let row = db.audit.list(&here.scope, Some(course.id().as_uuid()), &Page::first(1)).await.unwrap().items.remove(0);
    assert_eq!((row.id, row.at, row.actor.as_str(), row.fields), (entry, at(5), "system:test", vec!["title".to_owned()]));
    assert_eq!(db.raw.column::<i32>("SELECT entity_version FROM audit_entries WHERE id = $1", [entry.into()]).await, [2]);
}

async fn a_detail_holds_what_changed_and_nobody_else_reads_it(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let (ana, cycle) = (here.person("Ana").await, here.cycle("fp", 1).await);
    let change = renamed(&ana, "Zoraida Qxcanary");
    here.in_unit(async |tx| tx.people().save(&change).await).await;

    let entries = here.audit_of(change.state()).await;
    let actions: Vec<_> = entries.iter().map(|(_, action)| action.as_str()).collect();
    assert_eq!(actions, ["person.met", "person.changed"]);
    let changed = entries[1].0;
    let detail = db.audit.detail(&here.scope, changed).await.unwrap();
    assert_eq!(detail.as_deref(), Some(r#"{"name":{"from":"Ana","to":"Zoraida Qxcanary"}}"#));
    assert_eq!(db.reopened().await.audit.detail(&here.scope, changed).await.unwrap(), detail, "the key is kept, and not remembered alone");
    assert_eq!(db.audit.detail(&there.scope, changed).await.unwrap(), None);
    assert_eq!(db.raw.hits(&[b"Qxcanary".to_vec()]).await, ["people.name"], "it stands in the person's row and nowhere else in plain text");

    // What concerns no person is sealed under the key of the organization.
    let (created, _) = here.audit_of(&cycle).await.remove(0);
    let detail = db.audit.detail(&here.scope, created).await.unwrap().unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&detail).unwrap()["slug"], json!({"from": null, "to": "fp"}));
    let key: uuid::Uuid = db.raw.one("SELECT key_id FROM audit_details WHERE entry_id = $1", [created.into()]).await;
    assert_eq!(key, here.id().as_uuid());
}

async fn a_change_that_changes_no_field_is_told_too(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let ana = here.person("Ana").await;
    let shredded = ana.shred(at(9));
    assert!(shredded.changes().is_empty());
    here.in_unit(async |tx| tx.people().save(&shredded).await).await;

    let (entry, action) = here.audit_of(&ana).await.pop().unwrap();
    assert_eq!(action, "person.detail_shredded");
    assert_eq!(db.raw.count_where("outbox", "id = $1", [entry.into()]).await, 1);
    assert_eq!(db.audit.detail(&here.scope, entry).await.unwrap(), None, "there is nothing to tell beside");
}

async fn a_change_of_what_somebody_changed_is_stale_and_nothing_of_its_unit_stays(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let ana = here.person("Ana").await;
    here.in_unit(async |tx| tx.people().save(&renamed(&ana, "Ana B")).await).await;
    let before = everything(&db).await;

    let unit = here.begin().await;
    save_cycle(&*unit, &new_cycle(&db, "a")).await;
    unit.people().save(&renamed(&ana, "Ana C")).await.unwrap();
    let refused = unit.commit().await;
    assert!(matches!(refused, Err(PortError::Stale)), "{refused:?}");
    assert_eq!(everything(&db).await, before);

    // Doing it again helps only who looks again: the caller that does not is told in the end.
    let tries = AtomicU32::new(0);
    let refused = here
        .try_in_unit(async |tx| {
            tries.fetch_add(1, Ordering::Relaxed);
            tx.people().save(&renamed(&ana, "Ana C")).await
        })
        .await;
    assert!(matches!(refused, Err(PortError::Stale)), "{refused:?}");
    assert!(tries.into_inner() > 1);
    assert_eq!(everything(&db).await, before);
}

async fn a_later_wave_that_is_stale_takes_the_earlier_ones_with_it(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (ana, berta) = (here.person("Ana").await, here.person("Berta").await);
    here.in_unit(async |tx| tx.people().save(&renamed(&berta, "Berta B")).await).await;
    let before = everything(&db).await;

    let unit = here.begin().await;
    let once = renamed(&ana, "Ana B");
    unit.people().save(&once).await.unwrap();
    unit.people().save(&renamed(once.state(), "Ana C")).await.unwrap();
    unit.people().save(&renamed(&berta, "Berta C")).await.unwrap();
    let refused = unit.commit().await;
    assert!(matches!(refused, Err(PortError::Stale)), "{refused:?}");
    assert_eq!(everything(&db).await, before);
}

async fn what_is_taken_is_a_conflict_that_leaves_nothing_and_poisons_nothing(db: TestDatabase) {
    let here = db.tenant("uno").await;
    here.cycle("a", 1).await;
    here.person("Ana").await;
    let before = everything(&db).await;

    // More often than there are connections.
    for n in 0..20 {
        let unit = here.begin().await;
        save_cycle(&*unit, &new_cycle(&db, "b")).await;
        save_cycle(&*unit, &new_cycle(&db, "a")).await;
        let refused = if n % 2 == 0 { unit.commit().await } else { unit.course_runs().find(db.id()).await.map(|_| ()) };
        assert!(matches!(refused, Err(PortError::Conflict("cycles"))), "{refused:?}");
    }
    let details = matricula_domain::people::PersonDetails::read(&value(json!({"name": "Otra Ana", "email": "pAna@example.es"}))).unwrap();
    let unit = here.begin().await;
    unit.people().save(&Person::meet(ids(&*db.ids, db.id()), details, None, None, at(0))).await.unwrap();
    let refused = unit.commit().await;
    // The key is one that the key store never issued, so it fails before the address is found to be taken.
    assert!(matches!(refused, Err(PortError::KeyDestroyed)), "{refused:?}");
    assert_eq!(everything(&db).await, before);
    here.cycle("b", 1).await;
    assert_eq!(db.raw.count("cycles").await, 2);
}

async fn a_unit_that_was_refused_at_an_early_write_commits_nothing(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let ana = here.person("Ana").await;
    here.in_unit(async |tx| tx.people().save(&renamed(&ana, "Ana B")).await).await;
    let before = everything(&db).await;

    let unit = here.begin().await;
    unit.people().save(&renamed(&ana, "Ana C")).await.unwrap();
    let early = unit.people().find(ana.id()).await;
    assert!(matches!(early, Err(PortError::Stale)), "{early:?}");
    // Somebody who does not listen.
    save_cycle(&*unit, &new_cycle(&db, "a")).await;
    let refused = unit.commit().await;
    assert!(matches!(refused, Err(PortError::Stale)), "{refused:?}");
    assert_eq!(everything(&db).await, before);
}

async fn who_was_too_slow_does_its_work_again(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let ana = here.person("Ana").await;
    let add = async |letter: &str| {
        here.in_unit(async |tx| {
            let found = tx.people().find(ana.id()).await?.unwrap();
            let longer = format!("{}{letter}", found.name());
            tx.people().save(&renamed(&found, &longer)).await
        })
        .await;
    };
    tokio::join!(add("a"), add("b"), add("c"), add("d"));
    let person = here.in_unit(async |tx| tx.people().find(ana.id()).await).await.unwrap();
    assert_eq!(person.version(), 5);
    let mut letters: Vec<_> = person.name().strip_prefix("Ana").unwrap().chars().collect();
    letters.sort_unstable();
    assert_eq!(letters, ['a', 'b', 'c', 'd'], "nobody's change was written over");
    assert_eq!(here.audit_of(&ana).await.len(), 5);
}

async fn who_learns_of_it_at_a_read_does_its_work_again_too(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let ana = here.person("Ana").await;
    let add = async |letter: &str| {
        here.in_unit(async |tx| {
            let found = tx.people().find(ana.id()).await?.unwrap();
            let longer = renamed(&found, &format!("{}{letter}", found.name()));
            tx.people().save(&longer).await?;
            // All of them have looked before the first one writes.
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_eq!(tx.people().find(ana.id()).await?.as_ref(), Some(longer.state()));
            Ok(())
        })
        .await;
    };
    tokio::join!(add("a"), add("b"), add("c"));
    let person = here.in_unit(async |tx| tx.people().find(ana.id()).await).await.unwrap();
    assert_eq!((person.version(), person.name().len()), (4, "Anaabc".len()));
}

async fn a_unit_reads_what_it_has_saved_and_others_do_not(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let ana = here.person("Ana").await;
    let unit = here.begin().await;
    let (cycle, berta) = (new_cycle(&db, "a"), renamed(&ana, "Berta"));
    save_cycle(&*unit, &cycle).await;
    unit.people().save(&berta).await.unwrap();

    let found = unit.records().find(&Cycle::SCHEMA, cycle.state().id()).await.unwrap().unwrap();
    assert_eq!(found.typed::<Cycle>().unwrap(), *cycle.state());
    let by_address = unit.people().find_by_identifiers(&[(IdentifierKind::Email, "pana@example.es".into())]).await.unwrap();
    assert_eq!(by_address, [berta.state().clone()]);
    // Saved after the first read.
    let other = new_cycle(&db, "b");
    save_cycle(&*unit, &other).await;
    assert!(unit.records().find(&Cycle::SCHEMA, other.state().id()).await.unwrap().is_some());

    let outside = here.begin().await;
    assert!(outside.records().find(&Cycle::SCHEMA, cycle.state().id()).await.unwrap().is_none());
    assert_eq!(outside.people().find(ana.id()).await.unwrap().unwrap(), ana);
    assert_eq!(db.raw.count("audit_entries").await, 2);
    unit.commit().await.unwrap();
    assert_eq!(outside.people().find(ana.id()).await.unwrap().unwrap(), *berta.state());
    assert_eq!((db.raw.count("audit_entries").await, db.raw.count("outbox").await), (5, 5));
}

async fn one_thing_can_change_several_times_in_a_unit(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let read = |slug: &str| {
        let input = json!({"slug": slug, "title": "Uno", "description": "x", "duration_hours": 1, "modality": "online", "featured": true,
            "price": {"amount": 0, "currency": "EUR"}});
        CourseDetails::read(&value(input)).unwrap()
    };
    let made = here
        .in_unit(async |tx| {
            let draft = Course::draft(db.id(), read("soldadura"), at(0));
            tx.courses().save(&draft).await?;
            let published = draft.state().transition(CourseStatus::Published, at(1)).unwrap();
            tx.courses().save(&published).await?;
            let changed = published.state().change(&value(json!({"title": "Dos"})), at(2)).unwrap();
            tx.courses().save(&changed).await?;
            Ok(changed.into_state())
        })
        .await;
    assert_eq!(here.in_unit(async |tx| tx.courses().find(made.id()).await).await.unwrap(), made);
    assert_eq!(made.version(), 3);
    let told: Vec<_> = here.audit_of(&made).await.into_iter().map(|(_, action)| action).collect();
    assert_eq!(told, ["course.created", "course.published", "course.changed"]);
    assert_eq!(db.raw.column::<i32>("SELECT entity_version FROM outbox WHERE entity = 'course' ORDER BY id", []).await, [1, 2, 3]);
}

async fn rows_go_in_the_order_of_their_references(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let draft = |slug: &str, cycle: Option<RecordId>| {
        let input = json!({"slug": slug, "title": "x", "duration_hours": 1, "modality": "online", "cycle_id": cycle.map(|id| id.to_string())});
        Course::draft(db.id(), CourseDetails::read(&value(input)).unwrap(), at(0))
    };
    here.in_unit(async |tx| {
        tx.courses().save(&draft("a", None)).await?;
        let cycle = new_cycle(&db, "fp");
        save_cycle(&**tx, &cycle).await;
        tx.courses().save(&draft("b", Some(cycle.state().id()))).await
    })
    .await;
    assert_eq!(db.raw.count_where("courses", "cycle_id IS NOT NULL", []).await, 1);
}

async fn a_name_that_is_given_up_can_be_taken_in_the_same_unit(db: TestDatabase) {
    let here = db.tenant("uno").await;
    for with_another_before in [false, true] {
        let old = here.cycle(&format!("fp-{with_another_before}"), 1).await;
        let new = here
            .in_unit(async |tx| {
                if with_another_before {
                    save_cycle(&**tx, &new_cycle(&db, "otro")).await;
                }
                tx.records().save(RecordChange::of(&old.archive(at(1)).unwrap())).await?;
                let new = new_cycle(&db, old.record().slug.as_str());
                save_cycle(&**tx, &new).await;
                Ok(new.into_state())
            })
            .await;
        let live: uuid::Uuid = db.raw.one("SELECT id FROM cycles WHERE slug = $1 AND archived_at IS NULL", [new.record().slug.as_str().into()]).await;
        assert_eq!(live, new.id().as_uuid());
    }
}

async fn a_thing_can_lose_and_get_back_the_same_campus_in_a_unit(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (norte, sur) = (here.campus("norte").await.id(), here.campus("sur").await.id());
    let course = here.draft("soldadura", json!({"campus_ids": [norte.to_string()]})).await;
    let at_campuses = |course: &Course, campuses: &[RecordId]| {
        let campuses: Vec<_> = campuses.iter().map(ToString::to_string).collect();
        course.change(&value(json!({"campus_ids": campuses})), at(1)).unwrap()
    };
    here.in_unit(async |tx| {
        let moved = at_campuses(&course, &[sur]);
        tx.courses().save(&moved).await?;
        tx.courses().save(&at_campuses(moved.state(), &[norte, sur])).await
    })
    .await;
    let mut found = here.in_unit(async |tx| tx.courses().find(course.id()).await).await.unwrap().details().campus_ids.clone();
    found.sort();
    assert_eq!(found, [norte, sur]);
}

async fn an_empty_unit_commits(db: TestDatabase) {
    let here: Tenant = db.tenant("uno").await;
    let before = everything(&db).await;
    db.store.begin(&here.scope).await.unwrap().commit().await.unwrap();
    assert_eq!(everything(&db).await, before);
}
