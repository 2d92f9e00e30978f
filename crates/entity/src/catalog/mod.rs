//! What is taught, where and when.

pub mod course_campuses;
pub mod course_runs;
pub mod courses;
pub mod redirects;
pub mod search_index;
pub mod search_words;
pub mod seo_metadata;
