//! Ports of the context `leads`.

use async_trait::async_trait;
use matricula_domain::catalog::{CourseId, CourseRunId};
use matricula_domain::identity::{Reach, UserId};
use matricula_domain::leads::{Capture, FormVersion, Lead, LeadId, LeadStatus};
use matricula_domain::people::{Person, PersonId};
use matricula_domain::shared::{Changed, Code, Instant, RecordId};
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
    /// Open leads of those people for that course (or for none, if none was named).
    pub open_leads: Vec<Lead>,
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
    /// Leads in reach, with person, course and campaign, newest first: the recent-leads dashboard of seed 0.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn list(&self, scope: &Scope, reach: &Reach, filter: &LeadFilter, page: &Page) -> Result<Slice<LeadRow>, PortError>;

    /// One of them.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn one(&self, scope: &Scope, reach: &Reach, id: LeadId) -> Result<Option<LeadDetail>, PortError>;
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
