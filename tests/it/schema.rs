//! The schema keeps its promises, on both engines: what goes up comes down, what is append-only stays, what cannot be is refused.

use std::collections::BTreeSet;

use matricula_entity as entity;
use matricula_migration::{KeyStoreMigrator, Migrator};
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{
    ColumnTrait, ConnectOptions, Database, DatabaseConnection, DbBackend, EntityTrait, IdenStatic, Iterable, PrimaryKeyToColumn, RuntimeErr,
    SqlxError, Statement, TransactionTrait,
};

/// Whom a transaction works for.
enum Who {
    Nobody,
    System,
    Organization(u8),
}

struct Db(DatabaseConnection);

impl Db {
    fn is_pg(&self) -> bool {
        self.0.get_database_backend() == DbBackend::Postgres
    }

    /// Runs what may be several statements, in which `#1` is the UUID that ends in 1.
    async fn run(&self, who: Who, sql: &str) -> Result<u64, DbErr> {
        let mut sql = sql.to_owned();
        for n in 0..10 {
            let id = if self.is_pg() { format!("'{n:032}'::uuid") } else { format!("X'{n:032}'") };
            sql = sql.replace(&format!("#{n}"), &id);
        }
        let transaction = self.0.begin().await?;
        let setting = match who {
            _ if !self.is_pg() => None,
            Who::Nobody => None,
            Who::System => Some(format!("SET LOCAL app.organization = '{:032}'", 0)),
            Who::Organization(n) => Some(format!("SET LOCAL app.organization = '{n:032}'")),
        };
        if let Some(setting) = setting {
            transaction.execute_unprepared(&setting).await?;
        }
        let rows = transaction.execute_unprepared(&sql).await?.rows_affected();
        transaction.commit().await?;
        Ok(rows)
    }

    /// What the database says against it; nothing is as wrong as everything.
    async fn refusal(&self, sql: &str) -> String {
        match self.run(Who::System, sql).await {
            Ok(_) => format!("accepted: {sql}"),
            Err(error) => error.to_string(),
        }
    }

    /// The columns of all tables: table, column, type, whether it may be null, whether it is in the primary key.
    async fn columns(&self) -> Result<BTreeSet<Column>, DbErr> {
        let sql = if self.is_pg() {
            "SELECT c.relname AS t, a.attname AS c, format_type(a.atttypid, NULL) AS k, NOT a.attnotnull AS n,
                EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)) AS p
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
             WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped"
        } else {
            "SELECT m.name AS t, p.name AS c, lower(p.type) AS k, p.\"notnull\" = 0 AS n, EXISTS (SELECT 1 FROM pragma_index_list(m.name) i,
                pragma_index_info(i.name) x WHERE i.origin IN ('pk', 'u') AND x.name = p.name) AS p
             FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE '%\\_fts%' ESCAPE '\\'"
        };
        let rows = self.0.query_all_raw(Statement::from_string(self.0.get_database_backend(), sql)).await?;
        rows.iter()
            .map(|row| {
                let nullable = if row.try_get("", "n")? { "NULL" } else { "NOT NULL" };
                let key = if row.try_get("", "p")? { "KEY" } else { "" };
                Ok((row.try_get("", "t")?, row.try_get("", "c")?, row.try_get("", "k")?, nullable, key))
            })
            .collect()
    }

    async fn tables(&self) -> Result<BTreeSet<String>, DbErr> {
        Ok(self.columns().await?.into_iter().map(|(table, ..)| table).collect())
    }
}

type Column = (String, String, String, &'static str, &'static str);

/// Runs the test on a new database of each engine.
async fn on_each(name: &str, test: impl AsyncFn(&Db) -> Result<(), DbErr>) -> Result<(), DbErr> {
    let folder = tempfile::tempdir().map_err(|error| DbErr::Custom(error.to_string()))?;
    let file = format!("sqlite://{}?mode=rwc", folder.path().join("test.db").display());
    let db = Db(Database::connect(ConnectOptions::new(file).max_connections(1).to_owned()).await?);
    db.0.execute_unprepared("PRAGMA recursive_triggers = ON").await?; // without it, REPLACE meets no trigger
    test(&db).await?;

    let Some(url) = matricula_tests::postgres_database().await else { return Ok(()) };
    // Beside the tables that are there already.
    let options = ConnectOptions::new(&url).max_connections(1).set_schema_search_path(name).to_owned();
    let db = Db(Database::connect(options).await?);
    db.run(Who::Nobody, &format!("CREATE SCHEMA {name}")).await?;
    test(&db).await?;
    db.0.close().await?;
    matricula_tests::drop_postgres_database(&url).await;
    Ok(())
}

/// Two organizations (1 and 2), in each of them a person (3 and 4), and in the first a course (5) with a run of one seat (6).
async fn populate(db: &Db) -> Result<(), DbErr> {
    Migrator::up(&db.0, None).await?;
    let sql = "
        INSERT INTO organizations VALUES (#1, 'a', 'A', 'UTC', 'es', 'ES', 'active', '[]', 'exact', '{}', NULL, NULL, NULL, NULL, NULL, 0, 0, NOW, NOW, 1);
        INSERT INTO organizations VALUES (#2, 'b', 'B', 'UTC', 'es', 'ES', 'active', '[]', 'exact', '{}', NULL, NULL, NULL, NULL, NULL, 0, 0, NOW, NOW, 1);
        INSERT INTO people VALUES (#1, #3, #3, #3, 'Ana', 'ana', NULL, NULL, NULL, 'active', NULL, NOW, NOW, 1);
        INSERT INTO people VALUES (#2, #4, #4, #4, 'Bea', 'bea', NULL, NULL, NULL, 'active', NULL, NOW, NOW, 1);
        INSERT INTO courses VALUES (#1, #5, 'c', 'C', NULL, 1, 'online', NULL, NULL, NULL, NULL, NULL, FALSE, '[]', '[]', NULL, 'draft', NULL, NULL, '[]', NULL, NOW, NOW, 1);
        INSERT INTO course_runs VALUES (#1, #6, #5, NULL, NULL, '2026-01-01', '2026-01-02', NULL, 1, NULL, '[]', NULL, 1, 0, 'scheduled', NULL, NULL, NULL, NOW, NOW, 1);
        INSERT INTO consent_texts VALUES (#1, #7, 'notice', NULL, 'es', 1, 'text', 'hash', FALSE, NOW, NOW, NOW, 1);
    ";
    db.run(Who::System, &sql.replace("NOW", NOW)).await.map(|_| ())
}

const NOW: &str = "'2026-01-01T00:00:00.000000+00:00'";

#[tokio::test]
async fn what_goes_up_comes_down_and_goes_up_again() -> Result<(), DbErr> {
    on_each("way_back", async |db| {
        Migrator::up(&db.0, None).await?;
        let all = db.tables().await?;
        assert!(all.contains("leads") && all.contains("audit_entries"), "{all:?}");
        Migrator::down(&db.0, None).await?;
        assert_eq!(db.tables().await?, BTreeSet::from(["seaql_migrations".to_owned()]));
        if db.is_pg() {
            let functions = "DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM pg_proc WHERE pronamespace = current_schema()::regnamespace); END $$";
            db.run(Who::Nobody, functions).await?;
        }
        Migrator::up(&db.0, None).await?;
        Migrator::fresh(&db.0).await?;
        assert_eq!(db.tables().await?, all);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_key_store_stands_alone_under_a_name_of_its_own() -> Result<(), DbErr> {
    on_each("key_store", async |db| {
        KeyStoreMigrator::up(&db.0, None).await?;
        assert_eq!(db.tables().await?, ["key_store_migrations", "person_keys", "secrets"].map(String::from).into());
        if db.is_pg() {
            let schema = format!("DO $$ BEGIN ASSERT to_regnamespace('{}') IS NOT NULL; END $$", KeyStoreMigrator::SCHEMA);
            db.run(Who::Nobody, &schema).await?;
        }
        KeyStoreMigrator::down(&db.0, None).await?;
        assert_eq!(db.tables().await?, ["key_store_migrations"].map(String::from).into());
        KeyStoreMigrator::up(&db.0, None).await
    })
    .await
}

/// The columns of an entity, in the words of the engine.
fn columns<E: EntityTrait>(_: E, pg: bool) -> impl Iterator<Item = Column> {
    let table = E::default().as_str();
    let keys: BTreeSet<_> = E::PrimaryKey::iter().map(|key| key.into_column().as_str()).collect();
    E::Column::iter().map(move |column| {
        let def = column.def();
        let (postgresql, sqlite) = match def.get_column_type() {
            ColumnType::Uuid => ("uuid", "blob"),
            ColumnType::VarBinary(_) => ("bytea", "blob"),
            ColumnType::String(_) | ColumnType::Text => ("text", "text"),
            ColumnType::TimestampWithTimeZone => ("timestamp with time zone", "text"),
            ColumnType::Date => ("date", "text"),
            ColumnType::JsonBinary => ("jsonb", "text"),
            ColumnType::Boolean => ("boolean", "boolean"),
            ColumnType::Integer => ("integer", "integer"),
            ColumnType::BigInteger => ("bigint", "bigint"),
            _ => ("unknown", "unknown"),
        };
        let nullable = if def.is_null() { "NULL" } else { "NOT NULL" };
        let key = if keys.contains(column.as_str()) { "KEY" } else { "" };
        (table.to_owned(), column.as_str().to_owned(), if pg { postgresql } else { sqlite }.to_owned(), nullable, key)
    })
}

#[tokio::test]
async fn the_entities_are_the_tables() -> Result<(), DbErr> {
    macro_rules! columns_of {
        ($pg:expr; $($context:ident: $($table:ident)+;)+) => {
            BTreeSet::new().into_iter()$($(.chain(columns(entity::$context::$table::Entity, $pg)))+)+.collect::<BTreeSet<_>>()
        };
    }
    on_each("entities", async |db| {
        Migrator::up(&db.0, None).await?;
        KeyStoreMigrator::up(&db.0, None).await?;
        // Records have no entity: the repository reads their tables by the declarations.
        let mut others: Vec<_> = matricula_web::kinds().iter().map(|kind| kind.schema.noun.many).collect();
        others.extend(["seaql_migrations", "key_store_migrations"]);
        let mut tables = db.columns().await?;
        tables.retain(|(table, column, ..)| !others.contains(&table.as_str()) && !["xact", "words", "row_number"].contains(&column.as_str()));
        let entities = columns_of! { db.is_pg();
            identity: organizations users memberships login_sessions login_throttles roles groups user_groups api_keys one_time_links second_factors
                identity_providers email_domains provider_sign_ins provider_identities dedicated_databases;
            people: people person_identifiers;
            catalog: courses course_campuses course_runs seo_metadata redirects search_index search_words;
            publishing: blog_posts media_assets media_links media_usage;
            leads: forms form_versions leads lead_touches lead_activities;
            enrollment: enrollments seat_holds;
            privacy: consent_texts consent_events consent_evidence suppressions age_limits;
            audit: audit_entries audit_details audit_seals audit_heads;
            notifications: outbox feed_cursors leases jobs idempotency_keys webhook_endpoints webhook_deliveries;
            key_store: person_keys secrets;
        };
        let drift: Vec<_> = tables.symmetric_difference(&entities).collect();
        assert!(drift.is_empty(), "{drift:#?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_is_append_only_is_neither_changed_nor_removed() -> Result<(), DbErr> {
    on_each("append_only", async |db| {
        populate(db).await?;
        let events = "INSERT INTO consent_events VALUES (#1, #8, #3, 'p', 1, 'GRANTED', NULL, NULL, NULL, NOW, 'system', 'web', NULL, NULL, NULL);
            INSERT INTO forms VALUES (#1, #8, 'f', 'F', NOW, NOW, 1);
            INSERT INTO form_versions VALUES (#1, #8, #8, 1, '[]', '[]', #7, 'hash', NOW, NOW);
            INSERT INTO audit_entries VALUES (#1, #8, NOW, 'a', 'a', 'a', #3, 1, NULL, '[]', NULL, NULL, 'c', NULL);
            INSERT INTO audit_seals VALUES (#1, 1, #8, 'h', 'h', NOW);
            INSERT INTO audit_heads VALUES (#1, 1, 'h', NOW, 's', 'k');";
        db.run(Who::System, &events.replace("NOW", NOW)).await?;
        for table in ["consent_texts", "form_versions", "consent_events", "audit_entries", "audit_seals", "audit_heads"] {
            let refused = format!("{table} is append-only");
            for sql in [format!("UPDATE {table} SET organization_id = #2"), format!("DELETE FROM {table}")] {
                assert!(db.refusal(&sql).await.contains(&refused), "{sql}");
            }
            if db.is_pg() {
                let truncate = format!("TRUNCATE {table} CASCADE");
                assert!(db.refusal(&truncate).await.contains("is append-only"), "{truncate}");
                let hidden = db.run(Who::Nobody, &format!("DELETE FROM {table}")).await;
                assert_eq!(hidden.err().as_ref().and_then(sql_state).as_deref(), Some("23001"), "{table}");
            } else {
                let replace = format!("REPLACE INTO {table} SELECT * FROM {table}");
                assert!(db.refusal(&replace).await.contains(&refused), "{replace}");
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_cannot_be_is_refused() -> Result<(), DbErr> {
    on_each("refusals", async |db| {
        populate(db).await?;
        let lead = |id: u8, person: u8, columns: &str, values: &str| {
            format!(
                "INSERT INTO leads (organization_id, id, person_id, privacy_policy_accepted, attested_at, created_at, updated_at, version, {columns})
                 VALUES (#1, #{id}, #{person}, TRUE, {NOW}, {NOW}, {NOW}, 1, {values})"
            )
        };
        db.run(Who::System, &lead(8, 3, "gdpr_consent, status, course_id", "TRUE, 'new', #5")).await?;
        db.run(Who::System, &lead(7, 3, "gdpr_consent, status, course_id", "TRUE, 'spam', #5")).await?;

        // A foreign key of another organization: person 4 is not of organization 1. SQLite does not name what was violated.
        let name = |constraint: &'static str, sqlite: &'static str| if db.is_pg() { constraint } else { sqlite };
        let cases = [
            (lead(9, 4, "gdpr_consent, status", "TRUE, 'new'"), name("fk_leads_person_id", "FOREIGN KEY constraint failed")),
            (lead(9, 3, "gdpr_consent, status, course_id", "TRUE, 'qualified', #5"), name("ux_leads_open_course", "UNIQUE constraint failed")),
            (lead(9, 3, "gdpr_consent, status", "FALSE, 'new'"), "ck_leads_gdpr_consent"),
            (lead(9, 3, "gdpr_consent, status", "TRUE, 'lost'"), "ck_leads_status"),
            (lead(9, 3, "gdpr_consent, status", "TRUE, 'converted'"), "ck_leads_converted"),
            (lead(9, 3, "gdpr_consent, status", "TRUE, 'rejected'"), "ck_leads_rejected"),
            ("UPDATE course_runs SET seats_held = 1".into(), "ck_course_runs_seats"),
            ("UPDATE course_runs SET end_date = '2025-01-01'".into(), "ck_course_runs_dates"),
            ("UPDATE course_runs SET enrollment_deadline = '2026-01-02'".into(), "ck_course_runs_deadline"),
            ("UPDATE course_runs SET min_students = 2".into(), "ck_course_runs_min"),
            ("UPDATE course_runs SET merged_into = id".into(), "ck_course_runs_merged"),
            ("DELETE FROM people".into(), name("fk_leads_person_id", "FOREIGN KEY constraint failed")),
            (
                format!("INSERT INTO consent_texts VALUES (#1, #9, 'notice', NULL, 'es', 1, '', '', FALSE, {NOW}, {NOW}, {NOW}, 1)"),
                "ux_consent_texts_number",
            ),
        ];
        for (sql, reason) in cases {
            let refusal = db.refusal(&sql).await;
            assert!(refusal.contains(reason), "{refusal}\nand not {reason}, for\n{sql}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_owner_of_the_tables_sees_one_organization_at_a_time() -> Result<(), DbErr> {
    on_each("row_security", async |db| {
        populate(db).await?;
        if !db.is_pg() {
            return Ok(());
        }
        let everybody = "UPDATE people SET version = 2";
        assert_eq!(db.run(Who::Nobody, everybody).await?, 0, "is it a superuser who connects?");
        assert_eq!(db.run(Who::Organization(1), everybody).await?, 1);
        assert_eq!(db.run(Who::System, everybody).await?, 2);
        assert_eq!(db.run(Who::Nobody, everybody).await?, 0, "a setting outlived its transaction");

        let moved = db.run(Who::Organization(1), "UPDATE people SET organization_id = #2").await;
        assert_eq!(moved.err().as_ref().and_then(sql_state).as_deref(), Some("42501"));
        assert_eq!(db.run(Who::Organization(2), "UPDATE organizations SET version = 2").await?, 1);

        let unlocked = "DO $$ BEGIN ASSERT (SELECT array_agg(c.relname::text ORDER BY c.relname) FROM pg_class c
            WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND NOT (c.relrowsecurity AND c.relforcerowsecurity))
            = ARRAY['feed_cursors', 'jobs', 'leases', 'login_throttles', 'seaql_migrations', 'second_factors', 'users']; END $$";
        db.run(Who::Nobody, unlocked).await.map(|_| ())
    })
    .await
}

#[tokio::test]
async fn a_write_that_missed_takes_the_whole_statement_with_it() -> Result<(), DbErr> {
    on_each("expect", async |db| {
        populate(db).await?;
        if !db.is_pg() {
            return Ok(());
        }
        let both = |version: u8| {
            format!(
                "WITH a AS (UPDATE people SET name = 'X' WHERE id = #3 RETURNING 1),
                      b AS (UPDATE courses SET version = 2 WHERE id = #5 AND version = {version} RETURNING 1)
                 SELECT matricula_expect((SELECT count(*) FROM a), 1, 'people'), matricula_expect((SELECT count(*) FROM b), 1, 'stale courses')"
            )
        };
        let Err(error) = db.run(Who::Organization(1), &both(7)).await else { panic!("accepted") };
        assert_eq!(sql_state(&error).as_deref(), Some("MT001"));
        assert!(error.to_string().contains("stale courses"));
        assert_eq!(db.run(Who::Organization(1), "UPDATE people SET version = 3 WHERE name = 'Ana'").await?, 1, "half of it stayed");
        db.run(Who::Organization(1), &both(1)).await.map(|_| ())
    })
    .await
}

/// The code that PostgreSQL gave the error.
fn sql_state(error: &DbErr) -> Option<String> {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error else { return None };
    let SqlxError::Database(error) = &**error else { return None };
    error.code().map(Into::into)
}
