//! Randomness.

mod system;

pub use system::SystemIds;
