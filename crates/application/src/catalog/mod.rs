//! The catalog: courses and runs. (Cycles and campuses are records.)

mod course;
mod course_run;
mod error;

#[cfg(test)]
mod tests;

pub use error::CatalogError;

use crate::World;

/// The use cases of courses and runs.
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
