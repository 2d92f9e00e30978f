//! Media: files come in, are published, used, handed out, and found again when nobody knows of them any more.

mod asset;
mod error;
mod hand_out;
mod orphans;
mod upload;

#[cfg(test)]
mod tests;

pub use error::MediaError;

use std::sync::Arc;

use matricula_ports::publishing::{FileInspector, MediaQueries, ObjectStore};

use crate::World;

/// The use cases of media.
#[derive(Clone)]
pub struct Media {
    world: World,
    queries: Arc<dyn MediaQueries>,
    store: Arc<dyn ObjectStore>,
    inspector: Arc<dyn FileInspector>,
    quota: u64,
}

impl Media {
    /// Over this world, with files in this store. The files of each organization may take `quota` bytes.
    pub fn new(world: World, queries: Arc<dyn MediaQueries>, store: Arc<dyn ObjectStore>, inspector: Arc<dyn FileInspector>, quota: u64) -> Self {
        Self { world, queries, store, inspector, quota }
    }

    /// How many bytes a file may have at most, whatever it is.
    pub fn file_limit(&self) -> u64 {
        self.inspector.limit()
    }
}
