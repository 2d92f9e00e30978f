use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, ETAG, IF_NONE_MATCH};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use matricula_application::access::ReadPublishing;
use matricula_domain::publishing::{MediaAsset, ThumbnailWidth};

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
    let seen = basics.request.headers().get(IF_NONE_MATCH).and_then(|seen| seen.to_str().ok()).unwrap_or_default();
    if seen.split(',').any(|seen| seen.trim().trim_start_matches("W/") == etag) {
        return Ok(HttpResponse::NotModified().insert_header((ETAG, etag)).finish());
    }
    let object = basics.api.media.open(asset, width).await?;
    // A picture was written anew. Whatever else is shown in place is shown by a program that nobody here knows.
    let disposition = if asset.file.media_type.is_image() { "inline" } else { "attachment" };
    let mut response = HttpResponse::Ok();
    response
        .content_type(asset.file.media_type.as_str())
        .insert_header((ETAG, etag))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((CONTENT_DISPOSITION, format!("{disposition}; filename=\"{}\"", asset.filename)));
    Ok(response.body(SizedStream::new(object.size_bytes, object.bytes)))
}

fn kept_for_ever(mut response: HttpResponse) -> HttpResponse {
    response.headers_mut().insert(CACHE_CONTROL, actix_web::http::header::HeaderValue::from_static(FOR_EVER));
    response
}
