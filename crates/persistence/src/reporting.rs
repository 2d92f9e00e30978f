//! The reports of seed 0's common queries, one statement each.

use async_trait::async_trait;
use matricula_domain::shared::{Id, LocalDate, RecordId};
use matricula_ports::reporting::{CampaignPerformance, PopularCourse, ReportQueries, UpcomingRun};
use matricula_ports::{PortError, Scope};
use sea_orm::QueryResult;

use crate::convert::{Columns, count};
use crate::scoped::{Queries, SCOPED};

#[async_trait]
impl ReportQueries for Queries {
    async fn campaign_performance<'a>(&self, scope: &Scope, status: Option<&'a str>, most: u16) -> Result<Vec<CampaignPerformance>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        // Only columns of the index on campaign and state are read of the leads.
        sql.push("SELECT k.id, k.name, count(l.campaign_id), count(CASE WHEN l.status = 'converted' THEN 1 END) FROM campaigns k ");
        sql.push("LEFT JOIN leads l ON l.organization_id = k.organization_id AND l.campaign_id = k.id WHERE ").push(SCOPED);
        sql.push(" AND k.organization_id = ").bind(scope.organization().as_uuid()).push(" AND k.archived_at IS NULL");
        if let Some(status) = status {
            sql.push(" AND k.status = ").bind(status);
        }
        // The average is the rate; a campaign without leads has one empty row, which counts as 0.
        sql.push(" GROUP BY k.id, k.name ORDER BY avg(CASE WHEN l.status = 'converted' THEN 1.0 ELSE 0.0 END) DESC, k.name, k.id LIMIT ");
        sql.bind(i64::from(most));
        reader.rows(sql).await?.iter().map(campaign_performance).collect()
    }

    async fn campaign_funnel(&self, scope: &Scope, campaign: RecordId) -> Result<Option<Vec<(String, u64)>>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        sql.push("SELECT l.status, count(l.status) FROM campaigns k ");
        sql.push("LEFT JOIN leads l ON l.organization_id = k.organization_id AND l.campaign_id = k.id WHERE ").push(SCOPED);
        sql.push(" AND k.organization_id = ").bind(scope.organization().as_uuid()).push(" AND k.id = ").bind(campaign.as_uuid());
        sql.push(" GROUP BY l.status ORDER BY l.status");
        let rows = reader.rows(sql).await?;
        if rows.is_empty() {
            return Ok(None);
        }
        // A campaign without leads has one row without a state.
        rows.iter().filter_map(|row| state(row).transpose()).collect::<Result<_, _>>().map(Some)
    }

    async fn popular_courses(&self, scope: &Scope, most: u16) -> Result<Vec<PopularCourse>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        sql.push("SELECT c.id, c.title, count(*) FROM courses c JOIN leads l ON l.organization_id = c.organization_id AND l.course_id = c.id WHERE ");
        sql.push(SCOPED).push(" AND c.organization_id = ").bind(scope.organization().as_uuid());
        sql.push(" AND c.status = 'published' AND c.archived_at IS NULL GROUP BY c.id, c.title ORDER BY count(*) DESC, c.title, c.id LIMIT ");
        sql.bind(i64::from(most));
        reader.rows(sql).await?.iter().map(popular_course).collect()
    }

    async fn upcoming_runs(&self, scope: &Scope, from: LocalDate, most: u16) -> Result<Vec<UpcomingRun>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        sql.push("SELECT r.id, c.id, c.title, r.start_date, r.end_date, k.name, r.max_students, r.seats_taken, r.seats_held FROM course_runs r ");
        sql.push("JOIN courses c ON c.organization_id = r.organization_id AND c.id = r.course_id ");
        sql.push("LEFT JOIN campuses k ON k.organization_id = r.organization_id AND k.id = r.campus_id WHERE ").push(SCOPED);
        sql.push(" AND r.organization_id = ").bind(scope.organization().as_uuid());
        // The first condition says nothing new, but SQLite takes a partial index only where it sees its very words.
        sql.push(" AND r.status IN ('scheduled', 'ongoing') AND r.status = 'scheduled' AND r.start_date >= ").bind(from);
        sql.push(" AND r.archived_at IS NULL AND c.archived_at IS NULL ORDER BY r.start_date, r.id LIMIT ").bind(i64::from(most));
        reader.rows(sql).await?.iter().map(upcoming_run).collect()
    }
}

fn campaign_performance(row: &QueryResult) -> Result<CampaignPerformance, PortError> {
    let mut columns = Columns::of(row);
    Ok(CampaignPerformance {
        campaign: columns.next()?,
        name: columns.next()?,
        leads: count(columns.next::<i64>()?, "leads")?,
        conversions: count(columns.next::<i64>()?, "conversions")?,
    })
}

/// How many leads are in a state; `None` for the row of no lead.
fn state(row: &QueryResult) -> Result<Option<(String, u64)>, PortError> {
    let mut columns = Columns::of(row);
    let Some(status) = columns.next::<Option<String>>()? else { return Ok(None) };
    Ok(Some((status, count(columns.next::<i64>()?, "leads")?)))
}

fn popular_course(row: &QueryResult) -> Result<PopularCourse, PortError> {
    let mut columns = Columns::of(row);
    Ok(PopularCourse { course: columns.next()?, title: columns.next()?, leads: count(columns.next::<i64>()?, "leads")? })
}

fn upcoming_run(row: &QueryResult) -> Result<UpcomingRun, PortError> {
    let mut columns = Columns::of(row);
    Ok(UpcomingRun {
        run: columns.next()?,
        course: columns.next()?,
        title: columns.next()?,
        start_date: columns.next()?,
        end_date: columns.next()?,
        campus: columns.next()?,
        max: count(columns.next::<i32>()?, "course_runs.max_students")?,
        taken: count(columns.next::<i32>()?, "course_runs.seats_taken")?,
        held: count(columns.next::<i32>()?, "course_runs.seats_held")?,
    })
}
