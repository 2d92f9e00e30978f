//! Pictures are decoded and written anew: what can be seen stays, and everything else goes.

use std::io::Cursor;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, ImageResult, Limits};
use matricula_domain::publishing::{Dimensions, FileRefusal, MediaType, ThumbnailWidth};

use super::{png, shape};

/// How good JPEG pictures are, of 100.
const QUALITY: u8 = 85;

/// How many bytes of memory a point takes at most while it is decoded.
const BYTES_OF_A_PIXEL: u64 = 8;

/// A picture that was written anew.
pub(super) struct Picture {
    pub(super) dimensions: Dimensions,
    pub(super) bytes: Vec<u8>,
    pub(super) thumbnails: Vec<(ThumbnailWidth, Bytes)>,
}

/// Writes a picture anew, upright, with its thumbnails. Of one that moves the first picture stays.
pub(super) fn anew(media_type: MediaType, bytes: &[u8], pixels: u64) -> Result<Picture, FileRefusal> {
    let format = match media_type {
        MediaType::Png => ImageFormat::Png,
        MediaType::Webp => ImageFormat::WebP,
        _ => ImageFormat::Jpeg,
    };
    if media_type == MediaType::Png {
        png::look_at_chunks(bytes, pixels)?;
    }
    shape::look_at_end(media_type, bytes)?;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(pixels.saturating_mul(BYTES_OF_A_PIXEL));
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|_| FileRefusal::Broken)?;
    let (width, height) = decoder.dimensions();
    // Said before anything is unpacked.
    if u64::from(width) * u64::from(height) > pixels {
        return Err(FileRefusal::TooManyPixels(pixels));
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(|_| FileRefusal::Broken)?;
    image.apply_orientation(orientation);
    let image = if image.color().has_alpha() { DynamicImage::ImageRgba8(image.into_rgba8()) } else { DynamicImage::ImageRgb8(image.into_rgb8()) };
    let (width, height) = (image.width(), image.height());
    let write = |image: &DynamicImage| written(image, media_type).map_err(|_| FileRefusal::Broken);
    let mut thumbnails = Vec::new();
    for thumbnail in ThumbnailWidth::ALL.iter().copied().filter(|thumbnail| thumbnail.pixels() < width) {
        let narrow = thumbnail.pixels();
        let low = u32::try_from(u64::from(height) * u64::from(narrow) / u64::from(width)).unwrap_or(height).max(1);
        thumbnails.push((thumbnail, write(&image.resize_exact(narrow, low, FilterType::Triangle))?.into()));
    }
    Ok(Picture { dimensions: Dimensions { width, height }, bytes: write(&image)?, thumbnails })
}

fn written(image: &DynamicImage, media_type: MediaType) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    match media_type {
        MediaType::Png => image.write_with_encoder(PngEncoder::new(&mut bytes))?,
        MediaType::Webp => image.write_with_encoder(WebPEncoder::new_lossless(&mut bytes))?,
        _ => image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, QUALITY))?,
    }
    Ok(bytes)
}
