use std::io::Write;

use async_trait::async_trait;
use matricula_ports::notifications::{Mail, MailError, Mailer};

/// Prints mail, for work on one's own machine.
pub(super) struct Console;

#[async_trait]
impl Mailer for Console {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let said = format!("\n--- to {} · {}\n{}\n---\n", mail.to.address.as_str(), mail.subject, mail.text.trim_end());
        std::io::stdout().write_all(said.as_bytes()).map_err(|error| MailError::Again(format!("standard output: {}", error.kind())))
    }
}
