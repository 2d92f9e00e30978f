//! Media: files that come in, and are handed out again.

mod hand_out;
mod handlers;
mod part;
mod upload;
mod view;

use actix_web::http::StatusCode;
use matricula_application::access::{ManagePublishing, ReadPublishing};
use matricula_application::publishing::MediaError;
use matricula_domain::publishing::{FileRefusal, MediaAssetError, MediaDetails, MediaUse, NewMediaLink};
use matricula_domain::shared::{Fault, Form};
use matricula_ports::PortError;
use serde_json::{Map, Value as Json};

use self::view::{MediaAssetView, MediaLinkView, OrphanView};
use crate::error::Coded;
use crate::page::PageQuery;
use crate::route::Route;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/media", "listMedia", "publishing", handlers::list)
            .says("Media assets, newest first.")
            .needs::<ReadPublishing>()
            .asks::<handlers::MediaQuery>()
            .gives_page_of::<MediaAssetView>(),
        Route::post("/media", "uploadMedia", "publishing", handlers::upload)
            .says("Takes a file in: a picture (JPEG, PNG, WebP), which is written anew, a PDF document, or an MP4 film. Its bytes say what it is.")
            .needs::<ManagePublishing>()
            .once()
            .asks::<handlers::UploadQuery>()
            .takes_file()
            .gives::<MediaAssetView>(201),
        Route::get("/media/orphans", "listMediaOrphans", "publishing", handlers::orphans)
            .says("Files in the store that are of no asset, because their upload was broken off. A page can have fewer than there are, or none.")
            .needs::<ManagePublishing>()
            .asks::<PageQuery>()
            .gives_page_of::<OrphanView>(),
        Route::get("/media/{id}", "getMedia", "publishing", handlers::get)
            .says("One media asset.")
            .needs::<ReadPublishing>()
            .gives::<MediaAssetView>(200),
        Route::patch("/media/{id}", "changeMedia", "publishing", handlers::change)
            .says("Changes the fields that are named.")
            .needs::<ManagePublishing>()
            .takes_patch_of(MediaDetails::FIELDS)
            .gives::<MediaAssetView>(200),
        Route::post("/media/{id}/transitions", "moveMedia", "publishing", handlers::transition)
            .says("Publishes a media asset, or takes it back. Nothing is published without saying what it shows.")
            .needs::<ManagePublishing>()
            .once()
            .takes::<handlers::Move>()
            .gives::<MediaAssetView>(200),
        Route::post("/media/{id}/archive", "archiveMedia", "publishing", handlers::archive)
            .says("Hides it, with undo. Its file is kept.")
            .needs::<ManagePublishing>()
            .gives::<MediaAssetView>(200),
        Route::post("/media/{id}/restore", "restoreMedia", "publishing", handlers::restore)
            .says("Undoes archiving.")
            .needs::<ManagePublishing>()
            .gives::<MediaAssetView>(200),
        Route::get("/media/{id}/links", "listMediaLinks", "publishing", handlers::links)
            .says("Where a media asset is used, newest link first.")
            .needs::<ReadPublishing>()
            .asks::<PageQuery>()
            .gives_page_of::<MediaLinkView>(),
        Route::post("/media/{id}/links", "linkMedia", "publishing", handlers::link)
            .says("Uses a media asset in one place more.")
            .needs::<ManagePublishing>()
            .once()
            .takes::<NewMediaLink>()
            .gives::<MediaAssetView>(200),
        Route::post("/media/{id}/links/remove", "unlinkMedia", "publishing", handlers::unlink)
            .says("Uses a media asset in one place less.")
            .needs::<ManagePublishing>()
            .once()
            .takes::<MediaUse>()
            .gives::<MediaAssetView>(200),
        Route::get("/media/{id}/file", "getMediaFile", "publishing", hand_out::file)
            .says("The file of a media asset, published or not.")
            .needs::<ReadPublishing>()
            .gives_file()
            .in_parts(),
        Route::get("/media/{id}/thumbnails/{width}", "getMediaThumbnail", "publishing", hand_out::thumbnail)
            .says("A picture, no wider than this.")
            .needs::<ReadPublishing>()
            .gives_file(),
        Route::get("/public/{organization}/media/{id}", "getPublishedMedia", "publishing", hand_out::public_file)
            .says("The file of a published media asset: a picture to be shown, anything else to be saved.")
            .gives_file()
            .in_parts(),
        Route::get("/public/{organization}/media/{id}/thumbnails/{width}", "getPublishedThumbnail", "publishing", hand_out::public_thumbnail)
            .says("A published picture, no wider than this.")
            .gives_file(),
    ]
}

impl Coded for MediaError {
    fn coded(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::AlreadySo => (StatusCode::CONFLICT, "ALREADY_SO"),
            Self::File(FileRefusal::UnsupportedType) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE"),
            Self::File(FileRefusal::TooLarge(_)) => (StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE"),
            Self::File(FileRefusal::Empty) => (StatusCode::UNPROCESSABLE_ENTITY, "EMPTY_FILE"),
            Self::File(FileRefusal::Polyglot) => (StatusCode::UNPROCESSABLE_ENTITY, "POLYGLOT"),
            Self::File(FileRefusal::ActiveContent) => (StatusCode::UNPROCESSABLE_ENTITY, "ACTIVE_CONTENT"),
            Self::File(FileRefusal::TooManyPixels(_)) => (StatusCode::UNPROCESSABLE_ENTITY, "TOO_MANY_PIXELS"),
            Self::File(FileRefusal::DecompressionBomb) => (StatusCode::UNPROCESSABLE_ENTITY, "DECOMPRESSION_BOMB"),
            Self::File(FileRefusal::Broken) => (StatusCode::UNPROCESSABLE_ENTITY, "BROKEN_FILE"),
            Self::Asset(MediaAssetError::InvalidTransition { .. }) => (StatusCode::CONFLICT, "INVALID_TRANSITION"),
            Self::Asset(MediaAssetError::QuotaExceeded) => (StatusCode::CONFLICT, "MEDIA_QUOTA_EXCEEDED"),
            Self::Asset(MediaAssetError::Invalid(faults)) | Self::Invalid(faults) => (StatusCode::UNPROCESSABLE_ENTITY, faults.code()),
            Self::Port(error) => error.coded(),
        }
    }
    fn faults(&self) -> &[Fault] {
        match self {
            Self::Asset(MediaAssetError::Invalid(faults)) | Self::Invalid(faults) => &faults.0,
            _ => &[],
        }
    }
    fn port(&self) -> Option<&PortError> {
        match self {
            Self::Port(error) => Some(error),
            _ => None,
        }
    }
    fn hints(&self) -> Map<String, Json> {
        match self {
            Self::File(FileRefusal::TooLarge(limit) | FileRefusal::TooManyPixels(limit)) => crate::error::limit(*limit),
            Self::Asset(MediaAssetError::InvalidTransition { possible, .. }) => crate::error::possible(possible),
            _ => Map::new(),
        }
    }
}
