//! What looks at files that somebody sends, without the rest of the program.

use matricula_domain::publishing::{FileRefusal, MediaType};
use matricula_gateways::file_inspector::{FileLimits, Inspector};
use matricula_ports::publishing::{FileInspector as _, IncomingFile, PrepareError, PreparedFile};
use matricula_tests::{figure, files};
use sha2::{Digest as _, Sha256};

const LIMITS: FileLimits = FileLimits { image_bytes: 1_000_000, pdf_bytes: 1_000_000, mp4_bytes: 1_000_000, pixels: 1_000_000 };

async fn prepare(inspector: &Inspector, bytes: &[u8]) -> Result<PreparedFile, PrepareError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let sent = IncomingFile { path: file.path().to_owned(), size_bytes: bytes.len() as u64, sha256: Sha256::digest(bytes).into() };
    inspector.prepare(&sent).await
}

#[tokio::test]
async fn a_file_that_was_damaged_is_taken_or_refused_and_breaks_nothing() {
    let inspector = Inspector::new(LIMITS, 2);
    let sound = [
        files::png(60, 40),
        files::jpeg(60, 40),
        files::webp(60, 40),
        files::pdf(b"1"),
        files::mp4(b"1"),
        files::png_with(*b"iTXt", b"Comment\0\x01\0\0\0x"),
        files::jpeg_from_a_telephone(60, 40, "x"),
    ];
    // The same numbers each time.
    let mut seed = 2026_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    for n in 0..figure("MATRICULA_DAMAGED_FILES", 700) {
        let mut bytes = sound[n % sound.len()].clone();
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            match random(3) {
                0 => bytes[at] = u8::try_from(random(256)).unwrap(),
                1 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, u8::try_from(random(256)).unwrap()),
            }
        }
        let prepared = prepare(&inspector, &bytes).await;
        assert!(matches!(prepared, Ok(_) | Err(PrepareError::Refused(_))), "{n}: {prepared:?}");
    }
}

#[tokio::test]
async fn a_picture_may_have_so_many_pixels_and_no_more() {
    let inspector = Inspector::new(FileLimits { pixels: 60 * 40, ..LIMITS }, 1);
    for (width, height, fits) in [(60, 40, true), (40, 60, true), (61, 40, false), (2401, 1, false)] {
        for file in [files::png(width, height), files::jpeg(width, height), files::webp(width, height)] {
            match prepare(&inspector, &file).await {
                Ok(picture) => assert!(fits && picture.dimensions.is_some()),
                Err(PrepareError::Refused(FileRefusal::TooManyPixels(most))) => assert!(!fits && most == 60 * 40),
                other => panic!("{width} × {height}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn thumbnails_are_narrower_and_keep_their_shape() {
    let inspector = Inspector::new(LIMITS, 1);
    for (width, height, expected) in
        [(1300, 650, vec![(320, 160), (640, 320), (1280, 640)]), (640, 2, vec![(320, 1)]), (321, 1, vec![(320, 1)]), (320, 900, vec![])]
    {
        for (media_type, file) in [
            (MediaType::Png, files::png(width, height)),
            (MediaType::Jpeg, files::jpeg(width, height)),
            (MediaType::Webp, files::webp(width, height)),
        ] {
            let picture = prepare(&inspector, &file).await.unwrap();
            assert_eq!(picture.media_type, media_type);
            let sizes: Vec<_> = picture.thumbnails.iter().map(|(_, bytes)| files::size_of(bytes).unwrap()).collect();
            assert_eq!(sizes, expected, "{media_type}, {width} × {height}");
        }
    }
}
