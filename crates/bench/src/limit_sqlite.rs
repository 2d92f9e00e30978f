//! The most that the embedded database could do: the same rows in one transaction of prepared statements, on one connection, since there
//! is one writer; the list on as many connections as there are clients, but at most two.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use matricula_bench::Stage;
use sea_orm::sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{Arguments as _, AssertSqlSafe, Connection as _, Executor as _, query_with, raw_sql};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::data::{self, CAMPAIGNS, COURSES, OPEN_RUNS};
use crate::limit_postgres::figures;
use crate::load::Figures;
use crate::specimen::{Specimen, Value};

/// The statements of a transaction, each with what is bound.
#[derive(Clone, Debug)]
pub struct Script(Vec<(String, Vec<Value>)>);

/// A lead arrives.
pub fn capture(specimen: &Specimen) -> Script {
    Script(inserts(specimen))
}

/// Somebody known enrolls.
pub fn enroll(specimen: &Specimen, organization: Uuid) -> Script {
    let seat = format!(
        "UPDATE course_runs SET seats_taken = seats_taken + 1 WHERE organization_id = X'{}' AND id = ? AND seats_taken + seats_held < max_students",
        organization.simple()
    );
    let mut statements = inserts(specimen);
    statements.push((seat, vec![Value::Run]));
    Script(statements)
}

fn inserts(specimen: &Specimen) -> Vec<(String, Vec<Value>)> {
    let statements = specimen.inserted.iter().map(|rows| {
        let mut bound = Vec::new();
        let values: Vec<_> = rows
            .rows
            .iter()
            .map(|row| {
                let written = row.iter().map(|value| match value {
                    Value::Same(sql) => sql.as_str(),
                    other => {
                        bound.push(other.clone());
                        "?"
                    }
                });
                format!("({})", written.collect::<Vec<_>>().join(", "))
            })
            .collect();
        (format!("INSERT INTO {} ({}) VALUES {}", rows.table, rows.columns.join(", "), values.join(", ")), bound)
    });
    statements.collect()
}

/// What a transaction is about.
#[derive(Clone, Copy)]
struct Turn {
    number: u64,
    run: u64,
    person: u64,
}

impl Turn {
    fn bind(self, values: &[Value]) -> Result<SqliteArguments> {
        let mut arguments = SqliteArguments::default();
        for value in values {
            let added = match value {
                Value::New(kind) => {
                    let id = (u128::from(0x0200_0000_0000 + self.number) << 80) | (0x7000_8000 << 48) | u128::try_from(*kind)?;
                    arguments.add(Uuid::from_u128(id))
                }
                Value::Now => arguments.add("2026-11-21T10:00:00.000001+00:00"),
                Value::Email => arguments.add(format!("limite-{}@example.es", self.number)),
                Value::Phone => arguments.add(format!("+349{:010}", self.number)),
                Value::Course => arguments.add(data::course(1 + self.number * 7 % COURSES)),
                Value::Campaign => arguments.add(data::campaign(1 + self.number * 13 % CAMPAIGNS)),
                Value::Run => arguments.add(data::run(self.run)),
                Value::Person => arguments.add(data::person(self.person)),
                Value::Same(sql) => arguments.add(sql.clone()),
            };
            added.map_err(|error| anyhow::anyhow!(error))?;
        }
        Ok(arguments)
    }
}

/// Runs a transaction again and again for some time.
pub async fn write(stage: &Stage, script: &Script, lasts: Duration, first: u64, people: u64, hot_run: Option<u64>) -> Result<Figures> {
    let mut connection = open(stage).await?;
    let (mut latencies, started) = (Vec::new(), Instant::now());
    while started.elapsed() < lasts {
        let number = first + u64::try_from(latencies.len())?;
        let run = hot_run.unwrap_or(1 + (number + number / people * 17) % OPEN_RUNS);
        let turn = Turn { number, run, person: 1 + number % people };
        let began = Instant::now();
        connection.execute(raw_sql("BEGIN IMMEDIATE")).await?;
        for (sql, bound) in &script.0 {
            let done = connection.execute(query_with(AssertSqlSafe(sql.as_str()), turn.bind(bound)?)).await.with_context(|| sql.clone())?;
            anyhow::ensure!(done.rows_affected() > 0, "nothing was written: {sql}");
        }
        connection.execute(raw_sql("COMMIT")).await?;
        latencies.push(u64::try_from(began.elapsed().as_micros())?);
    }
    let rate = f64::from(u32::try_from(latencies.len())?) / started.elapsed().as_secs_f64();
    connection.close().await?;
    figures(latencies, rate)
}

/// Reads the list again and again for some time.
pub async fn list(stage: &Stage, organization: Uuid, connections: u32, lasts: Duration) -> Result<Figures> {
    let sql = list_sql(organization);
    let mut readers = JoinSet::new();
    let started = Instant::now();
    for _ in 0..connections.min(2) {
        let (mut connection, sql) = (open(stage).await?, sql.clone());
        readers.spawn(async move {
            let mut latencies = Vec::new();
            while started.elapsed() < lasts {
                let began = Instant::now();
                connection.fetch_all(query_with(AssertSqlSafe(sql.as_str()), SqliteArguments::default())).await?;
                latencies.push(u64::try_from(began.elapsed().as_micros())?);
            }
            connection.close().await?;
            Ok::<_, anyhow::Error>(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(done) = readers.join_next().await {
        latencies.extend(done??);
    }
    let rate = f64::from(u32::try_from(latencies.len())?) / started.elapsed().as_secs_f64();
    figures(latencies, rate)
}

/// The plus keeps the planner from an index by status, which would give it all leads to be sorted.
fn list_sql(organization: Uuid) -> String {
    let organization = organization.simple();
    let identifier = |kind: &str| {
        format!(
            "(SELECT value FROM person_identifiers i WHERE i.organization_id = l.organization_id AND i.person_id = l.person_id AND i.kind = '{kind}' LIMIT 1)"
        )
    };
    format!(
        "SELECT l.id, l.person_id, p.name, {}, {}, l.course_id, c.title, l.campaign_id, k.name, l.status, l.source, l.assigned_to, l.created_at, l.updated_at, \
         l.version FROM (SELECT * FROM leads WHERE organization_id = X'{organization}' AND +status IN ('new', 'contacted') ORDER BY created_at DESC, id DESC LIMIT 51) l \
         JOIN people p ON p.organization_id = l.organization_id AND p.id = l.person_id \
         LEFT JOIN courses c ON c.organization_id = l.organization_id AND c.id = l.course_id \
         LEFT JOIN campaigns k ON k.organization_id = l.organization_id AND k.id = l.campaign_id ORDER BY l.created_at DESC, l.id DESC",
        identifier("email"),
        identifier("phone")
    )
}

/// As durable as the program has it.
async fn open(stage: &Stage) -> Result<SqliteConnection> {
    let options = stage.raw_url().parse::<SqliteConnectOptions>()?;
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full).foreign_keys(true);
    Ok(SqliteConnection::connect_with(&options.pragma("cache_size", "-20000").busy_timeout(Duration::from_secs(5))).await?)
}
