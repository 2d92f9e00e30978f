use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use matricula_application::access::{ManageCatalog, ReadCatalog};
use matricula_domain::catalog::{AudiencePrice, Course, CourseDetails, CourseId, CourseStatus, Seo};
use matricula_domain::shared::{Aggregate, Id, Money};
use matricula_ports::catalog::{CourseFacets, CourseFilter, Facet};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::course_query::{CourseFacetsQuery, CoursesQuery, page_of};
use crate::answer::{Answer, Answered};
use crate::call::May;
use crate::error::ApiError;
use crate::input::{Body, Query, Raw, path_field};
use crate::page::Listed;

matricula_domain::form! {
    /// Where a course goes.
    pub struct Move {
        /// The state.
        to: CourseStatus,
    }
}

/// An amount in minor units.
#[derive(Serialize, ToSchema)]
pub(crate) struct MoneyView {
    amount: i64,
    currency: String,
}

impl From<Money> for MoneyView {
    fn from(money: Money) -> Self {
        Self { amount: money.amount, currency: money.currency.as_str().to_owned() }
    }
}

/// What an audience pays.
#[derive(Serialize, ToSchema)]
pub(super) struct AudiencePriceView {
    /// private, company, `self_employed`, unemployed or student.
    audience: &'static str,
    price: MoneyView,
}

impl From<&AudiencePrice> for AudiencePriceView {
    fn from(own: &AudiencePrice) -> Self {
        Self { audience: own.audience.as_str(), price: own.price.into() }
    }
}

/// What search engines are told.
#[derive(Serialize, ToSchema)]
pub(super) struct SeoView {
    title: Option<String>,
    description: Option<String>,
    keywords: Vec<String>,
}

impl From<&Seo> for SeoView {
    fn from(seo: &Seo) -> Self {
        Self {
            title: seo.title.as_ref().map(ToString::to_string),
            description: seo.description.as_ref().map(|text| text.as_str().to_owned()),
            keywords: seo.keywords.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A course.
#[derive(Serialize, ToSchema)]
pub(super) struct CourseView {
    id: Uuid,
    slug: String,
    title: String,
    description: Option<String>,
    duration_hours: u32,
    /// presencial, online or hibrido.
    modality: &'static str,
    price: Option<MoneyView>,
    cycle_id: Option<Uuid>,
    campus_ids: Vec<Uuid>,
    level: Option<String>,
    category: Option<String>,
    featured: bool,
    tags: Vec<String>,
    /// What those pay who do not pay the general price.
    prices: Vec<AudiencePriceView>,
    /// Who of the organization teaches it.
    instructor_id: Option<Uuid>,
    /// draft, published or archived.
    status: &'static str,
    seo: Option<SeoView>,
    archived_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<&Course> for CourseView {
    fn from(course: &Course) -> Self {
        let details = course.details();
        Self {
            id: course.id().as_uuid(),
            slug: details.slug.to_string(),
            title: details.title.to_string(),
            description: details.description.as_ref().map(|text| text.as_str().to_owned()),
            duration_hours: details.duration_hours,
            modality: details.modality.as_str(),
            price: details.price.map(Into::into),
            cycle_id: details.cycle_id.map(Id::as_uuid),
            campus_ids: details.campus_ids.iter().map(|id| id.as_uuid()).collect(),
            level: details.level.as_ref().map(ToString::to_string),
            category: details.category.as_ref().map(ToString::to_string),
            featured: details.featured.unwrap_or(false),
            tags: details.tags.iter().map(ToString::to_string).collect(),
            prices: details.prices.iter().map(AudiencePriceView::from).collect(),
            instructor_id: details.instructor_id.map(Id::as_uuid),
            status: course.status().as_str(),
            seo: details.seo.as_ref().map(SeoView::from),
            archived_at: course.archived_at(),
            created_at: course.created_at(),
            updated_at: course.updated_at(),
        }
    }
}

/// How many courses have a value.
#[derive(Serialize, ToSchema)]
pub(super) struct FacetView {
    /// The value, as the list of courses takes it.
    value: String,
    /// What people call it, where that is something else.
    name: Option<String>,
    /// So many courses.
    count: u64,
}

/// How many courses there are of each kind, the values that most have first.
#[derive(Serialize, ToSchema)]
pub(super) struct CourseFacetsView {
    modality: Vec<FacetView>,
    cycle: Vec<FacetView>,
    campus: Vec<FacetView>,
    category: Vec<FacetView>,
    level: Vec<FacetView>,
    tag: Vec<FacetView>,
}

impl From<CourseFacets> for CourseFacetsView {
    fn from(facets: CourseFacets) -> Self {
        let views = |facets: Vec<Facet>| facets.into_iter().map(|Facet { value, name, count }| FacetView { value, name, count }).collect();
        Self {
            modality: views(facets.modality),
            cycle: views(facets.cycle),
            campus: views(facets.campus),
            category: views(facets.category),
            level: views(facets.level),
            tag: views(facets.tag),
        }
    }
}

fn answer(course: &Course) -> Answer {
    Answer::ok(&CourseView::from(course)).etag(course.version())
}

pub(super) async fn list(call: May<ReadCatalog>, query: Query<CoursesQuery>, request: HttpRequest) -> Answered {
    let query = query.0;
    let page = page_of(query.sort, query.limit, query.cursor.clone());
    let found = call.api.catalog_queries.courses(call.who.scope(), &CourseFilter::from(&query), &page).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(|course| CourseView::from(&course)))).open_to(call.who.grants(), "course"))
}

pub(super) async fn facets(call: May<ReadCatalog>, query: Query<CourseFacetsQuery>) -> Answered {
    let facets = call.api.catalog_queries.course_facets(call.who.scope(), &CourseFilter::from(&query.0)).await?;
    Ok(Answer::ok(&CourseFacetsView::from(facets)))
}

pub(super) async fn draft(call: May<ManageCatalog>, body: Body<CourseDetails>) -> Answered {
    let answer = |course: &Course| Answer::created(&CourseView::from(course), format!("/api/v1/courses/{}", course.id())).etag(course.version());
    let drafted = call.once(body.fingerprint, answer, async |who| call.api.catalog.draft_course(who, &body).await).await?;
    Ok(drafted.open_to(call.who.grants(), "course"))
}

pub(super) async fn get(call: May<ReadCatalog>) -> Answered {
    let id: CourseId = path_field(&call.request, "id")?;
    let course = call.api.catalog_queries.course(call.who.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    Ok(answer(&course).open_to(call.who.grants(), "course"))
}

pub(super) async fn change(call: May<ManageCatalog>, body: Raw) -> Answered {
    let id: CourseId = path_field(&call.request, "id")?;
    let expected = call.expected()?;
    let course = call.api.catalog.change_course(&call.who, id, &body.value, expected).await?;
    Ok(answer(&course).open_to(call.who.grants(), "course"))
}

pub(super) async fn transition(call: May<ManageCatalog>, body: Body<Move>) -> Answered {
    let id: CourseId = path_field(&call.request, "id")?;
    let moved = call.once(body.fingerprint, answer, async |who| call.api.catalog.move_course(who, id, body.to).await).await?;
    Ok(moved.open_to(call.who.grants(), "course"))
}

pub(super) async fn archive(call: May<ManageCatalog>) -> Answered {
    let id: CourseId = path_field(&call.request, "id")?;
    let course = call.api.catalog.archive_course(&call.who, id).await?;
    Ok(answer(&course).open_to(call.who.grants(), "course"))
}

pub(super) async fn restore(call: May<ManageCatalog>) -> Answered {
    let id: CourseId = path_field(&call.request, "id")?;
    let course = call.api.catalog.restore_course(&call.who, id).await?;
    Ok(answer(&course).open_to(call.who.grants(), "course"))
}
