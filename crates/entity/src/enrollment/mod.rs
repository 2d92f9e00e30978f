//! Who has a place, who waits for one, and whom one is kept for.

pub mod enrollments;
pub mod seat_holds;
