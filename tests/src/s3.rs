//! A storage that speaks S3, with signatures checked: the server `s3s` over a folder, on a free port.

use std::sync::Arc;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use matricula_gateways::object_store::Bucket;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::scratch::SCRATCH;

/// Who may use it, and the secret with which they sign.
const KEY: [&str; 2] = ["matricula", "muy-secreto"];

/// The storage. It goes on for as long as its runtime.
#[derive(Clone)]
pub struct S3 {
    /// A bucket of it, for who may use it.
    pub bucket: Bucket,
    folder: Arc<TempDir>,
}

impl S3 {
    /// One with an empty bucket.
    pub async fn open() -> Self {
        let folder = Arc::new(TempDir::with_prefix_in("matricula-s3-", &*SCRATCH).unwrap());
        std::fs::create_dir(folder.path().join("media")).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY[0], KEY[1]));
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bucket = Bucket {
            name: "media".to_owned(),
            endpoint: Some(format!("http://{}", listener.local_addr().unwrap())),
            region: "us-east-1".to_owned(),
            access_key_id: KEY[0].to_owned(),
            secret_access_key: KEY[1].to_owned(),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = service.clone();
                // A client that goes away is none of the storage's business.
                tokio::spawn(async move { _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await });
            }
        });
        Self { bucket, folder }
    }

    /// How many objects the bucket has, as it looks from behind.
    pub fn objects(&self) -> usize {
        fn files(folder: &std::path::Path) -> usize {
            let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            entries.map(|entry| if entry.is_dir() { files(&entry) } else { 1 }).sum()
        }
        files(&self.folder.path().join("media"))
    }
}
