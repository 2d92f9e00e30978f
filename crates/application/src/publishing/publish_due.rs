use async_trait::async_trait;
use matricula_domain::publishing::BlogPostId;
use matricula_domain::shared::{Field, Id, Instant, Value};
use matricula_ports::json::from_json;
use matricula_ports::notifications::{Job, NewJob};
use matricula_ports::{Actor, PortError, Scope, transact};

use super::Publishing;
use crate::World;
use crate::notifications::{Handler, JobError};

/// The kind of job that publishes a post whose time has come.
pub const BLOG_POST_DUE: &str = "publishing.blog_post_due";

/// The job that publishes a post at a time, if it still waits for it then.
pub(super) fn due_at(world: &World, post: BlogPostId, at: Instant) -> NewJob {
    let id = world.ids.next();
    NewJob {
        id,
        kind: BLOG_POST_DUE,
        dedupe_key: id.to_string(),
        payload: Value::Map(vec![("blog_post_id".to_owned(), Value::Id(post.as_uuid()))]),
        run_at: at,
    }
}

impl Publishing {
    /// Publishes a post if its time has come; done twice, it is published once.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn publish_due(&self, scope: &Scope, id: BlogPostId) -> Result<(), PortError> {
        transact(&*self.world.transactions, scope, async |tx| {
            let post = tx.blog_posts().find(id).await?;
            match post.and_then(|post| post.publish_if_due(self.world.now())) {
                Some(published) => tx.blog_posts().save(&published).await,
                None => Ok(()),
            }
        })
        .await
    }
}

/// Publishes posts whose time has come.
pub struct BlogPostPublisher(pub Publishing);

#[async_trait(?Send)]
impl Handler for BlogPostPublisher {
    fn kinds(&self) -> &'static [&'static str] {
        &[BLOG_POST_DUE]
    }

    #[expect(clippy::disallowed_methods, reason = "jobs get one scope for each organization")]
    async fn handle(&self, job: &Job) -> Result<(), JobError> {
        let unreadable = || JobError::Never("the job cannot be read".to_owned());
        let payload = from_json(serde_json::from_str(&job.payload).map_err(|_| unreadable())?);
        let id = BlogPostId::parse(payload.get("blog_post_id")).map_err(|_| unreadable())?;
        let scope = Scope::new(job.organization.ok_or_else(unreadable)?, Actor::System(BLOG_POST_DUE));
        Ok(self.0.publish_due(&scope, id).await?)
    }
}
