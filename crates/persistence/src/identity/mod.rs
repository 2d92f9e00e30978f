//! Identity: the repositories, and what authentication asks before an organization is known.

mod directory;
mod login_session;
mod one_time_link;
mod organization;
mod second_factor;
mod user;

pub use directory::Accounts;
