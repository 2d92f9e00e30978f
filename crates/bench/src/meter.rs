//! What processes took of the machine, from `/proc`.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result};

/// Ticks of the clock in a second; every Linux that we meet has 100.
const TICKS: f64 = 100.0;

/// Seconds of processor time since a process began.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    /// Of the program.
    pub server: f64,
    /// Of the database, where it is a server.
    pub database: f64,
    /// Of what makes the load.
    pub load: f64,
}

impl Cpu {
    /// Up to now: of a program, of a database and all processes under it, and of the children of this process that have ended.
    pub fn now(server: Option<u32>, database: Option<u32>) -> Result<Self> {
        let server = server.map_or(Ok(0.0), |process| own(&stat(process)?))?;
        let database = database.map_or(0.0, tree);
        let load = children(&stat(std::process::id())?)?;
        Ok(Self { server, database, load })
    }

    /// Between two moments.
    pub fn since(self, earlier: Self) -> Self {
        Self { server: self.server - earlier.server, database: self.database - earlier.database, load: self.load - earlier.load }
    }
}

/// The processor time of this process itself.
pub fn of_this_process() -> Result<f64> {
    own(&stat(std::process::id())?)
}

/// The fields of a process behind its name, which may hold anything: the state is the first of them.
fn stat(process: u32) -> Result<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).with_context(|| format!("the process {process} has ended"))?;
    let (_, fields) = text.rsplit_once(')').context("/proc says something else than it used to")?;
    Ok(fields.split_whitespace().map(str::to_owned).collect())
}

fn seconds(fields: &[String], numbers: std::ops::Range<usize>) -> Result<f64> {
    let fields = fields.get(numbers).context("/proc says less than it used to")?;
    fields.iter().map(|ticks| Ok(ticks.parse::<f64>()? / TICKS)).sum()
}

fn own(fields: &[String]) -> Result<f64> {
    seconds(fields, 11..13)
}

fn children(fields: &[String]) -> Result<f64> {
    seconds(fields, 13..15)
}

/// A process with all that descend from it, those included that have ended.
fn tree(root: u32) -> f64 {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        if let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok())
            && let Ok(fields) = stat(process)
            && let Some(parent) = fields.get(1).and_then(|parent| parent.parse::<u32>().ok())
        {
            found.insert(process, (parent, fields));
        }
    }
    let (mut sum, mut todo) = (0.0, vec![root]);
    while let Some(process) = todo.pop() {
        todo.extend(found.iter().filter(|(_, (parent, _))| *parent == process).map(|(child, _)| *child));
        if let Some((_, fields)) = found.get(&process) {
            sum += seconds(fields, 11..15).unwrap_or_default();
        }
    }
    sum
}

/// The memory of a process: now, and at most since it began, in megabytes.
pub fn memory(process: u32) -> Result<(f64, f64)> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).with_context(|| format!("the process {process} has ended"))?;
    let megabytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("/proc does not say {name}"))?;
        let kibibytes: f64 = line.split_whitespace().next().unwrap_or_default().parse()?;
        Ok::<_, anyhow::Error>(kibibytes * 1024.0 / 1e6)
    };
    Ok((megabytes("VmRSS:")?, megabytes("VmHWM:")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_taken_something() {
        let started = of_this_process().unwrap();
        let mut sum = 0_u64;
        while of_this_process().unwrap() <= started {
            sum = (0..100_000).fold(sum, u64::wrapping_add);
        }
        let (now, most) = memory(std::process::id()).unwrap();
        assert!(now > 1.0 && most >= now);
        assert!(tree(std::process::id()) > started);
    }
}
