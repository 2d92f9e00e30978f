//! What every object store promises: a folder, and a real storage that speaks S3.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use matricula_gateways::object_store::{Bucket, Location, Objects};
use matricula_ports::PortError;
use matricula_ports::publishing::{Content, ObjectStore};
use matricula_tests::s3::S3;

const TIMEOUT: Duration = Duration::from_secs(20);

/// Makes of each contract a test on a folder and one on S3.
macro_rules! on_both_stores {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            #[tokio::test]
            async fn folder() {
                let folder = tempfile::tempdir().unwrap();
                let location = super::Location::Folder(folder.path().join("not/there/yet"));
                super::$test(&super::Objects::at(&location, super::TIMEOUT).unwrap()).await;
            }

            #[tokio::test]
            async fn s3() {
                super::$test(&super::in_bucket(super::S3::open().await.bucket)).await;
            }
        }
    )+};
}

on_both_stores! {
    what_is_put_comes_back,
    what_is_put_again_is_replaced,
    a_file_of_many_parts_comes_back,
    a_part_comes_alone,
    objects_are_listed_by_their_paths_in_pages,
    what_is_removed_is_gone,
    a_path_leads_nowhere_else,
}

fn in_bucket(bucket: Bucket) -> Objects {
    // As the program's `main` does. Whoever was first has chosen the same.
    _ = rustls::crypto::ring::default_provider().install_default();
    Objects::at(&Location::S3(bucket), TIMEOUT).unwrap()
}

async fn put(store: &dyn ObjectStore, path: &str, bytes: &'static [u8]) {
    store.put(path, &Content::Bytes(bytes.into())).await.unwrap();
}

async fn got(store: &dyn ObjectStore, path: &str) -> Option<Vec<u8>> {
    let object = store.get(path).await.unwrap()?;
    let bytes = object.bytes.try_collect::<Vec<_>>().await.unwrap().concat();
    assert_eq!(object.size_bytes, bytes.len() as u64);
    Some(bytes)
}

async fn what_is_put_comes_back(store: &dyn ObjectStore) {
    store.check().await.unwrap();
    put(store, "a/b/original", b"uno").await;
    assert_eq!(got(store, "a/b/original").await.as_deref(), Some(b"uno".as_slice()));
    assert_eq!(got(store, "a/b/320").await, None);
    store.check().await.unwrap();
}

async fn a_part_comes_alone(store: &dyn ObjectStore) {
    put(store, "a/b/original", b"0123456789").await;
    for (part, expected) in [(0..1, "0"), (2..6, "2345"), (9..10, "9"), (0..10, "0123456789")] {
        let object = store.get_part("a/b/original", part.clone()).await.unwrap().unwrap();
        let size = object.size_bytes;
        let bytes = object.bytes.try_collect::<Vec<_>>().await.unwrap().concat();
        assert_eq!((bytes.as_slice(), size), (expected.as_bytes(), expected.len() as u64), "{part:?}");
    }
    assert!(store.get_part("a/b/320", 0..1).await.unwrap().is_none());
}

async fn what_is_put_again_is_replaced(store: &dyn ObjectStore) {
    put(store, "a/b/original", b"uno").await;
    put(store, "a/b/original", b"dos").await;
    assert_eq!(got(store, "a/b/original").await.as_deref(), Some(b"dos".as_slice()));
}

async fn a_file_of_many_parts_comes_back(store: &dyn ObjectStore) {
    let bytes: Vec<u8> = (0..25_000_000_u32).map(|n| n.to_le_bytes()[usize::from(n % 3 == 0)]).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &bytes).unwrap();
    store.put("a/b/original", &Content::File(file.path().to_owned())).await.unwrap();
    assert!(got(store, "a/b/original").await.unwrap() == bytes);
    // Of a file that is not there nothing is.
    let nothing = store.put("a/c/original", &Content::File("/no/such/file".into())).await;
    assert!(matches!(nothing, Err(PortError::Unavailable(_))) && got(store, "a/c/original").await.is_none());
}

async fn objects_are_listed_by_their_paths_in_pages(store: &dyn ObjectStore) {
    for path in ["b/2/original", "a/1/original", "b/1/original", "b/1/320", "bb/1/original", "b/3/original"] {
        put(store, path, b"1234").await;
    }
    let mut listed = Vec::new();
    loop {
        let after = listed.last().cloned();
        let page = store.list("b", after.as_deref(), 2).await.unwrap();
        assert!(page.len() <= 2 && page.iter().all(|object| object.size_bytes == 4));
        if page.is_empty() {
            break;
        }
        listed.extend(page.into_iter().map(|object| object.path));
    }
    assert_eq!(listed, ["b/1/320", "b/1/original", "b/2/original", "b/3/original"]);
    assert!(store.list("c", None, 9).await.unwrap().is_empty());
    let row = store.list("a", None, 9).await.unwrap().remove(0);
    let age = std::time::SystemTime::from(row.modified_at).elapsed().unwrap_or_default();
    assert!(age < Duration::from_mins(5), "it was put a moment ago");
}

async fn what_is_removed_is_gone(store: &dyn ObjectStore) {
    put(store, "a/b/original", b"uno").await;
    put(store, "a/b/320", b"dos").await;
    store.remove("a/b/original").await.unwrap();
    store.remove("a/b/original").await.unwrap();
    assert_eq!((got(store, "a/b/original").await, got(store, "a/b/320").await), (None, Some(b"dos".to_vec())));
}

async fn a_path_leads_nowhere_else(store: &dyn ObjectStore) {
    for path in ["../a", "a/../../b", "a//b", "a/./b"] {
        assert!(store.put(path, &Content::Bytes("x".into())).await.is_err(), "{path}");
    }
}

#[tokio::test]
async fn a_bucket_that_is_closed_to_us_or_away_is_said_to_be() {
    let s3 = S3::open().await;
    let open = s3.bucket.clone();
    put(&in_bucket(open.clone()), "a/b/original", b"uno").await;
    assert_eq!(s3.objects(), 1);
    for bucket in [
        Bucket { secret_access_key: "otro".to_owned(), ..open.clone() },
        Bucket { access_key_id: "nadie".to_owned(), ..open.clone() },
        Bucket { endpoint: Some("http://127.0.0.1:9".to_owned()), ..open.clone() },
    ] {
        let store = in_bucket(bucket.clone());
        for outcome in [store.check().await, store.put("a/b/c", &Content::Bytes("x".into())).await] {
            assert!(matches!(outcome, Err(PortError::Unavailable(_))), "{bucket:?}: {outcome:?}");
        }
    }
    assert!(in_bucket(Bucket { name: "otro".to_owned(), ..open }).check().await.is_err(), "there is no such bucket");
    assert_eq!(s3.objects(), 1);
}
