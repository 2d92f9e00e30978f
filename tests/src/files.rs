//! Files to send: sound ones, and such as nobody should take.

use std::io::{Cursor, Write as _};

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

/// A picture in which every point is another one.
fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let image = RgbImage::from_fn(width, height, |x, y| Rgb([x, y, x + y].map(|n| u8::try_from(n % 256).unwrap())));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(image).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A PNG picture.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    picture(width, height, ImageFormat::Png)
}

/// A JPEG picture.
pub fn jpeg(width: u32, height: u32) -> Vec<u8> {
    picture(width, height, ImageFormat::Jpeg)
}

/// A `WebP` picture.
pub fn webp(width: u32, height: u32) -> Vec<u8> {
    picture(width, height, ImageFormat::WebP)
}

/// A PDF document with some bytes in it.
pub fn pdf(inside: &[u8]) -> Vec<u8> {
    [b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\n", inside, b"\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"].concat()
}

/// A box of a film.
pub fn box_of(kind: [u8; 4], inside: &[u8]) -> Vec<u8> {
    [&u32::try_from(inside.len() + 8).unwrap().to_be_bytes(), kind.as_slice(), inside].concat()
}

/// An MP4 film with some bytes in it.
pub fn mp4(inside: &[u8]) -> Vec<u8> {
    [box_of(*b"ftyp", b"isom\0\0\x02\0isomiso2"), box_of(*b"moov", &[0; 16]), box_of(*b"mdat", inside)].concat()
}

/// A ZIP archive with nothing in it, at the end of some bytes.
pub fn zip_behind(bytes: &[u8]) -> Vec<u8> {
    let at = u32::try_from(bytes.len()).unwrap().to_le_bytes();
    [bytes, b"PK\x05\x06", &[0; 12], &at, &[0; 2]].concat()
}

/// A chunk of a PNG picture.
fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(&kind);
    crc.update(data);
    [&u32::try_from(data.len()).unwrap().to_be_bytes(), kind.as_slice(), data, &crc.sum().to_be_bytes()].concat()
}

/// A small PNG picture with a chunk more behind its header.
pub fn png_with(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let png = png(8, 8);
    let (head, rest) = png.split_at(33);
    [head, &chunk(kind, data), rest].concat()
}

/// So many zero bytes, packed.
pub fn packed_zeros(length: usize) -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&vec![0; length]).unwrap();
    packed.finish().unwrap()
}

/// A PNG picture that says of itself that it is so large, with these packed points.
pub fn png_that_says(width: u32, height: u32, packed: &[u8]) -> Vec<u8> {
    let header = [&width.to_be_bytes(), height.to_be_bytes().as_slice(), &[8, 2, 0, 0, 0]].concat();
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(*b"IHDR", &header), chunk(*b"IDAT", packed), chunk(*b"IEND", &[])].concat()
}

/// A JPEG picture with a segment more behind its first bytes: `0xfe` is a comment, `0xe1` holds EXIF data.
pub fn jpeg_with(marker: u8, data: &[u8]) -> Vec<u8> {
    jpeg_of(&jpeg(40, 20), marker, data)
}

fn jpeg_of(jpeg: &[u8], marker: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, marker], &length, data, &jpeg[2..]].concat()
}

/// A JPEG picture as a telephone takes it that is held upright: it lies on its side and says so, and says where it was taken.
pub fn jpeg_from_a_telephone(width: u32, height: u32, place: &str) -> Vec<u8> {
    // TIFF, little-endian; one entry: orientation (0x0112), a short, 6; then what is no entry at all.
    let exif = [b"Exif\0\0II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0", place.as_bytes()].concat();
    jpeg_of(&jpeg(width, height), 0xe1, &exif)
}

/// A JPEG picture that says of itself that it is as large as one can be.
pub fn jpeg_flood() -> Vec<u8> {
    let mut jpeg = jpeg(8, 8);
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
    jpeg
}

/// How large a picture is.
///
/// # Errors
/// When it is none.
pub fn size_of(bytes: &[u8]) -> image::ImageResult<(u32, u32)> {
    let image = image::load_from_memory(bytes)?;
    Ok((image.width(), image.height()))
}
