//! The catalog: the repositories of courses and their runs, what screens read, and what is searched.

mod course;
mod course_run;
mod queries;
mod redirect;
mod search;
mod seo_metadata;
mod seo_queries;
