use std::io;

use matricula_persistence::Options;
use tempfile::TempDir;

use crate::postgres::migrate;
use crate::scratch::SCRATCH;
use crate::server::{Programs, say, text};

/// What survives a crash of the server is what it acknowledged; only a crash of the machine is left out.
const SETTINGS: &str = "-c listen_addresses= -c fsync=off -c max_connections=50 -c log_min_messages=panic";

/// A `PostgreSQL` server of a test's own, which it can stop and start.
pub struct Cluster {
    programs: Programs,
    folder: TempDir,
}

impl Cluster {
    /// A new one, running and migrated; `None`, which is said, where the programs are not installed.
    pub async fn new() -> Option<Self> {
        let Some(programs) = Programs::find() else {
            say("PostgreSQL is not installed here: nobody can stop it");
            return None;
        };
        let cluster = Self { programs, folder: TempDir::with_prefix_in("matricula-outage-", &*SCRATCH).unwrap() };
        cluster.programs.give(cluster.folder.path()).unwrap();
        cluster.make().unwrap();
        cluster.start();
        migrate(&Options::new(cluster.url())).await.unwrap();
        Some(cluster)
    }

    fn make(&self) -> io::Result<()> {
        let data = self.folder.path().join("data");
        self.programs.run("initdb", &["-D", text(&data)?, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"])
    }

    fn control(&self, arguments: &[&str]) -> io::Result<()> {
        let data = self.folder.path().join("data");
        self.programs.run("pg_ctl", &[&["-D", text(&data)?, "-w", "-t", "60"], arguments].concat())
    }

    /// Starts it.
    pub fn start(&self) {
        let folder = text(self.folder.path()).unwrap();
        self.control(&["-l", &format!("{folder}/log"), "-o", &format!("-k {folder} {SETTINGS}"), "start"]).unwrap();
    }

    /// Stops it as if it had crashed.
    pub fn stop(&self) {
        self.control(&["-m", "immediate", "stop"]).unwrap();
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("postgres://postgres@localhost/postgres?host={}", self.folder.path().display())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // It may be stopped already.
        _ = self.control(&["-m", "immediate", "stop"]);
    }
}
