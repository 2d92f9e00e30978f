//! Ports of the context `publishing`.

mod media;

pub use media::*;

use async_trait::async_trait;
use matricula_domain::identity::{OrganizationId, UserId};
use matricula_domain::publishing::{BlogPost, BlogPostId, BlogPostStatus};
use matricula_domain::shared::{Changed, Slug};

use crate::{Page, PortError, Scope, Slice};

/// Blog posts.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait BlogPostRepository: Send + Sync {
    /// A post, archived or not.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, id: BlogPostId) -> Result<Option<BlogPost>, PortError>;

    /// The post that has a slug.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find_by_slug(&self, slug: &Slug) -> Result<Option<BlogPost>, PortError>;

    /// Saves. A slug that is taken is a [`PortError::Conflict`] of the commit; how often it was viewed stays as it is.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, post: &Changed<BlogPost>) -> Result<(), PortError>;
}

/// Which blog posts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlogPostFilter {
    /// In this state. Published ones come by the time of their publication, the others by that of their creation.
    pub status: Option<BlogPostStatus>,
    /// Of this category.
    pub category: Option<String>,
    /// With this tag.
    pub tag: Option<String>,
    /// Signed by this user.
    pub author: Option<UserId>,
    /// Found by these words, which then come by their relevance.
    pub q: Option<String>,
}

/// Reads of what is published for screens.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait PublishingQueries: Send + Sync {
    /// Posts that are not archived, newest first, without their contents. Those that words are sought in come by their relevance instead, some
    /// hundreds at most: in Spanish and English, whatever the form, the accents and the order of the words, and with slips.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn blog_posts(&self, scope: &Scope, filter: &BlogPostFilter, page: &Page) -> Result<Slice<BlogPost>, PortError>;

    /// One post, archived or not.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn blog_post(&self, scope: &Scope, id: BlogPostId) -> Result<Option<BlogPost>, PortError>;

    /// The post with a slug that everybody may read, if there is one.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn published_blog_post(&self, scope: &Scope, slug: &Slug) -> Result<Option<BlogPost>, PortError>;
}

/// How often posts were viewed. Views are nobody's doing and change nothing that anybody decides on, so neither audit nor outbox tells of them.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait BlogPostViews: Send + Sync {
    /// Adds views to what was counted before, in one statement. A post that is not there is passed over.
    ///
    /// # Errors
    /// [`PortError::Unavailable`]; nothing was added then.
    async fn add(&self, organization: OrganizationId, views: &[(BlogPostId, u32)]) -> Result<(), PortError>;
}
