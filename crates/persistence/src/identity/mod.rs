//! Identity: the repositories, and what authentication asks before an organization is known.

mod api_key;
mod directory;
mod group;
mod identity_provider;
mod login_session;
mod one_time_link;
mod organization;
mod provider_sign_in;
mod queries;
mod rights;
mod role;
mod second_factor;
mod user;

pub use directory::Accounts;
