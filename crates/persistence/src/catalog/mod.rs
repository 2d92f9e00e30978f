//! The catalog: the repositories of courses and their runs, and what screens read.

mod course;
mod course_run;
mod queries;
mod redirect;
mod seo_metadata;
mod seo_queries;

pub(crate) use course::price;
