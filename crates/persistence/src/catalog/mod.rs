//! The catalog: the repositories of courses and their runs, and what screens read.

mod course;
mod course_run;
mod queries;

pub(crate) use queries::order_again;

use sea_orm::{EntityTrait, IdenStatic, Iterable};

/// The columns of a table under its alias, for a hand-made select whose rows are read as models. Named one by one: a statement that
/// was prepared with `*` fails once a migration adds a column under it.
pub(crate) fn columns<E: EntityTrait>(alias: &str) -> String {
    E::Column::iter().map(|column| format!("{alias}.{}", column.as_str())).collect::<Vec<_>>().join(", ")
}
