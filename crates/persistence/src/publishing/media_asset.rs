use async_trait::async_trait;
use matricula_domain::identity::UserId;
use matricula_domain::publishing::{Dimensions, MediaAsset, MediaAssetFact, MediaAssetId, MediaDetails, MediaFile, MediaLink, MediaUse};
use matricula_domain::shared::{Aggregate, Changed, Id, Line};
use matricula_entity::publishing::{media_assets, media_links, media_usage};
use matricula_ports::PortError;
use matricula_ports::publishing::MediaAssetRepository;
use sea_orm::{ColumnTrait, QueryFilter};
use uuid::Uuid;

use crate::convert::{count, digest, parsed, parsed_or_none};
use crate::sql::Write;
use crate::unit::Session;

pub(super) fn asset_of(row: media_assets::Model) -> Result<MediaAsset, PortError> {
    let dimensions = match (row.width, row.height) {
        (Some(width), Some(height)) => Some(Dimensions { width: count(width, "media_assets.width")?, height: count(height, "media_assets.height")? }),
        _ => None,
    };
    let file = MediaFile {
        media_type: parsed(row.mime_type, "media_assets.mime_type")?,
        size_bytes: count(row.size_bytes, "media_assets.size_bytes")?,
        stored_bytes: count(row.stored_bytes, "media_assets.stored_bytes")?,
        dimensions,
        sha256: digest(&row.sha256, "media_assets.sha256")?,
        storage_path: row.storage_path,
    };
    Ok(MediaAsset {
        id: MediaAssetId::from_uuid(row.id),
        filename: row.filename,
        original_filename: parsed(row.original_filename, "media_assets.original_filename")?,
        file,
        details: MediaDetails { alt_text: parsed_or_none(row.alt_text, "media_assets.alt_text")? },
        uploaded_by: row.uploaded_by.map(UserId::from_uuid),
        status: parsed(row.status, "media_assets.status")?,
        archived_at: row.archived_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
        version: count(row.version, "media_assets.version")?,
    })
}

fn asset_model(organization: Uuid, asset: &MediaAsset) -> Result<media_assets::Model, PortError> {
    let (file, dimensions) = (&asset.file, asset.file.dimensions);
    Ok(media_assets::Model {
        organization_id: organization,
        id: asset.id.as_uuid(),
        filename: asset.filename.clone(),
        original_filename: asset.original_filename.to_string(),
        mime_type: file.media_type.as_str().to_owned(),
        size_bytes: bytes(file.size_bytes)?,
        stored_bytes: bytes(file.stored_bytes)?,
        width: dimensions.map(|size| count(size.width, "media_assets.width")).transpose()?,
        height: dimensions.map(|size| count(size.height, "media_assets.height")).transpose()?,
        alt_text: asset.details.alt_text.as_ref().map(Line::to_string),
        sha256: file.sha256.to_vec(),
        storage_path: file.storage_path.clone(),
        uploaded_by: asset.uploaded_by.map(Id::as_uuid),
        status: asset.status.as_str().to_owned(),
        archived_at: asset.archived_at,
        created_at: asset.created_at,
        updated_at: asset.updated_at,
        version: count(asset.version, "media_assets.version")?,
    })
}

/// A number of bytes as the database counts.
fn bytes(number: u64) -> Result<i64, PortError> {
    i64::try_from(number).map_err(|_| PortError::Broken("a number of bytes is out of range".to_owned()))
}

#[async_trait]
impl MediaAssetRepository for Session {
    async fn find(&self, id: MediaAssetId) -> Result<Option<MediaAsset>, PortError> {
        self.one(self.select::<media_assets::Entity>().filter(media_assets::Column::Id.eq(id.as_uuid()))).await?.map(asset_of).transpose()
    }

    async fn has_link(&self, id: MediaAssetId, usage: &MediaUse) -> Result<bool, PortError> {
        let select = self.select::<media_links::Entity>().filter(media_links::Column::AssetId.eq(id.as_uuid()));
        let select = select.filter(media_links::Column::EntityType.eq(usage.entity_type.as_str()));
        let select = select.filter(media_links::Column::EntityId.eq(usage.entity_id.as_uuid()));
        Ok(self.one(select.filter(media_links::Column::Role.eq(usage.role.as_str()))).await?.is_some())
    }

    async fn space_used(&self) -> Result<u64, PortError> {
        let row = self.one(self.select::<media_usage::Entity>()).await?;
        row.map_or(Ok(0), |row| count(row.bytes, "media_usage.bytes"))
    }

    async fn save(&self, asset: &Changed<MediaAsset>) -> Result<(), PortError> {
        let state = asset.state();
        let model = asset_model(self.organization, state)?;
        if asset.is_new() {
            self.insert::<media_assets::Entity>(model);
        } else {
            self.update::<media_assets::Entity>(model, state.version(), &[]);
        }
        let (organization_id, asset_id) = (self.organization, state.id.as_uuid());
        match asset.fact() {
            MediaAssetFact::Uploaded { bytes: taken, quota } => {
                self.write(Write::MediaUsage { organization: organization_id, bytes: bytes(*taken)?, quota: bytes(*quota)? });
            }
            MediaAssetFact::Linked(MediaLink { id, usage, position }) => self.insert::<media_links::Entity>(media_links::Model {
                organization_id,
                id: id.as_uuid(),
                asset_id,
                entity_type: usage.entity_type.as_str().to_owned(),
                entity_id: usage.entity_id.as_uuid(),
                role: usage.role.as_str().to_owned(),
                position: count(*position, "media_links.position")?,
                created_at: asset.at(),
            }),
            MediaAssetFact::Unlinked(usage) => self.write(Write::Delete {
                table: "media_links",
                key: vec![
                    ("organization_id", organization_id.into()),
                    ("asset_id", asset_id.into()),
                    ("entity_type", usage.entity_type.as_str().into()),
                    ("entity_id", usage.entity_id.as_uuid().into()),
                    ("role", usage.role.as_str().into()),
                ],
            }),
            MediaAssetFact::Changed
            | MediaAssetFact::Published
            | MediaAssetFact::Unpublished
            | MediaAssetFact::Archived
            | MediaAssetFact::Restored => {}
        }
        self.note(asset);
        Ok(())
    }
}
