use matricula_domain::catalog::{Campus, CourseRun, CourseRunId, Cycle, RunCopy, RunPlan, RunShift, RunStatus};
use matricula_domain::shared::{Changed, Fault, Faults, Instant, Line, Record, Value};
use matricula_ports::{Tx, transact};

use super::{Catalog, CatalogError};
use crate::Expected;
use crate::access::{Allowed, ManageCatalog};
use crate::enrollment::{offer_seats, places_of, save_places};

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

    /// Schedules a run like another one, at another time.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn copy_run(&self, who: &Allowed<ManageCatalog>, id: CourseRunId, copy: &RunCopy) -> Result<CourseRun, CatalogError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let run = tx.course_runs().find(id).await?.ok_or(CatalogError::NotFound)?;
            let copied = run.copy(self.world.id(), copy, self.world.now())?;
            check(tx, copied.state()).await?;
            tx.course_runs().save(&copied).await?;
            Ok(copied.into_state())
        })
        .await
    }

    /// Moves all days of a run. Where people can enroll again, free seats are offered to the queue.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn shift_run(&self, who: &Allowed<ManageCatalog>, id: CourseRunId, shift: &RunShift) -> Result<CourseRun, CatalogError> {
        self.run(who, id, Expected::Any, async |_, run, now| Ok(run.shift(shift, now)?)).await
    }

    /// Starts, completes or cancels a run. Once it is cancelled, nobody has a place in it.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn move_run(
        &self,
        who: &Allowed<ManageCatalog>,
        id: CourseRunId,
        to: RunStatus,
        reason: Option<&Line<300>>,
    ) -> Result<CourseRun, CatalogError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let run = tx.course_runs().find(id).await?.ok_or(CatalogError::NotFound)?;
            let moved = run.transition(to, reason, self.world.now())?;
            tx.course_runs().save(&moved).await?;
            if to != RunStatus::Cancelled {
                return Ok(moved.into_state());
            }
            let places = places_of(tx, id).await?;
            save_places(tx, &places.end(reason, self.world.now())).await?;
            tx.course_runs().find(id).await?.ok_or(CatalogError::NotFound)
        })
        .await
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
                offer_seats(tx, &self.world, id).await?;
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
