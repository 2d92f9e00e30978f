use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use matricula_persistence::Database;
use matricula_web::{Health, HealthReport};

/// Looks whether a write would go through, and whether the program is about to stop.
pub(crate) struct Probe {
    pub(crate) database: Arc<Database>,
    pub(crate) stopping: Arc<AtomicBool>,
}

/// A database that takes longer than this to answer is away.
const PATIENCE: Duration = Duration::from_millis(1500);

#[async_trait]
impl Health for Probe {
    async fn look(&self) -> HealthReport {
        let database = matches!(tokio::time::timeout(PATIENCE, self.database.ping()).await, Ok(Ok(())));
        let staying = !self.stopping.load(Ordering::Relaxed);
        HealthReport { ready: database && staying, checks: vec![("database", database), ("staying", staying)] }
    }
}
