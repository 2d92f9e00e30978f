//! What is published.

pub mod blog_posts;
pub mod media_assets;
pub mod media_links;
pub mod media_usage;
