//! The unit of work. It buffers what is saved and writes it at the commit: on `PostgreSQL` one statement of data-modifying
//! CTEs, which is a transaction by itself, so that a change costs one round trip and holds its row locks for that long only;
//! on `SQLite` one immediate transaction. Audit and outbox rows of every fact go with it.

use std::any::Any;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use matricula_domain::people::{KeyId, PersonId};
use matricula_domain::shared::{Aggregate, Changed, Id, SubjectRef, Value};
use matricula_ports::{Ids, PortError, Scope, StoredAnswer, Transactions, UnitOfWork};
use moka::sync::Cache;
use sea_orm::{
    ActiveModelTrait, ActiveValue, ConnectionTrait, DatabaseTransaction, EntityName, EntityTrait, IdenStatic, IntoActiveModel, Iterable, QueryResult,
    Select, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use uuid::Uuid;

use crate::convert::{json, made_at};
use crate::database::Engine;
use crate::databases::{At, Databases, Home};
use crate::error::port;
use crate::noted::{Noted, Rows, answer_time};
use crate::scoped::{OrganizationOwned, Reader, SCOPED, Sight, models, prepare, prepare_select};
use crate::sql::{Sql, WhenTaken, Write};
use crate::statements::{one_statement, runs, waves};

/// How long a kept answer can be repeated.
const ANSWER_LIVES: chrono::Duration = chrono::Duration::hours(24);

/// The name in the audit chain and the key of a person. Neither ever changes, so they are remembered.
pub(crate) type Subjects = Cache<(Uuid, PersonId), (SubjectRef, KeyId)>;

/// The lines in which works wait that are done again. All threads of this copy of the program share them, and organizations hardly.
static TURNS: [tokio::sync::Mutex<()>; 16] = [const { tokio::sync::Mutex::const_new(()) }; 16];

/// Makes units of work.
#[derive(Clone)]
pub struct Store {
    pub(crate) databases: Databases,
    ids: Arc<dyn Ids>,
    subjects: Subjects,
}

impl Store {
    /// Units of work on these databases.
    pub fn new(databases: Databases, ids: Arc<dyn Ids>) -> Self {
        Self { databases, ids, subjects: Cache::new(20_000) }
    }

    pub(crate) async fn session(&self, scope: &Scope) -> Result<Session, PortError> {
        let home = self.databases.home_of(scope.organization()).await?;
        Ok(Session {
            sight: Sight::Organization(scope.organization().as_uuid()),
            organization: scope.organization().as_uuid(),
            scope: scope.clone(),
            is_apart: self.databases.is_apart(&home),
            directory: self.databases.directory().clone(),
            home,
            store: self.clone(),
            open: tokio::sync::Mutex::new(None),
            pending: Mutex::default(),
        })
    }

    /// Writes an audit entry that comes with no change, in a transaction of its own. What concerns a person is where their key is.
    pub(crate) async fn note(&self, scope: &Scope, noted: Noted) -> Result<(), PortError> {
        let session = self.session(scope).await?;
        session.writes_at(if noted.subject.is_some() { At::Home } else { At::Directory });
        session.pending().noted.push(noted);
        Box::new(session).commit().await
    }
}

#[async_trait]
impl Transactions for Store {
    async fn begin(&self, scope: &Scope) -> Result<Box<dyn UnitOfWork>, PortError> {
        Ok(Box::new(self.session(scope).await?))
    }

    async fn turn(&self, scope: &Scope) -> Box<dyn Any + Send> {
        let [.., last] = scope.organization().as_uuid().into_bytes();
        Box::new(TURNS[usize::from(last) % TURNS.len()].lock().await)
    }
}

/// What will be written at the commit.
#[derive(Default)]
struct Pending {
    writes: Vec<Write>,
    noted: Vec<Noted>,
    seats: BTreeMap<Uuid, (i32, i32)>,
    answer: Option<StoredAnswer>,
    subjects: HashMap<PersonId, (SubjectRef, KeyId)>,
    /// Where the unit writes, once it is known.
    at: Option<At>,
    /// It would have to write in two databases, which do not commit together.
    torn: bool,
    /// Why an early write was refused, and with it everything before it: nothing of this unit can be committed any more.
    refused: Option<Refused>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    /// Somebody else was faster, and doing it again may help.
    TooLate,
    /// Something else.
    Otherwise,
}

impl From<&PortError> for Refused {
    fn from(error: &PortError) -> Self {
        match error {
            PortError::Stale | PortError::Conflict(_) => Self::TooLate,
            _ => Self::Otherwise,
        }
    }
}

/// A unit of work; every repository at once.
pub(crate) struct Session {
    pub(crate) store: Store,
    pub(crate) scope: Scope,
    pub(crate) organization: Uuid,
    sight: Sight,
    /// Where it is known who works there and what they may, and this is audited.
    pub(crate) directory: Home,
    /// Where everything else is.
    pub(crate) home: Home,
    /// Whether these are two databases.
    is_apart: bool,
    /// A transaction of the database, where one statement is not enough.
    open: tokio::sync::Mutex<Option<DatabaseTransaction>>,
    pending: Mutex<Pending>,
}

impl Session {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A select of the organization's own rows.
    pub(crate) fn select<E: OrganizationOwned>(&self) -> Select<E> {
        Reader { database: Arc::clone(&self.home.database), sight: self.sight }.select::<E>()
    }

    /// The one of the two; where they are the same, that one.
    fn at(&self, at: At) -> &Home {
        if at == At::Directory { &self.directory } else { &self.home }
    }

    /// Says where this unit writes. It cannot be in both.
    fn writes_at(&self, at: At) {
        if self.is_apart {
            let mut pending = self.pending();
            pending.torn |= *pending.at.get_or_insert(at) != at;
        }
    }

    /// The database in which this unit writes.
    fn written(&self) -> &Home {
        let at = self.pending().at;
        self.at(at.unwrap_or(At::Home))
    }

    /// Starts a hand-made select, which must have [`SCOPED`] in its outermost `WHERE`.
    pub(crate) fn sql(&self) -> Sql {
        Sql::new(self.home.database.engine)
    }

    /// The rows of a hand-made select.
    pub(crate) async fn rows(&self, sql: Sql) -> Result<Vec<QueryResult>, PortError> {
        self.read(At::Home, prepare(sql, self.sight)).await
    }

    /// The rows of a hand-made select of who works there and what they may.
    pub(crate) async fn rows_of_directory(&self, sql: Sql) -> Result<Vec<QueryResult>, PortError> {
        self.read(At::Directory, prepare(sql, self.sight)).await
    }

    pub(crate) async fn all<E: OrganizationOwned>(&self, select: Select<E>) -> Result<Vec<E::Model>, PortError> {
        models::<E>(&self.read(E::AT, prepare_select(self.home.database.engine, select, self.sight)).await?)
    }

    pub(crate) async fn one<E: OrganizationOwned>(&self, select: Select<E>) -> Result<Option<E::Model>, PortError> {
        Ok(self.all(select).await?.into_iter().next())
    }

    /// Reads see what this unit saved: if there is something, it is written first, in a transaction that stays open.
    /// In the other database than the one in which it writes there is nothing of its own.
    async fn read(&self, at: At, statement: sea_orm::Statement) -> Result<Vec<QueryResult>, PortError> {
        let from = self.at(at);
        if self.is_apart && !from.is(self.written()) {
            return from.database.read.query_all_raw(statement).await.map_err(port);
        }
        let mut open = self.open.lock().await;
        let dirty = {
            let pending = self.pending();
            !pending.writes.is_empty() || !pending.seats.is_empty()
        };
        if open.is_none() && !dirty {
            #[cfg(feature = "plans")]
            crate::plans::explain(&from.database.read, &statement).await?;
            return from.database.read.query_all_raw(statement).await.map_err(port);
        }
        self.writes_at(at);
        let tx = match open.take() {
            Some(tx) => tx,
            None => self.begin().await?,
        };
        if dirty {
            let writes = self.take_writes();
            let written = self.execute_all(&tx, writes).await;
            if let Err(error) = &written {
                self.pending().refused = Some(error.into());
            }
            written?;
        }
        let rows = tx.query_all_raw(statement).await.map_err(port);
        *open = Some(tx);
        rows
    }

    async fn begin(&self) -> Result<DatabaseTransaction, PortError> {
        let database = &self.written().database;
        // On SQLite the write lock is taken at once: a transaction that read first could not get it later.
        let options = TransactionOptions {
            sqlite_transaction_mode: (database.engine == Engine::Sqlite).then_some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let tx = database.write.begin_with_options(options).await.map_err(port)?;
        if let Some(statement) = self.sight.set_local(database.engine) {
            tx.execute_raw(statement).await.map_err(port)?;
        }
        Ok(tx)
    }

    /// Saves a new row.
    pub(crate) fn insert<E>(&self, model: E::Model)
    where
        E: EntityTrait + EntityName + Default,
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: ActiveModelTrait<Entity = E>,
    {
        self.insert_model::<E>(model, WhenTaken::Refuse);
    }

    /// Saves a new row, or leaves one alone that is there already.
    pub(crate) fn insert_if_new<E>(&self, model: E::Model)
    where
        E: EntityTrait + EntityName + Default,
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: ActiveModelTrait<Entity = E>,
    {
        self.insert_model::<E>(model, WhenTaken::Leave);
    }

    /// Saves a row, new or not: it is known by these columns.
    pub(crate) fn replace<E>(&self, model: E::Model, key: &'static [&'static str])
    where
        E: EntityTrait + EntityName + Default,
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: ActiveModelTrait<Entity = E>,
    {
        self.insert_model::<E>(model, WhenTaken::Replace(key));
    }

    /// Saves a new row that nothing but its own new id tells apart.
    pub(crate) fn append<E>(&self, model: E::Model)
    where
        E: EntityTrait + EntityName + Default,
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: ActiveModelTrait<Entity = E>,
    {
        self.insert_model::<E>(model, WhenTaken::Never);
    }

    fn insert_model<E>(&self, model: E::Model, when_taken: WhenTaken)
    where
        E: EntityTrait + EntityName + Default,
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: ActiveModelTrait<Entity = E>,
    {
        let (columns, row) = columns_of::<E>(model);
        self.insert_row(table_of::<E>(), columns, row, when_taken);
    }

    pub(crate) fn insert_row(&self, table: &'static str, columns: Vec<&'static str>, row: Vec<sea_orm::Value>, when_taken: WhenTaken) {
        self.pending().writes.push(Write::Insert { table, columns, rows: vec![row], when_taken });
    }

    /// Saves a row that was read before; `except` are the columns that stay as they are.
    pub(crate) fn update<E>(&self, model: E::Model, version: u32, except: &[E::Column])
    where
        E: OrganizationOwned + EntityName + Default,
        E::Model: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: ActiveModelTrait<Entity = E>,
    {
        let except: Vec<_> = except.iter().map(IdenStatic::as_str).collect();
        let keys: Vec<_> = E::PrimaryKey::iter().map(|key| key.as_str()).collect();
        let (columns, row) = columns_of::<E>(model);
        let (mut key, mut set) = (Vec::new(), Vec::new());
        for (column, value) in columns.into_iter().zip(row) {
            if keys.contains(&column) || column == "organization_id" {
                key.push((column, value));
            } else if !except.contains(&column) && column != "created_at" {
                set.push((column, value));
            }
        }
        self.pending().writes.push(Write::Update { table: table_of::<E>(), key, set, version: Some(version - 1) });
    }

    pub(crate) fn write(&self, write: Write) {
        self.pending().writes.push(write);
    }

    /// Moves a run's seats; moves of the same run in one unit add up.
    pub(crate) fn move_seats(&self, run: Uuid, taken: i32, held: i32) {
        let mut pending = self.pending();
        let sum = pending.seats.entry(run).or_default();
        *sum = (sum.0 + taken, sum.1 + held);
    }

    /// Tells audit and outbox.
    pub(crate) fn note<A: Aggregate>(&self, changed: &Changed<A>) {
        self.writes_at(At::of(changed.state().noun().context));
        self.pending().noted.push(Noted::of(changed));
    }

    pub(crate) fn note_other(&self, noted: Noted) {
        self.writes_at(At::Home);
        self.pending().noted.push(noted);
    }

    /// Remembers under which name and key a person is known, since a fact may need it at the commit.
    pub(crate) fn knows(&self, person: PersonId, subject: SubjectRef, key: KeyId) {
        self.pending().subjects.insert(person, (subject, key));
        self.store.subjects.insert((self.organization, person), (subject, key));
    }

    /// The key under which what concerns a person is sealed.
    pub(crate) async fn key_of(&self, person: PersonId) -> Result<KeyId, PortError> {
        let known = self.pending().subjects.get(&person).copied().or_else(|| self.store.subjects.get(&(self.organization, person)));
        match known {
            Some((_, key)) => Ok(key),
            None => {
                let mut subjects = HashMap::new();
                self.look_up_subjects([person.as_uuid()].into(), &mut subjects).await?;
                subjects.get(&person).map(|(_, key)| *key).ok_or(PortError::Dangling("person"))
            }
        }
    }

    /// Says that what a sign-in, a membership, a key or everybody of an organization may do is not what it was: who is remembered by it is
    /// looked up anew from now on.
    pub(crate) fn rights_changed(&self, of: Uuid) {
        self.directory.database.changed_rights.insert(of, ());
    }

    fn take_writes(&self) -> Vec<Write> {
        let mut pending = self.pending();
        let seats = std::mem::take(&mut pending.seats);
        let mut writes = std::mem::take(&mut pending.writes);
        writes.extend(seats.into_iter().filter(|(_, moved)| *moved != (0, 0)).map(|(run, (taken, held))| Write::Seats {
            organization: self.organization,
            run,
            taken,
            held,
        }));
        writes
    }

    /// The audit and outbox rows of everything noted, and the answer that is kept.
    async fn derived_writes(&self) -> Result<Vec<Write>, PortError> {
        let (noted, answer, mut subjects) = {
            let mut pending = self.pending();
            (std::mem::take(&mut pending.noted), pending.answer.take(), std::mem::take(&mut pending.subjects))
        };
        self.resolve_subjects(&noted, &mut subjects).await?;
        let mut rows = Rows::default();
        for noted in noted {
            let subject = match noted.subject {
                Some(person) => Some(*subjects.get(&person).ok_or(PortError::Dangling("person"))?),
                None => None,
            };
            rows.add(noted, self.store.ids.next(), &self.scope, subject, &self.written().keys).await?;
        }
        let mut writes = rows.into_writes();
        if let (Some(answer), Some(once)) = (answer, self.scope.once_key()) {
            let id = self.store.ids.next();
            let now = answer_time(&writes).or_else(|| made_at(id)).unwrap_or_default();
            let headers = Value::Map(answer.headers.into_iter().map(|(name, value)| (name, Value::Text(value))).collect());
            writes.push(Write::Insert {
                table: "idempotency_keys",
                columns: vec![
                    "organization_id",
                    "id",
                    "principal",
                    "route",
                    "key",
                    "fingerprint",
                    "status",
                    "headers",
                    "body",
                    "created_at",
                    "expires_at",
                ],
                rows: vec![vec![
                    self.organization.into(),
                    id.into(),
                    once.principal.clone().into(),
                    once.route.clone().into(),
                    once.key.clone().into(),
                    once.fingerprint.to_vec().into(),
                    i32::from(answer.status).into(),
                    json(&headers).into(),
                    answer.body.into(),
                    now.into(),
                    (now + ANSWER_LIVES).into(),
                ]],
                when_taken: WhenTaken::Refuse,
            });
        }
        Ok(writes)
    }

    async fn resolve_subjects(&self, noted: &[Noted], subjects: &mut HashMap<PersonId, (SubjectRef, KeyId)>) -> Result<(), PortError> {
        let mut missing = HashSet::new();
        for person in noted.iter().filter_map(|noted| noted.subject) {
            if let Entry::Vacant(place) = subjects.entry(person) {
                match self.store.subjects.get(&(self.organization, person)) {
                    Some(known) => _ = place.insert(known),
                    None => _ = missing.insert(person.as_uuid()),
                }
            }
        }
        self.look_up_subjects(missing, subjects).await
    }

    async fn look_up_subjects(&self, missing: HashSet<Uuid>, subjects: &mut HashMap<PersonId, (SubjectRef, KeyId)>) -> Result<(), PortError> {
        if missing.is_empty() {
            return Ok(());
        }
        let mut sql = self.sql();
        sql.push("SELECT id, subject_ref, key_id FROM people WHERE ").push(SCOPED).push(" AND organization_id = ").bind(self.organization);
        sql.push(" AND id IN (").bind_all(missing).push(")");
        for row in self.rows(sql).await? {
            let [id, subject, key]: [Uuid; 3] =
                [row.try_get_by_index(0).map_err(port)?, row.try_get_by_index(1).map_err(port)?, row.try_get_by_index(2).map_err(port)?];
            let known = (SubjectRef::from_uuid(subject), KeyId::from_uuid(key));
            self.store.subjects.insert((self.organization, PersonId::from_uuid(id)), known);
            subjects.insert(PersonId::from_uuid(id), known);
        }
        Ok(())
    }

    /// Everything that is pending, with audit and outbox, and the end of it.
    async fn write_all(&self) -> Result<(), PortError> {
        if self.pending().refused.is_some() {
            return Err(PortError::Stale);
        }
        if self.pending().torn {
            return Err(PortError::Broken("one unit of work in two databases".to_owned()));
        }
        let mut writes = self.take_writes();
        writes.extend(self.derived_writes().await?);
        let open = self.open.lock().await.take();
        if open.is_none() && writes.is_empty() {
            return Ok(());
        }
        let database = Arc::clone(&self.written().database);
        let tx = match open {
            Some(tx) => tx,
            None if database.engine == Engine::Postgres => {
                let mut waves = waves(writes);
                if waves.len() == 1 {
                    let wave = waves.swap_remove(0);
                    return database.write.query_all_raw(one_statement(wave, self.organization)).await.map(|_| ()).map_err(port);
                }
                let tx = self.begin().await?;
                for wave in waves {
                    tx.query_all_raw(one_statement(wave, self.organization)).await.map_err(port)?;
                }
                return tx.commit().await.map_err(port);
            }
            None => self.begin().await?,
        };
        self.execute_all(&tx, writes).await?;
        tx.commit().await.map_err(port)
    }

    /// Executes writes in an open transaction.
    async fn execute_all(&self, tx: &DatabaseTransaction, writes: Vec<Write>) -> Result<(), PortError> {
        match self.home.database.engine {
            Engine::Sqlite => {
                // One after the other: a row that was not new is told as such, before something that refers to it fails for want of it.
                for write in runs(writes) {
                    let expected = write.expects();
                    let mut sql = self.sql();
                    write.write(&mut sql);
                    let done = tx.execute_raw(sql.into_statement()).await.map_err(port)?.rows_affected();
                    if let Some((count, what)) = expected
                        && done != count
                    {
                        return Err(refusal(&what));
                    }
                }
            }
            Engine::Postgres => {
                for wave in waves(writes) {
                    tx.query_all_raw(one_statement(wave, self.organization)).await.map_err(port)?;
                }
            }
        }
        Ok(())
    }
}

fn refusal(what: &str) -> PortError {
    match what.strip_prefix(crate::error::CONFLICT) {
        Some(name) => PortError::Conflict(crate::error::known(name)),
        None => PortError::Stale,
    }
}

fn table_of<E: EntityName + Default>() -> &'static str {
    E::default().table_name()
}

/// The columns of a row, with its values.
pub(crate) fn columns_of<E>(model: E::Model) -> (Vec<&'static str>, Vec<sea_orm::Value>)
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: ActiveModelTrait<Entity = E>,
{
    let model = model.into_active_model();
    E::Column::iter()
        .filter_map(|column| match model.get(column) {
            ActiveValue::Set(value) | ActiveValue::Unchanged(value) => Some((column.as_str(), value)),
            ActiveValue::NotSet => None,
        })
        .unzip()
}

macro_rules! every_repository {
    ($($accessor:ident: $port:path),+ $(,)?) => {
        #[async_trait]
        impl UnitOfWork for Session {
            $(fn $accessor(&self) -> &dyn $port { self })+

            fn remember(&self, answer: StoredAnswer) {
                self.pending().answer = Some(answer);
            }

            fn came_too_late(&self) -> bool {
                self.pending().refused == Some(Refused::TooLate)
            }

            async fn commit(self: Box<Self>) -> Result<(), PortError> {
                match self.write_all().await {
                    // Who came to work here a moment ago may be in the directory alone yet.
                    Err(PortError::Dangling(_)) if self.store.databases.mirror(self.scope.organization()).await? => Err(PortError::Stale),
                    written => written,
                }
            }
        }
    };
}

every_repository! {
    organizations: matricula_ports::identity::OrganizationRepository,
    users: matricula_ports::identity::UserRepository,
    roles: matricula_ports::identity::RoleRepository,
    groups: matricula_ports::identity::GroupRepository,
    api_keys: matricula_ports::identity::ApiKeyRepository,
    login_sessions: matricula_ports::identity::LoginSessionRepository,
    second_factors: matricula_ports::identity::SecondFactorRepository,
    links: matricula_ports::identity::LinkRepository,
    identity_providers: matricula_ports::identity::IdentityProviderRepository,
    provider_sign_ins: matricula_ports::identity::ProviderSignInRepository,
    provider_identities: matricula_ports::identity::ProviderIdentityRepository,
    people: matricula_ports::people::PersonRepository,
    courses: matricula_ports::catalog::CourseRepository,
    course_runs: matricula_ports::catalog::CourseRunRepository,
    leads: matricula_ports::leads::LeadRepository,
    forms: matricula_ports::leads::FormRepository,
    enrollments: matricula_ports::enrollment::EnrollmentRepository,
    seat_holds: matricula_ports::enrollment::SeatHoldRepository,
    consents: matricula_ports::privacy::ConsentRepository,
    consent_texts: matricula_ports::privacy::ConsentTextRepository,
    seo_metadata: matricula_ports::catalog::SeoMetadataRepository,
    redirects: matricula_ports::catalog::RedirectRepository,
    blog_posts: matricula_ports::publishing::BlogPostRepository,
    media_assets: matricula_ports::publishing::MediaAssetRepository,
    records: matricula_ports::records::RecordRepository,
    jobs: matricula_ports::notifications::JobRepository,
    webhook_endpoints: matricula_ports::notifications::WebhookEndpointRepository,
}
