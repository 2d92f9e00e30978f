use std::collections::BTreeMap;

use matricula_domain::shared::Id as _;
use matricula_persistence::{Engine, ExportedRow};
use matricula_ports::PortError;
use matricula_tests::{TestDatabase, on_both};
use serde_json::Value as Json;

use super::chain::seal_all;
use super::filled::fill;

on_both!(everything_of_an_organization_goes_out_and_nothing_of_another);

async fn everything_of_an_organization_goes_out_and_nothing_of_another(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    fill(&here).await;
    there.course("propio").await;
    there.person("Berta").await;
    seal_all(&db).await;
    let mut tables: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    let out = |ExportedRow { table, json }: ExportedRow| {
        let row = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{table}: {error}: {json}"));
        tables.entry(table).or_default().push(row);
        Ok::<_, PortError>(())
    };
    db.databases.export(here.id(), out).await.unwrap();

    let (ours, theirs) = (here.id().to_string(), there.id().to_string());
    for (table, columns) in db.raw.tables().await {
        if !columns.iter().any(|column| column == "organization_id") {
            continue;
        }
        let rows = db.raw.count_where(&table, "organization_id = $1", [here.id().as_uuid().into()]).await;
        let secret = [
            "login_sessions",
            "one_time_links",
            "api_keys",
            "identity_providers",
            "provider_sign_ins",
            "dedicated_databases",
            "idempotency_keys",
            "jobs",
            "outbox",
            "webhook_endpoints",
            "webhook_deliveries",
            "search_index",
            "search_words",
        ]
        .contains(&table.as_str());
        let exported = tables.get(&table).map_or(0, Vec::len);
        assert_eq!(exported, if secret { 0 } else { usize::try_from(rows).unwrap() }, "{table}");
    }
    assert!(tables["leads"].iter().all(|lead| lead["organization_id"] == ours.as_str()));
    assert_eq!(tables["organizations"][0]["slug"], "uno");
    assert!(tables["members"].iter().all(|member| member["email"].as_str().is_some_and(|email| email.contains('@'))));
    let all = serde_json::to_string(&tables).unwrap();
    assert!(!all.contains(&theirs), "the other organization's id");
    assert!(!all.contains("$argon2") && !all.contains("password_hash"), "what somebody signs in with");
    if db.engine() == Engine::Sqlite {
        assert_eq!(tables["leads"][0]["id"].as_str().unwrap().len(), 36);
    }
}
