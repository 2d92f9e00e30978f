use async_trait::async_trait;
use matricula_domain::catalog::{Course, CourseId, CourseRunId, Modality};
use matricula_domain::shared::{Field, Id, Instant, LocalDate, RecordId, Value};
use matricula_entity::catalog::course_runs;
use matricula_ports::catalog::{CatalogQueries, CourseFacets, CourseFilter, CourseOrder, Facet, RunFilter, RunRow};
use matricula_ports::search::SearchKind;
use matricula_ports::{Cursor, Page, PortError, Scope, Slice};
use sea_orm::{FromQueryResult, QueryResult};
use uuid::Uuid;

use super::course::{course_of, select_courses};
use super::course_run::run_of;
use crate::convert::{Columns, count, parsed};
use crate::error::port;
use crate::paging::{after, columns, order as ordered, order_again};
use crate::scoped::{Queries, SCOPED};
use crate::search::{Finder, Searched, has_label};
use crate::sql::Sql;

/// Courses, as they are searched.
struct Courses;

impl Searched for Courses {
    type Item = Course;
    type Filter = CourseFilter;
    const KIND: SearchKind = SearchKind::Course;
    const TABLE: &'static str = "courses";
    const ALIAS: &'static str = "c";

    fn select(sql: &mut Sql) {
        select_courses(sql);
    }
    fn read(row: &QueryResult) -> Result<Course, PortError> {
        course_of(row)
    }
    fn id(course: &Course) -> Uuid {
        course.id().as_uuid()
    }
    fn narrow(filter: &CourseFilter, sql: &mut Sql, organization: Uuid) {
        narrow_courses(filter, sql, organization);
    }
}

/// What a filter asks of courses `c`, without the words that are sought.
fn narrow_courses(filter: &CourseFilter, sql: &mut Sql, organization: Uuid) {
    narrow_listed(filter, sql, organization, "c");
    if let Some(slug) = &filter.campus {
        sql.push(" AND EXISTS (SELECT 1 FROM course_campuses x WHERE x.organization_id = ").bind(organization);
        sql.push(" AND x.course_id = c.id AND x.campus_id = ");
        campus_with(slug, sql, organization);
        sql.push(")");
    }
    narrow_further(filter, sql, organization);
}

/// The id of the campus with a slug. Of those that are not archived one has it.
fn campus_with(slug: &str, sql: &mut Sql, organization: Uuid) {
    sql.push("(SELECT k.id FROM campuses k WHERE k.organization_id = ").bind(organization);
    sql.push(" AND k.archived_at IS NULL AND k.slug = ").bind(slug).push(")");
}

/// What a filter asks of what stands beside each campus of a course too: of courses `c`, or of their campuses `x`.
fn narrow_listed(filter: &CourseFilter, sql: &mut Sql, organization: Uuid, alias: &str) {
    if let Some(status) = filter.status {
        sql.push(&format!(" AND {alias}.status = ")).bind(status.as_str());
    }
    match filter.featured {
        // As the partial index has it.
        Some(true) => _ = sql.push(&format!(" AND {alias}.featured")),
        Some(false) => _ = sql.push(&format!(" AND NOT {alias}.featured")),
        None => {}
    }
    if let Some(slug) = &filter.cycle {
        // Of those that are not archived one has the slug; so the planner knows that the index of the cycle has the list in order.
        sql.push(&format!(" AND {alias}.cycle_id = (SELECT y.id FROM cycles y WHERE y.organization_id = ")).bind(organization);
        sql.push(" AND y.archived_at IS NULL AND y.slug = ").bind(slug.as_str()).push(")");
    }
}

/// What else a filter asks of courses `c`.
fn narrow_further(filter: &CourseFilter, sql: &mut Sql, organization: Uuid) {
    for (column, value) in [
        ("modality", filter.modality.map(Modality::as_str)),
        ("category", filter.category.as_deref()),
        ("level", filter.level.as_deref()),
        ("slug", filter.slug.as_deref()),
    ] {
        if let Some(value) = value {
            sql.push(" AND c.").push(column).push(" = ").bind(value);
        }
    }
    for (column, indexed, word) in [("seo_keywords", "keywords", &filter.keyword), ("tags", "tags", &filter.tag)] {
        if let Some(word) = word {
            has_label(sql, organization, SearchKind::Course, ("c", column), indexed, word);
        }
    }
    if let Some(audience) = filter.audience {
        let prices = if sql.is_postgres() { "jsonb_array_elements(c.prices) p WHERE p.value" } else { "json_each(c.prices) p WHERE p.value" };
        sql.push(" AND EXISTS (SELECT 1 FROM ").push(prices).push(" ->> 'audience' = ").bind(audience.as_str()).push(")");
    }
    if let Some(instructor) = filter.instructor {
        sql.push(" AND c.instructor_id = ").bind(instructor.as_uuid());
    }
}

/// The condition of a page of those that stand out first, then by their age, each from newest to oldest or the other way.
fn after_featured(sql: &mut Sql, page: &Page, [featured, at, id]: [&str; 3]) -> Result<(), PortError> {
    let Some(Cursor(place)) = &page.after else { return Ok(()) };
    let malformed = || PortError::Dangling("cursor");
    let [Value::Bool(stands_out), when, last] = place.as_slice() else { return Err(malformed()) };
    let (Ok(when), Ok(last)) = (Instant::parse(when), RecordId::parse(last)) else { return Err(malformed()) };
    sql.push(&format!(" AND ({featured}, {at}, {id}) < (")).bind(*stands_out).push(", ").bind(when).push(", ").bind(last.as_uuid()).push(")");
    Ok(())
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

/// How many values of a facet are told.
const MOST_VALUES: i64 = 50;

/// What is called by its value.
const NO_NAME: &str = "CAST(NULL AS text)";

/// What courses `c` are counted by: the value, its name, and the rows in which both are.
const FACETS: [(&str, &str, &str, &str); 6] = [
    ("modality", "c.modality", NO_NAME, "c"),
    ("cycle", "y.slug", "y.name", "c JOIN cycles y ON y.organization_id = c.organization_id AND y.id = c.cycle_id AND y.archived_at IS NULL"),
    (
        "campus",
        "k.slug",
        "k.name",
        "c JOIN course_campuses x ON x.organization_id = c.organization_id AND x.course_id = c.id \
         JOIN campuses k ON k.organization_id = x.organization_id AND k.id = x.campus_id AND k.archived_at IS NULL",
    ),
    ("category", "c.category", NO_NAME, "c"),
    ("level", "c.level", NO_NAME, "c"),
    ("tag", "t.value", NO_NAME, "c, {tags} t"),
];

#[async_trait]
impl CatalogQueries for Queries {
    async fn courses(&self, scope: &Scope, filter: &CourseFilter, page: &Page) -> Result<Slice<Course>, PortError> {
        let reader = self.reader(scope).await?;
        let organization = scope.organization().as_uuid();
        if let Some(text) = &filter.q {
            return Finder::<Courses> { reader: &reader, organization, filter }.page(text, page).await;
        }
        let mut sql = reader.sql();
        // The page is cut before the campuses of its courses are looked up.
        select_courses(&mut sql);
        let [featured, at, id] = if let Some(slug) = &filter.campus {
            // Along the list of the campus, which is in order. SQLite takes the tables of a cross join one after the other.
            sql.push("(SELECT c.* FROM course_campuses x CROSS JOIN courses c WHERE ").push(SCOPED);
            sql.push(" AND x.organization_id = ").bind(organization).push(" AND x.archived_at IS NULL AND x.campus_id = ");
            campus_with(slug, &mut sql, organization);
            sql.push(" AND c.organization_id = ").bind(organization).push(" AND c.id = x.course_id");
            narrow_listed(filter, &mut sql, organization, "x");
            ["x.featured", "x.created_at", "x.course_id"]
        } else {
            sql.push("(SELECT c.* FROM courses c WHERE ").push(SCOPED).push(" AND c.organization_id = ").bind(organization);
            sql.push(" AND c.archived_at IS NULL");
            narrow_listed(filter, &mut sql, organization, "c");
            ["c.featured", "c.created_at", "c.id"]
        };
        narrow_further(filter, &mut sql, organization);
        let by_age = |course: &Course| vec![Value::Instant(course.created_at()), Value::Id(course.id().as_uuid())];
        match filter.order {
            CourseOrder::Age => {
                after(&mut sql, page, at, id)?;
                ordered(&mut sql, page, at, id);
                sql.push(") c");
                order_again(&mut sql, page, "c");
            }
            CourseOrder::Featured => {
                after_featured(&mut sql, page, [featured, at, id])?;
                sql.push(&format!(" ORDER BY {featured} DESC, {at} DESC, {id} DESC LIMIT ")).bind(i64::from(page.limit) + 1);
                sql.push(") c ORDER BY c.featured DESC, c.created_at DESC, c.id DESC");
            }
        }
        let items = reader.rows(sql).await?.iter().map(course_of).collect::<Result<Vec<_>, _>>()?;
        Ok(Slice::cut(items, page.limit, |last| match filter.order {
            CourseOrder::Age => by_age(last),
            CourseOrder::Featured => [vec![Value::Bool(last.details().featured.unwrap_or(false))], by_age(last)].concat(),
        }))
    }

    async fn course_facets(&self, scope: &Scope, filter: &CourseFilter) -> Result<CourseFacets, PortError> {
        let reader = self.reader(scope).await?;
        let organization = scope.organization().as_uuid();
        let found = match &filter.q {
            Some(text) => Some(Finder::<Courses> { reader: &reader, organization, filter }.find(text).await?.1),
            None => None,
        };
        let mut sql = reader.sql();
        sql.push("WITH c AS MATERIALIZED (SELECT c.organization_id, c.id, c.modality, c.cycle_id, c.category, c.level, c.tags FROM courses c WHERE ")
            .push(SCOPED);
        sql.push(" AND c.organization_id = ").bind(organization).push(" AND c.archived_at IS NULL");
        narrow_courses(filter, &mut sql, organization);
        if let Some(found) = found {
            let ids: Vec<_> = found.iter().map(|found| found.id).collect();
            sql.push(" AND c.id IN (").push(if ids.is_empty() { "NULL" } else { "" }).bind_all(ids).push(")");
        }
        sql.push(") ");
        let tags = if sql.is_postgres() { "jsonb_array_elements_text(c.tags)" } else { "json_each(c.tags)" };
        for (n, (facet, value, name, rows)) in FACETS.iter().enumerate() {
            let rows = rows.replace("{tags}", tags);
            sql.push(if n > 0 { " UNION ALL SELECT * FROM (" } else { "SELECT * FROM (" });
            sql.push(&format!(
                "SELECT '{facet}' AS facet, {value} AS value, {name} AS name, count(*) AS courses FROM {rows} WHERE {value} IS NOT NULL "
            ));
            sql.push(&format!("GROUP BY {value}, {name} ORDER BY courses DESC, value LIMIT ")).bind(MOST_VALUES).push(&format!(") f{n}"));
        }
        let mut facets = CourseFacets::default();
        for row in reader.rows(sql).await? {
            let mut columns = Columns::of(&row);
            let facet: String = columns.next()?;
            let values = match facet.as_str() {
                "modality" => &mut facets.modality,
                "cycle" => &mut facets.cycle,
                "campus" => &mut facets.campus,
                "category" => &mut facets.category,
                "tag" => &mut facets.tag,
                _ => &mut facets.level,
            };
            values.push(Facet { value: columns.next()?, name: columns.next()?, count: count(columns.next::<i64>()?, "the courses of a facet")? });
        }
        Ok(facets)
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
        ordered(&mut sql, page, "r.created_at", "r.id");
        sql.push(") r");
        order_again(&mut sql, page, "r");
        let items = reader.rows(sql).await?.iter().map(run_row).collect::<Result<Vec<_>, _>>()?;
        Ok(Slice::cut(items, page.limit, |last| vec![Value::Instant(last.run.created_at()), Value::Id(last.run.id().as_uuid())]))
    }

    async fn coming_runs(&self, scope: &Scope, course: CourseId, day: LocalDate, most: u16) -> Result<Vec<RunRow>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        select_runs(&mut sql);
        sql.push("(SELECT r.* FROM course_runs r WHERE ").push(SCOPED).push(" AND r.organization_id = ").bind(scope.organization().as_uuid());
        sql.push(" AND r.course_id = ").bind(course.as_uuid()).push(" AND r.end_date >= ").bind(day).push(" AND r.archived_at IS NULL");
        sql.push(" ORDER BY r.start_date, r.id LIMIT ").bind(i64::from(most)).push(") r ORDER BY r.start_date, r.id");
        reader.rows(sql).await?.iter().map(run_row).collect()
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
