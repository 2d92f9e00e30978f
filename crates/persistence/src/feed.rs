//! Reads tables that only grow, in the order of commits and without gaps (ADR 4): the outbox, and the entries of the audit.
//!
//! Ids and times are given before the commit, so that what commits late stands between what was read already, and a reader that follows
//! them misses it. On `PostgreSQL` each row carries its transaction, and only rows of transactions below the oldest one that still runs are
//! read: none of those can commit any more. On `SQLite` there is one writer, so that the order of rowids is that of commits.
//!
//! On `SQLite` a table that was emptied counts from 1 again: whoever removes old rows leaves the newest one. And transactions of another
//! `PostgreSQL` server mean nothing: after a logical restore into a new one, `feed_cursors` is emptied.

use matricula_domain::shared::Instant;
use matricula_ports::PortError;
use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryResult, SqliteTransactionMode, TransactionOptions, TransactionTrait};
use uuid::Uuid;

use crate::convert::{Columns, time};
use crate::database::{Database, Engine};
use crate::error::port;
use crate::scoped::{Reader, SCOPED, Sight};
use crate::sql::Sql;

/// A table whose rows are followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Feed {
    /// The table; its rows are called `f`.
    pub(crate) table: &'static str,
    /// What is read of a row. Its place follows behind.
    pub(crate) columns: &'static str,
    /// Which rows are there to be read.
    pub(crate) filter: &'static str,
}

/// A place in a feed: behind one row, and before the next. The default is before all rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The transaction on `PostgreSQL`, the rowid on `SQLite`.
    number: i64,
    /// The row, since a transaction has several.
    row: Uuid,
}

impl Place {
    /// A place as a consumer kept it, if it can be one.
    pub(crate) fn kept(number: i64, row: Uuid) -> Option<Self> {
        (number >= 0).then_some(Self { number, row })
    }

    /// What a consumer keeps.
    pub(crate) fn parts(self) -> (i64, Uuid) {
        (self.number, self.row)
    }

    /// The place of a row that a feed gave.
    pub(crate) fn of(row: &QueryResult) -> Result<Self, PortError> {
        let first = row.column_names().len() - 2;
        Ok(Self { number: row.try_get_by_index(first).map_err(port)?, row: row.try_get_by_index(first + 1).map_err(port)? })
    }
}

impl Feed {
    /// Up to where a consumer has come.
    pub(crate) async fn place(&self, reader: &Reader, consumer: &str) -> Result<Place, PortError> {
        let mut sql = reader.sql();
        sql.push("SELECT c.position_xact, c.position_id FROM feed_cursors c WHERE ").push(SCOPED).push(" AND c.consumer = ").bind(consumer);
        let Some(row) = reader.rows(sql).await?.pop() else { return Ok(Place::default()) };
        let mut columns = Columns::of(&row);
        Ok(Place { number: columns.next()?, row: columns.next::<Option<Uuid>>()?.unwrap_or_default() })
    }

    /// The rows behind a place, at most so many, of transactions that are settled.
    pub(crate) async fn read(&self, reader: &Reader, from: Place, most: u32) -> Result<Vec<QueryResult>, PortError> {
        let mut sql = reader.sql();
        self.behind(reader, &mut sql, from);
        in_order(&mut sql, most);
        reader.rows(sql).await
    }

    /// The place behind every row that is settled now, for who follows one organization.
    pub(crate) async fn end(&self, reader: &Reader) -> Result<Place, PortError> {
        let mut sql = reader.sql();
        if sql.is_postgres() {
            sql.push("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1 WHERE ").push(SCOPED);
        } else {
            sql.push("SELECT COALESCE(max(f.rowid), 0) FROM ").name(self.table).push(" f WHERE ").push(SCOPED);
            if let Sight::Organization(organization) = reader.sight {
                sql.push(" AND f.organization_id = ").bind(organization);
            }
        }
        let number = reader.rows(sql).await?.first().map(|row| Columns::of(row).next::<i64>()).transpose()?.unwrap_or_default();
        Ok(Place { number, row: Uuid::max() })
    }

    /// The place of a row that is not far behind another place.
    pub(crate) async fn find(&self, reader: &Reader, from: Place, row: Uuid) -> Result<Option<Place>, PortError> {
        let mut sql = reader.sql();
        self.behind(reader, &mut sql, from);
        sql.push(" AND f.id = ").bind(row);
        in_order(&mut sql, 1);
        reader.rows(sql).await?.first().map(Place::of).transpose()
    }

    fn behind(&self, reader: &Reader, sql: &mut Sql, from: Place) {
        // There is no cast from xid8 to a number, nor back, but by way of text.
        let number = if sql.is_postgres() { "f.xact::text::bigint" } else { "f.rowid" };
        sql.push("SELECT ").push(self.columns).push(", ").push(number).push(" AS feed_number, f.id AS feed_row FROM ").name(self.table);
        sql.push(" f WHERE ").push(SCOPED);
        if sql.is_postgres() {
            sql.push(" AND (f.xact, f.id) > (").bind(from.number.to_string()).push("::text::xid8, ").bind(from.row);
            sql.push(") AND f.xact < pg_snapshot_xmin(pg_current_snapshot())");
        } else {
            sql.push(" AND f.rowid > ").bind(from.number);
        }
        // Who follows one organization has an index of it.
        if let Sight::Organization(organization) = reader.sight {
            sql.push(" AND f.organization_id = ").bind(organization);
        }
        sql.push(self.filter);
    }
}

fn in_order(sql: &mut Sql, most: u32) {
    let order = if sql.is_postgres() { " ORDER BY f.xact, f.id LIMIT " } else { " ORDER BY f.rowid LIMIT " };
    sql.push(order).bind(i64::from(most));
}

/// Moves a consumer from where it was to another place; `false` if it is not there any more, because somebody else has moved it.
pub(crate) async fn advance(
    to_write: &impl ConnectionTrait,
    engine: Engine,
    consumer: &str,
    from: Place,
    to: Place,
    now: Instant,
) -> Result<bool, PortError> {
    let mut sql = Sql::new(engine);
    sql.push("INSERT INTO feed_cursors (consumer, position_xact, position_id, updated_at) VALUES (").bind(consumer).push(", ").bind(to.number);
    sql.push(", ").bind(to.row).push(", ").bind(time(now)).push(") ON CONFLICT (consumer) DO UPDATE SET position_xact = excluded.position_xact, ");
    sql.push("position_id = excluded.position_id, updated_at = excluded.updated_at WHERE feed_cursors.position_xact = ").bind(from.number);
    sql.push(" AND feed_cursors.position_id = ").bind(from.row);
    Ok(to_write.execute_raw(sql.into_statement()).await.map_err(port)?.rows_affected() == 1)
}

/// Begins a transaction that sees the rows of all organizations.
pub(crate) async fn begin_for_all(database: &Database) -> Result<DatabaseTransaction, PortError> {
    let options = TransactionOptions {
        // The write lock is taken at once, as in the unit of work.
        sqlite_transaction_mode: (database.engine == Engine::Sqlite).then_some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let tx = database.write.begin_with_options(options).await.map_err(port)?;
    if let Some(statement) = Sight::System.set_local(database.engine) {
        tx.execute_raw(statement).await.map_err(port)?;
    }
    Ok(tx)
}
