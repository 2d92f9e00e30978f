//! Databases on a `PostgreSQL` server: the one that `TEST_PG_URL` names, else a throw-away one.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::UNIX_EPOCH;

use matricula_migration::{KeyStoreMigrator, Migrator, MigratorTrait as _};
use matricula_persistence::{Database, Options};
use sea_orm::{ConnectOptions, ConnectionTrait as _, DatabaseConnection, DbErr};
use tokio::sync::OnceCell;

use crate::server::{InUse, say};

/// Who owns the databases. Not the superuser, whom row-level security does not concern.
const ROLE: &str = "matricula_tests";

/// A server with the right to make databases on it.
#[derive(Debug)]
pub(crate) struct Server {
    address: Address,
    owner: String,
    template: String,
    _in_use: Option<InUse>,
}

/// A database address in parts.
#[derive(Debug)]
struct Address {
    user: String,
    host: String,
    database: String,
    query: String,
}

impl Address {
    fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, "postgres"));
        let (user, host) = authority.rsplit_once('@').unwrap_or(("postgres", authority));
        Some(Self { user: user.to_owned(), host: host.to_owned(), database: database.to_owned(), query: query.to_owned() })
    }

    fn url(&self, user: &str, database: &str) -> String {
        let Self { host, query, .. } = self;
        format!("postgres://{user}@{host}/{database}{}{query}", if query.is_empty() { "" } else { "?" })
    }
}

impl Server {
    /// The server of this process; `None` where there is none, which is said once, and is a failure where one is required.
    pub(crate) async fn of_this_process() -> Option<&'static Self> {
        static SERVER: OnceCell<Option<Server>> = OnceCell::const_new();
        SERVER.get_or_init(async || Self::reach().await.unwrap()).await.as_ref()
    }

    async fn reach() -> Result<Option<Self>, DbErr> {
        let given = std::env::var("TEST_PG_URL").ok().filter(|url| !url.is_empty());
        let in_use = if given.is_some() { None } else { InUse::join().map_err(|error| DbErr::Custom(error.to_string()))? };
        let Some(url) = given.or_else(|| in_use.as_ref().map(InUse::url)) else {
            let required = std::env::var("MATRICULA_TEST_POSTGRES").is_ok_and(|word| word == "required");
            assert!(!required, "MATRICULA_TEST_POSTGRES=required, and PostgreSQL is not installed here");
            say("PostgreSQL is not installed here: this part runs on SQLite alone");
            return Ok(None);
        };
        let address = Address::parse(&url).ok_or_else(|| DbErr::Custom("TEST_PG_URL must begin with postgres://".to_owned()))?;
        let admin = connect(&url).await?;
        let owner = owner(&admin, &address).await?;
        let server = Self { address, owner, template: template_name(), _in_use: in_use };
        server.make_template(&admin).await?;
        admin.close().await?;
        Ok(Some(server))
    }

    async fn make_template(&self, admin: &DatabaseConnection) -> Result<(), DbErr> {
        let Self { template, .. } = self;
        // One makes it, the others wait. It gets its name when it is ready: one that was left half done has another.
        admin.execute_unprepared("SELECT pg_advisory_lock(20261121)").await?;
        let there = admin.query_one_raw(sea_orm::Statement::from_string(
            sea_orm::DbBackend::Postgres,
            format!("SELECT 1 AS there FROM pg_database WHERE datname = '{template}'"),
        ));
        if there.await?.is_none() {
            let making = format!("{template}_making");
            admin.execute_unprepared(&format!("DROP DATABASE IF EXISTS {making} WITH (FORCE)")).await?;
            admin.execute_unprepared(&format!("CREATE DATABASE {making} OWNER {}", self.owner_name())).await?;
            migrate(&Options::new(self.url(&making))).await?;
            admin.execute_unprepared(&format!("ALTER DATABASE {making} RENAME TO {template}")).await?;
        }
        admin.execute_unprepared("SELECT pg_advisory_unlock(20261121)").await.map(|_| ())
    }

    /// The address of a new database with all tables and nothing in them.
    pub(crate) async fn database(&self) -> Result<String, DbErr> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("matricula_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let Self { template, .. } = self;
        self.administrate(&format!("CREATE DATABASE {name} TEMPLATE {template} OWNER {} STRATEGY FILE_COPY", self.owner_name())).await?;
        Ok(self.url(&name))
    }

    /// The address of a new database with nothing at all in it.
    pub(crate) async fn empty_database(&self) -> Result<String, DbErr> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("matricula_{}_empty_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        self.administrate(&format!("CREATE DATABASE {name} OWNER {} STRATEGY FILE_COPY", self.owner_name())).await?;
        Ok(self.url(&name))
    }

    /// Removes a database, with whoever is still connected.
    pub(crate) async fn drop(&self, url: &str) -> Result<(), DbErr> {
        let Some(address) = Address::parse(url) else { return Ok(()) };
        self.administrate(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", address.database)).await
    }

    async fn administrate(&self, sql: &str) -> Result<(), DbErr> {
        let admin = connect(&self.address.url(&self.address.user, &self.address.database)).await?;
        admin.execute_unprepared(sql).await?;
        admin.close().await
    }

    fn url(&self, database: &str) -> String {
        self.address.url(&self.owner, database)
    }

    fn owner_name(&self) -> &str {
        self.owner.split(':').next().unwrap_or_default()
    }
}

/// Who shall own the databases, with their password: a role of its own if we may do everything, else we ourselves.
async fn owner(admin: &DatabaseConnection, address: &Address) -> Result<String, DbErr> {
    let role = format!(
        "DO $$ BEGIN
            IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
                CREATE ROLE {ROLE} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '{ROLE}';
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END $$"
    );
    admin.execute_unprepared(&role).await?;
    let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user");
    let row = admin.query_one_raw(statement).await?.ok_or_else(|| DbErr::Custom("who are we?".to_owned()))?;
    Ok(if row.try_get_by_index(0)? { format!("{ROLE}:{ROLE}") } else { address.user.clone() })
}

async fn connect(url: &str) -> Result<DatabaseConnection, DbErr> {
    sea_orm::Database::connect(ConnectOptions::new(url).max_connections(1).sqlx_logging(false).to_owned()).await
}

/// Brings business tables and key store of an empty database up to date.
pub(crate) async fn migrate(options: &Options) -> Result<(), DbErr> {
    let failed = |error: matricula_ports::PortError| DbErr::Custom(error.to_string());
    let database = Database::open(options).await.map_err(failed)?;
    Migrator::up(database.migrating(), None).await?;
    let keys = Database::open(&options.key_store()).await.map_err(failed)?;
    KeyStoreMigrator::up(keys.migrating(), None).await?;
    database.close().await.map_err(failed)?;
    keys.close().await.map_err(failed)
}

/// Another build of the tests may have other migrations.
fn template_name() -> String {
    let built = std::env::current_exe().and_then(|program| program.metadata()?.modified());
    let built = built.ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    format!("matricula_template_{}", built.as_nanos())
}
