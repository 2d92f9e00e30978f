//! The page of questions that are often asked.

use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use matricula_domain::publishing::{Faq, FaqCategory};
use matricula_domain::shared::{Field, Record, Value};
use matricula_ports::records::{RecordFilter, RecordRow};
use matricula_ports::{Page, PortError};

use super::pages::{Head, next_page, query_of};
use super::{PAGE_POLICY, Site, json_ld, page};
use crate::error::ApiError;
use crate::input::read_query;
use crate::page::{Limit, Place, page as part};

matricula_domain::form! {
    /// Which questions a page shows.
    pub struct FaqsAsked {
        /// About this.
        category: Option<FaqCategory>,
        /// Of each category at most so many.
        limit: Option<Limit>,
        /// Where the page begins, if it is about one category.
        cursor: Option<Place>,
    }
    check |this, faults| {
        if this.cursor.is_some() && this.category.is_none() {
            faults.add(matricula_domain::shared::Fault::new("REQUIRED", "a later page is one of a category").under("category"));
        }
    }
}

/// The questions about one thing.
struct Questions {
    category: FaqCategory,
    faqs: Vec<Faq>,
    /// Where they go on, if they do.
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "site/faqs.html")]
struct FaqsPage {
    site: Site,
    head: Head,
    groups: Vec<Questions>,
}

/// The published questions of a category, in their order.
async fn questions(site: &Site, category: FaqCategory, page: &Page) -> Result<Questions, PortError> {
    let filter = RecordFilter { equal: vec![("is_published", Value::Bool(true)), ("category", category.value())], archived: false };
    let found = site.api().record_queries.list(site.scope(), &Faq::SCHEMA, &filter, page).await?;
    let faqs = found.items.into_iter().map(RecordRow::typed::<Faq>).map(|row| row.map(|stored| stored.record().clone()));
    let query = format!("category={category}&limit={}", page.limit);
    Ok(Questions { category, faqs: faqs.collect::<Result<_, _>>()?, next: next_page(site, "/faqs", &query, found.next) })
}

pub(super) async fn faqs(site: Site, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let query = query_of::<FaqsAsked>(&request);
    let asked: FaqsAsked = read_query(&query)?;
    let part = part(asked.limit.or(Some(Limit(100))), asked.cursor, None);
    let mut groups = Vec::new();
    for category in FaqCategory::ALL.iter().copied().filter(|category| asked.category.is_none_or(|asked| asked == *category)) {
        let group = questions(&site, category, &part).await?;
        if !group.faqs.is_empty() {
            groups.push(group);
        }
    }
    let title = site.words.faqs;
    let mut head = Head::of(&site, title, format!("{}: {title}", site.name()), &site.path("/faqs"));
    head.robots = if query.is_empty() { "index,follow" } else { "noindex,follow" };
    let all = groups.iter().flat_map(|group| &group.faqs);
    head.json_ld = (query.is_empty() && !groups.is_empty()).then(|| json_ld::faqs(&site, all));
    page(&request, &FaqsPage { site, head, groups }, PAGE_POLICY)
}
