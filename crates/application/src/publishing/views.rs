use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use matricula_domain::identity::OrganizationId;
use matricula_domain::publishing::BlogPostId;
use matricula_ports::PortError;
use matricula_ports::publishing::BlogPostViews;

use crate::access::Visitor;

/// Of how many posts views are kept in memory at most. Those of others are not counted until the next time they are written down.
const MOST: usize = 10_000;

type Pending = HashMap<OrganizationId, HashMap<BlogPostId, u32>>;

/// Counts views of posts in memory: no cookie, nothing about who reads, and no write for a view. Every copy of the program counts for itself
/// and adds what it has to the stored count every few seconds; what a copy that is killed has not written down is lost.
#[derive(Clone, Default)]
pub struct Views {
    pending: Arc<Mutex<Pending>>,
}

impl Views {
    /// Somebody reads a post.
    pub fn note(&self, visitor: &Visitor, post: BlogPostId) {
        let mut pending = self.pending();
        let known: usize = pending.values().map(HashMap::len).sum();
        let posts = pending.entry(visitor.scope().organization()).or_default();
        match posts.get_mut(&post) {
            Some(views) => *views = views.saturating_add(1),
            None if known < MOST => _ = posts.insert(post, 1),
            None => {}
        }
    }

    /// Writes down what was counted, with one statement for each organization. What cannot be written down now is kept for the next time.
    ///
    /// # Errors
    /// [`PortError::Unavailable`], the first of them.
    pub async fn write_down(&self, counts: &dyn BlogPostViews) -> Result<(), PortError> {
        let taken = std::mem::take(&mut *self.pending());
        let mut outcome = Ok(());
        for (organization, posts) in taken {
            let mut views: Vec<_> = posts.into_iter().collect();
            // Always in one order: two copies that write at once do not wait for each other in a circle.
            views.sort_unstable();
            if let Err(error) = counts.add(organization, &views).await {
                let mut pending = self.pending();
                let posts = pending.entry(organization).or_default();
                for (post, more) in views {
                    let sum = posts.entry(post).or_default();
                    *sum = sum.saturating_add(more);
                }
                outcome = outcome.and(Err(error));
            }
        }
        outcome
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
