//! The pages of courses and of their runs.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use matricula_domain::catalog::{CourseRunId, CourseStatus, Modality, PageContent, PageOf, TwitterCard};
use matricula_domain::publishing::{EntityType, MediaAsset};
use matricula_domain::shared::{Html, Id, Line, RecordId, Slug};
use matricula_ports::catalog::{CourseFilter, CourseOrder};
use matricula_ports::{Page, Slice};

use super::choices::{Choices, choices};
use super::media::{Media, Places};
use super::offers::{self, Offer, OfferedRun};
use super::pages::{Head, first_page, next_page, query_of};
use super::{EMBEDDED_POLICY, PAGE_POLICY, Site, json_ld, moved, page};
use crate::error::ApiError;
use crate::input::{path_field, read_query};
use crate::page::{Limit, Place, page as part};
use crate::pictures::cover;
use crate::seo::resolved;

matricula_domain::form! {
    /// Which courses a page shows. Whoever leaves a field of the form empty asks for any.
    pub struct CoursesAsked {
        /// Words to find.
        q: Option<Line<200>>,
        /// Taught this way.
        modality: Option<Modality>,
        /// At the campus with this slug.
        campus: Option<Slug>,
        /// Of the cycle with this slug.
        cycle: Option<Slug>,
        /// With this tag.
        tag: Option<Slug>,
        /// At most so many.
        limit: Option<Limit>,
        /// Where the page begins.
        cursor: Option<Place>,
    }
}

impl From<&CoursesAsked> for CourseFilter {
    fn from(asked: &CoursesAsked) -> Self {
        Self {
            status: Some(CourseStatus::Published),
            q: asked.q.as_ref().map(ToString::to_string),
            modality: asked.modality,
            campus: asked.campus.as_ref().map(ToString::to_string),
            cycle: asked.cycle.as_ref().map(ToString::to_string),
            tag: asked.tag.as_ref().map(ToString::to_string),
            order: CourseOrder::Featured,
            ..Self::default()
        }
    }
}

#[derive(Template)]
#[template(path = "site/courses.html")]
struct CoursesPage {
    site: Site,
    head: Head,
    /// The words that are sought.
    q: String,
    choices: Vec<Choices>,
    offers: Slice<Offer>,
    embedded: bool,
    first: String,
    next: Option<String>,
    /// Whether there are pages before it.
    later: bool,
}

#[derive(Template)]
#[template(path = "site/embed.html")]
struct EmbeddedPage {
    site: Site,
    offers: Slice<Offer>,
    embedded: bool,
}

#[derive(Template)]
#[template(path = "site/course.html")]
struct CoursePage {
    site: Site,
    head: Head,
    offer: Offer,
    text: String,
    prices: Vec<(&'static str, String)>,
    runs: Vec<OfferedRun>,
    media: Media,
    /// The pictures of its campuses.
    places: Places,
}

#[derive(Template)]
#[template(path = "site/run.html")]
struct RunPage {
    site: Site,
    head: Head,
    run: OfferedRun,
    /// Its own picture, else that of its course.
    cover: Option<MediaAsset>,
    /// The picture of its campus.
    places: Places,
}

/// The courses that somebody asks for: those that stand out first, then the newest; by relevance where words are sought.
async fn asked_for(site: &Site, request: &HttpRequest) -> Result<(CoursesAsked, Slice<Offer>), ApiError> {
    let asked: CoursesAsked = read_query(&query_of::<CoursesAsked>(request))?;
    let page = part(asked.limit.or(Some(Limit(24))), asked.cursor.clone(), None);
    let found = offers::offers(site.api(), site.scope(), CourseFilter::from(&asked), &page).await?;
    Ok((asked, found))
}

pub(super) async fn courses(site: Site, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let (asked, found) = asked_for(&site, &request).await?;
    let choices = choices(&site, &CourseFilter::from(&asked)).await?;
    let query = query_of::<CoursesAsked>(&request);
    // What is a filter or a later page of the same list is for people; engines read the list itself.
    let narrowed = !query.is_empty();
    let title = site.words.courses;
    let mut head = Head::of(&site, title, format!("{}: {title}", site.name()), &site.path("/courses"));
    head.robots = if narrowed { "noindex,follow" } else { "index,follow" };
    head.json_ld = (!narrowed).then(|| json_ld::courses(&site, &found.items));
    let shown = CoursesPage {
        first: first_page(&site, "/courses", &query),
        next: next_page(&site, "/courses", &query, found.next.clone()),
        later: asked.cursor.is_some(),
        q: asked.q.map(|q| q.to_string()).unwrap_or_default(),
        choices,
        head,
        offers: found,
        embedded: false,
        site,
    };
    page(&request, &shown, PAGE_POLICY)
}

pub(super) async fn embedded_courses(site: Site, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let (_, offers) = asked_for(&site, &request).await?;
    page(&request, &EmbeddedPage { site, offers, embedded: true }, EMBEDDED_POLICY)
}

pub(super) async fn course(site: Site, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let slug: Slug = path_field(&request, "slug")?;
    let filter = CourseFilter { slug: Some(slug.to_string()), ..CourseFilter::default() };
    let found = offers::offers(site.api(), site.scope(), filter, &Page::first(1)).await?;
    let Some(offer) = found.items.into_iter().next() else {
        let slug = crate::catalog::public::slug_now(&site.call, &slug).await?;
        return Ok(moved(StatusCode::MOVED_PERMANENTLY, &site.page_path(PageOf::Course, slug.as_str())));
    };
    let runs = offers::coming(site.api(), site.scope(), &offer.course, site.today()).await?;
    let details = offer.course.details();
    let text = details.description.as_ref().map(|text| text.to_html().into_owned()).unwrap_or_default();
    let image = offer.cover.as_ref().map(|cover| site.picture_address(cover));
    let content = PageContent {
        title: details.title.as_str(),
        text: &details.description.as_ref().map(Html::to_text).unwrap_or_default(),
        seo: details.seo.as_ref(),
        image: image.as_deref(),
    };
    let entity = (PageOf::Course, RecordId::from_uuid(offer.course.id().as_uuid()));
    let mut head = Head::told(&site, resolved(&site.call, entity, &details.slug, content).await?);
    head.json_ld = Some(json_ld::course(&site, &offer, &runs));
    let general = details.price.map(|price| (site.words.price, site.words.money(price)));
    let own = details.prices.iter().map(|own| (site.words.price_for(own.audience), site.words.money(own.price)));
    let prices = general.into_iter().chain(own).collect();
    let media = site.media(EntityType::Course, offer.course.id()).await?;
    let places = site.places(details.campus_ids.iter().copied()).await?;
    page(&request, &CoursePage { site, head, offer, text, prices, runs, media, places }, PAGE_POLICY)
}

/// The run of a published course that is asked for.
pub(super) async fn offered_run(site: &Site, request: &HttpRequest) -> Result<OfferedRun, ApiError> {
    let id: CourseRunId = path_field(request, "id")?;
    offers::run(site.api(), site.scope(), id).await?.ok_or_else(ApiError::not_found)
}

pub(super) async fn run(site: Site, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let run = offered_run(&site, &request).await?;
    let (plan, course) = (run.row.run.plan(), run.course.details());
    let day = site.words.day(plan.start_date);
    let place = run.campus.as_ref().map_or_else(|| site.words.modality(Modality::Online).to_owned(), |campus| campus.name.to_string());
    let mut head =
        Head::of(&site, &format!("{}, {day}", course.title), format!("{}. {day}. {place}.", course.title), &site.run_path(run.row.run.id()));
    let cover = match cover(site.api(), site.scope(), EntityType::CourseRun, run.row.run.id()).await? {
        Some(cover) => Some(cover),
        None => cover(site.api(), site.scope(), EntityType::Course, run.course.id()).await?,
    };
    if let Some(cover) = &cover {
        (head.og_image, head.twitter_card) = (Some(site.picture_address(cover)), TwitterCard::SummaryLargeImage.as_str());
    }
    head.json_ld = Some(json_ld::run(&site, &run, cover.as_ref()));
    let places = site.places(plan.campus_id.into_iter()).await?;
    page(&request, &RunPage { site, head, run, cover, places }, PAGE_POLICY)
}
