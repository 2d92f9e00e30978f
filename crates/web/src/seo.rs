//! Pages that everybody can find: their addresses, and what search engines are told of them.

use matricula_domain::catalog::{PageContent, PageOf, ResolvedSeo, SeoDetails, SeoMetadata};
use matricula_domain::shared::{RecordId, Slug};
use matricula_ports::PortError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::call::Public;

/// What search engines and social networks are told of a page; what nobody said is derived from the page.
#[derive(Serialize, ToSchema)]
pub(crate) struct ResolvedSeoView {
    title: String,
    description: String,
    keywords: Vec<String>,
    og_title: String,
    og_description: String,
    og_image: Option<String>,
    /// summary or `summary_large_image`.
    twitter_card: &'static str,
    canonical_url: String,
    robots: &'static str,
}

impl From<ResolvedSeo> for ResolvedSeoView {
    fn from(seo: ResolvedSeo) -> Self {
        Self {
            title: seo.title,
            description: seo.description,
            keywords: seo.keywords,
            og_title: seo.og_title,
            og_description: seo.og_description,
            og_image: seo.og_image,
            twitter_card: seo.twitter_card.as_str(),
            canonical_url: seo.canonical_url,
            robots: seo.robots.as_str(),
        }
    }
}

/// The path of a page of an organization below the address of the program: that of a course is `/site/academia/courses/soldadura`.
pub(crate) fn page_path(organization: &str, page_of: PageOf, slug: &str) -> String {
    let many = match page_of {
        PageOf::Course => "courses",
        PageOf::CourseRun => "course-runs",
        PageOf::BlogPost => "blog-posts",
        PageOf::Cycle => "cycles",
        PageOf::Campus => "campuses",
    };
    format!("/site/{organization}/{many}/{slug}")
}

/// What search engines are told of a page with this content.
pub(crate) async fn resolved(
    call: &Public,
    (entity_type, entity_id): (PageOf, RecordId),
    slug: &Slug,
    content: PageContent<'_>,
) -> Result<ResolvedSeo, PortError> {
    let told = call.api.seo_queries.seo_metadata(call.visitor.scope(), entity_type, entity_id).await?;
    let address = format!("{}{}", call.api.public_url, page_path(&call.visitor.organization().slug, entity_type, slug.as_str()));
    Ok(SeoDetails::resolve(told.as_ref().map(SeoMetadata::details), &content, &address))
}
