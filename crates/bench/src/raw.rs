use anyhow::{Context as _, Result};
use sea_orm::{ConnectOptions, ConnectionTrait as _, DatabaseConnection, QueryResult, Statement, TryGetable};

use crate::Engine;

/// SQL by hand, behind the program's back.
#[derive(Clone, Debug)]
pub struct Raw {
    connection: DatabaseConnection,
}

impl Raw {
    /// One connection. On `PostgreSQL` the address of the superuser sees the rows of all organizations.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn open(url: &str) -> Result<Self> {
        let options = ConnectOptions::new(url).max_connections(1).sqlx_logging(false).to_owned();
        Ok(Self { connection: sea_orm::Database::connect(options).await? })
    }

    /// Which engine answers.
    pub fn engine(&self) -> Engine {
        match self.connection.get_database_backend() {
            sea_orm::DbBackend::Postgres => Engine::Postgres,
            _ => Engine::Sqlite,
        }
    }

    /// Executes statements one after another.
    ///
    /// # Errors
    /// What the database says, with the statements.
    pub async fn script(&self, sql: &str) -> Result<()> {
        self.connection.execute_unprepared(sql).await.map(|_| ()).with_context(|| first_lines(sql))
    }

    /// The rows of a query.
    ///
    /// # Errors
    /// What the database says, with the query.
    pub async fn rows(&self, sql: &str) -> Result<Vec<QueryResult>> {
        let statement = Statement::from_string(self.connection.get_database_backend(), sql);
        self.connection.query_all_raw(statement).await.with_context(|| first_lines(sql))
    }

    /// The first column of the rows of a query.
    ///
    /// # Errors
    /// What the database says, with the query.
    pub async fn column<T: TryGetable>(&self, sql: &str) -> Result<Vec<T>> {
        let rows = self.rows(sql).await?;
        rows.iter().map(|row| row.try_get_by_index(0).with_context(|| first_lines(sql))).collect()
    }

    /// The first column of the one row of a query.
    ///
    /// # Errors
    /// What the database says, with the query; or that there is no row.
    pub async fn one<T: TryGetable>(&self, sql: &str) -> Result<T> {
        self.column(sql).await?.pop().with_context(|| format!("no row: {}", first_lines(sql)))
    }

    /// Closes the connection.
    ///
    /// # Errors
    /// When the database went away before.
    pub async fn close(self) -> Result<()> {
        Ok(self.connection.close().await?)
    }
}

fn first_lines(sql: &str) -> String {
    sql.chars().take(300).collect()
}
