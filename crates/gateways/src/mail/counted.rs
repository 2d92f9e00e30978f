use async_trait::async_trait;
use matricula_ports::notifications::{Mail, MailError, Mailer};

/// Counts what came of each mail.
pub(super) struct Counted<M>(pub(super) M);

#[async_trait]
impl<M: Mailer> Mailer for Counted<M> {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let sent = self.0.send(mail).await;
        let outcome = match &sent {
            Ok(()) => "sent",
            Err(MailError::Again(_)) => "again",
            Err(MailError::Never(_)) => "never",
        };
        metrics::counter!("mails_total", "message" => mail.message.as_str(), "outcome" => outcome).increment(1);
        sent
    }
}
