//! What the program tells people by mail: which messages there are, in which languages, and what each of them may say.
//!
//! ```
//! use matricula_domain::notifications::{Language, Message};
//!
//! assert_eq!(Language::of("es-MX"), Language::Spanish);
//! assert!(Message::PasswordReset.variables().contains(&"link"));
//! ```

mod message;

pub use message::{Language, Message};
