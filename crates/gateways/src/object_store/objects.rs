use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _};
use matricula_ports::PortError;
use matricula_ports::publishing::{Content, ObjectRow, ObjectStore, StoredObject};
use object_store::aws::AmazonS3Builder;
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, Error, GetOptions, ObjectMeta, ObjectStoreExt as _, RetryConfig};
use tokio::io::AsyncWriteExt as _;

use super::{Bucket, Location};

/// How often a request is sent again that was not answered, or with a fault of the storage's own.
const RETRIES: usize = 2;

/// Files in a folder or in a bucket.
pub struct Objects {
    store: Arc<dyn object_store::ObjectStore>,
    /// Whether a listing comes in the order of the paths by itself.
    in_order: bool,
}

impl Objects {
    /// The objects at a location; a folder is made if it is not there. Each request to a storage may take `timeout`.
    ///
    /// # Errors
    /// [`PortError::Unavailable`] when the folder cannot be made, or the bucket not be spoken to in this way.
    pub fn at(location: &Location, timeout: Duration) -> Result<Self, PortError> {
        match location {
            Location::Folder(folder) => {
                std::fs::create_dir_all(folder).map_err(|error| PortError::Unavailable(Box::new(error)))?;
                let store = LocalFileSystem::new_with_prefix(folder).map_err(away)?.with_fsync(true).with_automatic_cleanup(true);
                Ok(Self { store: Arc::new(store), in_order: false })
            }
            Location::S3(bucket) => Ok(Self { store: Arc::new(s3(bucket, timeout)?), in_order: true }),
        }
    }
}

fn s3(bucket: &Bucket, timeout: Duration) -> Result<object_store::aws::AmazonS3, PortError> {
    let client = ClientOptions::new().with_timeout(timeout).with_connect_timeout(timeout.min(Duration::from_secs(5)));
    let backoff = BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(1), base: 2.0 };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&bucket.name)
        .with_region(&bucket.region)
        .with_access_key_id(&bucket.access_key_id)
        .with_secret_access_key(&bucket.secret_access_key)
        .with_client_options(client)
        .with_retry(RetryConfig { backoff, max_retries: RETRIES, retry_timeout: timeout * 2 });
    if let Some(endpoint) = &bucket.endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
    }
    builder.build().map_err(away)
}

fn away(error: Error) -> PortError {
    PortError::Unavailable(Box::new(error))
}

fn path(text: &str) -> Result<Path, PortError> {
    Path::parse(text).map_err(|error| PortError::Broken(format!("no path of an object: {error}")))
}

fn row(object: &ObjectMeta) -> ObjectRow {
    ObjectRow { path: object.location.to_string(), size_bytes: object.size, modified_at: object.last_modified }
}

#[async_trait]
impl ObjectStore for Objects {
    async fn put(&self, to: &str, content: &Content) -> Result<(), PortError> {
        let to = path(to)?;
        match content {
            Content::Bytes(bytes) => _ = self.store.put(&to, bytes.clone().into()).await.map_err(away)?,
            Content::File(file) => {
                let io = |error: std::io::Error| PortError::Unavailable(Box::new(error));
                let mut file = tokio::fs::File::open(file).await.map_err(io)?;
                // In parts: nothing is there before the last one is.
                let mut writer = BufWriter::new(Arc::clone(&self.store), to);
                if let Err(error) = tokio::io::copy(&mut file, &mut writer).await {
                    _ = writer.abort().await;
                    return Err(io(error));
                }
                writer.shutdown().await.map_err(io)?;
            }
        }
        Ok(())
    }

    async fn get(&self, from: &str) -> Result<Option<StoredObject>, PortError> {
        match self.store.get(&path(from)?).await {
            Ok(object) => Ok(Some(StoredObject { size_bytes: object.meta.size, bytes: object.into_stream().map_err(away).boxed() })),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(away(error)),
        }
    }

    async fn get_part(&self, from: &str, part: Range<u64>) -> Result<Option<StoredObject>, PortError> {
        let options = GetOptions { range: Some(part.into()), ..GetOptions::default() };
        match self.store.get_opts(&path(from)?, options).await {
            Ok(object) => {
                Ok(Some(StoredObject { size_bytes: object.range.end - object.range.start, bytes: object.into_stream().map_err(away).boxed() }))
            }
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(away(error)),
        }
    }

    async fn list<'a>(&self, folder: &str, after: Option<&'a str>, most: usize) -> Result<Vec<ObjectRow>, PortError> {
        let folder = path(folder)?;
        let mut listing = match after {
            Some(after) => self.store.list_with_offset(Some(&folder), &path(after)?),
            None => self.store.list(Some(&folder)),
        };
        if self.in_order {
            return listing.take(most).map_ok(|object| row(&object)).try_collect().await.map_err(away);
        }
        // However many there are, so many are in memory.
        let mut least = BTreeMap::new();
        while let Some(object) = listing.try_next().await.map_err(away)? {
            least.insert(object.location.clone(), row(&object));
            if least.len() > most {
                least.pop_last();
            }
        }
        Ok(least.into_values().collect())
    }

    async fn remove(&self, at: &str) -> Result<(), PortError> {
        match self.store.delete(&path(at)?).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(away(error)),
        }
    }

    async fn check(&self) -> Result<(), PortError> {
        self.store.list(None).next().await.transpose().map_err(away).map(|_| ())
    }
}
