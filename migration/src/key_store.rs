//! The schema of the key store: a file of its own beside the SQLite one, a schema of its own on PostgreSQL. It stands
//! apart so that its backups can be kept for days where those of everything else are kept for years: a key that is gone
//! from here is gone, and what it sealed with it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DbBackend, Schema};
use sea_orm_migration::seaql_migrations;

use crate::ddl::Migration;

const TEXT: &str = r"
-- Of a key that is destroyed, the material goes and the day stays.
CREATE TABLE person_keys (
    id uuid NOT NULL PRIMARY KEY,
    material bytea,
    created_at timestamptz NOT NULL,
    destroyed_at timestamptz
);

CREATE TABLE secrets (
    name text NOT NULL PRIMARY KEY,
    material bytea NOT NULL,
    created_at timestamptz NOT NULL
);
";

/// Brings the key store up to date.
///
/// On PostgreSQL the connection has [`KeyStoreMigrator::SCHEMA`] as its search path; the schema is created if it is not
/// there.
pub struct KeyStoreMigrator;

impl KeyStoreMigrator {
    /// Where its tables stand on PostgreSQL.
    pub const SCHEMA: &str = "keystore";
}

#[async_trait::async_trait]
impl MigratorTrait for KeyStoreMigrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Migration { name: "m20261121_000001_key_store", text: TEXT })]
    }

    fn migration_table_name() -> DynIden {
        "key_store_migrations".into_iden()
    }

    async fn install<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
        let engine = db.get_database_backend();
        if engine == DbBackend::Postgres {
            // `CREATE SCHEMA IF NOT EXISTS` asks for the right to create one even where there is nothing to do.
            let create = format!("IF to_regnamespace('{0}') IS NULL THEN CREATE SCHEMA {0}; END IF", Self::SCHEMA);
            db.execute_unprepared(&format!("DO $$ BEGIN {create}; END $$")).await?;
        }
        let mut table = Schema::new(engine).create_table_from_entity(seaql_migrations::Entity);
        db.execute(table.table(Self::migration_table_name()).if_not_exists()).await?;
        Ok(())
    }
}
