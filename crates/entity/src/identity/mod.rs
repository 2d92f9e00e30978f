//! Organizations, who works for them, and who is signed in.

pub mod api_keys;
pub mod dedicated_databases;
pub mod groups;
pub mod login_sessions;
pub mod login_throttles;
pub mod memberships;
pub mod one_time_links;
pub mod organizations;
pub mod roles;
pub mod second_factors;
pub mod user_groups;
pub mod users;
