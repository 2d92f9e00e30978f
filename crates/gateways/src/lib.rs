//! The adapters towards the world beside the database, one folder a port.

pub mod clock;
pub mod ids;
pub mod mail;
pub mod passwords;
pub mod relying_party;
