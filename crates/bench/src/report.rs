//! What was measured, for people and for programs.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};
use matricula_bench::Engine;
use serde_json::{Value, json};

use crate::measure::{Line, Measured, Sample};
use crate::{Options, Work};

/// Both forms.
pub struct Report {
    /// For `docs/performance.md`.
    pub markdown: String,
    /// For programs.
    pub json: Value,
}

impl Report {
    /// Of everything that was measured.
    pub fn of(options: &Options, measured: &[Measured]) -> Result<Self> {
        let header = Header::look(options)?;
        let mut markdown = header.markdown();
        for one in measured {
            engine(&mut markdown, one)?;
        }
        let json = json!({
            "machine": header.machine, "commit": header.commit, "date": header.date, "command": header.command, "seconds_each": options.seconds,
            "engines": measured.iter().map(engine_json).collect::<Vec<_>>(),
        });
        Ok(Self { markdown, json })
    }
}

/// Where, when and what.
struct Header {
    machine: String,
    commit: String,
    date: String,
    command: String,
    seconds: u64,
}

impl Header {
    fn look(options: &Options) -> Result<Self> {
        let cores = std::thread::available_parallelism()?;
        let memory = fs::read_to_string("/proc/meminfo")?;
        let kibibytes = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok());
        let processors = fs::read_to_string("/proc/cpuinfo")?;
        let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let kibibytes = kibibytes.context("/proc does not say how much memory there is")?;
        let here = env!("CARGO_MANIFEST_DIR");
        let changed = !said("git", &["-C", here, "status", "--porcelain"]).is_empty();
        Ok(Self {
            machine: format!("{cores} cores ({}), {} GiB", model.map_or("of an unknown kind", |(_, model)| model), (kibibytes + 524_288) / 1_048_576),
            commit: said("git", &["-C", here, "rev-parse", "--short", "HEAD"]) + if changed { ", with changes" } else { "" },
            date: said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
            command: std::env::args()
                .enumerate()
                .map(|(n, word)| if n == 0 { "matricula-bench".to_owned() } else { word })
                .collect::<Vec<_>>()
                .join(" "),
            seconds: options.seconds,
        })
    }

    fn markdown(&self) -> String {
        let Self { machine, commit, date, command, seconds } = self;
        format!(
            "Machine: {machine} · commit: {commit} · {date} · `{command}` · program and limit in turns, two of {seconds} s each, after one second to get warm\n"
        )
    }
}

/// What a program prints; nothing if it is not there.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

fn title(work: Work) -> &'static str {
    match work {
        Work::Capture => "a) capture of a lead",
        Work::List => "b) newest 50 leads",
        Work::Enroll => "c) enrollment, 5,000 runs",
        Work::HotRun => "d) enrollment, one run",
    }
}

fn engine(text: &mut String, measured: &Measured) -> Result<()> {
    let limit = match measured.engine {
        Engine::Postgres => "`pgbench`, prepared, one statement a request",
        Engine::Sqlite => "the same statements, prepared, on one connection (the list: on two at most)",
    };
    writeln!(text, "\n### {} {}\n", measured.engine, measured.version)?;
    writeln!(text, "Limit: {limit}. A capture writes {}; an enrollment {}, and moves a seat.\n", measured.captured, measured.enrolled)?;
    writeln!(
        text,
        "| work | leads | clients | req/s | of the limit | p50 · p95 · p99 ms | CPU µs: program · database · load | MB | not sealed yet | limit/s | its p50 · p95 · p99 ms | its CPU µs: database · load |"
    )?;
    writeln!(text, "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")?;
    for line in &measured.lines {
        let Line { work, rows, connections, ours, limit } = line;
        writeln!(
            text,
            "| {} | {} | {connections} | {} | **{:.2}** | {} | {} | {:.0} | {} | {} | {} | {} |",
            title(*work),
            thousands(*rows),
            rate(ours),
            ours.figures.rate() / limit.figures.rate(),
            times(ours),
            [ours.cpu.server, ours.cpu.database, ours.cpu.load].map(|cpu| each(ours, cpu)).join(" · "),
            ours.memory.unwrap_or_default(),
            thousands(u64::try_from(ours.behind.unwrap_or_default()).unwrap_or_default()),
            rate(limit),
            times(limit),
            [limit.cpu.database, limit.cpu.load].map(|cpu| each(limit, cpu)).join(" · "),
        )?;
    }
    let mut starts: Vec<_> = measured.starts.iter().map(|(_, milliseconds)| *milliseconds).collect();
    starts.sort_by(f64::total_cmp);
    if let (Some(first), Some(last)) = (starts.first(), starts.last()) {
        let middle = starts[starts.len() / 2];
        writeln!(
            text,
            "\nReady after its start: {middle:.0} ms ({first:.0} to {last:.0}, {} starts). Most memory: {:.0} MB.",
            starts.len(),
            measured.most_memory
        )?;
    }
    Ok(())
}

fn rate(sample: &Sample) -> String {
    format!("{:.0}", sample.figures.rate())
}

fn times(sample: &Sample) -> String {
    let figures = sample.figures;
    format!("{:.1} · {:.1} · {:.1}", figures.p50, figures.p95, figures.p99)
}

/// What each request took of the processors, in microseconds: on a machine that others use too, this moves least.
fn each(sample: &Sample, seconds: f64) -> String {
    format!("{:.0}", seconds * 1e6 / (sample.figures.rate() * sample.figures.seconds))
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

fn engine_json(measured: &Measured) -> Value {
    json!({
        "engine": measured.engine.to_string(), "version": measured.version, "a_capture_writes": measured.captured, "an_enrollment_writes": measured.enrolled,
        "ready_ms": measured.starts.iter().map(|(rows, milliseconds)| json!({"leads": rows, "ms": milliseconds})).collect::<Vec<_>>(),
        "most_memory_mb": measured.most_memory,
        "lines": measured.lines.iter().map(|line| json!({
            "work": title(line.work), "leads": line.rows, "connections": line.connections, "ratio": line.ours.figures.rate() / line.limit.figures.rate(),
            "program": sample_json(&line.ours), "limit": sample_json(&line.limit),
        })).collect::<Vec<_>>(),
    })
}

fn sample_json(sample: &Sample) -> Value {
    let figures = sample.figures;
    json!({
        "requests": figures.requests, "seconds": figures.seconds, "per_second": figures.rate(), "p50_ms": figures.p50, "p95_ms": figures.p95, "p99_ms": figures.p99,
        "cpu_seconds": {"program": sample.cpu.server, "database": sample.cpu.database, "load": sample.cpu.load},
        "memory_mb": sample.memory, "audit_entries_not_sealed": sample.behind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(["7", "1000", "1234567"].map(|number| thousands(number.parse().unwrap())), ["7", "1,000", "1,234,567"]);
    }
}
