//! The wiring: which adapter goes into which port, and the program as something that can be started and stopped.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use anyhow::{Context, Result, bail};
use matricula_application::World;
use matricula_application::access::Watch;
use matricula_application::catalog::Catalog;
use matricula_application::enrollment::Enrollments;
use matricula_application::identity::{Administration, Identity, Links, Providers};
use matricula_application::leads::Leads;
use matricula_application::notifications::{Herald, Postman, Webhooks, link_address};
use matricula_application::people::People;
use matricula_application::privacy::Privacy;
use matricula_application::publishing::{Media, Publishing, Views};
use matricula_domain::identity::LinkPurpose;
use matricula_gateways::clock::SystemClock;
use matricula_gateways::file_inspector::Inspector;
use matricula_gateways::ids::SystemIds;
use matricula_gateways::mail::{Templates, mailer};
use matricula_gateways::object_store::Objects;
use matricula_gateways::passwords::Argon2id;
use matricula_gateways::relying_party::OpenId;
use matricula_gateways::webhooks::HttpWebhooks;
use matricula_migration::{KeyStoreMigrator, Migrator, MigratorTrait};
use matricula_persistence::{Accounts, AuditStore, Database, Databases, Engine, Home, KeyStore, Queries, Queue, Signer, Store};
use matricula_ports::identity::RelyingParty;
use matricula_ports::notifications::{Mailer, WebhookSender, Wordings};
use matricula_ports::publishing::{FileInspector, ObjectStore};
use matricula_ports::{Clock, Ids, Passwords};
use matricula_web::{Api, InFlight, Limits, Manners, configure};

use crate::health::Probe;
use crate::settings::Settings;
use crate::workers::Workers;

/// What all threads of the program share.
#[derive(Clone)]
pub struct Program {
    /// The settings.
    pub settings: Settings,
    pub(crate) databases: Databases,
    pub(crate) keys: Arc<KeyStore>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) signer: Signer,
    passwords: Arc<dyn Passwords>,
    wordings: Arc<dyn Wordings>,
    mailer: Arc<dyn Mailer>,
    relying_party: Arc<dyn RelyingParty>,
    object_store: Arc<dyn ObjectStore>,
    webhook_sender: Arc<dyn WebhookSender>,
    file_inspector: Arc<dyn FileInspector>,
    limits: Limits,
    pub(crate) views: Views,
    in_flight: InFlight,
    stopping: Arc<AtomicBool>,
}

/// What is done to the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// Up to the newest.
    Up,
    /// One step down.
    Down,
}

/// Opens the databases of these settings, and the folder for them where they are files.
///
/// # Errors
/// When a file or folder cannot be made.
pub async fn open(settings: &Settings) -> Result<(Database, Database)> {
    for url in [&settings.database.url, &settings.key_store.url] {
        make_folder(url)?;
    }
    let database = Database::open(&settings.database).await.context("database_url")?;
    let keys = Database::open(&settings.key_store).await.context("key_store_url")?;
    Ok((database, keys))
}

/// Makes the folder of a database that is a file.
pub(crate) fn make_folder(url: &str) -> Result<()> {
    if let Some(path) = url.strip_prefix("sqlite://").and_then(|path| path.split('?').next())
        && let Some(folder) = std::path::Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    Ok(())
}

/// Moves the schema of the shared database and of its key store.
///
/// # Errors
/// When the database is away or a step fails; a step that fails leaves nothing behind.
pub async fn migrate(settings: &Settings, schema: Schema) -> Result<()> {
    let (database, keys) = open(settings).await?;
    move_schema(&database, &keys, schema).await?;
    database.close().await?;
    keys.close().await?;
    Ok(())
}

/// Moves the schema of a database and of the key store that goes with it.
pub(crate) async fn move_schema(database: &Database, keys: &Database, schema: Schema) -> Result<()> {
    KeyStore::prepare(keys).await.context("the key store")?;
    match schema {
        Schema::Up => {
            KeyStoreMigrator::up(keys.migrating(), None).await.context("the schema of the key store")?;
            Migrator::up(database.migrating(), None).await.context("the schema")?;
        }
        Schema::Down => Migrator::down(database.migrating(), Some(1)).await.context("the schema")?,
    }
    Ok(())
}

/// The last step that was made in a schema.
pub(crate) async fn last_step(database: &Database) -> Result<Option<String>> {
    let made = Migrator::get_applied_migrations(database.migrating()).await.context("the database does not answer")?;
    Ok(made.last().map(|step| step.name().to_owned()))
}

/// How many steps the schema of a database is behind.
pub(crate) async fn behind(database: &Database) -> Result<usize> {
    Ok(Migrator::get_pending_migrations(database.migrating()).await.context("the database does not answer")?.len())
}

impl Program {
    /// Wires the program. The embedded database gets its schema at once; the schema of a server is the operator's to move.
    ///
    /// # Errors
    /// When a database cannot be opened or its schema is not the newest.
    pub async fn wire(settings: Settings) -> Result<Self> {
        if Engine::of_url(&settings.database.url) == Some(Engine::Sqlite) {
            migrate(&settings, Schema::Up).await?;
        }
        let (database, keys) = open(&settings).await?;
        let steps = behind(&database).await?;
        if steps > 0 {
            bail!("the schema is {steps} step(s) behind: run «matricula migrate»");
        }
        let program = Self::over(settings, database, keys, Arc::new(SystemClock), Arc::new(SystemIds)).await?;
        program.greet_dedicated().await?;
        Ok(program)
    }

    /// The program over databases whose schema may be anything, for who moves it.
    pub(crate) async fn open(settings: &Settings) -> Result<Self> {
        let (database, keys) = open(settings).await?;
        // The program needs secrets of the key store from its first moment.
        KeyStore::prepare(&keys).await.context("key_store_url")?;
        KeyStoreMigrator::up(keys.migrating(), None).await.context("the schema of the key store")?;
        Self::over(settings.clone(), database, keys, Arc::new(SystemClock), Arc::new(SystemIds)).await
    }

    /// Wires the program over other sources of time and randomness.
    ///
    /// # Errors
    /// When the key store does not answer.
    pub async fn over(settings: Settings, database: Database, keys: Database, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Result<Self> {
        let keys = Arc::new(KeyStore::new(keys, Arc::clone(&ids), Arc::clone(&clock)));
        let signer = Signer::of(&keys).await.context("the key store does not answer")?;
        let passwords = Arc::new(Argon2id::new(settings.workers, ids.secret())?);
        let relying_party = OpenId::new(settings.providers.neighborhood, settings.providers.timeout, Arc::clone(&clock))?;
        let object_store = Objects::at(&settings.media.location, settings.media.timeout).context("media_url")?;
        Ok(Self {
            limits: Limits::new(settings.rates),
            views: Views::default(),
            relying_party: Arc::new(relying_party),
            object_store: Arc::new(object_store),
            webhook_sender: Arc::new(HttpWebhooks::new(settings.webhooks.neighborhood, settings.webhooks.timeout)?),
            // A large picture takes a processor for a second: as many at a time as leave one for everything else.
            file_inspector: Arc::new(Inspector::new(settings.media.limits, settings.workers.saturating_sub(1))),
            wordings: Arc::new(Templates::new()?),
            mailer: mailer(&settings.mail.destination, settings.mail.timeout, settings.mail.dkim.clone()),
            databases: Databases::new(Home::new(Arc::new(database), Arc::clone(&keys)), settings.database.clone()),
            settings,
            keys,
            ids,
            clock,
            signer,
            passwords,
            in_flight: InFlight::default(),
            stopping: Arc::default(),
        })
    }

    /// The same program with cheaper passwords: for tests and demonstrations, whose passwords are known to everybody.
    ///
    /// # Errors
    /// None that a test would meet.
    pub fn with_cheap_passwords(mut self) -> Result<Self> {
        self.passwords = Arc::new(Argon2id::with(64, 1, self.settings.workers, self.ids.secret())?);
        Ok(self)
    }

    /// Where changes are stored.
    pub fn store(&self) -> Store {
        self.store_on(&self.databases)
    }

    pub(crate) fn store_on(&self, databases: &Databases) -> Store {
        Store::new(databases.clone(), Arc::clone(&self.ids))
    }

    /// The world of the use cases.
    pub fn world(&self) -> World {
        self.world_on(self.store())
    }

    fn world_on(&self, store: Store) -> World {
        let keys = Arc::new(self.databases.clone());
        World { transactions: Arc::new(store), clock: Arc::clone(&self.clock), ids: Arc::clone(&self.ids), keys }
    }

    /// Signing in and letting in.
    pub fn identity(&self) -> Identity {
        self.identity_on(&self.databases)
    }

    fn identity_on(&self, databases: &Databases) -> Identity {
        let (store, directory) = (self.store_on(databases), Arc::new(accounts_on(databases)));
        Identity::new(self.world_on(store.clone()), directory, Arc::clone(&self.passwords), self.watch_on(store))
    }

    fn watch_on(&self, store: Store) -> Watch {
        Watch { log: Arc::new(AuditStore::new(store, self.signer.clone())), clock: Arc::clone(&self.clock) }
    }

    /// Files that come in and are handed out.
    pub(crate) fn media(&self) -> Media {
        self.media_on(&self.databases)
    }

    fn media_on(&self, databases: &Databases) -> Media {
        let queries = Arc::new(Queries::new(databases.clone()));
        let (store, inspector) = (Arc::clone(&self.object_store), Arc::clone(&self.file_inspector));
        Media::new(self.world_on(self.store_on(databases)), queries, store, inspector, self.settings.media.quota)
    }

    /// Links that open once, and what goes by them.
    pub fn links(&self) -> Links {
        self.links_on(&self.databases)
    }

    fn links_on(&self, databases: &Databases) -> Links {
        Links::new(self.identity_on(databases), Arc::clone(&self.keys) as _, Arc::new(Queue::new(databases.clone())))
    }

    /// Where the first owner sets the installation up; `None` once somebody can sign in. Whoever reads it can do it.
    ///
    /// # Errors
    /// When a database does not answer.
    pub async fn setup_address(&self) -> Result<Option<String>> {
        let token = self.links().setup_token().await?;
        Ok(token.map(|token| link_address(&self.settings.public_url, LinkPurpose::Setup, &token)))
    }

    /// Who writes mails and has them sent.
    pub(crate) fn postman(&self) -> Postman {
        Postman {
            transactions: Arc::new(self.store()),
            directory: Arc::new(self.accounts()),
            secrets: Arc::clone(&self.keys) as _,
            wordings: Arc::clone(&self.wordings),
            mailer: Arc::clone(&self.mailer),
            clock: Arc::clone(&self.clock),
            sender: self.settings.mail.sender.clone(),
            public_url: self.settings.public_url.clone(),
        }
    }

    /// Who tells endpoints in these databases what happens.
    pub(crate) fn herald_on(&self, databases: &Databases) -> Herald {
        let settings = &self.settings.webhooks;
        Herald::new(
            Arc::new(Queue::new(databases.clone())),
            // Facts are read wherever the organization has some.
            Arc::new(Queries::new(self.databases.clone())),
            Arc::clone(&self.webhook_sender),
            Arc::new(self.store()),
            Arc::clone(&self.clock),
            Arc::clone(&self.ids),
            settings.timeout,
            settings.first_wait,
        )
    }

    /// What authentication asks.
    pub(crate) fn accounts(&self) -> Accounts {
        accounts_on(&self.databases)
    }

    /// The audit.
    pub fn audit(&self) -> AuditStore {
        AuditStore::new(self.store(), self.signer.clone())
    }

    /// Everything that handlers reach, over these databases.
    fn api(&self, databases: &Databases, public_url: &str) -> Api {
        let store = self.store_on(databases);
        let world = self.world_on(store.clone());
        let directory = Arc::new(accounts_on(databases));
        let queries = Arc::new(Queries::new(databases.clone()));
        let audit = Arc::new(AuditStore::new(store.clone(), self.signer.clone()));
        let watch = self.watch_on(store);
        Api {
            identity: Identity::new(world.clone(), Arc::clone(&directory) as _, Arc::clone(&self.passwords), watch.clone()),
            administration: Administration::new(world.clone()),
            links: self.links_on(databases),
            providers: Providers::new(
                world.clone(),
                Arc::clone(&directory) as _,
                Arc::clone(&self.relying_party),
                watch.clone(),
                format!("{}/provider-sign-in", self.settings.public_url),
            ),
            leads: Leads::new(world.clone()),
            catalog: Catalog::new(world.clone()),
            enrollments: Enrollments::new(world.clone()),
            people: People::new(world.clone()),
            privacy: Privacy::new(world.clone()),
            publishing: Publishing::new(world.clone()),
            views: self.views.clone(),
            media: self.media_on(databases),
            directory,
            answers: Arc::new(Queue::new(databases.clone())),
            watch,
            access_queries: Arc::clone(&queries) as _,
            link_queries: Arc::clone(&queries) as _,
            provider_queries: Arc::clone(&queries) as _,
            lead_queries: Arc::clone(&queries) as _,
            catalog_queries: Arc::clone(&queries) as _,
            seo_queries: Arc::clone(&queries) as _,
            publishing_queries: Arc::clone(&queries) as _,
            enrollment_queries: Arc::clone(&queries) as _,
            people_queries: Arc::clone(&queries) as _,
            text_queries: Arc::clone(&queries) as _,
            media_queries: Arc::clone(&queries) as _,
            record_queries: Arc::clone(&queries) as _,
            webhooks: Webhooks::new(world.clone(), Arc::clone(&queries) as _, Arc::clone(&self.webhook_sender)),
            fact_queries: Arc::clone(&queries) as _,
            webhook_queries: Arc::clone(&queries) as _,
            reports: queries,
            audit_queries: Arc::clone(&audit) as _,
            audit_chain: audit,
            public_url: public_url.to_owned(),
            limits: self.limits.clone(),
            health: Arc::new(Probe {
                databases: databases.clone(),
                object_store: Arc::clone(&self.object_store),
                stopping: Arc::clone(&self.stopping),
            }),
            in_flight: self.in_flight.clone(),
            world,
        }
    }

    /// A pool for one thread: a connection to a server is woken by the thread that made it, so threads do not share connections.
    /// The embedded database has threads of its own and one writer, which all share; so are databases of single organizations, since there
    /// may be many, and each has connections enough for one.
    fn databases_of_worker(&self) -> Databases {
        let shared = self.databases.directory().database();
        if shared.engine() == Engine::Sqlite {
            return self.databases.clone();
        }
        let mut options = self.settings.database.clone();
        options.connections = (options.connections / u32::try_from(self.settings.workers).unwrap_or(1)).max(2);
        shared.beside(&options).map_or_else(|_| self.databases.clone(), |own| self.databases.with(Arc::new(own)))
    }

    /// Starts to listen. The answer is the server, still to be awaited, and where it listens.
    ///
    /// # Errors
    /// When the address is taken.
    pub fn listen(&self) -> Result<(actix_web::dev::Server, SocketAddr)> {
        let program = self.clone();
        let manners = Data::new(Manners {
            deadline: self.settings.request_deadline,
            upload_deadline: self.settings.media.upload_deadline.max(self.settings.request_deadline),
            trusted_proxies: self.settings.trusted_proxies.clone(),
        });
        let found_at = Arc::new(OnceLock::new());
        let public_url = Arc::clone(&found_at);
        let server = HttpServer::new(move || {
            let public_url = public_url.get().unwrap_or(&program.settings.public_url);
            let api = Data::new(program.api(&program.databases_of_worker(), public_url));
            App::new().configure(configure(api, manners.clone()))
        })
        .workers(self.settings.workers)
        .shutdown_timeout(self.settings.stop_deadline.as_secs())
        .client_request_timeout(Duration::from_secs(10))
        .disable_signals()
        .bind(self.settings.listen)
        .with_context(|| format!("listen: cannot listen on {}", self.settings.listen))?;
        let address = server.addrs().first().copied().context("listen: no address")?;
        // Who asked for any free port learns only now which one it is.
        if self.settings.public_url == format!("http://{}", self.settings.listen) {
            found_at.get_or_init(|| format!("http://{address}"));
        }
        Ok((server.run(), address))
    }

    /// The workers of this copy.
    pub fn workers(&self) -> Workers {
        Workers::of(self)
    }

    /// Says to load balancers that this copy is about to stop.
    pub fn stop_taking(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Forgets addresses that have been quiet.
    pub(crate) fn forget_quiet(&self) {
        self.limits.forget_quiet();
    }
}

fn accounts_on(databases: &Databases) -> Accounts {
    Accounts::new(Arc::clone(databases.directory().database()))
}

/// The program, running on a thread of its own. Dropped, it stops.
pub struct Running {
    /// Where it answers.
    pub url: String,
    handle: ServerHandle,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    /// Starts the program and its workers, and comes back when it answers.
    ///
    /// # Errors
    /// When it cannot start.
    pub fn start(wire: impl AsyncFnOnce() -> Result<Program> + Send + 'static) -> Result<Self> {
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let started = async {
                    let program = wire().await?;
                    let (server, address) = program.listen()?;
                    Ok::<_, anyhow::Error>((program, server, address))
                };
                match started.await {
                    Ok((program, server, address)) => {
                        let workers = program.workers().start();
                        let _ = sender.send(Ok((format!("http://{address}"), server.handle())));
                        let _ = server.await;
                        workers.stop().await;
                    }
                    Err(error) => _ = sender.send(Err(error)),
                }
            });
        });
        let (url, handle) = receiver.recv().context("the program did not start")??;
        Ok(Self { url, handle, thread: Some(thread) })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let stop = self.handle.stop(false);
        // The stop is told to the server's own thread; nothing here has to wait for more than the thread's end.
        let waiting = std::thread::spawn(move || actix_web::rt::System::new().block_on(stop));
        let _ = waiting.join();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
