use matricula_domain::shared::Id as _;
use matricula_persistence::without_filter;
use matricula_ports::catalog::{CatalogQueries as _, CourseFilter};
use matricula_ports::{Ids as _, Once, Page, StoredAnswer};
use matricula_tests::{Tenant, TestDatabase, at, on_postgres};
use uuid::Uuid;

use super::chain::seal_all;
use super::filled::fill;
use super::isolation;

on_postgres!(
    without_the_filter_a_foreign_organization_sees_no_row_of_any_table,
    a_row_cannot_be_written_for_another_organization,
    the_catalogue_shows_no_table_key_or_role_past_the_lock,
    a_lock_that_is_off_is_noticed,
    without_the_lock_a_foreign_organization_finds_nothing,
    without_the_lock_a_foreign_organization_lists_nothing,
    without_the_filter_a_foreign_organization_finds_nothing,
    without_the_filter_a_foreign_organization_lists_nothing,
    without_both_a_foreign_organization_finds_everything,
);

/// Tables whose rows can be read whoever asks: they are asked for all organizations, or hold what leads to rows that are locked (ADR 13).
const OPEN: [&str; 2] = ["jobs", "search_index"];

/// Something in the tables too that no repository writes yet.
async fn fill_everything(here: &Tenant) {
    fill(here).await;
    let db = &here.db;
    for (table, columns, values) in [
        ("suppressions", "channel, scope, vhash, reason, at", "'email', 'all', 'x', 'objected', now()"),
        ("age_limits", "country, effective_from, age, created_at", "'ES', '2027-01-01', 16, now()"),
    ] {
        let sql = format!("INSERT INTO {table} (organization_id, id, {columns}) VALUES ($1, $2, {values})");
        db.raw.execute(&sql, [here.id().as_uuid().into(), db.ids.next().into()]).await;
    }
    let render = |_: &dyn std::any::Any| Some(StoredAnswer { status: 200, headers: Vec::new(), body: String::new() });
    let once = Once { principal: "ana".into(), route: "POST /x".into(), key: here.id().to_string(), fingerprint: [0; 32], render: Box::new(render) };
    let scope = here.scope.clone().once(once);
    let ana = here.person("Otra").await;
    matricula_ports::transact(&db.store, &scope, async |tx| tx.people().save(&ana.shred(at(1))).await).await.unwrap();
    seal_all(db).await;
    db.raw.execute("INSERT INTO dedicated_databases (organization_id, sealed_url) VALUES ($1, 'x')", [here.id().as_uuid().into()]).await;
}

async fn without_the_filter_a_foreign_organization_sees_no_row_of_any_table(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    fill_everything(&here).await;
    let owned: Vec<String> = db
        .raw
        .tables()
        .await
        .into_iter()
        .filter(|(_, columns)| columns.iter().any(|column| column == "organization_id"))
        .map(|(table, _)| table)
        .collect();
    assert!(owned.len() > 20, "{owned:?}");
    let (mine, theirs) = (Some(here.id().as_uuid()), Some(there.id().as_uuid()));
    for table in &owned {
        let of_here = format!("SELECT count(*) FROM {table} WHERE organization_id = '{}'", here.id());
        assert!(db.raw.one::<i64>(&of_here, []).await > 0, "{table} is empty, and would show nothing to anybody");
        if OPEN.contains(&table.as_str()) {
            assert!(db.raw.count_as(None, &of_here).await > 0);
            continue;
        }
        let without_filter = format!("SELECT count(*) FROM {table}");
        assert_eq!(db.raw.count_as(mine, &without_filter).await, db.raw.one::<i64>(&of_here, []).await, "{table}: all of its own and no other");
        assert_eq!(db.raw.count_as(theirs, &of_here).await, 0, "{table}");
        assert_eq!(db.raw.count_as(None, &without_filter).await, 0, "{table} without a setting");
    }
    let organizations = "SELECT count(*) FROM organizations";
    assert_eq!((db.raw.count_as(theirs, organizations).await, db.raw.count_as(None, organizations).await), (1, 0));
}

async fn a_row_cannot_be_written_for_another_organization(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let cycle = here.cycle("fp", 1).await;
    let (mine, theirs) = (here.id().as_uuid(), there.id().as_uuid());
    let insert = |organization: Uuid| {
        let id = db.ids.next();
        format!(
            "WITH new AS (INSERT INTO cycles (organization_id, id, slug, name, level, order_display, created_at, updated_at, version) \
             VALUES ('{organization}', '{id}', '{id}', 'x', 'fp_basica', 1, now(), now(), 1) RETURNING 1) SELECT count(*) FROM new"
        )
    };
    assert_eq!(db.raw.try_count_as(Some(theirs), &insert(theirs)).await.unwrap(), 1);
    for setting in [Some(theirs), None] {
        let refused = db.raw.try_count_as(setting, &insert(mine)).await.unwrap_err();
        assert!(refused.to_string().contains("row-level security"), "{refused}");
    }
    let count = |sql: &str| format!("WITH done AS ({sql} RETURNING 1) SELECT count(*) FROM done");
    let id = cycle.id().as_uuid();
    for sql in [format!("UPDATE cycles SET name = 'x' WHERE id = '{id}'"), format!("DELETE FROM cycles WHERE id = '{id}'")] {
        assert_eq!(db.raw.try_count_as(Some(theirs), &count(&sql)).await.unwrap(), 0, "{sql}");
        assert_eq!(db.raw.try_count_as(Some(mine), &count(&sql)).await.unwrap(), 1, "{sql}");
    }
}

async fn the_catalogue_shows_no_table_key_or_role_past_the_lock(db: TestDatabase) {
    let claims = db.database.isolation().await.unwrap();
    assert_eq!(claims.len(), 6);
    for claim in &claims {
        assert_eq!(claim.broken().collect::<Vec<_>>(), Vec::<&str>::new(), "{}", claim.says);
        assert_eq!(claim.exceptions, claim.accepted, "what is accepted may only get less: {}", claim.says);
    }
}

async fn a_lock_that_is_off_is_noticed(db: TestDatabase) {
    db.raw
        .script(
            "ALTER TABLE leads NO FORCE ROW LEVEL SECURITY; ALTER TABLE people DISABLE ROW LEVEL SECURITY; \
             CREATE VIEW everybody AS SELECT id FROM people; CREATE UNIQUE INDEX ux_loose ON campuses (slug); \
             CREATE UNIQUE INDEX ux_loose_id ON courses (id); CREATE POLICY loose ON cycles USING (true); \
             ALTER TABLE course_runs ADD CONSTRAINT fk_loose FOREIGN KEY (course_id) REFERENCES courses (id)",
        )
        .await;
    let broken: Vec<Vec<String>> = db.database.isolation().await.unwrap().iter().map(|claim| claim.broken().map(str::to_owned).collect()).collect();
    let expected: [&[&str]; 6] = [&["leads", "people"], &["cycles"], &[], &["everybody"], &["fk_loose"], &["ux_loose", "ux_loose_id"]];
    assert_eq!(broken, expected);
}

/// Takes the locks off every table.
async fn unlock(db: &TestDatabase) {
    for (table, _) in db.raw.tables().await {
        db.raw.execute(&format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"), []).await;
        db.raw.execute(&format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"), []).await;
    }
}

// S3 of the reliability figures: each of the two guards is taken away, and the other keeps organizations apart by itself.

async fn without_the_lock_a_foreign_organization_finds_nothing(db: TestDatabase) {
    unlock(&db).await;
    Box::pin(isolation::a_foreign_organization_finds_nothing(db)).await;
}

async fn without_the_lock_a_foreign_organization_lists_nothing(db: TestDatabase) {
    unlock(&db).await;
    Box::pin(isolation::a_foreign_organization_lists_nothing(db)).await;
}

async fn without_the_filter_a_foreign_organization_finds_nothing(db: TestDatabase) {
    without_filter(Box::pin(isolation::a_foreign_organization_finds_nothing(db))).await;
}

async fn without_the_filter_a_foreign_organization_lists_nothing(db: TestDatabase) {
    without_filter(Box::pin(isolation::a_foreign_organization_lists_nothing(db))).await;
}

async fn without_both_a_foreign_organization_finds_everything(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let all = fill(&here).await;
    unlock(&db).await;
    let found = async || {
        let courses = db.queries.courses(&there.scope, &CourseFilter::default(), &Page::first(9)).await.unwrap();
        (db.queries.run(&there.scope, all.run.id()).await.unwrap().is_some(), !courses.items.is_empty())
    };
    assert_eq!(found().await, (false, false));
    assert_eq!(without_filter(found()).await, (true, true), "the filter is what was taken away");
}
