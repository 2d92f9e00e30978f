//! Which database an organization's rows are in (ADR 10): the shared one, which is also the directory of all organizations, or one that
//! an organization has to itself.

use std::sync::Arc;

use async_trait::async_trait;
use matricula_domain::identity::OrganizationId;
use matricula_domain::people::KeyId;
use matricula_domain::shared::Id;
use matricula_entity::identity::organizations;
use matricula_ports::identity::ConnectionString;
use matricula_ports::privacy::PersonKeys;
use matricula_ports::{PortError, Scope};
use moka::sync::Cache;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::convert::{Columns, made_at, time};
use crate::database::{Database, Engine, Options};
use crate::error::port;
use crate::feed::begin_for_all;
use crate::key_store::KeyStore;
use crate::paging::columns;
use crate::scoped::{Reader, SCOPED, models};
use crate::sealing::{open, seal};
use crate::sql::Sql;
use crate::unit::columns_of;

/// The secret of the installation under which connection strings are sealed.
const SECRET: &str = "dedicated_databases";

/// How many connections the program has at most to a database of one organization, and as many to its key store as to any.
const CONNECTIONS: u32 = 4;

/// Of how many organizations the databases stay open. The one that was not asked for the longest is closed for another.
const OPEN: u64 = 256;

/// Which of the two databases of an organization something is in. Where the organization shares the directory, they are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// The shared database: who works there and what they may, which has to be known before anything else is.
    Directory,
    /// Wherever the organization is at home.
    Home,
}

impl At {
    /// Where the rows of a context are.
    pub(crate) const fn of(context: &str) -> Self {
        match context.as_bytes() {
            b"identity" => Self::Directory,
            _ => Self::Home,
        }
    }
}

/// A database with rows of organizations, and the keys under which what is sealed in it is sealed.
#[derive(Clone)]
pub struct Home {
    pub(crate) database: Arc<Database>,
    pub(crate) keys: Arc<KeyStore>,
}

impl Home {
    /// This database with these keys.
    pub fn new(database: Arc<Database>, keys: Arc<KeyStore>) -> Self {
        Self { database, keys }
    }

    /// The database.
    pub fn database(&self) -> &Arc<Database> {
        &self.database
    }

    /// The keys.
    pub fn keys(&self) -> &Arc<KeyStore> {
        &self.keys
    }

    /// Whether it is the same, with the same connections.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.database, &other.database)
    }

    /// Whether there are no tables, or none with an organization.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    pub async fn is_vacant(&self) -> Result<bool, PortError> {
        let reader = Reader::system(&self.database);
        let mut tables = reader.sql();
        tables.push(match self.database.engine {
            Engine::Sqlite => "SELECT count(*), COALESCE(max(name = 'organizations'), 0) FROM sqlite_master WHERE ",
            Engine::Postgres => {
                "SELECT count(*), COALESCE(max((relname = 'organizations')::int), 0)::bigint FROM pg_class \
                 WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND "
            }
        });
        tables.push(SCOPED);
        let row = reader.rows(tables).await?.pop().ok_or_else(|| PortError::Broken("a count without a row".to_owned()))?;
        let mut columns = Columns::of(&row);
        match (columns.next::<i64>()?, columns.next::<i64>()?) {
            (0, _) => Ok(true),
            (_, 0) => Ok(false),
            _ => {
                let mut sql = reader.sql();
                sql.push("SELECT o.id FROM organizations o WHERE ").push(SCOPED).push(" LIMIT 1");
                Ok(reader.rows(sql).await?.is_empty())
            }
        }
    }
}

/// An organization that has a database to itself.
#[derive(Clone)]
pub struct Dedicated {
    /// The organization.
    pub organization: OrganizationId,
    /// Its name in addresses.
    pub slug: String,
    /// Its database.
    pub home: Home,
}

/// The databases of this installation, and where each organization is at home.
#[derive(Clone)]
pub struct Databases {
    directory: Home,
    known: Option<Arc<Known>>,
}

/// What is known of organizations. Where one is at home is settled when it is founded.
struct Known {
    options: Options,
    sharing: Cache<Uuid, ()>,
    apart: Cache<Uuid, Home>,
}

impl Known {
    fn options_of(&self, url: String) -> Options {
        Options { url, connections: CONNECTIONS, ..self.options.clone() }
    }
}

impl Databases {
    /// The shared database, and those that organizations have to themselves, which are reached with its options.
    pub fn new(directory: Home, options: Options) -> Self {
        let apart = Cache::builder().max_capacity(OPEN).build();
        Self { directory, known: Some(Arc::new(Known { options, sharing: Cache::new(50_000), apart })) }
    }

    /// One database as if it were all: for the work that each has to do by itself.
    pub fn only(home: Home) -> Self {
        Self { directory: home, known: None }
    }

    /// The same databases, with connections of its own to the shared one.
    #[must_use]
    pub fn with(&self, shared: Arc<Database>) -> Self {
        Self { directory: Home::new(shared, Arc::clone(&self.directory.keys)), known: self.known.clone() }
    }

    /// The shared database.
    pub fn directory(&self) -> &Home {
        &self.directory
    }

    pub(crate) fn is_apart(&self, home: &Home) -> bool {
        !home.is(&self.directory)
    }

    /// Where an organization is at home. Whether its database answers is another question.
    ///
    /// # Errors
    /// [`PortError::Unavailable`] when the directory is away, and it is not known yet.
    pub async fn home_of(&self, organization: OrganizationId) -> Result<Home, PortError> {
        let Some(known) = &self.known else { return Ok(self.directory.clone()) };
        let id = organization.as_uuid();
        if known.sharing.contains_key(&id) {
            return Ok(self.directory.clone());
        }
        if let Some(home) = known.apart.get(&id) {
            return Ok(home);
        }
        let reader = Reader::system(&self.directory.database);
        let mut sql = reader.sql();
        sql.push("SELECT d.sealed_url FROM organizations o LEFT JOIN dedicated_databases d ON d.organization_id = o.id WHERE ").push(SCOPED);
        sql.push(" AND o.id = ").bind(id);
        // One that is not there yet is founded in the directory, and nothing is known of it until that is done.
        let Some(row) = reader.rows(sql).await?.pop() else { return Ok(self.directory.clone()) };
        match Columns::of(&row).next::<Option<Vec<u8>>>()? {
            Some(sealed) => self.opened(known, id, &sealed).await,
            None => {
                known.sharing.insert(id, ());
                Ok(self.directory.clone())
            }
        }
    }

    /// Every database in which an organization has rows, its home first.
    pub(crate) async fn homes_of(&self, organization: OrganizationId) -> Result<Vec<Home>, PortError> {
        let home = self.home_of(organization).await?;
        Ok(if self.is_apart(&home) { vec![home, self.directory.clone()] } else { vec![home] })
    }

    /// All organizations that have a database to themselves. One whose address cannot be opened is told to the log, and left out.
    ///
    /// # Errors
    /// [`PortError::Unavailable`] when the directory is away.
    pub async fn dedicated(&self) -> Result<Vec<Dedicated>, PortError> {
        let Some(known) = &self.known else { return Ok(Vec::new()) };
        let reader = Reader::system(&self.directory.database);
        let mut sql = reader.sql();
        sql.push("SELECT o.id, o.slug, d.sealed_url FROM dedicated_databases d JOIN organizations o ON o.id = d.organization_id WHERE ").push(SCOPED);
        sql.push(" ORDER BY o.id");
        let mut all = Vec::new();
        for row in &reader.rows(sql).await? {
            let mut columns = Columns::of(row);
            let (id, slug, sealed): (Uuid, String, Vec<u8>) = (columns.next()?, columns.next()?, columns.next()?);
            match self.opened(known, id, &sealed).await {
                Ok(home) => all.push(Dedicated { organization: OrganizationId::from_uuid(id), slug, home }),
                // The others can work.
                Err(error) => tracing::error!(organization = slug, ?error, "the address of this organization's database cannot be opened"),
            }
        }
        Ok(all)
    }

    /// The database behind a sealed address, which is kept open.
    async fn opened(&self, known: &Known, organization: Uuid, sealed: &[u8]) -> Result<Home, PortError> {
        if let Some(home) = known.apart.get(&organization) {
            return Ok(home);
        }
        let secret = self.directory.keys.secret(SECRET).await?;
        let url = String::from_utf8(open(&secret, &place(organization), sealed)?);
        let url = url.map_err(|_| PortError::Broken("dedicated_databases.sealed_url".to_owned()))?;
        let options = known.options_of(url);
        let home = Home {
            database: Arc::new(Database::lazily(&options)?),
            keys: Arc::new(self.directory.keys.beside(Database::lazily(&options.key_store())?)),
        };
        known.apart.insert(organization, home.clone());
        Ok(home)
    }

    /// Opens the database at an address that an organization shall have to itself; a file that is not there is made.
    ///
    /// # Errors
    /// [`PortError::Broken`] for an address that cannot be read or is of another engine than the shared database,
    /// [`PortError::Unavailable`] when nobody answers there.
    pub async fn open(&self, url: &ConnectionString) -> Result<Home, PortError> {
        if Engine::of_url(url.reveal()) != Some(self.directory.database.engine) {
            return Err(PortError::Broken("a database of its own must be of the same engine as the shared one".to_owned()));
        }
        let Some(known) = &self.known else { return Err(PortError::Broken("there is one database only".to_owned())) };
        let options = known.options_of(url.reveal().to_owned());
        let database = Database::open(&options).await?;
        database.ping().await?;
        let keys = Database::open(&options.key_store()).await?;
        Ok(Home { database: Arc::new(database), keys: Arc::new(self.directory.keys.beside(keys)) })
    }

    /// Seals the address of the database that an organization has to itself.
    pub(crate) async fn seal(&self, organization: Uuid, url: &ConnectionString) -> Result<Vec<u8>, PortError> {
        seal(&self.directory.keys.secret(SECRET).await?, &place(organization), url.reveal().as_bytes())
    }

    /// Whether what was written under a lease in another database is found in the directory: two addresses may lead to one database.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    pub async fn has_lease(&self, name: &str, holder: Uuid) -> Result<bool, PortError> {
        let reader = Reader::system(&self.directory.database);
        let mut sql = reader.sql();
        sql.push("SELECT l.name FROM leases l WHERE ").push(SCOPED).push(" AND l.name = ").bind(name).push(" AND l.holder = ").bind(holder);
        Ok(!reader.rows(sql).await?.is_empty())
    }

    /// Brings what the rows of an organization refer to into its own database: the organization as the directory has it, and who works
    /// there, of whom nothing is copied but the id. Answers whether something was missing or old. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    pub async fn mirror(&self, organization: OrganizationId) -> Result<bool, PortError> {
        let home = self.home_of(organization).await?;
        if !self.is_apart(&home) {
            return Ok(false);
        }
        let engine = home.database.engine;
        let mut writes: Vec<Sql> = self.organization_for(engine, organization).await?.into_iter().collect();
        let members = self.members_of(organization).await?;
        writes.extend(members.chunks(500).map(|members| stand_ins(engine, members)));
        let tx = begin_for_all(&home.database).await?;
        let mut missing = 0;
        for write in writes {
            missing += tx.execute_raw(write.into_statement()).await.map_err(port)?.rows_affected();
        }
        tx.commit().await.map_err(port)?;
        Ok(missing > 0)
    }

    /// What makes of an organization in another database what it is in the directory.
    async fn organization_for(&self, engine: Engine, organization: OrganizationId) -> Result<Option<Sql>, PortError> {
        let reader = Reader::of(&self.directory.database, organization);
        let mut sql = reader.sql();
        sql.push("SELECT ").push(&columns::<organizations::Entity>("o")).push(" FROM organizations o WHERE ").push(SCOPED);
        sql.push(" AND o.id = ").bind(organization.as_uuid());
        let Some(found) = models::<organizations::Entity>(&reader.rows(sql).await?)?.pop() else { return Ok(None) };
        let (columns, row) = columns_of::<organizations::Entity>(found);
        let mut mirrored = Sql::new(engine);
        mirrored.push("INSERT INTO organizations (").names(columns.iter().copied()).push(") VALUES (").bind_all(row);
        mirrored.push(") ON CONFLICT (id) DO UPDATE SET ");
        for (n, column) in columns.into_iter().enumerate() {
            mirrored.push(if n > 0 { ", " } else { "" }).name(column).push(" = excluded.").name(column);
        }
        mirrored.push(" WHERE organizations.version <> excluded.version");
        Ok(Some(mirrored))
    }

    async fn members_of(&self, organization: OrganizationId) -> Result<Vec<Uuid>, PortError> {
        let reader = Reader::of(&self.directory.database, organization);
        let mut sql = reader.sql();
        sql.push("SELECT m.user_id FROM memberships m WHERE ").push(SCOPED).push(" AND m.organization_id = ").bind(organization.as_uuid());
        reader.rows(sql).await?.iter().map(|row| Columns::of(row).next()).collect()
    }
}

/// Rows that stand for users in another database than theirs: an id, and nothing that anybody could read or sign in with.
fn stand_ins(engine: Engine, users: &[Uuid]) -> Sql {
    let mut sql = Sql::new(engine);
    sql.push("INSERT INTO users (id, email, created_at, updated_at, name, locale, active, version) VALUES ");
    for (n, user) in users.iter().enumerate() {
        let at = time(made_at(*user).unwrap_or_default());
        sql.push(if n > 0 { ", (" } else { "(" }).bind(*user).push(", ").bind(user.to_string()).push(", ").bind(at.clone()).push(", ").bind(at);
        sql.push(", '', '', FALSE, 1)");
    }
    sql.push(" ON CONFLICT DO NOTHING");
    sql
}

/// Where a sealed address stands: it opens for no other organization.
fn place(organization: Uuid) -> Vec<u8> {
    [b"dedicated_databases.url", organization.as_bytes().as_slice()].concat()
}

/// The keys of people are where the people are.
#[async_trait]
impl PersonKeys for Databases {
    async fn issue(&self, scope: &Scope) -> Result<KeyId, PortError> {
        self.home_of(scope.organization()).await?.keys.issue().await
    }

    async fn destroy(&self, scope: &Scope, key: KeyId) -> Result<(), PortError> {
        self.home_of(scope.organization()).await?.keys.destroy(key).await
    }
}
