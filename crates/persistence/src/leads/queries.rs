use std::collections::BTreeSet;

use async_trait::async_trait;
use matricula_domain::catalog::Seats;
use matricula_domain::identity::Reach;
use matricula_domain::leads::{LeadId, LeadStatus};
use matricula_domain::people::fold;
use matricula_domain::shared::{EmailAddress, Id, PhoneNumber, Value};
use matricula_ports::leads::{ActivityRow, LeadDetail, LeadFilter, LeadQueries, LeadRow, RunWish, SuggestedRun};
use matricula_ports::{Order, Page, PortError, Scope, Slice};
use sea_orm::QueryResult;
use uuid::Uuid;

use super::reach::{Team, team, within};
use crate::catalog::price;
use crate::convert::{Columns, count};
use crate::paging::{after, order};
use crate::people::contains;
use crate::scoped::{Queries, Reader, SCOPED};
use crate::sql::Sql;

/// What a list shows of a lead `l`. The first address and number are looked up for the rows of the page alone.
const COLUMNS: &str = "l.id, l.person_id, p.name, \
     (SELECT i.value FROM person_identifiers i WHERE i.organization_id = l.organization_id AND i.person_id = l.person_id AND i.kind = 'email' ORDER BY i.id LIMIT 1), \
     (SELECT i.value FROM person_identifiers i WHERE i.organization_id = l.organization_id AND i.person_id = l.person_id AND i.kind = 'phone' ORDER BY i.id LIMIT 1), \
     l.course_id, c.title, l.campaign_id, k.name, l.status, l.source, l.assigned_to, \
     l.due_at, l.next_action, l.next_action_at, l.response_due_at, l.responded_at, l.created_at, l.updated_at, l.version";

/// Where the rest comes from, once the page is cut.
const JOINS: &str = " JOIN people p ON p.organization_id = l.organization_id AND p.id = l.person_id \
     LEFT JOIN courses c ON c.organization_id = l.organization_id AND c.id = l.course_id \
     LEFT JOIN campaigns k ON k.organization_id = l.organization_id AND k.id = l.campaign_id";

fn lead_row(columns: &mut Columns<'_>) -> Result<LeadRow, PortError> {
    let id = columns.next()?;
    let person = (columns.next()?, columns.next()?);
    let (email, phone) = (columns.next()?, columns.next()?);
    let (course, title): (Option<_>, Option<_>) = (columns.next()?, columns.next()?);
    let (campaign, name): (Option<_>, Option<_>) = (columns.next()?, columns.next()?);
    Ok(LeadRow {
        id,
        person,
        email,
        phone,
        course: course.zip(title),
        campaign: campaign.zip(name),
        status: columns.next()?,
        source: columns.next()?,
        assigned_to: columns.next()?,
        due_at: columns.next()?,
        next_action: (columns.next()?, columns.next()?),
        response_due_at: columns.next()?,
        responded_at: columns.next()?,
        created_at: columns.next()?,
        updated_at: columns.next()?,
        version: count(columns.next::<i32>()?, "leads.version")?,
    })
}

/// Cuts the page from an index alone, before anything is joined. Each state has its leads in order in an index of its own, so a page of
/// several states is merged from the first leads of each.
fn page_of(sql: &mut Sql, (reach, team): (&Reach, &Team), filter: &LeadFilter, page: &Page, organization: Uuid) -> Result<(), PortError> {
    let by = ordered_by(filter);
    let leads = |sql: &mut Sql, status: Option<LeadStatus>| {
        sql.push("SELECT * FROM (SELECT l.* FROM leads l WHERE ").push(SCOPED).push(" AND l.organization_id = ").bind(organization);
        if let Some(status) = status {
            sql.push(" AND l.status = ").bind(status.as_str());
        }
        within(sql, reach, team, organization);
        narrow(filter, sql, organization);
        after(sql, page, by, "l.id")?;
        order(sql, page, by, "l.id");
        sql.push(") l");
        Ok::<(), PortError>(())
    };
    // Each state once, however often it was named.
    let statuses: BTreeSet<LeadStatus> = filter.statuses.iter().copied().collect();
    if statuses.is_empty() {
        return leads(sql, None);
    }
    for (n, status) in statuses.iter().enumerate() {
        sql.push(if n > 0 { " UNION ALL " } else { "" });
        leads(sql, Some(*status))?;
    }
    if statuses.len() > 1 {
        order(sql, page, by.trim_start_matches("l."), "id");
    }
    Ok(())
}

/// What the page is ordered by, before the id.
fn ordered_by(filter: &LeadFilter) -> &'static str {
    if filter.due { "l.due_at" } else { "l.created_at" }
}

/// The order of the page, once more: a join need not keep it.
fn again(sql: &mut Sql, filter: &LeadFilter, page: &Page) {
    let by = ordered_by(filter);
    sql.push(" ORDER BY ").push(by);
    sql.push(match page.order {
        Order::Descending => " DESC, l.id DESC",
        Order::Ascending => ", l.id",
    });
}

fn narrow(filter: &LeadFilter, sql: &mut Sql, organization: Uuid) {
    for (column, value) in [
        ("course_id", filter.course.map(Id::as_uuid)),
        ("campaign_id", filter.campaign.map(Id::as_uuid)),
        ("assigned_to", filter.assigned_to.map(Id::as_uuid)),
        ("person_id", filter.person.map(Id::as_uuid)),
    ] {
        if let Some(value) = value {
            sql.push(" AND l.").push(column).push(" = ").bind(value);
        }
    }
    if filter.due {
        sql.push(" AND l.due_at IS NOT NULL");
    }
    if filter.unassigned {
        sql.push(" AND l.assigned_to IS NULL");
    }
    if let Some(at) = filter.due_before {
        sql.push(" AND l.due_at < ").bind(at);
    }
    if let Some(at) = filter.created_after {
        sql.push(" AND l.created_at > ").bind(at);
    }
    if let Some(q) = &filter.q {
        let identifier =
            EmailAddress::parse(q).map(|email| email.as_str().to_owned()).or_else(|_| PhoneNumber::parse(q).map(|phone| phone.as_str().to_owned()));
        sql.push(" AND l.person_id IN (SELECT id FROM people WHERE organization_id = ").bind(organization);
        sql.push(" AND name_folded LIKE ").bind(contains(&fold(q))).push(" ESCAPE '\\'");
        if let Ok(value) = identifier {
            sql.push(" UNION SELECT person_id FROM person_identifiers WHERE organization_id = ").bind(organization);
            sql.push(" AND kind IN ('email', 'phone') AND value = ").bind(value);
        }
        sql.push(")");
    }
}

#[async_trait]
impl LeadQueries for Queries {
    async fn list(&self, scope: &Scope, reach: &Reach, filter: &LeadFilter, page: &Page) -> Result<Slice<LeadRow>, PortError> {
        let reader = self.reader(scope).await?;
        let organization = scope.organization().as_uuid();
        let mut sql = reader.sql();
        sql.push("SELECT ").push(COLUMNS).push(" FROM (");
        let team = team(&self.databases, scope.organization(), reach).await?;
        page_of(&mut sql, (reach, &team), filter, page, organization)?;
        sql.push(") l").push(JOINS);
        again(&mut sql, filter, page);
        let rows = reader.rows(sql).await?;
        let items = rows.iter().map(|row| lead_row(&mut Columns::of(row))).collect::<Result<Vec<_>, _>>()?;
        let at = |row: &LeadRow| if filter.due { row.due_at.unwrap_or(row.created_at) } else { row.created_at };
        Ok(Slice::cut(items, page.limit, |last| vec![Value::Instant(at(last)), Value::Id(last.id)]))
    }

    async fn one(&self, scope: &Scope, reach: &Reach, id: LeadId) -> Result<Option<LeadDetail>, PortError> {
        let team = team(&self.databases, scope.organization(), reach).await?;
        detail(&self.reader(scope).await?, scope.organization().as_uuid(), (reach, &team), id).await
    }

    async fn activities(&self, scope: &Scope, reach: &Reach, id: LeadId, page: &Page) -> Result<Option<Slice<ActivityRow>>, PortError> {
        let (reader, organization) = (self.reader(scope).await?, scope.organization().as_uuid());
        if self.wanted(&reader, scope, reach, id).await?.is_none() {
            return Ok(None);
        }
        let mut sql = reader.sql();
        sql.push("SELECT a.id, a.kind, a.outcome, a.text, a.made_by, a.at FROM lead_activities a WHERE ").push(SCOPED);
        sql.push(" AND a.organization_id = ").bind(organization).push(" AND a.lead_id = ").bind(id.as_uuid());
        after(&mut sql, page, "a.at", "a.id")?;
        order(&mut sql, page, "a.at", "a.id");
        let rows = reader.rows(sql).await?;
        let items = rows.iter().map(activity).collect::<Result<Vec<_>, _>>()?;
        Ok(Some(Slice::cut(items, page.limit, |last| vec![Value::Instant(last.at), Value::Id(last.id)])))
    }

    async fn suggestions(&self, scope: &Scope, reach: &Reach, id: LeadId, wish: &RunWish, most: u16) -> Result<Option<Vec<SuggestedRun>>, PortError> {
        let (reader, organization) = (self.reader(scope).await?, scope.organization().as_uuid());
        let Some((course, run)) = self.wanted(&reader, scope, reach, id).await? else { return Ok(None) };
        let course = wish.course.map(Id::as_uuid).or(course);
        let mut sql = reader.sql();
        sql.push("SELECT r.id, c.id, c.title, c.modality, k.id, k.name, r.start_date, r.end_date, r.enrollment_deadline, c.price_amount, ");
        sql.push("c.price_currency, r.max_students, r.seats_taken, r.seats_held, (SELECT count(*) FROM enrollments e WHERE ");
        sql.push("e.organization_id = r.organization_id AND e.course_run_id = r.id AND e.status = 'waitlisted') FROM course_runs r ");
        sql.push("JOIN courses c ON c.organization_id = r.organization_id AND c.id = r.course_id ");
        sql.push("LEFT JOIN campuses k ON k.organization_id = r.organization_id AND k.id = r.campus_id WHERE ").push(SCOPED);
        sql.push(" AND r.organization_id = ").bind(organization);
        // The first condition says nothing new, but SQLite takes a partial index only where it sees its very words.
        sql.push(" AND r.status IN ('scheduled', 'ongoing') AND r.status = 'scheduled' AND r.archived_at IS NULL AND r.start_date >= ");
        sql.bind(wish.starts_from.unwrap_or(wish.today).max(wish.today));
        sql.push(" AND (r.enrollment_deadline IS NULL OR r.enrollment_deadline >= ").bind(wish.today).push(")");
        sql.push(" AND c.status = 'published' AND c.archived_at IS NULL");
        for (column, value) in [("r.course_id", course), ("r.campus_id", wish.campus.map(Id::as_uuid))] {
            if let Some(value) = value {
                sql.push(" AND ").push(column).push(" = ").bind(value);
            }
        }
        if let Some(modality) = wish.modality {
            sql.push(" AND c.modality = ").bind(modality.as_str());
        }
        if let Some(until) = wish.starts_until {
            sql.push(" AND r.start_date <= ").bind(until);
        }
        sql.push(" ORDER BY CASE WHEN r.id = ").bind(run).push(" THEN 0 WHEN r.seats_taken + r.seats_held < r.max_students THEN 1 ELSE 2 END, ");
        sql.push("r.start_date, r.id LIMIT ").bind(i64::from(most));
        reader.rows(sql).await?.iter().map(|row| suggested(row, run)).collect::<Result<_, _>>().map(Some)
    }
}

impl Queries {
    /// The course and the run that a lead in reach is about; `None` if there is no such lead.
    async fn wanted(&self, reader: &Reader, scope: &Scope, reach: &Reach, id: LeadId) -> Result<Option<(Option<Uuid>, Option<Uuid>)>, PortError> {
        let organization = scope.organization().as_uuid();
        let team = team(&self.databases, scope.organization(), reach).await?;
        let mut sql = reader.sql();
        sql.push("SELECT l.course_id, l.course_run_id FROM leads l WHERE ").push(SCOPED);
        sql.push(" AND l.organization_id = ").bind(organization).push(" AND l.id = ").bind(id.as_uuid());
        within(&mut sql, reach, &team, organization);
        let Some(row) = reader.rows(sql).await?.pop() else { return Ok(None) };
        let mut columns = Columns::of(&row);
        Ok(Some((columns.next()?, columns.next()?)))
    }
}

fn activity(row: &QueryResult) -> Result<ActivityRow, PortError> {
    let mut columns = Columns::of(row);
    Ok(ActivityRow {
        id: columns.next()?,
        kind: columns.next()?,
        outcome: columns.next()?,
        text: columns.next()?,
        made_by: columns.next()?,
        at: columns.next()?,
    })
}

fn suggested(row: &QueryResult, asked_for: Option<Uuid>) -> Result<SuggestedRun, PortError> {
    let mut columns = Columns::of(row);
    let run = columns.next()?;
    let course = (columns.next()?, columns.next()?);
    let modality = columns.next()?;
    let (campus, name): (Option<Uuid>, Option<String>) = (columns.next()?, columns.next()?);
    let (start_date, end_date, enrollment_deadline) = (columns.next()?, columns.next()?, columns.next()?);
    let price = price(columns.next()?, columns.next()?)?;
    let mut seats = |name| count(columns.next::<i32>()?, name);
    let seats = Seats { max: seats("course_runs.max_students")?, taken: seats("course_runs.seats_taken")?, held: seats("course_runs.seats_held")? };
    Ok(SuggestedRun {
        run,
        course,
        modality,
        campus: campus.zip(name),
        start_date,
        end_date,
        enrollment_deadline,
        price,
        seats,
        waitlisted: count(columns.next::<i64>()?, "waitlisted")?,
        is_asked_for: Some(run) == asked_for,
    })
}

async fn detail(reader: &Reader, organization: Uuid, (reach, team): (&Reach, &Team), id: LeadId) -> Result<Option<LeadDetail>, PortError> {
    let mut sql = reader.sql();
    sql.push("SELECT ")
        .push(COLUMNS)
        .push(", l.course_run_id, l.message, l.internal_notes, l.status_reason, l.locale, l.enrollment_id FROM leads l")
        .push(JOINS);
    sql.push(" WHERE ").push(SCOPED).push(" AND l.organization_id = ").bind(organization).push(" AND l.id = ").bind(id.as_uuid());
    within(&mut sql, reach, team, organization);
    let Some(row) = reader.rows(sql).await?.pop() else { return Ok(None) };
    let mut columns = Columns::of(&row);
    Ok(Some(LeadDetail {
        row: lead_row(&mut columns)?,
        course_run: columns.next()?,
        message: columns.next()?,
        internal_notes: columns.next()?,
        status_reason: columns.next()?,
        locale: columns.next()?,
        enrollment: columns.next()?,
    }))
}
