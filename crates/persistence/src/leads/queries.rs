use std::collections::BTreeSet;

use async_trait::async_trait;
use matricula_domain::identity::Reach;
use matricula_domain::leads::{LeadId, LeadStatus};
use matricula_domain::people::fold;
use matricula_domain::shared::{EmailAddress, Id, PhoneNumber, Value};
use matricula_ports::leads::{LeadDetail, LeadFilter, LeadQueries, LeadRow};
use matricula_ports::{Order, Page, PortError, Scope, Slice};
use uuid::Uuid;

use super::reach::{Team, team, within};
use crate::convert::{Columns, count};
use crate::paging::{after, order};
use crate::people::contains;
use crate::scoped::{Queries, Reader, SCOPED};
use crate::sql::Sql;

/// What a list shows of a lead `l`. The first address and number are looked up for the rows of the page alone.
const COLUMNS: &str = "l.id, l.person_id, p.name, \
     (SELECT i.value FROM person_identifiers i WHERE i.organization_id = l.organization_id AND i.person_id = l.person_id AND i.kind = 'email' ORDER BY i.id LIMIT 1), \
     (SELECT i.value FROM person_identifiers i WHERE i.organization_id = l.organization_id AND i.person_id = l.person_id AND i.kind = 'phone' ORDER BY i.id LIMIT 1), \
     l.course_id, c.title, l.campaign_id, k.name, l.status, l.source, l.assigned_to, l.created_at, l.updated_at, l.version";

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
        created_at: columns.next()?,
        updated_at: columns.next()?,
        version: count(columns.next::<i32>()?, "leads.version")?,
    })
}

/// Cuts the page from an index alone, before anything is joined. Each state has its leads in order in an index of its own, so a page of
/// several states is merged from the first leads of each.
fn page_of(sql: &mut Sql, (reach, team): (&Reach, &Team), filter: &LeadFilter, page: &Page, organization: Uuid) -> Result<(), PortError> {
    let leads = |sql: &mut Sql, status: Option<LeadStatus>| {
        sql.push("SELECT * FROM (SELECT l.* FROM leads l WHERE ").push(SCOPED).push(" AND l.organization_id = ").bind(organization);
        if let Some(status) = status {
            sql.push(" AND l.status = ").bind(status.as_str());
        }
        within(sql, reach, team, organization);
        narrow(filter, sql, organization);
        after(sql, page, "l.created_at", "l.id")?;
        order(sql, page, "l.created_at", "l.id");
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
        order(sql, page, "created_at", "id");
    }
    Ok(())
}

/// The order of the page, once more: a join need not keep it.
fn again(sql: &mut Sql, page: &Page) {
    sql.push(match page.order {
        Order::Descending => " ORDER BY l.created_at DESC, l.id DESC",
        Order::Ascending => " ORDER BY l.created_at, l.id",
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
        again(&mut sql, page);
        let rows = reader.rows(sql).await?;
        let items = rows.iter().map(|row| lead_row(&mut Columns::of(row))).collect::<Result<Vec<_>, _>>()?;
        Ok(Slice::cut(items, page.limit, |last| vec![Value::Instant(last.created_at), Value::Id(last.id)]))
    }

    async fn one(&self, scope: &Scope, reach: &Reach, id: LeadId) -> Result<Option<LeadDetail>, PortError> {
        let team = team(&self.databases, scope.organization(), reach).await?;
        detail(&self.reader(scope).await?, scope.organization().as_uuid(), (reach, &team), id).await
    }
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
