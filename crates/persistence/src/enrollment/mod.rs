//! Places in runs: the repositories of enrollments and seat holds, and what screens read.

#[expect(clippy::module_inception, reason = "the aggregate has the name of its context")]
mod enrollment;
mod queries;
mod seat_hold;
