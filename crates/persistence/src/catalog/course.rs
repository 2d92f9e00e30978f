use async_trait::async_trait;
use matricula_domain::catalog::{Course, CourseDetails, CourseId, CourseParts, Seo};
use matricula_domain::identity::UserId;
use matricula_domain::shared::{Aggregate, Changed, Field, Html, Id, Line, Money, Prose, RecordId, Slug, Value};
use matricula_entity::catalog::{course_campuses, courses};
use matricula_ports::PortError;
use matricula_ports::catalog::CourseRepository;
use matricula_ports::search::SearchKind;
use sea_orm::{FromQueryResult, QueryResult};
use uuid::Uuid;

use crate::convert::{Columns, count, json, parsed, parsed_or_none, value};
use crate::error::port;
use crate::paging::columns;
use crate::scoped::SCOPED;
use crate::search::Entry;
use crate::sql::{Sql, Write};
use crate::unit::Session;

/// Starts a select of courses `c`, as [`course_of`] reads them: the ids of their campuses come with them, as text in the last column.
pub(super) fn select_courses(sql: &mut Sql) {
    let id = if sql.is_postgres() { "x.campus_id::text" } else { "hex(x.campus_id)" };
    sql.push("SELECT ").push(&columns::<courses::Entity>("c")).push(", (SELECT string_agg(").push(id).push(", ',' ORDER BY x.campus_id) ");
    sql.push("FROM course_campuses x WHERE x.organization_id = c.organization_id AND x.course_id = c.id) AS campus_ids FROM ");
}

pub(super) fn course_of(row: &QueryResult) -> Result<Course, PortError> {
    let campus_ids: Option<String> = Columns::last(row)?;
    let row = courses::Model::from_query_result(row, "").map_err(port)?;
    let details = CourseDetails {
        seo: seo(&row)?,
        slug: parsed(row.slug, "courses.slug")?,
        title: parsed(row.title, "courses.title")?,
        description: row.description.map(Html::from_kept),
        duration_hours: count(row.duration_hours, "courses.duration_hours")?,
        modality: parsed(row.modality, "courses.modality")?,
        price: price(row.price_amount, row.price_currency)?,
        cycle_id: row.cycle_id.map(RecordId::from_uuid),
        campus_ids: ids(campus_ids.as_deref())?,
        level: parsed_or_none(row.level, "courses.level")?,
        category: parsed_or_none(row.category, "courses.category")?,
        featured: Some(row.featured),
        tags: parsed(value(row.tags), "courses.tags")?,
        prices: parsed(value(row.prices), "courses.prices")?,
        instructor_id: row.instructor_id.map(UserId::from_uuid),
    };
    Ok(Course::from_parts(CourseParts {
        id: CourseId::from_uuid(row.id),
        details,
        status: parsed(row.status, "courses.status")?,
        archived_at: row.archived_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
        version: count(row.version, "courses.version")?,
    }))
}

pub(crate) fn price(amount: Option<i64>, currency: Option<String>) -> Result<Option<Money>, PortError> {
    let (Some(amount), Some(currency)) = (amount, currency) else { return Ok(None) };
    Ok(Some(Money { amount, currency: parsed(currency, "courses.price_currency")? }))
}

/// What search engines are told; a course that tells them nothing has none.
fn seo(row: &courses::Model) -> Result<Option<Seo>, PortError> {
    let seo = Seo {
        title: parsed_or_none(row.seo_title.clone(), "courses.seo_title")?,
        description: parsed_or_none(row.seo_description.clone(), "courses.seo_description")?,
        keywords: parsed(value(row.seo_keywords.clone()), "courses.seo_keywords")?,
    };
    Ok((seo.title.is_some() || seo.description.is_some() || !seo.keywords.is_empty()).then_some(seo))
}

fn ids(text: Option<&str>) -> Result<Vec<RecordId>, PortError> {
    text.into_iter().flat_map(|text| text.split(',')).map(|id| parsed(id, "course_campuses.campus_id")).collect()
}

impl Session {
    fn courses_where(&self) -> Sql {
        let mut sql = self.sql();
        select_courses(&mut sql);
        sql.push("courses c WHERE ").push(SCOPED).push(" AND c.organization_id = ").bind(self.organization);
        sql
    }

    /// The next courses after one, as the search index has them.
    pub(crate) async fn courses_to_index(&self, after: Option<Uuid>, most: u16) -> Result<Vec<Entry>, PortError> {
        let mut sql = self.courses_where();
        Self::next_rows(&mut sql, "c", after, most);
        self.rows(sql).await?.iter().map(|row| course_of(row).map(|course| entry_of(&course))).collect()
    }

    /// Writes down what became of the campuses of a course, and beside each of them of what the catalogue of a campus is narrowed and ordered
    /// by, if anything did.
    fn save_campuses(&self, course: &Changed<Course>) -> Result<(), PortError> {
        if !course.changes().iter().any(|change| AT_EACH_CAMPUS.contains(&change.field.as_str())) {
            return Ok(());
        }
        let parts = course.state().parts();
        for campus in &parts.details.campus_ids {
            let row = course_campuses::Model {
                organization_id: self.organization,
                course_id: parts.id.as_uuid(),
                campus_id: campus.as_uuid(),
                cycle_id: parts.details.cycle_id.map(Id::as_uuid),
                status: parts.status.as_str().to_owned(),
                featured: parts.details.featured.unwrap_or_default(),
                created_at: parts.created_at,
                archived_at: parts.archived_at,
                version: count(parts.version, "courses.version")?,
            };
            self.replace::<course_campuses::Entity>(row, &["organization_id", "course_id", "campus_id"]);
        }
        // Behind the rows that stay: so it is one statement with them.
        let before = course.changes().iter().find(|change| change.field == "campus_ids").map(|change| listed(&change.from));
        for gone in before.into_iter().flatten().filter(|id| !parts.details.campus_ids.contains(id)) {
            let key = [("organization_id", self.organization), ("course_id", parts.id.as_uuid()), ("campus_id", gone.as_uuid())];
            self.write(Write::Delete { table: "course_campuses", key: key.map(|(column, id)| (column, id.into())).into() });
        }
        Ok(())
    }
}

fn entry_of(course: &Course) -> Entry {
    let details = course.details();
    Entry {
        kind: SearchKind::Course,
        id: course.id().as_uuid(),
        version: course.version(),
        words: details.indexed_words(),
        keywords: details.seo.as_ref().map_or_else(|| Value::List(Vec::new()), |seo| seo.keywords.value()),
        tags: details.tags.value(),
    }
}

/// What a change of a course writes at each of its campuses.
const AT_EACH_CAMPUS: [&str; 5] = ["campus_ids", "cycle_id", "status", "featured", "archived_at"];

/// The ids of a list, as a change tells them.
fn listed(value: &Value) -> Vec<RecordId> {
    Vec::parse(value).unwrap_or_default()
}

#[async_trait]
impl CourseRepository for Session {
    async fn find(&self, id: CourseId) -> Result<Option<Course>, PortError> {
        let mut sql = self.courses_where();
        sql.push(" AND c.id = ").bind(id.as_uuid());
        self.rows(sql).await?.first().map(course_of).transpose()
    }

    async fn find_by_slug(&self, slug: &Slug) -> Result<Option<Course>, PortError> {
        let mut sql = self.courses_where();
        sql.push(" AND c.slug = ").bind(slug.as_str());
        self.rows(sql).await?.first().map(course_of).transpose()
    }

    async fn save(&self, course: &Changed<Course>) -> Result<(), PortError> {
        let model = course_model(self.organization, course.state().parts())?;
        if course.is_new() {
            self.insert::<courses::Entity>(model);
        } else {
            self.update::<courses::Entity>(model, course.state().version(), &[]);
        }
        self.save_campuses(course)?;
        if course.is_new() || course.changes().iter().any(|change| Course::SEARCHED_FIELDS.contains(&change.field.as_str())) {
            self.index(vec![entry_of(course.state())])?;
        }
        self.note(course);
        Ok(())
    }
}

fn course_model(organization: Uuid, parts: &CourseParts) -> Result<courses::Model, PortError> {
    let details = &parts.details;
    let seo = details.seo.as_ref();
    Ok(courses::Model {
        organization_id: organization,
        id: parts.id.as_uuid(),
        slug: details.slug.to_string(),
        title: details.title.to_string(),
        description: details.description.as_ref().map(|text| text.as_str().to_owned()),
        duration_hours: count(details.duration_hours, "courses.duration_hours")?,
        modality: details.modality.as_str().to_owned(),
        price_amount: details.price.map(|price| price.amount),
        price_currency: details.price.map(|price| price.currency.as_str().to_owned()),
        cycle_id: details.cycle_id.map(Id::as_uuid),
        level: details.level.as_ref().map(Line::to_string),
        category: details.category.as_ref().map(Line::to_string),
        featured: details.featured.unwrap_or_default(),
        tags: json(&details.tags.value()),
        prices: json(&details.prices.value()),
        instructor_id: details.instructor_id.map(Id::as_uuid),
        status: parts.status.as_str().to_owned(),
        seo_title: seo.and_then(|seo| seo.title.as_ref()).map(Line::to_string),
        seo_description: seo.and_then(|seo| seo.description.as_ref()).map(Prose::as_str).map(str::to_owned),
        seo_keywords: json(&seo.map_or_else(|| Value::List(Vec::new()), |seo| seo.keywords.value())),
        archived_at: parts.archived_at,
        created_at: parts.created_at,
        updated_at: parts.updated_at,
        version: count(parts.version, "courses.version")?,
    })
}
