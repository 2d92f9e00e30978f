use std::ops::Range;

use matricula_domain::publishing::{MediaAsset, MediaAssetId, ThumbnailWidth};
use matricula_ports::PortError;
use matricula_ports::publishing::StoredObject;

use super::{Media, MediaError};
use crate::access::{Allowed, ReadPublishing, Visitor};

impl Media {
    /// An asset whose file somebody who works here wants to have.
    ///
    /// # Errors
    /// [`MediaError::NotFound`], [`MediaError::Port`].
    pub async fn any_asset(&self, who: &Allowed<ReadPublishing>, id: MediaAssetId) -> Result<MediaAsset, MediaError> {
        self.queries.asset(who.scope(), id).await?.ok_or(MediaError::NotFound)
    }

    /// An asset whose file everybody may have: it is published, and not archived.
    ///
    /// # Errors
    /// [`MediaError::NotFound`], [`MediaError::Port`].
    pub async fn public_asset(&self, visitor: &Visitor, id: MediaAssetId) -> Result<MediaAsset, MediaError> {
        self.queries.asset(visitor.scope(), id).await?.filter(MediaAsset::is_public).ok_or(MediaError::NotFound)
    }

    /// The file of an asset, or its thumbnail of a width.
    ///
    /// # Errors
    /// [`MediaError::NotFound`] for a thumbnail of what is no picture, [`MediaError::Port`].
    pub async fn open(&self, asset: &MediaAsset, width: Option<ThumbnailWidth>) -> Result<StoredObject, MediaError> {
        let path = match width {
            Some(width) => asset.file.at_width(width).ok_or(MediaError::NotFound)?,
            None => asset.file.original(),
        };
        Ok(self.store.get(&path).await?.ok_or_else(|| lost(asset))?)
    }

    /// A part of the file of an asset, which begins within it and is not empty.
    ///
    /// # Errors
    /// [`MediaError::Port`].
    pub async fn open_part(&self, asset: &MediaAsset, part: Range<u64>) -> Result<StoredObject, MediaError> {
        Ok(self.store.get_part(&asset.file.original(), part).await?.ok_or_else(|| lost(asset))?)
    }
}

fn lost(asset: &MediaAsset) -> PortError {
    PortError::Broken(format!("the file of the media asset {} is not in the store", asset.id))
}
