use async_trait::async_trait;
use matricula_domain::publishing::{BlogPost, BlogPostId, BlogPostStatus};
use matricula_domain::shared::{Id, Instant, Slug, Value};
use matricula_entity::publishing::blog_posts;
use matricula_ports::publishing::{BlogPostFilter, PublishingQueries};
use matricula_ports::search::SearchKind;
use matricula_ports::{Page, PortError, Scope, Slice};
use sea_orm::{FromQueryResult, QueryResult};
use uuid::Uuid;

use super::blog_post::blog_post_of;
use crate::error::port;
use crate::paging::{after, columns, order};
use crate::scoped::{Queries, Reader, SCOPED};
use crate::search::{Finder, Searched, has_label};
use crate::sql::Sql;

fn read(row: &QueryResult) -> Result<BlogPost, PortError> {
    blog_post_of(blog_posts::Model::from_query_result(row, "").map_err(port)?)
}

/// Starts a select of posts `p`, as [`read`] reads them.
fn select(reader: &Reader, columns: &str, organization: Uuid) -> Sql {
    let mut sql = reader.sql();
    sql.push("SELECT ").push(columns).push(" FROM blog_posts p WHERE ").push(SCOPED).push(" AND p.organization_id = ").bind(organization);
    sql
}

/// The columns of a list.
fn without_content() -> String {
    columns::<blog_posts::Entity>("p").replace("p.content", "CAST(NULL AS text) AS content")
}

/// Posts, as they are searched.
struct BlogPosts;

impl Searched for BlogPosts {
    type Item = BlogPost;
    type Filter = BlogPostFilter;
    const KIND: SearchKind = SearchKind::BlogPost;
    const TABLE: &'static str = "blog_posts";
    const ALIAS: &'static str = "p";

    fn select(sql: &mut Sql) {
        sql.push("SELECT ").push(&without_content()).push(" FROM ");
    }
    fn read(row: &QueryResult) -> Result<BlogPost, PortError> {
        read(row)
    }
    fn id(post: &BlogPost) -> Uuid {
        post.id().as_uuid()
    }
    fn narrow(filter: &BlogPostFilter, sql: &mut Sql, organization: Uuid) {
        for (column, value) in [("status", filter.status.map(BlogPostStatus::as_str)), ("category", filter.category.as_deref())] {
            if let Some(value) = value {
                sql.push(" AND p.").push(column).push(" = ").bind(value);
            }
        }
        if let Some(author) = filter.author {
            sql.push(" AND p.author_id = ").bind(author.as_uuid());
        }
        if let Some(tag) = &filter.tag {
            has_label(sql, organization, Self::KIND, ("p", "tags"), "tags", tag);
        }
    }
}

#[async_trait]
impl PublishingQueries for Queries {
    async fn blog_posts(&self, scope: &Scope, filter: &BlogPostFilter, page: &Page) -> Result<Slice<BlogPost>, PortError> {
        let reader = self.reader(scope).await?;
        let organization = scope.organization().as_uuid();
        if let Some(text) = &filter.q {
            return Finder::<BlogPosts> { reader: &reader, organization, filter }.page(text, page).await;
        }
        let mut sql = select(&reader, &without_content(), organization);
        sql.push(" AND p.archived_at IS NULL");
        BlogPosts::narrow(filter, &mut sql, organization);
        let published = filter.status == Some(BlogPostStatus::Published);
        let at = if published { "p.published_at" } else { "p.created_at" };
        after(&mut sql, page, at, "p.id")?;
        order(&mut sql, page, at, "p.id");
        let items = reader.rows(sql).await?.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let place = |last: &BlogPost| -> Instant { last.published_at().filter(|_| published).unwrap_or(last.created_at()) };
        Ok(Slice::cut(items, page.limit, |last| vec![Value::Instant(place(last)), Value::Id(last.id().as_uuid())]))
    }

    async fn blog_post(&self, scope: &Scope, id: BlogPostId) -> Result<Option<BlogPost>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = select(&reader, &columns::<blog_posts::Entity>("p"), scope.organization().as_uuid());
        sql.push(" AND p.id = ").bind(id.as_uuid());
        reader.rows(sql).await?.first().map(read).transpose()
    }

    async fn published_blog_post(&self, scope: &Scope, slug: &Slug) -> Result<Option<BlogPost>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = select(&reader, &columns::<blog_posts::Entity>("p"), scope.organization().as_uuid());
        sql.push(" AND p.status = 'published' AND p.archived_at IS NULL AND p.slug = ").bind(slug.as_str());
        reader.rows(sql).await?.first().map(read).transpose()
    }
}
