use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use matricula_persistence::Databases;
use matricula_ports::publishing::ObjectStore;
use matricula_web::{Health, HealthReport};

use crate::dedicated::all_answer;

/// Looks whether a write would go through, and whether the program is about to stop.
pub(crate) struct Probe {
    pub(crate) databases: Databases,
    pub(crate) object_store: Arc<dyn ObjectStore>,
    pub(crate) stopping: Arc<AtomicBool>,
}

/// A database that takes longer than this to answer is away.
const PATIENCE: Duration = Duration::from_millis(1500);

#[async_trait]
impl Health for Probe {
    async fn look(&self) -> HealthReport {
        let database = all_answer(std::slice::from_ref(self.databases.directory()), PATIENCE).await;
        let staying = !self.stopping.load(Ordering::Relaxed);
        let mut checks = vec![("database", database), ("staying", staying)];
        // Told, and nothing more: everything but files is answered without them.
        let media = tokio::time::timeout(PATIENCE, self.object_store.check()).await;
        checks.push(("media", matches!(media, Ok(Ok(())))));
        // Told, and nothing more: for all other organizations this copy is as ready as any.
        let dedicated = if database { self.databases.dedicated().await.unwrap_or_default() } else { Vec::new() };
        if !dedicated.is_empty() {
            let homes: Vec<_> = dedicated.into_iter().map(|dedicated| dedicated.home).collect();
            checks.push(("dedicated", all_answer(&homes, PATIENCE).await));
        }
        HealthReport { ready: database && staying, checks }
    }
}
