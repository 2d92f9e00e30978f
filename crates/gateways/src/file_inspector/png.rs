//! PNG packs its points and some of its texts. What is packed must not unpack to more than it should.

use std::io::Read as _;

use flate2::read::ZlibDecoder;
use matricula_domain::publishing::FileRefusal;

/// How long the signature is.
const SIGNATURE: usize = 8;

/// To how much a packed text or profile may unpack.
const PACKED_TEXT: u64 = 1024 * 1024;

/// Goes from chunk to chunk, up to the end. A picture may have so many pixels.
pub(super) fn look_at_chunks(bytes: &[u8], pixels: u64) -> Result<(), FileRefusal> {
    let mut rest = bytes.get(SIGNATURE..).ok_or(FileRefusal::Broken)?;
    let (mut points, mut most) = (Vec::new(), None);
    loop {
        let (kind, data, after) = chunk(rest).ok_or(FileRefusal::Broken)?;
        rest = after;
        match kind {
            b"IHDR" => most = Some(points_of(data, pixels)?),
            b"IDAT" => points.extend_from_slice(data),
            b"zTXt" | b"iCCP" => unpacks_to(behind_zeros(data, 1).get(1..).unwrap_or_default(), PACKED_TEXT)?,
            b"iTXt" => {
                let text = behind_zeros(data, 1);
                if text.first() == Some(&1) {
                    unpacks_to(behind_zeros(text.get(2..).unwrap_or_default(), 2), PACKED_TEXT)?;
                }
            }
            b"IEND" => break,
            _ => {}
        }
    }
    unpacks_to(&points, most.ok_or(FileRefusal::Broken)?)?;
    if rest.is_empty() { Ok(()) } else { Err(FileRefusal::Polyglot) }
}

/// The next chunk: its kind, its data, and what comes behind it.
fn chunk(rest: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let length = usize::try_from(u32::from_be_bytes(*rest.first_chunk()?)).ok()?;
    let kind = rest.get(4..)?.first_chunk()?;
    let data = rest.get(8..)?.get(..length)?;
    Some((kind, data, rest.get(8 + length + 4..)?))
}

/// What stands behind so many zero bytes.
fn behind_zeros(data: &[u8], zeros: usize) -> &[u8] {
    data.splitn(zeros + 1, |byte| *byte == 0).nth(zeros).unwrap_or_default()
}

/// How many bytes the points of a picture take unpacked, with room for what interlacing adds.
fn points_of(header: &[u8], pixels: u64) -> Result<u64, FileRefusal> {
    let Some(([width, height], &[depth, colors])) = sizes(header).zip(header.get(8..10).and_then(|rest| rest.first_chunk::<2>())) else {
        return Err(FileRefusal::Broken);
    };
    if width * height > pixels {
        return Err(FileRefusal::TooManyPixels(pixels));
    }
    let channels = match colors {
        0 | 3 => 1,
        2 => 3,
        4 => 2,
        6 => 4,
        _ => return Err(FileRefusal::Broken),
    };
    let line = (width * channels * u64::from(depth)).div_ceil(8) + 1;
    Ok(line * height + 4 * height + 1024)
}

/// Width and height.
fn sizes(header: &[u8]) -> Option<[u64; 2]> {
    let number = |at| Some(u64::from(u32::from_be_bytes(*header.get(at..)?.first_chunk()?)));
    Some([number(0)?, number(4)?])
}

/// Whether packed bytes unpack to no more than so many. (Whether they unpack at all, the decoder tells.)
fn unpacks_to(packed: &[u8], most: u64) -> Result<(), FileRefusal> {
    let unpacked = std::io::copy(&mut ZlibDecoder::new(packed).take(most + 1), &mut std::io::sink());
    if unpacked.is_ok_and(|bytes| bytes > most) { Err(FileRefusal::DecompressionBomb) } else { Ok(()) }
}
