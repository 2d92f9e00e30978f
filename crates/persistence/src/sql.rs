use std::fmt::Write as _;

use sea_orm::{Statement, Value};

use crate::Engine;
use crate::convert::hex;

/// A statement in the making: text and bound values, for either engine. Names come from the code, values are always bound.
#[derive(Debug)]
pub(crate) struct Sql {
    engine: Engine,
    text: String,
    values: Vec<Value>,
}

impl Sql {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, text: String::with_capacity(512), values: Vec::with_capacity(32) }
    }

    /// Adds text.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a value.
    pub(crate) fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        match self.engine {
            // Without a number: SQLite looks numbered ones up by name, each time from the first, which a thousand rows feel.
            Engine::Sqlite => self.text.push('?'),
            Engine::Postgres => _ = write!(self.text, "${}", self.values.len()),
        }
        self
    }

    /// Adds several values with commas between them.
    pub(crate) fn bind_all<V: Into<Value>>(&mut self, values: impl IntoIterator<Item = V>) -> &mut Self {
        for (n, value) in values.into_iter().enumerate() {
            if n > 0 {
                self.push(", ");
            }
            self.bind(value);
        }
        self
    }

    /// Adds names in quotes with commas between them.
    pub(crate) fn names<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) -> &mut Self {
        for (n, name) in names.into_iter().enumerate() {
            if n > 0 {
                self.push(", ");
            }
            self.name(name);
        }
        self
    }

    /// Adds a name in quotes.
    pub(crate) fn name(&mut self, name: &str) -> &mut Self {
        debug_assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{name}");
        self.push("\"").push(name).push("\"")
    }

    pub(crate) fn engine(&self) -> Engine {
        self.engine
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.engine == Engine::Postgres
    }

    pub(crate) fn into_parts(self) -> (String, Vec<Value>) {
        (self.text, self.values)
    }

    pub(crate) fn into_statement(self) -> Statement {
        Statement::from_sql_and_values(self.engine.backend(), self.text, self.values)
    }
}

/// What a row is known by.
type Key = Vec<(&'static str, Value)>;

/// What happens where a row that is to be inserted is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenTaken {
    /// It is a conflict.
    Refuse,
    /// The row that is there is left alone.
    Leave,
    /// The row that is there, which has the same values in these columns, becomes this one, unless its version is higher.
    Replace(&'static [&'static str]),
    /// It cannot be: nothing but its own new id tells the row apart. So nobody looks, which saves a good part of the work.
    Never,
}

/// From so many rows on, an insert is one JSON value on `PostgreSQL`: the statement is the same for every number of rows, and
/// planned once.
const MANY_ROWS: usize = 5;

/// How many values one statement has at most; `SQLite` binds 32,766.
const MOST_VALUES: usize = 32_000;

/// A write that a unit of work will make at its commit.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    /// Rows that must be new.
    Insert { table: &'static str, columns: Vec<&'static str>, rows: Vec<Vec<Value>>, when_taken: WhenTaken },
    /// One row that must be as it was expected.
    Update {
        table: &'static str,
        /// The key of the row.
        key: Key,
        set: Vec<(&'static str, Value)>,
        /// The version that it must have.
        version: Option<u32>,
    },
    /// Many rows that must be as they were expected: the version before the one that they get. For `PostgreSQL`.
    UpdateAll {
        shape: Shape,
        /// How many.
        count: usize,
        /// The rows as a JSON list.
        rows: String,
    },
    /// A run's counters move, if there is room.
    Seats { organization: uuid::Uuid, run: uuid::Uuid, taken: i32, held: i32 },
    /// A run has no free seat, and gets none before this is committed.
    Full { organization: uuid::Uuid, run: uuid::Uuid },
    /// An organization's counts of who works in it move: somebody is left who owns it, and no more come than it has subscribed to.
    Members { organization: uuid::Uuid, seats: i32, owners: i32 },
    /// The files of an organization take so many bytes more, if that is within its quota.
    MediaUsage { organization: uuid::Uuid, bytes: i64, quota: i64 },
    /// Rows that go.
    Delete { table: &'static str, key: Key },
}

/// What updates of several rows have in common: the table, the columns of its key, those that are set.
pub(crate) type Shape = (&'static str, Vec<&'static str>, Vec<&'static str>);

impl Write {
    /// Its shape, if it is an update of a row that must have a version.
    pub(crate) fn shape(&self) -> Option<Shape> {
        let names = |columns: &[(&'static str, Value)]| columns.iter().map(|(name, _)| *name).collect();
        match self {
            Self::Update { table, key, set, version: Some(_) } => Some((table, names(key), names(set))),
            _ => None,
        }
    }

    /// One write for updates of this shape; `None` if they are few, or there is a value that JSON has no words for.
    pub(crate) fn update_all(shape: Shape, updates: &[Self]) -> Option<Self> {
        let values = |update: &Self| match update {
            Self::Update { key, set, .. } => key.iter().chain(set).map(|(_, value)| value.clone()).collect(),
            _ => Vec::new(),
        };
        if updates.len() < MANY_ROWS {
            return None;
        }
        let columns: Vec<_> = shape.1.iter().chain(&shape.2).copied().collect();
        let rows = json_rows(&columns, &updates.iter().map(values).collect::<Vec<_>>())?;
        Some(Self::UpdateAll { shape, count: updates.len(), rows })
    }

    /// The row that it changes or removes.
    fn row(&self) -> Option<(&'static str, Key)> {
        match self {
            Self::Insert { .. } | Self::UpdateAll { .. } => None,
            Self::Update { table, key, .. } | Self::Delete { table, key } => Some((table, key.clone())),
            Self::Members { organization, .. } => Some(("organizations", vec![("id", (*organization).into())])),
            Self::MediaUsage { organization, .. } => Some(("media_usage", vec![("organization_id", (*organization).into())])),
            Self::Seats { organization, run, .. } | Self::Full { organization, run } => {
                Some(("course_runs", vec![("organization_id", (*organization).into()), ("id", (*run).into())]))
            }
        }
    }

    /// Whether it is about a row that an earlier write makes, changes or removes; a new row may stand where another one stood, so it
    /// builds on every change of its table.
    pub(crate) fn builds_on(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            // A statement cannot replace what it writes.
            (
                Self::Insert { table, columns, rows, when_taken: WhenTaken::Replace(key) },
                Self::Insert { table: same, columns: known, rows: earlier, .. },
            ) if table == same && columns == known => {
                let is_key: Vec<_> = columns.iter().map(|column| key.contains(column)).collect();
                let same =
                    |row: &[Value], other: &[Value]| is_key.iter().zip(row.iter().zip(other)).all(|(is_key, (one, two))| !is_key || one == two);
                rows.iter().any(|row| earlier.iter().any(|other| same(row, other)))
            }
            (Self::Insert { .. }, Self::Insert { .. }) => false,
            (Self::Insert { table, .. }, changed) => changed.row().is_some_and(|(changed, _)| changed == *table),
            (changed, Self::Insert { table, columns, rows, .. }) => {
                let has = |row: &[Value], name: &str, value: &Value| columns.iter().zip(row).any(|(column, held)| *column == name && held == value);
                let is_at = |row: &[Value], key: &Key| key.iter().all(|(name, value)| has(row, name, value));
                changed.row().is_some_and(|(changed, key)| changed == *table && rows.iter().any(|row| is_at(row, &key)))
            }
            (changed, earlier) => changed.row() == earlier.row(),
        }
    }

    /// Takes the rows of a write that can be one with this; gives it back if it cannot.
    pub(crate) fn join(&mut self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Insert { table, columns, rows, when_taken }, Self::Insert { table: same, columns: known, rows: more, when_taken: manner })
                if *table == same && *columns == known && *when_taken == manner && (rows.len() + more.len()) * known.len() <= MOST_VALUES =>
            {
                rows.extend(more);
                None
            }
            (_, other) => Some(other),
        }
    }

    /// How many rows it must touch, and what it means when it does not. `None` if any number will do.
    pub(crate) fn expects(&self) -> Option<(u64, String)> {
        use crate::error::{CONFLICT, STALE};
        match self {
            Self::Insert { when_taken: WhenTaken::Leave | WhenTaken::Replace(_) | WhenTaken::Never, .. } | Self::Delete { .. } => None,
            Self::Insert { table, rows, .. } => Some((rows.len() as u64, format!("{CONFLICT}{table}"))),
            Self::Update { table, .. } => Some((1, format!("{STALE}{table}"))),
            Self::UpdateAll { shape: (table, ..), count, .. } => Some((*count as u64, format!("{STALE}{table}"))),
            Self::Seats { .. } | Self::Full { .. } => Some((1, format!("{CONFLICT}seats"))),
            Self::MediaUsage { .. } => Some((1, format!("{CONFLICT}media_usage"))),
            Self::Members { owners, .. } => Some((1, format!("{CONFLICT}{}", if *owners < 0 { "owners" } else { "members" }))),
        }
    }

    /// Writes it down.
    pub(crate) fn write(self, sql: &mut Sql) {
        match self {
            Self::Insert { table, columns, rows, when_taken } => {
                sql.push("INSERT INTO ").name(table).push(" (").names(columns.iter().copied()).push(") ");
                write_rows(sql, table, &columns, rows);
                match when_taken {
                    // Counted afterwards instead of raised by the database, whose own error would write the values to its log.
                    WhenTaken::Refuse | WhenTaken::Leave => _ = sql.push(" ON CONFLICT DO NOTHING"),
                    WhenTaken::Replace(key) => {
                        sql.push(" ON CONFLICT (").names(key.iter().copied()).push(") DO UPDATE SET ");
                        for (n, column) in columns.iter().filter(|column| !key.contains(column)).enumerate() {
                            sql.push(if n > 0 { ", " } else { "" }).name(column).push(" = excluded.").name(column);
                        }
                        sql.push(" WHERE ").name(table).push(".version <= excluded.version");
                    }
                    WhenTaken::Never => {}
                }
            }
            Self::Update { table, key, set, version } => {
                sql.push("UPDATE ").name(table).push(" SET ");
                for (n, (column, value)) in set.into_iter().enumerate() {
                    sql.push(if n > 0 { ", " } else { "" }).name(column).push(" = ").bind(value);
                }
                where_key(sql, key);
                if let Some(version) = version {
                    sql.push(" AND version = ").bind(i64::from(version));
                }
            }
            Self::UpdateAll { shape: (table, key, set), rows, .. } => {
                sql.push("UPDATE ").name(table).push(" t SET ");
                for (n, column) in set.into_iter().enumerate() {
                    sql.push(if n > 0 { ", " } else { "" }).name(column).push(" = r.").name(column);
                }
                sql.push(" FROM json_populate_recordset(NULL::").name(table).push(", ").bind(rows);
                sql.push("::text::json) r WHERE t.version = r.version - 1");
                for column in key {
                    sql.push(" AND t.").name(column).push(" = r.").name(column);
                }
            }
            Self::Seats { organization, run, taken, held } => {
                sql.push("UPDATE course_runs SET seats_taken = seats_taken + ").bind(taken).push(", seats_held = seats_held + ").bind(held);
                sql.push(" WHERE organization_id = ").bind(organization).push(" AND id = ").bind(run);
                sql.push(" AND seats_taken + seats_held + ").bind(taken + held).push(" <= max_students");
                sql.push(" AND seats_taken + ").bind(taken).push(" >= 0 AND seats_held + ").bind(held).push(" >= 0");
                if taken > 0 || held > 0 {
                    // Who came while the run was cancelled saw it open: it would be too late to tell them that their place has ended.
                    sql.push(" AND status <> 'cancelled'");
                }
            }
            Self::Full { organization, run } => {
                // An update, since it is what waits for who frees a seat at this moment, and then looks again.
                sql.push("UPDATE course_runs SET seats_taken = seats_taken WHERE organization_id = ").bind(organization).push(" AND id = ").bind(run);
                sql.push(" AND seats_taken + seats_held >= max_students AND status <> 'cancelled'");
            }
            Self::Members { organization, seats, owners } => {
                sql.push("UPDATE organizations SET seats_used = seats_used + ").bind(seats).push(", owners = owners + ").bind(owners);
                sql.push(" WHERE id = ").bind(organization);
                if owners < 0 {
                    sql.push(" AND owners + ").bind(owners).push(" >= 1");
                }
                if seats > 0 {
                    sql.push(" AND (seats_purchased IS NULL OR seats_used + ").bind(seats).push(" <= seats_purchased)");
                }
            }
            Self::MediaUsage { organization, bytes, quota } => {
                sql.push("INSERT INTO media_usage (organization_id, bytes) SELECT ").bind(organization).push(", ").bind(bytes);
                sql.push(" WHERE ").bind(bytes).push(" <= ").bind(quota);
                sql.push(" ON CONFLICT (organization_id) DO UPDATE SET bytes = media_usage.bytes + excluded.bytes");
                sql.push(" WHERE media_usage.bytes + excluded.bytes <= ").bind(quota);
            }
            Self::Delete { table, key } => {
                sql.push("DELETE FROM ").name(table);
                where_key(sql, key);
            }
        }
    }
}

fn write_rows(sql: &mut Sql, table: &'static str, columns: &[&'static str], rows: Vec<Vec<Value>>) {
    let as_json = if sql.is_postgres() && rows.len() >= MANY_ROWS { json_rows(columns, &rows) } else { None };
    if let Some(json) = as_json {
        sql.push("SELECT ").names(columns.iter().copied()).push(" FROM json_populate_recordset(NULL::").name(table).push(", ").bind(json);
        sql.push("::text::json)");
        return;
    }
    sql.push("VALUES ");
    for (n, row) in rows.into_iter().enumerate() {
        sql.push(if n > 0 { ", (" } else { "(" }).bind_all(row).push(")");
    }
}

/// Rows as a JSON list of objects; `None` if there is a value that JSON has no words for.
fn json_rows(columns: &[&'static str], rows: &[Vec<Value>]) -> Option<String> {
    let object = |row: &Vec<Value>| {
        let fields = columns.iter().zip(row).map(|(column, value)| Some(((*column).to_owned(), json_value(value)?)));
        fields.collect::<Option<serde_json::Map<_, _>>>().map(serde_json::Value::Object)
    };
    rows.iter().map(object).collect::<Option<Vec<_>>>().map(|rows| serde_json::Value::Array(rows).to_string())
}

/// A value as `json_populate_recordset` reads it.
fn json_value(value: &Value) -> Option<serde_json::Value> {
    Some(match value {
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::BigInt(value) => (*value).into(),
        Value::String(value) => value.clone().into(),
        Value::Uuid(value) => value.map(|id| id.to_string()).into(),
        Value::ChronoDate(value) => value.map(|date| date.to_string()).into(),
        Value::ChronoDateTimeUtc(value) => value.map(|at| at.to_rfc3339()).into(),
        Value::Json(value) => value.as_deref().cloned().unwrap_or_default(),
        Value::Bytes(value) => value.as_deref().map(|bytes| format!("\\x{}", hex(bytes))).into(),
        _ => return None,
    })
}

fn where_key(sql: &mut Sql, key: Key) {
    for (n, (column, value)) in key.into_iter().enumerate() {
        sql.push(if n > 0 { " AND " } else { " WHERE " }).name(column).push(" = ").bind(value);
    }
}
