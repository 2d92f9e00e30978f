use uuid::Uuid;

use super::{BlogPostError, YoutubeVideoId};
use crate::identity::UserId;
use crate::people::PersonId;
use crate::shared::{
    Aggregate, Changed, Fact, Fault, Faults, Field, Fields, Form, Html, Id, Instant, Language, Line, Noun, Prose, RecordId, Slug, Value,
};

crate::id!(
    /// A blog post.
    BlogPostId
);

crate::choice! {
    /// Where a blog post stands (seed 0: draft → published → archived; in between it may wait for its time).
    pub enum BlogPostStatus {
        /// Being written; the staff alone sees it.
        Draft = "draft",
        /// Will be published when its time comes.
        Scheduled = "scheduled",
        /// Read by everybody.
        Published = "published",
        /// No longer read, kept.
        Archived = "archived",
    }
}

crate::form! {
    /// What a blog post says (seeds 0 and 2, `blog_posts`).
    pub struct BlogPostDetails {
        /// Its name in addresses.
        slug: Slug,
        /// Its title.
        title: Line<255>,
        /// What it is about, in a few words.
        excerpt: Option<Prose<500>>,
        /// What it says: text or simple HTML.
        content: Option<Html<40000>>,
        /// The subject by which it is listed.
        category: Option<Line<100>>,
        /// Words by which it is found.
        tags: Vec<Slug>,
        /// Videos that it shows: their ids on YouTube, or their addresses there.
        youtube_video_ids: Vec<YoutubeVideoId>,
        /// The picture that stands for it: a media asset. Everybody sees it once that is published.
        featured_image_id: Option<RecordId>,
        /// Who signs it; whoever drafts it, if it does not say.
        author_id: Option<UserId>,
        /// In which language it is; the organization's, if it does not say.
        language: Option<Language>,
    }
    check |this, faults| {
        faults.refuse_duplicates("tags", &this.tags);
        faults.refuse_duplicates("youtube_video_ids", &this.youtube_video_ids);
    }
}

impl BlogPostDetails {
    /// Everything that readers must be told and is not there yet.
    pub fn missing(&self) -> Faults {
        let mut faults = Faults::default();
        if self.excerpt.as_ref().is_none_or(|text| text.as_str().trim().is_empty()) {
            faults.add(Fault::new("REQUIRED", "a published post says in a few words what it is about").under("excerpt"));
        }
        if self.content.as_ref().is_none_or(|content| content.to_text().is_empty()) {
            faults.add(Fault::new("REQUIRED", "a published post says something").under("content"));
        }
        faults
    }
}

/// What the provider writes for everybody.
///
/// `archived` is a status, which says that the post is no longer shown; [`BlogPost::archive`] hides a post that should not have been
/// there, with undo. What is published, or waits for its time, stays complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlogPost {
    parts: BlogPostParts,
}

/// What a repository keeps of a blog post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlogPostParts {
    /// Id.
    pub id: BlogPostId,
    /// What it says.
    pub details: BlogPostDetails,
    /// Where it stands.
    pub status: BlogPostStatus,
    /// Since when it is read by everybody, or from when on it will be.
    pub published_at: Option<Instant>,
    /// How often it was viewed, as far as it was written down when it was read. No rule asks, and no change of the post moves it.
    pub views_count: u64,
    /// Since when it is hidden.
    pub archived_at: Option<Instant>,
    /// Since when it exists.
    pub created_at: Instant,
    /// Last change.
    pub updated_at: Instant,
    /// Version.
    pub version: u32,
}

impl BlogPost {
    /// A new post, which the staff alone sees.
    pub fn draft(id: BlogPostId, details: BlogPostDetails, now: Instant) -> Changed<Self> {
        let parts = BlogPostParts {
            id,
            details,
            status: BlogPostStatus::Draft,
            published_at: None,
            views_count: 0,
            archived_at: None,
            created_at: now,
            updated_at: now,
            version: 0,
        };
        Changed::created(Self { parts }, BlogPostFact::Created, now)
    }

    /// Changes the details that the patch names (RFC 7396). Author and language can be others, but not nobody's and none.
    ///
    /// # Errors
    /// Every fault of what would come out; for a post that is or will be published also what it would lack.
    pub fn change(&self, patch: &Value, now: Instant) -> Result<Changed<Self>, Faults> {
        let before = &self.parts.details;
        let mut details = BlogPostDetails::read(&Value::Map(before.fields()).merged(patch))?;
        details.author_id = details.author_id.or(before.author_id);
        details.language = details.language.or(before.language);
        if matches!(self.parts.status, BlogPostStatus::Published | BlogPostStatus::Scheduled) {
            details.missing().into_result()?;
        }
        Ok(self.with(BlogPostFact::Changed, now, |parts| parts.details = details))
    }

    /// Takes it to another status; `publish_at` says when a scheduled one will be published, and belongs to nothing else.
    ///
    /// # Errors
    /// [`BlogPostError::InvalidTransition`]; [`BlogPostError::NotReady`] if it should be published and something is missing;
    /// [`BlogPostError::Invalid`] if the time is missing, over, or not asked for.
    pub fn transition(&self, to: BlogPostStatus, publish_at: Option<Instant>, now: Instant) -> Result<Changed<Self>, BlogPostError> {
        let from = self.parts.status;
        let Some(fact) = step(from, to) else {
            let possible = BlogPostStatus::ALL.iter().filter(|to| step(from, **to).is_some()).map(|to| to.as_str()).collect();
            return Err(BlogPostError::InvalidTransition { from, to, possible });
        };
        let refuse = |code, detail| Err(BlogPostError::Invalid(Fault::new(code, detail).under("publish_at").into()));
        let published_at = match (to, publish_at) {
            (BlogPostStatus::Scheduled, None) => return refuse("REQUIRED", "a scheduled post says when it will be published"),
            (BlogPostStatus::Scheduled, Some(at)) if at <= now => return refuse("IN_THE_PAST", "must be later than now"),
            (BlogPostStatus::Scheduled, at) => at,
            (_, Some(_)) => return refuse("NOT_SCHEDULED", "only a scheduled post has a time to come"),
            (BlogPostStatus::Published, None) => Some(now),
            (BlogPostStatus::Archived, None) => self.parts.published_at.filter(|_| from == BlogPostStatus::Published),
            (BlogPostStatus::Draft, None) => None,
        };
        if matches!(to, BlogPostStatus::Published | BlogPostStatus::Scheduled) {
            self.parts.details.missing().into_result().map_err(BlogPostError::NotReady)?;
        }
        Ok(self.with(fact, now, |parts| (parts.status, parts.published_at) = (to, published_at)))
    }

    /// Publishes it if its time has come. `None` if it has not, or if it does not wait for one any more.
    pub fn publish_if_due(&self, now: Instant) -> Option<Changed<Self>> {
        let is_due = self.parts.status == BlogPostStatus::Scheduled && self.parts.published_at.is_some_and(|at| at <= now);
        is_due.then(|| self.with(BlogPostFact::Published, now, |parts| parts.status = BlogPostStatus::Published))
    }

    /// Its id.
    pub fn id(&self) -> BlogPostId {
        self.parts.id
    }
    /// What it says.
    pub fn details(&self) -> &BlogPostDetails {
        &self.parts.details
    }
    /// Where it stands.
    pub fn status(&self) -> BlogPostStatus {
        self.parts.status
    }
    /// Since when it is read by everybody, or from when on it will be.
    pub fn published_at(&self) -> Option<Instant> {
        self.parts.published_at
    }
    /// How often it was viewed, as far as it was written down when it was read.
    pub fn views_count(&self) -> u64 {
        self.parts.views_count
    }
    /// Since when it exists.
    pub fn created_at(&self) -> Instant {
        self.parts.created_at
    }
    /// When it was last changed.
    pub fn updated_at(&self) -> Instant {
        self.parts.updated_at
    }
}

/// The state machine: what has happened when a post goes from one status to another, if it can.
fn step(from: BlogPostStatus, to: BlogPostStatus) -> Option<BlogPostFact> {
    use BlogPostStatus::{Archived, Draft, Published, Scheduled};
    match (from, to) {
        // Who schedules a second time chooses another time.
        (Draft | Scheduled, Scheduled) => Some(BlogPostFact::Scheduled),
        (Draft | Scheduled, Published) => Some(BlogPostFact::Published),
        (Scheduled | Published, Draft) => Some(BlogPostFact::Unpublished),
        (Draft | Scheduled | Published, Archived) => Some(BlogPostFact::Retired),
        (Archived, Draft) => Some(BlogPostFact::Reopened),
        _ => None,
    }
}

crate::shared::kept_as!(BlogPost, BlogPostParts, BlogPostFact);
crate::shared::archivable!(BlogPost.parts.archived_at, BlogPostFact);

impl Aggregate for BlogPost {
    type Fact = BlogPostFact;
    fn noun(&self) -> Noun {
        Noun { context: "publishing", one: "blog_post", many: "blog_posts" }
    }
    fn id(&self) -> Uuid {
        self.parts.id.as_uuid()
    }
    fn version(&self) -> u32 {
        self.parts.version
    }
    fn mark(&mut self, version: u32, at: Instant) {
        self.parts.version = version;
        self.parts.updated_at = at;
    }
    fn subject(&self) -> Option<PersonId> {
        None
    }
    fn fields(&self) -> Fields {
        let mut fields = self.parts.details.fields();
        fields.push(("status".to_owned(), self.parts.status.value()));
        fields.push(("published_at".to_owned(), self.parts.published_at.value()));
        fields.push(("archived_at".to_owned(), self.parts.archived_at.value()));
        fields
    }
}

/// What can happen to a blog post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlogPostFact {
    /// It is there, as a draft.
    Created,
    /// Details changed.
    Changed,
    /// It will be published at a time.
    Scheduled,
    /// Everybody reads it.
    Published,
    /// It was taken back to the drafts.
    Unpublished,
    /// It is no longer shown (status `archived`).
    Retired,
    /// What was no longer shown is a draft again.
    Reopened,
    /// It is hidden.
    Archived,
    /// It is back.
    Restored,
}

impl Fact for BlogPostFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Scheduled => "scheduled",
            Self::Published => "published",
            Self::Unpublished => "unpublished",
            Self::Retired => "retired",
            Self::Reopened => "reopened",
            Self::Archived => "archived",
            Self::Restored => "restored",
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn now() -> Instant {
        "2026-03-01T10:00:00Z".parse().unwrap()
    }

    fn later() -> Instant {
        now() + TimeDelta::hours(1)
    }

    fn map(fields: &[(&str, Value)]) -> Value {
        Value::Map(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    fn words(words: &[&str]) -> Value {
        Value::List(words.iter().map(|word| (*word).into()).collect())
    }

    /// The least that a draft needs.
    fn bare() -> Value {
        map(&[("slug", "becas".into()), ("title", "Becas 2026".into()), ("author_id", Value::Id(Uuid::from_u128(9))), ("language", "es".into())])
    }

    /// What publishing needs beside it.
    fn rest() -> Value {
        map(&[("excerpt", "Quién puede pedirlas.".into()), ("content", "<p>Todos.</p>".into())])
    }

    fn draft(input: &Value) -> BlogPost {
        BlogPost::draft(BlogPostId::from_uuid(Uuid::from_u128(1)), BlogPostDetails::read(input).unwrap(), now()).into_state()
    }

    fn at(status: BlogPostStatus) -> BlogPost {
        let published_at = match status {
            BlogPostStatus::Scheduled => Some(later()),
            BlogPostStatus::Published => Some(now()),
            _ => None,
        };
        BlogPost::from_parts(BlogPostParts { status, published_at, ..draft(&bare().merged(&rest())).parts().clone() })
    }

    fn places(faults: &Faults) -> Vec<(&str, &str)> {
        faults.0.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect()
    }

    #[test]
    fn every_pair_of_statuses_is_either_a_step_or_refused() {
        use BlogPostStatus::{Archived, Draft, Published, Scheduled};
        for (from, steps) in [
            (Draft, &[(Scheduled, "scheduled"), (Published, "published"), (Archived, "retired")][..]),
            (Scheduled, &[(Draft, "unpublished"), (Scheduled, "scheduled"), (Published, "published"), (Archived, "retired")]),
            (Published, &[(Draft, "unpublished"), (Archived, "retired")]),
            (Archived, &[(Draft, "reopened")]),
        ] {
            for to in BlogPostStatus::ALL.iter().copied() {
                let publish_at = (to == Scheduled).then(later);
                let outcome = at(from).transition(to, publish_at, now());
                if let Some((_, verb)) = steps.iter().find(|(step, _)| *step == to) {
                    let changed = outcome.unwrap();
                    let published_at = match to {
                        Draft => None,
                        Scheduled => Some(later()),
                        Published => Some(now()),
                        Archived => at(from).published_at().filter(|_| from == Published),
                    };
                    assert_eq!((changed.state().status(), changed.state().published_at(), changed.fact().verb()), (to, published_at, *verb));
                } else {
                    let possible = steps.iter().map(|(step, _)| step.as_str()).collect();
                    assert_eq!(outcome.unwrap_err(), BlogPostError::InvalidTransition { from, to, possible });
                }
            }
        }
    }

    #[test]
    fn what_publishing_lacks_is_told_at_once() {
        for (to, publish_at) in [(BlogPostStatus::Published, None), (BlogPostStatus::Scheduled, Some(later()))] {
            let Err(BlogPostError::NotReady(faults)) = draft(&bare()).transition(to, publish_at, now()) else { panic!() };
            assert_eq!(places(&faults), [("/excerpt", "REQUIRED"), ("/content", "REQUIRED")]);
        }
        let empty = bare().merged(&map(&[("excerpt", " ".into()), ("content", "<p> <br></p>".into())]));
        assert_eq!(places(&draft(&empty).details().missing()), [("/excerpt", "REQUIRED"), ("/content", "REQUIRED")]);
    }

    #[test]
    fn what_is_or_will_be_published_stays_complete() {
        let patch = map(&[("content", Value::Null)]);
        for (status, stays) in
            [(BlogPostStatus::Draft, false), (BlogPostStatus::Scheduled, true), (BlogPostStatus::Published, true), (BlogPostStatus::Archived, false)]
        {
            assert_eq!(at(status).change(&patch, now()).is_err(), stays, "{status}");
        }
    }

    #[test]
    fn the_time_of_publication_is_to_come_and_belongs_to_what_is_scheduled() {
        for (to, publish_at, code) in [
            (BlogPostStatus::Scheduled, None, "REQUIRED"),
            (BlogPostStatus::Scheduled, Some(now()), "IN_THE_PAST"),
            (BlogPostStatus::Published, Some(later()), "NOT_SCHEDULED"),
            (BlogPostStatus::Archived, Some(later()), "NOT_SCHEDULED"),
        ] {
            let Err(BlogPostError::Invalid(faults)) = at(BlogPostStatus::Draft).transition(to, publish_at, now()) else { panic!("{code}") };
            assert_eq!(places(&faults), [("/publish_at", code)]);
        }
    }

    #[test]
    fn a_post_is_published_when_its_time_comes_and_once() {
        let scheduled = at(BlogPostStatus::Scheduled);
        assert!(scheduled.publish_if_due(later() - TimeDelta::microseconds(1)).is_none());
        let published = scheduled.publish_if_due(later() + TimeDelta::seconds(3)).unwrap();
        assert_eq!((published.fact().verb(), published.state().status()), ("published", BlogPostStatus::Published));
        assert_eq!(published.state().published_at(), Some(later()), "as it was announced");
        assert!(published.state().publish_if_due(later()).is_none());
        assert!(at(BlogPostStatus::Draft).publish_if_due(later()).is_none());
        let postponed = scheduled.transition(BlogPostStatus::Scheduled, Some(later() + TimeDelta::hours(1)), now()).unwrap();
        assert!(postponed.state().publish_if_due(later()).is_none());
    }

    #[test]
    fn a_change_tells_all_its_faults() {
        let patch = map(&[
            ("status", "published".into()),
            ("content", "<img src=x onerror=alert(1)>".into()),
            ("tags", words(&["a", "b", "a"])),
            ("youtube_video_ids", words(&["nada"])),
        ]);
        let faults = at(BlogPostStatus::Draft).change(&patch, now()).unwrap_err();
        let wrong = [("/status", "UNKNOWN_FIELD"), ("/content", "HTML_NOT_ALLOWED"), ("/youtube_video_ids/0", "NOT_A_YOUTUBE_VIDEO")];
        assert_eq!((places(&faults), faults.code()), (wrong.to_vec(), "HTML_NOT_ALLOWED"));
        let twice = map(&[("tags", words(&["a", "b", "a"])), ("youtube_video_ids", words(&["dQw4w9WgXcQ", "https://youtu.be/dQw4w9WgXcQ"]))]);
        let faults = at(BlogPostStatus::Draft).change(&twice, now()).unwrap_err();
        assert_eq!(places(&faults), [("/tags/2", "DUPLICATE"), ("/youtube_video_ids/1", "DUPLICATE")]);
    }

    #[test]
    fn a_post_is_always_somebodys_and_in_some_language() {
        let changed = at(BlogPostStatus::Draft).change(&map(&[("author_id", Value::Null), ("language", Value::Null)]), now()).unwrap();
        assert!(changed.changes().is_empty());
        let changed =
            at(BlogPostStatus::Draft).change(&map(&[("author_id", Value::Id(Uuid::from_u128(8))), ("language", "en".into())]), now()).unwrap();
        assert_eq!(changed.changes().len(), 2);
    }

    #[test]
    fn what_is_hidden_comes_back_as_it_was() {
        let post = at(BlogPostStatus::Published);
        let hidden = post.archive(now()).unwrap().into_state();
        assert_eq!((hidden.archived_at(), hidden.status()), (Some(now()), BlogPostStatus::Published));
        assert!(hidden.archive(now()).is_none() && post.restore(now()).is_none());
        assert_eq!(hidden.restore(now()).unwrap().state().archived_at(), None);
    }
}
