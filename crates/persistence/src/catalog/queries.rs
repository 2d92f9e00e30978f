use async_trait::async_trait;
use matricula_domain::catalog::{Course, CourseId, CourseRunId, CourseStatus, Modality};
use matricula_domain::shared::{Id, Value};
use matricula_entity::catalog::course_runs;
use matricula_ports::catalog::{CatalogQueries, CourseFilter, RunFilter, RunRow};
use matricula_ports::{Page, PortError, Scope, Slice};
use sea_orm::{FromQueryResult, QueryResult};
use uuid::Uuid;

use super::course::{course_of, select_courses};
use super::course_run::run_of;
use crate::convert::{count, parsed};
use crate::error::port;
use crate::paging::{after, columns, containing, order, order_again};
use crate::scoped::{Queries, SCOPED};
use crate::sql::Sql;

fn narrow_courses(filter: &CourseFilter, sql: &mut Sql, organization: Uuid) {
    for (column, value) in [
        ("status", filter.status.map(CourseStatus::as_str)),
        ("modality", filter.modality.map(Modality::as_str)),
        ("category", filter.category.as_deref()),
        ("level", filter.level.as_deref()),
        ("slug", filter.slug.as_deref()),
    ] {
        if let Some(value) = value {
            sql.push(" AND c.").push(column).push(" = ").bind(value);
        }
    }
    match filter.featured {
        // As the partial index has it.
        Some(true) => _ = sql.push(" AND c.featured"),
        Some(false) => _ = sql.push(" AND NOT c.featured"),
        None => {}
    }
    if let Some(slug) = &filter.cycle {
        sql.push(" AND c.cycle_id IN (SELECT y.id FROM cycles y WHERE y.organization_id = ").bind(organization);
        sql.push(" AND y.archived_at IS NULL AND y.slug = ").bind(slug.as_str()).push(")");
    }
    if let Some(slug) = &filter.campus {
        sql.push(" AND c.id IN (SELECT x.course_id FROM course_campuses x JOIN campuses k ON k.organization_id = x.organization_id ");
        sql.push("AND k.id = x.campus_id WHERE x.organization_id = ").bind(organization);
        sql.push(" AND k.archived_at IS NULL AND k.slug = ").bind(slug.as_str()).push(")");
    }
    for (column, word) in [("c.seo_keywords", &filter.keyword), ("c.tags", &filter.tag)] {
        if let Some(word) = word {
            sql.has_word(column, word);
        }
    }
    if let Some(audience) = filter.audience {
        let prices = if sql.is_postgres() { "jsonb_array_elements(c.prices) p WHERE p.value" } else { "json_each(c.prices) p WHERE p.value" };
        sql.push(" AND EXISTS (SELECT 1 FROM ").push(prices).push(" ->> 'audience' = ").bind(audience.as_str()).push(")");
    }
    if let Some(instructor) = filter.instructor {
        sql.push(" AND c.instructor_id = ").bind(instructor.as_uuid());
    }
    if let Some(q) = &filter.q {
        sql.push(" AND lower(c.title) LIKE ").bind(containing(q)).push(" ESCAPE '\\'");
    }
}

fn narrow_runs(filter: &RunFilter, sql: &mut Sql, organization: Uuid) {
    for (column, value) in [("course_id", filter.course.map(Id::as_uuid)), ("campus_id", filter.campus.map(Id::as_uuid))] {
        if let Some(value) = value {
            sql.push(" AND r.").push(column).push(" = ").bind(value);
        }
    }
    if let Some(status) = filter.status {
        sql.push(" AND r.status = ").bind(status.as_str());
    }
    for (comparison, day) in [(" AND r.start_date >= ", filter.starts_from), (" AND r.start_date <= ", filter.starts_until)] {
        if let Some(day) = day {
            sql.push(comparison).bind(day);
        }
    }
    let (free, full) = ("r.seats_taken + r.seats_held < r.max_students", "r.seats_taken + r.seats_held >= r.max_students");
    let hidden = format!(" OR {SEATS_LEFT_POLICY} = 'hidden'");
    if let Some(has_seats) = filter.has_seats {
        // Who is not to know of the seats cannot ask for them either.
        sql.push(" AND (").push(if has_seats { free } else { full });
        sql.push(if filter.published { &hidden } else { "" }).push(")");
    }
    if let Some(below) = filter.below_minimum {
        sql.push(if below { " AND (" } else { " AND NOT (" });
        sql.push("r.status = 'scheduled' AND r.min_students IS NOT NULL AND r.seats_taken < r.min_students)");
    }
    if filter.published {
        sql.push(" AND r.course_id IN (SELECT c.id FROM courses c WHERE c.organization_id = ").bind(organization);
        sql.push(" AND c.status = 'published' AND c.archived_at IS NULL)");
    }
}

/// What everybody may know of the seats of a run `r`.
const SEATS_LEFT_POLICY: &str = "COALESCE(r.seats_left_policy, (SELECT o.seats_left_policy FROM organizations o WHERE o.id = r.organization_id))";

/// Starts a select of runs `r`, as [`run_row`] reads them: the length of the queue is counted for the rows of the page alone.
fn select_runs(sql: &mut Sql) {
    sql.push("SELECT ").push(&columns::<course_runs::Entity>("r")).push(", (SELECT count(*) FROM enrollments e ");
    sql.push("WHERE e.organization_id = r.organization_id AND e.course_run_id = r.id AND e.status = 'waitlisted') AS waitlisted, ");
    sql.push(SEATS_LEFT_POLICY).push(" AS shown_policy FROM ");
}

fn run_row(row: &QueryResult) -> Result<RunRow, PortError> {
    Ok(RunRow {
        run: run_of(course_runs::Model::from_query_result(row, "").map_err(port)?)?,
        waitlisted: count(row.try_get::<i64>("", "waitlisted").map_err(port)?, "the queue")?,
        seats_left_policy: parsed(row.try_get::<String>("", "shown_policy").map_err(port)?, "seats_left_policy")?,
    })
}

#[async_trait]
impl CatalogQueries for Queries {
    async fn courses(&self, scope: &Scope, filter: &CourseFilter, page: &Page) -> Result<Slice<Course>, PortError> {
        let reader = self.reader(scope).await?;
        let organization = scope.organization().as_uuid();
        let mut sql = reader.sql();
        // The page is cut before the campuses of its courses are looked up.
        select_courses(&mut sql);
        sql.push("(SELECT c.* FROM courses c WHERE ").push(SCOPED).push(" AND c.organization_id = ").bind(organization);
        sql.push(" AND c.archived_at IS NULL");
        narrow_courses(filter, &mut sql, organization);
        after(&mut sql, page, "c.created_at", "c.id")?;
        order(&mut sql, page, "c.created_at", "c.id");
        sql.push(") c");
        order_again(&mut sql, page, "c");
        let items = reader.rows(sql).await?.iter().map(course_of).collect::<Result<Vec<_>, _>>()?;
        Ok(Slice::cut(items, page.limit, |last| vec![Value::Instant(last.created_at()), Value::Id(last.id().as_uuid())]))
    }

    async fn course(&self, scope: &Scope, id: CourseId) -> Result<Option<Course>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        select_courses(&mut sql);
        sql.push("courses c WHERE ").push(SCOPED).push(" AND c.organization_id = ").bind(scope.organization().as_uuid());
        sql.push(" AND c.id = ").bind(id.as_uuid());
        reader.rows(sql).await?.first().map(course_of).transpose()
    }

    async fn these_courses(&self, scope: &Scope, ids: &[CourseId]) -> Result<Vec<Course>, PortError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        select_courses(&mut sql);
        sql.push("courses c WHERE ").push(SCOPED).push(" AND c.organization_id = ").bind(scope.organization().as_uuid());
        sql.push(" AND c.archived_at IS NULL AND c.id IN (").bind_all(ids.iter().map(|id| id.as_uuid())).push(")");
        reader.rows(sql).await?.iter().map(course_of).collect()
    }

    async fn runs(&self, scope: &Scope, filter: &RunFilter, page: &Page) -> Result<Slice<RunRow>, PortError> {
        let reader = self.reader(scope).await?;
        let organization = scope.organization().as_uuid();
        let mut sql = reader.sql();
        select_runs(&mut sql);
        sql.push("(SELECT r.* FROM course_runs r WHERE ").push(SCOPED).push(" AND r.organization_id = ").bind(organization);
        sql.push(" AND r.archived_at IS NULL");
        narrow_runs(filter, &mut sql, organization);
        after(&mut sql, page, "r.created_at", "r.id")?;
        order(&mut sql, page, "r.created_at", "r.id");
        sql.push(") r");
        order_again(&mut sql, page, "r");
        let items = reader.rows(sql).await?.iter().map(run_row).collect::<Result<Vec<_>, _>>()?;
        Ok(Slice::cut(items, page.limit, |last| vec![Value::Instant(last.run.created_at()), Value::Id(last.run.id().as_uuid())]))
    }

    async fn run(&self, scope: &Scope, id: CourseRunId) -> Result<Option<RunRow>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        select_runs(&mut sql);
        sql.push("course_runs r WHERE ").push(SCOPED).push(" AND r.organization_id = ").bind(scope.organization().as_uuid());
        sql.push(" AND r.id = ").bind(id.as_uuid());
        reader.rows(sql).await?.first().map(run_row).transpose()
    }
}
