//! Mail: how a message is worded, and how it is sent.

use std::fmt;

use async_trait::async_trait;
use matricula_domain::notifications::Message;
use matricula_domain::shared::{EmailAddress, Instant, Language, Line};
use uuid::Uuid;

use crate::PortError;

/// Somebody who writes or gets a mail. Neither part can hold a line end or any other control character, so neither adds a header.
#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Their name, if it is known.
    pub name: Option<Line<200>>,
    /// Their address.
    pub address: EmailAddress,
}

/// A mailbox shows itself to nobody who only debugs.
impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox(…)")
    }
}

/// A mail, ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Its id, from which its `Message-ID` is made: a mail that is sent again is the same one.
    pub id: Uuid,
    /// When it was written.
    pub at: Instant,
    /// Which message it is.
    pub message: Message,
    /// Who writes.
    pub from: Mailbox,
    /// To whom.
    pub to: Mailbox,
    /// What it is about.
    pub subject: Line<500>,
    /// What it says, as plain text.
    pub text: String,
    /// What it says, as HTML.
    pub html: String,
    /// Further headers.
    pub headers: Vec<(&'static str, Line<900>)>,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("id", &self.id).field("message", &self.message).finish_non_exhaustive()
    }
}

/// Why a mail was not sent. The reason says nothing of whom it was for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// It may go better later.
    #[error("{0}")]
    Again(String),
    /// It never will.
    #[error("{0}")]
    Never(String),
}

/// Sends mail.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends one. Once this is `Ok`, somebody else has it; a mail whose sending was in doubt may come twice.
    ///
    /// # Errors
    /// [`MailError`], whose class says whether to try again.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}

/// What a message says, in the words of its language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording {
    /// What it is about.
    pub subject: Line<500>,
    /// As plain text.
    pub text: String,
    /// As HTML.
    pub html: String,
}

/// Puts messages into words.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Wordings: Send + Sync {
    /// Words a message in a language, with a value for each of its variables.
    ///
    /// # Errors
    /// [`PortError::Broken`] when a value is missing, or is one too many, or makes a subject that is none.
    fn word(&self, message: Message, language: Language, values: &[(&'static str, String)]) -> Result<Wording, PortError>;
}
