//! The pages of posts.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use matricula_domain::catalog::{PageContent, PageOf};
use matricula_domain::publishing::{BlogPost, BlogPostStatus, EntityType, MediaAsset};
use matricula_domain::shared::{Html, Id, Line, Prose, RecordId, Slug};
use matricula_ports::publishing::BlogPostFilter;

use super::media::Media;
use super::pages::{Head, next_page, query_of};
use super::{PAGE_POLICY, Site, json_ld, moved, page};
use crate::error::ApiError;
use crate::input::{path_field, read_query};
use crate::page::{Limit, Place, page as part};
use crate::pictures::{cover, covers};
use crate::publishing::public::note_view;
use crate::seo::resolved;

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
    posts: Vec<(BlogPost, Option<MediaAsset>)>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "site/blog_post.html")]
struct BlogPostPage {
    site: Site,
    head: Head,
    post: BlogPost,
    cover: Option<MediaAsset>,
    media: Media,
}

pub(super) async fn blog_posts(site: Site, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let query = query_of::<BlogPostsAsked>(&request);
    let asked: BlogPostsAsked = read_query(&query)?;
    let filter = BlogPostFilter {
        status: Some(BlogPostStatus::Published),
        category: asked.category.map(|category| category.to_string()),
        tag: asked.tag.map(|tag| tag.to_string()),
        author: None,
        q: None,
    };
    let page_of = part(asked.limit.or(Some(Limit(24))), asked.cursor, None);
    let posts = site.api().publishing_queries.blog_posts(site.scope(), &filter, &page_of).await?;
    let next = next_page(&site, "/blog-posts", &query, posts.next);
    let mut covers = covers(site.api(), site.scope(), EntityType::BlogPost, posts.items.iter().map(BlogPost::id)).await?;
    let posts = posts.items.into_iter().map(|post| {
        let cover = covers.remove(&RecordId::from_uuid(post.id().as_uuid()));
        (post, cover)
    });
    let posts = posts.collect();
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
    let cover = cover(site.api(), site.scope(), EntityType::BlogPost, post.id()).await?;
    let image = cover.as_ref().map(|cover| site.picture_address(cover));
    let content = PageContent { title: details.title.as_str(), text: excerpt, seo: None, image: image.as_deref() };
    let entity = (PageOf::BlogPost, RecordId::from_uuid(post.id().as_uuid()));
    let mut head = Head::told(&site, resolved(&site.call, entity, &details.slug, content).await?);
    head.json_ld = Some(json_ld::blog_post(&site, &post, cover.as_ref()));
    let media = site.media(EntityType::BlogPost, post.id()).await?;
    page(&request, &BlogPostPage { site, head, post, cover, media }, PAGE_POLICY)
}
