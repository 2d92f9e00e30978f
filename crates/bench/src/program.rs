use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::process::{Child, Command};

use crate::api::http;
use crate::cluster::free_port;

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks whether it is ready.
const LOOK: Duration = Duration::from_millis(5);

/// The program `matricula` with its settings.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    folder: PathBuf,
    settings: BTreeMap<String, String>,
}

impl Program {
    /// A copy of the program at a path, working in a folder of its own, so that a build may replace the original meanwhile. Rate limits
    /// are wide open.
    ///
    /// # Errors
    /// When there is no program at the path.
    pub fn new(path: &Path, folder: &Path, database_url: &str) -> Result<Self> {
        let copy = folder.join("matricula");
        std::fs::copy(path, &copy).with_context(|| format!("there is no program {}: build it first, or name one with --program", path.display()))?;
        let program = Self { path: copy, folder: folder.to_owned(), settings: BTreeMap::new() };
        let wide = u32::MAX.to_string();
        Ok(program
            .with("MATRICULA_DATABASE_URL", database_url)
            .with("MATRICULA_PUBLIC_REQUESTS_PER_ADDRESS", &wide)
            .with("MATRICULA_LEADS_PER_ORGANIZATION", &wide)
            .with("MATRICULA_SIGN_INS_PER_ADDRESS", &wide))
    }

    /// The same program with one more setting.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The next to the running one, where a build puts them.
    ///
    /// # Errors
    /// When the running one does not know where it is.
    pub fn neighbour() -> Result<PathBuf> {
        let here = std::env::current_exe()?;
        Ok(here.parent().context("a program in no folder")?.join("matricula"))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        // In a folder of its own, so that no configuration of somebody's work tree plays a part; and none of their environment.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MATRICULA_") || name == "DATABASE_URL" {
                command.env_remove(name);
            }
        }
        command.current_dir(&self.folder).envs(&self.settings).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs a command to its end, and answers what it printed.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub async fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command().args(arguments).output().await?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "matricula {}: {printed}{}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
        Ok(printed)
    }

    /// Starts the server on a free port, and comes back when it is ready.
    ///
    /// # Errors
    /// When it ends before, or takes too long.
    pub async fn serve(&self) -> Result<Server> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let metrics = format!("127.0.0.1:{}", free_port()?);
        let log = self.folder.join("server.log");
        let mut command = self.command();
        command.arg("serve").env("MATRICULA_LISTEN", &address).env("MATRICULA_METRICS_LISTEN", metrics);
        command.stdout(Stdio::null()).stderr(File::options().create(true).append(true).open(&log)?);
        let started = Instant::now();
        let mut child = command.spawn()?;
        let client = http(Duration::from_secs(2))?;
        let ready = format!("http://{address}/readyz");
        loop {
            if client.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(Server { url: format!("http://{address}"), ready_after: started.elapsed(), child });
            }
            if let Some(status) = child.try_wait()? {
                bail!("the server ended ({status}) before it was ready; see {}:\n{}", log.display(), last_lines(&log));
            }
            ensure!(started.elapsed() < PATIENCE, "the server was not ready after {PATIENCE:?}; see {}:\n{}", log.display(), last_lines(&log));
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// A server that runs. Dropped, it is killed.
#[derive(Debug)]
pub struct Server {
    /// Where it answers.
    pub url: String,
    /// How long it took from its start until it was ready.
    pub ready_after: Duration,
    child: Child,
}

impl Server {
    /// Its process.
    ///
    /// # Errors
    /// When it has ended.
    pub fn process(&self) -> Result<u32> {
        self.child.id().context("the server has ended")
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When it had ended by itself.
    pub async fn kill(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the server had ended by itself: {status}");
        }
        self.child.start_kill()?;
        self.child.wait().await?;
        Ok(())
    }

    /// SIGTERM, and waits for its end.
    ///
    /// # Errors
    /// When it takes more than half a minute, or says that something went wrong.
    pub async fn stop(mut self) -> Result<()> {
        let process = self.process()?.to_string();
        ensure!(Command::new("kill").args(["-TERM", &process]).status().await?.success(), "the server cannot be told to stop");
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.context("the server does not stop")??;
        ensure!(status.success(), "the server stopped with {status}");
        Ok(())
    }
}
