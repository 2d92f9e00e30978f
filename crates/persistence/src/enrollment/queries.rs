use async_trait::async_trait;
use matricula_domain::enrollment::EnrollmentId;
use matricula_domain::identity::Reach;
use matricula_domain::shared::{Id, Value};
use matricula_entity::enrollment::enrollments;
use matricula_ports::enrollment::{EnrollmentFilter, EnrollmentQueries, EnrollmentRow};
use matricula_ports::{Page, PortError, Scope, Slice};
use sea_orm::{FromQueryResult, QueryResult};

use super::enrollment::{enrollment_of, within};
use crate::convert::count;
use crate::error::port;
use crate::paging::{after, columns, order, order_again};
use crate::scoped::{Queries, SCOPED};
use crate::sql::Sql;

/// Starts a select of enrollments `e`, as [`enrollment_row`] reads them: the place in the queue is counted for those alone that wait.
fn select_enrollments(sql: &mut Sql) {
    sql.push("SELECT ").push(&columns::<enrollments::Entity>("e"));
    sql.push(", CASE WHEN e.status = 'waitlisted' THEN (SELECT count(*) FROM enrollments w ");
    sql.push("WHERE w.organization_id = e.organization_id AND w.course_run_id = e.course_run_id AND w.status = 'waitlisted' ");
    sql.push("AND (w.queued_at, w.id) <= (e.queued_at, e.id)) END AS waitlist_position FROM ");
}

fn enrollment_row(row: &QueryResult) -> Result<EnrollmentRow, PortError> {
    let place = row.try_get::<Option<i64>>("", "waitlist_position").map_err(port)?;
    Ok(EnrollmentRow {
        enrollment: enrollment_of(enrollments::Model::from_query_result(row, "").map_err(port)?)?,
        waitlist_position: place.map(|place| count(place, "the queue")).transpose()?,
    })
}

fn narrow(filter: &EnrollmentFilter, sql: &mut Sql) {
    for (column, value) in [("course_run_id", filter.run.map(Id::as_uuid)), ("person_id", filter.person.map(Id::as_uuid))] {
        if let Some(value) = value {
            sql.push(" AND e.").push(column).push(" = ").bind(value);
        }
    }
    if let Some(status) = filter.status {
        sql.push(" AND e.status = ").bind(status.as_str());
    }
}

#[async_trait]
impl EnrollmentQueries for Queries {
    async fn list(&self, scope: &Scope, reach: &Reach, filter: &EnrollmentFilter, page: &Page) -> Result<Slice<EnrollmentRow>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        // The page is cut before the places of its rows are counted.
        select_enrollments(&mut sql);
        sql.push("(SELECT e.* FROM enrollments e WHERE ").push(SCOPED).push(" AND e.organization_id = ").bind(scope.organization().as_uuid());
        within(&mut sql, reach);
        narrow(filter, &mut sql);
        after(&mut sql, page, "e.created_at", "e.id")?;
        order(&mut sql, page, "e.created_at", "e.id");
        sql.push(") e");
        order_again(&mut sql, page, "e");
        let items = reader.rows(sql).await?.iter().map(enrollment_row).collect::<Result<Vec<_>, _>>()?;
        Ok(Slice::cut(items, page.limit, |last| vec![Value::Instant(last.enrollment.created_at()), Value::Id(last.enrollment.id().as_uuid())]))
    }

    async fn one(&self, scope: &Scope, reach: &Reach, id: EnrollmentId) -> Result<Option<EnrollmentRow>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        select_enrollments(&mut sql);
        sql.push("enrollments e WHERE ").push(SCOPED).push(" AND e.organization_id = ").bind(scope.organization().as_uuid());
        sql.push(" AND e.id = ").bind(id.as_uuid());
        within(&mut sql, reach);
        reader.rows(sql).await?.first().map(enrollment_row).transpose()
    }
}
