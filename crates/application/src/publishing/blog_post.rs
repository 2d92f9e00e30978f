use matricula_domain::catalog::PageOf;
use matricula_domain::publishing::{BlogPost, BlogPostDetails, BlogPostId, BlogPostStatus, MediaAssetId};
use matricula_domain::shared::{Changed, Fault, Faults, Id, Instant, Language, RecordId, Value};
use matricula_ports::{Actor, Tx, transact};

use super::publish_due::due_at;
use super::{Publishing, PublishingError};
use crate::Expected;
use crate::access::{Allowed, ManagePublishing};
use crate::catalog::{Before, follow_slug};
use crate::identity::works_here;

impl Publishing {
    /// Drafts a post. Who does not say whose it is signs it; a program has to say.
    ///
    /// # Errors
    /// [`PublishingError`].
    pub async fn draft_blog_post(&self, who: &Allowed<ManagePublishing>, details: &BlogPostDetails) -> Result<BlogPost, PublishingError> {
        let mut details = details.clone();
        details.language = details.language.or(Some(Language::of(&who.organization().locale)));
        if let (None, Actor::User(user)) = (details.author_id, who.scope().actor()) {
            details.author_id = Some(user);
        }
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let post = BlogPost::draft(self.world.id(), details.clone(), self.world.now());
            self.check(tx, None, post.state()).await?;
            tx.blog_posts().save(&post).await?;
            Ok(post.into_state())
        })
        .await
    }

    /// Changes the details that the patch names. A draft that gets another slug leaves no redirect at the old one: nobody has read it there.
    ///
    /// # Errors
    /// [`PublishingError`].
    pub async fn change_blog_post(
        &self,
        who: &Allowed<ManagePublishing>,
        id: BlogPostId,
        patch: &Value,
        expected: Expected,
    ) -> Result<BlogPost, PublishingError> {
        self.blog_post(who, id, expected, async |tx, post, now| {
            let changed = post.change(patch, now)?;
            self.check(tx, Some(post), changed.state()).await?;
            Ok(changed)
        })
        .await
    }

    /// Publishes a post now or at a time to come, withdraws, retires or reopens it.
    ///
    /// # Errors
    /// [`PublishingError`].
    pub async fn move_blog_post(
        &self,
        who: &Allowed<ManagePublishing>,
        id: BlogPostId,
        to: BlogPostStatus,
        publish_at: Option<Instant>,
    ) -> Result<BlogPost, PublishingError> {
        self.blog_post(who, id, Expected::Any, async |tx, post, now| {
            let moved = post.transition(to, publish_at, now)?;
            if let Some(at) = publish_at {
                tx.jobs().enqueue(due_at(&self.world, id, at)).await?;
            }
            Ok(moved)
        })
        .await
    }

    /// Hides a post, with undo.
    ///
    /// # Errors
    /// [`PublishingError`].
    pub async fn archive_blog_post(&self, who: &Allowed<ManagePublishing>, id: BlogPostId) -> Result<BlogPost, PublishingError> {
        self.blog_post(who, id, Expected::Any, async |_, post, now| post.archive(now).ok_or(PublishingError::AlreadySo)).await
    }

    /// Undoes [`Publishing::archive_blog_post`].
    ///
    /// # Errors
    /// [`PublishingError`].
    pub async fn restore_blog_post(&self, who: &Allowed<ManagePublishing>, id: BlogPostId) -> Result<BlogPost, PublishingError> {
        self.blog_post(who, id, Expected::Any, async |_, post, now| post.restore(now).ok_or(PublishingError::AlreadySo)).await
    }

    async fn blog_post(
        &self,
        who: &Allowed<ManagePublishing>,
        id: BlogPostId,
        expected: Expected,
        change: impl AsyncFn(&Tx, &BlogPost, Instant) -> Result<Changed<BlogPost>, PublishingError>,
    ) -> Result<BlogPost, PublishingError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let post = tx.blog_posts().find(id).await?.ok_or(PublishingError::NotFound)?;
            expected.met_by(&post)?;
            let changed = change(tx, &post, self.world.now()).await?;
            tx.blog_posts().save(&changed).await?;
            Ok(changed.into_state())
        })
        .await
    }

    /// The slug of a post must be free, whoever signs it anew must work here, and what stands above it anew must be a picture. What was read
    /// under another slug stays to be found there.
    async fn check(&self, tx: &Tx, before: Option<&BlogPost>, post: &BlogPost) -> Result<(), PublishingError> {
        let details = post.details();
        let mut faults = Faults::default();
        if tx.blog_posts().find_by_slug(&details.slug).await?.is_some_and(|other| other.id() != post.id()) {
            faults.add(Fault::rule("/slug", "SLUG_TAKEN", "another post has it"));
        }
        match details.author_id {
            None => faults.add(Fault::new("REQUIRED", "a program says who signs it").under("author_id")),
            known if before.is_some_and(|before| before.details().author_id == known) => {}
            Some(author) => {
                if !works_here(tx, author).await? {
                    faults.add(Fault::new("NOT_FOUND", "must work here").under("author_id"));
                }
            }
        }
        if let Some(image) = details.featured_image_id
            && before.is_none_or(|before| before.details().featured_image_id != Some(image))
        {
            let asset = tx.media_assets().find(MediaAssetId::from_uuid(image.as_uuid())).await?;
            match asset.filter(|asset| asset.archived_at.is_none()) {
                None => faults.add(Fault::new("NOT_FOUND", "names no media asset here that is not archived").under("featured_image_id")),
                Some(asset) if !asset.file.media_type.is_image() => {
                    faults.add(Fault::new("NOT_A_PICTURE", "must be a picture").under("featured_image_id"));
                }
                Some(_) => {}
            }
        }
        faults.into_result()?;
        let before = before.map(|before| Before { slug: &before.details().slug, was_public: before.status() != BlogPostStatus::Draft });
        let id = RecordId::from_uuid(post.id().as_uuid());
        Ok(follow_slug(tx, &self.world, (PageOf::BlogPost, id), before, &details.slug).await?)
    }
}
