//! One catalogue, many mouths: what is published, as pages for people (no script, no cookie), as JSON-LD for search engines, as calendar,
//! CSV and XML feeds, and as a list for other sites to embed. All of them read the same [`offers`].

mod choices;
mod courses;
mod faqs;
mod feeds;
mod json_ld;
mod media;
mod offers;
mod pages;
mod posts;
mod words;

use std::borrow::Borrow;
use std::sync::LazyLock;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, Handler, HttpRequest, HttpResponse, Resource, Responder, guard, web};
use askama::Template;
use data_encoding::BASE32_NOPAD;
use matricula_domain::catalog::PageOf;
use matricula_domain::shared::{Id, Instant, Language, LocalDate};
use matricula_ports::Scope;
use sha2::{Digest, Sha256};

use self::words::Words;
use crate::api::Api;
use crate::call::Public;
use crate::error::{ApiError, wrong_method};
use crate::seo::page_path;

/// Puts the site onto a listener: `/site/{organization}/…`.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::scope("/site")
            .wrap(from_fn(refusals_are_pages))
            .service(reading("/style-{version}.css", style))
            .service(reading("/{organization}", home))
            .service(reading("/{organization}/", home))
            .service(reading("/{organization}/courses", courses::courses))
            .service(reading("/{organization}/courses/{slug}", courses::course))
            .service(reading("/{organization}/course-runs/{id}", courses::run))
            .service(reading("/{organization}/blog-posts", posts::blog_posts))
            .service(reading("/{organization}/blog-posts/{slug}", posts::blog_post))
            .service(reading("/{organization}/faqs", faqs::faqs))
            .service(reading("/{organization}/embed/courses", courses::embedded_courses))
            .service(reading("/{organization}/courses.csv", feeds::courses_csv))
            .service(reading("/{organization}/courses.xml", feeds::courses_xml))
            .service(reading("/{organization}/course-runs.csv", feeds::runs_csv))
            .service(reading("/{organization}/course-runs.xml", feeds::runs_xml))
            .service(reading("/{organization}/course-runs.ics", feeds::runs_calendar))
            .service(reading("/{organization}/course-runs/{id}/calendar.ics", feeds::run_calendar))
            .service(reading("/{organization}/sitemap.xml", feeds::sitemap))
            .service(reading("/{organization}/sitemap-lists.xml", feeds::sitemap_of_lists))
            .service(reading("/{organization}/sitemap-courses.xml", feeds::sitemap_of_courses))
            .service(reading("/{organization}/sitemap-blog-posts.xml", feeds::sitemap_of_blog_posts)),
    );
}

fn reading<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let reads = guard::Any(guard::Get()).or(guard::Head());
    web::resource(path).route(web::route().guard(reads).to(handler)).default_service(web::to(async || wrong_method("GET, HEAD")))
}

/// The site of an organization, as somebody looks at it.
pub(crate) struct Site {
    call: Public,
    words: &'static Words,
}

impl actix_web::FromRequest for Site {
    type Error = Error;
    type Future = futures_util::future::LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut actix_web::dev::Payload) -> Self::Future {
        let call = Public::from_request(request, payload);
        Box::pin(async move {
            let call = call.await?;
            call.api.limits.public(call.ip())?;
            let organization = call.visitor.organization();
            Ok(Self { words: Words::of(Language::of(&organization.locale)), call })
        })
    }
}

impl Site {
    fn api(&self) -> &Api {
        &self.call.api
    }

    fn scope(&self) -> &Scope {
        self.call.visitor.scope()
    }

    /// What the organization is called.
    fn name(&self) -> &str {
        &self.call.visitor.organization().name
    }

    /// The day that it is in the organization's own time zone.
    fn today(&self) -> LocalDate {
        self.date_of(self.call.api.world.clock.now())
    }

    /// The path of something of the site: pages of it refer to each other by paths, wherever the program is to be found.
    fn path(&self, of: &str) -> String {
        format!("/site/{}{of}", self.call.visitor.organization().slug)
    }

    fn course_path(&self, slug: &str) -> String {
        self.page_path(PageOf::Course, slug)
    }

    fn run_path(&self, id: impl Id) -> String {
        self.page_path(PageOf::CourseRun, &id.as_uuid().to_string())
    }

    fn page_path(&self, page_of: PageOf, slug: &str) -> String {
        page_path(&self.call.visitor.organization().slug, page_of, slug)
    }

    /// The day of a moment in the organization's own time zone.
    fn date_of(&self, at: impl Borrow<Instant>) -> LocalDate {
        self.call.visitor.organization().time_zone.date_of(*at.borrow())
    }

    /// The whole address of a path: what is read elsewhere needs it.
    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.call.api.public_url)
    }
}

/// The one style sheet. Its name changes with it, so that browsers may keep it for good.
const STYLE: &str = include_str!("style.css");

fn style_path() -> String {
    format!("/site/style-{}.css", style_version())
}

fn style_version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| BASE32_NOPAD.encode(&Sha256::digest(STYLE)[..10]).to_lowercase());
    &VERSION
}

async fn style(version: web::Path<String>) -> HttpResponse {
    if *version != style_version() {
        return HttpResponse::NotFound().finish();
    }
    HttpResponse::Ok().content_type("text/css; charset=utf-8").insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable")).body(STYLE)
}

async fn home(site: Site) -> HttpResponse {
    moved(StatusCode::FOUND, &site.path("/courses"))
}

fn moved(status: StatusCode, to: &str) -> HttpResponse {
    HttpResponse::build(status).insert_header((LOCATION, to)).finish()
}

/// Nothing of a page runs, and nothing of it comes from elsewhere but pictures.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' https:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// The same of a page that others show in a frame.
const EMBEDDED_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' https:; form-action 'none'; base-uri 'none'; frame-ancestors *";
/// How long what is published may be kept.
const KEPT: &str = "public, max-age=60";

/// A page. Who has it already is told so.
fn page(request: &HttpRequest, page: &impl Template, policy: &'static str) -> Result<HttpResponse, ApiError> {
    let html = page.render().map_err(|_| ApiError::unavailable())?;
    let tag = format!("\"{}\"", BASE32_NOPAD.encode(&Sha256::digest(&html)[..15]).to_lowercase());
    let known = request.headers().get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    if known.is_some_and(|tags| tags.split(',').any(|known| known.trim().trim_start_matches("W/") == tag)) {
        return Ok(HttpResponse::NotModified().insert_header((ETAG, tag)).insert_header((CACHE_CONTROL, KEPT)).finish());
    }
    let headers = [(ETAG, tag), (CACHE_CONTROL, KEPT.to_owned()), (CONTENT_SECURITY_POLICY, policy.to_owned())];
    let mut answer = HttpResponse::Ok();
    for header in headers {
        answer.insert_header(header);
    }
    Ok(answer.content_type("text/html; charset=utf-8").body(html))
}

/// What somebody sees in place of a page.
#[derive(Template)]
#[template(path = "site/refusal.html")]
struct Refusal {
    style: String,
    words: &'static Words,
    title: &'static str,
    detail: &'static str,
    /// Where to go on, if the organization is known.
    back: Option<String>,
}

/// People read pages, not problem documents. What came with the refusal (`Retry-After`) stays with it.
async fn refusals_are_pages(request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, Error> {
    let language = request.headers().get("Accept-Language").and_then(|told| told.to_str().ok()).unwrap_or_default().to_owned();
    let back = request.path().split('/').nth(2).filter(|slug| !slug.contains('.')).map(|slug| format!("/site/{slug}/courses"));
    let answered = match next.call(request).await {
        Ok(answered) => answered.map_into_boxed_body(),
        Err(error) => return Err(error),
    };
    let refused = answered.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
    if !refused {
        return Ok(answered);
    }
    let words = Words::of(Language::of(&language));
    let (title, detail) = match answered.status() {
        StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::UNPROCESSABLE_ENTITY => (words.not_there, words.not_there_detail),
        _ => (words.not_now, words.not_now_detail),
    };
    let html = Refusal { style: style_path(), words, title, detail, back }.render().unwrap_or_default();
    let mut answered = answered.map_body(|_, _| BoxBody::new(html));
    let headers = answered.headers_mut();
    headers.insert(CONTENT_TYPE, actix_web::http::header::HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, actix_web::http::header::HeaderValue::from_static(PAGE_POLICY));
    Ok(answered)
}
