//! A mail server for tests, which takes mail in a real SMTP conversation, or refuses it in one of the ways in which servers do.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mail_parser::MessageParser;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// How a server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manners {
    /// It takes everything.
    Takes,
    /// It answers the recipient with this code.
    RefusesRecipient(u16),
    /// It answers the whole mail with this code.
    RefusesMail(u16),
    /// It does not believe anybody's password.
    RefusesCredentials,
    /// It takes the connection and says nothing.
    Hangs,
    /// It hangs up in the middle of the mail.
    HangsUp,
}

/// A mail that was taken: between whom, and its bytes.
#[derive(Clone, Debug)]
pub struct Taken {
    /// From whom, as the envelope says.
    pub from: String,
    /// To whom, as the envelope says.
    pub to: Vec<String>,
    /// The mail.
    pub bytes: Vec<u8>,
}

/// The server. It goes on for as long as its runtime.
#[derive(Clone, Debug)]
pub struct Sink {
    /// Its port on this machine.
    pub port: u16,
    state: Arc<Mutex<State>>,
}

/// What a server shows to prove who it is.
#[derive(Clone)]
pub struct Certified {
    /// The certificate of the authority that vouches for it, as PEM.
    pub authority: String,
    acceptor: TlsAcceptor,
}

impl Certified {
    /// A certificate for this name, by an authority that nobody knows.
    pub fn for_name(name: &str) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        Self { authority: authority.pem(), acceptor: TlsAcceptor::from(Arc::new(config)) }
    }
}

/// When a server begins to speak TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// With the first byte.
    AtOnce,
    /// After `STARTTLS`.
    WhenAsked,
}

#[derive(Debug)]
struct State {
    manners: Manners,
    taken: Vec<Taken>,
}

impl Sink {
    /// A server that behaves so, in the open.
    pub async fn open(manners: Manners) -> Self {
        Self::listen(manners, None).await
    }

    /// A server that takes everything, and speaks TLS.
    pub async fn certified(certified: &Certified, begins: Begins) -> Self {
        Self::listen(Manners::Takes, Some((certified.acceptor.clone(), begins))).await
    }

    async fn listen(manners: Manners, tls: Option<(TlsAcceptor, Begins)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = Arc::new(Mutex::new(State { manners, taken: Vec::new() }));
        let sink = Self { port: listener.local_addr().unwrap().port(), state };
        let serving = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sink, tls) = (serving.clone(), tls.clone());
                // A client that goes away is none of the server's business.
                tokio::spawn(async move {
                    match tls {
                        None => _ = sink.converse(stream, true, false).await?,
                        Some((acceptor, Begins::AtOnce)) => _ = sink.converse(acceptor.accept(stream).await?, true, false).await?,
                        Some((acceptor, Begins::WhenAsked)) => {
                            if let Some(stream) = sink.converse(stream, true, true).await? {
                                sink.converse(acceptor.accept(stream).await?, false, false).await?;
                            }
                        }
                    }
                    Ok::<_, io::Error>(())
                });
            }
        });
        sink
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on it behaves so.
    pub fn behave(&self, manners: Manners) {
        self.state().manners = manners;
    }

    /// What it has taken.
    pub fn taken(&self) -> Vec<Taken> {
        self.state().taken.clone()
    }

    /// Speaks with a client: greets, if it has not been greeted, and offers TLS, if it can. The answer is the connection, if TLS was asked for.
    async fn converse<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, greets: bool, offers: bool) -> io::Result<Option<S>> {
        let mut lines = BufReader::new(stream);
        if self.state().manners == Manners::Hangs {
            tokio::time::sleep(Duration::from_hours(1)).await;
        }
        if greets {
            say(&mut lines, "220 sink.example.es ready").await?;
        }
        let (mut from, mut to) = (String::new(), Vec::new());
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line).await? == 0 {
                return Ok(None);
            }
            let (line, manners) = (line.trim_end(), self.state().manners);
            let verb = line.to_ascii_uppercase();
            let answer = match (manners, verb.as_str()) {
                (Manners::RefusesCredentials, verb) if verb.starts_with("AUTH") => "535 5.7.8 never heard of you".to_owned(),
                (_, "STARTTLS") if offers => {
                    say(&mut lines, "220 begin").await?;
                    return Ok(Some(lines.into_inner()));
                }
                // Before it is asked for, nothing else is to be had.
                (_, verb) if offers && verb.starts_with("EHLO") => "250-sink.example.es\r\n250 STARTTLS".to_owned(),
                (_, verb) if verb.starts_with("EHLO") => "250-sink.example.es\r\n250-8BITMIME\r\n250-AUTH PLAIN\r\n250 SMTPUTF8".to_owned(),
                (_, verb) if verb.starts_with("AUTH") => "235 welcome".to_owned(),
                (_, verb) if verb.starts_with("MAIL FROM") => {
                    (from, to) = (address(line), Vec::new());
                    "250 fine".to_owned()
                }
                (Manners::RefusesRecipient(code), verb) if verb.starts_with("RCPT TO") => format!("{code} {} is not wanted", address(line)),
                (_, verb) if verb.starts_with("RCPT TO") => {
                    to.push(address(line));
                    "250 fine".to_owned()
                }
                (_, "DATA") => {
                    say(&mut lines, "354 go on").await?;
                    let bytes = data(&mut lines).await?;
                    match manners {
                        Manners::HangsUp => return Ok(None),
                        Manners::RefusesMail(code) => format!("{code} not for {}", to.join(" ")),
                        _ => {
                            self.state().taken.push(Taken { from: from.clone(), to: to.clone(), bytes });
                            "250 taken".to_owned()
                        }
                    }
                }
                (_, "QUIT") => return say(&mut lines, "221 bye").await.map(|()| None),
                (_, "RSET" | "NOOP") => "250 fine".to_owned(),
                _ => "500 what?".to_owned(),
            };
            say(&mut lines, &answer).await?;
        }
    }
}

async fn say<W: AsyncWrite + Unpin>(write: &mut W, what: &str) -> io::Result<()> {
    write.write_all(format!("{what}\r\n").as_bytes()).await?;
    write.flush().await
}

/// What stands between the first angle brackets.
fn address(line: &str) -> String {
    line.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}

/// The mail up to the line with a single dot.
async fn data<R: AsyncBufRead + Unpin>(lines: &mut R) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let mut line = Vec::new();
        if lines.read_until(b'\n', &mut line).await? == 0 || line == b".\r\n" {
            return Ok(bytes);
        }
        let unstuffed = if line.starts_with(b"..") { &line[1..] } else { &line[..] };
        bytes.extend_from_slice(unstuffed);
    }
}

/// A mail as a mail program shows it.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The names of its header's fields, as they are written.
    pub headers: Vec<String>,
    /// The address of who writes.
    pub from: String,
    /// The address of whoever gets it.
    pub to: String,
    /// The name of whoever gets it.
    pub to_name: Option<String>,
    /// What it is about.
    pub subject: String,
    /// Its plain text.
    pub text: String,
    /// Its HTML.
    pub html: String,
}

impl Letter {
    /// Reads a mail.
    pub fn read(bytes: &[u8]) -> Self {
        let mail = MessageParser::default().parse(bytes).unwrap();
        let (from, to) = (one(mail.from()), one(mail.to()));
        Self {
            headers: mail.headers_raw().map(|(name, _)| name.to_owned()).collect(),
            from: from.1,
            to: to.1,
            to_name: to.0,
            subject: mail.subject().unwrap_or_default().to_owned(),
            text: mail.body_text(0).unwrap_or_default().into_owned(),
            html: mail.body_html(0).unwrap_or_default().into_owned(),
        }
    }

    /// What opens the link that it brings.
    pub fn token(&self) -> String {
        let link = self.text.lines().find(|line| line.starts_with("http")).unwrap_or_else(|| panic!("no link: {self:?}"));
        link.split_once('#').unwrap_or_else(|| panic!("no token: {link}")).1.trim().to_owned()
    }
}

/// The name and the address of the first mailbox of several.
fn one(mailboxes: Option<&mail_parser::Address<'_>>) -> (Option<String>, String) {
    let first = mailboxes.and_then(|mailboxes| mailboxes.first()).unwrap();
    (first.name().map(str::to_owned), first.address().unwrap_or_default().to_owned())
}
