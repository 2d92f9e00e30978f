//! What all pages have in common: what engines are told of them, and how a list goes on.

use actix_web::HttpRequest;
use matricula_domain::catalog::ResolvedSeo;
use matricula_domain::shared::Form;
use matricula_ports::{Cursor, Slice};

use super::Site;
use crate::page::Listed;

/// What search engines and those who share a page are told of it.
pub(super) struct Head {
    pub title: String,
    pub description: String,
    pub keywords: Vec<String>,
    pub robots: &'static str,
    pub canonical: String,
    pub og_title: String,
    pub og_description: String,
    pub og_image: Option<String>,
    pub twitter_card: &'static str,
    pub json_ld: Option<String>,
}

impl Head {
    /// Of a page that says no more of itself.
    pub(super) fn of(site: &Site, title: &str, description: String, path: &str) -> Self {
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
    pub(super) fn told(site: &Site, seo: ResolvedSeo) -> Self {
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

/// What of a query is about the page: campaigns and browsers add names of their own, and forms send empty fields.
pub(super) fn query_of<F: Form>(request: &HttpRequest) -> String {
    let kept = request.query_string().split('&').filter(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        !value.is_empty() && F::FIELDS.iter().any(|field| field.name == name)
    });
    kept.collect::<Vec<_>>().join("&")
}

/// A list as somebody asked for it, from its beginning.
pub(super) fn first_page(site: &Site, list: &str, query: &str) -> String {
    let others = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor=")).collect::<Vec<_>>().join("&");
    site.path(&if others.is_empty() { list.to_owned() } else { format!("{list}?{others}") })
}

/// Where the same list goes on, if it does.
pub(super) fn next_page(site: &Site, list: &str, query: &str, next: Option<Cursor>) -> Option<String> {
    let first = first_page(site, list, query);
    let cursor = Listed::of(Slice::<()> { items: Vec::new(), next }).next_cursor?;
    Some(format!("{first}{}cursor={cursor}", if first.contains('?') { "&" } else { "?" }))
}
