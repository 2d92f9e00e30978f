//! Load through HTTP: `wrk` with a script for each work.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use crate::Work;

/// What was done in a time, and how long each took.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Requests that were answered.
    pub requests: u64,
    /// In so many seconds.
    pub seconds: f64,
    /// Half of them took at most so many milliseconds.
    pub p50: f64,
    /// 95 of 100 did.
    pub p95: f64,
    /// 99 of 100 did.
    pub p99: f64,
}

impl Figures {
    /// In a second.
    pub fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^52 requests")]
        let requests = self.requests as f64;
        requests / self.seconds
    }
}

/// What a script is told.
#[derive(Clone, Copy, Debug)]
pub struct Task<'t> {
    /// What is done.
    pub work: Work,
    /// Where.
    pub url: &'t str,
    /// By whom.
    pub token: &'t str,
    /// By how many clients at the same time.
    pub connections: u32,
    /// A number from which on none was used.
    pub first: u64,
    /// So many people are known.
    pub people: u64,
    /// The run that everybody wants, if they do.
    pub hot_run: u64,
}

/// Says how to get what makes the load, where it is not there.
pub async fn check_installed() -> Result<()> {
    let version = Command::new("wrk").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().await;
    version.context("the load is made by `wrk`, which is not installed here: apt-get install wrk")?;
    Ok(())
}

/// Makes load for some time. The folder is for the script.
pub async fn make(task: Task<'_>, lasts: Duration, folder: &Path) -> Result<Figures> {
    let (name, script) = match task.work {
        Work::Capture => ("capture.lua", include_str!("lua/capture.lua")),
        Work::List => ("list.lua", include_str!("lua/list.lua")),
        Work::Enroll | Work::HotRun => ("enroll.lua", include_str!("lua/enroll.lua")),
    };
    let path = folder.join(name);
    fs::write(&path, [include_str!("lua/common.lua"), script].concat())?;
    let threads = task.connections.min(2).to_string();
    let arguments =
        ["-t", &threads, "-c", &task.connections.to_string(), "-d", &format!("{}s", lasts.as_secs()), "--timeout", "20s", "-s"].map(str::to_owned);
    let told = [task.token.to_owned(), task.first.to_string(), threads.clone(), task.people.to_string(), task.hot_run.to_string()];
    let mut wrk = Command::new("wrk");
    wrk.args(arguments).arg(&path).arg(task.url).arg("--").args(told).stdin(Stdio::null()).kill_on_drop(true);
    let output = wrk.output().await?;
    let printed = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk, {}: {printed}{}", output.status, String::from_utf8_lossy(&output.stderr));
    read(&printed)
}

fn read(printed: &str) -> Result<Figures> {
    let line = printed.lines().find_map(|line| line.strip_prefix("figures ")).with_context(|| format!("wrk gives no figures: {printed}"))?;
    let numbers = line.split(' ').map(str::parse).collect::<Result<Vec<u64>, _>>().with_context(|| format!("wrk's figures: {line}"))?;
    let [requests, microseconds, refused, broken, p50, p95, p99] = numbers[..] else { anyhow::bail!("wrk's figures: {line}") };
    ensure!(refused == 0 && broken == 0, "of {requests} requests {refused} were refused and {broken} broke off");
    ensure!(requests > 0, "no request was answered");
    let milliseconds = |microseconds: u64| Duration::from_micros(microseconds).as_secs_f64() * 1e3;
    Ok(Figures {
        requests,
        seconds: Duration::from_micros(microseconds).as_secs_f64(),
        p50: milliseconds(p50),
        p95: milliseconds(p95),
        p99: milliseconds(p99),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_figures_is_read() {
        let figures = read("Running 2s test\nfigures 1000 2000000 0 0 1500 2500 30000\n").unwrap();
        assert_eq!((figures.requests, figures.p50, figures.p99), (1000, 1.5, 30.0));
        assert!((figures.rate() - 500.0).abs() < 1e-9);
    }

    #[test]
    fn a_refused_request_is_no_figure() {
        assert!(read("figures 1000 2000000 1 0 1 1 1").is_err());
        assert!(read("figures 1000 2000000 0 3 1 1 1").is_err());
        assert!(read("nothing").is_err());
    }
}
