use std::iter::Sum;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use futures_util::FutureExt;
use futures_util::future::join_all;
use matricula_domain::shared::{Instant, Value};
use matricula_ports::notifications::{Job, JobQueue, NewJob};
use matricula_ports::{Clock, Ids, PortError};
use uuid::Uuid;

/// The kind of job that ends holds and offers.
pub const SEATS_SWEEP: &str = "enrollment.sweep_seats";

/// How long a worker has for a job before another may take it.
const LEASE: Duration = Duration::from_mins(1);

/// How many jobs are taken at once.
const BATCH: u32 = 10;

/// Why a job failed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// It may go better later.
    #[error("{0}")]
    Again(String),
    /// It never will.
    #[error("{0}")]
    Never(String),
}

impl From<PortError> for JobError {
    fn from(error: PortError) -> Self {
        match error {
            PortError::Broken(_) | PortError::KeyDestroyed => Self::Never(error.to_string()),
            other => Self::Again(other.to_string()),
        }
    }
}

/// Does the jobs of some kinds. Doing a job twice must change nothing more than doing it once. A worker stays on its thread, so what
/// a handler does need not be `Send`, as a transaction's work is not.
#[async_trait(?Send)]
pub trait Handler: Send + Sync {
    /// Which kinds.
    fn kinds(&self) -> &'static [&'static str];

    /// Does one.
    ///
    /// # Errors
    /// [`JobError`], whose class decides whether it is tried again.
    async fn handle(&self, job: &Job) -> Result<(), JobError>;
}

/// A job that comes again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Which kind.
    pub kind: &'static str,
    /// How often.
    pub every: TimeDelta,
}

impl Schedule {
    /// The last time at or before `now` when it was due: the same for every copy of the program, so that they plan it once.
    pub fn due(&self, now: Instant) -> Instant {
        let every = self.every.num_seconds().max(1);
        let due = now.timestamp().div_euclid(every) * every;
        Instant::from_timestamp(due, 0).unwrap_or(now)
    }
}

/// What a round of work came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worked {
    /// Jobs done.
    pub done: usize,
    /// Jobs that will be tried again.
    pub again: usize,
    /// Jobs that are dead letters now.
    pub dead: usize,
}

impl Sum for Worked {
    fn sum<I: Iterator<Item = Self>>(rounds: I) -> Self {
        rounds.fold(Self::default(), |sum, one| Self { done: sum.done + one.done, again: sum.again + one.again, dead: sum.dead + one.dead })
    }
}

/// Takes jobs and does them. As many copies as one likes work on one queue.
pub struct Workshop {
    queue: Arc<dyn JobQueue>,
    handlers: Vec<Arc<dyn Handler>>,
    schedules: Vec<Schedule>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    worker: Uuid,
}

impl Workshop {
    /// A workshop on this queue.
    pub fn new(
        queue: Arc<dyn JobQueue>,
        handlers: Vec<Arc<dyn Handler>>,
        schedules: Vec<Schedule>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Self {
        let worker = ids.next();
        Self { queue, handlers, schedules, clock, ids, worker }
    }

    /// Plans what is due; answers how many jobs were new.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    pub async fn plan(&self) -> Result<usize, PortError> {
        let now = self.clock.now();
        let mut new = 0;
        for schedule in &self.schedules {
            let due = schedule.due(now);
            let job = NewJob { id: self.ids.next(), kind: schedule.kind, dedupe_key: due.to_rfc3339(), payload: Value::Map(Vec::new()), run_at: due };
            new += usize::from(self.queue.plan(job).await?);
        }
        Ok(new)
    }

    /// Takes some jobs that are due and does them.
    ///
    /// # Errors
    /// [`PortError::Unavailable`] when the queue is away; a job that fails is no error.
    pub async fn work(&self) -> Result<Worked, PortError> {
        let jobs = self.queue.claim(self.worker, self.clock.now(), LEASE, BATCH).await?;
        // At the same time, so that each has its whole lease: one that waits for somebody far away keeps none of the others waiting.
        let worked = join_all(jobs.iter().map(|job| self.work_on(job))).await;
        worked.into_iter().sum()
    }

    async fn work_on(&self, job: &Job) -> Result<Worked, PortError> {
        let outcome = self.handle(job).await;
        let now = self.clock.now();
        match outcome {
            Ok(()) => {
                self.queue.finish(job, now).await?;
                Ok(Worked { done: 1, ..Worked::default() })
            }
            Err(JobError::Again(reason)) if job.attempt < job.max_attempts => {
                tracing::warn!(job = %job.id, kind = job.kind, attempt = job.attempt, reason, "a job failed and will be tried again");
                self.queue.fail(job, &reason, Some(now + self.delay(job.attempt)), now).await?;
                Ok(Worked { again: 1, ..Worked::default() })
            }
            Err(JobError::Again(reason) | JobError::Never(reason)) => {
                tracing::error!(job = %job.id, kind = job.kind, attempt = job.attempt, reason, "a job failed for good");
                self.queue.fail(job, &reason, None, now).await?;
                Ok(Worked { dead: 1, ..Worked::default() })
            }
        }
    }

    async fn handle(&self, job: &Job) -> Result<(), JobError> {
        let Some(handler) = self.handlers.iter().find(|handler| handler.kinds().contains(&job.kind.as_str())) else {
            return Err(JobError::Never("nobody knows this kind of job".to_owned()));
        };
        // A handler that panics fails its job and nothing else.
        match AssertUnwindSafe(handler.handle(job)).catch_unwind().await {
            Ok(outcome) => outcome,
            Err(_) => Err(JobError::Again("the handler panicked".to_owned())),
        }
    }

    /// Exponential back-off with full jitter: between nothing and 2^attempt seconds, an hour at most.
    fn delay(&self, attempt: u32) -> TimeDelta {
        let most = 2_u64.saturating_pow(attempt).min(3600) * 1000;
        let random = u64::from_le_bytes(self.ids.secret().first_chunk().copied().unwrap_or_default());
        TimeDelta::milliseconds(i64::try_from(random % most.max(1)).unwrap_or(1000))
    }
}
