use std::path::{Path, PathBuf};

use anyhow::Result;
use tempfile::TempDir;

use crate::{Api, Cluster, Program, Raw};

/// The slug of the organization on a stage.
pub const ORGANIZATION: &str = "bench";

const EMAIL: &str = "owner@bench.example";
const PASSWORD: &str = "correct horse battery staple";

/// Which database answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The embedded one.
    Sqlite,
    /// The server.
    Postgres,
}

impl std::fmt::Display for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// A fresh database with an organization and its owner, in a temporary folder. Dropped, all of it goes.
#[derive(Debug)]
pub struct Stage {
    /// Which engine.
    pub engine: Engine,
    /// The program, set to the database.
    pub program: Program,
    /// The server, on `PostgreSQL`. It stops before its folder goes.
    pub cluster: Option<Cluster>,
    folder: TempDir,
}

impl Stage {
    /// Sets everything up; `None` where the engine is not installed.
    ///
    /// # Errors
    /// What went wrong.
    pub async fn set(engine: Engine, program: &Path, settings: &[(&str, &str)]) -> Result<Option<Self>> {
        let folder = tempfile::Builder::new().prefix("matricula-").tempdir()?;
        let (cluster, url) = match engine {
            Engine::Sqlite => (None, sqlite_url(folder.path())),
            Engine::Postgres => {
                let Some(cluster) = Cluster::start(folder.path(), settings)? else { return Ok(None) };
                cluster.create_database(ORGANIZATION).await?;
                let url = cluster.url(ORGANIZATION);
                (Some(cluster), url)
            }
        };
        let program = Program::new(program, folder.path(), &url)?;
        program.run(&["migrate"]).await?;
        let who = ["user", "create", "--email", EMAIL, "--name", "Olga Owner", "--role", "owner", "--password", PASSWORD];
        program.run(&[&who[..], &["--organization", ORGANIZATION, "--organization-name", "Bench"]].concat()).await?;
        // The one who works here is a program, which has no app that makes codes.
        program.run(&["organization", "second-factor", "--slug", ORGANIZATION]).await?;
        Ok(Some(Self { engine, program, cluster, folder }))
    }

    /// Where everything is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The address of the database for the one who sees everything.
    pub fn raw_url(&self) -> String {
        self.cluster.as_ref().map_or_else(|| sqlite_url(self.folder.path()), |cluster| cluster.superuser_url(ORGANIZATION))
    }

    /// SQL by hand, by the one who sees everything.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn raw(&self) -> Result<Raw> {
        Raw::open(&self.raw_url()).await
    }

    /// A client at a server of this stage, signed in as the owner.
    ///
    /// # Errors
    /// When the sign-in fails.
    pub async fn api(&self, url: &str) -> Result<Api> {
        Api::new()?.at(url).sign_in(EMAIL, PASSWORD).await
    }

    /// Leaves the folder where it is, to be looked at.
    pub fn keep(self) -> PathBuf {
        drop(self.cluster);
        self.folder.keep()
    }

    /// SQL by hand where the key store is called `keystore`, whichever engine it is.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn raw_with_keys(&self) -> Result<Raw> {
        let raw = self.raw().await?;
        if self.engine == Engine::Sqlite {
            raw.script(&format!("ATTACH DATABASE '{}' AS keystore", self.folder.path().join("matricula.keys.db").display())).await?;
        }
        Ok(raw)
    }
}

fn sqlite_url(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("matricula.db").display())
}
