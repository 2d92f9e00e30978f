//! Organizations, who works for them, and who is signed in.

pub mod api_keys;
pub mod dedicated_databases;
pub mod email_domains;
pub mod groups;
pub mod identity_providers;
pub mod login_sessions;
pub mod login_throttles;
pub mod memberships;
pub mod one_time_links;
pub mod organizations;
pub mod provider_identities;
pub mod provider_sign_ins;
pub mod roles;
pub mod second_factors;
pub mod user_groups;
pub mod users;
