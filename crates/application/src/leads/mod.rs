//! Leads: capture, change, assign, move, log, hold a seat for, convert; versions of forms.

mod assign;
mod capture;
mod change;
mod convert;
mod error;
mod hold;
mod log;
mod publish_form;
mod transition;

#[cfg(test)]
mod tests;

pub use capture::Captured;
pub use convert::Converted;
pub use error::LeadsError;
pub use log::Logged;

use crate::World;

/// The use cases of leads.
#[derive(Clone)]
pub struct Leads {
    world: World,
}

impl Leads {
    /// Over this world.
    pub fn new(world: World) -> Self {
        Self { world }
    }
}
