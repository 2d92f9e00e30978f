use std::fmt;
use std::path::PathBuf;

use url::Url;

use crate::host::is_here;

/// Where mail goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Onto standard output: `console`.
    Console,
    /// Into a folder, a file a mail: `folder:data/mail`.
    Folder(PathBuf),
    /// To a server: `smtp://user:password@mail.example.es:587` or `smtps://…`.
    Smtp(Server),
}

/// A server that takes mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    /// Its name, which its certificate must have.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub security: Security,
    /// User and password, for a server that wants them.
    pub credentials: Option<(String, String)>,
    /// The certificate of the authority that vouches for it, as PEM, where that is none of those that everybody knows.
    pub authority: Option<String>,
}

/// The password is nobody's who only debugs.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("host", &self.host).field("port", &self.port).field("security", &self.security).finish_non_exhaustive()
    }
}

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS after `STARTTLS`; a server that does not offer it gets nothing.
    StartTls,
    /// In the open: to a server on the same machine, or where `?tls=none` says so.
    None,
}

impl Destination {
    /// Reads a destination as it is written in the settings.
    ///
    /// # Errors
    /// What is wrong with it, in words that hold no password.
    pub fn parse(written: &str) -> Result<Self, &'static str> {
        if written == "console" {
            return Ok(Self::Console);
        }
        if let Some(folder) = written.strip_prefix("folder:") {
            return if folder.is_empty() { Err("folder: needs a path after it, as in folder:data/mail") } else { Ok(Self::Folder(folder.into())) };
        }
        let url = Url::parse(written).map_err(|_| "must be console, folder:PATH, smtp://… or smtps://…")?;
        let implicit = match url.scheme() {
            "smtps" => true,
            "smtp" => false,
            _ => return Err("must be console, folder:PATH, smtp://… or smtps://…"),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("names no server")?.to_owned();
        let in_the_open = match url.query() {
            None => false,
            Some("tls=none") if !implicit => true,
            Some(_) => return Err("may end in ?tls=none behind smtp://, and in nothing else"),
        };
        let security = match (implicit, in_the_open || is_here(&host)) {
            (true, _) => Security::Tls,
            (false, true) => Security::None,
            (false, false) => Security::StartTls,
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, Some(password)) if !user.is_empty() => Some((decoded(user)?, decoded(password)?)),
            _ => return Err("needs user and password, or neither"),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err("must end behind the port; write special characters of the password as %XX");
        }
        let port = url.port().unwrap_or(if implicit { 465 } else { 587 });
        Ok(Self::Smtp(Server { host, port, security, credentials, authority: None }))
    }
}

/// What `%XX` stands for.
fn decoded(text: &str) -> Result<String, &'static str> {
    const WRONG: &str = "user and password must be UTF-8, with special characters as %XX";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next(), rest.next()].map(|digit| digit.and_then(|digit| char::from(digit).to_digit(16)));
            let [Some(high), Some(low)] = digits else { return Err(WRONG) };
            bytes.push(u8::try_from(high * 16 + low).map_err(|_| WRONG)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| WRONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(written: &str) -> Server {
        match Destination::parse(written) {
            Ok(Destination::Smtp(server)) => server,
            other => panic!("{written}: {other:?}"),
        }
    }

    #[test]
    fn a_destination_is_read() {
        assert_eq!(Destination::parse("console"), Ok(Destination::Console));
        assert_eq!(Destination::parse("folder:data/mail"), Ok(Destination::Folder("data/mail".into())));
        let with_all = server("smtps://no%40reply:p%C3%A1ss%2F@mail.example.es:2465");
        assert_eq!((with_all.host.as_str(), with_all.port, with_all.security), ("mail.example.es", 2465, Security::Tls));
        assert_eq!(with_all.credentials, Some(("no@reply".to_owned(), "páss/".to_owned())));
        assert!(!format!("{with_all:?}").contains("páss"));
    }

    #[test]
    fn mail_leaves_the_machine_under_tls_unless_it_is_said_otherwise() {
        for (written, security, port) in [
            ("smtp://mail.example.es", Security::StartTls, 587),
            ("smtps://mail.example.es", Security::Tls, 465),
            ("smtp://mail.example.es:25?tls=none", Security::None, 25),
            ("smtp://localhost:1025", Security::None, 1025),
            ("smtp://127.0.0.1:1025", Security::None, 1025),
            ("smtp://[::1]:1025", Security::None, 1025),
            ("smtp://localhost.example.es", Security::StartTls, 587),
            ("smtp://10.0.0.1", Security::StartTls, 587),
        ] {
            let read = server(written);
            assert_eq!((read.security, read.port), (security, port), "{written}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_without_telling_the_password() {
        for written in [
            "",
            "smtp",
            "folder:",
            "http://mail.example.es",
            "smtp://",
            "smtp://user@mail.example.es",
            "smtp://:geheim@mail.example.es",
            "smtp://user:geheim@mail.example.es/path",
            "smtp://user:geheim%@mail.example.es",
            "smtps://user:geheim@mail.example.es?tls=none",
            "smtp://user:geheim@mail.example.es?tls=maybe",
        ] {
            let refused = Destination::parse(written).unwrap_err();
            assert!(!refused.contains("geheim"), "{written}");
        }
    }
}
