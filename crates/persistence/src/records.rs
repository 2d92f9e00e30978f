//! Records of every kind: one repository and one set of queries, made from the declarations.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use matricula_domain::shared::{Fact, Field, FieldSchema, Fields, Id, Instant, Kind, LocalDate, Noun, RecordId, RecordSchema, Value};
use matricula_ports::records::{RecordChange, RecordFilter, RecordQueries, RecordRepository, RecordRow};
use matricula_ports::{Page, PortError, Scope, Slice};
use sea_orm::QueryResult;
use uuid::Uuid;

use crate::convert::{Columns, count, json, value};
use crate::noted::Noted;
use crate::scoped::{Queries, SCOPED};
use crate::sql::{Sql, WhenTaken, Write};
use crate::unit::Session;

/// The columns of an amount: minor units, and their currency. Writes name columns for as long as the program runs, so these names
/// are made once for each declared field and never given back.
fn money_columns(field: &'static str) -> [&'static str; 2] {
    static KNOWN: Mutex<BTreeMap<&str, [&str; 2]>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    *known.entry(field).or_insert_with(|| ["amount", "currency"].map(|part| &*format!("{field}_{part}").leak()))
}

/// What is bound for a value in a column of a kind; `None` if it is none of that kind. A missing value has the type of its column too,
/// since `PostgreSQL` does not take just any `NULL`.
fn bound(kind: &Kind, value: &Value) -> Option<sea_orm::Value> {
    match kind {
        Kind::Text { .. } | Kind::Choice(_) => match value {
            Value::Null => Some(sea_orm::Value::String(None)),
            Value::Text(text) => Some(text.as_str().into()),
            _ => None,
        },
        Kind::Integer { .. } => match value {
            Value::Null => Some(sea_orm::Value::BigInt(None)),
            Value::Int(number) => Some((*number).into()),
            _ => None,
        },
        Kind::Boolean => Option::<bool>::parse(value).ok().map(Into::into),
        Kind::Date => Option::<LocalDate>::parse(value).ok().map(Into::into),
        Kind::Instant => Option::<Instant>::parse(value).ok().map(Into::into),
        Kind::Id | Kind::IdOf(_) => Option::<RecordId>::parse(value).ok().map(|id| id.map(Id::as_uuid).into()),
        Kind::Money => None,
        Kind::List(..) | Kind::Form(_) | Kind::Object(_) => Some(sea_orm::Value::Json((!value.is_null()).then(|| Box::new(json(value))))),
    }
}

/// The columns of a field with what is bound for a value.
fn columns_with(field: &FieldSchema, value: &Value) -> Result<Vec<(&'static str, sea_orm::Value)>, PortError> {
    let broken = || PortError::Broken(format!("{} does not hold what was declared", field.name));
    if field.kind != Kind::Money {
        return Ok(vec![(field.name, bound(&field.kind, value).ok_or_else(broken)?)]);
    }
    let [amount, currency] = money_columns(field.name);
    let (cents, code) = match (value.get("amount"), value.get("currency")) {
        (Value::Int(cents), Value::Text(code)) => (Some(*cents), Some(code.clone())),
        _ if value.is_null() => (None, None),
        _ => return Err(broken()),
    };
    Ok(vec![(amount, cents.into()), (currency, code.into())])
}

fn field_of(schema: &'static RecordSchema, name: &str) -> Result<&'static FieldSchema, PortError> {
    schema.fields.iter().find(|field| field.name == name).ok_or_else(|| PortError::Broken(format!("{} have no {name}", schema.noun.many)))
}

/// Starts a select of records `r` of an organization, as [`read`] reads them.
fn select(mut sql: Sql, schema: &'static RecordSchema, organization: Uuid) -> Sql {
    sql.push("SELECT r.id, ");
    for field in schema.fields {
        match field.kind {
            Kind::Money => {
                for column in money_columns(field.name) {
                    sql.push("r.").name(column).push(", ");
                }
            }
            // The declaration does not say how wide a number is.
            Kind::Integer { .. } => _ = sql.push("CAST(r.").name(field.name).push(" AS bigint), "),
            _ => _ = sql.push("r.").name(field.name).push(", "),
        }
    }
    sql.push("r.archived_at, r.created_at, r.updated_at, r.version FROM ").name(schema.noun.many).push(" r WHERE ").push(SCOPED);
    sql.push(" AND r.organization_id = ").bind(organization);
    sql
}

fn read(schema: &'static RecordSchema, row: &QueryResult) -> Result<RecordRow, PortError> {
    let mut columns = Columns::of(row);
    let id = RecordId::from_uuid(columns.next()?);
    let fields = schema.fields.iter().map(|field| Ok((field.name.to_owned(), read_field(&field.kind, &mut columns)?)));
    Ok(RecordRow {
        id,
        fields: Value::Map(fields.collect::<Result<_, PortError>>()?),
        archived_at: columns.next()?,
        created_at: columns.next()?,
        updated_at: columns.next()?,
        version: count(columns.next::<i32>()?, "version")?,
    })
}

fn read_field(kind: &Kind, columns: &mut Columns<'_>) -> Result<Value, PortError> {
    let read = match kind {
        Kind::Text { .. } | Kind::Choice(_) => columns.next::<Option<String>>()?.map(Value::Text),
        Kind::Integer { .. } => columns.next::<Option<i64>>()?.map(Value::Int),
        Kind::Boolean => columns.next::<Option<bool>>()?.map(Value::Bool),
        Kind::Date => columns.next::<Option<LocalDate>>()?.map(Value::Date),
        Kind::Instant => columns.next::<Option<Instant>>()?.map(Value::Instant),
        Kind::Id | Kind::IdOf(_) => columns.next::<Option<Uuid>>()?.map(Value::Id),
        Kind::Money => {
            let (amount, currency): (Option<i64>, Option<String>) = (columns.next()?, columns.next()?);
            let money = |(amount, currency)| vec![("amount".to_owned(), Value::Int(amount)), ("currency".to_owned(), Value::Text(currency))];
            amount.zip(currency).map(money).map(Value::Map)
        }
        Kind::List(..) | Kind::Form(_) | Kind::Object(_) => columns.next::<Option<serde_json::Value>>()?.map(value),
    };
    Ok(read.unwrap_or(Value::Null))
}

#[async_trait]
impl RecordRepository for Session {
    async fn find(&self, schema: &'static RecordSchema, id: RecordId) -> Result<Option<RecordRow>, PortError> {
        let mut sql = select(self.sql(), schema, self.organization);
        sql.push(" AND r.id = ").bind(id.as_uuid());
        self.rows(sql).await?.first().map(|row| read(schema, row)).transpose()
    }

    async fn is_there(&self, noun: &'static Noun, id: RecordId) -> Result<bool, PortError> {
        let mut sql = self.sql();
        sql.push("SELECT 1 FROM ").name(noun.many).push(" r WHERE ").push(SCOPED).push(" AND r.organization_id = ").bind(self.organization);
        sql.push(" AND r.id = ").bind(id.as_uuid());
        Ok(!self.rows(sql).await?.is_empty())
    }

    async fn taken(&self, schema: &'static RecordSchema, unique: &Fields, other_than: RecordId) -> Result<bool, PortError> {
        let mut any = Vec::new();
        // Nothing is not a value that only one may have.
        for (name, value) in unique.iter().filter(|(_, value)| !value.is_null()) {
            any.push(columns_with(field_of(schema, name)?, value)?);
        }
        if any.is_empty() {
            return Ok(false);
        }
        let mut sql = self.sql();
        sql.push("SELECT 1 FROM ").name(schema.noun.many).push(" r WHERE ").push(SCOPED).push(" AND r.organization_id = ").bind(self.organization);
        sql.push(" AND r.archived_at IS NULL AND r.id <> ").bind(other_than.as_uuid()).push(" AND (");
        for (n, columns) in any.into_iter().enumerate() {
            sql.push(if n > 0 { " OR (" } else { "(" });
            for (n, (column, value)) in columns.into_iter().enumerate() {
                sql.push(if n > 0 { " AND r." } else { "r." }).name(column).push(" = ").bind(value);
            }
            sql.push(")");
        }
        sql.push(") LIMIT 1");
        Ok(!self.rows(sql).await?.is_empty())
    }

    async fn save(&self, change: RecordChange) -> Result<(), PortError> {
        let RecordChange { schema, row, .. } = &change;
        let key = vec![("organization_id", self.organization.into()), ("id", row.id.as_uuid().into())];
        let mut set = Vec::new();
        for field in schema.fields {
            set.extend(columns_with(field, row.fields.get(field.name))?);
        }
        set.push(("archived_at", row.archived_at.into()));
        set.push(("updated_at", row.updated_at.into()));
        set.push(("version", i64::from(row.version).into()));
        if row.version == 1 {
            let (columns, values) = key.into_iter().chain(set).chain([("created_at", row.created_at.into())]).unzip();
            self.insert_row(schema.noun.many, columns, values, WhenTaken::Refuse);
        } else {
            self.write(Write::Update { table: schema.noun.many, key, set, version: Some(row.version - 1) });
        }
        self.note_other(noted(change));
        Ok(())
    }
}

fn noted(change: RecordChange) -> Noted {
    let one = change.schema.noun.one;
    Noted {
        at: change.at,
        action: format!("{one}.{}", change.verb()),
        entity: one,
        entity_id: change.row.id.as_uuid(),
        version: change.row.version,
        subject: None,
        purpose: None,
        changes: change.changes,
        data: Some(change.fact.data()),
    }
}

/// The place after which a page begins: the value of the declared order, then the id.
fn place(order: &FieldSchema, page: &Page) -> Result<Option<(sea_orm::Value, Uuid)>, PortError> {
    let Some(cursor) = &page.after else { return Ok(None) };
    let malformed = || PortError::Dangling("cursor");
    let [at, id] = cursor.0.as_slice() else { return Err(malformed()) };
    let id = RecordId::parse(id).map_err(|_| malformed())?;
    let at = bound(&order.kind, at).filter(|_| !at.is_null()).ok_or_else(malformed)?;
    Ok(Some((at, id.as_uuid())))
}

#[async_trait]
impl RecordQueries for Queries {
    async fn list(&self, scope: &Scope, schema: &'static RecordSchema, filter: &RecordFilter, page: &Page) -> Result<Slice<RecordRow>, PortError> {
        let reader = self.reader(scope).await?;
        let order = field_of(schema, schema.order)?;
        let mut sql = select(reader.sql(), schema, scope.organization().as_uuid());
        sql.push(if filter.archived { " AND r.archived_at IS NOT NULL" } else { " AND r.archived_at IS NULL" });
        for (name, value) in &filter.equal {
            for (column, value) in columns_with(field_of(schema, name)?, value)? {
                match value {
                    // Not bound: so a partial index of those that are so can serve.
                    sea_orm::Value::Bool(Some(so)) => _ = sql.push(if so { " AND r." } else { " AND NOT r." }).name(column),
                    value => _ = sql.push(" AND r.").name(column).push(" = ").bind(value),
                }
            }
        }
        // There is one order, the declared one, upwards: it is a required field, so that every record has a place in it.
        if let Some((at, id)) = place(order, page)? {
            sql.push(" AND (r.").name(order.name).push(", r.id) > (").bind(at).push(", ").bind(id).push(")");
        }
        sql.push(" ORDER BY r.").name(order.name).push(", r.id LIMIT ").bind(i64::from(page.limit) + 1);
        let items = reader.rows(sql).await?.iter().map(|row| read(schema, row)).collect::<Result<Vec<_>, _>>()?;
        Ok(Slice::cut(items, page.limit, |last| vec![last.fields.get(order.name).clone(), Value::Id(last.id.as_uuid())]))
    }

    async fn one(&self, scope: &Scope, schema: &'static RecordSchema, id: RecordId) -> Result<Option<RecordRow>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = select(reader.sql(), schema, scope.organization().as_uuid());
        sql.push(" AND r.id = ").bind(id.as_uuid());
        reader.rows(sql).await?.first().map(|row| read(schema, row)).transpose()
    }

    async fn these(&self, scope: &Scope, schema: &'static RecordSchema, ids: &[RecordId]) -> Result<Vec<RecordRow>, PortError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let reader = self.reader(scope).await?;
        let mut sql = select(reader.sql(), schema, scope.organization().as_uuid());
        sql.push(" AND r.archived_at IS NULL AND r.id IN (").bind_all(ids.iter().map(|id| id.as_uuid())).push(")");
        reader.rows(sql).await?.iter().map(|row| read(schema, row)).collect()
    }
}
