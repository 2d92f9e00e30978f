//! What everybody may see: published courses and their runs. No price list of drafts, no counts of people.

use actix_web::HttpRequest;
use chrono::NaiveDate;
use matricula_domain::catalog::{Course, CourseId, CourseStatus, PageContent, PageOf, SeatsLeft};
use matricula_domain::publishing::EntityType;
use matricula_domain::shared::{Html, Id, LocalDate, RecordId, Slug};
use matricula_ports::catalog::{CourseFilter, RunFilter, RunRow};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::course_query::{PublicCourseFacetsQuery, PublicCoursesQuery, page_of};
use super::courses::{AudiencePriceView, CourseFacetsView, MoneyView};
use crate::answer::{Answer, Answered};
use crate::call::Public;
use crate::error::ApiError;
use crate::input::{Query, path_field};
use crate::page::{Limit, Listed, Place, page};
use crate::pictures::{cover, picture_address};
use crate::route::Route;
use crate::seo::{ResolvedSeoView, resolved};

matricula_domain::form! {
    /// Which runs.
    pub struct PublicRunsQuery {
        /// Of this course.
        course_id: Option<CourseId>,
        /// Starting on or after this day.
        starts_from: Option<LocalDate>,
        /// Starting on or before this day.
        starts_until: Option<LocalDate>,
        /// With free seats, or without; where the organization does not tell, both.
        has_seats: Option<bool>,
        /// At most so many items (1–100, default 50).
        limit: Option<Limit>,
        /// Where the page begins: `next_cursor` of the page before.
        cursor: Option<Place>,
    }
}

/// A published course as it stands in lists.
#[derive(Serialize, ToSchema)]
pub(super) struct PublicCourseItem {
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
}

/// A published course.
#[derive(Serialize, ToSchema)]
pub(super) struct PublicCourseView {
    #[serde(flatten)]
    item: PublicCourseItem,
    seo: ResolvedSeoView,
}

impl From<&Course> for PublicCourseItem {
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
        }
    }
}

/// The seats of a run, as everybody may know them.
#[derive(Serialize, ToSchema)]
struct PublicSeatsView {
    /// available, few or full.
    availability: &'static str,
    /// How many there are; left out unless the organization tells exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<u32>,
    /// How many of them are free; left out as `max` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    free: Option<u32>,
}

impl PublicSeatsView {
    /// `None` if that is nobody's business.
    fn of(seats: SeatsLeft) -> Option<Self> {
        let counts = if let SeatsLeft::Exact { max, free } = seats { Some((max, free)) } else { None };
        let (max, free) = counts.unzip();
        seats.availability().map(|availability| Self { availability: availability.as_str(), max, free })
    }
}

/// A run of a published course.
#[derive(Serialize, ToSchema)]
pub(super) struct PublicRunView {
    id: Uuid,
    course_id: Uuid,
    campus_id: Option<Uuid>,
    start_date: NaiveDate,
    end_date: NaiveDate,
    enrollment_deadline: Option<NaiveDate>,
    /// What those pay here who do not pay what the course says.
    prices: Vec<AudiencePriceView>,
    status: &'static str,
    /// The run to which its people went when it was cancelled.
    merged_into: Option<Uuid>,
    /// Nothing, if the organization does not tell.
    seats: Option<PublicSeatsView>,
}

impl From<RunRow> for PublicRunView {
    fn from(row: RunRow) -> Self {
        let (run, plan) = (&row.run, row.run.plan());
        Self {
            id: run.id().as_uuid(),
            course_id: plan.course_id.as_uuid(),
            campus_id: plan.campus_id.map(Id::as_uuid),
            start_date: plan.start_date,
            end_date: plan.end_date,
            enrollment_deadline: plan.enrollment_deadline,
            prices: plan.prices.iter().map(AudiencePriceView::from).collect(),
            status: run.status().as_str(),
            merged_into: run.merged_into().map(Id::as_uuid),
            seats: PublicSeatsView::of(row.seats_left()),
        }
    }
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/public/{organization}/courses", "listPublishedCourses", "catalog", courses)
            .says("Published courses: newest first, as `sort` says, or by relevance where words are sought.")
            .asks::<PublicCoursesQuery>()
            .gives_page_of::<PublicCourseItem>(),
        Route::get("/public/{organization}/course-facets", "countPublishedCourses", "catalog", course_facets)
            .says("How many of the published courses that a list would have there are of each modality, cycle, campus, category, level and tag.")
            .asks::<PublicCourseFacetsQuery>()
            .gives::<CourseFacetsView>(200),
        Route::get("/public/{organization}/courses/{slug}", "getPublishedCourse", "catalog", course)
            .says("One published course, with what search engines are told of it.")
            .gives::<PublicCourseView>(200)
            .may_have_moved(),
        Route::get("/public/{organization}/course-runs", "listPublishedRuns", "catalog", runs)
            .says("Runs of published courses.")
            .asks::<PublicRunsQuery>()
            .gives_page_of::<PublicRunView>(),
    ]
}

async fn courses(call: Public, query: Query<PublicCoursesQuery>, request: HttpRequest) -> Answered {
    call.api.limits.public(call.ip())?;
    let query = query.0;
    let page = page_of(query.sort, query.limit, query.cursor.clone());
    let found = call.api.catalog_queries.courses(call.visitor.scope(), &CourseFilter::from(&query), &page).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(|course| PublicCourseItem::from(&course)))))
}

async fn course_facets(call: Public, query: Query<PublicCourseFacetsQuery>) -> Answered {
    call.api.limits.public(call.ip())?;
    let facets = call.api.catalog_queries.course_facets(call.visitor.scope(), &CourseFilter::from(&query.0)).await?;
    Ok(Answer::ok(&CourseFacetsView::from(facets)))
}

async fn course(call: Public) -> Answered {
    call.api.limits.public(call.ip())?;
    let slug: Slug = path_field(&call.request, "slug")?;
    let filter = CourseFilter { status: Some(CourseStatus::Published), slug: Some(slug.to_string()), ..CourseFilter::default() };
    let mut found = call.api.catalog_queries.courses(call.visitor.scope(), &filter, &page(None, None, None)).await?;
    let Some(course) = found.items.pop() else { return moved(&call, &slug).await };
    let details = course.details();
    let text = details.description.as_ref().map(Html::to_text).unwrap_or_default();
    let cover = cover(&call.api, call.visitor.scope(), EntityType::Course, course.id()).await?;
    let image = cover.as_ref().map(|cover| picture_address(&call, cover));
    let content = PageContent { title: details.title.as_str(), text: &text, seo: details.seo.as_ref(), image: image.as_deref() };
    let seo = resolved(&call, (PageOf::Course, RecordId::from_uuid(course.id().as_uuid())), &slug, content).await?;
    Ok(Answer::ok(&PublicCourseView { item: PublicCourseItem::from(&course), seo: seo.into() }))
}

/// Leads whoever asks for a slug that a course had to that which it has, if it is published.
async fn moved(call: &Public, slug: &Slug) -> Answered {
    let slug = slug_now(call, slug).await?;
    Ok(Answer::moved(format!("/api/v1/public/{}/courses/{slug}", call.visitor.organization().slug)))
}

/// The slug of the published course that had this one.
pub(crate) async fn slug_now(call: &Public, slug: &Slug) -> Result<Slug, ApiError> {
    let scope = call.visitor.scope();
    let to = call.api.seo_queries.redirect(scope, PageOf::Course, slug).await?.ok_or_else(ApiError::not_found)?;
    let course = call.api.catalog_queries.course(scope, CourseId::from_uuid(to.as_uuid())).await?;
    let course = course.filter(|course| course.status() == CourseStatus::Published && course.archived_at().is_none());
    Ok(course.ok_or_else(ApiError::not_found)?.details().slug.clone())
}

async fn runs(call: Public, query: Query<PublicRunsQuery>, request: HttpRequest) -> Answered {
    call.api.limits.public(call.ip())?;
    let query = query.0;
    let filter = RunFilter {
        course: query.course_id,
        starts_from: query.starts_from,
        starts_until: query.starts_until,
        has_seats: query.has_seats,
        published: true,
        ..RunFilter::default()
    };
    let found = call.api.catalog_queries.runs(call.visitor.scope(), &filter, &page(query.limit, query.cursor, None)).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(PublicRunView::from))))
}
