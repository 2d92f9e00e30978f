use async_trait::async_trait;
use matricula_domain::publishing::{BlogPost, BlogPostId, BlogPostStatus};
use matricula_domain::shared::{Id, Instant, Slug, Value};
use matricula_entity::publishing::blog_posts;
use matricula_ports::publishing::{BlogPostFilter, PublishingQueries};
use matricula_ports::{Page, PortError, Scope, Slice};
use sea_orm::{FromQueryResult, QueryResult};
use uuid::Uuid;

use super::blog_post::blog_post_of;
use crate::error::port;
use crate::paging::{after, columns, containing, order};
use crate::scoped::{Queries, Reader, SCOPED};
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

fn narrow(filter: &BlogPostFilter, sql: &mut Sql) {
    for (column, value) in [("status", filter.status.map(BlogPostStatus::as_str)), ("category", filter.category.as_deref())] {
        if let Some(value) = value {
            sql.push(" AND p.").push(column).push(" = ").bind(value);
        }
    }
    if let Some(tag) = &filter.tag {
        sql.has_word("p.tags", tag);
    }
    if let Some(q) = &filter.q {
        sql.push(" AND lower(p.title) LIKE ").bind(containing(q)).push(" ESCAPE '\\'");
    }
}

#[async_trait]
impl PublishingQueries for Queries {
    async fn blog_posts(&self, scope: &Scope, filter: &BlogPostFilter, page: &Page) -> Result<Slice<BlogPost>, PortError> {
        let reader = self.reader(scope).await?;
        let without_content = columns::<blog_posts::Entity>("p").replace("p.content", "CAST(NULL AS text) AS content");
        let mut sql = select(&reader, &without_content, scope.organization().as_uuid());
        sql.push(" AND p.archived_at IS NULL");
        narrow(filter, &mut sql);
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
