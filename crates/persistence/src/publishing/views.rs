use async_trait::async_trait;
use matricula_domain::identity::OrganizationId;
use matricula_domain::publishing::BlogPostId;
use matricula_domain::shared::Id;
use matricula_ports::PortError;
use matricula_ports::publishing::BlogPostViews;
use sea_orm::{ConnectionTrait, TransactionTrait};

use crate::databases::Databases;
use crate::error::port;
use crate::scoped::Sight;
use crate::sql::Sql;

/// Writes down how often posts were viewed.
#[derive(Clone)]
pub struct ViewCounts {
    databases: Databases,
}

impl ViewCounts {
    /// Counts in these databases.
    pub fn new(databases: Databases) -> Self {
        Self { databases }
    }
}

#[async_trait]
impl BlogPostViews for ViewCounts {
    async fn add(&self, organization: OrganizationId, views: &[(BlogPostId, u32)]) -> Result<(), PortError> {
        if views.is_empty() {
            return Ok(());
        }
        let database = self.databases.home_of(organization).await?.database;
        let mut sql = Sql::new(database.engine);
        sql.push("UPDATE blog_posts SET views_count = views_count + v.more FROM (");
        for (n, (post, more)) in views.iter().enumerate() {
            sql.push(if n > 0 { " UNION ALL SELECT " } else { "SELECT " })
                .bind(post.as_uuid())
                .push(" AS id, ")
                .bind(i64::from(*more))
                .push(" AS more");
        }
        sql.push(") v WHERE blog_posts.id = v.id AND blog_posts.organization_id = ").bind(organization.as_uuid());
        let tx = database.write.begin().await.map_err(port)?;
        if let Some(setting) = Sight::Organization(organization.as_uuid()).set_local(database.engine) {
            tx.execute_raw(setting).await.map_err(port)?;
        }
        tx.execute_raw(sql.into_statement()).await.map_err(port)?;
        tx.commit().await.map_err(port)
    }
}
