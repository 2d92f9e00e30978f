//! The limit writes what the program writes, and no list of rows is kept here to fall behind it: one request is made, every row of its
//! commit is looked up, whatever the table, and those rows are the pattern for the limit's. What is new in each (ids, times, address and
//! number) is made anew; everything else, sealed bytes included, stays as it was.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use matricula_bench::{Engine, Raw};
use uuid::Uuid;

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// The same each time, as SQL.
    Same(String),
    /// The id of something new, which others may name; the number tells new things of a commit apart.
    New(usize),
    /// The time.
    Now,
    /// An e-mail address of nobody yet.
    Email,
    /// A phone number of nobody yet.
    Phone,
    /// One of the courses.
    Course,
    /// One of the campaigns.
    Campaign,
    /// The run that is enrolled in.
    Run,
    /// The person who is.
    Person,
}

/// The rows that a commit wrote into a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inserted {
    /// The table.
    pub table: String,
    /// Its columns, without those that the database fills.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
}

/// What a commit wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Specimen {
    /// The new rows, tables that others refer to first.
    pub inserted: Vec<Inserted>,
}

/// What is known of a specimen's request: these things were there before.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// The address of the person who is new.
    pub email: &'r str,
    /// And their number.
    pub phone: &'r str,
    /// The course that was named.
    pub course: Uuid,
    /// The campaign that was named.
    pub campaign: Uuid,
    /// The run that was named.
    pub run: Uuid,
    /// The person who was.
    pub person: Option<Uuid>,
}

/// Tables whose rows refer to each other, in the order in which they can be written one after another. Others come behind.
const ORDER: [&str; 6] = ["people", "person_identifiers", "enrollments", "leads", "consent_evidence", "audit_entries"];

/// How far every table had come before a request.
pub struct Before(BTreeMap<String, i64>);

impl Before {
    /// Looks, on the embedded database; the server remembers by itself which transaction wrote a row.
    pub async fn look(raw: &Raw) -> Result<Self> {
        let mut marks = BTreeMap::new();
        if raw.engine() == Engine::Sqlite {
            for table in tables(raw).await? {
                marks.insert(table.clone(), raw.one(&format!("SELECT coalesce(max(rowid), 0) FROM {table}")).await?);
            }
        }
        Ok(Self(marks))
    }

    /// Which rows of a table the commit wrote that wrote this row.
    async fn condition(&self, raw: &Raw, (table, id): (&str, Uuid)) -> Result<impl Fn(&str) -> String> {
        let transaction = match raw.engine() {
            Engine::Postgres => Some(raw.one::<String>(&format!("SELECT xmin::text FROM {table} WHERE id = '{id}'")).await?),
            Engine::Sqlite => None,
        };
        Ok(move |table: &str| match &transaction {
            Some(transaction) => format!("xmin = '{transaction}'"),
            None => format!("rowid > {}", self.0.get(table).copied().unwrap_or_default()),
        })
    }
}

impl Specimen {
    /// Looks up everything that was written together with a row.
    pub async fn take(raw: &Raw, before: &Before, row: (&str, Uuid), request: Request<'_>) -> Result<Self> {
        let condition = before.condition(raw, row).await?;
        let mut inserted = Vec::new();
        for table in tables(raw).await? {
            // The run was there before: it is changed, and how is known.
            if table == "course_runs" {
                continue;
            }
            let columns = columns(raw, &table).await?;
            let names: Vec<_> = columns.iter().map(|(name, _)| name.clone()).collect();
            let quoted: Vec<_> = columns.iter().map(|(name, kind)| quoted(raw.engine(), name, kind)).collect();
            let sql = format!("SELECT {} FROM {table} WHERE {}", quoted.join(", "), condition(&table));
            let mut rows = Vec::new();
            for row in raw.rows(&sql).await? {
                let values = (0..columns.len()).map(|index| Ok(row.try_get_by_index::<String>(index)?));
                rows.push(values.collect::<Result<Vec<_>>>().with_context(|| sql.clone())?);
            }
            if !rows.is_empty() {
                inserted.push((table, names, columns, rows));
            }
        }
        ensure!(!inserted.is_empty(), "the commit that wrote {row:?} is not to be found");
        inserted.sort_by_key(|(table, ..)| ORDER.iter().position(|known| known == table).unwrap_or(ORDER.len()));
        let mut pattern = Pattern { engine: raw.engine(), request, new: BTreeMap::new() };
        for (_, names, _, rows) in &inserted {
            pattern.learn(names, rows);
        }
        let inserted = inserted.into_iter().map(|(table, names, columns, rows)| Inserted {
            table,
            rows: rows
                .into_iter()
                .map(|row| row.into_iter().zip(&columns).map(|(value, (name, kind))| pattern.value(name, kind, value)).collect())
                .collect(),
            columns: names,
        });
        Ok(Self { inserted: inserted.collect() })
    }

    /// How many rows of which tables.
    pub fn in_words(&self) -> String {
        let counts: Vec<_> = self.inserted.iter().map(|rows| format!("{} {}", rows.table, rows.rows.len())).collect();
        counts.join(", ")
    }
}

/// Tells apart what is new in each commit and what is not.
struct Pattern<'r> {
    engine: Engine,
    request: Request<'r>,
    new: BTreeMap<String, usize>,
}

impl Pattern<'_> {
    /// What is called `id` is new, and so is the name of a new person in the audit.
    fn learn(&mut self, names: &[String], rows: &[Vec<String>]) {
        for row in rows {
            for (name, value) in names.iter().zip(row) {
                let subject = name == "subject_ref" && names.iter().any(|name| name == "name_folded");
                if name == "id" || subject {
                    let number = self.new.len();
                    self.new.entry(value.clone()).or_insert(number);
                }
            }
        }
    }

    fn value(&self, name: &str, kind: &str, value: String) -> Value {
        let known = |id: Uuid| value == literal(self.engine, id);
        let is_time = matches!(kind, "timestamp with time zone") || (self.engine == Engine::Sqlite && (name == "at" || name.ends_with("_at")));
        if let Some(number) = self.new.get(&value) {
            Value::New(*number)
        } else if is_time && !value.starts_with("NULL") {
            Value::Now
        } else if value == format!("'{}'", self.request.email) || value.starts_with(&format!("'{}'::", self.request.email)) {
            Value::Email
        } else if value == format!("'{}'", self.request.phone) || value.starts_with(&format!("'{}'::", self.request.phone)) {
            Value::Phone
        } else if known(self.request.course) {
            Value::Course
        } else if known(self.request.campaign) {
            Value::Campaign
        } else if known(self.request.run) {
            Value::Run
        } else if self.request.person.is_some_and(known) {
            Value::Person
        } else {
            Value::Same(value)
        }
    }
}

fn literal(engine: Engine, id: Uuid) -> String {
    match engine {
        Engine::Postgres => format!("'{id}'::uuid"),
        Engine::Sqlite => format!("X'{}'", id.simple().to_string().to_uppercase()),
    }
}

/// A value as SQL that says it.
fn quoted(engine: Engine, name: &str, kind: &str) -> String {
    match engine {
        Engine::Postgres => format!("quote_nullable({name}::text) || '::{kind}'"),
        Engine::Sqlite => format!("quote({name})"),
    }
}

async fn tables(raw: &Raw) -> Result<Vec<String>> {
    raw.column(match raw.engine() {
        Engine::Postgres => "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1",
        Engine::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '%\\_fts%' ESCAPE '\\' ORDER BY 1"
        }
    })
    .await
}

/// The columns of a table with their types, without those that the database fills by itself.
async fn columns(raw: &Raw, table: &str) -> Result<Vec<(String, String)>> {
    let sql = match raw.engine() {
        Engine::Postgres => format!(
            "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped \
             AND NOT atthasdef ORDER BY attnum"
        ),
        Engine::Sqlite => format!("SELECT name, type FROM pragma_table_info('{table}') ORDER BY cid"),
    };
    let rows = raw.rows(&sql).await?;
    rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_row_of_a_commit_is_found_and_what_is_new_in_it() {
        let raw = Raw::open("sqlite::memory:").await.unwrap();
        raw.script(
            "CREATE TABLE audit_entries (id blob, at text, entity_id blob); CREATE TABLE people (id blob, name_folded text, subject_ref blob, key_id blob);
             CREATE TABLE person_identifiers (id blob, person_id blob, value text, verified_at text); INSERT INTO people VALUES (X'00', 'old', X'01', X'02');",
        )
        .await
        .unwrap();
        let before = Before::look(&raw).await.unwrap();
        raw.script(
            "INSERT INTO people VALUES (X'10', 'new', X'11', X'02'); INSERT INTO person_identifiers VALUES (X'12', X'10', 'a@b.example', NULL);
             INSERT INTO audit_entries VALUES (X'13', '2026-01-01', X'10')",
        )
        .await
        .unwrap();
        let nil = Uuid::nil();
        let request = Request { email: "a@b.example", phone: "+34", course: nil, campaign: nil, run: nil, person: None };
        let specimen = Specimen::take(&raw, &before, ("people", nil), request).await.unwrap();
        assert_eq!(specimen.in_words(), "people 1, person_identifiers 1, audit_entries 1");
        let same = |text: &str| Value::Same(text.to_owned());
        assert_eq!(specimen.inserted[0].rows[0], [Value::New(0), same("'new'"), Value::New(1), same("X'02'")]);
        assert_eq!(specimen.inserted[1].rows[0], [Value::New(2), Value::New(0), Value::Email, same("NULL")]);
        assert_eq!(specimen.inserted[2].rows[0], [Value::New(3), Value::Now, Value::New(0)]);
    }
}
