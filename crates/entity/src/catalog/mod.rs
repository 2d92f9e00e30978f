//! What is taught, where and when.

pub mod course_campuses;
pub mod course_runs;
pub mod courses;
