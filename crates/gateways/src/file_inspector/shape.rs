//! Where a file of a kind ends, and what must not be in it. A file that is two things at once is harmless to who takes it for the one and
//! not to who takes it for the other: so it ends where its kind says that it ends, and holds no beginning of anything else.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use matricula_domain::publishing::{FileRefusal, MediaType};

use super::Failure;

/// What begins a program in the eyes of a browser, or of a server that was told to run files.
const MARKUP: [&[u8]; 6] = [b"<script", b"<html", b"<svg", b"<!doctype", b"<?php", b"<iframe"];

/// Readers take a file for a PDF if it says so within so many bytes.
const PDF_BEGINS_WITHIN: usize = 1024;
const PDF: &[u8] = b"%PDF-";

/// The names of what PDF readers run.
const ACTIONS: [&[u8]; 2] = [b"/JavaScript", b"/Launch"];

/// How the table of contents of a ZIP archive begins, which stands at its end, and how long it and its comment can be.
const ZIP_CONTENTS: &[u8] = b"PK\x05\x06";
const ZIP_CONTENTS_LENGTH: usize = 22;
const ZIP_TAIL: usize = ZIP_CONTENTS_LENGTH + 0xffff;

/// The boxes of which a film is made at its top.
const BOXES: [&[u8; 4]; 16] =
    [b"ftyp", b"styp", b"moov", b"moof", b"mfra", b"mdat", b"free", b"skip", b"wide", b"sidx", b"ssix", b"meta", b"uuid", b"pdin", b"emsg", b"prft"];

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn find_last(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).rposition(|window| window == what)
}

/// Looks for the beginning of something else.
pub(super) fn look_at_head(media_type: MediaType, head: &[u8]) -> Result<(), FileRefusal> {
    let small = head.to_ascii_lowercase();
    if MARKUP.iter().any(|markup| find(&small, markup).is_some()) {
        return Err(FileRefusal::ActiveContent);
    }
    let pdf = find(&head[..head.len().min(PDF_BEGINS_WITHIN + PDF.len())], PDF);
    if pdf != (media_type == MediaType::Pdf).then_some(0) {
        return Err(FileRefusal::Polyglot);
    }
    Ok(())
}

/// Looks for an archive, which is read from its end.
pub(super) fn look_at_tail(bytes: &[u8]) -> Result<(), FileRefusal> {
    let tail = &bytes[bytes.len().saturating_sub(ZIP_TAIL)..];
    let is_zip = tail.windows(ZIP_CONTENTS_LENGTH).enumerate().any(|(at, contents)| {
        let comment = usize::from(u16::from_le_bytes([contents[20], contents[21]]));
        contents.starts_with(ZIP_CONTENTS) && at + ZIP_CONTENTS_LENGTH + comment == tail.len()
    });
    if is_zip { Err(FileRefusal::Polyglot) } else { Ok(()) }
}

pub(super) fn look_at_document(bytes: &[u8]) -> Result<(), FileRefusal> {
    let end = find_last(bytes, b"%%EOF").ok_or(FileRefusal::Broken)?;
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
    if !bytes[end + 5..].iter().all(is_blank) || find(&bytes[1..], PDF).is_some() {
        return Err(FileRefusal::Polyglot);
    }
    if ACTIONS.iter().any(|action| find(bytes, action).is_some()) {
        return Err(FileRefusal::ActiveContent);
    }
    Ok(())
}

/// Goes from box to box, up to the end.
pub(super) fn look_at_film(file: &mut File, length: u64) -> Result<(), Failure> {
    let (mut at, mut has_index) = (0, false);
    while at < length {
        let wrong = if has_index { FileRefusal::Polyglot } else { FileRefusal::Broken };
        let mut header = [0; 16];
        file.seek(SeekFrom::Start(at))?;
        let read = read_up_to(file, &mut header)?;
        let (Some(size), Some(kind)) = (header.first_chunk::<4>(), header[4..].first_chunk::<4>()) else { return Err(wrong.into()) };
        if read < 8 || !BOXES.contains(&kind) || (at == 0) != (kind == b"ftyp") {
            return Err(wrong.into());
        }
        has_index |= kind == b"moov";
        let (size, least) = match u32::from_be_bytes(*size) {
            // The last one goes to the end.
            0 => (length - at, 8),
            1 => (u64::from_be_bytes(header[8..].try_into().unwrap_or_default()), 16),
            size => (u64::from(size), 8),
        };
        if size < least || size > length - at {
            return Err(wrong.into());
        }
        at += size;
    }
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(length.saturating_sub(ZIP_TAIL as u64)))?;
    file.read_to_end(&mut tail)?;
    look_at_tail(&tail)?;
    if has_index { Ok(()) } else { Err(FileRefusal::Broken.into()) }
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read(&mut buffer[read..])? {
            0 => break,
            more => read += more,
        }
    }
    Ok(read)
}

/// Looks whether a picture ends where its kind says. (PNG is looked at chunk by chunk.)
pub(super) fn look_at_end(media_type: MediaType, bytes: &[u8]) -> Result<(), FileRefusal> {
    match media_type {
        MediaType::Jpeg => {
            let mut rest = bytes;
            // Cameras put further pictures behind the first, as for its depth. They go when it is written anew.
            while rest.starts_with(&[0xff, 0xd8]) {
                rest = &rest[end_of_jpeg(rest).ok_or(FileRefusal::Broken)?..];
            }
            if rest.iter().all(|byte| *byte == 0) { Ok(()) } else { Err(FileRefusal::Polyglot) }
        }
        MediaType::Webp => {
            let Some(size) = bytes.get(4..8).and_then(|size| size.first_chunk::<4>()) else { return Err(FileRefusal::Broken) };
            match (u64::from(u32::from_le_bytes(*size)) + 8).cmp(&(bytes.len() as u64)) {
                Ordering::Less => Err(FileRefusal::Polyglot),
                Ordering::Equal => Ok(()),
                Ordering::Greater => Err(FileRefusal::Broken),
            }
        }
        MediaType::Png | MediaType::Pdf | MediaType::Mp4 => Ok(()),
    }
}

/// Where the first picture of a JPEG file ends; `None` if it does not.
fn end_of_jpeg(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    loop {
        // Any number of these may stand before a marker.
        while *bytes.get(at)? == 0xff && *bytes.get(at + 1)? == 0xff {
            at += 1;
        }
        let (0xff, marker) = (*bytes.get(at)?, *bytes.get(at + 1)?) else { return None };
        at += 2;
        match marker {
            0xd9 => return Some(at),
            0x01 | 0xd0..=0xd7 => {}
            _ => {
                at += usize::from(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
                if marker == 0xda {
                    at += scan(bytes.get(at..)?)?;
                }
            }
        }
    }
}

/// How long the data of a scan are: up to a marker that is neither a stuffed byte nor a restart.
fn scan(data: &[u8]) -> Option<usize> {
    data.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7 | 0xff))
}
