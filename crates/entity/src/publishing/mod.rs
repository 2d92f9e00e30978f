//! What is published.

pub mod blog_posts;
