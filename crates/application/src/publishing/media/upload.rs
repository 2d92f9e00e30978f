use matricula_domain::publishing::{FileName, MediaAsset, MediaAssetError, MediaAssetId, MediaDetails, MediaFile, MediaSpace};
use matricula_ports::publishing::{Content, IncomingFile, PreparedFile};
use matricula_ports::{Actor, PortError, transact};

use super::{Media, MediaError};
use crate::access::{Allowed, ManagePublishing};

impl Media {
    /// Takes a file in.
    ///
    /// The files come before the row, and the row is what counts: whatever happens in between, no asset lacks its file, and a file
    /// without an asset is told by [`Media::orphans`].
    ///
    /// # Errors
    /// [`MediaError`].
    pub async fn upload(
        &self,
        who: &Allowed<ManagePublishing>,
        file: &IncomingFile,
        name: &FileName,
        details: &MediaDetails,
    ) -> Result<MediaAsset, MediaError> {
        let prepared = self.inspector.prepare(file).await?;
        // Who has no room for it is told before anything is written.
        let used = self.queries.space_used(who.scope()).await?;
        if !(MediaSpace { used, quota: self.quota }).has_room_for(prepared.stored_bytes()) {
            return Err(MediaAssetError::QuotaExceeded.into());
        }
        let id: MediaAssetId = self.world.id();
        let kept = MediaFile {
            media_type: prepared.media_type,
            size_bytes: prepared.size_bytes,
            stored_bytes: prepared.stored_bytes(),
            dimensions: prepared.dimensions,
            sha256: prepared.sha256,
            storage_path: format!("{}/{id}", who.scope().organization()),
        };
        let saved = match self.put(&kept, prepared).await {
            Ok(()) => self.save(who, id, name, &kept, details).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = &saved
            && is_certain(error)
        {
            self.remove(&kept).await;
        }
        saved
    }

    async fn put(&self, kept: &MediaFile, prepared: PreparedFile) -> Result<(), PortError> {
        for (width, bytes) in prepared.thumbnails {
            self.store.put(&kept.thumbnail(width), &Content::Bytes(bytes)).await?;
        }
        self.store.put(&kept.original(), &prepared.content).await
    }

    async fn save(
        &self,
        who: &Allowed<ManagePublishing>,
        id: MediaAssetId,
        name: &FileName,
        kept: &MediaFile,
        details: &MediaDetails,
    ) -> Result<MediaAsset, MediaError> {
        let uploaded_by = match who.scope().actor() {
            Actor::User(user) => Some(user),
            _ => None,
        };
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let space = MediaSpace { used: tx.media_assets().space_used().await?, quota: self.quota };
            let asset = MediaAsset::upload(id, name.clone(), kept.clone(), details.clone(), uploaded_by, space, self.world.now())?;
            tx.media_assets().save(&asset).await?;
            Ok(asset.into_state())
        })
        .await
    }

    /// Takes back what was put. What cannot be is an orphan.
    async fn remove(&self, kept: &MediaFile) {
        for path in kept.objects() {
            if let Err(error) = self.store.remove(&path).await {
                tracing::warn!(%error, path, "a file that nobody wants stays");
            }
        }
    }
}

/// Whether nothing was saved. Of a database that went away in the middle of the commit nobody knows.
fn is_certain(error: &MediaError) -> bool {
    !matches!(error, MediaError::Port(PortError::Unavailable(_) | PortError::Broken(_)))
}
