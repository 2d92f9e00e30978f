//! The search index, beside the contexts whose things it knows.

use async_trait::async_trait;
use uuid::Uuid;

use crate::{PortError, Scope};

matricula_domain::choice! {
    /// What the search index knows.
    pub enum SearchKind {
        /// Courses, by their words, tags and keywords.
        Course = "course",
        /// Blog posts, by their words and tags.
        BlogPost = "blog_post",
        /// What search engines are told, by its keywords.
        SeoMetadata = "seo_metadata",
    }
}

/// What was indexed in one go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indexed {
    /// So many things.
    pub things: u16,
    /// The last of them; `None` if there was none left.
    pub last: Option<Uuid>,
}

/// The search index, for who makes it anew. Whoever saves a thing has its words saved with it.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait SearchIndex: Send + Sync {
    /// Indexes the next things of a kind after one, at most so many. The first time, words that none of them has any more go.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn index(&self, scope: &Scope, kind: SearchKind, after: Option<Uuid>, most: u16) -> Result<Indexed, PortError>;
}
