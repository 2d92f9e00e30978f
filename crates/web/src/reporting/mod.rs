//! Reports: seed 0's common queries.

use std::collections::HashMap;

use chrono::{Days, NaiveDate, NaiveTime};
use matricula_application::access::ReadReports;
use matricula_domain::marketing::CampaignStatus;
use matricula_domain::shared::{Fault, Flag, LocalDate, RecordId};
use matricula_ports::reporting::{FunnelBy, FunnelCounts, FunnelRow};
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
        Route::get("/reports/funnel", "reportFunnel", "reporting", whole_funnel)
            .says(
                "How far leads came that arrived from one day to another: asked, contacted, qualified, enrolled, completed. Each step counts who came at \
                 least there. With `compare`, beside the days of the same number before.",
            )
            .needs::<ReadReports>()
            .asks::<FunnelQuery>()
            .gives::<FunnelView>(200),
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
    /// Which leads, and by what they are summed up.
    pub struct FunnelQuery {
        /// By what they are summed up; campaigns if nothing is said.
        by: Option<FunnelBy>,
        /// The first day on which they arrived; 29 days before the last, if nothing is said.
        from: Option<LocalDate>,
        /// The last day on which they arrived; today, if nothing is said.
        until: Option<LocalDate>,
        /// Beside the same number of days before.
        compare: Flag,
        /// At most so many rows (1–100, default 50).
        limit: Option<Limit>,
    }
    check |this, faults| {
        if let (Some(from), Some(until)) = (this.from, this.until)
            && until < from
        {
            faults.add(Fault::new("END_BEFORE_START", "must not be before from").under("until"));
        }
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

/// How far leads came; each step counts who came at least there.
#[derive(Serialize, ToSchema)]
struct FunnelCountsView {
    /// Who asked.
    leads: u64,
    /// Whom somebody tried to answer.
    contacted: u64,
    /// Who means it and could come.
    qualified: u64,
    /// Who has a place.
    enrolled: u64,
    /// Who completed it.
    completed: u64,
    /// Percent of the leads who have a place, two decimals.
    enrollment_rate: f64,
}

impl From<FunnelCounts> for FunnelCountsView {
    fn from(counts: FunnelCounts) -> Self {
        let FunnelCounts { leads, contacted, qualified, enrolled, completed } = counts;
        Self { leads, contacted, qualified, enrolled, completed, enrollment_rate: percent(enrolled, leads) }
    }
}

/// What some leads have in common, and how far they came.
#[derive(Serialize, ToSchema)]
struct FunnelRowView {
    /// The campaign, course, campus or user; nothing for those who have none.
    key: Option<Uuid>,
    name: Option<String>,
    now: FunnelCountsView,
    /// In the days before, where they were asked for.
    before: Option<FunnelCountsView>,
}

/// How far leads came.
#[derive(Serialize, ToSchema)]
struct FunnelView {
    from: NaiveDate,
    until: NaiveDate,
    /// Most leads first.
    items: Vec<FunnelRowView>,
    /// All leads of these days, those beyond the last row too.
    total: FunnelRowView,
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

async fn whole_funnel(call: May<ReadReports>, query: Query<FunnelQuery>) -> Answered {
    let (query, zone) = (query.0, call.who.organization().time_zone);
    let until = query.until.unwrap_or_else(|| zone.date_of(call.api.world.clock.now()));
    let from = query.from.unwrap_or_else(|| until - Days::new(29)).min(until);
    let midnight = |day: NaiveDate| zone.instant_of(day, NaiveTime::MIN);
    let days = |from: NaiveDate, until: NaiveDate| midnight(from)..midnight(until + Days::new(1));
    let length = Days::new(u64::try_from((until - from).num_days()).unwrap_or_default() + 1);
    let (now, before) = (days(from, until), query.compare.0.then(|| days(from - length, until - length)));
    let (reports, scope, by) = (&call.api.reports, call.who.scope(), query.by.unwrap_or(FunnelBy::Campaign));
    let most = most(query.limit, 50);
    let rows = reports.funnel(scope, by, now.clone(), most).await?;
    let mut total = FunnelRowView { key: None, name: None, now: reports.funnel_total(scope, now).await?.into(), before: None };
    let mut earlier = HashMap::new();
    if let Some(before) = &before {
        // As many rows as there can be: what was little then may be much now.
        earlier.extend(reports.funnel(scope, by, before.clone(), u16::MAX).await?.into_iter().map(|row| (row.key, row.counts)));
        total.before = Some(reports.funnel_total(scope, before.clone()).await?.into());
    }
    let view = |row: FunnelRow| FunnelRowView {
        now: row.counts.into(),
        before: before.is_some().then(|| earlier.get(&row.key).copied().unwrap_or_default().into()),
        key: row.key,
        name: row.name,
    };
    Ok(Answer::ok(&FunnelView { from, until, items: rows.into_iter().map(view).collect(), total }))
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
