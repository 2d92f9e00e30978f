//! What all mouths of the catalogue speak of: published courses with where and in which cycle they are taught, and their runs. Each
//! reading asks for everything of a page at once.

use std::collections::BTreeMap;
use std::ops::Deref;

use matricula_domain::catalog::{Campus, Course, CourseId, CourseRunId, CourseStatus, Cycle};
use matricula_domain::publishing::{EntityType, MediaAsset};
use matricula_domain::shared::{Id, LocalDate, Record, RecordId};
use matricula_ports::catalog::{CourseFilter, RunFilter, RunRow};
use matricula_ports::{Page, PortError, Scope, Slice};

use super::words::Words;
use crate::api::Api;
use crate::pictures::covers;

/// A campus at which something is taught.
pub(super) struct Venue {
    pub id: RecordId,
    campus: Campus,
}

impl Deref for Venue {
    type Target = Campus;
    fn deref(&self) -> &Campus {
        &self.campus
    }
}

impl Venue {
    /// One of these campuses.
    fn of(campuses: &BTreeMap<RecordId, Campus>, id: RecordId) -> Option<Self> {
        campuses.get(&id).map(|campus| Self { id, campus: campus.clone() })
    }
}

/// A published course.
pub(super) struct Offer {
    pub course: Course,
    /// Where it is taught.
    pub campuses: Vec<Venue>,
    /// The cycle that it belongs to.
    pub cycle: Option<Cycle>,
    /// The picture that stands for it.
    pub cover: Option<MediaAsset>,
}

/// A run of a published course.
pub(super) struct OfferedRun {
    pub row: RunRow,
    pub course: Course,
    /// Where it is taught.
    pub campus: Option<Venue>,
}

impl OfferedRun {
    /// What is told of its seats, if anything is.
    pub(super) fn seats(&self, words: &Words) -> Option<String> {
        words.seats_left(self.row.seats_left())
    }
}

/// The records of a kind that these ids name.
async fn records<R: Record>(api: &Api, scope: &Scope, ids: impl Iterator<Item = RecordId>) -> Result<BTreeMap<RecordId, R>, PortError> {
    let mut ids: Vec<_> = ids.collect();
    ids.sort();
    ids.dedup();
    let mut found = BTreeMap::new();
    for some in ids.chunks(1000) {
        for row in api.record_queries.these(scope, &R::SCHEMA, some).await? {
            let stored = row.typed::<R>()?;
            found.insert(stored.id(), stored.record().clone());
        }
    }
    Ok(found)
}

/// Published courses, as many as a page has.
pub(super) async fn offers(api: &Api, scope: &Scope, filter: CourseFilter, page: &Page) -> Result<Slice<Offer>, PortError> {
    let filter = CourseFilter { status: Some(CourseStatus::Published), ..filter };
    let courses = api.catalog_queries.courses(scope, &filter, page).await?;
    let details = || courses.items.iter().map(Course::details);
    let campuses = records::<Campus>(api, scope, details().flat_map(|details| details.campus_ids.iter().copied())).await?;
    let cycles = records::<Cycle>(api, scope, details().filter_map(|details| details.cycle_id)).await?;
    let mut covers = covers(api, scope, EntityType::Course, courses.items.iter().map(Course::id)).await?;
    Ok(courses.map(|course| Offer {
        cover: covers.remove(&RecordId::from_uuid(course.id().as_uuid())),
        campuses: course.details().campus_ids.iter().filter_map(|id| Venue::of(&campuses, *id)).collect(),
        cycle: course.details().cycle_id.and_then(|id| cycles.get(&id).cloned()),
        course,
    }))
}

/// Runs of published courses, as many as a page has.
pub(super) async fn runs(api: &Api, scope: &Scope, filter: RunFilter, page: &Page) -> Result<Slice<OfferedRun>, PortError> {
    let runs = api.catalog_queries.runs(scope, &RunFilter { published: true, ..filter }, page).await?;
    let mut ids: Vec<CourseId> = runs.items.iter().map(|row| row.run.plan().course_id).collect();
    ids.sort();
    ids.dedup();
    let mut courses = BTreeMap::new();
    for some in ids.chunks(1000) {
        courses.extend(api.catalog_queries.these_courses(scope, some).await?.into_iter().map(|course| (course.id(), course)));
    }
    let campuses = records::<Campus>(api, scope, runs.items.iter().filter_map(|row| row.run.plan().campus_id)).await?;
    // A course that was withdrawn between the two readings takes its runs with it.
    let items = runs.items.into_iter().filter_map(|row| {
        let course = courses.get(&row.run.plan().course_id).filter(|course| course.status() == CourseStatus::Published)?.clone();
        let campus = row.run.plan().campus_id.and_then(|id| Venue::of(&campuses, id));
        Some(OfferedRun { row, course, campus })
    });
    Ok(Slice { items: items.collect(), next: runs.next })
}

/// How many of a course's runs are shown at once.
const MOST_COMING: u16 = 100;

/// The runs of a published course that are not over on a day, the first to start first.
pub(super) async fn coming(api: &Api, scope: &Scope, course: &Course, today: LocalDate) -> Result<Vec<OfferedRun>, PortError> {
    let rows = api.catalog_queries.coming_runs(scope, course.id(), today, MOST_COMING).await?;
    let campuses = records::<Campus>(api, scope, rows.iter().filter_map(|row| row.run.plan().campus_id)).await?;
    let offered = rows.into_iter().map(|row| OfferedRun {
        course: course.clone(),
        campus: row.run.plan().campus_id.and_then(|id| Venue::of(&campuses, id)),
        row,
    });
    Ok(offered.collect())
}

/// A run of a published course, if it is one.
pub(super) async fn run(api: &Api, scope: &Scope, id: CourseRunId) -> Result<Option<OfferedRun>, PortError> {
    let Some(row) = api.catalog_queries.run(scope, id).await?.filter(|row| row.run.archived_at().is_none()) else { return Ok(None) };
    let course = api.catalog_queries.course(scope, row.run.plan().course_id).await?;
    let Some(course) = course.filter(|course| course.status() == CourseStatus::Published && course.archived_at().is_none()) else {
        return Ok(None);
    };
    let campuses = records::<Campus>(api, scope, row.run.plan().campus_id.into_iter()).await?;
    let campus = row.run.plan().campus_id.and_then(|id| Venue::of(&campuses, id));
    Ok(Some(OfferedRun { row, course, campus }))
}
