//! The settings: `config/default.toml` < the environment's file < `MATRICULA_*` variables.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use config::{Config, Environment, File, FileFormat};
use matricula_domain::shared::{EmailAddress, Line};
use matricula_gateways::file_inspector::FileLimits;
use matricula_gateways::mail::{Destination, Dkim};
use matricula_gateways::object_store::{Bucket, Location};
use matricula_gateways::relying_party::Neighborhood;
use matricula_persistence::{Engine, Options};
use matricula_ports::notifications::Mailbox;
use matricula_web::Rates;
use serde::Deserialize;

const DEFAULTS: &str = include_str!("../../../config/default.toml");

/// The settings as they are written.
#[derive(Clone, Debug, Deserialize)]
struct Written {
    database_url: String,
    key_store_url: String,
    database_connections: u32,
    listen: String,
    metrics_listen: String,
    workers: usize,
    request_deadline: u64,
    stop_deadline: u64,
    trusted_proxies: String,
    public_requests_per_address: u32,
    public_files_per_address: u32,
    leads_per_organization: u32,
    sign_ins_per_address: u32,
    public_url: String,
    mail_url: String,
    mail_from: String,
    mail_timeout: u64,
    mail_authority: String,
    mail_dkim_selector: String,
    mail_dkim_key: String,
    provider_timeout: u64,
    local_providers: bool,
    webhook_timeout: u64,
    webhook_first_wait: u64,
    local_webhooks: bool,
    media_url: String,
    media_s3_endpoint: String,
    media_s3_region: String,
    media_s3_access_key_id: String,
    media_s3_secret_access_key: String,
    media_timeout: u64,
    media_upload_deadline: u64,
    media_quota: u64,
    media_image_limit: u64,
    media_pdf_limit: u64,
    media_mp4_limit: u64,
    media_pixel_limit: u64,
    jobs: bool,
    log: String,
    log_format: String,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// How mail is sent.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// Where it goes.
    pub destination: Destination,
    /// Who writes.
    pub sender: Mailbox,
    /// How long each step of a conversation with a server may take.
    pub timeout: Duration,
    /// What signs it.
    pub dkim: Option<Dkim>,
}

/// How identity providers are spoken to.
#[derive(Clone, Copy, Debug)]
pub struct ProviderSettings {
    /// Where they may stand.
    pub neighborhood: Neighborhood,
    /// How long each request may take.
    pub timeout: Duration,
}

/// How webhook endpoints are told facts.
#[derive(Clone, Copy, Debug)]
pub struct WebhookSettings {
    /// Where they may stand.
    pub neighborhood: Neighborhood,
    /// How long each message may take.
    pub timeout: Duration,
    /// After how long a message that failed is sent again for the first time; later tries wait longer, in proportion.
    pub first_wait: Duration,
}

/// Where files are kept, and how large they may be.
#[derive(Clone, Debug)]
pub struct MediaSettings {
    /// Where they are.
    pub location: Location,
    /// How long each request to a storage may take.
    pub timeout: Duration,
    /// How long an upload may take.
    pub upload_deadline: Duration,
    /// How many bytes the files of an organization may take.
    pub quota: u64,
    /// How large one may be.
    pub limits: FileLimits,
}

/// The settings, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The database.
    pub database: Options,
    /// The key store.
    pub key_store: Options,
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Where the metrics do.
    pub metrics_listen: Option<SocketAddr>,
    /// Threads that answer requests.
    pub workers: usize,
    /// How long a request may take.
    pub request_deadline: Duration,
    /// How long a stop waits.
    pub stop_deadline: Duration,
    /// Proxies that are believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// How much is too much.
    pub rates: Rates,
    /// Under which address people reach the program: links in mails begin with it.
    pub public_url: String,
    /// How mail is sent.
    pub mail: MailSettings,
    /// How identity providers are spoken to.
    pub providers: ProviderSettings,
    /// How webhook endpoints are told facts.
    pub webhooks: WebhookSettings,
    /// Where files are kept.
    pub media: MediaSettings,
    /// Whether this copy works on jobs.
    pub jobs: bool,
    /// What is logged.
    pub log: String,
    /// How it is logged.
    pub log_format: LogFormat,
}

impl Settings {
    /// Reads and checks the settings.
    ///
    /// # Errors
    /// What cannot be read or makes no sense, by its name.
    pub fn read() -> Result<Self> {
        let name = std::env::var("MATRICULA_ENVIRONMENT").unwrap_or_else(|_| "local".to_owned());
        let mut sources = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        sources = match std::env::var("MATRICULA_CONFIG") {
            Ok(path) => sources.add_source(File::new(&path, FileFormat::Toml).required(true)),
            Err(_) => sources.add_source(File::new(&format!("config/{name}.toml"), FileFormat::Toml).required(false)),
        };
        if let Ok(url) = std::env::var("DATABASE_URL") {
            sources = sources.set_override("database_url", url)?;
        }
        sources = sources.add_source(Environment::with_prefix("MATRICULA").prefix_separator("_").try_parsing(true));
        for key in
            ["database_url", "key_store_url", "mail_url", "mail_authority", "mail_dkim_key", "media_s3_access_key_id", "media_s3_secret_access_key"]
        {
            let variable = format!("MATRICULA_{}_FILE", key.to_uppercase());
            if let Ok(path) = std::env::var(&variable) {
                let text = std::fs::read_to_string(&path).with_context(|| format!("{variable}: cannot read the file"))?;
                sources = sources.set_override(key, text.trim())?;
            }
        }
        // DATABASE_URL is honoured, but what is said to this program alone goes over it.
        if let Ok(url) = std::env::var("MATRICULA_DATABASE_URL") {
            sources = sources.set_override("database_url", url)?;
        }
        let written: Written = sources.build().and_then(Config::try_deserialize).context("the configuration")?;
        Self::check(written)
    }

    /// The defaults on another database, for tests and demonstrations: a free port, no metrics.
    ///
    /// # Errors
    /// None that a test would meet.
    pub fn on(database_url: &str) -> Result<Self> {
        let defaults = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml)).build()?;
        let written: Written = defaults.try_deserialize()?;
        Self::check(Written {
            database_url: database_url.to_owned(),
            listen: "127.0.0.1:0".to_owned(),
            metrics_listen: String::new(),
            log: "warn".to_owned(),
            ..written
        })
    }

    fn check(written: Written) -> Result<Self> {
        ensure!(Engine::of_url(&written.database_url).is_some(), "database_url must begin with sqlite:// or postgres://");
        let workers = if written.workers == 0 { std::thread::available_parallelism().map_or(2, usize::from) } else { written.workers };
        ensure!(workers <= 256, "workers must be at most 256");
        let mail = MailSettings::check(&written)?;
        let media = MediaSettings::check(&written)?;
        let mut database = Options::new(written.database_url);
        if written.database_connections > 0 {
            database.connections = written.database_connections;
        } else if Engine::of_url(&database.url) == Some(Engine::Postgres) {
            database.connections = u32::try_from(workers * 4).unwrap_or(16);
        }
        ensure!(database.connections <= 1000, "database_connections must be at most 1000");
        let mut key_store = database.key_store();
        if !written.key_store_url.is_empty() {
            ensure!(Engine::of_url(&written.key_store_url).is_some(), "key_store_url must begin with sqlite:// or postgres://");
            key_store.url = written.key_store_url;
        }
        let seconds = |name: &str, value: u64| {
            ensure!((1..=3600).contains(&value), "{name} must be between 1 and 3600 seconds");
            Ok(Duration::from_secs(value))
        };
        let rate = |name: &str, value: u32| NonZeroU32::new(value).with_context(|| format!("{name} must be at least 1"));
        let listen: SocketAddr = written.listen.parse().context("listen must be an address and a port, such as 127.0.0.1:8080")?;
        let proxies = written.trusted_proxies.split(',').map(str::trim).filter(|proxy| !proxy.is_empty());
        Ok(Self {
            database,
            key_store,
            listen,
            public_url: public_url(&written.public_url, listen)?,
            mail,
            media,
            metrics_listen: match written.metrics_listen.as_str() {
                "" => None,
                address => Some(address.parse().context("metrics_listen must be an address and a port, or empty")?),
            },
            workers,
            request_deadline: seconds("request_deadline", written.request_deadline)?,
            stop_deadline: seconds("stop_deadline", written.stop_deadline)?,
            trusted_proxies: proxies.map(|proxy| proxy.parse().context("trusted_proxies must be addresses")).collect::<Result<_>>()?,
            rates: Rates {
                public_per_address: rate("public_requests_per_address", written.public_requests_per_address)?,
                files_per_address: rate("public_files_per_address", written.public_files_per_address)?,
                leads_per_organization: rate("leads_per_organization", written.leads_per_organization)?,
                sign_ins_per_address: rate("sign_ins_per_address", written.sign_ins_per_address)?,
            },
            providers: ProviderSettings {
                neighborhood: if written.local_providers { Neighborhood::Anywhere } else { Neighborhood::Public },
                timeout: seconds("provider_timeout", written.provider_timeout)?,
            },
            webhooks: WebhookSettings {
                neighborhood: if written.local_webhooks { Neighborhood::Anywhere } else { Neighborhood::Public },
                timeout: seconds("webhook_timeout", written.webhook_timeout)?,
                first_wait: seconds("webhook_first_wait", written.webhook_first_wait)?,
            },
            jobs: written.jobs,
            log: written.log,
            log_format: match written.log_format.as_str() {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                _ => bail!("log_format must be text or json"),
            },
        })
    }

    /// Limits so wide that nobody meets them, for demonstrations and measurements.
    #[must_use]
    pub fn wide_open(mut self) -> Self {
        let wide = NonZeroU32::MAX;
        self.rates = Rates { public_per_address: wide, files_per_address: wide, leads_per_organization: wide, sign_ins_per_address: wide };
        self
    }
}

impl MailSettings {
    fn check(written: &Written) -> Result<Self> {
        let (url, from, authority, timeout) = (&written.mail_url, &written.mail_from, &written.mail_authority, written.mail_timeout);
        let (selector, key) = (written.mail_dkim_selector.as_str(), written.mail_dkim_key.as_str());
        let mut destination = Destination::parse(url).map_err(|why| anyhow!("mail_url {why}"))?;
        if !authority.is_empty() {
            ensure!(authority.contains("-----BEGIN CERTIFICATE-----"), "mail_authority must be a certificate in PEM form");
            match &mut destination {
                Destination::Smtp(server) => server.authority = Some(authority.to_owned()),
                _ => bail!("mail_authority vouches for a server, but mail_url leads to none"),
            }
        }
        let sender = sender(from).context("mail_from must be an address, or a name and an address: Academia <no-reply@example.es>")?;
        let domain = sender.address.as_str().rsplit_once('@').map_or("", |(_, domain)| domain);
        if matches!(destination, Destination::Smtp(_)) {
            ensure!(!domain.ends_with(".invalid"), "mail_from must be an address of yours, since mail_url leads to a server");
        }
        // Twice this long, and a worker's lease is nearly over.
        ensure!((1..=25).contains(&timeout), "mail_timeout must be between 1 and 25 seconds");
        let dkim = match (selector, key) {
            ("", "") => None,
            ("", _) => bail!("mail_dkim_selector must name where in the DNS the key of mail_dkim_key is"),
            (selector, key) => {
                let plain = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
                ensure!(selector.len() <= 63 && selector.split('.').all(plain), "mail_dkim_selector must be a name of the DNS, such as s2026");
                Some(Dkim::new(domain, selector, key).context("mail_dkim_key")?)
            }
        };
        Ok(Self { destination, sender, timeout: Duration::from_secs(timeout), dkim })
    }
}

/// How many bytes a mebibyte has.
const MEBIBYTE: u64 = 1024 * 1024;

impl MediaSettings {
    fn check(written: &Written) -> Result<Self> {
        let bucket = Bucket {
            name: String::new(),
            endpoint: Some(written.media_s3_endpoint.clone()).filter(|endpoint| !endpoint.is_empty()),
            region: written.media_s3_region.clone(),
            access_key_id: written.media_s3_access_key_id.clone(),
            secret_access_key: written.media_s3_secret_access_key.clone(),
        };
        let location = Location::parse(&written.media_url, bucket).map_err(|why| anyhow!(why))?;
        ensure!((1..=60).contains(&written.media_timeout), "media_timeout must be between 1 and 60 seconds");
        ensure!((1..=3600).contains(&written.media_upload_deadline), "media_upload_deadline must be between 1 and 3600 seconds");
        let mebibytes = |name: &str, value: u64, most: u64| {
            ensure!((1..=most).contains(&value), "{name} must be between 1 and {most} MiB");
            Ok(value * MEBIBYTE)
        };
        ensure!((1..=200).contains(&written.media_pixel_limit), "media_pixel_limit must be between 1 and 200 million pixels");
        Ok(Self {
            location,
            timeout: Duration::from_secs(written.media_timeout),
            upload_deadline: Duration::from_secs(written.media_upload_deadline),
            quota: mebibytes("media_quota", written.media_quota, 1024 * 1024 * 1024)?,
            limits: FileLimits {
                image_bytes: mebibytes("media_image_limit", written.media_image_limit, 100)?,
                pdf_bytes: mebibytes("media_pdf_limit", written.media_pdf_limit, 100)?,
                mp4_bytes: mebibytes("media_mp4_limit", written.media_mp4_limit, 4096)?,
                pixels: written.media_pixel_limit * 1_000_000,
            },
        })
    }
}

/// `Name <address>`, or an address alone.
fn sender(from: &str) -> Option<Mailbox> {
    let (name, address) = match from.trim().strip_suffix('>') {
        Some(named) => named.split_once('<')?,
        None => ("", from),
    };
    let name = name.trim().trim_matches('"');
    let name = if name.is_empty() { None } else { Some(Line::parse(name).ok()?) };
    Some(Mailbox { name, address: EmailAddress::parse(address).ok()? })
}

/// The address under which people reach the program, without a slash at its end.
fn public_url(written: &str, listen: SocketAddr) -> Result<String> {
    let url = written.trim_end_matches('/');
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match (url, host) {
        ("", _) => Ok(format!("http://{listen}")),
        (_, Some(host)) if !host.is_empty() && !url.contains(|c: char| c.is_whitespace() || c.is_control() || "#?\"<>".contains(c)) => {
            Ok(url.to_owned())
        }
        _ => bail!("public_url must be an address such as https://matricula.example.es, or empty"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Written {
        Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml)).build().unwrap().try_deserialize().unwrap()
    }

    #[test]
    fn the_defaults_are_fine() {
        let settings = Settings::check(written()).unwrap();
        assert_eq!(settings.key_store.url, "sqlite://data/matricula.keys.db");
        assert!(settings.workers >= 1 && settings.jobs);
    }

    #[test]
    fn a_wrong_value_is_named() {
        type Wrong = fn(&mut Written);
        let wrongs: [(&str, Wrong); 30] = [
            ("database_url", |w| w.database_url = "mysql://x".into()),
            ("key_store_url", |w| w.key_store_url = "x".into()),
            ("listen", |w| w.listen = "everywhere".into()),
            ("metrics_listen", |w| w.metrics_listen = "9464".into()),
            ("request_deadline", |w| w.request_deadline = 0),
            ("trusted_proxies", |w| w.trusted_proxies = "10.0.0.1, proxy".into()),
            ("sign_ins_per_address", |w| w.sign_ins_per_address = 0),
            ("public_url", |w| w.public_url = "matricula.example.es".into()),
            ("public_url", |w| w.public_url = "https://matricula.example.es/#x".into()),
            ("mail_url", |w| w.mail_url = "sendmail".into()),
            ("mail_url", |w| w.mail_url = "smtp://user@mail.example.es".into()),
            ("mail_from", |w| w.mail_from = "nobody".into()),
            ("mail_from", |w| w.mail_from = "A\r\nBcc: b@example.es <a@example.es>".into()),
            ("mail_from", |w| w.mail_url = "smtps://mail.example.es".into()),
            ("mail_authority", |w| w.mail_authority = "-----BEGIN CERTIFICATE-----".into()),
            ("mail_authority", |w| {
                w.mail_url = "smtps://mail.example.es".into();
                w.mail_from = "a@example.es".into();
                w.mail_authority = "certificate".into();
            }),
            ("mail_timeout", |w| w.mail_timeout = 0),
            ("mail_dkim_selector", |w| w.mail_dkim_key = "key".into()),
            ("mail_dkim_selector", |w| w.mail_dkim_selector = "s1; d=other".into()),
            ("mail_dkim_key", |w| w.mail_dkim_selector = "s1".into()),
            ("provider_timeout", |w| w.provider_timeout = 0),
            ("webhook_timeout", |w| w.webhook_timeout = 0),
            ("webhook_first_wait", |w| w.webhook_first_wait = 0),
            ("media_url", |w| w.media_url = "data/media".into()),
            ("media_s3_access_key_id", |w| w.media_url = "s3://media".into()),
            ("media_timeout", |w| w.media_timeout = 0),
            ("media_upload_deadline", |w| w.media_upload_deadline = 0),
            ("media_quota", |w| w.media_quota = 0),
            ("media_pixel_limit", |w| w.media_pixel_limit = 1000),
            ("log_format", |w| w.log_format = "xml".into()),
        ];
        for (name, wrong) in wrongs {
            let mut written = written();
            wrong(&mut written);
            let error = format!("{:#}", Settings::check(written).unwrap_err());
            assert!(error.contains(name), "{name}: {error}");
        }
    }
}
