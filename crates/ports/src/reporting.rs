//! Ports of the context `reporting`: seed 0's common queries.

use async_trait::async_trait;
use matricula_domain::shared::{LocalDate, RecordId};
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
