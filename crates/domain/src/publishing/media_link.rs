use crate::shared::{Noun, RecordId};

crate::id!(
    /// A link between a media asset and what it is shown with.
    MediaLinkId
);

crate::choice! {
    /// What media can belong to (seed 0, `media.entity_type`).
    pub enum EntityType {
        /// A course.
        Course = "course",
        /// A dated offering of one.
        CourseRun = "course_run",
        /// A campus.
        Campus = "campus",
        /// An educational cycle.
        Cycle = "cycle",
        /// A campaign.
        Campaign = "campaign",
        /// A blog post.
        BlogPost = "blog_post",
    }
}

impl EntityType {
    /// The name of such things, and so where they are.
    pub fn noun(self) -> &'static Noun {
        match self {
            Self::Course => &Noun { context: "catalog", one: "course", many: "courses" },
            Self::CourseRun => &Noun { context: "catalog", one: "course_run", many: "course_runs" },
            Self::Campus => &Noun { context: "catalog", one: "campus", many: "campuses" },
            Self::Cycle => &Noun { context: "catalog", one: "cycle", many: "cycles" },
            Self::Campaign => &Noun { context: "marketing", one: "campaign", many: "campaigns" },
            Self::BlogPost => &Noun { context: "publishing", one: "blog_post", many: "blog_posts" },
        }
    }
}

crate::choice! {
    /// As what media are shown.
    pub enum MediaRole {
        /// The picture that stands for the thing.
        Cover = "cover",
        /// One of several pictures or films.
        Gallery = "gallery",
        /// Something to take along.
        Attachment = "attachment",
    }
}

crate::form! {
    /// Where a media asset is used, and as what.
    pub struct MediaUse {
        /// What kind of thing it belongs to.
        entity_type: EntityType,
        /// Which one.
        entity_id: RecordId,
        /// As what it is shown.
        role: MediaRole,
    }
}

crate::form! {
    /// Where a media asset shall be used, as what, and in which place.
    pub struct NewMediaLink {
        /// What kind of thing it belongs to.
        entity_type: EntityType,
        /// Which one.
        entity_id: RecordId,
        /// As what it is shown.
        role: MediaRole,
        /// Its place among the others of that role; 0 when left out, which is the first.
        position: Option<u32>,
    }
}

impl NewMediaLink {
    /// Where, and as what.
    pub fn usage(&self) -> MediaUse {
        MediaUse { entity_type: self.entity_type, entity_id: self.entity_id, role: self.role }
    }
}

/// A link: one asset can have many, and one thing can have many assets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaLink {
    /// Id.
    pub id: MediaLinkId,
    /// Where, and as what.
    pub usage: MediaUse,
    /// Its place among the others of that role.
    pub position: u32,
}
