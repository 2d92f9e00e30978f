//! What everybody reads: posts that are published.

use actix_web::HttpRequest;
use actix_web::http::header::USER_AGENT;
use chrono::{DateTime, Utc};
use matricula_domain::catalog::{PageContent, PageOf};
use matricula_domain::publishing::{BlogPost, BlogPostId, BlogPostStatus, EntityType, MediaAsset};
use matricula_domain::shared::{Html, Id, Language, Line, Prose, RecordId, Slug};
use matricula_ports::publishing::BlogPostFilter;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Answer, Answered};
use crate::call::Public;
use crate::error::ApiError;
use crate::input::{Query, path_field};
use crate::page::{Limit, Listed, Place, page};
use crate::pictures::{cover, covers, picture_address};
use crate::seo::{ResolvedSeoView, resolved};

matricula_domain::form! {
    /// Which published posts.
    pub struct PublicBlogPostsQuery {
        /// With this tag.
        tag: Option<Slug>,
        /// Of this category.
        category: Option<Line<100>>,
        /// Found by these words, in Spanish or English, in whatever form. The list runs by relevance then, and ends after some hundreds.
        q: Option<Line<200>>,
        /// At most so many items (1–100, default 50).
        limit: Option<Limit>,
        /// Where the page begins: `next_cursor` of the page before.
        cursor: Option<Place>,
    }
}

/// A published post as it stands in lists: without its content.
#[derive(Serialize, ToSchema)]
pub(super) struct PublicBlogPostItem {
    id: Uuid,
    slug: String,
    title: String,
    excerpt: Option<String>,
    category: Option<String>,
    tags: Vec<String>,
    /// The picture that stands for it, once that is published.
    featured_image_id: Option<Uuid>,
    /// es or en.
    language: Option<&'static str>,
    published_at: Option<DateTime<Utc>>,
}

impl PublicBlogPostItem {
    fn of(post: &BlogPost, cover: Option<&MediaAsset>) -> Self {
        let details = post.details();
        Self {
            id: post.id().as_uuid(),
            slug: details.slug.to_string(),
            title: details.title.to_string(),
            excerpt: details.excerpt.as_ref().map(Prose::as_str).map(str::to_owned),
            category: details.category.as_ref().map(Line::to_string),
            tags: details.tags.iter().map(Slug::to_string).collect(),
            featured_image_id: cover.map(|cover| cover.id.as_uuid()),
            language: details.language.map(Language::as_str),
            published_at: post.published_at(),
        }
    }
}

/// A published post.
#[derive(Serialize, ToSchema)]
pub(super) struct PublicBlogPostView {
    #[serde(flatten)]
    item: PublicBlogPostItem,
    /// Text, or simple HTML without anything active.
    content: Option<String>,
    youtube_video_ids: Vec<String>,
    seo: ResolvedSeoView,
}

pub(super) async fn list(call: Public, query: Query<PublicBlogPostsQuery>, request: HttpRequest) -> Answered {
    call.api.limits.public(call.ip())?;
    let query = query.0;
    let filter = BlogPostFilter {
        status: Some(BlogPostStatus::Published),
        category: query.category.map(|category| category.to_string()),
        tag: query.tag.map(|tag| tag.to_string()),
        author: None,
        q: query.q.map(|q| q.to_string()),
    };
    let found = call.api.publishing_queries.blog_posts(call.visitor.scope(), &filter, &page(query.limit, query.cursor, None)).await?;
    let covers = covers(&call.api, call.visitor.scope(), EntityType::BlogPost, found.items.iter().map(BlogPost::id)).await?;
    let item = |post: BlogPost| PublicBlogPostItem::of(&post, covers.get(&RecordId::from_uuid(post.id().as_uuid())));
    Ok(Answer::list(&request, &Listed::of(found.map(item))))
}

pub(super) async fn get(call: Public) -> Answered {
    call.api.limits.public(call.ip())?;
    let slug: Slug = path_field(&call.request, "slug")?;
    let Some(post) = call.api.publishing_queries.published_blog_post(call.visitor.scope(), &slug).await? else {
        return moved(&call, &slug).await;
    };
    note_view(&call, post.id());
    let details = post.details();
    let text = details.content.as_ref().map(Html::to_text).unwrap_or_default();
    let excerpt = details.excerpt.as_ref().map_or(text.as_str(), Prose::as_str);
    let entity = (PageOf::BlogPost, RecordId::from_uuid(post.id().as_uuid()));
    let cover = cover(&call.api, call.visitor.scope(), EntityType::BlogPost, post.id()).await?;
    let image = cover.as_ref().map(|cover| picture_address(&call, cover));
    let content = PageContent { title: details.title.as_str(), text: excerpt, seo: None, image: image.as_deref() };
    let seo = resolved(&call, entity, &slug, content).await?;
    Ok(Answer::ok(&PublicBlogPostView {
        item: PublicBlogPostItem::of(&post, cover.as_ref()),
        content: details.content.as_ref().map(Html::as_str).map(str::to_owned),
        youtube_video_ids: details.youtube_video_ids.iter().map(ToString::to_string).collect(),
        seo: seo.into(),
    }))
}

/// Leads whoever asks for a slug that a post had to that which it has, if it is published.
async fn moved(call: &Public, slug: &Slug) -> Answered {
    let slug = slug_now(call, slug).await?;
    Ok(Answer::moved(format!("/api/v1/public/{}/blog-posts/{slug}", call.visitor.organization().slug)))
}

/// The slug of the published post that had this one.
pub(crate) async fn slug_now(call: &Public, slug: &Slug) -> Result<Slug, ApiError> {
    let scope = call.visitor.scope();
    let to = call.api.seo_queries.redirect(scope, PageOf::BlogPost, slug).await?.ok_or_else(ApiError::not_found)?;
    let post = call.api.publishing_queries.blog_post(scope, BlogPostId::from_uuid(to.as_uuid())).await?;
    let post = post.filter(|post| post.status() == BlogPostStatus::Published && post.archived_at().is_none()).ok_or_else(ApiError::not_found)?;
    Ok(post.details().slug.clone())
}

/// Notes that somebody reads a post, unless it is a program that says so. Nothing of the reader is kept.
pub(crate) fn note_view(call: &Public, post: BlogPostId) {
    let agent = call.request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    if !is_robot(agent) {
        call.api.views.note(&call.visitor, post);
    }
}

/// Words by which crawlers, previews and command lines name themselves.
const ROBOTS: [&str; 12] =
    ["bot", "crawl", "spider", "slurp", "preview", "facebookexternalhit", "headless", "curl", "wget", "python", "monitor", "feed"];

/// Whether a program names itself a robot, or does not name itself at all.
fn is_robot(agent: &str) -> bool {
    let agent = agent.to_ascii_lowercase();
    agent.is_empty() || ROBOTS.iter().any(|word| agent.contains(word))
}

#[cfg(test)]
mod tests {
    use super::is_robot;

    #[test]
    fn who_names_itself_a_robot_is_one() {
        for robot in ["", "Googlebot/2.1", "Mozilla/5.0 (compatible; bingbot/2.0)", "WhatsApp/2 LinkPreview", "curl/8.5.0", "facebookexternalhit/1.1"]
        {
            assert!(is_robot(robot), "{robot}");
        }
        assert!(!is_robot("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"));
    }
}
