//! The reports of seed 0's common queries, one statement each.

use std::ops::Range;

use async_trait::async_trait;
use matricula_domain::shared::{Id, Instant, LocalDate, RecordId};
use matricula_ports::reporting::{CampaignPerformance, FunnelBy, FunnelCounts, FunnelRow, PopularCourse, ReportQueries, UpcomingRun};
use matricula_ports::{PortError, Scope};
use sea_orm::QueryResult;

use crate::convert::{Columns, count};
use crate::scoped::{Queries, SCOPED};
use crate::sql::Sql;

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

    async fn funnel(&self, scope: &Scope, by: FunnelBy, arrived: Range<Instant>, most: u16) -> Result<Vec<FunnelRow>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        // What leads have in common is found for each, and summed up before it is named.
        let touch = |order: &str| {
            format!(
                "(SELECT t.campaign_id FROM lead_touches t WHERE t.organization_id = l.organization_id AND t.lead_id = l.id \
                 ORDER BY t.at {order}, t.id {order} LIMIT 1)"
            )
        };
        let of_run = "(SELECT r.campus_id FROM course_runs r WHERE r.organization_id = l.organization_id AND r.id = l.course_run_id)";
        let (key, named) = match by {
            FunnelBy::Campaign => ("l.campaign_id".to_owned(), Some(("campaigns", "name"))),
            FunnelBy::FirstTouch => (touch("ASC"), Some(("campaigns", "name"))),
            FunnelBy::LastTouch => (touch("DESC"), Some(("campaigns", "name"))),
            FunnelBy::Course => ("l.course_id".to_owned(), Some(("courses", "title"))),
            FunnelBy::Campus => (of_run.to_owned(), Some(("campuses", "name"))),
            // Users are at home in the directory, which may be another database.
            FunnelBy::Adviser => ("l.assigned_to".to_owned(), None),
        };
        let name = named.map_or("NULL", |(_, name)| if name == "title" { "n.title" } else { "n.name" });
        sql.push("SELECT g.key, ").push(name).push(", g.leads, g.contacted, g.qualified, g.enrolled, g.completed FROM (SELECT f.key AS key, ");
        sql.push(COUNTS).push(" FROM (");
        furthest(&mut sql, &key, scope, &arrived);
        sql.push(") f GROUP BY f.key) g");
        if let Some((table, _)) = named {
            sql.push(" LEFT JOIN ").push(table).push(" n ON n.organization_id = ").bind(scope.organization().as_uuid()).push(" AND n.id = g.key");
        }
        sql.push(" ORDER BY g.leads DESC, g.key LIMIT ").bind(i64::from(most));
        let row = |row: &QueryResult| {
            let mut columns = Columns::of(row);
            let (key, name) = (columns.next()?, columns.next()?);
            Ok(FunnelRow { key, name, counts: counts(&mut columns)? })
        };
        reader.rows(sql).await?.iter().map(row).collect()
    }

    async fn funnel_total(&self, scope: &Scope, arrived: Range<Instant>) -> Result<FunnelCounts, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        sql.push("SELECT ").push(COUNTS).push(" FROM (");
        furthest(&mut sql, "NULL", scope, &arrived);
        sql.push(") f");
        reader.rows(sql).await?.pop().map_or_else(|| Ok(FunnelCounts::default()), |row| counts(&mut Columns::of(&row)))
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

/// How many came how far.
const COUNTS: &str = "count(*) AS leads, count(f.contacted) AS contacted, count(f.qualified) AS qualified, count(f.enrolled) AS enrolled, \
     count(f.completed) AS completed";

/// One row for each lead that arrived then: what it is summed up by, and something in the column of each step that it reached. Who has a place
/// was contacted and qualified, whatever was written down.
fn furthest(sql: &mut Sql, key: &str, scope: &Scope, arrived: &Range<Instant>) {
    sql.push("SELECT ")
        .push(key)
        .push(" AS key, COALESCE(l.responded_at, l.qualified_at, CASE WHEN l.enrollment_id IS NOT NULL THEN l.updated_at END) ");
    sql.push("AS contacted, COALESCE(l.qualified_at, CASE WHEN l.enrollment_id IS NOT NULL THEN l.updated_at END) AS qualified, ");
    sql.push("l.enrollment_id AS enrolled, e.id AS completed FROM leads l ");
    sql.push("LEFT JOIN enrollments e ON e.organization_id = l.organization_id AND e.id = l.enrollment_id AND e.status = 'completed' WHERE ");
    sql.push(SCOPED).push(" AND l.organization_id = ").bind(scope.organization().as_uuid());
    sql.push(" AND l.created_at >= ").bind(arrived.start).push(" AND l.created_at < ").bind(arrived.end);
}

fn counts(columns: &mut Columns<'_>) -> Result<FunnelCounts, PortError> {
    let mut next = |name| count(columns.next::<i64>()?, name);
    Ok(FunnelCounts {
        leads: next("leads")?,
        contacted: next("contacted")?,
        qualified: next("qualified")?,
        enrolled: next("enrolled")?,
        completed: next("completed")?,
    })
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
