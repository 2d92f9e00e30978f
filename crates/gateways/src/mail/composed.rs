use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox as Box, MultiPart};
use lettre::{Address, Message};
use matricula_ports::notifications::{Mail, MailError, Mailbox};

use super::dkim::Dkim;

/// A mail as it goes over the wire: between whom, and its bytes, signed if there is a key.
pub(super) fn compose(mail: &Mail, dkim: Option<&Dkim>) -> Result<(Envelope, Vec<u8>), MailError> {
    let from = mailbox(&mail.from)?;
    let message_id = format!("<{}@{}>", mail.id, from.email.domain());
    let mut message = Message::builder()
        .from(from)
        .to(mailbox(&mail.to)?)
        .subject(apart(mail.subject.as_str()))
        .date(mail.at.into())
        .message_id(Some(message_id))
        // Nobody wants the out-of-office note of somebody who asked for another password (RFC 3834).
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()));
    for (name, value) in &mail.headers {
        message = message.raw_header(HeaderValue::new(HeaderName::new_from_ascii((*name).to_owned()).map_err(never)?, apart(value.as_str())));
    }
    let message = message.multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone())).map_err(never)?;
    let bytes = message.formatted();
    let bytes = match dkim {
        Some(dkim) => dkim.sign(&bytes, mail.at).map_err(never)?,
        None => bytes,
    };
    Ok((message.envelope().clone(), bytes))
}

fn mailbox(mailbox: &Mailbox) -> Result<Box, MailError> {
    let (user, domain) = mailbox.address.as_str().rsplit_once('@').unwrap_or_default();
    let address = Address::new(user, domain).map_err(never)?;
    Ok(Box::new(mailbox.name.as_ref().map(|name| apart(name.as_str())), address))
}

/// What looks like an encoded word is written apart. Else mail programs would decode what somebody typed, line ends and all.
fn apart(typed: &str) -> String {
    typed.replace("=?", "= ?")
}

/// A mail that cannot be written down. What these errors say is about the kind of fault, never about whom.
fn never(error: impl std::fmt::Display) -> MailError {
    MailError::Never(format!("the mail cannot be written: {error}"))
}
