//! Ports of the context `catalog`.

use async_trait::async_trait;
use matricula_domain::catalog::{
    Audience, Course, CourseId, CourseRun, CourseRunId, CourseStatus, Modality, PageOf, Redirect, RedirectId, RunStatus, SeatsLeft, SeatsLeftPolicy,
    SeoMetadata,
};
use matricula_domain::identity::UserId;
use matricula_domain::shared::{Changed, LocalDate, RecordId, Slug, TimeZone};

use crate::{Page, PortError, Scope, Slice};

/// Courses.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait CourseRepository: Send + Sync {
    /// A course, archived or not.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, id: CourseId) -> Result<Option<Course>, PortError>;

    /// The course that has a slug.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find_by_slug(&self, slug: &Slug) -> Result<Option<Course>, PortError>;

    /// Saves. A slug that is taken is a [`PortError::Conflict`] of the commit; a cycle or campus that is not there [`PortError::Dangling`].
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, course: &Changed<Course>) -> Result<(), PortError>;
}

/// A run with what enrolling into it needs to know, read at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunWithQueue {
    /// The run with its seats.
    pub run: CourseRun,
    /// How many people wait. Who has an offer waits no more: a seat is held for them.
    pub waiting: u32,
    /// The time zone of its campus (or of the organization), in which its dates are meant.
    pub time_zone: TimeZone,
}

/// Course runs.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait CourseRunRepository: Send + Sync {
    /// A run, archived or not.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, id: CourseRunId) -> Result<Option<CourseRun>, PortError>;

    /// A run with its queue and time zone.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find_with_queue(&self, id: CourseRunId) -> Result<Option<RunWithQueue>, PortError>;

    /// Saves plan and status; the seat counters move with enrollments and holds alone. Fewer places than are taken and held
    /// are a [`PortError::Conflict`] of the commit.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, run: &Changed<CourseRun>) -> Result<(), PortError>;
}

/// How a list of courses runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CourseOrder {
    /// By their age.
    #[default]
    Age,
    /// Those that stand out first, then by their age.
    Featured,
}

/// Which courses, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CourseFilter {
    /// In this state.
    pub status: Option<CourseStatus>,
    /// Of the cycle with this slug.
    pub cycle: Option<String>,
    /// At the campus with this slug.
    pub campus: Option<String>,
    /// Taught this way.
    pub modality: Option<Modality>,
    /// With this SEO keyword.
    pub keyword: Option<String>,
    /// Found by these words, which then come by their relevance.
    pub q: Option<String>,
    /// Featured or not.
    pub featured: Option<bool>,
    /// With this tag.
    pub tag: Option<String>,
    /// With a price of its own for this audience.
    pub audience: Option<Audience>,
    /// Of this category.
    pub category: Option<String>,
    /// At this level.
    pub level: Option<String>,
    /// Taught by this user.
    pub instructor: Option<UserId>,
    /// The one with this slug.
    pub slug: Option<String>,
    /// How the list runs, where no words are sought.
    pub order: CourseOrder,
}

/// Which runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Of this course.
    pub course: Option<CourseId>,
    /// At this campus.
    pub campus: Option<RecordId>,
    /// In this state.
    pub status: Option<RunStatus>,
    /// Starting on or after this day.
    pub starts_from: Option<LocalDate>,
    /// Starting on or before this day.
    pub starts_until: Option<LocalDate>,
    /// With free seats, or without. For who asks for `published` runs, those whose seats are hidden may or may not have any.
    pub has_seats: Option<bool>,
    /// Yet to start and with fewer people than it is worth teaching for, or not so.
    pub below_minimum: Option<bool>,
    /// Of published courses that are not archived alone.
    pub published: bool,
}

/// A run with the length of its queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// The run with its seats.
    pub run: CourseRun,
    /// How many people wait.
    pub waitlisted: u32,
    /// What everybody may know of the seats that are left: as the run says, else as the organization does.
    pub seats_left_policy: SeatsLeftPolicy,
}

impl RunRow {
    /// The seats, as everybody may know them.
    pub fn seats_left(&self) -> SeatsLeft {
        SeatsLeft::shown(self.seats_left_policy, self.run.seats())
    }
}

/// How many courses have a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    /// The value, as a filter takes it.
    pub value: String,
    /// What people call it, where that is something else.
    pub name: Option<String>,
    /// So many courses.
    pub count: u64,
}

/// How many courses there are of each kind: the values that most have first, and not more than a screen can show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CourseFacets {
    /// How they are taught.
    pub modality: Vec<Facet>,
    /// Cycles that are not archived, by their slugs.
    pub cycle: Vec<Facet>,
    /// Campuses that are not archived, by their slugs.
    pub campus: Vec<Facet>,
    /// Categories.
    pub category: Vec<Facet>,
    /// Levels.
    pub level: Vec<Facet>,
    /// Tags.
    pub tag: Vec<Facet>,
}

/// Reads of the catalog for screens.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait CatalogQueries: Send + Sync {
    /// Courses that are not archived, in an order. Those that words are sought in come by their relevance instead, some hundreds at most:
    /// in Spanish and English, whatever the form, the accents and the order of the words, and with slips.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn courses(&self, scope: &Scope, filter: &CourseFilter, page: &Page) -> Result<Slice<Course>, PortError>;

    /// How many of those courses there are of each modality, cycle and so on.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn course_facets(&self, scope: &Scope, filter: &CourseFilter) -> Result<CourseFacets, PortError>;

    /// One course, archived or not.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn course(&self, scope: &Scope, id: CourseId) -> Result<Option<Course>, PortError>;

    /// Those of these courses that are there and not hidden, in no order. At most a thousand are asked for at once.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn these_courses(&self, scope: &Scope, ids: &[CourseId]) -> Result<Vec<Course>, PortError>;

    /// Runs that are not archived, newest first.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn runs(&self, scope: &Scope, filter: &RunFilter, page: &Page) -> Result<Slice<RunRow>, PortError>;

    /// The runs of a course that are not archived and not over on a day, the first to start first, at most so many.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn coming_runs(&self, scope: &Scope, course: CourseId, day: LocalDate, most: u16) -> Result<Vec<RunRow>, PortError>;

    /// One run, archived or not.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn run(&self, scope: &Scope, id: CourseRunId) -> Result<Option<RunRow>, PortError>;
}

/// What search engines are told of things.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait SeoMetadataRepository: Send + Sync {
    /// What is told of a thing, if anything is.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, entity_type: PageOf, entity_id: RecordId) -> Result<Option<SeoMetadata>, PortError>;

    /// Saves. A second one about the same thing is a [`PortError::Conflict`] of the commit.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, metadata: &Changed<SeoMetadata>) -> Result<(), PortError>;
}

/// Redirects.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait RedirectRepository: Send + Sync {
    /// A redirect.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, id: RedirectId) -> Result<Option<Redirect>, PortError>;

    /// The redirect at a slug.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find_by_slug(&self, entity_type: PageOf, slug: &Slug) -> Result<Option<Redirect>, PortError>;

    /// Saves; one that was removed is gone for good. A second one at the same slug is a [`PortError::Conflict`] of the commit.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, redirect: &Changed<Redirect>) -> Result<(), PortError>;
}

/// Which of what search engines are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeoFilter {
    /// Of things of this kind.
    pub entity_type: Option<PageOf>,
    /// With this keyword.
    pub keyword: Option<String>,
}

/// Reads of how pages are found.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait SeoQueries: Send + Sync {
    /// What search engines are told of a thing, if anything is.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn seo_metadata(&self, scope: &Scope, entity_type: PageOf, entity_id: RecordId) -> Result<Option<SeoMetadata>, PortError>;

    /// What search engines are told of things, newest first.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn all_seo_metadata(&self, scope: &Scope, filter: &SeoFilter, page: &Page) -> Result<Slice<SeoMetadata>, PortError>;

    /// Redirects, newest first.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn redirects(&self, scope: &Scope, page: &Page) -> Result<Slice<Redirect>, PortError>;

    /// The thing that had a slug, if it has another one now.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn redirect(&self, scope: &Scope, entity_type: PageOf, slug: &Slug) -> Result<Option<RecordId>, PortError>;
}
