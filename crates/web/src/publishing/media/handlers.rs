use actix_web::HttpRequest;
use matricula_application::access::{ManagePublishing, ReadPublishing};
use matricula_domain::publishing::{
    EntityType, FileName, MediaAsset, MediaAssetId, MediaDetails, MediaRole, MediaStatus, MediaType, MediaUse, NewMediaLink,
};
use matricula_domain::shared::{Aggregate, Field, Flag, Line, RecordId};
use matricula_ports::publishing::MediaFilter;
use sha2::{Digest, Sha256};

use super::upload::Upload;
use super::view::{MediaAssetView, MediaLinkView, OrphanView};
use crate::answer::{Answer, Answered};
use crate::call::May;
use crate::input::{Body, Query, Raw, path_field};
use crate::page::{Limit, Listed, PageQuery, Place, Sort, page};

matricula_domain::form! {
    /// Which media assets.
    pub struct MediaQuery {
        /// Of this type.
        mime_type: Option<MediaType>,
        /// In this state.
        status: Option<MediaStatus>,
        /// Used with things of this kind.
        entity_type: Option<EntityType>,
        /// Used with this thing.
        entity_id: Option<RecordId>,
        /// Used as this.
        role: Option<MediaRole>,
        /// The archived ones instead of the others.
        archived: Flag,
        /// Which way the list runs.
        sort: Option<Sort>,
        /// At most so many items (1–100, default 50).
        limit: Option<Limit>,
        /// Where the page begins: `next_cursor` of the page before.
        cursor: Option<Place>,
    }
}

matricula_domain::form! {
    /// What is said of a file that is sent.
    pub struct UploadQuery {
        /// How it is called, with one extension and without a path.
        filename: FileName,
        /// What it shows, for who cannot see it. It can be said later; nothing is published without.
        alt_text: Option<Line<500>>,
    }
}

matricula_domain::form! {
    /// Where a media asset goes.
    pub struct Move {
        /// The state.
        to: MediaStatus,
    }
}

impl From<MediaQuery> for MediaFilter {
    fn from(query: MediaQuery) -> Self {
        Self {
            archived: query.archived.0,
            media_type: query.mime_type,
            status: query.status,
            entity_type: query.entity_type,
            entity_id: query.entity_id,
            role: query.role,
        }
    }
}

fn answer(asset: &MediaAsset) -> Answer {
    Answer::ok(&MediaAssetView::from(asset)).etag(asset.version())
}

pub(super) async fn list(call: May<ReadPublishing>, query: Query<MediaQuery>, request: HttpRequest) -> Answered {
    let query = query.0;
    let page = page(query.limit, query.cursor.clone(), query.sort);
    let found = call.api.media_queries.assets(call.who.scope(), &query.into(), &page).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(|asset| MediaAssetView::from(&asset)))))
}

pub(super) async fn upload(call: May<ManagePublishing>, query: Query<UploadQuery>, upload: Upload) -> Answered {
    let query = query.0;
    let fingerprint = Sha256::digest([query.value().canonical().as_bytes(), &upload.file.sha256].concat()).into();
    let answer = |asset: &MediaAsset| Answer::created(&MediaAssetView::from(asset), format!("/api/v1/media/{}", asset.id)).etag(asset.version());
    let details = MediaDetails { alt_text: query.alt_text };
    call.once(fingerprint, answer, async |who| call.api.media.upload(who, &upload.file, &query.filename, &details).await).await
}

pub(super) async fn orphans(call: May<ManagePublishing>, query: Query<PageQuery>, request: HttpRequest) -> Answered {
    let found = call.api.media.orphans(&call.who, &page(query.0.limit, query.0.cursor, None)).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(OrphanView::from))))
}

pub(super) async fn get(call: May<ReadPublishing>) -> Answered {
    let id: MediaAssetId = path_field(&call.request, "id")?;
    Ok(answer(&call.api.media.any_asset(&call.who, id).await?))
}

pub(super) async fn change(call: May<ManagePublishing>, body: Raw) -> Answered {
    let id: MediaAssetId = path_field(&call.request, "id")?;
    let expected = call.expected()?;
    Ok(answer(&call.api.media.change_asset(&call.who, id, &body.value, expected).await?))
}

pub(super) async fn transition(call: May<ManagePublishing>, body: Body<Move>) -> Answered {
    let id: MediaAssetId = path_field(&call.request, "id")?;
    call.once(body.fingerprint, answer, async |who| call.api.media.move_asset(who, id, body.to).await).await
}

pub(super) async fn archive(call: May<ManagePublishing>) -> Answered {
    let id: MediaAssetId = path_field(&call.request, "id")?;
    Ok(answer(&call.api.media.archive_asset(&call.who, id).await?))
}

pub(super) async fn restore(call: May<ManagePublishing>) -> Answered {
    let id: MediaAssetId = path_field(&call.request, "id")?;
    Ok(answer(&call.api.media.restore_asset(&call.who, id).await?))
}

pub(super) async fn links(call: May<ReadPublishing>, query: Query<PageQuery>, request: HttpRequest) -> Answered {
    let asset = call.api.media.any_asset(&call.who, path_field(&call.request, "id")?).await?;
    let found = call.api.media_queries.links(call.who.scope(), asset.id, &page(query.0.limit, query.0.cursor, None)).await?;
    Ok(Answer::list(&request, &Listed::of(found.map(MediaLinkView::from))))
}

pub(super) async fn link(call: May<ManagePublishing>, body: Body<NewMediaLink>) -> Answered {
    let id: MediaAssetId = path_field(&call.request, "id")?;
    call.once(body.fingerprint, answer, async |who| call.api.media.link_asset(who, id, &body).await).await
}

pub(super) async fn unlink(call: May<ManagePublishing>, body: Body<MediaUse>) -> Answered {
    let id: MediaAssetId = path_field(&call.request, "id")?;
    call.once(body.fingerprint, answer, async |who| call.api.media.unlink_asset(who, id, &body).await).await
}
