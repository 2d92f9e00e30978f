use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, dev};
use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use matricula_domain::publishing::MediaType;
use matricula_ports::publishing::IncomingFile;
use sha2::{Digest as _, Sha256};
use tempfile::{NamedTempFile, TempPath};
use tokio::io::AsyncWriteExt as _;

use crate::api::Api;
use crate::call::Gate;
use crate::error::ApiError;

/// How long nothing may come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A file that came as a body. It is on the disk, however large it is, and goes when this is dropped.
pub(super) struct Upload {
    pub(super) file: IncomingFile,
    _place: TempPath,
}

impl FromRequest for Upload {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let (payload, gate) = (payload.take(), Gate::of(request));
        let limit = request.app_data::<Data<Api>>().map_or(0, |api| api.media.file_limit());
        let (is_file, announced) = (is_file(request.headers()), announced(request.headers()));
        Box::pin(async move {
            Gate::pass(gate).await;
            if !is_file {
                let detail = "the body must be a file, as image/jpeg, image/png, image/webp, application/pdf, video/mp4 or application/octet-stream";
                return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", detail).into());
            }
            if announced.is_some_and(|length| length > limit) {
                return Err(too_large(limit).into());
            }
            Ok(receive(payload, limit).await?)
        })
    }
}

/// Whether the body says that it is a file; what it is, its bytes say.
fn is_file(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).and_then(|kind| kind.split(';').next()).unwrap_or_default();
    let kind = kind.trim().to_ascii_lowercase();
    kind == "application/octet-stream" || MediaType::from_word(&kind).is_some()
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large(limit: u64) -> ApiError {
    ApiError { hints: crate::error::limit(limit), ..ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", "the file is larger than one may be") }
}

async fn receive(mut payload: dev::Payload, limit: u64) -> Result<Upload, ApiError> {
    let broken_off = || ApiError::new(StatusCode::BAD_REQUEST, "MALFORMED", "the body did not arrive whole");
    let (file, place) = NamedTempFile::with_prefix("matricula-upload-").map_err(no_disk)?.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    let (mut size_bytes, mut digest) = (0, Sha256::new());
    while let Some(chunk) = tokio::time::timeout(PATIENCE, payload.next()).await.map_err(|_| broken_off())? {
        let chunk = chunk.map_err(|_| broken_off())?;
        size_bytes += chunk.len() as u64;
        if size_bytes > limit {
            return Err(too_large(limit));
        }
        digest.update(&chunk);
        file.write_all(&chunk).await.map_err(no_disk)?;
    }
    file.flush().await.map_err(no_disk)?;
    Ok(Upload { file: IncomingFile { path: place.to_path_buf(), size_bytes, sha256: digest.finalize().into() }, _place: place })
}

fn no_disk(error: std::io::Error) -> ApiError {
    matricula_ports::PortError::Unavailable(Box::new(error)).into()
}
