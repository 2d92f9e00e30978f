use matricula_domain::catalog::{Campus, Course, CourseDetails, CourseId, CourseStatus, Cycle, PageOf};
use matricula_domain::shared::{Changed, Fault, Faults, Form, Id, Instant, Record, RecordId, Value};
use matricula_ports::{Tx, transact};

use super::{Before, Catalog, CatalogError, follow_slug};
use crate::access::{Allowed, ManageCatalog};
use crate::identity::works_here;
use crate::{Expected, World};

impl Catalog {
    /// Drafts a course.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn draft_course(&self, who: &Allowed<ManageCatalog>, details: &CourseDetails) -> Result<Course, CatalogError> {
        let told = details.fields();
        who.may_write("course", told.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name.as_str()))?;
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let course = Course::draft(self.world.id(), details.clone(), self.world.now());
            check(tx, &self.world, None, course.state()).await?;
            tx.courses().save(&course).await?;
            Ok(course.into_state())
        })
        .await
    }

    /// Changes the fields that the patch names. A draft that gets another slug leaves no redirect at the old one: nobody has read it there.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn change_course(&self, who: &Allowed<ManageCatalog>, id: CourseId, patch: &Value, expected: Expected) -> Result<Course, CatalogError> {
        who.may_write("course", patch.names())?;
        self.course(who, id, expected, async |tx, course, now| {
            let changed = course.change(patch, now)?;
            check(tx, &self.world, Some(course), changed.state()).await?;
            Ok(changed)
        })
        .await
    }

    /// Publishes, withdraws, retires or reopens a course.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn move_course(&self, who: &Allowed<ManageCatalog>, id: CourseId, to: CourseStatus) -> Result<Course, CatalogError> {
        self.course(who, id, Expected::Any, async |_, course, now| Ok(course.transition(to, now)?)).await
    }

    /// Hides a course, with undo.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn archive_course(&self, who: &Allowed<ManageCatalog>, id: CourseId) -> Result<Course, CatalogError> {
        self.course(who, id, Expected::Any, async |_, course, now| course.archive(now).ok_or(CatalogError::AlreadySo)).await
    }

    /// Undoes [`Catalog::archive_course`].
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn restore_course(&self, who: &Allowed<ManageCatalog>, id: CourseId) -> Result<Course, CatalogError> {
        self.course(who, id, Expected::Any, async |_, course, now| course.restore(now).ok_or(CatalogError::AlreadySo)).await
    }

    async fn course(
        &self,
        who: &Allowed<ManageCatalog>,
        id: CourseId,
        expected: Expected,
        change: impl AsyncFn(&Tx, &Course, Instant) -> Result<Changed<Course>, CatalogError>,
    ) -> Result<Course, CatalogError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let course = tx.courses().find(id).await?.ok_or(CatalogError::NotFound)?;
            expected.met_by(&course)?;
            let changed = change(tx, &course, self.world.now()).await?;
            tx.courses().save(&changed).await?;
            Ok(changed.into_state())
        })
        .await
    }
}

/// What a course refers to must be there, and its slug must be free. What others know under another slug stays to be found there.
async fn check(tx: &Tx, world: &World, before: Option<&Course>, course: &Course) -> Result<(), CatalogError> {
    let details = course.details();
    let mut faults = Faults::default();
    if tx.courses().find_by_slug(&details.slug).await?.is_some_and(|other| other.id() != course.id()) {
        faults.add(Fault::rule("/slug", "SLUG_TAKEN", "another course has it"));
    }
    if let Some(cycle) = details.cycle_id
        && tx.records().find(&Cycle::SCHEMA, cycle).await?.is_none()
    {
        faults.add(Fault::new("NOT_FOUND", "names nothing here").under("cycle_id"));
    }
    for (n, campus) in details.campus_ids.iter().enumerate() {
        if tx.records().find(&Campus::SCHEMA, *campus).await?.is_none() {
            faults.add(Fault::new("NOT_FOUND", "names nothing here").under(&n.to_string()).under("campus_ids"));
        }
    }
    if let Some(user) = details.instructor_id
        && !works_here(tx, user).await?
    {
        faults.add(Fault::new("NOT_FOUND", "must work here").under("instructor_id"));
    }
    faults.into_result()?;
    let before = before.map(|before| Before { slug: &before.details().slug, was_public: before.status() != CourseStatus::Draft });
    let id = RecordId::from_uuid(course.id().as_uuid());
    Ok(follow_slug(tx, world, (PageOf::Course, id), before, &details.slug).await?)
}
