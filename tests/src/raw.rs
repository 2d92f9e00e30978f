//! SQL by hand: what a contract looks at behind the adapters' back, and what an attacker would do.

use std::sync::Arc;

use matricula_persistence::{Engine, Options};
use sea_orm::{ConnectOptions, ConnectionTrait as _, DatabaseConnection, DbErr, Statement, TransactionTrait as _, Value};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// A table's name, and its columns.
type Table = (String, Vec<String>);

/// A connection of its own, which on `PostgreSQL` sees the rows of all organizations. `$1` stands for the first value on both engines.
#[derive(Clone, Debug)]
pub struct Raw {
    engine: Engine,
    business: DatabaseConnection,
    keys: DatabaseConnection,
    stranger: DatabaseConnection,
    tables: Arc<OnceCell<Vec<Table>>>,
}

impl Raw {
    pub(crate) async fn open(options: &Options) -> Self {
        let engine = Engine::of_url(&options.url).unwrap();
        let for_all = match engine {
            Engine::Sqlite => options.url.clone(),
            Engine::Postgres => {
                let separator = if options.url.contains('?') { '&' } else { '?' };
                format!("{}{separator}options=-capp.organization%3D00000000-0000-0000-0000-000000000000", options.url)
            }
        };
        let connect = async |url: String| {
            let options = ConnectOptions::new(url).max_connections(1).min_connections(0).connect_lazy(true).sqlx_logging(false).to_owned();
            sea_orm::Database::connect(options).await.unwrap()
        };
        Self {
            engine,
            business: connect(for_all).await,
            keys: connect(options.key_store().url).await,
            stranger: connect(options.url.clone()).await,
            tables: Arc::default(),
        }
    }

    fn statement(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
        let backend = if self.engine == Engine::Postgres { sea_orm::DbBackend::Postgres } else { sea_orm::DbBackend::Sqlite };
        Statement::from_sql_and_values(backend, sql, values)
    }

    /// Executes a statement and answers how many rows it touched.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn try_execute(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<u64, DbErr> {
        Ok(self.business.execute_raw(self.statement(sql, values)).await?.rows_affected())
    }

    /// Executes a statement that goes well.
    pub async fn execute(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> u64 {
        self.try_execute(sql, values).await.unwrap_or_else(|error| panic!("{error}: {sql}"))
    }

    /// Executes statements one after another.
    pub async fn script(&self, sql: &str) {
        self.business.execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
    }

    /// Executes a statement that is refused, and answers what the database says against it.
    pub async fn refusal(&self, sql: &str) -> String {
        match self.try_execute(sql, []).await {
            Ok(_) => panic!("accepted: {sql}"),
            Err(error) => error.to_string(),
        }
    }

    /// The first column of the rows of a query.
    pub async fn column<T: sea_orm::TryGetable>(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Vec<T> {
        let rows = self.business.query_all_raw(self.statement(sql, values)).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
        rows.iter().map(|row| row.try_get_by_index(0).unwrap_or_else(|error| panic!("{error}: {sql}"))).collect()
    }

    /// The first column of the one row of a query.
    pub async fn one<T: sea_orm::TryGetable>(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> T {
        let mut found = self.column(sql, values).await;
        assert_eq!(found.len(), 1, "{sql}");
        found.remove(0)
    }

    /// How many rows a table has, in all organizations.
    pub async fn count(&self, table: &str) -> i64 {
        self.one(&format!("SELECT count(*) FROM {table}"), []).await
    }

    /// How many rows a table has, of all those that a condition holds for.
    pub async fn count_where(&self, table: &str, condition: &str, values: impl IntoIterator<Item = Value>) -> i64 {
        self.one(&format!("SELECT count(*) FROM {table} WHERE {condition}"), values).await
    }

    /// Every table of the business database with its columns.
    pub async fn tables(&self) -> Vec<(String, Vec<String>)> {
        self.tables.get_or_init(|| self.tables_of(&self.business)).await.clone()
    }

    async fn tables_of(&self, connection: &DatabaseConnection) -> Vec<(String, Vec<String>)> {
        let sql = match self.engine {
            Engine::Sqlite => {
                "SELECT m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '%\\_fts%' ESCAPE '\\' ORDER BY 1, p.cid"
            }
            Engine::Postgres => {
                "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1, ordinal_position"
            }
        };
        let mut tables: Vec<(String, Vec<String>)> = Vec::new();
        for row in connection.query_all_raw(self.statement(sql, [])).await.unwrap() {
            let (table, column): (String, String) = (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap());
            match tables.last_mut().filter(|(last, _)| *last == table) {
                Some((_, columns)) => columns.push(column),
                None => tables.push((table, vec![column])),
            }
        }
        tables
    }

    /// The rows of a table, each as one text in which every value stands: byte for byte the same as long as nothing changes.
    pub async fn dump(&self, table: &str) -> Vec<String> {
        let (_, columns) = self.tables().await.into_iter().find(|(name, _)| name == table).unwrap();
        self.column(&format!("SELECT {} FROM {table} t ORDER BY 1", self.as_text(&columns)), []).await
    }

    fn as_text(&self, columns: &[String]) -> String {
        match self.engine {
            Engine::Sqlite => columns.iter().map(|column| format!("quote(t.\"{column}\")")).collect::<Vec<_>>().join(" || ',' || "),
            Engine::Postgres => "t::text".to_owned(),
        }
    }

    /// Which columns of any table, key store included, hold one of these needles: as text, or as bytes of a binary column.
    pub async fn hits(&self, needles: &[Vec<u8>]) -> Vec<String> {
        let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02X}"));
        let needles: Vec<_> = needles.iter().map(|needle| hex(needle)).collect();
        let mut hits = Vec::new();
        for connection in [&self.business, &self.keys] {
            for (table, columns) in self.tables_of(connection).await {
                for column in columns {
                    // In hexadecimal, since a text in a binary column is a hit too.
                    let held = match self.engine {
                        Engine::Sqlite => format!("hex(CAST(\"{column}\" AS blob))"),
                        Engine::Postgres => format!(
                            "upper(CASE WHEN pg_typeof(\"{column}\") = 'bytea'::regtype THEN substr(\"{column}\"::text, 3) \
                             ELSE encode(convert_to(\"{column}\"::text, 'UTF8'), 'hex') END)"
                        ),
                    };
                    let any = needles.iter().map(|needle| format!("{held} LIKE '%{needle}%'")).collect::<Vec<_>>().join(" OR ");
                    let sql = format!("SELECT count(*) FROM {table} WHERE {any}");
                    let row = connection.query_one_raw(self.statement(&sql, [])).await.unwrap_or_else(|error| panic!("{error}: {sql}")).unwrap();
                    if row.try_get_by_index::<i64>(0).unwrap() > 0 {
                        hits.push(format!("{table}.{column}"));
                    }
                }
            }
        }
        hits
    }

    /// Takes the locks off the audit, as whoever owns the database can: triggers and references.
    pub async fn disarm_audit(&self) {
        let tables = ["audit_entries", "audit_seals", "audit_heads"];
        let unlock: Vec<String> = match self.engine {
            Engine::Sqlite => tables.iter().flat_map(|table| ["update", "delete"].map(|verb| format!("DROP TRIGGER {table}_no_{verb}"))).collect(),
            Engine::Postgres => tables.iter().map(|table| format!("ALTER TABLE {table} DISABLE TRIGGER append_only")).collect(),
        };
        let unbind = match self.engine {
            Engine::Sqlite => "PRAGMA foreign_keys = OFF",
            Engine::Postgres => "ALTER TABLE audit_details DROP CONSTRAINT fk_audit_details_entry_id",
        };
        for statement in unlock.iter().map(String::as_str).chain([unbind]) {
            self.script(statement).await;
        }
    }

    /// What the key store holds of a key: nothing, once it is destroyed.
    pub async fn material(&self, key: Uuid) -> Option<Vec<u8>> {
        let statement = self.statement("SELECT material FROM person_keys WHERE id = $1", [key.into()]);
        self.keys.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }

    /// What a statement counts as the application's role, on `PostgreSQL` with the setting of an organization or without any. Nothing of it stays.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn try_count_as(&self, organization: Option<Uuid>, sql: &str) -> Result<i64, DbErr> {
        let tx = self.stranger.begin().await?;
        if let Some(organization) = organization {
            let setting = "SELECT set_config('app.organization', $1, true)";
            tx.execute_raw(self.statement(setting, [organization.to_string().into()])).await?;
        }
        let row = tx.query_one_raw(self.statement(sql, [])).await;
        tx.rollback().await?;
        row?.ok_or_else(|| DbErr::Custom("a count without a row".to_owned()))?.try_get_by_index(0)
    }

    /// The same for a statement that is not refused.
    pub async fn count_as(&self, organization: Option<Uuid>, sql: &str) -> i64 {
        self.try_count_as(organization, sql).await.unwrap_or_else(|error| panic!("{error}: {sql}"))
    }

    /// The connection itself, for a transaction by hand.
    pub fn connection(&self) -> &DatabaseConnection {
        &self.business
    }
}
