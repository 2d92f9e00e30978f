//! The real program on a free port, and how tests speak with it.
//!
//! A test of the HTTP API is a function over a [`Service`]. Most tests share one running program for each engine and found an
//! organization of their own in it ([`shared`]); what stops the clock, the limits or the database has a program to itself ([`alone`]).

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use matricula_app::program::{Program, Running, open};
use matricula_app::settings::Settings;
use matricula_domain::identity::{NewUser, OrganizationDetails, OrganizationId, OrganizationStatus, Role};
use matricula_domain::shared::{Form as _, Id as _, Instant, LocalDate};
use matricula_gateways::clock::SystemClock;
use matricula_gateways::mail::Destination;
use matricula_gateways::object_store::Location;
use matricula_gateways::relying_party::Neighborhood;
use matricula_persistence::{Engine, Options};
use matricula_ports::identity::ConnectionString;
use matricula_ports::{Clock, Ids};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::cluster::Cluster;
use crate::database::TestDatabase;
use crate::fixtures::value;
use crate::scratch::SCRATCH;
use crate::sink::Letter;
use crate::speak::Client;

/// Where all tests of the HTTP API run: what they share (connections, above all) must not end with one of them.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());

/// The password of everybody who works anywhere in these tests.
pub const PASSWORD: &str = "correcto caballo batería grapa";

/// A running program with a database of its own.
pub struct Service {
    /// Where it answers.
    pub url: String,
    /// Its database, as it looks from behind.
    pub db: TestDatabase,
    clock: Arc<dyn Clock>,
    settings: Settings,
    mail: TempDir,
    media: Arc<TempDir>,
    operator: Program,
    http: reqwest::Client,
    // Dropped, it stops.
    _running: Running,
}

impl Service {
    async fn start(db: TestDatabase, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        let media = Arc::new(TempDir::with_prefix_in("matricula-media-", &*SCRATCH).unwrap());
        Self::start_with(db, clock, settings, media).await
    }

    async fn start_with(db: TestDatabase, clock: Arc<dyn Clock>, mut settings: Settings, media: Arc<TempDir>) -> Self {
        let mail = TempDir::with_prefix_in("matricula-mail-", &*SCRATCH).unwrap();
        if let Destination::Folder(folder) = &mut settings.mail.destination {
            mail.path().clone_into(folder);
        }
        if let Location::Folder(folder) = &mut settings.media.location {
            media.path().clone_into(folder);
        }
        let (of_program, wired) = (settings.clone(), Arc::clone(&clock));
        let ids: Arc<dyn Ids> = Arc::clone(&db.ids) as _;
        let running = Running::start(async move || wire(of_program, wired, ids).await).unwrap();
        let operator = wire(settings.clone(), Arc::clone(&clock), Arc::clone(&db.ids) as _).await.unwrap();
        // As the program's `main` does. Whoever was first has chosen the same.
        _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(100))
            // The program closes connections on which nothing comes for five seconds; whoever sends into one that is closing gets no answer. So
            // none is used twice.
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { url: running.url.clone(), db, clock, settings, mail, media, operator, http, _running: running }
    }

    /// Another copy of the program over the same database, which knows nothing yet.
    pub async fn another(&self) -> Self {
        Self::start_with(self.db.clone(), Arc::clone(&self.clock), self.settings.clone(), Arc::clone(&self.media)).await
    }

    /// Another copy of the program over the same database, with other settings.
    pub async fn with(&self, adjust: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.settings.clone();
        adjust(&mut settings);
        Self::start_with(self.db.clone(), Arc::clone(&self.clock), settings, Arc::clone(&self.media)).await
    }

    /// The program in the hands of the operator, as the command line has it.
    pub fn operator(&self) -> &Program {
        &self.operator
    }

    /// Which engine keeps its data.
    pub fn engine(&self) -> Engine {
        self.db.engine()
    }

    /// The files in the folder in which it keeps media, by their paths.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.media.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    folders.push(entry);
                } else {
                    let path = entry.strip_prefix(self.media.path()).unwrap().to_str().unwrap().to_owned();
                    files.insert(path, std::fs::read(entry).unwrap());
                }
            }
        }
        files
    }

    /// Puts a file into that folder, past the program, as if that had been so long ago.
    pub fn put_file(&self, path: &str, bytes: &[u8], age: Duration) {
        let path = self.media.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        let put = self.now() - chrono::TimeDelta::from_std(age).unwrap();
        std::fs::File::options().append(true).open(&path).unwrap().set_modified(put.into()).unwrap();
    }

    /// What time it is for the program.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Sets the clock of a program that has one of its own.
    pub fn it_is(&self, at: &str) {
        self.db.clock.set((at.parse::<Instant>().unwrap() - crate::clock::at(0)).num_seconds());
        assert_eq!(self.now(), at.parse::<Instant>().unwrap(), "this program shares the clock of the machine");
    }

    /// The day in so many days (or before today), in Madrid.
    pub fn day(&self, days: i64) -> LocalDate {
        // Days are added to the day: added to the hour before midnight, they end in another day where the clocks changed on the way.
        let today = matricula_domain::shared::TimeZone::MADRID.date_of(self.now());
        matricula_domain::shared::days_later(today, days).unwrap()
    }

    /// A word that nothing else here has, so that tests that share a program do not meet.
    pub fn unique(&self, word: &str) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        format!("{word}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
    }

    /// Somebody on the network who has not signed in. Each has an address of their own.
    pub fn visitor(&self) -> Client {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let [_, a, b, c] = COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        Client::new(self.http.clone(), self.url.clone(), format!("10.{a}.{b}.{c}"))
    }

    /// What opens the set-up of an installation in which nobody can sign in yet, as the program prints it.
    pub async fn setup_token(&self) -> Option<String> {
        self.operator.links().setup_token().await.unwrap()
    }

    /// The mails to an address so far, oldest first.
    pub fn mails(&self, to: &str) -> Vec<Letter> {
        let files = std::fs::read_dir(self.mail.path()).unwrap().map(|file| file.unwrap().path());
        let mut files: Vec<_> = files.filter(|file| file.extension().is_some_and(|end| end == "eml")).collect();
        files.sort();
        files.iter().map(|file| Letter::read(&std::fs::read(file).unwrap())).filter(|letter| letter.to == to).collect()
    }

    /// The mails to an address, once there are so many.
    pub async fn mailed(&self, to: &str, count: usize) -> Vec<Letter> {
        for _ in 0..300 {
            let mails = self.mails(to);
            if mails.len() >= count {
                assert_eq!(mails.len(), count, "{mails:?}");
                return mails;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{count} mails to {to} do not come, but {:?}", self.mails(to));
    }

    /// Founds an organization, as the operator does on the command line.
    pub async fn found(&self, slug: &str) -> Uuid {
        let founded = OrganizationId::from_uuid(self.found_as_it_comes(slug).await);
        // Who works in tests has no app that makes codes, but in those of second factors.
        self.operator.identity().ask_for_second_factor(founded, &[]).await.unwrap().id.as_uuid()
    }

    /// The same, where a second factor is asked for as in every new organization.
    pub async fn found_as_it_comes(&self, slug: &str) -> Uuid {
        let details = details(slug);
        self.operator.identity().found(&details, None).await.unwrap().id.as_uuid()
    }

    /// Founds an organization in a database that it has to itself, as the operator does on the command line.
    ///
    /// # Errors
    /// What the command line says.
    pub async fn found_apart(&self, slug: &str, url: &str) -> anyhow::Result<Uuid> {
        let founded = self.operator.found(&details(slug), Some(&ConnectionString::new(url))).await?;
        Ok(self.operator.identity().ask_for_second_factor(founded.id, &[]).await?.id.as_uuid())
    }

    /// Suspends, activates or closes an organization, as the operator does on the command line.
    pub async fn move_organization(&self, organization: Uuid, to: &str) {
        let to = OrganizationStatus::from_word(to).unwrap();
        self.operator.identity().move_organization(OrganizationId::from_uuid(organization), to).await.unwrap();
        // Another copy of the program has done it: this one believes what it remembers for so long.
        tokio::time::sleep(Duration::from_millis(5_500)).await;
    }

    /// Closes an organization, as the operator does on the command line.
    ///
    /// # Errors
    /// As there.
    pub async fn close(&self, organization: Uuid, folder: &Path) -> anyhow::Result<()> {
        self.operator.close(OrganizationId::from_uuid(organization), folder, |_| ()).await
    }

    /// Says how many people may work in an organization, as the operator does on the command line.
    pub async fn purchase_seats(&self, organization: Uuid, seats: Option<u32>) {
        self.operator.identity().purchase_seats(OrganizationId::from_uuid(organization), seats).await.unwrap();
    }

    /// Lets somebody in, as the operator does on the command line.
    pub async fn admit(&self, organization: Uuid, email: &str, role: Role) -> Uuid {
        let new = json!({"email": email, "name": format!("Quien es {role}"), "password": PASSWORD, "role": role.as_str()});
        let new = NewUser::read(&value(new)).unwrap();
        self.operator.identity().admit(OrganizationId::from_uuid(organization), &new).await.unwrap().id.as_uuid()
    }
}

fn details(slug: &str) -> OrganizationDetails {
    let details = json!({"slug": slug, "name": slug, "time_zone": "Europe/Madrid", "locale": "es", "country": "ES"});
    OrganizationDetails::read(&value(details)).unwrap()
}

async fn wire(settings: Settings, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> anyhow::Result<Program> {
    let (database, keys) = open(&settings).await?;
    Program::over(settings, database, keys, clock, ids).await?.with_cheap_passwords()
}

/// The settings of a program over a database: limits that nobody meets, and patience, since others compile while we test. Our own
/// address is a trusted proxy, so that a test can come from any address.
fn settings(options: &Options) -> Settings {
    let mut settings = Settings::on(&options.url).unwrap().wide_open();
    let patient = Duration::from_secs(30);
    for reached in [&mut settings.database, &mut settings.key_store] {
        reached.acquire_timeout = patient;
        reached.statement_timeout = patient;
        reached.durable = options.durable;
    }
    settings.request_deadline = Duration::from_mins(1);
    settings.providers.neighborhood = Neighborhood::Anywhere;
    settings.webhooks.neighborhood = Neighborhood::Anywhere;
    settings.webhooks.first_wait = Duration::from_millis(50);
    settings.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    settings
}

/// Runs a test against the program that all tests of an engine share.
pub fn shared(engine: Engine, test: impl AsyncFnOnce(&'static Service)) {
    static SERVICES: [OnceLock<Option<Service>>; 2] = [OnceLock::new(), OnceLock::new()];
    let service = SERVICES[usize::from(engine == Engine::Postgres)].get_or_init(|| {
        RUNTIME.block_on(async {
            let db = TestDatabase::new(engine).await?;
            if let Some(file) = db.options.url.strip_prefix("sqlite://") {
                remove_in_the_end(Path::new(file).parent().unwrap());
            }
            let settings = settings(&db.options);
            let service = Service::start(db, Arc::new(SystemClock), settings).await;
            remove_in_the_end(service.mail.path());
            remove_in_the_end(service.media.path());
            Some(service)
        })
    });
    if let Some(service) = service {
        RUNTIME.block_on(test(service));
    }
}

/// Runs a test against a program of its own, for which time stands still at 2026-03-01T10:00:00Z until `service.db.clock` is moved.
pub fn alone(engine: Engine, adjust: fn(&mut Settings), test: impl AsyncFnOnce(&Service)) {
    RUNTIME.block_on(async {
        let Some(db) = TestDatabase::new(engine).await else { return };
        on(db, adjust, test).await;
    });
}

/// Runs a test against a program of its own, over a server of its own that the test can stop and start. The program has the usual
/// patience, with this deadline.
pub fn over_a_cluster(deadline: Duration, test: impl AsyncFnOnce(&Service, &Cluster)) {
    RUNTIME.block_on(async {
        let Some(cluster) = Cluster::new().await else { return };
        let db = TestDatabase::open(Options::new(cluster.url()), Arc::default(), None).await;
        let mut settings = Settings::on(&db.options.url).unwrap().wide_open();
        settings.request_deadline = deadline;
        let service = Service::start(db, Arc::new(SystemClock), settings).await;
        test(&service, &cluster).await;
    });
}

async fn on(db: TestDatabase, adjust: fn(&mut Settings), test: impl AsyncFnOnce(&Service)) {
    let mut settings = settings(&db.options);
    adjust(&mut settings);
    let service = Service::start(db.clone(), Arc::clone(&db.clock) as _, settings).await;
    let outcome = AssertUnwindSafe(test(&service)).catch_unwind().await;
    drop(service);
    db.remove().await;
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// Removes a folder when this process ends, however it ends: the shell reads until our end of its pipe is closed.
pub(crate) fn remove_in_the_end(folder: &Path) {
    static WAITING: Mutex<Vec<Child>> = Mutex::new(Vec::new());
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"cat; rm -rf "$1""#, "sh"]).arg(folder).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    std::os::unix::process::CommandExt::process_group(&mut shell, 0);
    WAITING.lock().unwrap_or_else(PoisonError::into_inner).push(shell.spawn().unwrap());
}
