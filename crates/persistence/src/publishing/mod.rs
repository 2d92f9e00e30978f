//! Publishing: the repositories of posts and media, what screens read, and what is counted.

mod blog_post;
mod media_asset;
mod media_queries;
mod queries;
mod views;

pub use views::ViewCounts;
