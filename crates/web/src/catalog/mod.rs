//! Courses and runs, for staff and for everybody. (Cycles and campuses are records.)

mod course_query;
pub(crate) mod courses;
pub(crate) mod public;
mod runs;
mod seo;

use actix_web::http::StatusCode;
use matricula_application::access::{Denied, ManageCatalog, ReadCatalog};
use matricula_application::catalog::CatalogError;
use matricula_domain::catalog::{CourseDetails, CourseError, CourseRunError, RunCopy, RunPlan, RunShift};
use matricula_domain::shared::{Fault, Form};
use matricula_ports::PortError;
use serde_json::{Map, Value as Json};

use crate::error::Coded;
use crate::route::Route;

pub(crate) fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/courses", "listCourses", "catalog", courses::list)
            .says("Courses that are not archived: newest first, as `sort` says, or by relevance where words are sought.")
            .needs::<ReadCatalog>()
            .asks::<course_query::CoursesQuery>()
            .gives_page_of::<courses::CourseView>(),
        Route::get("/course-facets", "countCourses", "catalog", courses::facets)
            .says("How many of the courses that a list would have there are of each modality, cycle, campus, category, level and tag.")
            .needs::<ReadCatalog>()
            .asks::<course_query::CourseFacetsQuery>()
            .gives::<courses::CourseFacetsView>(200),
        Route::post("/courses", "draftCourse", "catalog", courses::draft)
            .says("Drafts a course.")
            .needs::<ManageCatalog>()
            .once()
            .takes::<CourseDetails>()
            .gives::<courses::CourseView>(201),
        Route::get("/courses/{id}", "getCourse", "catalog", courses::get)
            .says("One course.")
            .needs::<ReadCatalog>()
            .gives::<courses::CourseView>(200),
        Route::patch("/courses/{id}", "changeCourse", "catalog", courses::change)
            .says("Changes the fields that are named.")
            .needs::<ManageCatalog>()
            .takes_patch_of(CourseDetails::FIELDS)
            .gives::<courses::CourseView>(200),
        Route::post("/courses/{id}/transitions", "moveCourse", "catalog", courses::transition)
            .says("Publishes, withdraws, retires or reopens a course; what is missing before publication is listed at once.")
            .needs::<ManageCatalog>()
            .once()
            .takes::<courses::Move>()
            .gives::<courses::CourseView>(200),
        Route::get("/course-runs", "listRuns", "catalog", runs::list)
            .says("Runs that are not archived, newest first.")
            .needs::<ReadCatalog>()
            .asks::<runs::RunsQuery>()
            .gives_page_of::<runs::CourseRunView>(),
        Route::post("/course-runs", "scheduleRun", "catalog", runs::schedule)
            .says("Schedules a run.")
            .needs::<ManageCatalog>()
            .once()
            .takes::<RunPlan>()
            .gives::<runs::CourseRunView>(201),
        Route::get("/course-runs/{id}", "getRun", "catalog", runs::get)
            .says("One run with its seats.")
            .needs::<ReadCatalog>()
            .gives::<runs::CourseRunView>(200),
        Route::patch("/course-runs/{id}", "changeRun", "catalog", runs::change)
            .says("Changes the fields that are named.")
            .needs::<ManageCatalog>()
            .takes_patch_of(RunPlan::FIELDS)
            .gives::<runs::CourseRunView>(200),
        Route::post("/course-runs/{id}/transitions", "moveRun", "catalog", runs::transition)
            .says("Starts, completes or cancels a run; in a run that is cancelled nobody keeps a place.")
            .needs::<ManageCatalog>()
            .once()
            .takes::<runs::Move>()
            .gives::<runs::CourseRunView>(200),
        Route::post("/course-runs/{id}/copies", "copyRun", "catalog", runs::copy)
            .says("Schedules a run like another one, at another time and without its people.")
            .needs::<ManageCatalog>()
            .once()
            .takes::<RunCopy>()
            .gives::<runs::CourseRunView>(201),
        Route::post("/course-runs/{id}/shift", "shiftRun", "catalog", runs::shift)
            .says("Moves all days of a run that is scheduled.")
            .needs::<ManageCatalog>()
            .once()
            .takes::<RunShift>()
            .gives::<runs::CourseRunView>(200),
        Route::post("/course-runs/{id}/merge", "mergeRun", "catalog", runs::merge)
            .says("Cancels a run and moves its people into another run of the course, all or nobody; `dry_run` says what would happen.")
            .needs::<ManageCatalog>()
            .once()
            .takes::<runs::MergeRun>()
            .gives::<runs::MergeView>(200),
    ];
    routes.extend(public::routes());
    for (verb, course, run) in [("archive", "archiveCourse", "archiveRun"), ("restore", "restoreCourse", "restoreRun")] {
        let says = if verb == "archive" { "Hides it, with undo." } else { "Undoes archiving." };
        let (on_course, on_run) = (format!("/courses/{{id}}/{verb}"), format!("/course-runs/{{id}}/{verb}"));
        let (courses, runs) = if verb == "archive" {
            (Route::post(&on_course, course, "catalog", courses::archive), Route::post(&on_run, run, "catalog", runs::archive))
        } else {
            (Route::post(&on_course, course, "catalog", courses::restore), Route::post(&on_run, run, "catalog", runs::restore))
        };
        routes.push(courses.says(says).needs::<ManageCatalog>().gives::<courses::CourseView>(200));
        routes.push(runs.says(says).needs::<ManageCatalog>().gives::<runs::CourseRunView>(200));
    }
    routes.extend(seo::routes());
    routes
}

impl Coded for CatalogError {
    fn coded(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::AlreadySo => (StatusCode::CONFLICT, "ALREADY_SO"),
            Self::Denied(_) => (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
            Self::Course(CourseError::NotReady(_)) => (StatusCode::CONFLICT, "COURSE_NOT_READY"),
            Self::Course(CourseError::InvalidTransition { .. }) | Self::CourseRun(CourseRunError::InvalidTransition { .. }) => {
                (StatusCode::CONFLICT, "INVALID_TRANSITION")
            }
            Self::CourseRun(CourseRunError::NotScheduled) => (StatusCode::CONFLICT, "RUN_NOT_SCHEDULED"),
            Self::CourseRun(CourseRunError::NotOpen) => (StatusCode::CONFLICT, "RUN_NOT_OPEN"),
            Self::Shortage(_) => (StatusCode::CONFLICT, "RUN_FULL"),
            Self::Invalid(faults) | Self::CourseRun(CourseRunError::Invalid(faults)) => (StatusCode::UNPROCESSABLE_ENTITY, faults.code()),
            Self::Port(error) => error.coded(),
        }
    }
    fn faults(&self) -> &[Fault] {
        match self {
            Self::Invalid(faults) | Self::CourseRun(CourseRunError::Invalid(faults)) | Self::Course(CourseError::NotReady(faults)) => &faults.0,
            _ => &[],
        }
    }
    fn port(&self) -> Option<&PortError> {
        match self {
            Self::Port(error) => Some(error),
            _ => None,
        }
    }
    fn hints(&self) -> Map<String, Json> {
        match self {
            Self::Denied(Denied(permission)) => crate::error::missing(*permission),
            Self::Course(CourseError::InvalidTransition { possible, .. }) | Self::CourseRun(CourseRunError::InvalidTransition { possible, .. }) => {
                crate::error::possible(possible)
            }
            Self::Shortage(shortage) => Map::from_iter([("missing".to_owned(), shortage.missing.into())]),
            _ => Map::new(),
        }
    }
}
