use std::time::Duration;

use async_trait::async_trait;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use matricula_ports::notifications::{Mail, MailError, Mailer};

use super::composed::compose;
use super::destination::{Security, Server};
use super::dkim::Dkim;

/// How many connections to the server stay open at most.
const CONNECTIONS: u32 = 4;

/// How long one stays open that nobody uses.
const IDLE: Duration = Duration::from_secs(30);

/// Gives mail to a server.
pub(super) struct Smtp {
    server: Server,
    timeout: Duration,
    dkim: Option<Dkim>,
    transport: tokio::sync::OnceCell<AsyncSmtpTransport<Tokio1Executor>>,
}

impl Smtp {
    pub(super) fn to(server: &Server, timeout: Duration, dkim: Option<Dkim>) -> Self {
        Self { server: server.clone(), timeout, dkim, transport: tokio::sync::OnceCell::new() }
    }

    /// The connections, which are made on the runtime that sends first.
    async fn transport(&self, hello: &str) -> Result<&AsyncSmtpTransport<Tokio1Executor>, MailError> {
        self.transport.get_or_try_init(async || self.connect(hello)).await.map_err(|error| refusal(&error))
    }

    fn connect(&self, hello: &str) -> Result<AsyncSmtpTransport<Tokio1Executor>, Error> {
        let Server { host, port, security, credentials, authority } = &self.server;
        let parameters = || {
            let builder = TlsParameters::builder(host.clone());
            match authority {
                Some(authority) => builder.add_root_certificate(Certificate::from_pem(authority.as_bytes())?).build(),
                None => builder.build(),
            }
        };
        let tls = match security {
            Security::Tls => Tls::Wrapper(parameters()?),
            Security::StartTls => Tls::Required(parameters()?),
            Security::None => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host.trim_matches(['[', ']']))
            .port(*port)
            .tls(tls)
            .hello_name(ClientId::Domain(hello.to_owned()))
            .timeout(Some(self.timeout))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS).idle_timeout(IDLE));
        if let Some((user, password)) = credentials {
            builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
        }
        Ok(builder.build())
    }
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let (envelope, bytes) = compose(mail, self.dkim.as_ref())?;
        let hello = mail.from.address.as_str().rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        let transport = self.transport(hello).await?;
        // Each step has its time; a server that uses up all of it at each step has none left.
        match tokio::time::timeout(self.timeout * 2, transport.send_raw(&envelope, &bytes)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(refusal(&error)),
            Err(_) => Err(MailError::Again("the mail server took too long".to_owned())),
        }
    }
}

/// What an error means. What a server says may name the recipient, so only its code is passed on.
fn refusal(error: &Error) -> MailError {
    match error.status().map(|code| code.to_string()) {
        // It does not know us: the settings are to be mended, and the mail can wait for it.
        Some(code) if matches!(code.as_str(), "530" | "534" | "535" | "538") => {
            MailError::Again(format!("the mail server does not accept our credentials ({code})"))
        }
        Some(code) if error.is_permanent() => MailError::Never(format!("the mail server refused with {code}")),
        Some(code) => MailError::Again(format!("the mail server answered {code}")),
        None if error.is_timeout() => MailError::Again("the mail server did not answer in time".to_owned()),
        None if error.is_tls() => MailError::Again("the mail server's TLS failed".to_owned()),
        None if error.is_client() => {
            MailError::Again("the mail server does not offer what we need: STARTTLS, a way to sign in, or SMTPUTF8".to_owned())
        }
        None => MailError::Again("the mail server cannot be reached, or hung up".to_owned()),
    }
}
