//! Media: the assets, and the files behind them.

use std::ops::Range;
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use matricula_domain::publishing::{
    Dimensions, EntityType, FileRefusal, MediaAsset, MediaAssetId, MediaLink, MediaRole, MediaStatus, MediaType, MediaUse, ThumbnailWidth,
};
use matricula_domain::shared::{Changed, Instant, RecordId};

use crate::{Page, PortError, Scope, Slice};

/// Media assets.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait MediaAssetRepository: Send + Sync {
    /// An asset, archived or not.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn find(&self, id: MediaAssetId) -> Result<Option<MediaAsset>, PortError>;

    /// Whether an asset is used there, as that.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn has_link(&self, id: MediaAssetId, usage: &MediaUse) -> Result<bool, PortError>;

    /// How many bytes the organization's files take.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn space_used(&self) -> Result<u64, PortError>;

    /// Saves, and takes the room and moves the links as the fact says. No room left is a [`PortError::Conflict`] of the commit, as is a
    /// link that is there already.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn save(&self, asset: &Changed<MediaAsset>) -> Result<(), PortError>;
}

/// Which media assets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaFilter {
    /// The archived ones instead of the others.
    pub archived: bool,
    /// Of this type.
    pub media_type: Option<MediaType>,
    /// In this state.
    pub status: Option<MediaStatus>,
    /// Used with things of this kind.
    pub entity_type: Option<EntityType>,
    /// Used with this thing.
    pub entity_id: Option<RecordId>,
    /// Used as this.
    pub role: Option<MediaRole>,
}

/// A link, as a screen shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaLinkRow {
    /// The link.
    pub link: MediaLink,
    /// Since when it exists.
    pub created_at: Instant,
}

/// Reads of media for screens.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait MediaQueries: Send + Sync {
    /// Assets, newest first.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn assets(&self, scope: &Scope, filter: &MediaFilter, page: &Page) -> Result<Slice<MediaAsset>, PortError>;

    /// One asset, archived or not.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn asset(&self, scope: &Scope, id: MediaAssetId) -> Result<Option<MediaAsset>, PortError>;

    /// Where an asset is used, newest link first.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn links(&self, scope: &Scope, id: MediaAssetId, page: &Page) -> Result<Slice<MediaLinkRow>, PortError>;

    /// The pictures that stand for things of a kind, where everybody may see them: the one that a post names itself, else the first that is
    /// linked as its cover, of those that are published and not archived. What has none is left out. At most a thousand are asked for at once.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn covers(&self, scope: &Scope, entity_type: EntityType, of: &[RecordId]) -> Result<Vec<(RecordId, MediaAsset)>, PortError>;

    /// What everybody may see of a thing beside its cover, by its place, at most so many.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn beside_cover(&self, scope: &Scope, entity_type: EntityType, of: RecordId, most: u16) -> Result<Vec<(MediaRole, MediaAsset)>, PortError>;

    /// How many bytes the organization's files take.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn space_used(&self, scope: &Scope) -> Result<u64, PortError>;

    /// Which of these folders of the store are those of an asset, archived or not.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn known_folders(&self, scope: &Scope, folders: &[String]) -> Result<Vec<String>, PortError>;
}

/// A file that somebody sends, on this machine's disk for as long as it is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingFile {
    /// Where it is.
    pub path: PathBuf,
    /// How many bytes it has.
    pub size_bytes: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
}

/// What is put into a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// These bytes.
    Bytes(Bytes),
    /// A file of this machine.
    File(PathBuf),
}

/// A file as it will be kept: a picture is written anew, so that nothing of what was sent is left but what can be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedFile {
    /// What it is.
    pub media_type: MediaType,
    /// How many bytes it has.
    pub size_bytes: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// How large it is, if it is a picture.
    pub dimensions: Option<Dimensions>,
    /// The file.
    pub content: Content,
    /// The same picture at each width that is less than its own.
    pub thumbnails: Vec<(ThumbnailWidth, Bytes)>,
}

impl PreparedFile {
    /// How many bytes it takes together with its thumbnails.
    pub fn stored_bytes(&self) -> u64 {
        self.thumbnails.iter().fold(self.size_bytes, |sum, (_, bytes)| sum.saturating_add(bytes.len() as u64))
    }
}

/// Why a file could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// It is not taken.
    #[error(transparent)]
    Refused(#[from] FileRefusal),
    /// The world.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Looks at files that somebody sends, and makes of them what is kept.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait FileInspector: Send + Sync {
    /// Prepares a file. Its bytes alone say what it is.
    ///
    /// # Errors
    /// [`FileRefusal`]; [`PortError::Unavailable`] when too many are being looked at already.
    async fn prepare(&self, file: &IncomingFile) -> Result<PreparedFile, PrepareError>;

    /// How many bytes a file may have at most, whatever it is.
    fn limit(&self) -> u64;
}

/// An object of a store, on its way out.
pub struct StoredObject {
    /// How many bytes it has.
    pub size_bytes: u64,
    /// The bytes.
    pub bytes: BoxStream<'static, Result<Bytes, PortError>>,
}

/// An object of a store, as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRow {
    /// Its path.
    pub path: String,
    /// How many bytes it has.
    pub size_bytes: u64,
    /// When it was put there.
    pub modified_at: Instant,
}

/// Keeps files: a folder, or a storage that is reached over the network. A path is words with `/` between them; its first word is the
/// organization's id, its second the asset's.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// Keeps an object, whole or not at all; one that is there already is replaced.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn put(&self, path: &str, content: &Content) -> Result<(), PortError>;

    /// An object; `None` if there is none.
    ///
    /// # Errors
    /// [`PortError::Unavailable`], also in the middle of the bytes.
    async fn get(&self, path: &str) -> Result<Option<StoredObject>, PortError>;

    /// A part of an object, which begins within it and is not empty; `None` if there is no such object. `size_bytes` is that of the part.
    ///
    /// # Errors
    /// [`PortError::Unavailable`], also in the middle of the bytes.
    async fn get_part(&self, path: &str, part: Range<u64>) -> Result<Option<StoredObject>, PortError>;

    /// The objects of a folder and of its folders, by their paths, from after a path on, at most so many.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn list<'a>(&self, folder: &str, after: Option<&'a str>, most: usize) -> Result<Vec<ObjectRow>, PortError>;

    /// Removes an object, if it is there.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    async fn remove(&self, path: &str) -> Result<(), PortError>;

    /// Whether it can be reached, and lets us in.
    ///
    /// # Errors
    /// [`PortError::Unavailable`], which says what is wrong in words for the operator.
    async fn check(&self) -> Result<(), PortError>;
}
