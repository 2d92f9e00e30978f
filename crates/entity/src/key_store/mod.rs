//! The keys that personal data is sealed under; a database of its own.

pub mod person_keys;
pub mod secrets;
