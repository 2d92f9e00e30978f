//! What search engines are told, and slugs that things had.

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use matricula_application::access::{ManageCatalog, ReadCatalog};
use matricula_domain::catalog::{PageOf, Redirect, RedirectId, Robots, SeoDetails, SeoMetadata, TwitterCard};
use matricula_domain::shared::{Aggregate, Id, Line, Prose, RecordId, WebAddress};
use matricula_ports::catalog::SeoFilter;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Answer, Answered};
use crate::call::{Basics, May};
use crate::error::ApiError;
use crate::input::{Body, Query, path_field};
use crate::page::{Limit, Listed, PageQuery, Place, page};
use crate::route::Route;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/seo-metadata", "listSeoMetadata", "catalog", list)
            .says("What search engines and social networks are told of things, newest first.")
            .needs::<ReadCatalog>()
            .asks::<SeoMetadataQuery>()
            .gives_page_of::<SeoMetadataView>(),
        Route::get("/seo-metadata/{entity_type}/{id}", "getSeoMetadata", "catalog", get)
            .says("What search engines and social networks are told of something, as far as anybody said it.")
            .needs::<ReadCatalog>()
            .gives::<SeoMetadataView>(200),
        Route::put("/seo-metadata/{entity_type}/{id}", "describe", "catalog", describe)
            .says("Says what search engines and social networks are told of something, instead of what was said before; with `If-Match: *` for the first time.")
            .needs::<ManageCatalog>()
            .takes::<SeoDetails>()
            .gives::<SeoMetadataView>(200),
        Route::get("/redirects", "listRedirects", "catalog", redirects)
            .says("Slugs that things had, newest first: whoever asks for one is led on.")
            .needs::<ReadCatalog>()
            .asks::<PageQuery>()
            .gives_page_of::<RedirectView>(),
        Route::post("/redirects/{id}/remove", "removeRedirect", "catalog", remove)
            .says("Removes a redirect for good.")
            .needs::<ManageCatalog>()
            .gives_nothing(),
    ]
}

matricula_domain::form! {
    /// Which of what search engines are told.
    pub struct SeoMetadataQuery {
        /// Of things of this kind.
        entity_type: Option<PageOf>,
        /// With this keyword.
        keyword: Option<Line<60>>,
        /// At most so many items (1–100, default 50).
        limit: Option<Limit>,
        /// Where the page begins: `next_cursor` of the page before.
        cursor: Option<Place>,
    }
}

/// What search engines and social networks are told of something.
#[derive(Serialize, ToSchema)]
struct SeoMetadataView {
    /// course, `course_run`, `blog_post`, cycle or campus.
    entity_type: &'static str,
    entity_id: Uuid,
    title: Option<String>,
    description: Option<String>,
    keywords: Vec<String>,
    og_title: Option<String>,
    og_description: Option<String>,
    og_image: Option<String>,
    /// summary or `summary_large_image`.
    twitter_card: Option<&'static str>,
    canonical_url: Option<String>,
    robots: Option<&'static str>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<&SeoMetadata> for SeoMetadataView {
    fn from(metadata: &SeoMetadata) -> Self {
        let (parts, details) = (metadata.parts(), metadata.details());
        let prose = |text: &Option<Prose<1000>>| text.as_ref().map(|text| text.as_str().to_owned());
        let address = |address: &Option<WebAddress>| address.as_ref().map(|address| address.as_str().to_owned());
        Self {
            entity_type: parts.entity_type.as_str(),
            entity_id: parts.entity_id.as_uuid(),
            title: details.title.as_ref().map(Line::to_string),
            description: prose(&details.description),
            keywords: details.keywords.iter().map(Line::to_string).collect(),
            og_title: details.og_title.as_ref().map(Line::to_string),
            og_description: prose(&details.og_description),
            og_image: address(&details.og_image),
            twitter_card: details.twitter_card.map(TwitterCard::as_str),
            canonical_url: address(&details.canonical_url),
            robots: details.robots.map(Robots::as_str),
            created_at: parts.created_at,
            updated_at: parts.updated_at,
        }
    }
}

/// A slug that something had.
#[derive(Serialize, ToSchema)]
struct RedirectView {
    id: Uuid,
    /// course or `blog_post`.
    entity_type: &'static str,
    slug: String,
    entity_id: Uuid,
    created_at: DateTime<Utc>,
}

impl From<Redirect> for RedirectView {
    fn from(redirect: Redirect) -> Self {
        let parts = redirect.parts();
        Self {
            id: parts.id.as_uuid(),
            entity_type: parts.entity_type.as_str(),
            slug: parts.slug.to_string(),
            entity_id: parts.entity_id.as_uuid(),
            created_at: parts.created_at,
        }
    }
}

fn answer(metadata: &SeoMetadata) -> Answer {
    Answer::ok(&SeoMetadataView::from(metadata)).etag(metadata.version())
}

/// What the path is about.
fn entity(call: &Basics) -> Result<(PageOf, RecordId), ApiError> {
    Ok((path_field(&call.request, "entity_type")?, path_field(&call.request, "id")?))
}

async fn list(call: May<ReadCatalog>, query: Query<SeoMetadataQuery>, request: HttpRequest) -> Answered {
    let query = query.0;
    let filter = SeoFilter { entity_type: query.entity_type, keyword: query.keyword.map(|keyword| keyword.to_string()) };
    let found = call.api.seo_queries.all_seo_metadata(call.who.scope(), &filter, &page(query.limit, query.cursor, None)).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(|metadata| SeoMetadataView::from(&metadata)))))
}

async fn get(call: May<ReadCatalog>) -> Answered {
    let (entity_type, entity_id) = entity(&call)?;
    let found = call.api.seo_queries.seo_metadata(call.who.scope(), entity_type, entity_id).await?;
    Ok(answer(&found.ok_or_else(ApiError::not_found)?))
}

async fn describe(call: May<ManageCatalog>, body: Body<SeoDetails>) -> Answered {
    let entity = entity(&call)?;
    let expected = call.expected()?;
    Ok(answer(&call.api.catalog.describe(&call.who, entity, &body, expected).await?))
}

async fn redirects(call: May<ReadCatalog>, query: Query<PageQuery>, request: HttpRequest) -> Answered {
    let found = call.api.seo_queries.redirects(call.who.scope(), &page(query.0.limit, query.0.cursor, None)).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(RedirectView::from))))
}

async fn remove(call: May<ManageCatalog>) -> Answered {
    let id: RedirectId = path_field(&call.request, "id")?;
    call.api.catalog.remove_redirect(&call.who, id).await?;
    Ok(Answer::nothing())
}
