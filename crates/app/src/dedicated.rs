//! Databases that organizations have to themselves: founding in one, and the schema of all.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use matricula_domain::identity::{Organization, OrganizationDetails};
use matricula_migration::DEDICATED_DATABASES;
use matricula_persistence::{Database, Databases, Dedicated, Home, Queue};
use matricula_ports::identity::{ConnectionString, Directory};
use matricula_ports::notifications::Leases;

use crate::program::{Program, Schema, behind, last_step, make_folder, move_schema};

/// Whoever founds in a database holds this lease there, so that two never take the same.
const LEASE: &str = "identity.found";

/// How long.
const FOUNDING: Duration = Duration::from_mins(1);

impl Program {
    /// Founds an organization, in the shared database or in one that it has to itself. The address of that one is tried before anything is
    /// written in the directory.
    ///
    /// # Errors
    /// What is wrong with the address or what is behind it; the organization is not there then.
    pub async fn found(&self, details: &OrganizationDetails, database: Option<&ConnectionString>) -> Result<Organization> {
        ensure!(self.accounts().organization(details.slug.as_str()).await?.is_none(), "there is an organization «{}» already", details.slug);
        match database {
            Some(url) => self.found_apart(details, url).await,
            None => Ok(self.identity().found(details, None).await?),
        }
    }

    async fn found_apart(&self, details: &OrganizationDetails, url: &ConnectionString) -> Result<Organization> {
        make_folder(url.reveal()).map_err(|_| anyhow!("the folder of the database cannot be made"))?;
        let home = self.databases.open(url).await.context("the database cannot be reached")?;
        // Looked at before anything is done to it, and again when nobody else can be founding there.
        must_be_vacant(&home).await?;
        move_schema(home.database(), home.keys().database(), Schema::Up).await?;
        let (queue, holder) = (Queue::new(Databases::only(home.clone())), self.ids.next());
        ensure!(queue.hold(LEASE, holder, self.clock.now(), FOUNDING).await?, "another organization is being founded in this database");
        let founded = async {
            ensure!(!self.databases.has_lease(LEASE, holder).await?, "this is the shared database");
            must_be_vacant(&home).await?;
            let founded = self.identity().found(details, Some(url)).await?;
            if let Err(error) = self.databases.mirror(founded.id).await {
                tracing::warn!(?error, "the organization is founded; the workers bring its row to its database");
            }
            Ok(founded)
        };
        let founded = founded.await;
        queue.release(LEASE, holder).await?;
        founded
    }

    /// Moves the schema of every database: the shared one first on the way up, and last on the way down. One that is away keeps none of the
    /// others waiting.
    ///
    /// # Errors
    /// When the shared database is away, or that of an organization was not moved.
    pub async fn move_all(&self, schema: Schema) -> Result<()> {
        let directory = self.databases.directory();
        let shared = async || move_schema(directory.database(), self.keys.database(), schema).await;
        match schema {
            Schema::Up => {
                shared().await?;
                all_done(&self.move_dedicated(schema).await?)
            }
            Schema::Down => {
                // Steps stand in the order of their names: before this one there is no list of them.
                let last = last_step(directory.database()).await?.unwrap_or_default();
                if last.as_str() >= DEDICATED_DATABASES {
                    let all = self.databases.dedicated().await?;
                    let slugs: Vec<_> = all.iter().map(|one| one.slug.as_str()).collect();
                    ensure!(
                        last != DEDICATED_DATABASES || all.is_empty(),
                        "one step back, and nobody knows any more where the databases of these organizations are: {}",
                        slugs.join(", ")
                    );
                    all_done(&self.move_dedicated(schema).await?)?;
                }
                shared().await
            }
        }
    }

    /// The organizations whose databases were not moved, and why.
    async fn move_dedicated(&self, schema: Schema) -> Result<Vec<(String, anyhow::Error)>> {
        let mut failed = Vec::new();
        for Dedicated { slug, home, .. } in self.databases.dedicated().await? {
            if let Err(error) = move_schema(home.database(), home.keys().database(), schema).await {
                failed.push((slug, error));
            }
        }
        Ok(failed)
    }

    /// How many steps the schema of each database is behind, with the slug of whose it is; none for one that does not answer.
    ///
    /// # Errors
    /// When the shared database is away.
    pub async fn steps_behind(&self) -> Result<Vec<(Option<String>, Option<usize>)>> {
        let shared = behind(self.databases.directory().database()).await?;
        let mut all = vec![(None, Some(shared))];
        if shared == 0 {
            for Dedicated { slug, home, .. } in self.databases.dedicated().await? {
                all.push((Some(slug), behind(home.database()).await.ok()));
            }
        }
        Ok(all)
    }

    /// Looks at the databases of single organizations at the start: files get their schema at once, as the shared one does; of what is away
    /// or behind it is told, since the others can work.
    pub(crate) async fn greet_dedicated(&self) -> Result<()> {
        if self.databases.directory().database().engine() == matricula_persistence::Engine::Sqlite {
            for (organization, error) in self.move_dedicated(Schema::Up).await? {
                tracing::error!(organization, %error, "the database of this organization has not the newest schema");
            }
        }
        for (organization, steps) in self.steps_behind().await? {
            match (organization, steps) {
                (Some(organization), None) => tracing::error!(organization, "the database of this organization does not answer"),
                (Some(organization), Some(steps)) if steps > 0 => {
                    tracing::error!(organization, steps, "the schema of this organization's database is behind: run «matricula migrate»");
                }
                _ => {}
            }
        }
        Ok(())
    }
}

async fn must_be_vacant(home: &Home) -> Result<()> {
    ensure!(home.is_vacant().await?, "the database is not empty: an organization has one to itself, from the beginning");
    Ok(())
}

fn all_done(failed: &[(String, anyhow::Error)]) -> Result<()> {
    if failed.is_empty() {
        return Ok(());
    }
    let told: Vec<_> = failed.iter().map(|(organization, error)| format!("{organization} ({error})")).collect();
    bail!("the databases of these organizations were not moved: {}", told.join(", "))
}

/// Whether every one of these databases answers in time.
pub(crate) async fn all_answer(homes: &[Home], patience: Duration) -> bool {
    let answers = async |database: &Database| matches!(tokio::time::timeout(patience, database.ping()).await, Ok(Ok(())));
    futures_util::future::join_all(homes.iter().map(|home| answers(home.database()))).await.into_iter().all(|answers| answers)
}
