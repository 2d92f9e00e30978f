use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use matricula_domain::identity::Role;
use matricula_domain::publishing::{
    Dimensions, EntityType, FileName, FileRefusal, MediaAsset, MediaAssetError, MediaDetails, MediaRole, MediaStatus, MediaType, NewMediaLink,
    ThumbnailWidth,
};
use matricula_domain::shared::{Changed, Field as _, Line};
use matricula_ports::mocks::{MockRepositories, MockTransactions};
use matricula_ports::publishing::{
    Content, IncomingFile, MockFileInspector, MockMediaQueries, MockObjectStore, ObjectRow, PreparedFile, StoredObject,
};
use matricula_ports::{Cursor, Page, PortError};

use super::{Media, MediaError};
use crate::testing::{Seen, allowed, away, id, map, now, organization, told, world};

/// How many bytes all files may take here.
const QUOTA: u64 = 1000;

/// What was done to the store, in order.
type Log = Arc<Mutex<Vec<String>>>;

fn picture() -> PreparedFile {
    PreparedFile {
        media_type: MediaType::Png,
        size_bytes: 100,
        sha256: [7; 32],
        dimensions: Some(Dimensions { width: 400, height: 300 }),
        content: Content::Bytes("uno".into()),
        thumbnails: vec![(ThumbnailWidth::Small, "dos".into())],
    }
}

fn inspecting() -> MockFileInspector {
    let mut inspector = MockFileInspector::new();
    inspector.expect_prepare().returning(|_| Ok(picture()));
    inspector
}

/// A store that notes what is put and removed.
fn noting(log: &Log) -> MockObjectStore {
    let mut store = MockObjectStore::new();
    let (put, removed) = (Arc::clone(log), Arc::clone(log));
    store.expect_put().returning(move |path, _| {
        put.lock().unwrap().push(format!("put {}", name(path)));
        Ok(())
    });
    store.expect_remove().returning(move |path| {
        removed.lock().unwrap().push(format!("removed {}", name(path)));
        Ok(())
    });
    store
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

fn using(bytes: u64) -> MockMediaQueries {
    let mut queries = MockMediaQueries::new();
    queries.expect_space_used().returning(move |_| Ok(bytes));
    queries
}

fn media(transactions: &MockTransactions, queries: MockMediaQueries, store: MockObjectStore, inspector: MockFileInspector) -> Media {
    Media::new(world(transactions), Arc::new(queries), Arc::new(store), Arc::new(inspector), QUOTA)
}

async fn upload(media: &Media) -> Result<MediaAsset, MediaError> {
    let file = IncomingFile { path: "incoming".into(), size_bytes: 100, sha256: [1; 32] };
    let name = FileName::parse(&"foto.jpeg".into()).unwrap();
    media.upload(&allowed(Role::Marketing), &file, &name, &MediaDetails { alt_text: None }).await
}

fn asset() -> MediaAsset {
    let name = FileName::parse(&"foto.png".into()).unwrap();
    let (prepared, space) = (picture(), matricula_domain::publishing::MediaSpace { used: 0, quota: QUOTA });
    let file = matricula_domain::publishing::MediaFile {
        media_type: prepared.media_type,
        size_bytes: prepared.size_bytes,
        stored_bytes: prepared.stored_bytes(),
        dimensions: prepared.dimensions,
        sha256: prepared.sha256,
        storage_path: "o/a".to_owned(),
    };
    let details = MediaDetails { alt_text: Some(Line::parse("Dos soldadoras").unwrap()) };
    MediaAsset::upload(id(60), name, file, details, None, space, now()).unwrap().into_state()
}

fn log() -> Log {
    Arc::default()
}

#[tokio::test]
async fn the_files_are_there_before_the_row() {
    let (log, saved) = (log(), Seen::<Changed<MediaAsset>>::nothing());
    let mut repositories = MockRepositories::default();
    repositories.media_assets.expect_space_used().returning(|| Ok(0));
    let (seen, note) = (Arc::clone(&log), saved.note());
    repositories.media_assets.expect_save().times(1).returning(move |asset| {
        seen.lock().unwrap().push("saved".to_owned());
        note(asset)
    });
    let transactions = MockTransactions::over(repositories);
    let asset = upload(&media(&transactions, using(0), noting(&log), inspecting())).await.unwrap();
    assert_eq!(*log.lock().unwrap(), ["put 320", "put original", "saved"]);
    assert_eq!((saved.verbs(), transactions.commits(), asset.uploaded_by), (vec!["uploaded"], 1, Some(id(902))));
    assert_eq!((asset.file.size_bytes, asset.file.stored_bytes), (100, 103), "the thumbnail takes room too");
    assert_eq!(asset.file.storage_path, format!("{}/{}", organization().id, asset.id));
}

#[tokio::test]
async fn a_file_that_is_refused_is_put_nowhere() {
    let transactions = MockTransactions::over(MockRepositories::default());
    let mut inspector = MockFileInspector::new();
    inspector.expect_prepare().returning(|_| Err(FileRefusal::Polyglot.into()));
    let refused = upload(&media(&transactions, MockMediaQueries::new(), MockObjectStore::new(), inspector)).await;
    assert!(matches!(refused, Err(MediaError::File(FileRefusal::Polyglot))));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn where_there_is_no_room_for_a_file_and_its_thumbnails_nothing_is_put() {
    let transactions = MockTransactions::over(MockRepositories::default());
    let refused = upload(&media(&transactions, using(QUOTA - 102), MockObjectStore::new(), inspecting())).await;
    assert!(matches!(refused, Err(MediaError::Asset(MediaAssetError::QuotaExceeded))));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn who_finds_the_room_taken_meanwhile_takes_the_files_back() {
    let log = log();
    let mut repositories = MockRepositories::default();
    repositories.media_assets.expect_space_used().times(1).returning(|| Ok(0));
    repositories.media_assets.expect_space_used().times(1).returning(|| Ok(QUOTA));
    repositories.media_assets.expect_save().times(1).returning(|_| Ok(()));
    let transactions = MockTransactions::over(repositories).refusing(PortError::Conflict("media_usage"));
    let refused = upload(&media(&transactions, using(0), noting(&log), inspecting())).await;
    assert!(matches!(refused, Err(MediaError::Asset(MediaAssetError::QuotaExceeded))));
    assert_eq!(*log.lock().unwrap(), ["put 320", "put original", "removed 320", "removed original"]);
}

#[tokio::test]
async fn files_stay_if_nobody_knows_whether_the_row_is_there() {
    let log = log();
    let mut repositories = MockRepositories::default();
    repositories.media_assets.expect_space_used().returning(|| Ok(0));
    repositories.media_assets.expect_save().returning(|_| Ok(()));
    let transactions = MockTransactions::over(repositories).refusing(away());
    let refused = upload(&media(&transactions, using(0), noting(&log), inspecting())).await;
    assert!(matches!(refused, Err(MediaError::Port(PortError::Unavailable(_)))));
    assert_eq!(*log.lock().unwrap(), ["put 320", "put original"]);
}

#[tokio::test]
async fn without_its_files_no_row_is_saved() {
    let transactions = MockTransactions::over(MockRepositories::default());
    let mut store = MockObjectStore::new();
    store.expect_put().times(1).returning(|_, _| Err(away()));
    let refused = upload(&media(&transactions, using(0), store, inspecting())).await;
    assert!(matches!(refused, Err(MediaError::Port(PortError::Unavailable(_)))));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn what_is_linked_to_is_there() {
    for (is_there, has_link) in [(false, false), (true, true), (true, false)] {
        let mut repositories = MockRepositories::default();
        repositories.media_assets.expect_find().returning(|_| Ok(Some(asset())));
        repositories.records.expect_is_there().withf(|noun, of| noun.many == "courses" && *of == id(5)).returning(move |_, _| Ok(is_there));
        repositories.media_assets.expect_has_link().returning(move |_, _| Ok(has_link));
        repositories.media_assets.expect_save().times(usize::from(is_there && !has_link)).returning(|_| Ok(()));
        let transactions = MockTransactions::over(repositories);
        let media = media(&transactions, MockMediaQueries::new(), MockObjectStore::new(), MockFileInspector::new());
        let new = NewMediaLink { entity_type: EntityType::Course, entity_id: id(5), role: MediaRole::Cover, position: None };
        match media.link_asset(&allowed(Role::Marketing), id(60), &new).await {
            Err(MediaError::Invalid(faults)) if !is_there => assert_eq!(told(&faults), [("/entity_id", "NOT_FOUND")]),
            Err(MediaError::AlreadySo) if has_link => {}
            linked => assert!(linked.is_ok() && is_there && !has_link, "{linked:?}"),
        }
    }
}

#[tokio::test]
async fn a_link_that_is_not_there_cannot_go() {
    let mut repositories = MockRepositories::default();
    repositories.media_assets.expect_find().returning(|_| Ok(Some(asset())));
    repositories.media_assets.expect_has_link().returning(|_, _| Ok(false));
    let transactions = MockTransactions::over(repositories);
    let media = media(&transactions, MockMediaQueries::new(), MockObjectStore::new(), MockFileInspector::new());
    let usage = NewMediaLink { entity_type: EntityType::Course, entity_id: id(5), role: MediaRole::Cover, position: None }.usage();
    assert!(matches!(media.unlink_asset(&allowed(Role::Marketing), id(60), &usage).await, Err(MediaError::AlreadySo)));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn an_asset_that_is_not_there_is_not_found() {
    let mut repositories = MockRepositories::default();
    repositories.media_assets.expect_find().returning(|_| Ok(None));
    let transactions = MockTransactions::over(repositories);
    let media = media(&transactions, MockMediaQueries::new(), MockObjectStore::new(), MockFileInspector::new());
    let who = allowed(Role::Marketing);
    let patch = map(&[("alt_text", "x".into())]);
    assert!(matches!(media.change_asset(&who, id(60), &patch, crate::Expected::Any).await, Err(MediaError::NotFound)));
    assert!(matches!(media.move_asset(&who, id(60), MediaStatus::Published).await, Err(MediaError::NotFound)));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn everybody_may_have_what_is_published_and_not_hidden() {
    let published = asset().transition(MediaStatus::Published, now()).unwrap().into_state();
    let hidden = published.archive(now()).unwrap().into_state();
    for (found, is_public) in [(Some(published), true), (Some(asset()), false), (Some(hidden), false), (None, false)] {
        let mut queries = MockMediaQueries::new();
        let is_there = found.is_some();
        queries.expect_asset().returning(move |_, _| Ok(found.clone()));
        let transactions = MockTransactions::over(MockRepositories::default());
        let media = media(&transactions, queries, MockObjectStore::new(), MockFileInspector::new());
        let visitor = crate::access::Visitor::new(organization(), "request-1");
        assert_eq!(media.public_asset(&visitor, id(60)).await.is_ok(), is_public);
        assert_eq!(media.any_asset(&allowed(Role::Viewer), id(60)).await.is_ok(), is_there);
    }
}

#[tokio::test]
async fn a_file_that_is_lost_is_a_fault_of_ours() {
    let mut store = MockObjectStore::new();
    store.expect_get().withf(|path| path == "o/a/320").returning(|_| Ok(None));
    store.expect_get_part().withf(|path, part| path == "o/a/original" && *part == (1..3)).returning(|_, _| Ok(None));
    let bytes = || StoredObject { size_bytes: 0, bytes: Box::pin(futures_util::stream::empty()) };
    store.expect_get().withf(|path| path == "o/a/original").returning(move |_| Ok(Some(bytes())));
    let transactions = MockTransactions::over(MockRepositories::default());
    let media = media(&transactions, MockMediaQueries::new(), store, MockFileInspector::new());
    assert!(matches!(media.open(&asset(), Some(ThumbnailWidth::Small)).await, Err(MediaError::Port(PortError::Broken(_)))));
    assert!(matches!(media.open_part(&asset(), 1..3).await, Err(MediaError::Port(PortError::Broken(_)))));
    assert!(media.open(&asset(), None).await.is_ok() && media.open(&asset(), Some(ThumbnailWidth::Large)).await.is_ok());
}

fn object(n: usize, age: TimeDelta) -> ObjectRow {
    ObjectRow { path: format!("o/{n:04}/original"), size_bytes: 1, modified_at: now() - age }
}

/// The orphans of a store with so many objects two hours old, of which every tenth is of an asset.
async fn orphans(objects: usize, page: Page) -> Result<(Vec<String>, Option<Cursor>), MediaError> {
    let mut store = MockObjectStore::new();
    store.expect_list().returning(move |folder, after, most| {
        assert_eq!(folder, organization().id.to_string());
        let all = (0..objects).map(|n| object(n, TimeDelta::hours(2))).chain([object(9999, TimeDelta::minutes(59))]);
        Ok(all.filter(|object| after.is_none_or(|after| object.path.as_str() > after)).take(most).collect())
    });
    let mut queries = MockMediaQueries::new();
    queries.expect_known_folders().returning(|_, folders| Ok(folders.iter().filter(|folder| folder.ends_with('0')).cloned().collect()));
    let transactions = MockTransactions::over(MockRepositories::default());
    let found = media(&transactions, queries, store, MockFileInspector::new()).orphans(&allowed(Role::Marketing), &page).await?;
    Ok((found.items.into_iter().map(|object| object.path).collect(), found.next))
}

#[tokio::test]
async fn orphans_are_all_found_page_by_page() {
    let all: Vec<_> = (0..2500).filter(|n| n % 10 != 0).map(|n| object(n, TimeDelta::zero()).path).collect();
    let (mut found, mut page, mut pages) = (Vec::new(), Page::first(100), 0);
    loop {
        let (paths, next) = orphans(2500, page.clone()).await.unwrap();
        assert!(paths.len() <= 100);
        found.extend(paths);
        pages += 1;
        match next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    assert_eq!(found, all, "the one that is younger than an upload takes is none yet");
    assert!(pages <= 30, "{pages}");
    assert_eq!(orphans(0, Page::first(9)).await.unwrap(), (vec![], None));
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let page = Page { after: Some(Cursor(vec![matricula_domain::shared::Value::Int(7)])), ..Page::first(9) };
    assert!(matches!(orphans(1, page).await, Err(MediaError::Port(PortError::Dangling("cursor")))));
}
