//! Reports: seed 0's common queries.

use chrono::NaiveDate;
use matricula_application::access::ReadReports;
use matricula_domain::marketing::CampaignStatus;
use matricula_domain::shared::{LocalDate, RecordId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Answer, Answered};
use crate::call::May;
use crate::error::ApiError;
use crate::input::{Query, path_field};
use crate::page::{Limit, Listed, most};
use crate::route::Route;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/reports/campaign-performance", "reportCampaignPerformance", "reporting", performance)
            .says("Campaigns with their leads and conversions, best rate first.")
            .needs::<ReadReports>()
            .asks::<PerformanceQuery>()
            .gives_page_of::<CampaignPerformanceView>(),
        Route::get("/reports/campaigns/{id}/funnel", "reportCampaignFunnel", "reporting", funnel)
            .says("Leads of a campaign by state.")
            .needs::<ReadReports>()
            .gives_page_of::<FunnelStepView>(),
        Route::get("/reports/popular-courses", "reportPopularCourses", "reporting", popular)
            .says("Published courses by the leads that ask for them, most first.")
            .needs::<ReadReports>()
            .asks::<MostQuery>()
            .gives_page_of::<PopularCourseView>(),
        Route::get("/reports/upcoming-runs", "reportUpcomingRuns", "reporting", upcoming)
            .says("Scheduled runs that have not started, soonest first.")
            .needs::<ReadReports>()
            .asks::<UpcomingQuery>()
            .gives_page_of::<UpcomingRunView>(),
    ]
}

matricula_domain::form! {
    /// Which campaigns.
    pub struct PerformanceQuery {
        /// In this state.
        status: Option<CampaignStatus>,
        /// At most so many (1–100, default 50).
        limit: Option<Limit>,
    }
}

matricula_domain::form! {
    /// How many.
    pub struct MostQuery {
        /// At most so many (1–100, default 10).
        limit: Option<Limit>,
    }
}

matricula_domain::form! {
    /// Which runs.
    pub struct UpcomingQuery {
        /// From this day on; today where nothing is said.
        from: Option<LocalDate>,
        /// At most so many (1–100, default 50).
        limit: Option<Limit>,
    }
}

/// How a campaign does.
#[derive(Serialize, ToSchema)]
struct CampaignPerformanceView {
    campaign_id: Uuid,
    campaign_name: String,
    total_leads: u64,
    conversions: u64,
    /// Percent, two decimals.
    conversion_rate: f64,
}

/// How many leads are in a state.
#[derive(Serialize, ToSchema)]
struct FunnelStepView {
    status: String,
    count: u64,
    /// Percent, two decimals.
    percentage: f64,
}

/// How often a course is asked for.
#[derive(Serialize, ToSchema)]
struct PopularCourseView {
    course_id: Uuid,
    title: String,
    lead_count: u64,
}

/// A run that is about to start.
#[derive(Serialize, ToSchema)]
struct UpcomingRunView {
    course_run_id: Uuid,
    course_id: Uuid,
    title: String,
    start_date: NaiveDate,
    end_date: NaiveDate,
    campus_name: Option<String>,
    seats_taken: u32,
    seats_held: u32,
    max_students: u32,
    /// Percent of the places that are taken.
    occupancy_rate: f64,
}

/// Percent with two decimals; of nothing it is 0.
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of leads are far below 2^52")]
    let share = part as f64 / whole as f64;
    (share * 10_000.0).round() / 100.0
}

fn list<T: Serialize>(items: Vec<T>) -> Answer {
    Answer::ok(&Listed { items, next_cursor: None })
}

async fn performance(call: May<ReadReports>, query: Query<PerformanceQuery>) -> Answered {
    let status = query.0.status.map(CampaignStatus::as_str);
    let rows = call.api.reports.campaign_performance(call.who.scope(), status, most(query.0.limit, 50)).await?;
    let views = rows.into_iter().map(|row| CampaignPerformanceView {
        campaign_id: row.campaign,
        campaign_name: row.name,
        total_leads: row.leads,
        conversions: row.conversions,
        conversion_rate: percent(row.conversions, row.leads),
    });
    Ok(list(views.collect()))
}

async fn funnel(call: May<ReadReports>) -> Answered {
    let id: RecordId = path_field(&call.request, "id")?;
    let rows = call.api.reports.campaign_funnel(call.who.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    let whole = rows.iter().map(|(_, count)| count).sum();
    Ok(list(rows.into_iter().map(|(status, count)| FunnelStepView { status, count, percentage: percent(count, whole) }).collect()))
}

async fn popular(call: May<ReadReports>, query: Query<MostQuery>) -> Answered {
    let rows = call.api.reports.popular_courses(call.who.scope(), most(query.0.limit, 10)).await?;
    Ok(list(rows.into_iter().map(|row| PopularCourseView { course_id: row.course, title: row.title, lead_count: row.leads }).collect()))
}

async fn upcoming(call: May<ReadReports>, query: Query<UpcomingQuery>) -> Answered {
    let today = call.who.organization().time_zone.date_of(call.api.world.clock.now());
    let rows = call.api.reports.upcoming_runs(call.who.scope(), query.0.from.unwrap_or(today), most(query.0.limit, 50)).await?;
    let views = rows.into_iter().map(|row| UpcomingRunView {
        course_run_id: row.run,
        course_id: row.course,
        title: row.title,
        start_date: row.start_date,
        end_date: row.end_date,
        campus_name: row.campus,
        seats_taken: row.taken,
        seats_held: row.held,
        max_students: row.max,
        occupancy_rate: percent(row.taken.into(), row.max.into()),
    });
    Ok(list(views.collect()))
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn a_rate_has_two_decimals_and_of_nothing_is_none() {
        for (part, whole, expected) in [(1, 3, 33.33), (2, 3, 66.67), (0, 0, 0.0), (5, 5, 100.0)] {
            assert!((percent(part, whole) - expected).abs() < 1e-9, "{part}/{whole}");
        }
    }
}
