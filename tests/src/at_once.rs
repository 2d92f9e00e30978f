use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

/// Does several works at the same time, each on a thread of its own, and answers what came of them in the order in which they were given.
pub async fn at_once<T, W>(works: impl IntoIterator<Item = W>) -> Vec<T>
where
    T: Send + 'static,
    W: AsyncFnOnce() -> T + Send + 'static,
{
    let started: Vec<_> = works
        .into_iter()
        .map(|work| {
            let runtime = Handle::current();
            spawn_blocking(move || runtime.block_on(work()))
        })
        .collect();
    let mut outcomes = Vec::with_capacity(started.len());
    for work in started {
        outcomes.push(work.await.unwrap());
    }
    outcomes
}
