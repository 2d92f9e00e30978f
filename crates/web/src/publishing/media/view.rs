use chrono::{DateTime, Utc};
use matricula_domain::publishing::{MediaAsset, ThumbnailWidth};
use matricula_domain::shared::{Id, Line};
use matricula_ports::publishing::{MediaLinkRow, ObjectRow};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A picture, document or film.
#[derive(Serialize, ToSchema)]
pub(super) struct MediaAssetView {
    id: Uuid,
    /// Under which name it is handed out.
    filename: String,
    /// How it was called by who sent it.
    original_filename: String,
    /// image/jpeg, image/png, image/webp, application/pdf or video/mp4.
    mime_type: &'static str,
    /// How many bytes it has as it is kept.
    size_bytes: u64,
    /// Of a picture, in pixels.
    width: Option<u32>,
    /// Of a picture, in pixels.
    height: Option<u32>,
    /// The widths of its thumbnails.
    thumbnails: Vec<u32>,
    /// What it shows, for who cannot see it.
    alt_text: Option<String>,
    uploaded_by: Option<Uuid>,
    /// draft or published.
    status: &'static str,
    archived_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<&MediaAsset> for MediaAssetView {
    fn from(asset: &MediaAsset) -> Self {
        let file = &asset.file;
        Self {
            id: asset.id.as_uuid(),
            filename: asset.filename.clone(),
            original_filename: asset.original_filename.to_string(),
            mime_type: file.media_type.as_str(),
            size_bytes: file.size_bytes,
            width: file.dimensions.map(|size| size.width),
            height: file.dimensions.map(|size| size.height),
            thumbnails: file.thumbnails().map(ThumbnailWidth::pixels).collect(),
            alt_text: asset.details.alt_text.as_ref().map(Line::to_string),
            uploaded_by: asset.uploaded_by.map(Id::as_uuid),
            status: asset.status.as_str(),
            archived_at: asset.archived_at,
            created_at: asset.created_at,
            updated_at: asset.updated_at,
        }
    }
}

/// Where a media asset is used.
#[derive(Serialize, ToSchema)]
pub(super) struct MediaLinkView {
    id: Uuid,
    /// `course`, `course_run`, `campus`, `cycle`, `campaign` or `blog_post`.
    entity_type: &'static str,
    entity_id: Uuid,
    /// cover, gallery or attachment.
    role: &'static str,
    position: u32,
    created_at: DateTime<Utc>,
}

impl From<MediaLinkRow> for MediaLinkView {
    fn from(MediaLinkRow { link, created_at }: MediaLinkRow) -> Self {
        Self {
            id: link.id.as_uuid(),
            entity_type: link.usage.entity_type.as_str(),
            entity_id: link.usage.entity_id.as_uuid(),
            role: link.usage.role.as_str(),
            position: link.position,
            created_at,
        }
    }
}

/// A file in the store that is of no asset.
#[derive(Serialize, ToSchema)]
pub(super) struct OrphanView {
    path: String,
    size_bytes: u64,
    modified_at: DateTime<Utc>,
}

impl From<ObjectRow> for OrphanView {
    fn from(object: ObjectRow) -> Self {
        Self { path: object.path, size_bytes: object.size_bytes, modified_at: object.modified_at }
    }
}
