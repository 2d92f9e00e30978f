//! What the rules need from the world, as traits: repositories and the unit of work, queries for screens, the clock,
//! randomness, passwords, keys. Adapters implement them; use cases know nothing else of the world.
//!
//! The manners of a port: a look-up answers `Option`, because not finding is no failure; there is one error, [`PortError`];
//! a repository takes no organization, since [`Transactions::begin`] fixes it; a query port takes `&Scope` first.

mod error;
pub mod json;
mod page;
mod scope;
mod transaction;
mod world;

pub mod audit;
pub mod catalog;
pub mod enrollment;
pub mod identity;
pub mod leads;
pub mod notifications;
pub mod people;
pub mod privacy;
pub mod publishing;
pub mod records;
pub mod reporting;
pub mod search;

#[cfg(feature = "mocks")]
pub mod mocks;

pub use error::PortError;
pub use page::{Cursor, Order, Page, Slice};
pub use scope::{Actor, Once, Scope, StoredAnswer};
pub use transaction::{Transactions, Tx, UnitOfWork, transact};
pub use world::{Clock, Ids, Passwords};
