//! Looks at files that somebody sends. What they are called and what they say that they are does not count.

mod picture;
mod png;
mod shape;

use std::fs::File;
use std::io::{self, Read as _};

use async_trait::async_trait;
use bytes::Bytes;
use matricula_domain::publishing::{FileRefusal, MediaType};
use matricula_ports::PortError;
use matricula_ports::publishing::{Content, FileInspector, IncomingFile, PrepareError, PreparedFile};
use sha2::{Digest as _, Sha256};

use crate::off_thread::OffThread;

/// How many wait at most before the next is told to come back.
const QUEUE: usize = 16;

/// How much of a file is looked at to see what it is.
const HEAD: usize = 64 * 1024;

/// How large files may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileLimits {
    /// Bytes of a picture.
    pub image_bytes: u64,
    /// Bytes of a document.
    pub pdf_bytes: u64,
    /// Bytes of a film.
    pub mp4_bytes: u64,
    /// Pixels of a picture. One takes eight bytes of memory while it is worked on.
    pub pixels: u64,
}

impl FileLimits {
    fn of(self, media_type: MediaType) -> u64 {
        match media_type {
            MediaType::Jpeg | MediaType::Png | MediaType::Webp => self.image_bytes,
            MediaType::Pdf => self.pdf_bytes,
            MediaType::Mp4 => self.mp4_bytes,
        }
    }
}

/// Tells pictures, documents and films by their bytes, refuses what is something else too, and writes pictures anew.
pub struct Inspector {
    limits: FileLimits,
    off_thread: OffThread,
}

impl Inspector {
    /// With these limits, and so many files at a time.
    pub fn new(limits: FileLimits, at_a_time: usize) -> Self {
        Self { limits, off_thread: OffThread::new(at_a_time, QUEUE) }
    }
}

#[async_trait]
impl FileInspector for Inspector {
    async fn prepare(&self, file: &IncomingFile) -> Result<PreparedFile, PrepareError> {
        let (file, limits) = (file.clone(), self.limits);
        let prepared = self.off_thread.run(move || prepare(&file, limits)).await?;
        prepared.map_err(|error| match error {
            Failure::Refused(refusal) => refusal.into(),
            Failure::Io(error) => PortError::Unavailable(Box::new(error)).into(),
        })
    }

    fn limit(&self) -> u64 {
        self.limits.image_bytes.max(self.limits.pdf_bytes).max(self.limits.mp4_bytes)
    }
}

/// Why a file was not prepared.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Refused(#[from] FileRefusal),
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn prepare(sent: &IncomingFile, limits: FileLimits) -> Result<PreparedFile, Failure> {
    if sent.size_bytes == 0 {
        return Err(FileRefusal::Empty.into());
    }
    let mut file = File::open(&sent.path)?;
    let mut head = Vec::with_capacity(HEAD);
    file.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    let media_type = infer::get(&head).and_then(|kind| MediaType::from_word(kind.mime_type())).ok_or(FileRefusal::UnsupportedType)?;
    let limit = limits.of(media_type);
    if sent.size_bytes > limit {
        return Err(FileRefusal::TooLarge(limit).into());
    }
    shape::look_at_head(media_type, &head)?;
    if media_type == MediaType::Mp4 {
        shape::look_at_film(&mut file, sent.size_bytes)?;
        return Ok(as_it_is(sent, media_type));
    }
    let mut bytes = head;
    file.read_to_end(&mut bytes)?;
    shape::look_at_tail(&bytes)?;
    if media_type == MediaType::Pdf {
        shape::look_at_document(&bytes)?;
        return Ok(as_it_is(sent, media_type));
    }
    let picture = picture::anew(media_type, &bytes, limits.pixels)?;
    Ok(PreparedFile {
        media_type,
        size_bytes: picture.bytes.len() as u64,
        sha256: Sha256::digest(&picture.bytes).into(),
        dimensions: Some(picture.dimensions),
        content: Content::Bytes(Bytes::from(picture.bytes)),
        thumbnails: picture.thumbnails,
    })
}

fn as_it_is(sent: &IncomingFile, media_type: MediaType) -> PreparedFile {
    PreparedFile {
        media_type,
        size_bytes: sent.size_bytes,
        sha256: sent.sha256,
        dimensions: None,
        content: Content::File(sent.path.clone()),
        thumbnails: Vec::new(),
    }
}
