//! Publishing: the repositories of posts and media, what screens read, and what is counted.

mod blog_post;
mod queries;
mod views;

pub use views::ViewCounts;
