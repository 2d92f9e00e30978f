//! The sea-orm adapter: every port that needs a database, once, for `SQLite` and for `PostgreSQL`.
//!
//! `scoped` is the only door to a query, `unit` the unit of work; the modules of the contexts say what is read and written.

mod audit;
mod catalog;
mod convert;
mod database;
mod databases;
mod enrollment;
mod error;
mod export;
mod feed;
mod identity;
mod isolation;
mod key_store;
mod leads;
#[cfg(feature = "mutations")]
mod mutation;
mod noted;
mod notifications;
mod paging;
mod people;
#[cfg(feature = "plans")]
mod plans;
mod privacy;
mod publishing;
mod records;
mod reporting;
mod scoped;
mod sealing;
mod search;
mod sql;
mod statements;
mod unit;

pub use audit::{AuditStore, Signer};
pub use database::{Database, Engine, Options};
pub use databases::{Databases, Dedicated, Home};
pub use export::ExportedRow;
pub use identity::Accounts;
pub use isolation::Claim;
pub use key_store::KeyStore;
#[cfg(feature = "mutations")]
pub use mutation::without_filter;
pub use notifications::Queue;
#[cfg(feature = "plans")]
pub use plans::with_plans;
pub use publishing::ViewCounts;
pub use scoped::Queries;
pub use unit::Store;
