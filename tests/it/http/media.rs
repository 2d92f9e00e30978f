//! Files come in, are looked at, published, used and handed out; and those that nobody should take are not taken (`reliability.md`, S14).

use std::time::Duration;

use matricula_app::settings::Settings;
use matricula_domain::identity::Role;
use matricula_domain::publishing::MediaType;
use matricula_gateways::file_inspector::FileLimits;
use matricula_gateways::object_store::{Bucket, Location};
use matricula_tests::program::{PASSWORD, Service, alone};
use matricula_tests::s3::S3;
use matricula_tests::speak::{Answer, Call, Client, at_once, each, text};
use matricula_tests::{Engine, files};
use serde_json::{Value as Json, json};

use super::conventions::is_careful;
use super::office::{Made, Office};

over_http! {
    a_picture_is_written_anew_and_shown_once_it_is_published,
    documents_and_films_are_saved_and_not_shown,
    a_file_comes_in_parts,
    what_is_published_says_what_it_shows,
    an_asset_is_used_in_many_places,
    an_upload_happens_once,
    a_name_is_a_name,
    files_that_nobody_knows_of_are_listed,
}

over_http_with! { |settings| settings.media.limits = super::LIMITS; nothing_of_the_corpus_that_runs_is_kept }
over_http_with! { |settings| settings.media.quota = super::room(); of_many_at_once_so_many_are_taken_as_there_is_room }

/// Sends a file.
fn send(client: &Client, filename: &str, content_type: &str, file: &[u8]) -> Call {
    client.call("POST", "/api/v1/media").query(&[("filename", filename)]).text(content_type, file.to_vec())
}

/// The paths of the files of an office.
fn files_of(office: &Office<'_>) -> Vec<String> {
    let own = format!("{}/", office.id);
    office.service.files().into_keys().filter(|path| path.starts_with(&own)).collect()
}

async fn publish(office: &Office<'_>, asset: &Made) {
    office.owner().await.post(&format!("/media/{}/transitions", asset.id), &json!({"to": "published"})).await.is(200);
}

async fn a_picture_is_written_anew_and_shown_once_it_is_published(service: &Service) {
    let office = Office::found(service).await;
    let (owner, visitor) = (office.owner().await, service.visitor());
    let sent = files::jpeg_from_a_telephone(800, 600, "N 40.4168 W 3.7038");
    let asset = office.media_of("Foto de grupo.jpeg", sent.clone()).await;
    let mut shown = asset.shown.clone();
    for field in ["id", "size_bytes", "created_at", "updated_at"] {
        assert!(!shown.as_object_mut().unwrap().remove(field).unwrap().is_null(), "{field}");
    }
    // It lay on its side.
    let expected = json!({
        "filename": "foto-de-grupo.jpg", "original_filename": "Foto de grupo.jpeg", "mime_type": "image/jpeg", "width": 600, "height": 800,
        "thumbnails": [320], "alt_text": "Una foto", "uploaded_by": office.user(Role::Owner).await, "status": "draft", "archived_at": null,
    });
    assert_eq!(shown, expected);
    assert_eq!(owner.get(&format!("/media/{}", asset.id)).await.is(200), asset.shown);
    assert_eq!(files_of(&office), [format!("{}/{}/320", office.id, asset.id), format!("{}/{}/original", office.id, asset.id)]);
    // The thumbnail takes room of the organization too.
    let taken: usize = service.files().iter().filter(|(path, _)| path.starts_with(&office.id.to_string())).map(|(_, bytes)| bytes.len()).sum();
    let used: i64 = service.db.raw.one("SELECT bytes FROM media_usage WHERE organization_id = $1", [office.id.into()]).await;
    assert_eq!(used, i64::try_from(taken).unwrap());

    // Who works here sees it at once, everybody else once it is published.
    let (file, thumbnail) = (office.door(&format!("/media/{}", asset.id)), office.door(&format!("/media/{}/thumbnails/320", asset.id)));
    for (client, path) in [(&visitor, &file), (&visitor, &thumbnail)] {
        client.get(path).await.refused(404, "NOT_FOUND");
    }
    let draft = owner.get(&format!("/media/{}/file", asset.id)).await;
    is_careful(&draft);
    assert_eq!((draft.status, files::size_of(&draft.bytes).unwrap()), (200, (600, 800)));
    publish(&office, &asset).await;
    let answer = visitor.get(&file).await;
    is_careful(&answer);
    assert_eq!((answer.status, files::size_of(&answer.bytes).unwrap()), (200, (600, 800)));
    assert_eq!(answer.bytes, draft.bytes);
    assert_eq!(asset.shown["size_bytes"], answer.bytes.len());
    for secret in [b"Exif".as_slice(), b"40.4168"] {
        assert!(sent.windows(secret.len()).any(|bytes| bytes == secret) && !answer.bytes.windows(secret.len()).any(|bytes| bytes == secret));
    }
    for (name, value) in [
        ("Content-Type", "image/jpeg"),
        ("Content-Disposition", "inline; filename=\"foto-de-grupo.jpg\""),
        ("Cache-Control", "public, max-age=31536000, immutable"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    assert!(answer.header("Content-Security-Policy").unwrap().ends_with("; sandbox"));
    let narrow = visitor.get(&thumbnail).await;
    assert_eq!((narrow.status, files::size_of(&narrow.bytes).unwrap()), (200, (320, 426)));
    // A picture that is no wider is its own thumbnail; other widths there are not.
    assert_eq!(visitor.get(&office.door(&format!("/media/{}/thumbnails/640", asset.id))).await.bytes, answer.bytes);
    visitor.get(&office.door(&format!("/media/{}/thumbnails/321", asset.id))).await.refused(404, "NOT_FOUND");
    // Who has it already is not sent it again.
    assert_ne!(answer.etag(), narrow.etag());
    for (path, etag) in [(&file, answer.etag()), (&thumbnail, narrow.etag())] {
        let unchanged = visitor.get(path).header("If-None-Match", &format!("\"x\", {etag}")).await;
        is_careful(&unchanged);
        assert_eq!((unchanged.status, unchanged.bytes.len(), unchanged.etag()), (304, 0, etag));
    }
    // Through the door of another organization it is not there.
    let other = Office::found(service).await;
    visitor.get(&other.door(&format!("/media/{}", asset.id))).await.refused(404, "NOT_FOUND");

    // Hidden or taken back it is nobody's, and its file is kept.
    owner.act(&format!("/media/{}/archive", asset.id)).await.is(200);
    visitor.get(&file).await.refused(404, "NOT_FOUND");
    owner.act(&format!("/media/{}/archive", asset.id)).await.refused(409, "ALREADY_SO");
    assert_eq!(files_of(&office).len(), 2);
    owner.act(&format!("/media/{}/restore", asset.id)).await.is(200);
    assert_eq!(visitor.get(&file).await.status, 200);
    owner.post(&format!("/media/{}/transitions", asset.id), &json!({"to": "draft"})).await.is(200);
    visitor.get(&file).await.refused(404, "NOT_FOUND");
}

async fn documents_and_films_are_saved_and_not_shown(service: &Service) {
    let office = Office::found(service).await;
    for (name, file, mime_type) in [("Programa.pdf", files::pdf(b"1"), "application/pdf"), ("Taller.mp4", files::mp4(&vec![7; 100_000]), "video/mp4")]
    {
        let asset = office.media_of(name, file.clone()).await;
        assert_eq!((&asset.shown["mime_type"], &asset.shown["width"], &asset.shown["thumbnails"]), (&json!(mime_type), &Json::Null, &json!([])));
        publish(&office, &asset).await;
        let answer = service.visitor().get(&office.door(&format!("/media/{}", asset.id))).await;
        is_careful(&answer);
        assert!(answer.status == 200 && answer.bytes == file && answer.header("Content-Type") == Some(mime_type));
        assert_eq!(answer.header("Content-Disposition"), Some(format!("attachment; filename=\"{}\"", name.to_lowercase()).as_str()));
        assert!(answer.header("Content-Security-Policy").unwrap().contains("sandbox"));
        service.visitor().get(&office.door(&format!("/media/{}/thumbnails/320", asset.id))).await.refused(404, "NOT_FOUND");
    }
}

async fn a_file_comes_in_parts(service: &Service) {
    let office = Office::found(service).await;
    let film = files::mp4(&(0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect::<Vec<_>>());
    let asset = office.media_of("Taller.mp4", film.clone()).await;
    publish(&office, &asset).await;
    let (visitor, path, size) = (service.visitor(), office.door(&format!("/media/{}", asset.id)), film.len());
    let whole = visitor.get(&path).await;
    assert_eq!((whole.status, whole.header("Accept-Ranges"), whole.bytes.len()), (200, Some("bytes"), size));
    let part = async |range: &str| visitor.get(&path).header("Range", range).await;
    for (range, first, end) in [("bytes=0-1", 0, 2), ("bytes=70000-", 70_000, size), ("bytes=-7", size - 7, size), ("bytes=5-999999999", 5, size)] {
        let answer = part(range).await;
        is_careful(&answer);
        assert_eq!((answer.status, answer.header("Content-Range")), (206, Some(format!("bytes {first}-{}/{size}", end - 1).as_str())), "{range}");
        assert!(answer.bytes[..] == film[first..end] && answer.etag() == whole.etag() && answer.header("Content-Type") == Some("video/mp4"));
        assert!(answer.header("Content-Security-Policy").unwrap().ends_with("; sandbox"));
    }
    let answer = part(&format!("bytes={size}-")).await;
    assert_eq!((answer.header("Content-Range"), answer.header("Cache-Control")), (Some(format!("bytes */{size}").as_str()), Some("no-store")));
    answer.refused(416, "RANGE_NOT_SATISFIABLE");
    for range in ["bytes=0-1,5-6", "lines=0-1", "bytes=9-1"] {
        assert_eq!(part(range).await.status, 200, "{range}");
    }
    // Who has a part of another file gets all of this one.
    let since = async |etag: &str| visitor.get(&path).header("Range", "bytes=0-1").header("If-Range", etag).await;
    assert_eq!((since(whole.etag()).await.status, since("\"x\"").await.status), (206, 200));
    let staff = office.owner().await.get(&format!("/media/{}/file", asset.id)).header("Range", "bytes=0-3").await;
    assert_eq!((staff.status, &staff.bytes[..]), (206, &film[..4]));
}

async fn what_is_published_says_what_it_shows(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let asset = Made::of(&send(&owner, "a.webp", "image/webp", &files::webp(30, 20)).await, 201);
    let (path, to) = (format!("/media/{}", asset.id), json!({"to": "published"}));
    let refused = owner.post(&format!("{path}/transitions"), &to).await;
    assert_eq!(refused.faults(), [("/alt_text".to_owned(), "ALT_TEXT_REQUIRED".to_owned())]);
    refused.refused(422, "ALT_TEXT_REQUIRED");
    let changed = Made::of(&owner.patch(&path, &asset.etag, &json!({"alt_text": "Dos soldadoras"})).await, 200);
    owner.patch(&path, &asset.etag, &json!({"alt_text": "Tarde"})).await.refused(412, "STALE");
    assert_eq!(owner.patch(&path, "*", &json!({"alt_text": "\u{7}", "filename": "x"})).await.faults().len(), 2);
    assert_eq!(changed.shown["alt_text"], "Dos soldadoras");
    owner.post(&format!("{path}/transitions"), &to).await.is(200);
    assert_eq!(owner.post(&format!("{path}/transitions"), &to).await.refused(409, "INVALID_TRANSITION")["possible"], json!(["draft"]));
    owner.patch(&path, "*", &json!({"alt_text": null})).await.refused(422, "ALT_TEXT_REQUIRED");
}

async fn an_asset_is_used_in_many_places(service: &Service) {
    let office = Office::found(service).await;
    let (marketing, asset, other) = (office.client(Role::Marketing).await, office.media().await, office.media().await);
    let (course, campus) = (office.course().await.id, office.record("campuses", json!({})).await.id);
    let (links, list) = (format!("/media/{}/links", asset.id), format!("/media?entity_type=course&entity_id={course}"));
    let cover = json!({"entity_type": "course", "entity_id": course, "role": "cover"});
    marketing.post(&links, &cover).await.is(200);
    marketing.post(&links, &cover).await.refused(409, "ALREADY_SO");
    marketing.post(&links, &json!({"entity_type": "course", "entity_id": course, "role": "gallery", "position": 3})).await.is(200);
    marketing.post(&links, &json!({"entity_type": "campus", "entity_id": campus, "role": "cover"})).await.is(200);
    let post = office.blog_post(json!({})).await.id;
    marketing.post(&links, &json!({"entity_type": "blog_post", "entity_id": post, "role": "cover"})).await.is(200);
    for wrong in [
        json!({"entity_type": "campus", "entity_id": course, "role": "cover"}),
        json!({"entity_type": "course", "entity_id": asset.id, "role": "cover"}),
    ] {
        assert_eq!(marketing.post(&links, &wrong).await.faults(), [("/entity_id".to_owned(), "NOT_FOUND".to_owned())]);
    }
    let used = marketing.get(&links).await.is(200);
    assert_eq!(each(&used, "entity_type"), ["blog_post", "campus", "course", "course"]);
    assert_eq!(each(&used, "position"), [0, 0, 3, 0]);
    assert_eq!(each(&marketing.get(&list).await.is(200), "id"), [json!(asset.id)]);
    assert_eq!(each(&marketing.get("/media").await.is(200), "id"), [json!(other.id), json!(asset.id)]);

    // Nothing is gone when what uses it is hidden.
    office.owner().await.act(&format!("/courses/{course}/archive")).await.is(200);
    assert_eq!(each(&marketing.get(&list).await.is(200), "id"), [json!(asset.id)]);
    marketing.post(&format!("{links}/remove"), &cover).await.is(200);
    marketing.post(&format!("{links}/remove"), &cover).await.refused(409, "ALREADY_SO");
    assert_eq!(each(&marketing.get(&links).await.is(200), "role"), ["cover", "cover", "gallery"]);
    assert_eq!((files_of(&office).len(), office.rows("media_assets").await), (4, 2));
}

async fn an_upload_happens_once(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let first = send(&owner, "a.png", "image/png", &files::png(400, 10)).key("una").await;
    let again = send(&owner, "a.png", "application/octet-stream", &files::png(400, 10)).key("una").await;
    assert!(again.header("Idempotency-Replayed").is_some() && again.text == first.text && again.etag() == first.etag());
    for (name, width) in [("b.png", 400), ("a.png", 401)] {
        send(&owner, name, "image/png", &files::png(width, 10)).key("una").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    }
    assert_eq!((office.rows("media_assets").await, files_of(&office).len()), (1, 2));
}

/// What a call that is refused must not leave behind.
async fn left(office: &Office<'_>) -> (Vec<String>, Vec<i64>) {
    (files_of(office), office.rows_of(&["media_assets", "media_usage", "media_links", "outbox", "audit_entries"]).await)
}

async fn a_name_is_a_name(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let (file, before) = (files::png(10, 10), left(&office).await);
    for (name, code) in NAMES {
        let answer = send(&owner, name, "image/png", &file).await;
        assert_eq!(answer.faults(), [("/filename".to_owned(), code.to_owned())], "{name}");
        assert!(!answer.text.contains("passwd"));
    }
    owner.call("POST", "/api/v1/media").text("image/png", file.clone()).await.refused(422, "VALIDATION_FAILED");
    for content_type in ["text/html", "image/svg+xml", "application/json", "multipart/form-data; boundary=x", ""] {
        send(&owner, "a.png", content_type, &file).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    assert_eq!(left(&office).await, before);
}

/// Names that are none, and what is said of them.
const NAMES: [(&str, &str); 9] = [
    ("", "REQUIRED"),
    ("foto\0.png", "CONTROL_CHARACTER"),
    ("foto\r\nX-Evil: 1.png", "CONTROL_CHARACTER"),
    ("foto\u{202e}gnp.html", "CONTROL_CHARACTER"),
    ("../foto.png", "NOT_A_FILE_NAME"),
    ("../../etc/passwd", "NOT_A_FILE_NAME"),
    (r"..\foto.png", "NOT_A_FILE_NAME"),
    ("foto.php.png", "DOUBLE_EXTENSION"),
    ("foto.html.jpg", "DOUBLE_EXTENSION"),
];

async fn files_that_nobody_knows_of_are_listed(service: &Service) {
    let (office, other) = (Office::found(service).await, Office::found(service).await);
    let owner = office.owner().await;
    office.media().await;
    let (old, young) = (Duration::from_hours(2), Duration::from_mins(10));
    for (n, age) in [(1, old), (2, young), (3, old)] {
        for name in ["320", "original"] {
            service.put_file(&format!("{}/{}/{name}", office.id, uuid::Uuid::from_u128(n)), b"1234", age);
        }
    }
    service.put_file(&format!("{}/{}/original", other.id, uuid::Uuid::from_u128(1)), b"x", old);
    let path = |n, name: &str| json!(format!("{}/{}/{name}", office.id, uuid::Uuid::from_u128(n)));
    let all = [path(1, "320"), path(1, "original"), path(3, "320"), path(3, "original")];
    let listed = owner.get("/media/orphans").await.is(200);
    assert_eq!((each(&listed, "path"), &listed["next_cursor"]), (all.to_vec(), &Json::Null));
    assert_eq!(each(&listed, "size_bytes"), [4, 4, 4, 4]);
    let (mut paths, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = owner.get(&format!("/media/orphans?limit=3{cursor}")).await.is(200);
        paths.extend(each(&page, "path"));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paths, all);
    owner.get("/media/orphans?cursor=WzFd").await.refused(422, "INVALID_CURSOR");
    office.client(Role::Viewer).await.get("/media/orphans").await.refused(403, "PERMISSION_DENIED");
}

/// What shall become of a file of the corpus.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Taken(MediaType),
    Refused(u16, &'static str),
}

/// How large files may be where the corpus is sent.
const LIMITS: FileLimits = FileLimits { image_bytes: 300_000, pdf_bytes: 100_000, mp4_bytes: 200_000, pixels: 250_000 };

/// A file of the corpus: how it is called, what it says that it is, its bytes, and what shall become of it.
type Sent = (&'static str, &'static str, Vec<u8>, Fate);

/// What says nothing of what it is.
const ANY: &str = "application/octet-stream";

const SCRIPT: &[u8] = b"<script>alert(document.domain)</script>";

fn and(bytes: &[u8], more: &[u8]) -> Vec<u8> {
    [bytes, more].concat()
}

fn sound() -> Vec<Sent> {
    use Fate::Taken;
    let (png, jpeg, webp) = (files::png(40, 20), files::jpeg(40, 20), files::webp(40, 20));
    vec![
        // Sound ones, whatever they are called and whatever they say that they are.
        ("a.png", "image/png", png.clone(), Taken(MediaType::Png)),
        ("a.jpg", "image/jpeg", jpeg.clone(), Taken(MediaType::Jpeg)),
        ("a.webp", "image/webp", webp.clone(), Taken(MediaType::Webp)),
        ("a.pdf", "application/pdf", files::pdf(b"1"), Taken(MediaType::Pdf)),
        ("a.mp4", "video/mp4", files::mp4(b"1"), Taken(MediaType::Mp4)),
        ("index.html", ANY, png.clone(), Taken(MediaType::Png)),
        ("shell.php", "image/png", jpeg.clone(), Taken(MediaType::Jpeg)),
        ("a.svg", "application/pdf", webp.clone(), Taken(MediaType::Webp)),
        // What hides where pictures keep words is gone when they are written anew.
        ("a.jpg", ANY, files::jpeg_with(0xfe, b"*/=alert('canary');/*"), Taken(MediaType::Jpeg)),
        ("a.jpg", ANY, files::jpeg_from_a_telephone(40, 20, "canary"), Taken(MediaType::Jpeg)),
        ("a.png", ANY, files::png_with(*b"tEXt", b"Comment\0canary"), Taken(MediaType::Png)),
        ("a.png", ANY, files::png_with(*b"zTXt", &and(b"Comment\0\0", &files::packed_zeros(1000))), Taken(MediaType::Png)),
        ("a.jpg", ANY, and(&jpeg, &files::jpeg_with(0xfe, b"canary")), Taken(MediaType::Jpeg)),
        ("a.png", ANY, files::png(500, 500), Taken(MediaType::Png)),
    ]
}

fn of_other_kinds() -> Vec<Sent> {
    let unsupported = Fate::Refused(415, "UNSUPPORTED_MEDIA_TYPE");
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>".to_vec();
    let (pdf, mp4) = (files::pdf(b"1"), files::mp4(b"1"));
    vec![
        // Kinds that are not taken, under whatever name.
        ("a.svg", ANY, svg.clone(), unsupported),
        ("a.png", "image/png", svg.clone(), unsupported),
        ("a.png", "image/png", and(b"<?xml version=\"1.0\"?>", &svg), unsupported),
        ("a.html", ANY, and(b"<!doctype html>", SCRIPT), unsupported),
        ("a.jpg", "image/jpeg", SCRIPT.to_vec(), unsupported),
        ("a.js", ANY, b"alert(1)".to_vec(), unsupported),
        ("a.gif", ANY, b"GIF89a/*\x01\0\x01\0\0\0\0;*/=1;alert(1)//".to_vec(), unsupported),
        ("a.jpg", "image/jpeg", b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;".to_vec(), unsupported),
        ("a.bmp", ANY, and(b"BM", &[0; 60]), unsupported),
        ("a.tif", ANY, and(b"II*\0", &[0; 60]), unsupported),
        ("a.zip", ANY, files::zip_behind(b""), unsupported),
        ("a.jar", "application/pdf", and(b"PK\x03\x04", &[0; 60]), unsupported),
        ("a.exe", ANY, and(b"MZ", &[0; 200]), unsupported),
        ("a.jpg", "image/jpeg", and(b"\x7fELF", &[0; 200]), unsupported),
        ("a.sh", ANY, b"#!/bin/sh\nrm -rf /".to_vec(), unsupported),
        ("a.php", ANY, b"<?php system($_GET['c']);".to_vec(), unsupported),
        ("a.wasm", ANY, b"\0asm\x01\0\0\0".to_vec(), unsupported),
        ("a.mov", ANY, and(&files::box_of(*b"ftyp", b"qt  \0\0\0\0qt  "), &mp4), unsupported),
        ("a.heic", ANY, and(&files::box_of(*b"ftyp", b"heic\0\0\0\0mif1heic"), &[0; 60]), unsupported),
        ("a.pdf", ANY, and(b"GIF89a", &pdf), unsupported),
        ("a.pdf", ANY, vec![0; 5000], unsupported),
    ]
}

fn two_at_once() -> Vec<Sent> {
    let (polyglot, active) = (Fate::Refused(422, "POLYGLOT"), Fate::Refused(422, "ACTIVE_CONTENT"));
    let (png, jpeg, webp, pdf, mp4) = (files::png(40, 20), files::jpeg(40, 20), files::webp(40, 20), files::pdf(b"1"), files::mp4(b"1"));
    vec![
        // Two things at once.
        ("a.jpg", ANY, files::zip_behind(&jpeg), polyglot),
        ("a.jpg", ANY, files::zip_behind(&files::jpeg_with(0xfe, b"PK\x03\x04")), polyglot),
        ("a.png", ANY, files::zip_behind(&png), polyglot),
        ("a.webp", ANY, files::zip_behind(&webp), polyglot),
        ("a.pdf", ANY, files::zip_behind(&pdf), polyglot),
        ("a.mp4", ANY, files::zip_behind(&mp4), polyglot),
        ("a.mp4", ANY, files::mp4(&files::zip_behind(b"")), polyglot),
        ("a.jpg", ANY, and(&jpeg, b"=1;alert(1)"), polyglot),
        ("a.png", ANY, and(&png, &jpeg), polyglot),
        ("a.webp", ANY, and(&webp, b"alert(1)"), polyglot),
        ("a.mp4", ANY, and(&mp4, b"alert(1);alert(1)"), polyglot),
        ("a.jpg", ANY, files::jpeg_with(0xfe, &files::pdf(b"1")), polyglot),
        ("a.pdf", ANY, and(b"\n\n", &pdf), polyglot),
        ("a.pdf", ANY, files::pdf(&pdf), polyglot),
        ("a.pdf", ANY, and(&pdf, b"MZ and more"), polyglot),
        ("a.jpg", ANY, and(&jpeg, SCRIPT), active),
        ("a.png", ANY, files::png_with(*b"tEXt", &and(b"Comment\0", SCRIPT)), active),
        ("a.png", ANY, files::png_with(*b"tEXt", b"Comment\0<?PHP system($_GET['c']);"), active),
        ("a.jpg", ANY, files::jpeg_with(0xe1, b"<sVg onload=alert(1)>"), active),
        ("a.mp4", ANY, and(&files::box_of(*b"ftyp", b"isom\0\0\0\0isom"), &files::box_of(*b"free", SCRIPT)), active),
        ("a.pdf", ANY, files::pdf(SCRIPT), active),
        ("a.pdf", ANY, files::pdf(b"<< /S /JavaScript /JS (app.alert(1)) >>"), active),
        ("a.pdf", ANY, files::pdf(b"<< /S /Launch /F (cmd.exe) >>"), active),
    ]
}

fn too_much_or_none() -> Vec<Sent> {
    let (bomb, broken) = (Fate::Refused(422, "DECOMPRESSION_BOMB"), Fate::Refused(422, "BROKEN_FILE"));
    let (flood, large) = (Fate::Refused(422, "TOO_MANY_PIXELS"), Fate::Refused(413, "TOO_LARGE"));
    let (png, jpeg, webp, pdf, mp4) = (files::png(40, 20), files::jpeg(40, 20), files::webp(40, 20), files::pdf(b"1"), files::mp4(b"1"));
    let too_long = |bytes: &[u8], limit: u64| and(bytes, &vec![b' '; usize::try_from(limit).unwrap() + 1 - bytes.len()]);
    let zeros = files::packed_zeros(20_000_000);
    vec![
        // More than it looks like.
        ("a.png", ANY, files::png_with(*b"zTXt", &and(b"Comment\0\0", &zeros)), bomb),
        ("a.png", ANY, files::png_with(*b"iTXt", &and(b"Comment\0\x01\0\0\0", &zeros)), bomb),
        ("a.png", ANY, files::png_with(*b"iCCP", &and(b"Profile\0\0", &zeros)), bomb),
        ("a.png", ANY, files::png_that_says(10, 10, &zeros), bomb),
        ("a.png", ANY, files::png_that_says(60_000, 60_000, &zeros), flood),
        ("a.png", ANY, files::png_that_says(u32::MAX, u32::MAX, &zeros), flood),
        ("a.jpg", ANY, files::jpeg_flood(), flood),
        ("a.png", ANY, files::png(501, 500), flood),
        ("a.png", ANY, Vec::new(), Fate::Refused(422, "EMPTY_FILE")),
        ("a.png", ANY, too_long(&png, LIMITS.image_bytes), large),
        ("a.pdf", ANY, too_long(&pdf, LIMITS.pdf_bytes), large),
        ("a.mp4", ANY, too_long(&mp4, LIMITS.mp4_bytes), large),
        ("a.jpg", ANY, vec![0xff; 1_000_000], large),
        // None at all.
        ("a.png", ANY, png[..png.len() / 2].to_vec(), broken),
        ("a.png", ANY, files::png_that_says(10, 10, b"no zlib"), broken),
        ("a.jpg", ANY, jpeg[..jpeg.len() / 2].to_vec(), broken),
        ("a.jpg", ANY, b"\xff\xd8\xff\xe0".to_vec(), broken),
        ("a.webp", ANY, webp[..webp.len() / 2].to_vec(), broken),
        ("a.pdf", ANY, b"%PDF-1.4\n1 0 obj".to_vec(), broken),
        ("a.mp4", ANY, files::box_of(*b"ftyp", b"isom\0\0\0\0isom"), broken),
        ("a.mp4", ANY, and(&mp4[..24], &[0xff; 30]), broken),
    ]
}

/// Sends the corpus, and looks at what of it is kept.
async fn nothing_of_the_corpus_that_runs_is_kept(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let corpus = [sound(), of_other_kinds(), two_at_once(), too_much_or_none()].concat();
    assert!(corpus.len() >= 60 - NAMES.len());
    let mut taken = 0;
    for (n, (name, content_type, bytes, fate)) in corpus.iter().enumerate() {
        let before = left(&office).await;
        let answer: Answer = send(&owner, name, content_type, bytes).await;
        match fate {
            Fate::Refused(status, code) => {
                assert_eq!((answer.status, text(&answer.problem()["code"])), (*status, (*code).to_owned()), "{n}, {name}");
                assert_eq!(left(&office).await, before, "{n}, {name}");
            }
            Fate::Taken(media_type) => {
                let asset = Made::of(&answer, 201);
                assert_eq!(asset.shown["mime_type"], media_type.as_str(), "{n}, {name}");
                owner.patch(&format!("/media/{}", asset.id), "*", &json!({"alt_text": "Algo"})).await.is(200);
                publish(&office, &asset).await;
                let served = service.visitor().get(&office.door(&format!("/media/{}", asset.id))).await;
                is_careful(&served);
                assert_eq!((served.status, served.header("Content-Type")), (200, Some(media_type.as_str())), "{n}, {name}");
                let place = if media_type.is_image() { "inline; " } else { "attachment; " };
                let handed_out = served.header("Content-Disposition").unwrap();
                assert!(handed_out.starts_with(place) && handed_out.ends_with(&format!(".{}\"", media_type.extension())), "{handed_out}");
                assert!(served.header("Content-Security-Policy").unwrap().contains("sandbox"));
                taken += 1;
            }
        }
    }
    assert_eq!(office.rows("media_assets").await, taken);
    for (path, bytes) in service.files() {
        let small = bytes.to_ascii_lowercase();
        for needle in [b"canary".as_slice(), b"alert(", b"<script", b"<svg", b"<?php", b"exif", b"pk\x05\x06", b"/javascript"] {
            assert!(!small.windows(needle.len()).any(|window| window == needle), "{path}: {}", String::from_utf8_lossy(needle));
        }
    }
}

/// How many bytes the document has that many send at once.
fn document() -> Vec<u8> {
    files::pdf(&[b'x'; 900])
}

/// Room for seven of them, and nearly for an eighth.
fn room() -> u64 {
    document().len() as u64 * 8 - 1
}

async fn of_many_at_once_so_many_are_taken_as_there_is_room(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let answers = at_once((0..20).map(|n| send(&owner, &format!("{n}.pdf"), "application/pdf", &document()))).await;
    let (taken, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    for answer in &refused {
        answer.refused(409, "MEDIA_QUOTA_EXCEEDED");
    }
    assert_eq!((taken.len(), files_of(&office).len(), office.rows("media_assets").await), (7, 7, 7));
    let used: i64 = service.db.raw.one("SELECT bytes FROM media_usage WHERE organization_id = $1", [office.id.into()]).await;
    assert_eq!(used, i64::try_from(document().len() * 7).unwrap());
    // One that is alone too much, too; and there is room elsewhere.
    send(&owner, "a.pdf", "application/pdf", &document()).await.refused(409, "MEDIA_QUOTA_EXCEEDED");
    let other = Office::found(service).await;
    send(&other.owner().await, "a.pdf", "application/pdf", &document()).await.is(201);
    send(&other.owner().await, "b.pdf", "application/pdf", &files::pdf(&[b'x'; 8000])).await.refused(409, "MEDIA_QUOTA_EXCEEDED");
}

#[test]
fn files_can_be_in_a_bucket_of_any_storage_that_speaks_s3() {
    fn away(settings: &mut Settings) {
        settings.media.location = Location::S3(Bucket {
            name: "media".to_owned(),
            endpoint: Some("http://127.0.0.1:9".to_owned()),
            region: "us-east-1".to_owned(),
            access_key_id: "nadie".to_owned(),
            secret_access_key: "nada".to_owned(),
        });
    }
    alone(Engine::Sqlite, away, async |service| {
        // The storage is away: that is said, nothing is stored, and everything else goes on.
        let office = Office::found(service).await;
        let owner = office.owner().await;
        let before = left(&office).await;
        send(&owner, "a.png", "image/png", &files::png(400, 10)).await.refused(503, "UNAVAILABLE");
        assert_eq!(left(&office).await, before);
        let ready = service.visitor().call("GET", "/readyz").await;
        assert_eq!(ready.is(200)["checks"]["media"], "failing");
        owner.get("/media").await.is(200);

        let s3 = S3::open().await;
        let there = service.with(|settings| settings.media.location = Location::S3(s3.bucket.clone())).await;
        let tokens = there.visitor().post("/auth/login", &json!({"email": office.email(Role::Owner), "password": PASSWORD})).await.is(200);
        let owner = there.visitor().with_token(&text(&tokens["access_token"]));
        let asset = Made::of(&send(&owner, "a.png", "image/png", &files::png(400, 10)).await, 201);
        let film = Made::of(&send(&owner, "a.mp4", "video/mp4", &files::mp4(&vec![7; 12_000_000])).await, 201);
        assert_eq!(s3.objects(), 3);
        for (asset, size) in [(&asset, Some((400, 10))), (&film, None)] {
            let file = owner.get(&format!("/media/{}/file", asset.id)).await;
            assert_eq!((file.status, files::size_of(&file.bytes).ok()), (200, size));
            assert_eq!(asset.shown["size_bytes"], file.bytes.len());
        }
        assert_eq!(there.visitor().call("GET", "/readyz").await.is(200)["checks"]["media"], "ok");
    });
}
