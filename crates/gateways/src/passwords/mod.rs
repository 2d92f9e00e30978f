//! Passwords.

mod argon2id;

pub use argon2id::Argon2id;
