//! What the tests stand on: a database of its own for each test, on both engines, and what is needed to fill it.
//!
//! A contract is a function over a [`TestDatabase`]; [`on_both!`] makes of it one test on `SQLite` and one on `PostgreSQL`:
//! ```text
//! on_both!(nothing_stays_of_a_unit_that_is_dropped);
//!
//! async fn nothing_stays_of_a_unit_that_is_dropped(db: TestDatabase) { … }
//! ```
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test that cannot go on should stop")]

mod at_once;
mod clock;
mod cluster;
mod database;
pub mod files;
mod fixtures;
pub mod openid;
mod postgres;
pub mod program;
mod raw;
pub mod records;
pub mod s3;
mod scratch;
mod server;
pub mod sink;
pub mod speak;
pub mod xss;

/// The address of a new database on `PostgreSQL`, with all tables and nothing in them; `None` where it is not installed.
pub async fn postgres_database() -> Option<String> {
    let server = postgres::Server::of_this_process().await?;
    Some(server.database().await.unwrap())
}

/// Removes such a database.
pub async fn drop_postgres_database(url: &str) {
    if let Some(server) = postgres::Server::of_this_process().await {
        server.drop(url).await.unwrap();
    }
}

/// A figure that the environment can raise.
pub fn figure(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

pub use at_once::at_once;
pub use clock::{TestClock, at};
pub use cluster::Cluster;
pub use database::{TestDatabase, on};
pub use fixtures::{Tenant, capture, ids, value};
pub use matricula_persistence::Engine;
pub use raw::Raw;

/// Makes of each contract a test on `SQLite` and a test on `PostgreSQL`. A contract that is not named here is dead code, and clippy says so.
#[macro_export]
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                $crate::on($crate::Engine::Sqlite, super::$test).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                $crate::on($crate::Engine::Postgres, super::$test).await;
            }
        }
    )+};
}

/// Makes a test of each contract that only `PostgreSQL` has to keep.
#[macro_export]
macro_rules! on_postgres {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                $crate::on($crate::Engine::Postgres, super::$test).await;
            }
        }
    )+};
}
