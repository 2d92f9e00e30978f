//! Ports of the context `leads`.

use async_trait::async_trait;
use matricula_domain::catalog::{CourseId, CourseRunId, Modality, Seats};
use matricula_domain::identity::{Reach, UserId};
use matricula_domain::leads::{Capture, FormVersion, Lead, LeadId, LeadStatus, WorkingHours};
use matricula_domain::people::{Person, PersonId};
use matricula_domain::shared::{Changed, Code, Instant, LocalDate, Money, RecordId};
use uuid::Uuid;

use crate::{Page, PortError, Scope, Slice};

/// Everything that the capture of a lead needs to know, read at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intake {
    /// Whom the e-mail address or the phone belongs to: nobody, one, or two people.
    pub people: Vec<Person>,
    /// The course that the slug names.
    pub course: Option<CourseId>,
    /// The run, if it is there and of that course.
    pub course_run: Option<CourseRunId>,
    /// The campaign that the slug names.
    pub campaign: Option<RecordId>,
    /// The newest version of the form.
    pub form: Option<FormVersion>,
    /// Leads of those people for that course (or for none, if none was named) that are open or came to nothing: the open one first, then the
    /// newest.
    pub leads: Vec<Lead>,
    /// When somebody is where the course is taught.
    pub hours: Option<WorkingHours>,
}

/// Leads.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait LeadRepository: Send + Sync {
    /// Everything that a capture needs to know, in one read.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn intake(&self, capture: &Capture) -> Result<Intake, PortError>;

    /// A lead that is in reach.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, id: LeadId, reach: &Reach) -> Result<Option<Lead>, PortError>;

    /// Saves. A second open lead of the same person and course is a [`PortError::Conflict`] of the commit.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, lead: &Changed<Lead>) -> Result<(), PortError>;
}

/// Versions of forms.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait FormRepository: Send + Sync {
    /// The newest version of a form.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn newest(&self, key: &Code) -> Result<Option<FormVersion>, PortError>;

    /// Publishes. A number that is taken is a [`PortError::Conflict`] of the commit.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, version: &Changed<FormVersion>) -> Result<(), PortError>;
}

/// Which leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeadFilter {
    /// In one of these states; all states if empty.
    pub statuses: Vec<LeadStatus>,
    /// Of this course.
    pub course: Option<CourseId>,
    /// Of this campaign.
    pub campaign: Option<RecordId>,
    /// Worked on by this user.
    pub assigned_to: Option<UserId>,
    /// Of this person.
    pub person: Option<PersonId>,
    /// Part of the name without accents, or a whole e-mail address or phone number.
    pub q: Option<String>,
    /// Arrived after this.
    pub created_after: Option<Instant>,
    /// About which something is to be done, in the order in which it is due.
    pub due: bool,
    /// Worked on by nobody.
    pub unassigned: bool,
    /// About which something was to be done before this.
    pub due_before: Option<Instant>,
}

/// A lead as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeadRow {
    /// Id.
    pub id: Uuid,
    /// Whose.
    pub person: (Uuid, String),
    /// The person's first e-mail address.
    pub email: Option<String>,
    /// The person's first phone number.
    pub phone: Option<String>,
    /// The course and its title.
    pub course: Option<(Uuid, String)>,
    /// The campaign and its name.
    pub campaign: Option<(Uuid, String)>,
    /// Where it stands.
    pub status: String,
    /// Where it comes from.
    pub source: Option<String>,
    /// Who works on it.
    pub assigned_to: Option<Uuid>,
    /// When something is to be done about it, if it is open.
    pub due_at: Option<Instant>,
    /// What is to be done next, and when.
    pub next_action: (Option<String>, Option<Instant>),
    /// Until when somebody should answer.
    pub response_due_at: Option<Instant>,
    /// Since when somebody has tried to.
    pub responded_at: Option<Instant>,
    /// Since when.
    pub created_at: Instant,
    /// Last change.
    pub updated_at: Instant,
    /// Version, for the `ETag`.
    pub version: u32,
}

/// Reads of leads for screens.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait LeadQueries: Send + Sync {
    /// Leads in reach, with person, course and campaign: newest first, which is the recent-leads dashboard of seed 0, or in the order in which
    /// something is due.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn list(&self, scope: &Scope, reach: &Reach, filter: &LeadFilter, page: &Page) -> Result<Slice<LeadRow>, PortError>;

    /// One of them.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn one(&self, scope: &Scope, reach: &Reach, id: LeadId) -> Result<Option<LeadDetail>, PortError>;

    /// What was done about a lead in reach, newest first; `None` if there is no such lead.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn activities(&self, scope: &Scope, reach: &Reach, id: LeadId, page: &Page) -> Result<Option<Slice<ActivityRow>>, PortError>;

    /// Runs that a lead in reach could go into: of its course, or of any if it names none, open for enrollment on a day; the one that they asked
    /// for first, then those with a free seat, soonest first, at most so many. `None` if there is no such lead.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn suggestions(&self, scope: &Scope, reach: &Reach, id: LeadId, wish: &RunWish, most: u16) -> Result<Option<Vec<SuggestedRun>>, PortError>;
}

/// Something that was done about a lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityRow {
    /// Id.
    pub id: Uuid,
    /// What was done.
    pub kind: String,
    /// What came of a call.
    pub outcome: Option<String>,
    /// What there is to say of it.
    pub text: Option<String>,
    /// Who did it.
    pub made_by: Option<Uuid>,
    /// When.
    pub at: Instant,
}

/// What a run should be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunWish {
    /// Today.
    pub today: LocalDate,
    /// Of another course than the lead's.
    pub course: Option<CourseId>,
    /// At this campus.
    pub campus: Option<RecordId>,
    /// Taught this way.
    pub modality: Option<Modality>,
    /// Starting on or after this day.
    pub starts_from: Option<LocalDate>,
    /// Starting on or before this day.
    pub starts_until: Option<LocalDate>,
}

impl RunWish {
    /// Any run that is open on a day.
    pub fn on(today: LocalDate) -> Self {
        Self { today, course: None, campus: None, modality: None, starts_from: None, starts_until: None }
    }
}

/// A run that somebody could go into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuggestedRun {
    /// The run.
    pub run: Uuid,
    /// The course and its title.
    pub course: (Uuid, String),
    /// How it is taught.
    pub modality: String,
    /// The campus and its name.
    pub campus: Option<(Uuid, String)>,
    /// First day.
    pub start_date: LocalDate,
    /// Last day.
    pub end_date: LocalDate,
    /// Last day to enroll.
    pub enrollment_deadline: Option<LocalDate>,
    /// What it costs whoever pays the general price.
    pub price: Option<Money>,
    /// Its seats.
    pub seats: Seats,
    /// How many people wait.
    pub waitlisted: u32,
    /// Whether it is the run that they asked for.
    pub is_asked_for: bool,
}

/// A lead as its page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeadDetail {
    /// What a list shows.
    pub row: LeadRow,
    /// The run of interest.
    pub course_run: Option<Uuid>,
    /// What they wrote.
    pub message: Option<String>,
    /// What those who work on it note for each other.
    pub internal_notes: Option<String>,
    /// Why it is where it is.
    pub status_reason: Option<String>,
    /// Language.
    pub locale: Option<String>,
    /// The place it became.
    pub enrollment: Option<Uuid>,
}
