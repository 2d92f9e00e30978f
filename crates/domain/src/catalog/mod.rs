//! What is taught: cycles, campuses, courses, course runs.

mod campus;
mod course;
mod course_run;
mod cycle;
mod error;
mod price;
mod redirect;
mod run_copy;
mod search;
mod seats_left;
mod seo_metadata;

pub use campus::{Campus, DayOfWeek, OpeningHours};
pub use course::{Course, CourseDetails, CourseFact, CourseId, CourseParts, CourseStatus, Modality, Seo};
pub use course_run::{CourseRun, CourseRunFact, CourseRunId, CourseRunParts, RunPlan, RunStatus, Seats};
pub use cycle::{Cycle, CycleLevel};
pub use error::{CourseError, CourseRunError};
pub use price::{Audience, AudiencePrice};
pub use redirect::{Redirect, RedirectFact, RedirectId, RedirectParts};
pub use run_copy::{RunCopy, RunShift};
pub use seats_left::{Availability, SeatsLeft, SeatsLeftPolicy};
pub use seo_metadata::{
    PageContent, PageOf, ResolvedSeo, Robots, SeoDetails, SeoMetadata, SeoMetadataFact, SeoMetadataId, SeoMetadataParts, TwitterCard,
};
