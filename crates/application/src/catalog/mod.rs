//! The catalog: courses and runs. (Cycles and campuses are records.)

mod course;
mod course_run;
mod error;
mod merge_run;
mod redirect;
mod seo_metadata;

#[cfg(test)]
mod tests;

pub use error::CatalogError;
pub use merge_run::Merged;
pub(crate) use redirect::{Before, follow_slug};

use crate::World;

/// The use cases of courses and runs, and of how their pages are found.
#[derive(Clone)]
pub struct Catalog {
    world: World,
}

impl Catalog {
    /// Over this world.
    pub fn new(world: World) -> Self {
        Self { world }
    }
}
