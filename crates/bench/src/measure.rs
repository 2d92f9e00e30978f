//! One measurement after another, the program's beside the limit's.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use matricula_bench::{Api, Engine, Raw, Server, Stage};
use serde_json::json;
use uuid::Uuid;

use crate::data::{self, OPEN_RUNS};
use crate::load::{self, Figures, Task};
use crate::meter::{self, Cpu};
use crate::specimen::{Before, Request, Specimen};
use crate::{Options, Work, limit_postgres, limit_sqlite};

/// The server's settings: those of the reference measurement, in half of its memory.
const SETTINGS: [(&str, &str); 11] = [
    ("max_connections", "200"),
    ("shared_buffers", "2GB"),
    ("effective_cache_size", "8GB"),
    ("work_mem", "32MB"),
    ("maintenance_work_mem", "512MB"),
    ("max_wal_size", "8GB"),
    ("checkpoint_timeout", "15min"),
    ("random_page_cost", "1.1"),
    ("synchronous_commit", "on"),
    ("max_parallel_workers_per_gather", "2"),
    ("jit", "off"),
];

/// How often the program and the limit take turns; two, so that the mean of their percentiles is the mean of both.
const TURNS: u32 = 2;

/// More numbers than a measurement uses, with 64 clients of which each counts for itself.
const STEP: u64 = 20_000_000;

/// What was measured on one engine.
#[derive(Debug)]
pub struct Measured {
    /// The engine.
    pub engine: Engine,
    /// Its version.
    pub version: String,
    /// What a capture writes.
    pub captured: String,
    /// What an enrollment writes.
    pub enrolled: String,
    /// The measurements.
    pub lines: Vec<Line>,
    /// Among how many leads the program started, and how many milliseconds it took until it was ready.
    pub starts: Vec<(u64, f64)>,
    /// The most memory that it ever took, in megabytes.
    pub most_memory: f64,
}

/// One work with so many clients.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// The work.
    pub work: Work,
    /// Among so many leads.
    pub rows: u64,
    /// By so many clients.
    pub connections: u32,
    /// The program.
    pub ours: Sample,
    /// The limit.
    pub limit: Sample,
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// How much, how fast.
    pub figures: Figures,
    /// At what price.
    pub cpu: Cpu,
    /// The program's memory right afterwards, in megabytes.
    pub memory: Option<f64>,
    /// How many audit entries the sealer was behind right afterwards.
    pub behind: Option<i64>,
}

/// Measures everything on one engine; `None` where it is not installed.
pub async fn on(engine: Engine, program: &Path, options: &Options) -> Result<Option<Measured>> {
    let Some(stage) = Stage::set(engine, program, &SETTINGS).await? else { return Ok(None) };
    let raw = stage.raw().await?;
    data::make_catalog(&raw).await?;
    let specimens = Specimens::take(&stage, &raw).await?;
    let version = match engine {
        Engine::Postgres => raw.one("SELECT current_setting('server_version')").await?,
        Engine::Sqlite => raw.one("SELECT sqlite_version()").await?,
    };
    let measured = Measured {
        engine,
        version,
        captured: specimens.capture.in_words(),
        enrolled: specimens.enrollment.in_words(),
        lines: Vec::new(),
        starts: Vec::new(),
        most_memory: 0.0,
    };
    let organization = data::organization(&raw).await?;
    let mut bench =
        Bench { stage, raw, specimens, organization, lasts: Duration::from_secs(options.seconds), people: 0, next: 0, hot_run: OPEN_RUNS, measured };
    bench.all(options).await?;
    Ok(Some(bench.measured))
}

/// What one request of each kind wrote.
struct Specimens {
    capture: Specimen,
    enrollment: Specimen,
}

impl Specimens {
    async fn take(stage: &Stage, raw: &Raw) -> Result<Self> {
        // Nobody else writes meanwhile, least of all the sealer.
        let server = stage.program.clone().with("MATRICULA_JOBS", "false").serve().await?;
        let api = stage.api(&server.url).await?;
        let (email, phone) = ("ejemplo@example.es", "+34699999999");
        let (course, campaign, run) = (data::course(1), data::campaign(1), data::run(1));
        let mut request = Request { email, phone, course, campaign, run, person: None };

        let before = Before::look(raw).await?;
        let lead = json!({
            "name": "Lucía Pérez García", "email": email, "phone": phone, "course": "curso-1", "campaign": "campana-1",
            "message": "Quiero información sobre el curso y las fechas de inicio, gracias.", "locale": "es", "age_band": "adult", "gdpr_consent": true,
            "privacy_policy_accepted": true, "consents": ["email_marketing"], "source": "web",
            "utm": {"source": "meta", "medium": "cpc", "campaign": "otono-2026"},
        });
        let lead = api.post("/leads", &lead).await?;
        let (id, person) = (uuid(&lead["id"])?, uuid(&lead["person_id"])?);
        let capture = Specimen::take(raw, &before, ("leads", id), request).await?;

        let before = Before::look(raw).await?;
        let enrollment = api.post(&format!("/course-runs/{run}/enrollments"), &json!({"person_id": person})).await?;
        request.person = Some(person);
        let enrollment = Specimen::take(raw, &before, ("enrollments", uuid(&enrollment["id"])?), request).await?;
        server.stop().await?;
        Ok(Self { capture, enrollment })
    }
}

fn uuid(value: &serde_json::Value) -> Result<Uuid> {
    Ok(value.as_str().context("no id")?.parse()?)
}

/// A stage that is being measured on.
struct Bench {
    stage: Stage,
    raw: Raw,
    specimens: Specimens,
    organization: Uuid,
    lasts: Duration,
    /// So many people are known, each with a lead.
    people: u64,
    /// A number from which on none was used.
    next: u64,
    /// The run that everybody wanted last.
    hot_run: u64,
    measured: Measured,
}

impl Sample {
    /// Both turns as one: what was done adds up, and the percentiles are the mean of the turns'.
    fn and(self, other: Self) -> Self {
        let (one, two) = (self.figures, other.figures);
        let mean = |one: f64, two: f64| f64::midpoint(one, two);
        Self {
            figures: Figures {
                requests: one.requests + two.requests,
                seconds: one.seconds + two.seconds,
                p50: mean(one.p50, two.p50),
                p95: mean(one.p95, two.p95),
                p99: mean(one.p99, two.p99),
            },
            cpu: Cpu {
                server: self.cpu.server + other.cpu.server,
                database: self.cpu.database + other.cpu.database,
                load: self.cpu.load + other.cpu.load,
            },
            memory: self.memory.zip(other.memory).map(|(one, two)| one.max(two)),
            behind: self.behind.max(other.behind),
        }
    }
}

impl Bench {
    async fn all(&mut self, options: &Options) -> Result<()> {
        let last = options.rows.last().copied().unwrap_or_default();
        for rows in &options.rows {
            eprintln!("{}: making {rows} leads", self.stage.engine);
            data::make_leads(&self.stage, self.people + 1, *rows).await?;
            self.people = *rows;
            for work in options.works().into_iter().filter(|work| *work == Work::List || *rows == last) {
                for connections in &options.connections {
                    let line = self.line(work, *connections).await?;
                    eprintln!(
                        "{}: {work:?} among {rows}, {connections} connections: {:.0}/s, limit {:.0}/s",
                        self.stage.engine,
                        line.ours.figures.rate(),
                        line.limit.figures.rate()
                    );
                    self.measured.lines.push(line);
                }
            }
        }
        Ok(())
    }

    /// The program and the limit take turns, since a machine is not as fast at every moment.
    async fn line(&mut self, work: Work, connections: u32) -> Result<Line> {
        let (mut ours, mut limit) = (self.ours(work, connections).await?, self.limit(work, connections).await?);
        for _ in 1..TURNS {
            ours = ours.and(self.ours(work, connections).await?);
            limit = limit.and(self.limit(work, connections).await?);
        }
        Ok(Line { work, rows: self.people, connections, ours, limit })
    }

    /// Numbers that nobody has used.
    fn numbers(&mut self) -> u64 {
        self.next += STEP;
        self.next - STEP
    }

    /// A run that nobody has enrolled in, where everybody wants the same.
    fn run_for(&mut self, work: Work) -> u64 {
        if work != Work::HotRun {
            return 0;
        }
        self.hot_run += 1;
        self.hot_run
    }

    /// The program, started anew.
    async fn ours(&mut self, work: Work, connections: u32) -> Result<Sample> {
        self.forget_what_is_behind().await?;
        let server = self.stage.program.serve().await?;
        self.measured.starts.push((self.people, server.ready_after.as_secs_f64() * 1e3));
        let api = self.stage.api(&server.url).await?;
        // For a second to get warm, in which it is seen whether requests are answered well.
        self.load(&server, &api, work, connections, Duration::from_secs(1)).await?;
        self.settle().await?;
        let (server_process, database_process) = (server.process()?, self.database_process()?);
        let before = Cpu::now(Some(server_process), database_process)?;
        let figures = self.load(&server, &api, work, connections, self.lasts).await?;
        let cpu = Cpu::now(Some(server_process), database_process)?.since(before);
        let behind = self.behind().await?;
        let (memory, most) = meter::memory(server_process)?;
        self.measured.most_memory = self.measured.most_memory.max(most);
        server.stop().await?;
        Ok(Sample { figures, cpu, memory: Some(memory), behind: Some(behind) })
    }

    async fn load(&mut self, server: &Server, api: &Api, work: Work, connections: u32, lasts: Duration) -> Result<Figures> {
        let task =
            Task { work, url: &server.url, token: api.token(), connections, first: self.numbers(), people: self.people, hot_run: self.run_for(work) };
        load::make(task, lasts, self.stage.folder()).await
    }

    async fn limit(&mut self, work: Work, connections: u32) -> Result<Sample> {
        self.settle().await?;
        let (first, people, run) = (self.numbers(), self.people, self.run_for(work));
        let hot_run = (work == Work::HotRun).then_some(run);
        let database = self.database_process()?;
        let (before, own) = (Cpu::now(None, database)?, meter::of_this_process()?);
        let figures = if self.stage.engine == Engine::Postgres {
            let script = match work {
                Work::Capture => limit_postgres::capture(&self.specimens.capture),
                Work::List => limit_postgres::list(self.organization),
                Work::Enroll | Work::HotRun => limit_postgres::enroll(&self.specimens.enrollment, self.organization, hot_run)?,
            };
            limit_postgres::run(&self.stage, &script, connections, self.lasts, first, people).await?
        } else {
            match work {
                Work::List => limit_sqlite::list(&self.stage, self.organization, connections, self.lasts).await?,
                Work::Capture => {
                    limit_sqlite::write(&self.stage, &limit_sqlite::capture(&self.specimens.capture), self.lasts, first, people, None).await?
                }
                Work::Enroll | Work::HotRun => {
                    let script = limit_sqlite::enroll(&self.specimens.enrollment, self.organization);
                    limit_sqlite::write(&self.stage, &script, self.lasts, first, people, hot_run).await?
                }
            }
        };
        let mut cpu = Cpu::now(None, database)?.since(before);
        if self.stage.engine == Engine::Sqlite {
            cpu.load += meter::of_this_process()? - own;
        }
        Ok(Sample { figures, cpu, memory: None, behind: None })
    }

    fn database_process(&self) -> Result<Option<u32>> {
        self.stage.cluster.as_ref().map(matricula_bench::Cluster::process).transpose()
    }

    /// Lets the database write out what is behind, so that no measurement pays for the one before.
    async fn settle(&self) -> Result<()> {
        match self.stage.engine {
            Engine::Postgres => self.raw.script("CHECKPOINT").await,
            Engine::Sqlite => self.raw.rows("PRAGMA wal_checkpoint(TRUNCATE)").await.map(|_| ()),
        }
    }

    /// Moves those who follow audit and outbox to their ends, so that the program does not begin with what the measurement before left, or
    /// what the limit wrote. (The chain has a gap then; nobody verifies it here.)
    async fn forget_what_is_behind(&self) -> Result<()> {
        let script = match self.stage.engine {
            Engine::Postgres => {
                "UPDATE feed_cursors SET position_xact = pg_snapshot_xmin(pg_current_snapshot())::text::bigint, position_id = '00000000-0000-0000-0000-000000000000'"
            }
            Engine::Sqlite => {
                "UPDATE feed_cursors SET position_xact = CASE consumer WHEN 'audit.seal' THEN (SELECT coalesce(max(rowid), 0) FROM audit_entries) \
                 ELSE (SELECT coalesce(max(rowid), 0) FROM outbox) END"
            }
        };
        self.raw.script(script).await
    }

    /// How many audit entries wait for their seal.
    async fn behind(&self) -> Result<i64> {
        let sql = match self.stage.engine {
            Engine::Postgres => {
                "SELECT count(*) FROM audit_entries a WHERE a.xact > coalesce((SELECT position_xact FROM feed_cursors WHERE consumer = 'audit.seal'), 0)::text::xid8"
            }
            Engine::Sqlite => {
                "SELECT count(*) FROM audit_entries a WHERE a.rowid > coalesce((SELECT position_xact FROM feed_cursors WHERE consumer = 'audit.seal'), 0)"
            }
        };
        self.raw.one(sql).await
    }
}
