use matricula_domain::catalog::{CourseRun, CourseRunId};
use matricula_domain::enrollment::Merge;
use matricula_domain::shared::{Fault, Faults};
use matricula_ports::transact;

use super::{Catalog, CatalogError};
use crate::access::{Allowed, ManageCatalog};
use crate::enrollment::{offer_seats, places_of, save_places};

/// What became of two runs, or would become of them.
#[derive(Clone, Debug)]
pub struct Merged {
    /// The run that was cancelled; as it is, if nothing was done.
    pub run: CourseRun,
    /// The run to which its people went; as it is, if nothing was done.
    pub into: CourseRun,
    /// What became of the places.
    pub merge: Merge,
}

impl Catalog {
    /// Cancels a run and moves everybody who has a place in it, or waits for one, into another run of the same course: all or nobody.
    /// With `dry_run` it is only told what would happen.
    ///
    /// # Errors
    /// [`CatalogError`]; [`CatalogError::Shortage`] if the seats there do not suffice.
    pub async fn merge_run(&self, who: &Allowed<ManageCatalog>, id: CourseRunId, into: CourseRunId, dry_run: bool) -> Result<Merged, CatalogError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let now = self.world.now();
            let run = tx.course_runs().find(id).await?.ok_or(CatalogError::NotFound)?;
            let names_nothing = || Faults::from(Fault::new("NOT_FOUND", "names nothing here").under("into"));
            let target = tx.course_runs().find(into).await?.ok_or_else(names_nothing)?;
            let mut both = run.merge_into(&target, now)?;
            if !dry_run {
                // Saved before the places are read, both runs are this transaction's until its end, and nobody comes or goes meanwhile. Two
                // merges that meet take them in the same order.
                both.sort_by_key(|run| run.state().id());
                for run in &both {
                    tx.course_runs().save(run).await?;
                }
            }
            let places = places_of(tx, id).await?;
            let there = places_of(tx, into).await?;
            let target = tx.course_runs().find(into).await?.ok_or(CatalogError::NotFound)?;
            let merge = places.merge_into(&target, &there, now)?;
            if dry_run {
                return Ok(Merged { run, into: target, merge });
            }
            save_places(tx, &merge.ended).await?;
            // Reading writes what ended, before another place of the same person comes to stand beside it.
            tx.course_runs().find(into).await?;
            save_places(tx, &merge.moved).await?;
            offer_seats(tx, &self.world, into).await?;
            let run = tx.course_runs().find(id).await?.ok_or(CatalogError::NotFound)?;
            let into = tx.course_runs().find(into).await?.ok_or(CatalogError::NotFound)?;
            Ok(Merged { run, into, merge })
        })
        .await
    }
}
