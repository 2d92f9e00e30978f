use std::time::{Duration, Instant};

use matricula_application::privacy::Privacy;
use matricula_domain::catalog::Cycle;
use matricula_domain::people::{Person, PersonId};
use matricula_domain::shared::{Id as _, Line, Stored};
use matricula_ports::audit::{AuditChain as _, AuditQueries as _, ChainState};
use matricula_ports::records::RecordChange;
use matricula_ports::{Clock as _, PortError};
use matricula_tests::{Tenant, TestDatabase, at, at_once, on_both, value};
use sea_orm::Value;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

on_both!(
    an_empty_chain_is_intact,
    entries_are_sealed_without_gaps_while_two_write,
    of_several_sealers_at_once_none_seals_twice,
    each_organization_has_a_chain_of_its_own,
    an_entry_that_is_not_sealed_is_named_by_its_age,
    d35_an_erased_person_leaves_a_whole_chain_that_tells_nothing,
    d36_tampering_is_found_at_the_very_entry,
    whatever_is_changed_is_noticed,
    a_chain_that_was_cut_shows_it,
);

/// Seals until nothing is left. Transactions of other tests on the same server hold the sealer back, so it may take a few looks.
pub(super) async fn seal_all(db: &TestDatabase) {
    let begun = Instant::now();
    while db.raw.count("audit_seals").await < db.raw.count("audit_entries").await {
        db.audit.seal(db.clock.now(), 2500).await.unwrap();
        assert!(begun.elapsed() < Duration::from_mins(1), "the sealer does not come to an end");
    }
}

async fn state(here: &Tenant) -> ChainState {
    here.db.audit.verify(here.id()).await.unwrap().state
}

/// So many cycles, in one unit; each is an entry.
async fn write(here: &Tenant, entries: usize) {
    let input =
        |n: usize| value(json!({"slug": format!("c-{n}-{}", here.db.id::<PersonId>()), "name": "C", "level": "fp_basica", "order_display": 1}));
    let cycles: Vec<_> = (0..entries).map(|n| Stored::<Cycle>::create(here.db.id(), &input(n), here.db.clock.now()).unwrap()).collect();
    here.in_unit(async |tx| {
        for cycle in &cycles {
            tx.records().save(RecordChange::of(cycle)).await?;
        }
        Ok(())
    })
    .await;
}

async fn rename(here: &Tenant, person: PersonId, name: &str) {
    here.in_unit(async |tx| {
        let found: Person = tx.people().find(person).await?.unwrap();
        tx.people().save(&found.rename(Line::parse(name).unwrap(), here.db.clock.now()).unwrap()).await
    })
    .await;
}

async fn an_empty_chain_is_intact(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let found = db.audit.verify(here.id()).await.unwrap();
    assert_eq!((found.organization, found.state, found.oldest_unsealed), (here.id(), ChainState::Intact { entries: 0 }, Some(at(0))));
    seal_all(&db).await;
    let found = db.audit.verify(here.id()).await.unwrap();
    assert_eq!((found.state, found.oldest_unsealed), (ChainState::Intact { entries: 1 }, None));
    assert_eq!(db.audit.seal(at(1), 10).await.unwrap(), 0);
}

async fn entries_are_sealed_without_gaps_while_two_write(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let people = here.crowd(2).await;
    let workers = at_once([Some(people[0].id()), Some(people[1].id()), None].map(|writer| {
        let here = here.clone();
        async move || match writer {
            Some(person) => {
                for n in 0..30 {
                    rename(&here, person, &format!("Nombre {n}")).await;
                }
            }
            None => {
                while here.db.raw.count("audit_seals").await < 40 {
                    here.db.audit.seal(here.db.clock.now(), 7).await.unwrap();
                }
            }
        }
    }));
    workers.await;
    seal_all(&db).await;

    assert_eq!(state(&here).await, ChainState::Intact { entries: 63 });
    let seqs: Vec<i64> = db.raw.column("SELECT seq FROM audit_seals ORDER BY seq", []).await;
    assert_eq!(seqs, (1..=63).collect::<Vec<_>>());
    let each_once =
        "audit_entries e WHERE (SELECT count(*) FROM audit_seals s WHERE s.organization_id = e.organization_id AND s.entry_id = e.id) = 1";
    assert_eq!(db.raw.count(each_once).await, 63);
    for person in &people {
        let versions = "SELECT e.entity_version FROM audit_seals s JOIN audit_entries e ON e.organization_id = s.organization_id AND e.id = s.entry_id \
             WHERE e.entity_id = $1 ORDER BY s.seq";
        let versions: Vec<i32> = db.raw.column(versions, [person.id().as_uuid().into()]).await;
        assert_eq!(versions, (1..=31).collect::<Vec<_>>(), "in the order of commits");
    }
    assert!(db.raw.count("audit_heads").await > 1, "it was sealed in several batches");
}

async fn of_several_sealers_at_once_none_seals_twice(db: TestDatabase) {
    let here = db.tenant("uno").await;
    write(&here, 60).await;
    let sealed = at_once((0..4).map(|_| {
        let db = db.clone();
        async move || {
            let mut sealed = 0;
            for _ in 0..6 {
                match db.audit.seal(db.clock.now(), 10).await {
                    Ok(now) => sealed += now,
                    // Somebody else was there first.
                    Err(PortError::Stale) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
            i64::from(sealed)
        }
    }))
    .await;
    assert_eq!(sealed.into_iter().sum::<i64>(), db.raw.count("audit_seals").await, "who was refused has sealed nothing");
    seal_all(&db).await;
    assert_eq!(state(&here).await, ChainState::Intact { entries: 61 });
}

async fn each_organization_has_a_chain_of_its_own(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    for n in 0..3 {
        write(&here, 2).await;
        write(&there, 1).await;
        if n == 1 {
            seal_all(&db).await;
        }
    }
    seal_all(&db).await;
    assert_eq!((state(&here).await, state(&there).await), (ChainState::Intact { entries: 7 }, ChainState::Intact { entries: 4 }));
    db.raw.disarm_audit().await;
    db.raw.execute("UPDATE audit_entries SET actor = 'nobody' WHERE organization_id = $1", [here.id().as_uuid().into()]).await;
    assert!(matches!(state(&here).await, ChainState::Broken { seq: 1, .. }));
    assert_eq!(state(&there).await, ChainState::Intact { entries: 4 });
}

async fn an_entry_that_is_not_sealed_is_named_by_its_age(db: TestDatabase) {
    let here = db.tenant("uno").await;
    seal_all(&db).await;
    for seconds in [50, 70] {
        db.clock.set(seconds);
        write(&here, 1).await;
    }
    assert_eq!(db.audit.verify(here.id()).await.unwrap().oldest_unsealed, Some(at(50)));
}

/// A value as it might stand somewhere: as it is, small, in an address, in hexadecimal, in two bytes a letter, hashed.
fn ways_to_write(value: &str) -> Vec<Vec<u8>> {
    let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}")).into_bytes();
    let small = value.to_lowercase();
    vec![
        value.as_bytes().to_vec(),
        small.as_bytes().to_vec(),
        value.replace(' ', "%20").into_bytes(),
        value.replace(' ', "+").into_bytes(),
        hex(value.as_bytes()),
        value.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        Sha256::digest(value).to_vec(),
        Sha256::digest(&small).to_vec(),
        hex(&Sha256::digest(value)),
        hex(&Sha256::digest(&small)),
    ]
}

async fn d35_an_erased_person_leaves_a_whole_chain_that_tells_nothing(db: TestDatabase) {
    const CANARY: &str = "Zoraida Qxcanary";
    let here = db.tenant("uno").await;
    let others = here.crowd(100).await;
    let subject = here.person("Persona Neutra").await;
    // 36 changes of a name, of which every other one is the canary's. The last leaves the row without it: rows are erased elsewhere.
    for n in 0..36 {
        rename(&here, subject.id(), if n % 2 == 0 { CANARY } else { "Persona Neutra" }).await;
    }
    write(&here, 1000 - 1 - 100 - 37).await;
    seal_all(&db).await;
    let (entries, details) = (db.raw.count("audit_entries").await, db.raw.count("audit_details").await);
    assert_eq!((entries, details), (1000, 1000));
    assert_eq!(state(&here).await, ChainState::Intact { entries: 1000 });
    let of_subject: Vec<Uuid> = db.raw.column("SELECT id FROM audit_entries WHERE entity_id = $1 ORDER BY id", [subject.id().as_uuid().into()]).await;
    assert_eq!(of_subject.len(), 37);
    let open = db.audit.detail(&here.scope, of_subject[1]).await.unwrap().unwrap();
    assert!(open.contains(CANARY), "until then it can be read: {open}");

    Privacy::new(db.world()).shred(&here.scope, subject.id()).await.unwrap();
    assert_eq!(db.raw.count("audit_entries").await, 1000 + 1, "the erasure is told");
    assert_eq!(db.raw.count("audit_details").await, details);
    seal_all(&db).await;
    assert_eq!(state(&here).await, ChainState::Intact { entries: 1001 });
    // By who did it, and by a program that knows nothing from before.
    for program in [&db, &db.reopened().await] {
        let (mut opened, mut destroyed, mut none) = (0, Vec::new(), 0);
        for entry in db.raw.column::<Uuid>("SELECT id FROM audit_entries ORDER BY id", []).await {
            match program.audit.detail(&here.scope, entry).await {
                Ok(Some(_)) => opened += 1,
                Ok(None) => none += 1,
                Err(PortError::KeyDestroyed) => destroyed.push(entry),
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(destroyed, of_subject);
        assert_eq!((opened, none), (1000 - 37, 1));
        assert_eq!(program.audit.verify(here.id()).await.unwrap().state, ChainState::Intact { entries: 1001 });
    }
    assert_eq!(db.raw.hits(&ways_to_write(CANARY)).await, Vec::<String>::new());
    let others_name = others[7].name().as_bytes().to_vec();
    assert_eq!(db.raw.hits(&[others_name]).await, ["people.name"], "who looks finds what is there");
}

/// The id of the entry with a number.
async fn entry_of(db: &TestDatabase, seq: i64) -> Uuid {
    db.raw.one("SELECT entry_id FROM audit_seals WHERE seq = $1", [seq.into()]).await
}

fn flipped(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[17] ^= 1;
    bytes
}

/// Does something wrong, looks at the chain, and takes it back.
async fn with_rows_gone(here: &Tenant, table: &str, rows: &str, look: impl AsyncFnOnce(ChainState)) {
    let raw = &here.db.raw;
    raw.script(&format!("CREATE TABLE kept AS SELECT * FROM {table} WHERE {rows}")).await;
    assert!(raw.execute(&format!("DELETE FROM {table} WHERE {rows}"), []).await > 0);
    look(state(here).await).await;
    raw.script(&format!("INSERT INTO {table} SELECT * FROM kept; DROP TABLE kept")).await;
}

async fn d36_tampering_is_found_at_the_very_entry(db: TestDatabase) {
    let here = db.tenant("uno").await;
    for entries in [999, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000] {
        write(&here, entries).await;
    }
    seal_all(&db).await;
    assert_eq!(state(&here).await, ChainState::Intact { entries: 10_000 });
    db.raw.disarm_audit().await;
    let entry = entry_of(&db, 7321).await;

    let commitment: Vec<u8> = db.raw.one("SELECT commitment FROM audit_entries WHERE id = $1", [entry.into()]).await;
    let set = async |bytes: Vec<u8>| {
        assert_eq!(db.raw.execute("UPDATE audit_entries SET commitment = $1 WHERE id = $2", [bytes.into(), entry.into()]).await, 1);
    };
    set(flipped(commitment.clone())).await;
    assert_eq!(state(&here).await, ChainState::Broken { seq: 7321, what: "the entry or its seal is not what it was" });
    set(commitment).await;

    let (kind, found) = if db.is_postgres() { ("id = ", format!("'{entry}'")) } else { ("hex(id) = ", format!("'{:X}'", entry.simple())) };
    with_rows_gone(&here, "audit_entries", &format!("{kind}{found}"), async |state| {
        assert_eq!(state, ChainState::Broken { seq: 7321, what: "the entry is missing" });
    })
    .await;
    with_rows_gone(&here, "audit_seals", "seq = 7321", async |state| {
        assert_eq!(state, ChainState::Broken { seq: 7321, what: "the seal is missing" });
    })
    .await;
    with_rows_gone(&here, "audit_seals", "seq > 9950", async |state| {
        assert_eq!(state, ChainState::Truncated { head: 10_000, have: 9950 });
    })
    .await;
    assert_eq!(state(&here).await, ChainState::Intact { entries: 10_000 }, "nothing else was wrong");
}

async fn whatever_is_changed_is_noticed(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let ana = here.person("Ana").await;
    write(&here, 8).await;
    rename(&here, ana.id(), "Otra").await;
    write(&here, 9).await;
    seal_all(&db).await;
    db.raw.disarm_audit().await;
    let (entry, other) = (entry_of(&db, 11).await, entry_of(&db, 12).await);
    let bytes = |byte: u8| Value::from(vec![byte; 32]);
    let entries: Vec<(&str, Value)> = vec![
        ("at", at(77).into()),
        ("actor", "public".into()),
        ("action", "person.erased".into()),
        ("entity", "lead".into()),
        ("entity_id", other.into()),
        ("entity_version", 7.into()),
        ("subject_ref", other.into()),
        ("subject_ref", Value::Uuid(None)),
        ("fields", json!([]).into()),
        ("fields", json!(["name", "email"]).into()),
        ("purpose", "x".into()),
        ("request_id", "x".into()),
        ("commitment", bytes(1)),
        ("commitment", Value::Bytes(None)),
    ];
    let seals: Vec<(&str, Value)> = vec![("prev_hash", bytes(2)), ("hash", bytes(3)), ("entry_id", Uuid::nil().into())];
    for (table, key, changes) in [("audit_entries", Value::from(entry), entries), ("audit_seals", Value::from(11), seals)] {
        let row = if table == "audit_seals" { "seq = $1" } else { "id = $1" };
        for (column, wrong) in changes {
            let kept = format!("CREATE TABLE kept AS SELECT * FROM {table}");
            db.raw.script(&kept).await;
            assert_eq!(db.raw.execute(&format!("UPDATE {table} SET {column} = $2 WHERE {row}"), [key.clone(), wrong.clone()]).await, 1);
            assert!(matches!(state(&here).await, ChainState::Broken { seq: 11, .. }), "{column} = {wrong:?}: {:?}", state(&here).await);
            db.raw.script(&format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept; DROP TABLE kept")).await;
        }
    }
    // Two entries that change places.
    let swap = async |a: Uuid, b: Uuid| {
        for (seq, id) in [(11, Uuid::nil()), (12, a), (11, b)] {
            db.raw.execute("UPDATE audit_seals SET entry_id = $2 WHERE seq = $1", [seq.into(), id.into()]).await;
        }
    };
    swap(entry, other).await;
    assert!(matches!(state(&here).await, ChainState::Broken { seq: 11, .. }));
    swap(other, entry).await;
    assert_eq!(state(&here).await, ChainState::Intact { entries: 20 });
    // An entry that somebody smuggles in is in no chain, and its age says so.
    let smuggle = "INSERT INTO audit_entries (organization_id, id, at, actor, action, entity, entity_id, entity_version, fields) \
         VALUES ($1, $2, $3, 'system:x', 'x.y', 'x', $2, 1, $4)";
    let new = db.id::<PersonId>().as_uuid();
    db.raw.execute(smuggle, [here.id().as_uuid().into(), new.into(), at(-9).into(), json!([]).into()]).await;
    assert_eq!(db.audit.verify(here.id()).await.unwrap().oldest_unsealed, Some(at(-9)));
}

async fn a_chain_that_was_cut_shows_it(db: TestDatabase) {
    let here = db.tenant("uno").await;
    write(&here, 9).await;
    seal_all(&db).await;
    write(&here, 10).await;
    seal_all(&db).await;
    db.raw.disarm_audit().await;
    with_rows_gone(&here, "audit_seals", "seq > 15", async |state| {
        assert_eq!(state, ChainState::Truncated { head: 20, have: 15 });
    })
    .await;
    // With the head that said so.
    with_rows_gone(&here, "audit_heads", "seq = 20", async |state| {
        assert_eq!(state, ChainState::Broken { seq: 20, what: "the end of the chain is not signed" });
    })
    .await;
    // A head that somebody else made.
    let kept: Vec<u8> = db.raw.one("SELECT signature FROM audit_heads WHERE seq = 20", []).await;
    db.raw.execute("UPDATE audit_heads SET signature = $1 WHERE seq = 20", [flipped(kept.clone()).into()]).await;
    assert_eq!(state(&here).await, ChainState::Broken { seq: 20, what: "the head is not signed by this installation" });
    with_rows_gone(&here, "audit_seals", "seq = 20", async |state| {
        assert_eq!(state, ChainState::Broken { seq: 20, what: "the head is not signed by this installation" });
    })
    .await;
    db.raw.execute("UPDATE audit_heads SET signature = $1, hash = $2 WHERE seq = 20", [kept.into(), vec![0_u8; 32].into()]).await;
    assert!(matches!(state(&here).await, ChainState::Broken { seq: 20, .. }));
    // Everything gone but the heads.
    db.raw.execute("DELETE FROM audit_heads WHERE seq = 20", []).await;
    db.raw.execute("DELETE FROM audit_seals", []).await;
    assert_eq!(state(&here).await, ChainState::Truncated { head: 10, have: 0 });
}
