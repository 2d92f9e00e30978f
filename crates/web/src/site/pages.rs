//! The pages that people read.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use matricula_domain::catalog::{Campus, CourseRunId, Cycle, Modality, PageContent, PageOf, ResolvedSeo};
use matricula_domain::publishing::{BlogPost, BlogPostStatus};
use matricula_domain::shared::{Form, Html, Id, Line, Prose, Record, RecordId, Slug};
use matricula_ports::catalog::{CourseFilter, RunFilter};
use matricula_ports::publishing::BlogPostFilter;
use matricula_ports::records::RecordFilter;
use matricula_ports::{Cursor, Slice};

use super::offers::{Offer, OfferedRun, coming, offers, runs};
use super::words::Words;
use super::{EMBEDDED_POLICY, PAGE_POLICY, Site, json_ld, moved, page};
use crate::error::ApiError;
use crate::input::{path_field, read_query};
use crate::page::{Limit, Listed, Place, page as part};
use crate::publishing::public::note_view;
use crate::seo::resolved;

/// What search engines and those who share a page are told of it.
struct Head {
    title: String,
    description: String,
    keywords: Vec<String>,
    robots: &'static str,
    canonical: String,
    og_title: String,
    og_description: String,
    og_image: Option<String>,
    twitter_card: &'static str,
    json_ld: Option<String>,
}

impl Head {
    /// Of a page that says no more of itself.
    fn of(site: &Site, title: &str, description: String, path: &str) -> Self {
        Self {
            title: format!("{title} · {}", site.name()),
            keywords: Vec::new(),
            robots: "index,follow",
            canonical: site.address(path),
            og_title: title.to_owned(),
            og_description: description.clone(),
            description,
            og_image: None,
            twitter_card: "summary",
            json_ld: None,
        }
    }

    /// Of a page of which search engines are told this.
    fn told(site: &Site, seo: ResolvedSeo) -> Self {
        Self {
            title: format!("{} · {}", seo.title, site.name()),
            keywords: seo.keywords,
            robots: seo.robots.as_str(),
            canonical: seo.canonical_url,
            og_title: seo.og_title,
            og_description: seo.og_description,
            description: seo.description,
            og_image: seo.og_image,
            twitter_card: seo.twitter_card.as_str(),
            json_ld: None,
        }
    }
}

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

/// What was asked, as the form shows it again.
struct Asked {
    q: String,
    modality: Option<Modality>,
}

type Select = (&'static str, &'static str, String, Vec<(String, String)>);

#[derive(Template)]
#[template(path = "site/courses.html")]
struct CoursesPage {
    site: Site,
    head: Head,
    asked: Asked,
    selects: Vec<Select>,
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
}

#[derive(Template)]
#[template(path = "site/run.html")]
struct RunPage {
    site: Site,
    head: Head,
    run: OfferedRun,
}

/// What of a query is about the page: campaigns and browsers add names of their own, and forms send empty fields.
fn query_of<F: Form>(request: &HttpRequest) -> String {
    let kept = request.query_string().split('&').filter(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        !value.is_empty() && F::FIELDS.iter().any(|field| field.name == name)
    });
    kept.collect::<Vec<_>>().join("&")
}

/// A list as somebody asked for it, from its beginning.
fn first_page(site: &Site, list: &str, query: &str) -> String {
    let others = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor=")).collect::<Vec<_>>().join("&");
    site.path(&if others.is_empty() { list.to_owned() } else { format!("{list}?{others}") })
}

/// Where the same list goes on, if it does.
fn next_page(site: &Site, list: &str, query: &str, next: Option<Cursor>) -> Option<String> {
    let first = first_page(site, list, query);
    let cursor = Listed::of(Slice::<()> { items: Vec::new(), next }).next_cursor?;
    Some(format!("{first}{}cursor={cursor}", if first.contains('?') { "&" } else { "?" }))
}

/// The first hundred records of a kind, as choices.
async fn choices<R: Record>(site: &Site, choice: impl Fn(&R) -> (String, String)) -> Result<Vec<(String, String)>, ApiError> {
    let page = matricula_ports::Page::first(100);
    let listed = site.api().record_queries.list(site.scope(), &R::SCHEMA, &RecordFilter::default(), &page).await?;
    let records = listed.items.into_iter().map(matricula_ports::records::RecordRow::typed::<R>);
    Ok(records.map(|row| row.map(|stored| choice(stored.record()))).collect::<Result<_, _>>()?)
}

/// The courses that somebody asks for.
async fn asked_for(site: &Site, request: &HttpRequest) -> Result<(CoursesAsked, Slice<Offer>), ApiError> {
    let asked: CoursesAsked = read_query(&query_of::<CoursesAsked>(request))?;
    let filter = CourseFilter {
        q: asked.q.as_ref().map(ToString::to_string),
        modality: asked.modality,
        campus: asked.campus.as_ref().map(ToString::to_string),
        cycle: asked.cycle.as_ref().map(ToString::to_string),
        tag: asked.tag.as_ref().map(ToString::to_string),
        ..CourseFilter::default()
    };
    let page = part(asked.limit.or(Some(Limit(24))), asked.cursor.clone(), None);
    let found = offers(site.api(), site.scope(), filter, &page).await?;
    Ok((asked, found))
}

pub(super) async fn courses(site: Site, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let (asked, found) = asked_for(&site, &request).await?;
    let words: &Words = site.words;
    let campuses = choices::<Campus>(&site, |campus| (campus.slug.to_string(), campus.name.to_string())).await?;
    let cycles = choices::<Cycle>(&site, |cycle| (cycle.slug.to_string(), cycle.name.to_string())).await?;
    let chosen = |slug: &Option<Slug>| slug.as_ref().map(ToString::to_string).unwrap_or_default();
    let selects = vec![("campus", words.campus, chosen(&asked.campus), campuses), ("cycle", words.cycle, chosen(&asked.cycle), cycles)];
    let query = query_of::<CoursesAsked>(&request);
    // What is a filter or a later page of the same list is for people; engines read the list itself.
    let narrowed = !query.is_empty();
    let mut head = Head::of(&site, words.courses, format!("{}: {}", site.name(), words.courses), &site.path("/courses"));
    head.robots = if narrowed { "noindex,follow" } else { "index,follow" };
    head.json_ld = (!narrowed).then(|| json_ld::courses(&site, &found.items));
    let shown = CoursesPage {
        first: first_page(&site, "/courses", &query),
        next: next_page(&site, "/courses", &query, found.next.clone()),
        later: asked.cursor.is_some(),
        asked: Asked { q: asked.q.map(|q| q.to_string()).unwrap_or_default(), modality: asked.modality },
        selects,
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
    let found = offers(site.api(), site.scope(), filter, &matricula_ports::Page::first(1)).await?;
    let Some(offer) = found.items.into_iter().next() else {
        let slug = crate::catalog::public::slug_now(&site.call, &slug).await?;
        return Ok(moved(StatusCode::MOVED_PERMANENTLY, &site.page_path(PageOf::Course, slug.as_str())));
    };
    let runs = coming(site.api(), site.scope(), offer.course.id(), site.today()).await?;
    let details = offer.course.details();
    let text = details.description.as_ref().map(|text| text.to_html().into_owned()).unwrap_or_default();
    let content = PageContent {
        title: details.title.as_str(),
        text: &details.description.as_ref().map(Html::to_text).unwrap_or_default(),
        seo: details.seo.as_ref(),
        image: None,
    };
    let entity = (PageOf::Course, RecordId::from_uuid(offer.course.id().as_uuid()));
    let mut head = Head::told(&site, resolved(&site.call, entity, &details.slug, content).await?);
    head.json_ld = Some(json_ld::course(&site, &offer, &runs));
    let general = details.price.map(|price| (site.words.price, site.words.money(price)));
    let own = details.prices.iter().map(|own| (site.words.price_for(own.audience), site.words.money(own.price)));
    let prices = general.into_iter().chain(own).collect();
    page(&request, &CoursePage { site, head, offer, text, prices, runs }, PAGE_POLICY)
}

matricula_domain::form! {
    /// Which posts a page shows.
    pub struct BlogPostsAsked {
        /// With this tag.
        tag: Option<Slug>,
        /// Of this category.
        category: Option<Line<100>>,
        /// At most so many.
        limit: Option<Limit>,
        /// Where the page begins.
        cursor: Option<Place>,
    }
}

#[derive(Template)]
#[template(path = "site/blog_posts.html")]
struct BlogPostsPage {
    site: Site,
    head: Head,
    posts: Slice<BlogPost>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "site/blog_post.html")]
struct BlogPostPage {
    site: Site,
    head: Head,
    post: BlogPost,
}

pub(super) async fn blog_posts(site: Site, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let query = query_of::<BlogPostsAsked>(&request);
    let asked: BlogPostsAsked = read_query(&query)?;
    let filter = BlogPostFilter {
        status: Some(BlogPostStatus::Published),
        category: asked.category.map(|category| category.to_string()),
        tag: asked.tag.map(|tag| tag.to_string()),
        q: None,
    };
    let page_of = part(asked.limit.or(Some(Limit(24))), asked.cursor, None);
    let posts = site.api().publishing_queries.blog_posts(site.scope(), &filter, &page_of).await?;
    let next = next_page(&site, "/blog-posts", &query, posts.next.clone());
    let mut head = Head::of(&site, site.words.posts, format!("{}: {}", site.name(), site.words.posts), &site.path("/blog-posts"));
    head.robots = if query.is_empty() { "index,follow" } else { "noindex,follow" };
    page(&request, &BlogPostsPage { site, head, posts, next }, PAGE_POLICY)
}

pub(super) async fn blog_post(site: Site, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let slug: Slug = path_field(&request, "slug")?;
    let Some(post) = site.api().publishing_queries.published_blog_post(site.scope(), &slug).await? else {
        let slug = crate::publishing::public::slug_now(&site.call, &slug).await?;
        return Ok(moved(StatusCode::MOVED_PERMANENTLY, &site.page_path(PageOf::BlogPost, slug.as_str())));
    };
    note_view(&site.call, post.id());
    let details = post.details();
    let text = details.content.as_ref().map(Html::to_text).unwrap_or_default();
    let excerpt = details.excerpt.as_ref().map_or(text.as_str(), Prose::as_str);
    let content = PageContent { title: details.title.as_str(), text: excerpt, seo: None, image: None };
    let entity = (PageOf::BlogPost, RecordId::from_uuid(post.id().as_uuid()));
    let mut head = Head::told(&site, resolved(&site.call, entity, &details.slug, content).await?);
    head.json_ld = Some(json_ld::blog_post(&site, &post));
    page(&request, &BlogPostPage { site, head, post }, PAGE_POLICY)
}

/// A run of a published course.
pub(super) async fn offered_run(site: &Site, request: &HttpRequest) -> Result<OfferedRun, ApiError> {
    let id: CourseRunId = path_field(request, "id")?;
    let row =
        site.api().catalog_queries.run(site.scope(), id).await?.filter(|row| row.run.archived_at().is_none()).ok_or_else(ApiError::not_found)?;
    let filter = RunFilter { course: Some(row.run.plan().course_id), ..RunFilter::default() };
    let of_course = runs(site.api(), site.scope(), filter, &matricula_ports::Page::first(100)).await?;
    of_course.items.into_iter().find(|offered| offered.row.run.id() == id).ok_or_else(ApiError::not_found)
}

pub(super) async fn run(site: Site, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let run = offered_run(&site, &request).await?;
    let (plan, course) = (run.row.run.plan(), run.course.details());
    let day = site.words.day(plan.start_date);
    let place = run.campus.as_ref().map_or_else(|| site.words.modality(Modality::Online).to_owned(), |campus| campus.name.to_string());
    let mut head =
        Head::of(&site, &format!("{}, {day}", course.title), format!("{}. {day}. {place}.", course.title), &site.run_path(run.row.run.id()));
    head.json_ld = Some(json_ld::run(&site, &run));
    page(&request, &RunPage { site, head, run }, PAGE_POLICY)
}
