//! Organizations, who works for them, and who is signed in.

pub mod login_sessions;
pub mod login_throttles;
pub mod memberships;
pub mod one_time_links;
pub mod organizations;
pub mod second_factors;
pub mod users;
