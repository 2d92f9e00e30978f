//! A database for one test.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use matricula_application::World;
use matricula_gateways::ids::SystemIds;
use matricula_persistence::{Accounts, AuditStore, Database, Databases, Engine, Home, KeyStore, Options, Queries, Queue, Signer, Store};
use matricula_ports::{Clock, Ids};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::clock::TestClock;
use crate::postgres::{Server, migrate};
use crate::raw::Raw;
use crate::scratch::SCRATCH;

/// Runs a contract on a new database of an engine, and removes it whatever comes of it.
pub async fn on(engine: Engine, contract: impl AsyncFnOnce(TestDatabase)) {
    let Some(db) = TestDatabase::new(engine).await else { return };
    let outcome = AssertUnwindSafe(contract(db.clone())).catch_unwind().await;
    db.remove().await;
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// A migrated database with nothing in it, and every adapter over it. Cheap to clone.
#[derive(Clone)]
pub struct TestDatabase {
    /// Where it is.
    pub options: Options,
    /// The time in it, which stands still.
    pub clock: Arc<TestClock>,
    /// Real ids.
    pub ids: Arc<SystemIds>,
    /// The database itself.
    pub database: Arc<Database>,
    /// The keys of people.
    pub keys: Arc<KeyStore>,
    /// The database as the directory of others.
    pub databases: Databases,
    /// Units of work.
    pub store: Store,
    /// Reads for screens.
    pub queries: Queries,
    /// Jobs, leases, outbox, answers.
    pub queue: Queue,
    /// The audit.
    pub audit: AuditStore,
    /// What authentication asks.
    pub accounts: Accounts,
    /// SQL by hand, past every lock that can be passed by the owner of the tables.
    pub raw: Raw,
    folder: Option<Arc<TempDir>>,
    beside: Arc<Mutex<Vec<String>>>,
}

impl TestDatabase {
    /// A new one; `None` if the engine is not installed here. Prefer [`on`], which removes it.
    pub async fn new(engine: Engine) -> Option<Self> {
        let (url, folder) = match engine {
            Engine::Sqlite => {
                let folder = TempDir::with_prefix_in("matricula-", &*SCRATCH).unwrap();
                let file = folder.path().join("test.db");
                let (business, keys) = sqlite_template().await;
                std::fs::write(&file, business).unwrap();
                std::fs::write(file.with_extension("keys.db"), keys).unwrap();
                (format!("sqlite://{}", file.display()), Some(Arc::new(folder)))
            }
            Engine::Postgres => (Server::of_this_process().await?.database().await.unwrap(), None),
        };
        // Others compile while we test: who waits for a connection may wait.
        let patient = Duration::from_secs(30);
        let options = Options { acquire_timeout: patient, statement_timeout: patient, durable: false, ..Options::new(url) };
        Some(Self::open(options, Arc::default(), folder).await)
    }

    pub(crate) async fn open(options: Options, clock: Arc<TestClock>, folder: Option<Arc<TempDir>>) -> Self {
        let ids = Arc::new(SystemIds);
        let database = Arc::new(Database::open(&options).await.unwrap());
        let key_store = Database::open(&options.key_store()).await.unwrap();
        let keys = Arc::new(KeyStore::new(key_store, Arc::clone(&ids) as Arc<dyn Ids>, Arc::clone(&clock) as Arc<dyn Clock>));
        let databases = Databases::new(Home::new(Arc::clone(&database), Arc::clone(&keys)), options.clone());
        let store = Store::new(databases.clone(), Arc::clone(&ids) as Arc<dyn Ids>);
        let signer = Signer::of(&keys).await.unwrap();
        Self {
            queries: Queries::new(databases.clone()),
            queue: Queue::new(databases.clone()),
            audit: AuditStore::new(store.clone(), signer),
            accounts: Accounts::new(Arc::clone(&database)),
            raw: Raw::open(&options).await,
            options,
            clock,
            ids,
            database,
            keys,
            databases,
            store,
            folder,
            beside: Arc::default(),
        }
    }

    /// The address of another database of this engine with nothing at all in it, which goes when this one does.
    pub async fn empty_beside(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Some(folder) = &self.folder else {
            let url = Server::of_this_process().await.unwrap().empty_database().await.unwrap();
            self.beside.lock().unwrap_or_else(PoisonError::into_inner).push(url.clone());
            return url;
        };
        format!("sqlite://{}/beside-{}.db", folder.path().display(), COUNT.fetch_add(1, Ordering::Relaxed))
    }

    /// SQL by hand in another database.
    pub async fn raw_at(&self, url: &str) -> Raw {
        Raw::open(&Options { url: url.to_owned(), ..self.options.clone() }).await
    }

    /// The same database as another process sees it: nothing is remembered.
    pub async fn reopened(&self) -> Self {
        Self::open(self.options.clone(), Arc::clone(&self.clock), self.folder.clone()).await
    }

    /// Which engine it is.
    pub fn engine(&self) -> Engine {
        self.database.engine()
    }

    /// Whether it is `PostgreSQL`.
    pub fn is_postgres(&self) -> bool {
        self.engine() == Engine::Postgres
    }

    /// What use cases need.
    pub fn world(&self) -> World {
        World {
            transactions: Arc::new(self.store.clone()),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            ids: Arc::clone(&self.ids) as Arc<dyn Ids>,
            keys: Arc::new(self.databases.clone()),
        }
    }

    /// Removes it.
    pub async fn remove(self) {
        if self.is_postgres()
            && let Some(server) = Server::of_this_process().await
        {
            let beside = std::mem::take(&mut *self.beside.lock().unwrap_or_else(PoisonError::into_inner));
            for url in beside.iter().chain([&self.options.url]) {
                _ = server.drop(url).await;
            }
        }
    }
}

/// The files of a migrated database and of its key store.
async fn sqlite_template() -> &'static (Vec<u8>, Vec<u8>) {
    static TEMPLATE: OnceCell<(Vec<u8>, Vec<u8>)> = OnceCell::const_new();
    let make = async || {
        let folder = TempDir::with_prefix_in("matricula-", &*SCRATCH).unwrap();
        let file = folder.path().join("test.db");
        migrate(&Options::new(format!("sqlite://{}", file.display()))).await.unwrap();
        (std::fs::read(&file).unwrap(), std::fs::read(file.with_extension("keys.db")).unwrap())
    };
    TEMPLATE.get_or_init(make).await
}
