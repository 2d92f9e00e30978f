//! The pictures that stand for things, where everybody may see them.

use std::collections::BTreeMap;

use matricula_domain::publishing::{EntityType, MediaAsset, ThumbnailWidth};
use matricula_domain::shared::{Id, RecordId};
use matricula_ports::{PortError, Scope};

use crate::api::Api;
use crate::call::Public;

/// The pictures of things of a kind, all at once.
pub(crate) async fn covers(
    api: &Api,
    scope: &Scope,
    entity_type: EntityType,
    of: impl Iterator<Item = impl Id>,
) -> Result<BTreeMap<RecordId, MediaAsset>, PortError> {
    let mut of: Vec<_> = of.map(|id| RecordId::from_uuid(id.as_uuid())).collect();
    of.sort();
    of.dedup();
    let mut found = BTreeMap::new();
    for some in of.chunks(1000) {
        found.extend(api.media_queries.covers(scope, entity_type, some).await?);
    }
    Ok(found)
}

/// The picture of one thing.
pub(crate) async fn cover(api: &Api, scope: &Scope, entity_type: EntityType, of: impl Id) -> Result<Option<MediaAsset>, PortError> {
    Ok(covers(api, scope, entity_type, std::iter::once(of)).await?.into_values().next())
}

/// Where everybody finds the file of an asset that is published.
pub(crate) fn file_path(organization: &str, asset: &MediaAsset) -> String {
    format!("/api/v1/public/{organization}/media/{}", asset.id)
}

/// The same at a width, or as wide as it is.
pub(crate) fn thumbnail_path(organization: &str, asset: &MediaAsset, width: ThumbnailWidth) -> String {
    format!("{}/thumbnails/{width}", file_path(organization, asset))
}

/// The whole address of a picture, for whoever shows it elsewhere.
pub(crate) fn picture_address(call: &Public, asset: &MediaAsset) -> String {
    format!("{}{}", call.api.public_url, thumbnail_path(&call.visitor.organization().slug, asset, ThumbnailWidth::Large))
}
