//! Kills the server again and again under load, and compares what it acknowledged with what it kept. What a client was told is written
//! to a file that is synced, and that is what counts: not what the client meant to do, nor what the server says.
//!
//! A killed process proves nothing about lost power, since what it wrote stays with the system.

mod oracle;
mod writers;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use matricula_bench::{Api, Engine, Program, Server, Stage};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::writers::{Counts, Runs, Writer};

/// How many clients write at the same time.
const WRITERS: usize = 4;

/// How long a server lives after it became ready.
const LIFE: std::ops::RangeInclusive<u64> = 50..=500;

/// After how long the clients sign in anew; a token lives longer.
const SIGN_IN_HOLDS: Duration = Duration::from_mins(10);

/// How long the sealer may take with what is left when the last server runs.
const SEALED_WITHIN: Duration = Duration::from_mins(5);

/// How to kill.
#[derive(Args)]
pub struct Arguments {
    /// Which databases.
    #[arg(long, value_enum, default_value = "both")]
    engine: Engines,
    /// How often on each.
    #[arg(long, default_value_t = 500)]
    kills: u32,
    /// What the moments of the kills are drawn from; another one each time if nothing is said.
    #[arg(long)]
    seed: Option<u64>,
    /// The program; the one beside this if nothing is said.
    #[arg(long)]
    program: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Engines {
    Sqlite,
    Postgres,
    Both,
}

/// Kills, and tells what came of it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            outcome = on_engines(arguments) => outcome,
            // What was started goes with what is dropped.
            _ = tokio::signal::ctrl_c() => bail!("stopped"),
        }
    })
}

async fn on_engines(arguments: &Arguments) -> Result<ExitCode> {
    let program = arguments.program.clone().map_or_else(Program::neighbour, Ok)?;
    let seed = arguments.seed.unwrap_or_else(|| u64::from(std::process::id()));
    let engines: &[Engine] = match arguments.engine {
        Engines::Sqlite => &[Engine::Sqlite],
        Engines::Postgres => &[Engine::Postgres],
        Engines::Both => &[Engine::Sqlite, Engine::Postgres],
    };
    println!("seed {seed}");
    let mut well = true;
    for engine in engines {
        match Stage::set(*engine, &program, &[]).await? {
            Some(stage) => well &= on_stage(stage, arguments.kills, seed).await?,
            None if matches!(arguments.engine, Engines::Both) => println!("PostgreSQL is not installed here: SQLite alone was tried"),
            None => bail!("PostgreSQL is not installed here"),
        }
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Answers whether everything was as it had to be.
async fn on_stage(mut stage: Stage, kills: u32, seed: u64) -> Result<bool> {
    // Warnings alone: the log of a server that is killed tells nothing.
    stage.program = stage.program.with("MATRICULA_LOG", "warn");
    let started = Instant::now();
    let outcome = kill_and_compare(&stage, kills, seed).await;
    let took = started.elapsed().as_secs_f64();
    match outcome {
        Ok((counts, verdict)) => {
            for finding in verdict.all().take(20) {
                println!("  {finding}");
            }
            println!("{kills} kills, {} acknowledged, {}, {took:.1} s, {}", counts.acknowledged(), verdict, stage.engine);
            if !verdict.is_well() {
                println!("the database and the logs of the clients are in {}", stage.keep().display());
                return Ok(false);
            }
            Ok(true)
        }
        Err(error) => {
            let engine = stage.engine;
            Err(error.context(format!("{engine}; the database and the logs of the clients are in {}", stage.keep().display())))
        }
    }
}

async fn kill_and_compare(stage: &Stage, kills: u32, seed: u64) -> Result<(Arc<Counts>, oracle::Verdict)> {
    let server = stage.program.serve().await?;
    let runs = Runs::schedule(&stage.api(&server.url).await?).await?;
    server.stop().await?;

    let (door, to_server) = watch::channel(None);
    let (stop, stopped) = watch::channel(false);
    let counts = Arc::new(Counts::default());
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let log = stage.folder().join(format!("writer-{number}.log"));
        let writer = Writer::new(number, &log, to_server.clone(), stopped.clone(), Arc::clone(&runs), Arc::clone(&counts))?;
        writers.spawn(writer.run());
    }
    let mut killer = Killer { stage, door, dice: StdRng::seed_from_u64(seed), signed_in: None };
    let server = tokio::select! {
        server = killer.kill(kills, &counts) => server?,
        // They stop by themselves only if something is wrong.
        ended = writers.join_next() => {
            ended.context("no writers")???;
            bail!("a writer stopped by itself");
        }
    };
    let _ = stop.send(true);
    while let Some(ended) = writers.join_next().await {
        ended??;
    }
    println!("{}: {} requests were cut off, of which {} had taken effect and were answered again", stage.engine, counts.cut_off(), counts.replayed());
    let verdict = compare(stage, server).await?;
    Ok((counts, verdict))
}

/// Starts servers and kills them.
struct Killer<'s> {
    stage: &'s Stage,
    /// Where the clients find the server that runs, already signed in.
    door: watch::Sender<Option<Api>>,
    dice: StdRng,
    signed_in: Option<(Api, Instant)>,
}

impl Killer<'_> {
    /// Kills so many servers, and leaves one more running.
    async fn kill(&mut self, kills: u32, counts: &Counts) -> Result<Server> {
        let mut told = Instant::now();
        for done in 0..kills {
            let server = self.start().await?;
            tokio::time::sleep(Duration::from_millis(self.dice.random_range(LIFE))).await;
            server.kill().await?;
            self.door.send_replace(None);
            if told.elapsed() >= Duration::from_secs(1) {
                println!("{}: {} of {kills} kills, {} acknowledged", self.stage.engine, done + 1, counts.acknowledged());
                told = Instant::now();
            }
        }
        self.start().await
    }

    async fn start(&mut self) -> Result<Server> {
        let server = self.stage.program.serve().await?;
        let api = match self.signed_in.take() {
            Some((api, since)) if since.elapsed() < SIGN_IN_HOLDS => (api.at(&server.url), since),
            _ => (self.stage.api(&server.url).await?, Instant::now()),
        };
        self.door.send_replace(Some(api.0.clone()));
        self.signed_in = Some(api);
        Ok(server)
    }
}

/// Lets the last server seal what is left, and holds what it and its database say against the logs.
async fn compare(stage: &Stage, server: Server) -> Result<oracle::Verdict> {
    let acknowledged = oracle::Acknowledged::read(stage.folder(), WRITERS)?;
    let mut verdict = oracle::Verdict::default();
    oracle::ask_the_api(&stage.api(&server.url).await?, &acknowledged, &mut verdict).await?;

    let raw = stage.raw_with_keys().await?;
    let waiting = Instant::now();
    while raw.one::<i64>(oracle::UNSEALED).await? > 0 {
        if waiting.elapsed() > SEALED_WITHIN {
            verdict.tear(raw.one(oracle::UNSEALED).await?, &format!("an audit entry that is not sealed after {SEALED_WITHIN:?}"));
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    server.stop().await?;
    oracle::ask_the_database(&raw, &acknowledged, &mut verdict).await?;
    raw.close().await?;
    match stage.program.run(&["audit", "verify"]).await {
        Ok(said) if said.contains(": intact") && !said.contains("BROKEN") && !said.contains("not sealed") => {}
        Ok(said) => verdict.tear(1, &format!("audit verify: {said}")),
        Err(error) => verdict.tear(1, &format!("audit verify: {error:#}")),
    }
    Ok(verdict)
}
