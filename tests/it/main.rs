//! The tests.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(clippy::similar_names, clippy::match_same_arms, reason = "a test names what its context names; a table of cases has one row for each")]

mod contract;
mod http;
mod mail;
mod schema;
