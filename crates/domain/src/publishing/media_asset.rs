use uuid::Uuid;

use super::{FileName, MediaAssetError, MediaLink, MediaUse};
use crate::identity::UserId;
use crate::people::PersonId;
use crate::shared::{Aggregate, Changed, Fact, Fault, Faults, Field, Fields, Form, Id, Instant, Line, Noun, Value};

crate::id!(
    /// A media asset.
    MediaAssetId
);

crate::choice! {
    /// What a file is, as its own first bytes say (seed 0: pictures, documents, videos).
    pub enum MediaType {
        /// A picture.
        Jpeg = "image/jpeg",
        /// A picture.
        Png = "image/png",
        /// A picture.
        Webp = "image/webp",
        /// A document.
        Pdf = "application/pdf",
        /// A film.
        Mp4 = "video/mp4",
    }
}

impl MediaType {
    /// The extension that goes with it.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Pdf => "pdf",
            Self::Mp4 => "mp4",
        }
    }

    /// Whether it is a picture: those alone are written anew, so those alone are shown in place.
    pub fn is_image(self) -> bool {
        matches!(self, Self::Jpeg | Self::Png | Self::Webp)
    }
}

crate::choice! {
    /// Where a media asset stands.
    pub enum MediaStatus {
        /// The staff alone sees it.
        Draft = "draft",
        /// Everybody who knows its address does.
        Published = "published",
    }
}

crate::choice! {
    /// How wide a thumbnail is, in pixels. A picture that is no wider is its own thumbnail.
    pub enum ThumbnailWidth {
        /// For lists.
        Small = "320",
        /// For cards.
        Medium = "640",
        /// For pages.
        Large = "1280",
    }
}

impl ThumbnailWidth {
    /// The number.
    pub fn pixels(self) -> u32 {
        match self {
            Self::Small => 320,
            Self::Medium => 640,
            Self::Large => 1280,
        }
    }
}

/// How large a picture is, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimensions {
    /// From left to right.
    pub width: u32,
    /// From top to bottom.
    pub height: u32,
}

/// A file as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaFile {
    /// What it is.
    pub media_type: MediaType,
    /// How many bytes it has.
    pub size_bytes: u64,
    /// How many bytes it takes together with its thumbnails.
    pub stored_bytes: u64,
    /// How large it is, if it is a picture.
    pub dimensions: Option<Dimensions>,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// The folder of the store in which it and its thumbnails are.
    pub storage_path: String,
}

impl MediaFile {
    /// Where the file itself is.
    pub fn original(&self) -> String {
        format!("{}/original", self.storage_path)
    }

    /// Where a thumbnail is, if there is one of that width.
    pub fn thumbnail(&self, width: ThumbnailWidth) -> String {
        format!("{}/{width}", self.storage_path)
    }

    /// Where what is shown at a width is: the thumbnail, or the file itself if that is no wider. `None` if it is no picture.
    pub fn at_width(&self, width: ThumbnailWidth) -> Option<String> {
        let own = self.dimensions?.width;
        Some(if width.pixels() < own { self.thumbnail(width) } else { self.original() })
    }

    /// The widths of its thumbnails: those that are less than its own.
    pub fn thumbnails(&self) -> impl Iterator<Item = ThumbnailWidth> {
        let own = self.dimensions.map_or(0, |own| own.width);
        ThumbnailWidth::ALL.iter().copied().filter(move |width| width.pixels() < own)
    }

    /// Where all of it is: the thumbnails, and the file itself last.
    pub fn objects(&self) -> Vec<String> {
        self.thumbnails().map(|width| self.thumbnail(width)).chain([self.original()]).collect()
    }
}

/// How much room an organization's files take, and how much they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaSpace {
    /// Bytes that are taken.
    pub used: u64,
    /// Bytes that may be.
    pub quota: u64,
}

impl MediaSpace {
    /// Whether so many bytes more find room.
    pub fn has_room_for(self, bytes: u64) -> bool {
        self.used.checked_add(bytes).is_some_and(|used| used <= self.quota)
    }
}

crate::form! {
    /// What of a media asset can be changed.
    pub struct MediaDetails {
        /// What it shows, for who cannot see it. Nothing is published without.
        alt_text: Option<Line<500>>,
    }
}

/// A picture, document or film of an organization, which can be used in many places.
///
/// Its file never changes: another one is another asset. An archived one is shown to nobody, and its file is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaAsset {
    /// Id.
    pub id: MediaAssetId,
    /// Under which name it is handed out.
    pub filename: String,
    /// How it was called by who sent it.
    pub original_filename: FileName,
    /// The file.
    pub file: MediaFile,
    /// What can be changed.
    pub details: MediaDetails,
    /// Who sent it, if it was no program.
    pub uploaded_by: Option<UserId>,
    /// Where it stands.
    pub status: MediaStatus,
    /// Since when it is hidden.
    pub archived_at: Option<Instant>,
    /// Since when it exists.
    pub created_at: Instant,
    /// Last change.
    pub updated_at: Instant,
    /// Version.
    pub version: u32,
}

impl MediaAsset {
    /// A new one, which the staff alone sees. Its file is in the store already.
    ///
    /// # Errors
    /// [`MediaAssetError::QuotaExceeded`].
    pub fn upload(
        id: MediaAssetId,
        name: FileName,
        file: MediaFile,
        details: MediaDetails,
        uploaded_by: Option<UserId>,
        space: MediaSpace,
        now: Instant,
    ) -> Result<Changed<Self>, MediaAssetError> {
        if !space.has_room_for(file.stored_bytes) {
            return Err(MediaAssetError::QuotaExceeded);
        }
        let fact = MediaAssetFact::Uploaded { bytes: file.stored_bytes, quota: space.quota };
        let asset = Self {
            id,
            filename: name.handed_out(file.media_type),
            original_filename: name,
            file,
            details,
            uploaded_by,
            status: MediaStatus::Draft,
            archived_at: None,
            created_at: now,
            updated_at: now,
            version: 0,
        };
        Ok(Changed::created(asset, fact, now))
    }

    /// Changes the details that the patch names (RFC 7396).
    ///
    /// # Errors
    /// Every fault of what would come out; `ALT_TEXT_REQUIRED` if a published one would be left without.
    pub fn change(&self, patch: &Value, now: Instant) -> Result<Changed<Self>, Faults> {
        let details = MediaDetails::read(&Value::Map(self.details.fields()).merged(patch))?;
        if self.status == MediaStatus::Published {
            ready(&details)?;
        }
        Ok(self.with(MediaAssetFact::Changed, now, |asset| asset.details = details))
    }

    /// Publishes it, or takes it back.
    ///
    /// # Errors
    /// [`MediaAssetError::InvalidTransition`]; `ALT_TEXT_REQUIRED` if it should be published and nobody has said what it shows.
    pub fn transition(&self, to: MediaStatus, now: Instant) -> Result<Changed<Self>, MediaAssetError> {
        let fact = match (self.status, to) {
            (MediaStatus::Draft, MediaStatus::Published) => MediaAssetFact::Published,
            (MediaStatus::Published, MediaStatus::Draft) => MediaAssetFact::Unpublished,
            (from, to) => {
                let possible = MediaStatus::ALL.iter().filter(|other| **other != from).map(|other| other.as_str()).collect();
                return Err(MediaAssetError::InvalidTransition { from, to, possible });
            }
        };
        if to == MediaStatus::Published {
            ready(&self.details)?;
        }
        Ok(self.with(fact, now, |asset| asset.status = to))
    }

    /// Uses it in one place more.
    pub fn link(&self, link: MediaLink, now: Instant) -> Changed<Self> {
        self.with(MediaAssetFact::Linked(link), now, |_| ())
    }

    /// Uses it in one place less.
    pub fn unlink(&self, usage: MediaUse, now: Instant) -> Changed<Self> {
        self.with(MediaAssetFact::Unlinked(usage), now, |_| ())
    }

    /// Whether everybody may have it.
    pub fn is_public(&self) -> bool {
        self.status == MediaStatus::Published && self.archived_at.is_none()
    }

    fn with(&self, fact: MediaAssetFact, now: Instant, edit: impl FnOnce(&mut Self)) -> Changed<Self> {
        let mut after = self.clone();
        edit(&mut after);
        Changed::of(self, after, fact, now)
    }
}

/// Whether the public may have what has these details.
fn ready(details: &MediaDetails) -> Result<(), Faults> {
    match details.alt_text {
        Some(_) => Ok(()),
        None => Err(Fault::rule("/alt_text", "ALT_TEXT_REQUIRED", "what is published says what it shows").into()),
    }
}

crate::shared::archivable!(MediaAsset.archived_at, MediaAssetFact);

impl Aggregate for MediaAsset {
    type Fact = MediaAssetFact;
    fn noun(&self) -> Noun {
        Noun { context: "publishing", one: "media_asset", many: "media_assets" }
    }
    fn id(&self) -> Uuid {
        self.id.as_uuid()
    }
    fn version(&self) -> u32 {
        self.version
    }
    fn mark(&mut self, version: u32, at: Instant) {
        self.version = version;
        self.updated_at = at;
    }
    fn subject(&self) -> Option<PersonId> {
        None
    }
    /// Not the name that it was given: it may name somebody, and nothing here is sealed.
    fn fields(&self) -> Fields {
        let mut fields = self.details.fields();
        fields.push(("mime_type".to_owned(), self.file.media_type.value()));
        fields.push(("size_bytes".to_owned(), i64::try_from(self.file.size_bytes).map_or(Value::Null, Value::Int)));
        fields.push(("status".to_owned(), self.status.value()));
        fields.push(("archived_at".to_owned(), self.archived_at.value()));
        fields
    }
}

/// What can happen to a media asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaAssetFact {
    /// It is there, and takes room.
    Uploaded {
        /// How much, with its thumbnails.
        bytes: u64,
        /// How much all files of the organization may take.
        quota: u64,
    },
    /// Details changed.
    Changed,
    /// Everybody may have it.
    Published,
    /// The staff alone sees it again.
    Unpublished,
    /// It is hidden.
    Archived,
    /// It is back.
    Restored,
    /// It is used in one place more.
    Linked(MediaLink),
    /// It is used in one place less.
    Unlinked(MediaUse),
}

impl Fact for MediaAssetFact {
    fn verb(&self) -> &'static str {
        match self {
            Self::Uploaded { .. } => "uploaded",
            Self::Changed => "changed",
            Self::Published => "published",
            Self::Unpublished => "unpublished",
            Self::Archived => "archived",
            Self::Restored => "restored",
            Self::Linked(_) => "linked",
            Self::Unlinked(_) => "unlinked",
        }
    }
    fn data(&self) -> Fields {
        match self {
            Self::Linked(MediaLink { usage, .. }) | Self::Unlinked(usage) => usage.fields(),
            _ => Fields::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publishing::{EntityType, MediaLinkId, MediaRole};
    use crate::shared::RecordId;

    fn now() -> Instant {
        "2026-03-01T10:00:00Z".parse().unwrap()
    }

    fn picture(width: u32) -> MediaFile {
        let dimensions = Some(Dimensions { width, height: 10 });
        MediaFile { media_type: MediaType::Png, size_bytes: 70, stored_bytes: 100, dimensions, sha256: [7; 32], storage_path: "o/a".to_owned() }
    }

    fn upload(space: MediaSpace) -> Result<Changed<MediaAsset>, MediaAssetError> {
        let name = FileName::parse(&"Foto de grupo.jpeg".into()).unwrap();
        let id = MediaAssetId::from_uuid(Uuid::from_u128(1));
        MediaAsset::upload(id, name, picture(800), MediaDetails { alt_text: None }, None, space, now())
    }

    fn draft() -> MediaAsset {
        upload(MediaSpace { used: 0, quota: 100 }).unwrap().into_state()
    }

    fn said(asset: &MediaAsset, alt_text: &str) -> MediaAsset {
        asset.change(&Value::Map(vec![("alt_text".to_owned(), alt_text.into())]), now()).unwrap().into_state()
    }

    #[test]
    fn a_file_is_taken_as_long_as_there_is_room() {
        let taken = upload(MediaSpace { used: 900, quota: 1000 }).unwrap();
        assert_eq!(taken.fact(), &MediaAssetFact::Uploaded { bytes: 100, quota: 1000 });
        assert_eq!((taken.state().filename.as_str(), taken.state().status), ("foto-de-grupo.png", MediaStatus::Draft));
        for full in [MediaSpace { used: 901, quota: 1000 }, MediaSpace { used: 2000, quota: 1000 }, MediaSpace { used: u64::MAX, quota: u64::MAX }] {
            assert_eq!(upload(full).unwrap_err(), MediaAssetError::QuotaExceeded);
        }
    }

    #[test]
    fn the_audit_does_not_learn_how_a_file_was_called() {
        let told: Vec<_> = upload(MediaSpace { used: 0, quota: 100 }).unwrap().changes().iter().map(|change| change.field.clone()).collect();
        assert_eq!(told, ["mime_type", "size_bytes", "status"]);
    }

    #[test]
    fn nothing_is_published_without_saying_what_it_shows() {
        let MediaAssetError::Invalid(faults) = draft().transition(MediaStatus::Published, now()).unwrap_err() else { panic!() };
        assert_eq!((faults.code(), faults.0[0].pointer.as_str()), ("ALT_TEXT_REQUIRED", "/alt_text"));
        let published = said(&draft(), "Dos soldadoras").transition(MediaStatus::Published, now()).unwrap();
        assert_eq!((published.fact().verb(), published.state().is_public()), ("published", true));
        // What is published stays so.
        let gone = published.state().change(&Value::Map(vec![("alt_text".to_owned(), Value::Null)]), now());
        assert_eq!(gone.unwrap_err().code(), "ALT_TEXT_REQUIRED");
    }

    #[test]
    fn it_goes_to_the_other_status_alone() {
        let draft = said(&draft(), "Dos soldadoras");
        let published = draft.transition(MediaStatus::Published, now()).unwrap().into_state();
        for (asset, other) in [(&draft, "published"), (&published, "draft")] {
            let Err(MediaAssetError::InvalidTransition { possible, .. }) = asset.transition(asset.status, now()) else { panic!() };
            assert_eq!(possible, [other]);
        }
        assert_eq!(published.transition(MediaStatus::Draft, now()).unwrap().fact().verb(), "unpublished");
    }

    #[test]
    fn what_is_hidden_is_nobodys_and_comes_back_as_it_was() {
        let published = said(&draft(), "Dos soldadoras").transition(MediaStatus::Published, now()).unwrap().into_state();
        let hidden = published.archive(now()).unwrap().into_state();
        assert!(!hidden.is_public() && hidden.archive(now()).is_none() && published.restore(now()).is_none());
        assert!(hidden.restore(now()).unwrap().state().is_public());
    }

    #[test]
    fn a_link_is_told_with_where_it_leads() {
        let usage = MediaUse { entity_type: EntityType::Course, entity_id: RecordId::from_uuid(Uuid::from_u128(5)), role: MediaRole::Cover };
        let link = MediaLink { id: MediaLinkId::from_uuid(Uuid::from_u128(6)), usage: usage.clone(), position: 0 };
        let linked = draft().link(link, now());
        assert_eq!((linked.fact().verb(), linked.fact().data()), ("linked", usage.fields()));
        assert_eq!(linked.state().unlink(usage.clone(), now()).fact().data(), usage.fields());
    }

    #[test]
    fn a_picture_that_is_no_wider_is_its_own_thumbnail() {
        use ThumbnailWidth::{Large, Medium, Small};
        for (own, width, path) in [(800, Small, "o/a/320"), (800, Medium, "o/a/640"), (800, Large, "o/a/original"), (320, Small, "o/a/original")] {
            assert_eq!(picture(own).at_width(width).unwrap(), path);
        }
        let film = MediaFile { dimensions: None, media_type: MediaType::Mp4, ..picture(1) };
        assert_eq!((film.at_width(Small), film.objects()), (None, vec!["o/a/original".to_owned()]));
        assert_eq!(picture(641).objects(), ["o/a/320", "o/a/640", "o/a/original"]);
        assert!(ThumbnailWidth::ALL.iter().all(|width| width.pixels().to_string() == width.as_str()));
    }
}
