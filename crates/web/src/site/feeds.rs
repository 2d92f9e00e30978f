//! What programs read: calendar, CSV, XML, and the map of the site. Everything that is published, a part at a time: nothing is gathered
//! before it is sent.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use futures_util::stream;
use icalendar::{Calendar, Component, Event, EventLike, EventStatus};
use matricula_domain::catalog::{PageOf, RunStatus};
use matricula_domain::publishing::{BlogPost, BlogPostStatus};
use matricula_domain::shared::{Aggregate, Id, Instant};
use matricula_ports::catalog::{CourseFilter, RunFilter};
use matricula_ports::publishing::BlogPostFilter;
use matricula_ports::{Cursor, Page, PortError, Slice};

use super::courses::offered_run;
use super::json_ld::decimal;
use super::offers::{Offer, OfferedRun, Venue, offers, runs};
use super::{KEPT, Site};
use crate::error::ApiError;

/// How much is read at once.
const PART: u16 = 500;
/// How many addresses a map of a site may have (sitemaps.org).
const MOST_ADDRESSES: usize = 50_000;

/// What is written of each part, and what stands around all of it.
struct Feed<T> {
    kind: &'static str,
    file: &'static str,
    before: String,
    each: fn(&Site, &T) -> String,
    after: &'static str,
    most: usize,
}

/// Where the writing of a feed is.
enum Place {
    Before,
    At(Option<Cursor>),
    After,
    Over,
}

impl<T: 'static> Feed<T> {
    /// Sends it, reading on whenever the receiver has taken what was read.
    fn send(self, site: Site, read: impl AsyncFn(&Site, &Page) -> Result<Slice<T>, PortError> + 'static) -> HttpResponse {
        let mut answer = HttpResponse::Ok();
        answer.content_type(self.kind).insert_header((CACHE_CONTROL, KEPT));
        answer.insert_header((CONTENT_DISPOSITION, format!("inline; filename=\"{}\"", self.file)));
        let left = self.most;
        let writing = (self, site, read, Place::Before, left);
        answer.streaming(Box::pin(stream::unfold(writing, async |(feed, site, read, place, left)| {
            let (written, next, left) = match place {
                Place::Before => (Ok(Bytes::from(feed.before.clone())), Place::At(None), left),
                Place::At(after) => match read(&site, &Page { after, ..Page::first(PART) }).await {
                    Ok(part) => {
                        let text: String = part.items.iter().take(left).map(|item| (feed.each)(&site, item)).collect();
                        let left = left.saturating_sub(part.items.len());
                        let next = if part.next.is_some() && left > 0 { Place::At(part.next) } else { Place::After };
                        (Ok(Bytes::from(text)), next, left)
                    }
                    // The receiver sees that the feed was cut off, and has not got one that is whole.
                    Err(error) => (Err(std::io::Error::other(error)), Place::Over, left),
                },
                Place::After => (Ok(Bytes::from_static(feed.after.as_bytes())), Place::Over, left),
                Place::Over => return None,
            };
            Some((written, (feed, site, read, next, left)))
        })))
    }
}

async fn all_courses(site: &Site, page: &Page) -> Result<Slice<Offer>, PortError> {
    offers(site.api(), site.scope(), CourseFilter::default(), page).await
}

/// Runs that somebody can still come to.
async fn all_runs(site: &Site, page: &Page) -> Result<Slice<OfferedRun>, PortError> {
    let mut part = runs(site.api(), site.scope(), RunFilter::default(), page).await?;
    let today = site.today();
    part.items.retain(|offered| offered.row.run.plan().end_date >= today);
    Ok(part)
}

/// A row of CSV (RFC 4180). What a spreadsheet would take for a formula begins with an apostrophe.
fn row(cells: &[String]) -> String {
    let cells = cells.iter().map(|cell| {
        let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
        format!("\"{}{}\"", if formula { "'" } else { "" }, cell.replace('"', "\"\""))
    });
    cells.collect::<Vec<_>>().join(",") + "\r\n"
}

fn header(names: &[&str]) -> String {
    row(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
}

impl Site {
    /// The name of the machine, in which the names of events end.
    fn host(&self) -> &str {
        let address = &self.call.api.public_url;
        address.split_once("://").map_or(address.as_str(), |(_, rest)| rest).split(['/', ':']).next().unwrap_or_default()
    }
}

fn names(campuses: &[Venue]) -> String {
    campuses.iter().map(|campus| campus.name.to_string()).collect::<Vec<_>>().join("; ")
}

pub(super) async fn courses_csv(site: Site) -> HttpResponse {
    let columns = ["slug", "title", "modality", "duration_hours", "price", "currency", "cycle", "category", "level", "campuses", "url"];
    let each = |site: &Site, offer: &Offer| {
        let details = offer.course.details();
        row(&[
            details.slug.to_string(),
            details.title.to_string(),
            details.modality.to_string(),
            details.duration_hours.to_string(),
            details.price.as_ref().map(decimal).unwrap_or_default(),
            details.price.map(|price| price.currency.as_str().to_owned()).unwrap_or_default(),
            offer.cycle.as_ref().map(|cycle| cycle.name.to_string()).unwrap_or_default(),
            details.category.as_ref().map(ToString::to_string).unwrap_or_default(),
            details.level.as_ref().map(ToString::to_string).unwrap_or_default(),
            names(&offer.campuses),
            site.address(&site.course_path(details.slug.as_str())),
        ])
    };
    Feed { kind: "text/csv; charset=utf-8", file: "courses.csv", before: header(&columns), each, after: "", most: usize::MAX }.send(site, all_courses)
}

pub(super) async fn runs_csv(site: Site) -> HttpResponse {
    let columns = ["id", "course", "title", "start_date", "end_date", "enroll_until", "campus", "city", "status", "seats", "url"];
    let each = |site: &Site, run: &OfferedRun| {
        let (plan, details) = (run.row.run.plan(), run.course.details());
        row(&[
            run.row.run.id().to_string(),
            details.slug.to_string(),
            details.title.to_string(),
            plan.start_date.to_string(),
            plan.end_date.to_string(),
            plan.last_day_to_enroll().to_string(),
            run.campus.as_ref().map(|campus| campus.name.to_string()).unwrap_or_default(),
            run.campus.as_ref().map(|campus| campus.city.to_string()).unwrap_or_default(),
            run.row.run.status().to_string(),
            run.seats(site.words).unwrap_or_default(),
            site.address(&site.run_path(run.row.run.id())),
        ])
    };
    Feed { kind: "text/csv; charset=utf-8", file: "course-runs.csv", before: header(&columns), each, after: "", most: usize::MAX }
        .send(site, all_runs)
}

#[derive(Template)]
#[template(path = "site/course.xml")]
struct CourseXml<'a> {
    site: &'a Site,
    offer: &'a Offer,
}

#[derive(Template)]
#[template(path = "site/run.xml")]
struct RunXml<'a> {
    site: &'a Site,
    run: &'a OfferedRun,
}

#[derive(Template)]
#[template(path = "site/address.xml")]
struct AddressXml {
    address: String,
    /// The day of its last change, if anybody knows.
    changed: Option<String>,
}

const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

pub(super) async fn courses_xml(site: Site) -> HttpResponse {
    let each = |site: &Site, offer: &Offer| CourseXml { site, offer }.render().unwrap_or_default();
    let before = format!("{XML}<courses>\n");
    Feed { kind: "application/xml", file: "courses.xml", before, each, after: "</courses>\n", most: usize::MAX }.send(site, all_courses)
}

pub(super) async fn runs_xml(site: Site) -> HttpResponse {
    let each = |site: &Site, run: &OfferedRun| RunXml { site, run }.render().unwrap_or_default();
    let before = format!("{XML}<course_runs>\n");
    Feed { kind: "application/xml", file: "course-runs.xml", before, each, after: "</course_runs>\n", most: usize::MAX }.send(site, all_runs)
}

/// Which maps there are.
pub(super) async fn sitemap(site: Site) -> HttpResponse {
    let maps = ["lists", "courses", "blog-posts"]
        .map(|kind| format!("<sitemap><loc>{}</loc></sitemap>\n", site.address(&site.path(&format!("/sitemap-{kind}.xml")))));
    let text = format!("{XML}<sitemapindex xmlns=\"{SITEMAPS}\">\n{}</sitemapindex>\n", maps.concat());
    HttpResponse::Ok().content_type("application/xml").insert_header((CACHE_CONTROL, KEPT)).body(text)
}

const SITEMAPS: &str = "http://www.sitemaps.org/schemas/sitemap/0.9";

/// A map of the newest pages of a kind: as many as a map may have.
fn map<T: 'static>(file: &'static str, each: fn(&Site, &T) -> String) -> Feed<T> {
    let before = format!("{XML}<urlset xmlns=\"{SITEMAPS}\">\n");
    Feed { kind: "application/xml", file, before, each, after: "</urlset>\n", most: MOST_ADDRESSES }
}

fn address(site: &Site, path: &str, changed: Option<Instant>) -> String {
    AddressXml { address: site.address(path), changed: changed.map(|at| site.date_of(at).to_string()) }.render().unwrap_or_default()
}

/// A map of the pages on which the others are listed.
pub(super) async fn sitemap_of_lists(site: Site) -> HttpResponse {
    let lists = ["/courses", "/blog-posts", "/faqs"].map(|list| address(&site, &site.path(list), None));
    let text = format!("{XML}<urlset xmlns=\"{SITEMAPS}\">\n{}</urlset>\n", lists.concat());
    HttpResponse::Ok().content_type("application/xml").insert_header((CACHE_CONTROL, KEPT)).body(text)
}

pub(super) async fn sitemap_of_courses(site: Site) -> HttpResponse {
    let each = |site: &Site, offer: &Offer| address(site, &site.course_path(offer.course.details().slug.as_str()), Some(offer.course.updated_at()));
    map("sitemap-courses.xml", each).send(site, all_courses)
}

pub(super) async fn sitemap_of_blog_posts(site: Site) -> HttpResponse {
    let each = |site: &Site, post: &BlogPost| address(site, &site.page_path(PageOf::BlogPost, post.details().slug.as_str()), Some(post.updated_at()));
    map("sitemap-blog-posts.xml", each).send(site, async |site: &Site, page: &Page| {
        let filter = BlogPostFilter { status: Some(BlogPostStatus::Published), ..BlogPostFilter::default() };
        site.api().publishing_queries.blog_posts(site.scope(), &filter, page).await
    })
}

/// A run in a calendar: whole days, the same name for ever, and a number that grows with each change (RFC 5545).
fn event(site: &Site, offered: &OfferedRun) -> Event {
    let (run, details) = (&offered.row.run, offered.course.details());
    let plan = run.plan();
    let mut event = Event::new();
    event.uid(&format!("{}@{}", run.id().as_uuid(), site.host())).timestamp(run.updated_at()).last_modified(run.updated_at());
    event.sequence(run.version()).summary(&details.title.to_string()).url(&site.address(&site.run_path(run.id())));
    event.starts(plan.start_date).ends(plan.end_date.succ_opt().unwrap_or(plan.end_date));
    event.status(if run.status() == RunStatus::Cancelled { EventStatus::Cancelled } else { EventStatus::Confirmed });
    if let Some(campus) = &offered.campus {
        let place = [Some(campus.name.to_string()), campus.address.as_ref().map(ToString::to_string), Some(campus.city.to_string())];
        event.location(&place.into_iter().flatten().collect::<Vec<_>>().join(", "));
    }
    event.done()
}

const CALENDAR: &str = "text/calendar; charset=utf-8";

/// An empty calendar, up to where its events begin.
fn calendar_before(site: &Site) -> String {
    let mut calendar = Calendar::new();
    calendar.name(site.name());
    let text = calendar.done().to_string();
    text.strip_suffix("END:VCALENDAR\r\n").unwrap_or(&text).to_owned()
}

pub(super) async fn runs_calendar(site: Site) -> HttpResponse {
    let each = |site: &Site, run: &OfferedRun| event(site, run).to_string();
    Feed { kind: CALENDAR, file: "course-runs.ics", before: calendar_before(&site), each, after: "END:VCALENDAR\r\n", most: usize::MAX }
        .send(site, all_runs)
}

pub(super) async fn run_calendar(site: Site, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let run = offered_run(&site, &request).await?;
    let text = format!("{}{}END:VCALENDAR\r\n", calendar_before(&site), event(&site, &run).to_string());
    Ok(HttpResponse::Ok().content_type(CALENDAR).insert_header((CACHE_CONTROL, KEPT)).body(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_none_ends_early() {
        let cells = ["=1+1", "a\"b", "c,d\ne", "-5", "＝1", "fine", ""].map(str::to_owned);
        assert_eq!(row(&cells), "\"'=1+1\",\"a\"\"b\",\"c,d\ne\",\"'-5\",\"'＝1\",\"fine\",\"\"\r\n");
    }
}
