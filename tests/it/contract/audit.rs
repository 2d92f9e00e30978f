use matricula_domain::people::PersonId;
use matricula_domain::shared::Id as _;
use matricula_ports::audit::{AuditLog as _, AuditQueries as _, Observation};
use matricula_ports::people::PeopleQueries as _;
use matricula_ports::{Order, Page, PortError};
use matricula_tests::{TestDatabase, at, on_both};
use uuid::Uuid;

use super::chain::seal_all;
use super::paging::{assert_refuses_foreign_cursors, walk};

on_both!(
    what_was_only_seen_is_in_the_audit_and_in_no_outbox,
    entries_are_listed_newest_first_while_others_come,
    an_entry_has_its_number_once_it_is_sealed,
    a_detail_opens_at_its_own_entry_alone,
);

async fn what_was_only_seen_is_in_the_audit_and_in_no_outbox(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let ana = here.person("Ana").await;
    let facts = db.raw.count("outbox").await;
    let denied = Observation { action: "access.denied", entity: "permission", entity_id: None, subject: None, purpose: Some("leads.read".into()) };
    let read = Observation { action: "person.read", entity: "person", entity_id: Some(ana.id().as_uuid()), subject: Some(ana.id()), purpose: None };
    let scope = here.scope.clone().of_request("request-ñ");
    for (seconds, observation) in [(1, &denied), (2, &read)] {
        db.audit.observe(&scope, observation, at(seconds)).await.unwrap();
    }
    assert_eq!(db.raw.count("outbox").await, facts);
    let listed = db.audit.list(&here.scope, None, &Page::first(2)).await.unwrap().items;
    let told: Vec<_> = listed.iter().map(|row| (row.action.as_str(), row.entity.as_str(), row.entity_id, row.at, row.fields.len())).collect();
    assert_eq!(told, [("person.read", "person", ana.id().as_uuid(), at(2), 0), ("access.denied", "permission", Uuid::nil(), at(1), 0)]);
    for row in &listed {
        assert_eq!(db.audit.detail(&here.scope, row.id).await.unwrap(), None);
    }
    assert_eq!(db.raw.count_where("audit_entries", "request_id = 'request-ñ'", []).await, 2);
    assert_eq!(db.raw.column::<String>("SELECT purpose FROM audit_entries WHERE purpose IS NOT NULL", []).await, ["leads.read"]);
    let timeline = db.queries.timeline(&here.scope, ana.id(), &Page::first(9)).await.unwrap().unwrap();
    assert_eq!(timeline.items.iter().map(|row| row.what.as_str()).collect::<Vec<_>>(), ["person.read", "person.met"]);
    // Of somebody who is not there nothing can be said.
    let nobody = Observation { subject: Some(db.id::<PersonId>()), ..read };
    let refused = db.audit.observe(&here.scope, &nobody, at(3)).await;
    assert!(matches!(refused, Err(PortError::Dangling("person"))), "{refused:?}");
}

async fn entries_are_listed_newest_first_while_others_come(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let ana = here.person("Ana").await;
    for n in 1..6 {
        here.in_unit(async |tx| tx.people().save(&tx.people().find(ana.id()).await?.unwrap().shred(at(n))).await).await;
    }
    let of = ana.id().as_uuid();
    let list = async |page: &Page| db.audit.list(&here.scope, Some(of), page).await;
    let times = |rows: Vec<matricula_ports::audit::AuditRow>| rows.iter().map(|row| (row.at - at(0)).num_seconds()).collect::<Vec<_>>();
    for limit in [1, 2, 6, 7] {
        assert_eq!(times(walk(Page::first(limit), list, async |_| ()).await), [5, 4, 3, 2, 1, 0]);
    }
    let up = Page { order: Order::Ascending, ..Page::first(4) };
    assert_eq!(times(walk(up, list, async |_| ()).await), [0, 1, 2, 3, 4, 5]);
    let new = async |_| here.in_unit(async |tx| tx.people().save(&tx.people().find(ana.id()).await?.unwrap().shred(at(99))).await).await;
    assert_eq!(times(walk(Page::first(2), list, new).await), [5, 4, 3, 2, 1, 0]);
    assert_eq!(db.audit.list(&here.scope, None, &Page::first(99)).await.unwrap().items.len(), 9, "with the founding");
    assert!(db.audit.list(&here.scope, Some(Uuid::nil()), &Page::first(9)).await.unwrap().items.is_empty());
    assert_refuses_foreign_cursors(list).await;
}

async fn an_entry_has_its_number_once_it_is_sealed(db: TestDatabase) {
    let here = db.tenant("uno").await;
    here.person("Ana").await;
    let numbers = async || db.audit.list(&here.scope, None, &Page::first(9)).await.unwrap().items.iter().map(|row| row.seq).collect::<Vec<_>>();
    assert_eq!(numbers().await, [None, None]);
    seal_all(&db).await;
    here.person("Berta").await;
    assert_eq!(numbers().await, [None, Some(2), Some(1)]);
}

async fn a_detail_opens_at_its_own_entry_alone(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let ana = here.person("Ana").await;
    let (first, _) = here.audit_of(&ana).await.remove(0);
    here.in_unit(async |tx| tx.people().save(&ana.rename(matricula_domain::shared::Line::parse("Otra").unwrap(), at(1)).unwrap()).await).await;
    let (second, _) = here.audit_of(&ana).await.remove(1);
    assert!(db.audit.detail(&here.scope, second).await.unwrap().is_some());
    let sealed: Vec<u8> = db.raw.one("SELECT sealed FROM audit_details WHERE entry_id = $1", [first.into()]).await;
    db.raw.execute("UPDATE audit_details SET sealed = $1 WHERE entry_id = $2", [sealed.into(), second.into()]).await;
    let moved = db.audit.detail(&here.scope, second).await;
    assert!(matches!(moved, Err(PortError::Broken(_))), "{moved:?}");
    assert!(db.audit.detail(&here.scope, first).await.unwrap().is_some());
    // A detail may go; its entry stays.
    db.raw.execute("DELETE FROM audit_details WHERE entry_id = $1", [first.into()]).await;
    assert_eq!(db.audit.detail(&here.scope, first).await.unwrap(), None);
    assert_eq!(here.audit_of(&ana).await.len(), 2);
}
