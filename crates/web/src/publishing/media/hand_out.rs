use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_SECURITY_POLICY, ETAG, HeaderValue, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use actix_web::{HttpResponse, ResponseError as _};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use matricula_application::access::ReadPublishing;
use matricula_domain::publishing::{MediaAsset, ThumbnailWidth};

use super::part::Part;
use crate::call::{Basics, May, Public};
use crate::error::ApiError;
use crate::input::path_field;

/// Nothing of a file runs, loads or frames anything, whatever somebody takes it for.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

/// What never changes may be kept for a year, by everybody.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

pub(super) async fn file(call: May<ReadPublishing>) -> Result<HttpResponse, ApiError> {
    let asset = call.api.media.any_asset(&call.who, path_field(&call.request, "id")?).await?;
    hand_out(&call, &asset, None).await
}

pub(super) async fn thumbnail(call: May<ReadPublishing>) -> Result<HttpResponse, ApiError> {
    let asset = call.api.media.any_asset(&call.who, path_field(&call.request, "id")?).await?;
    hand_out(&call, &asset, Some(path_field(&call.request, "width")?)).await
}

pub(super) async fn public_file(call: Public) -> Result<HttpResponse, ApiError> {
    call.api.limits.file(call.ip())?;
    let asset = call.api.media.public_asset(&call.visitor, path_field(&call.request, "id")?).await?;
    Ok(kept_for_ever(hand_out(&call, &asset, None).await?))
}

pub(super) async fn public_thumbnail(call: Public) -> Result<HttpResponse, ApiError> {
    call.api.limits.file(call.ip())?;
    let asset = call.api.media.public_asset(&call.visitor, path_field(&call.request, "id")?).await?;
    Ok(kept_for_ever(hand_out(&call, &asset, Some(path_field(&call.request, "width")?)).await?))
}

async fn hand_out(basics: &Basics, asset: &MediaAsset, width: Option<ThumbnailWidth>) -> Result<HttpResponse, ApiError> {
    let etag = format!("\"{}{}\"", BASE64_URL_SAFE_NO_PAD.encode(asset.file.sha256), width.map_or("", ThumbnailWidth::as_str));
    let told = |name| basics.request.headers().get(name).and_then(|told| told.to_str().ok());
    if told(IF_NONE_MATCH).unwrap_or_default().split(',').any(|seen| seen.trim().trim_start_matches("W/") == etag) {
        return Ok(HttpResponse::NotModified().insert_header((ETAG, etag)).finish());
    }
    // Whoever has the beginning of another file gets the whole of this one. Nobody asks for a part of a thumbnail, whose size is not written down.
    let wanted = told(RANGE).filter(|_| width.is_none() && told(IF_RANGE).is_none_or(|seen| seen == etag));
    let size = asset.file.size_bytes;
    let mut response = HttpResponse::Ok();
    let object = match wanted.map_or(Part::Whole, |wanted| Part::of(wanted, size)) {
        Part::Whole => basics.api.media.open(asset, width).await?,
        Part::None => {
            let mut response =
                ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, "RANGE_NOT_SATISFIABLE", "no byte of the file is in that range").error_response();
            if let Ok(range) = HeaderValue::from_str(&format!("bytes */{size}")) {
                response.headers_mut().insert(CONTENT_RANGE, range);
            }
            return Ok(response);
        }
        Part::Of(part) => {
            response.status(StatusCode::PARTIAL_CONTENT);
            response.insert_header((CONTENT_RANGE, format!("bytes {}-{}/{size}", part.start, part.end - 1)));
            basics.api.media.open_part(asset, part).await?
        }
    };
    if width.is_none() {
        response.insert_header((ACCEPT_RANGES, "bytes"));
    }
    // A picture was written anew. Whatever else is shown in place is shown by a program that nobody here knows.
    let disposition = if asset.file.media_type.is_image() { "inline" } else { "attachment" };
    response
        .content_type(asset.file.media_type.as_str())
        .insert_header((ETAG, etag))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((CONTENT_DISPOSITION, format!("{disposition}; filename=\"{}\"", asset.filename)));
    Ok(response.body(SizedStream::new(object.size_bytes, object.bytes)))
}

fn kept_for_ever(mut response: HttpResponse) -> HttpResponse {
    if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(FOR_EVER));
    }
    response
}
