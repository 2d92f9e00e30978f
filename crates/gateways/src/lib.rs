//! The adapters towards the world beside the database, one folder a port.

pub mod clock;
pub mod file_inspector;
pub mod ids;
pub mod mail;
pub mod object_store;
pub mod passwords;
pub mod relying_party;
pub mod webhooks;

mod host;
mod neighborhood;
mod off_thread;
