use std::fmt;
use std::time::Duration;

use matricula_ports::PortError;
use moka::sync::Cache;
use sea_orm::sqlx::ConnectOptions as _;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::{DatabaseConnection, DbBackend, SqlxPostgresConnector, SqlxSqliteConnector};
use uuid::Uuid;

use crate::error::port;

/// Which database answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The embedded one.
    Sqlite,
    /// The one for production.
    Postgres,
}

impl Engine {
    pub(crate) fn backend(self) -> DbBackend {
        match self {
            Self::Sqlite => DbBackend::Sqlite,
            Self::Postgres => DbBackend::Postgres,
        }
    }

    /// The engine that an address names.
    pub fn of_url(url: &str) -> Option<Self> {
        if url.starts_with("sqlite:") {
            Some(Self::Sqlite)
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Some(Self::Postgres)
        } else {
            None
        }
    }
}

/// How to reach a database. Shows its address to nobody who only debugs: a password may be part of it.
#[derive(Clone)]
pub struct Options {
    /// `sqlite://…` or `postgres://…`.
    pub url: String,
    /// How many connections at most (`PostgreSQL`), or how many readers beside the one writer (`SQLite`).
    pub connections: u32,
    /// How long a request waits for a connection before it is told that the database is away.
    pub acquire_timeout: Duration,
    /// How long one statement may take (`PostgreSQL`).
    pub statement_timeout: Duration,
    /// Whether a commit waits until it is on the disk (`SQLite`). Only what can be made anew goes without.
    pub durable: bool,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("connections", &self.connections).field("durable", &self.durable).finish_non_exhaustive()
    }
}

impl Options {
    /// The usual options for an address.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), connections: 16, acquire_timeout: Duration::from_secs(3), statement_timeout: Duration::from_secs(10), durable: true }
    }

    /// Where the key store of a database is when nothing else is said: a file beside it, or a schema of its own.
    #[must_use]
    pub fn key_store(&self) -> Self {
        let url = match Engine::of_url(&self.url) {
            Some(Engine::Sqlite) => {
                let (path, query) = self.url.split_once('?').map_or((self.url.as_str(), None), |(path, query)| (path, Some(query)));
                let stem = path.strip_suffix(".db").unwrap_or(path);
                format!("{stem}.keys.db{}", query.map(|query| format!("?{query}")).unwrap_or_default())
            }
            _ => {
                let separator = if self.url.contains('?') { '&' } else { '?' };
                format!("{}{separator}options=-csearch_path%3Dkeystore", self.url)
            }
        };
        Self { url, connections: 2, ..self.clone() }
    }
}

/// An open database.
#[derive(Clone, Debug)]
pub struct Database {
    pub(crate) engine: Engine,
    pub(crate) read: DatabaseConnection,
    pub(crate) write: DatabaseConnection,
    /// Sign-ins, memberships, keys and organizations whose rights changed a moment ago: what is remembered of them is looked up anew.
    pub(crate) changed_rights: Cache<Uuid, ()>,
}

/// For how long a change of rights is remembered: longer than anybody is who has them.
const CHANGE_LIVES: Duration = Duration::from_secs(10);

fn changed_rights() -> Cache<Uuid, ()> {
    Cache::builder().max_capacity(20_000).time_to_live(CHANGE_LIVES).build()
}

impl Database {
    /// Opens a database, and makes its file if it is not there. Connections to a server are made when they are needed, so this succeeds
    /// while the server is away.
    ///
    /// # Errors
    /// [`PortError::Broken`] for an address that cannot be read, [`PortError::Unavailable`] for a file that cannot be opened.
    pub async fn open(options: &Options) -> Result<Self, PortError> {
        let database = Self::reach(options, true)?;
        if database.engine == Engine::Sqlite {
            database.ping().await?;
        }
        Ok(database)
    }

    /// Opens a database that is there already, if it is: whether, tells the first question to it.
    ///
    /// # Errors
    /// [`PortError::Broken`] for an address that cannot be read.
    pub(crate) fn lazily(options: &Options) -> Result<Self, PortError> {
        Self::reach(options, false)
    }

    fn reach(options: &Options, create: bool) -> Result<Self, PortError> {
        match Engine::of_url(&options.url) {
            Some(Engine::Sqlite) => Self::reach_file(options, create),
            Some(Engine::Postgres) => Self::reach_server(options),
            None => Err(PortError::Broken("the database's address must begin with sqlite:// or postgres://".to_owned())),
        }
    }

    fn reach_file(options: &Options, create: bool) -> Result<Self, PortError> {
        let broken = |_| PortError::Broken("the database's address cannot be read".to_owned());
        // Acknowledged means durable: FULL syncs the log at every commit (NORMAL would lose the last ones with the power).
        let base = options
            .url
            .parse::<SqliteConnectOptions>()
            .map_err(broken)?
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(if options.durable { SqliteSynchronous::Full } else { SqliteSynchronous::Off })
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .pragma("temp_store", "MEMORY")
            .pragma("cache_size", "-20000")
            // Without it a REPLACE would get past the triggers of the append-only tables.
            .pragma("recursive_triggers", "ON")
            .log_statements(tracing::log::LevelFilter::Trace)
            .log_slow_statements(tracing::log::LevelFilter::Off, Duration::ZERO);
        // One writer: a second would only wait for the first, and could fail with «database is locked».
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(options.acquire_timeout)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(base.clone());
        let read = SqlitePoolOptions::new()
            .max_connections(options.connections)
            .acquire_timeout(options.acquire_timeout)
            .test_before_acquire(false)
            .connect_lazy_with(base.pragma("query_only", "ON"));
        Ok(Self {
            engine: Engine::Sqlite,
            read: SqlxSqliteConnector::from_sqlx_sqlite_pool(read),
            write: SqlxSqliteConnector::from_sqlx_sqlite_pool(write),
            changed_rights: changed_rights(),
        })
    }

    fn reach_server(options: &Options) -> Result<Self, PortError> {
        let broken = |_| PortError::Broken("the database's address cannot be read".to_owned());
        let connect = options
            .url
            .parse::<PgConnectOptions>()
            .map_err(broken)?
            .application_name("matricula")
            .options([
                ("statement_timeout", format!("{}ms", options.statement_timeout.as_millis()).as_str()),
                ("lock_timeout", "5s"),
                ("idle_in_transaction_session_timeout", "30s"),
                // Statements come again and again in the same shape: planned once for a connection, not once for a request.
                ("plan_cache_mode", "force_generic_plan"),
                // A plan that was made while a table was empty would walk all of it once it is full.
                ("enable_seqscan", "off"),
                ("jit", "off"),
                ("timezone", "UTC"),
            ])
            .statement_cache_capacity(300)
            .log_statements(tracing::log::LevelFilter::Trace)
            .log_slow_statements(tracing::log::LevelFilter::Off, Duration::ZERO);
        let pool = PgPoolOptions::new()
            .max_connections(options.connections)
            .acquire_timeout(options.acquire_timeout)
            // A ping before each use would be one more round trip for every request.
            .test_before_acquire(false)
            .connect_lazy_with(connect);
        let connection = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
        Ok(Self { engine: Engine::Postgres, read: connection.clone(), write: connection, changed_rights: changed_rights() })
    }

    /// The same database with connections of its own, for another thread; what one learns of changed rights the other knows.
    ///
    /// # Errors
    /// [`PortError::Broken`] for an address that cannot be read.
    pub fn beside(&self, options: &Options) -> Result<Self, PortError> {
        Ok(Self { changed_rights: self.changed_rights.clone(), ..Self::reach_server(options)? })
    }

    /// Whether a write would go through: the writer answers.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    pub async fn ping(&self) -> Result<(), PortError> {
        use sea_orm::ConnectionTrait;
        let probe = match self.engine {
            Engine::Sqlite => "BEGIN IMMEDIATE; ROLLBACK",
            Engine::Postgres => "SELECT 1",
        };
        self.write.execute_unprepared(probe).await.map(|_| ()).map_err(port)
    }

    /// The connection that migrations run on.
    pub fn migrating(&self) -> &DatabaseConnection {
        &self.write
    }

    /// Which database answers.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Closes all connections.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    pub async fn close(self) -> Result<(), PortError> {
        self.read.clone().close().await.map_err(port)?;
        self.write.close().await.map_err(port)
    }
}
