use matricula_domain::catalog::{Campus, CourseRun, CourseRunId, Cycle, RunPlan, RunStatus};
use matricula_domain::shared::{Changed, Fault, Faults, Instant, Record, Value};
use matricula_ports::{Tx, transact};

use super::{Catalog, CatalogError};
use crate::Expected;
use crate::access::{Allowed, ManageCatalog};

impl Catalog {
    /// Schedules a run.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn schedule_run(&self, who: &Allowed<ManageCatalog>, plan: &RunPlan) -> Result<CourseRun, CatalogError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let run = CourseRun::schedule(self.world.id(), plan.clone(), self.world.now());
            check(tx, run.state()).await?;
            tx.course_runs().save(&run).await?;
            Ok(run.into_state())
        })
        .await
    }

    /// Changes the fields that the patch names. Places that come free are offered to the queue.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn change_run(
        &self,
        who: &Allowed<ManageCatalog>,
        id: CourseRunId,
        patch: &Value,
        expected: Expected,
    ) -> Result<CourseRun, CatalogError> {
        self.run(who, id, expected, async |tx, run, now| {
            let changed = run.change(patch, now)?;
            check(tx, changed.state()).await?;
            Ok(changed)
        })
        .await
    }

    /// Starts, completes or cancels a run.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn move_run(&self, who: &Allowed<ManageCatalog>, id: CourseRunId, to: RunStatus) -> Result<CourseRun, CatalogError> {
        self.run(who, id, Expected::Any, async |_, run, now| Ok(run.transition(to, now)?)).await
    }

    /// Hides a run, with undo.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn archive_run(&self, who: &Allowed<ManageCatalog>, id: CourseRunId) -> Result<CourseRun, CatalogError> {
        self.run(who, id, Expected::Any, async |_, run, now| run.archive(now).ok_or(CatalogError::AlreadySo)).await
    }

    /// Undoes [`Catalog::archive_run`].
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn restore_run(&self, who: &Allowed<ManageCatalog>, id: CourseRunId) -> Result<CourseRun, CatalogError> {
        self.run(who, id, Expected::Any, async |_, run, now| run.restore(now).ok_or(CatalogError::AlreadySo)).await
    }

    async fn run(
        &self,
        who: &Allowed<ManageCatalog>,
        id: CourseRunId,
        expected: Expected,
        change: impl AsyncFn(&Tx, &CourseRun, Instant) -> Result<Changed<CourseRun>, CatalogError>,
    ) -> Result<CourseRun, CatalogError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let run = tx.course_runs().find(id).await?.ok_or(CatalogError::NotFound)?;
            expected.met_by(&run)?;
            let changed = change(tx, &run, self.world.now()).await?;
            tx.course_runs().save(&changed).await?;
            if lets_more_in(&run, changed.state()) {
                crate::enrollment::offer_seats(tx, &self.world, id).await?;
            }
            Ok(changed.into_state())
        })
        .await
    }
}

/// Whether somebody who waits may get a seat now who could not before: there are more, or people can enroll again.
fn lets_more_in(before: &CourseRun, after: &CourseRun) -> bool {
    after.plan().max_students > before.plan().max_students
        || after.plan().last_day_to_enroll() > before.plan().last_day_to_enroll()
        || before.archived_at().is_some() && after.archived_at().is_none()
}

/// What a run refers to must be there.
async fn check(tx: &Tx, run: &CourseRun) -> Result<(), CatalogError> {
    let plan = run.plan();
    let mut faults = Faults::default();
    if tx.courses().find(plan.course_id).await?.is_none() {
        faults.add(Fault::new("NOT_FOUND", "names nothing here").under("course_id"));
    }
    for (field, schema, id) in [("cycle_id", &Cycle::SCHEMA, plan.cycle_id), ("campus_id", &Campus::SCHEMA, plan.campus_id)] {
        if let Some(id) = id
            && tx.records().find(schema, id).await?.is_none()
        {
            faults.add(Fault::new("NOT_FOUND", "names nothing here").under(field));
        }
    }
    Ok(faults.into_result()?)
}
