//! Ports of the context `reporting`: seed 0's common queries.

use std::ops::Range;

use async_trait::async_trait;
use matricula_domain::shared::{Instant, LocalDate, RecordId};
use uuid::Uuid;

use crate::{PortError, Scope};

/// How a campaign does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignPerformance {
    /// The campaign.
    pub campaign: Uuid,
    /// Its name.
    pub name: String,
    /// Leads in all.
    pub leads: u64,
    /// Leads that became a place.
    pub conversions: u64,
}

/// How often a course is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PopularCourse {
    /// The course.
    pub course: Uuid,
    /// Its title.
    pub title: String,
    /// Leads in all.
    pub leads: u64,
}

/// A run that is about to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpcomingRun {
    /// The run.
    pub run: Uuid,
    /// The course.
    pub course: Uuid,
    /// Its title.
    pub title: String,
    /// First day.
    pub start_date: LocalDate,
    /// Last day.
    pub end_date: LocalDate,
    /// Name of the campus.
    pub campus: Option<String>,
    /// Places.
    pub max: u32,
    /// Places taken.
    pub taken: u32,
    /// Places held.
    pub held: u32,
}

matricula_domain::choice! {
    /// By what leads are summed up.
    pub enum FunnelBy {
        /// The campaign to which they are attributed.
        Campaign = "campaign",
        /// The course that they ask for.
        Course = "course",
        /// The campus of the run that they ask for.
        Campus = "campus",
        /// Who works on them.
        Adviser = "adviser",
        /// The campaign of the click that first brought them.
        FirstTouch = "first_touch",
        /// The campaign of the click that last brought them.
        LastTouch = "last_touch",
    }
}

/// How many leads came how far. Each step counts those who came at least there, whatever became of them afterwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FunnelCounts {
    /// Who asked.
    pub leads: u64,
    /// Whom somebody tried to answer.
    pub contacted: u64,
    /// Who means it and could come.
    pub qualified: u64,
    /// Who has a place.
    pub enrolled: u64,
    /// Who completed it.
    pub completed: u64,
}

/// A row of the funnel: what its leads have in common, with its name, and how far they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunnelRow {
    /// The campaign, course, campus or user; nothing where they have none.
    pub key: Option<Uuid>,
    /// Its name, where it has one here.
    pub name: Option<String>,
    /// How far they came.
    pub counts: FunnelCounts,
}

/// Reports.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ReportQueries: Send + Sync {
    /// Campaigns in a state (all if `None`) with their leads, best rate first, at most so many.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn campaign_performance<'a>(&self, scope: &Scope, status: Option<&'a str>, most: u16) -> Result<Vec<CampaignPerformance>, PortError>;

    /// Leads of a campaign by state; `None` if there is no such campaign.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn campaign_funnel(&self, scope: &Scope, campaign: RecordId) -> Result<Option<Vec<(String, u64)>>, PortError>;

    /// Leads that arrived from one moment up to another by what they have in common and how far they came, most first, at most so many.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn funnel(&self, scope: &Scope, by: FunnelBy, arrived: Range<Instant>, most: u16) -> Result<Vec<FunnelRow>, PortError>;

    /// The last row of a funnel: how far all leads came that arrived from one moment up to another.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn funnel_total(&self, scope: &Scope, arrived: Range<Instant>) -> Result<FunnelCounts, PortError>;

    /// Published courses by their leads, most first, at most so many.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn popular_courses(&self, scope: &Scope, most: u16) -> Result<Vec<PopularCourse>, PortError>;

    /// Scheduled runs from a day on, soonest first, at most so many.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn upcoming_runs(&self, scope: &Scope, from: LocalDate, most: u16) -> Result<Vec<UpcomingRun>, PortError>;
}
