//! `matricula-bench`: what the program does in a second, beside what its database could do at most. `docs/performance.md` says how, and
//! what came of it.

mod catalogue;
mod data;
mod limit_postgres;
mod limit_sqlite;
mod load;
mod measure;
mod meter;
mod report;
mod rights;
mod sign_in;
mod specimen;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum};
use matricula_bench::{Engine, Program};

/// Measures the program against the limit of its database.
#[derive(Parser)]
#[command(name = "matricula-bench")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure everything in one run: capture, list, enrollment, and one run that everybody wants.
    Run(Options),
    /// Measure how long it takes to know what somebody may, who has 20 roles and 500 permissions.
    Rights(Where),
    /// Measure how long the public catalogue and its search take among 100,000 courses.
    Catalogue(Where),
    /// Measure whether the time of an answer tells that an account exists.
    SignIn(Where),
}

/// What a single measurement runs on.
#[derive(Args)]
struct Where {
    /// On which database; on both if nothing is said.
    #[arg(long, value_enum)]
    engine: Option<EngineName>,
    /// The program; the one beside this if nothing is said.
    #[arg(long)]
    program: Option<PathBuf>,
}

impl Where {
    /// Measures on each of the databases.
    async fn each(self, measure: impl AsyncFn(Engine, &Path) -> Result<()>) -> Result<ExitCode> {
        let program = self.program.map_or_else(Program::neighbour, Ok)?;
        for engine in engines(self.engine) {
            measure(engine, &program).await?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What to measure.
#[derive(Args, Clone, Debug)]
struct Options {
    /// On which database; on both if nothing is said.
    #[arg(long, value_enum)]
    engine: Option<EngineName>,
    /// Among how many leads. The list is measured at each size, everything else at the last.
    #[arg(long, value_delimiter = ',', default_values_t = [100_000, 1_000_000])]
    rows: Vec<u64>,
    /// How many seconds each turn lasts; program and limit have two each.
    #[arg(long, default_value_t = 6)]
    seconds: u64,
    /// With how many connections of clients.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64])]
    connections: Vec<u32>,
    /// a: capture, b: list, c: enrollment over many runs, d: enrollment into one run.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Work>,
    /// The program; the one beside this if nothing is said.
    #[arg(long)]
    program: Option<PathBuf>,
    /// A minute instead of many: 20,000 leads, 16 connections, 2 seconds each.
    #[arg(long)]
    short: bool,
    /// Where `bench.md` and `bench.json` are written.
    #[arg(long, default_value = "target/bench")]
    output: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EngineName {
    Postgres,
    Sqlite,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Work {
    /// A lead arrives.
    #[value(name = "a", alias = "capture")]
    Capture,
    /// The newest leads in which there is work.
    #[value(name = "b", alias = "list")]
    List,
    /// Somebody known enrolls, in one of many runs.
    #[value(name = "c", alias = "enrollment")]
    Enroll,
    /// Somebody known enrolls in the run that everybody wants.
    #[value(name = "d", alias = "hot-run")]
    HotRun,
}

/// The engine that is named; both, if none is.
fn engines(named: Option<EngineName>) -> Vec<Engine> {
    match named {
        Some(EngineName::Postgres) => vec![Engine::Postgres],
        Some(EngineName::Sqlite) => vec![Engine::Sqlite],
        None => vec![Engine::Postgres, Engine::Sqlite],
    }
}

impl Options {
    fn works(&self) -> Vec<Work> {
        Work::value_variants().iter().copied().filter(|work| self.only.is_empty() || self.only.contains(work)).collect()
    }

    fn checked(mut self) -> Result<Self> {
        if self.short {
            (self.rows, self.connections, self.seconds) = (vec![20_000], vec![16], 2);
        }
        self.rows.sort_unstable();
        ensure!(self.seconds > 0 && !self.rows.is_empty() && !self.connections.is_empty(), "there is nothing to measure");
        ensure!(self.rows.iter().all(|rows| *rows > 0 && rows.is_multiple_of(5_000)), "leads come in 5,000s, as many as there are runs");
        ensure!(self.connections.iter().all(|count| (1..=150).contains(count)), "1 to 150 connections");
        Ok(self)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let options = match Arguments::parse().command {
        Command::Run(options) => options.checked()?,
        Command::Rights(there) => return there.each(rights::measure).await,
        Command::Catalogue(there) => return there.each(catalogue::measure).await,
        Command::SignIn(there) => return there.each(sign_in::measure).await,
    };
    tokio::select! {
        done = run(&options) => done.map(|()| ExitCode::SUCCESS),
        // What was started goes with what is dropped.
        _ = tokio::signal::ctrl_c() => bail!("stopped"),
    }
}

async fn run(options: &Options) -> Result<()> {
    let program = options.program.clone().map_or_else(Program::neighbour, Ok)?;
    load::check_installed().await?;
    if cfg!(debug_assertions) {
        eprintln!("this is not an optimized build: SQLite's limit, which is measured in this process, will be too low");
    }
    let mut results = Vec::new();
    for engine in engines(options.engine) {
        match measure::on(engine, &program, options).await? {
            Some(result) => results.push(result),
            None if options.engine.is_none() => eprintln!("PostgreSQL is not installed here: SQLite alone is measured"),
            None => bail!("PostgreSQL is not installed here"),
        }
    }
    let report = report::Report::of(options, &results)?;
    print!("{}", report.markdown);
    std::fs::create_dir_all(&options.output)?;
    std::fs::write(options.output.join("bench.md"), &report.markdown)?;
    std::fs::write(options.output.join("bench.json"), serde_json::to_string_pretty(&report.json)? + "\n")?;
    Ok(())
}
