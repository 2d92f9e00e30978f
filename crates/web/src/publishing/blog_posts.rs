use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use matricula_application::access::{ManagePublishing, ReadPublishing};
use matricula_domain::identity::UserId;
use matricula_domain::publishing::{BlogPost, BlogPostDetails, BlogPostId, BlogPostStatus};
use matricula_domain::shared::{Aggregate, Form, Html, Id, Instant, Language, Line, Prose, Slug};
use matricula_ports::publishing::BlogPostFilter;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Answer, Answered};
use crate::call::May;
use crate::error::ApiError;
use crate::input::{Body, Query, Raw, path_field};
use crate::page::{Limit, Listed, Place, Sort, page};
use crate::route::Route;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/blog-posts", "listBlogPosts", "publishing", list)
            .says("Posts that are not archived, without their contents, newest first: published ones by the time of their publication if only they are asked for. What words find comes by its relevance.")
            .needs::<ReadPublishing>()
            .asks::<BlogPostsQuery>()
            .gives_page_of::<BlogPostItem>(),
        Route::post("/blog-posts", "draftBlogPost", "publishing", draft)
            .says("Drafts a post.")
            .needs::<ManagePublishing>()
            .once()
            .takes::<BlogPostDetails>()
            .gives::<BlogPostView>(201),
        Route::get("/blog-posts/{id}", "getBlogPost", "publishing", get)
            .says("One post, with how often it was viewed.")
            .needs::<ReadPublishing>()
            .gives::<BlogPostView>(200),
        Route::patch("/blog-posts/{id}", "changeBlogPost", "publishing", change)
            .says("Changes the fields that are named.")
            .needs::<ManagePublishing>()
            .takes_patch_of(BlogPostDetails::FIELDS)
            .gives::<BlogPostView>(200),
        Route::post("/blog-posts/{id}/transitions", "moveBlogPost", "publishing", transition)
            .says("Publishes a post now or at a time to come, withdraws, retires or reopens it; what is missing before publication is listed at once.")
            .needs::<ManagePublishing>()
            .once()
            .takes::<BlogPostMove>()
            .gives::<BlogPostView>(200),
        Route::post("/blog-posts/{id}/archive", "archiveBlogPost", "publishing", archive)
            .says("Hides it, with undo.")
            .needs::<ManagePublishing>()
            .gives::<BlogPostView>(200),
        Route::post("/blog-posts/{id}/restore", "restoreBlogPost", "publishing", restore)
            .says("Undoes archiving.")
            .needs::<ManagePublishing>()
            .gives::<BlogPostView>(200),
    ]
}

matricula_domain::form! {
    /// Which posts.
    pub struct BlogPostsQuery {
        /// In this state.
        status: Option<BlogPostStatus>,
        /// Of this category.
        category: Option<Line<100>>,
        /// With this tag.
        tag: Option<Slug>,
        /// Signed by this user.
        author_id: Option<UserId>,
        /// Found by these words, in Spanish or English, in whatever form. The list runs by relevance then, and ends after some hundreds.
        q: Option<Line<200>>,
        /// Which way the list runs, where no words are sought.
        sort: Option<Sort>,
        /// At most so many items (1–100, default 50).
        limit: Option<Limit>,
        /// Where the page begins: `next_cursor` of the page before.
        cursor: Option<Place>,
    }
}

matricula_domain::form! {
    /// Where a post goes.
    pub struct BlogPostMove {
        /// The state.
        to: BlogPostStatus,
        /// When it will be published, if it is scheduled.
        publish_at: Option<Instant>,
    }
}

/// A post as it stands in lists: without its content.
#[derive(Serialize, ToSchema)]
pub(super) struct BlogPostItem {
    id: Uuid,
    slug: String,
    title: String,
    excerpt: Option<String>,
    category: Option<String>,
    tags: Vec<String>,
    featured_image_id: Option<Uuid>,
    author_id: Option<Uuid>,
    /// es or en.
    language: Option<&'static str>,
    /// draft, scheduled, published or archived.
    status: &'static str,
    /// Since when everybody reads it, or from when on everybody will.
    published_at: Option<DateTime<Utc>>,
    /// How often it was viewed, a few seconds ago.
    views_count: u64,
    archived_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<&BlogPost> for BlogPostItem {
    fn from(post: &BlogPost) -> Self {
        let details = post.details();
        Self {
            id: post.id().as_uuid(),
            slug: details.slug.to_string(),
            title: details.title.to_string(),
            excerpt: details.excerpt.as_ref().map(Prose::as_str).map(str::to_owned),
            category: details.category.as_ref().map(Line::to_string),
            tags: details.tags.iter().map(Slug::to_string).collect(),
            featured_image_id: details.featured_image_id.map(Id::as_uuid),
            author_id: details.author_id.map(Id::as_uuid),
            language: details.language.map(Language::as_str),
            status: post.status().as_str(),
            published_at: post.published_at(),
            views_count: post.views_count(),
            archived_at: post.archived_at(),
            created_at: post.created_at(),
            updated_at: post.updated_at(),
        }
    }
}

/// A post.
#[derive(Serialize, ToSchema)]
pub(super) struct BlogPostView {
    #[serde(flatten)]
    item: BlogPostItem,
    /// Text, or simple HTML without anything active.
    content: Option<String>,
    youtube_video_ids: Vec<String>,
}

impl From<&BlogPost> for BlogPostView {
    fn from(post: &BlogPost) -> Self {
        let details = post.details();
        Self {
            item: BlogPostItem::from(post),
            content: details.content.as_ref().map(Html::as_str).map(str::to_owned),
            youtube_video_ids: details.youtube_video_ids.iter().map(ToString::to_string).collect(),
        }
    }
}

fn answer(post: &BlogPost) -> Answer {
    Answer::ok(&BlogPostView::from(post)).etag(post.version())
}

impl From<BlogPostsQuery> for BlogPostFilter {
    fn from(query: BlogPostsQuery) -> Self {
        Self {
            status: query.status,
            category: query.category.map(|category| category.to_string()),
            tag: query.tag.map(|tag| tag.to_string()),
            author: query.author_id,
            q: query.q.map(|q| q.to_string()),
        }
    }
}

async fn list(call: May<ReadPublishing>, query: Query<BlogPostsQuery>, request: HttpRequest) -> Answered {
    let query = query.0;
    let page = page(query.limit, query.cursor.clone(), query.sort);
    let found = call.api.publishing_queries.blog_posts(call.who.scope(), &query.into(), &page).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(|post| BlogPostItem::from(&post)))))
}

async fn draft(call: May<ManagePublishing>, body: Body<BlogPostDetails>) -> Answered {
    let answer = |post: &BlogPost| Answer::created(&BlogPostView::from(post), format!("/api/v1/blog-posts/{}", post.id())).etag(post.version());
    call.once(body.fingerprint, answer, async |who| call.api.publishing.draft_blog_post(who, &body).await).await
}

async fn get(call: May<ReadPublishing>) -> Answered {
    let id: BlogPostId = path_field(&call.request, "id")?;
    let post = call.api.publishing_queries.blog_post(call.who.scope(), id).await?.ok_or_else(ApiError::not_found)?;
    Ok(answer(&post))
}

async fn change(call: May<ManagePublishing>, body: Raw) -> Answered {
    let id: BlogPostId = path_field(&call.request, "id")?;
    let expected = call.expected()?;
    Ok(answer(&call.api.publishing.change_blog_post(&call.who, id, &body.value, expected).await?))
}

async fn transition(call: May<ManagePublishing>, body: Body<BlogPostMove>) -> Answered {
    let id: BlogPostId = path_field(&call.request, "id")?;
    call.once(body.fingerprint, answer, async |who| call.api.publishing.move_blog_post(who, id, body.to, body.publish_at).await).await
}

async fn archive(call: May<ManagePublishing>) -> Answered {
    let id: BlogPostId = path_field(&call.request, "id")?;
    Ok(answer(&call.api.publishing.archive_blog_post(&call.who, id).await?))
}

async fn restore(call: May<ManagePublishing>) -> Answered {
    let id: BlogPostId = path_field(&call.request, "id")?;
    Ok(answer(&call.api.publishing.restore_blog_post(&call.who, id).await?))
}
