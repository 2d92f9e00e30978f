//! The tables as sea-orm entities, one file a table, in the context that owns it.
//!
//! They say what is stored, and nothing of what it means: a word of a closed set is a `String` here and a type of its own
//! in the domain, and persistence stands between the two. Tables of records (cycles, campuses, campaigns) are not here,
//! because one piece of code asks and writes them all. Neither are columns that the database fills in itself (`xact`).
#![expect(missing_docs, reason = "a column says what it is by its name, a table by the first line of its file")]

pub mod audit;
pub mod catalog;
pub mod enrollment;
pub mod identity;
pub mod key_store;
pub mod leads;
pub mod notifications;
pub mod people;
pub mod privacy;
pub mod publishing;
