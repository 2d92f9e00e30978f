//! The schema, for SQLite and PostgreSQL.
//!
//! One file a context, each a text of `CREATE` statements as PostgreSQL reads them, with a few words more that `ddl.rs`
//! explains and makes each engine's own.

mod ddl;
mod key_store;
mod m20261121_000000_functions;
mod m20261121_000001_identity;
mod m20261121_000002_people;
mod m20261121_000003_catalog;
mod m20261121_000004_marketing;
mod m20261121_000005_privacy;
mod m20261121_000006_enrollment;
mod m20261121_000007_leads;
mod m20261121_000008_audit;
mod m20261121_000009_notifications;
mod m20261121_000010_access;
mod m20261121_000011_one_time_links;
mod m20261121_000012_second_factors;
mod m20261121_000013_identity_providers;
mod m20261121_000014_dedicated_databases;
mod m20261121_000015_content;
mod m20261121_000016_media;
mod m20261121_000017_search;
mod m20261121_000018_webhooks;

pub use key_store::KeyStoreMigrator;
pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

/// The step that makes the list of the databases that organizations have to themselves. Taken back, nobody knows of them any more.
pub const DEDICATED_DATABASES: &str = "m20261121_000014_dedicated_databases";

/// Brings the business tables up to date.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        macro_rules! in_order {
            ($($name:ident)+) => { vec![$(Box::new(ddl::Migration { name: stringify!($name), text: $name::TEXT })),+] };
        }
        in_order![
            m20261121_000000_functions
            m20261121_000001_identity
            m20261121_000002_people
            m20261121_000003_catalog
            m20261121_000004_marketing
            m20261121_000005_privacy
            m20261121_000006_enrollment
            m20261121_000007_leads
            m20261121_000008_audit
            m20261121_000009_notifications
            m20261121_000010_access
            m20261121_000011_one_time_links
            m20261121_000012_second_factors
            m20261121_000013_identity_providers
            m20261121_000014_dedicated_databases
            m20261121_000015_content
            m20261121_000016_media
            m20261121_000017_search
            m20261121_000018_webhooks
        ]
    }
}
