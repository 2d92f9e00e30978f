//! Work that keeps a processor busy: beside the threads that answer requests, and bounded in number.

use std::sync::Arc;

use matricula_ports::PortError;
use tokio::sync::Semaphore;

/// Places for such work, and a queue before them.
#[derive(Clone)]
pub(crate) struct OffThread {
    /// Who is being served or waits.
    queue: Arc<Semaphore>,
    /// Who is being served.
    places: Arc<Semaphore>,
}

impl OffThread {
    /// So many are served at a time, and so many wait at most before the next is told to come back.
    pub(crate) fn new(at_a_time: usize, waiting: usize) -> Self {
        let at_a_time = at_a_time.max(1);
        Self { queue: Arc::new(Semaphore::new(at_a_time + waiting)), places: Arc::new(Semaphore::new(at_a_time)) }
    }

    /// Does some work.
    ///
    /// # Errors
    /// [`PortError::Unavailable`] when too many wait already, [`PortError::Broken`] when the work panics.
    pub(crate) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PortError> {
        let away = |error| PortError::Unavailable(error);
        let queued = Arc::clone(&self.queue).try_acquire_owned().map_err(|error| away(Box::new(error)))?;
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|error| away(Box::new(error)))?;
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop((place, queued));
            done
        })
        .await
        .map_err(|error| PortError::Broken(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_more_are_served_at_a_time_than_there_are_places() {
        const QUEUE: usize = 64;
        let off_thread = OffThread::new(2, QUEUE);
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let served = (0..100).map(|_| {
            let (off_thread, now, most) = (off_thread.clone(), Arc::clone(&now), Arc::clone(&most));
            tokio::spawn(async move {
                let work = move || {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(5));
                    now.fetch_sub(1, Ordering::SeqCst);
                };
                off_thread.run(work).await.is_ok()
            })
        });
        let mut answered = 0;
        for one in served.collect::<Vec<_>>() {
            answered += usize::from(one.await.unwrap());
        }
        assert_eq!(most.load(Ordering::SeqCst), 2);
        assert!((2 + QUEUE..100).contains(&answered), "{answered} of 100 were served, the others were told to come back");
    }
}
