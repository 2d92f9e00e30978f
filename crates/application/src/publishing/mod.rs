//! Publishing: what is done with posts and media. (Questions and answers are records.)

mod blog_post;
mod error;
mod media;
mod publish_due;
mod views;

#[cfg(test)]
mod tests;

pub use error::PublishingError;
pub use media::{Media, MediaError};
pub use publish_due::{BLOG_POST_DUE, BlogPostPublisher};
pub use views::Views;

use crate::World;

/// The use cases of blog posts.
#[derive(Clone)]
pub struct Publishing {
    world: World,
}

impl Publishing {
    /// Over this world.
    pub fn new(world: World) -> Self {
        Self { world }
    }
}
