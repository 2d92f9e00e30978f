//! The catalog: the repositories of courses and their runs, and what screens read.

mod course;
mod course_run;
mod queries;

pub(crate) use queries::order_again;
