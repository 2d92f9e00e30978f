//! People, and what they can be recognized by.

#[expect(clippy::module_inception, reason = "the table is called like its context")]
pub mod people;
pub mod person_identifiers;
