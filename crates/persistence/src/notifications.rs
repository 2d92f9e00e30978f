//! Jobs, leases, the outbox and kept answers. Their workers serve every organization.

mod facts;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use matricula_domain::identity::OrganizationId;
use matricula_domain::shared::{Id, Instant};
use matricula_ports::notifications::{Answers, Job, JobQueue, JobRepository, Leases, NewJob, Outbox, OutboxRow};
use matricula_ports::{PortError, Scope, StoredAnswer};
use sea_orm::{ConnectionTrait, QueryResult, Value};
use uuid::Uuid;

use crate::convert::{Columns, count, digest, json, made_at, time};
use crate::database::{Database, Engine};
use crate::databases::Databases;
use crate::error::port;
use crate::feed::{Feed, advance, begin_for_all};
use crate::scoped::{Reader, SCOPED};
use crate::sql::{Sql, WhenTaken, Write};
use crate::unit::Session;

/// How often a job is tried.
const MAX_ATTEMPTS: i32 = 10;

/// What an operator reads of a job whose last worker died with it.
const NEVER_CAME_BACK: &str = "the last worker did not come back";

const OUTBOX: Feed =
    Feed { table: "outbox", columns: "f.id, f.organization_id, f.at, f.fact, f.entity, f.entity_id, f.entity_version, f.payload", filter: "" };

/// Work for later, in the directory; the kept answers are in each organization's own database.
#[derive(Clone)]
pub struct Queue {
    databases: Databases,
    database: Arc<Database>,
}

impl Queue {
    /// The queue in the directory of these databases.
    pub fn new(databases: Databases) -> Self {
        Self { database: Arc::clone(&databases.directory().database), databases }
    }

    fn reader(&self) -> Reader {
        Reader::system(&self.database)
    }

    fn sql(&self) -> Sql {
        Sql::new(self.database.engine)
    }

    /// Writes to a table that has no row-level security.
    async fn execute(&self, sql: Sql) -> Result<u64, PortError> {
        Ok(self.database.write.execute_raw(sql.into_statement()).await.map_err(port)?.rows_affected())
    }
}

#[async_trait]
impl JobRepository for Session {
    async fn enqueue(&self, job: NewJob) -> Result<(), PortError> {
        let (columns, row) = new_row(&job, Some(self.organization));
        self.insert_row("jobs", columns, row, WhenTaken::Leave);
        Ok(())
    }
}

fn new_row(job: &NewJob, organization: Option<Uuid>) -> (Vec<&'static str>, Vec<Value>) {
    let row: Vec<(&'static str, Value)> = vec![
        ("id", job.id.into()),
        ("organization_id", organization.into()),
        ("kind", job.kind.into()),
        ("dedupe_key", job.dedupe_key.as_str().into()),
        ("payload", json(&job.payload).into()),
        ("status", "ready".into()),
        ("run_at", time(job.run_at)),
        ("attempts", 0.into()),
        ("max_attempts", MAX_ATTEMPTS.into()),
        ("created_at", time(made_at(job.id).unwrap_or(job.run_at))),
    ];
    row.into_iter().unzip()
}

#[async_trait]
impl JobQueue for Queue {
    async fn plan(&self, job: NewJob) -> Result<bool, PortError> {
        let (columns, row) = new_row(&job, None);
        let mut sql = self.sql();
        Write::Insert { table: "jobs", columns, rows: vec![row], when_taken: WhenTaken::Leave }.write(&mut sql);
        Ok(self.execute(sql).await? == 1)
    }

    async fn claim(&self, worker: Uuid, now: Instant, lease: Duration, most: u32) -> Result<Vec<Job>, PortError> {
        let sql = claim(self.database.engine, worker, now, now + length(lease)?, most);
        let rows = self.database.write.query_all_raw(sql.into_statement()).await.map_err(port)?;
        let mut claimed = rows.iter().map(claimed_job).collect::<Result<Vec<_>, _>>()?;
        // The engines give the rows back in any order.
        claimed.sort_by_key(|(due, job, _)| (*due, job.id));
        for (_, job, _) in claimed.iter().filter(|(_, _, alive)| !alive) {
            tracing::error!(job = %job.id, kind = job.kind, attempt = job.attempt, "a job has no tries left");
        }
        Ok(claimed.into_iter().filter(|(_, _, alive)| *alive).map(|(_, job, _)| job).collect())
    }

    async fn finish(&self, job: &Job, now: Instant) -> Result<bool, PortError> {
        let mut sql = self.sql();
        sql.push("UPDATE jobs SET status = 'done', finished_at = ").bind(time(now));
        give_back(&mut sql, job);
        Ok(self.execute(sql).await? == 1)
    }

    async fn fail(&self, job: &Job, reason: &str, again_at: Option<Instant>, now: Instant) -> Result<bool, PortError> {
        let mut sql = self.sql();
        match again_at {
            Some(at) => sql.push("UPDATE jobs SET status = 'ready', run_at = ").bind(time(at)),
            None => sql.push("UPDATE jobs SET status = 'dead', finished_at = ").bind(time(now)),
        };
        sql.push(", last_error = ").bind(reason);
        give_back(&mut sql, job);
        Ok(self.execute(sql).await? == 1)
    }

    async fn sweep(&self, before: Instant, most: u32) -> Result<u64, PortError> {
        let mut sql = self.sql();
        sql.push("DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE status = 'done' AND finished_at < ").bind(time(before));
        sql.push(" LIMIT ").bind(i64::from(most)).push(")");
        self.execute(sql).await
    }

    async fn counts(&self) -> Result<Vec<(String, u64)>, PortError> {
        let mut sql = self.reader().sql();
        sql.push("SELECT j.status, COUNT(*) FROM jobs j WHERE ").push(SCOPED).push(" AND j.status <> 'done' GROUP BY j.status");
        let mut counts: Vec<(String, u64)> = ["ready", "running", "dead"].map(|status| (status.to_owned(), 0)).into();
        for row in &self.reader().rows(sql).await? {
            let mut columns = Columns::of(row);
            let (status, number): (String, i64) = (columns.next()?, columns.next()?);
            // Those of which there are none are told too: a gauge that is not set keeps its last value.
            if let Some((_, known)) = counts.iter_mut().find(|(known, _)| *known == status) {
                *known = count(number, "jobs")?;
            }
        }
        Ok(counts)
    }
}

/// Takes jobs that are due, and buries those that have no tries left, in one statement.
fn claim(engine: Engine, worker: Uuid, now: Instant, until: Instant, most: u32) -> Sql {
    const ALIVE: &str = "CASE WHEN attempts < max_attempts THEN ";
    let mut sql = Sql::new(engine);
    // Materialized: looked up once, else `SKIP LOCKED` could find more jobs at each look. The states stand in the text, not in a
    // value, so that the partial index answers; a job that is being done was due before, so `run_at` holds for it too.
    sql.push("WITH due AS MATERIALIZED (SELECT id FROM jobs WHERE status IN ('ready', 'running') AND run_at <= ").bind(time(now));
    sql.push(" AND (status = 'ready' OR locked_until <= ").bind(time(now)).push(") ORDER BY run_at, id LIMIT ").bind(i64::from(most));
    sql.push(if engine == Engine::Postgres { " FOR UPDATE SKIP LOCKED)" } else { ")" });
    sql.push(" UPDATE jobs SET status = ")
        .push(ALIVE)
        .push("'running' ELSE 'dead' END, attempts = ")
        .push(ALIVE)
        .push("attempts + 1 ELSE attempts END, ");
    sql.push("locked_until = ").push(ALIVE).bind(time(until)).push(" END, locked_by = ").push(ALIVE).bind(worker).push(" END, finished_at = ");
    sql.push(ALIVE).push("finished_at ELSE ").bind(time(now)).push(" END, last_error = CASE WHEN attempts < max_attempts OR status = 'ready' ");
    sql.push("THEN last_error ELSE ").bind(NEVER_CAME_BACK).push(" END WHERE id IN (SELECT id FROM due) ");
    sql.push("RETURNING run_at, id, organization_id, kind, payload, attempts, max_attempts, status");
    sql
}

/// A job that was due since a time, and whether it has been taken (else it is dead).
fn claimed_job(row: &QueryResult) -> Result<(Instant, Job, bool), PortError> {
    let mut columns = Columns::of(row);
    let due = columns.next()?;
    let job = Job {
        id: columns.next()?,
        organization: columns.next::<Option<Uuid>>()?.map(OrganizationId::from_uuid),
        kind: columns.next()?,
        payload: columns.next::<serde_json::Value>()?.to_string(),
        attempt: count(columns.next::<i32>()?, "jobs.attempts")?,
        max_attempts: count(columns.next::<i32>()?, "jobs.max_attempts")?,
    };
    Ok((due, job, columns.next::<String>()? == "running"))
}

/// The job is nobody's any more, if it is still this try's.
fn give_back(sql: &mut Sql, job: &Job) {
    sql.push(", locked_until = NULL, locked_by = NULL WHERE id = ")
        .bind(job.id)
        .push(" AND status = 'running' AND attempts = ")
        .bind(i64::from(job.attempt));
}

fn length(lease: Duration) -> Result<TimeDelta, PortError> {
    TimeDelta::from_std(lease).map_err(|_| PortError::Broken("a lease is too long".to_owned()))
}

#[async_trait]
impl Leases for Queue {
    async fn hold(&self, name: &str, holder: Uuid, now: Instant, lease: Duration) -> Result<bool, PortError> {
        let mut sql = self.sql();
        sql.push("INSERT INTO leases (name, holder, until, fence) VALUES (").bind(name).push(", ").bind(holder).push(", ");
        sql.bind(time(now + length(lease)?)).push(", 1) ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until, ");
        sql.push("fence = leases.fence + CASE WHEN leases.holder = excluded.holder THEN 0 ELSE 1 END ");
        sql.push("WHERE leases.holder = excluded.holder OR leases.until <= ").bind(time(now));
        Ok(self.execute(sql).await? == 1)
    }

    async fn release(&self, name: &str, holder: Uuid) -> Result<(), PortError> {
        let mut sql = self.sql();
        // The row stays, so that the fence goes on counting.
        sql.push("UPDATE leases SET until = ").bind(time(DateTime::UNIX_EPOCH)).push(" WHERE name = ").bind(name).push(" AND holder = ").bind(holder);
        self.execute(sql).await.map(|_| ())
    }
}

#[async_trait]
impl Outbox for Queue {
    async fn read(&self, consumer: &str, most: u32) -> Result<Vec<OutboxRow>, PortError> {
        let from = OUTBOX.place(&self.reader(), consumer).await?;
        OUTBOX.read(&self.reader(), from, most).await?.iter().map(outbox_row).collect()
    }

    async fn advance(&self, consumer: &str, to: Uuid, now: Instant) -> Result<(), PortError> {
        let from = OUTBOX.place(&self.reader(), consumer).await?;
        // A fact that is not behind the cursor was noted before, and a cursor that somebody else moves meanwhile is theirs.
        if let Some(to) = OUTBOX.find(&self.reader(), from, to).await? {
            advance(&self.database.write, self.database.engine, consumer, from, to, now).await?;
        }
        Ok(())
    }
}

fn outbox_row(row: &QueryResult) -> Result<OutboxRow, PortError> {
    let mut columns = Columns::of(row);
    Ok(OutboxRow {
        id: columns.next()?,
        organization: OrganizationId::from_uuid(columns.next()?),
        at: columns.next()?,
        fact: columns.next()?,
        entity: columns.next()?,
        entity_id: columns.next()?,
        entity_version: count(columns.next::<i32>()?, "outbox.entity_version")?,
        payload: columns.next::<serde_json::Value>()?.to_string(),
    })
}

#[async_trait]
impl Answers for Queue {
    async fn find(&self, scope: &Scope, principal: &str, route: &str, key: &str) -> Result<Option<([u8; 32], StoredAnswer)>, PortError> {
        // An answer is kept where its effect is, which the route does not tell.
        for home in self.databases.homes_of(scope.organization()).await? {
            let reader = Reader::of(&home.database, scope.organization());
            let mut sql = reader.sql();
            sql.push("SELECT k.fingerprint, k.status, k.headers, k.body FROM idempotency_keys k WHERE ").push(SCOPED);
            sql.push(" AND k.organization_id = ").bind(scope.organization().as_uuid()).push(" AND k.principal = ").bind(principal);
            sql.push(" AND k.route = ").bind(route).push(" AND k.key = ").bind(key);
            let Some(row) = reader.rows(sql).await?.pop() else { continue };
            let mut columns = Columns::of(&row);
            let fingerprint = digest(&columns.next::<Vec<u8>>()?, "idempotency_keys.fingerprint")?;
            let status = count(columns.next::<i32>()?, "idempotency_keys.status")?;
            let headers = headers(columns.next()?)?;
            return Ok(Some((fingerprint, StoredAnswer { status, headers, body: columns.next()? })));
        }
        Ok(None)
    }

    async fn sweep(&self, before: Instant, most: u32) -> Result<u64, PortError> {
        let mut sql = self.sql();
        sql.push("DELETE FROM idempotency_keys WHERE (organization_id, id) IN (SELECT organization_id, id FROM idempotency_keys WHERE created_at < ");
        sql.bind(time(before)).push(" LIMIT ").bind(i64::from(most)).push(")");
        let tx = begin_for_all(&self.database).await?;
        let swept = tx.execute_raw(sql.into_statement()).await.map_err(port)?.rows_affected();
        tx.commit().await.map_err(port)?;
        Ok(swept)
    }
}

fn headers(json: serde_json::Value) -> Result<Vec<(String, String)>, PortError> {
    let headers: std::collections::BTreeMap<String, String> =
        serde_json::from_value(json).map_err(|_| PortError::Broken("idempotency_keys.headers".to_owned()))?;
    Ok(headers.into_iter().collect())
}
