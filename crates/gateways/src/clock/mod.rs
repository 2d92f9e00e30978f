//! The clock.

mod system;

pub use system::SystemClock;
