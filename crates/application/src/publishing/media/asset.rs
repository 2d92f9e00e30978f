use matricula_domain::publishing::{MediaAsset, MediaAssetId, MediaLink, MediaStatus, MediaUse, NewMediaLink};
use matricula_domain::shared::{Changed, Fault, Faults, Instant, Value};
use matricula_ports::{Tx, transact};

use super::{Media, MediaError};
use crate::Expected;
use crate::access::{Allowed, ManagePublishing};

impl Media {
    /// Changes the fields that the patch names.
    ///
    /// # Errors
    /// [`MediaError`].
    pub async fn change_asset(
        &self,
        who: &Allowed<ManagePublishing>,
        id: MediaAssetId,
        patch: &Value,
        expected: Expected,
    ) -> Result<MediaAsset, MediaError> {
        self.asset(who, id, expected, async |_, asset, now| Ok(asset.change(patch, now)?)).await
    }

    /// Publishes an asset, or takes it back.
    ///
    /// # Errors
    /// [`MediaError`].
    pub async fn move_asset(&self, who: &Allowed<ManagePublishing>, id: MediaAssetId, to: MediaStatus) -> Result<MediaAsset, MediaError> {
        self.asset(who, id, Expected::Any, async |_, asset, now| Ok(asset.transition(to, now)?)).await
    }

    /// Hides an asset, with undo. Its file is kept.
    ///
    /// # Errors
    /// [`MediaError`].
    pub async fn archive_asset(&self, who: &Allowed<ManagePublishing>, id: MediaAssetId) -> Result<MediaAsset, MediaError> {
        self.asset(who, id, Expected::Any, async |_, asset, now| asset.archive(now).ok_or(MediaError::AlreadySo)).await
    }

    /// Undoes [`Media::archive_asset`].
    ///
    /// # Errors
    /// [`MediaError`].
    pub async fn restore_asset(&self, who: &Allowed<ManagePublishing>, id: MediaAssetId) -> Result<MediaAsset, MediaError> {
        self.asset(who, id, Expected::Any, async |_, asset, now| asset.restore(now).ok_or(MediaError::AlreadySo)).await
    }

    /// Uses an asset in one place more.
    ///
    /// # Errors
    /// [`MediaError`].
    pub async fn link_asset(&self, who: &Allowed<ManagePublishing>, id: MediaAssetId, new: &NewMediaLink) -> Result<MediaAsset, MediaError> {
        self.asset(who, id, Expected::Any, async |tx, asset, now| {
            if !tx.records().is_there(new.entity_type.noun(), new.entity_id).await? {
                return Err(Faults::from(Fault::new("NOT_FOUND", "names nothing here").under("entity_id")).into());
            }
            if tx.media_assets().has_link(id, &new.usage()).await? {
                return Err(MediaError::AlreadySo);
            }
            let link = MediaLink { id: self.world.id(), usage: new.usage(), position: new.position.unwrap_or_default() };
            Ok(asset.link(link, now))
        })
        .await
    }

    /// Uses an asset in one place less.
    ///
    /// # Errors
    /// [`MediaError`].
    pub async fn unlink_asset(&self, who: &Allowed<ManagePublishing>, id: MediaAssetId, usage: &MediaUse) -> Result<MediaAsset, MediaError> {
        self.asset(who, id, Expected::Any, async |tx, asset, now| {
            if tx.media_assets().has_link(id, usage).await? { Ok(asset.unlink(usage.clone(), now)) } else { Err(MediaError::AlreadySo) }
        })
        .await
    }

    async fn asset(
        &self,
        who: &Allowed<ManagePublishing>,
        id: MediaAssetId,
        expected: Expected,
        change: impl AsyncFn(&Tx, &MediaAsset, Instant) -> Result<Changed<MediaAsset>, MediaError>,
    ) -> Result<MediaAsset, MediaError> {
        transact(&*self.world.transactions, who.scope(), async |tx| {
            let asset = tx.media_assets().find(id).await?.ok_or(MediaError::NotFound)?;
            expected.met_by(&asset)?;
            let changed = change(tx, &asset, self.world.now()).await?;
            tx.media_assets().save(&changed).await?;
            Ok(changed.into_state())
        })
        .await
    }
}
