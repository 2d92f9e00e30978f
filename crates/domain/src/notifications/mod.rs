//! What the program tells people by mail: which messages there are, in which languages, and what each of them may say.
//!
//! ```
//! use matricula_domain::notifications::Message;
//!
//! assert!(Message::PasswordReset.variables().contains(&"link"));
//! ```

mod message;

pub use message::Message;
