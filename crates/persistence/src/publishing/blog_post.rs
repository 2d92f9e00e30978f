use async_trait::async_trait;
use matricula_domain::identity::UserId;
use matricula_domain::publishing::{BlogPost, BlogPostDetails, BlogPostId, BlogPostParts};
use matricula_domain::shared::{Aggregate, Changed, Field, Html, Id, Language, Line, Prose, RecordId, Slug, Value};
use matricula_entity::publishing::blog_posts;
use matricula_ports::PortError;
use matricula_ports::publishing::BlogPostRepository;
use matricula_ports::search::SearchKind;
use sea_orm::{ColumnTrait, QueryFilter};
use uuid::Uuid;

use crate::convert::{count, json, parsed, parsed_or_none, value};
use crate::paging::columns;
use crate::scoped::{SCOPED, models};
use crate::search::Entry;
use crate::unit::Session;

pub(super) fn blog_post_of(row: blog_posts::Model) -> Result<BlogPost, PortError> {
    let details = BlogPostDetails {
        slug: parsed(row.slug, "blog_posts.slug")?,
        title: parsed(row.title, "blog_posts.title")?,
        excerpt: parsed_or_none(row.excerpt, "blog_posts.excerpt")?,
        content: row.content.map(Html::from_kept),
        category: parsed_or_none(row.category, "blog_posts.category")?,
        tags: parsed(value(row.tags), "blog_posts.tags")?,
        youtube_video_ids: parsed(value(row.youtube_video_ids), "blog_posts.youtube_video_ids")?,
        featured_image_id: row.featured_image_id.map(RecordId::from_uuid),
        author_id: Some(UserId::from_uuid(row.author_id)),
        language: Some(parsed(row.language, "blog_posts.language")?),
    };
    Ok(BlogPost::from_parts(BlogPostParts {
        id: BlogPostId::from_uuid(row.id),
        details,
        status: parsed(row.status, "blog_posts.status")?,
        published_at: row.published_at,
        views_count: count(row.views_count, "blog_posts.views_count")?,
        archived_at: row.archived_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
        version: count(row.version, "blog_posts.version")?,
    }))
}

fn blog_post_model(organization: Uuid, parts: &BlogPostParts) -> Result<blog_posts::Model, PortError> {
    let details = &parts.details;
    let lacks = |what: &str| PortError::Broken(format!("a post has no {what}"));
    Ok(blog_posts::Model {
        organization_id: organization,
        id: parts.id.as_uuid(),
        slug: details.slug.to_string(),
        title: details.title.to_string(),
        excerpt: details.excerpt.as_ref().map(Prose::as_str).map(str::to_owned),
        content: details.content.as_ref().map(Html::as_str).map(str::to_owned),
        category: details.category.as_ref().map(Line::to_string),
        tags: json(&details.tags.value()),
        youtube_video_ids: json(&details.youtube_video_ids.value()),
        featured_image_id: details.featured_image_id.map(Id::as_uuid),
        author_id: details.author_id.ok_or_else(|| lacks("author"))?.as_uuid(),
        language: details.language.map(Language::as_str).ok_or_else(|| lacks("language"))?.to_owned(),
        status: parts.status.as_str().to_owned(),
        published_at: parts.published_at,
        // Nobody has viewed a new post; afterwards only views are counted.
        views_count: 0,
        archived_at: parts.archived_at,
        created_at: parts.created_at,
        updated_at: parts.updated_at,
        version: count(parts.version, "blog_posts.version")?,
    })
}

fn entry_of(post: &BlogPost) -> Entry {
    Entry {
        kind: SearchKind::BlogPost,
        id: post.id().as_uuid(),
        version: post.version(),
        words: post.details().indexed_words(),
        keywords: Value::List(Vec::new()),
        tags: post.details().tags.value(),
    }
}

impl Session {
    /// The next posts after one, as the search index has them.
    pub(crate) async fn blog_posts_to_index(&self, after: Option<Uuid>, most: u16) -> Result<Vec<Entry>, PortError> {
        let mut sql = self.sql();
        sql.push("SELECT ").push(&columns::<blog_posts::Entity>("p")).push(" FROM blog_posts p WHERE ").push(SCOPED);
        sql.push(" AND p.organization_id = ").bind(self.organization);
        Self::next_rows(&mut sql, "p", after, most);
        models::<blog_posts::Entity>(&self.rows(sql).await?)?.into_iter().map(|row| blog_post_of(row).map(|post| entry_of(&post))).collect()
    }
}

#[async_trait]
impl BlogPostRepository for Session {
    async fn find(&self, id: BlogPostId) -> Result<Option<BlogPost>, PortError> {
        self.one(self.select::<blog_posts::Entity>().filter(blog_posts::Column::Id.eq(id.as_uuid()))).await?.map(blog_post_of).transpose()
    }

    async fn find_by_slug(&self, slug: &Slug) -> Result<Option<BlogPost>, PortError> {
        self.one(self.select::<blog_posts::Entity>().filter(blog_posts::Column::Slug.eq(slug.as_str()))).await?.map(blog_post_of).transpose()
    }

    async fn save(&self, post: &Changed<BlogPost>) -> Result<(), PortError> {
        let model = blog_post_model(self.organization, post.state().parts())?;
        if post.is_new() {
            self.insert::<blog_posts::Entity>(model);
        } else {
            self.update::<blog_posts::Entity>(model, post.state().version(), &[blog_posts::Column::ViewsCount]);
        }
        if post.is_new() || post.changes().iter().any(|change| BlogPost::SEARCHED_FIELDS.contains(&change.field.as_str())) {
            self.index(vec![entry_of(post.state())])?;
        }
        self.note(post);
        Ok(())
    }
}
