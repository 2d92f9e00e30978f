//! People: the repository, and what screens read.

mod person;
mod queries;

pub(crate) use person::{COLUMNS, identifiers_in, read_person};
pub(crate) use queries::{contains, names};
