//! What runs beside the answering of requests: jobs, the sealer, the giving out of facts.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use matricula_application::enrollment::{Enrollments, Swept};
use matricula_application::notifications::{BATCH, Followers, Handler, JobError, Receiver, SEATS_SWEEP, Schedule, Workshop};
use matricula_persistence::{Accounts, Queue};
use matricula_ports::identity::{Directory, MemberCounts, ProviderDirectory};
use matricula_ports::notifications::{Answers, Job, JobQueue, OutboxRow};
use matricula_ports::{Actor, Clock, PortError, Scope};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::program::Program;

/// How long there is between two looks when there was not more to do than could be done at once: what comes in between is done together.
const PAUSE: Duration = Duration::from_millis(500);

/// How long after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(2);

/// The kind of job that removes what is over: kept answers, finished jobs, sign-ins on their way.
const SWEEP: &str = "notifications.sweep";

/// The kind of job that counts anew who works where.
const RECOUNT: &str = "identity.recount";

/// The workers of one copy of the program.
pub struct Workers {
    workshop: Arc<Workshop>,
    followers: Arc<Followers>,
    program: Program,
}

/// Workers that are running.
pub struct Started {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    followers: Arc<Followers>,
}

impl Workers {
    pub(crate) fn of(program: &Program) -> Self {
        let queue = Arc::new(Queue::new(Arc::clone(&program.database)));
        let clock = Arc::clone(&program.clock);
        let handlers: Vec<Arc<dyn Handler>> = vec![
            Arc::new(SeatSweeper {
                enrollments: Enrollments::new(program.world()),
                directory: Arc::new(Accounts::new(Arc::clone(&program.database))),
            }),
            Arc::new(program.postman()),
            Arc::new(Sweeper {
                queue: Arc::clone(&queue),
                providers: Arc::new(Accounts::new(Arc::clone(&program.database))),
                clock: Arc::clone(&clock),
            }),
            Arc::new(Recounter { counts: Arc::new(Accounts::new(Arc::clone(&program.database))) }),
        ];
        let schedules = vec![
            Schedule { kind: SEATS_SWEEP, every: TimeDelta::minutes(10) },
            Schedule { kind: SWEEP, every: TimeDelta::minutes(10) },
            Schedule { kind: RECOUNT, every: TimeDelta::hours(24) },
        ];
        let workshop = Workshop::new(Arc::clone(&queue) as _, handlers, schedules, Arc::clone(&clock), Arc::clone(&program.ids));
        let receivers: Vec<Arc<dyn Receiver>> = vec![Arc::new(ToTheLog)];
        let followers = Followers::new(Arc::new(program.audit()), Arc::clone(&queue) as _, queue, receivers, clock, program.ids.next());
        Self { workshop: Arc::new(workshop), followers: Arc::new(followers), program: program.clone() }
    }

    /// Starts them.
    pub fn start(self) -> Started {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = Vec::new();
        if self.program.settings.jobs {
            let workshop = Arc::clone(&self.workshop);
            tasks.push(repeat("jobs", stopped.clone(), move || {
                let workshop = Arc::clone(&workshop);
                async move {
                    workshop.plan().await?;
                    let worked = workshop.work().await?;
                    Ok(worked.done + worked.again + worked.dead > 0)
                }
            }));
            let followers = Arc::clone(&self.followers);
            tasks.push(repeat("audit.seal", stopped.clone(), move || {
                let followers = Arc::clone(&followers);
                async move { Ok(followers.seal().await? >= BATCH) }
            }));
            let followers = Arc::clone(&self.followers);
            tasks.push(repeat("outbox", stopped.clone(), move || {
                let followers = Arc::clone(&followers);
                async move { Ok(followers.give_out().await? >= BATCH as usize) }
            }));
        }
        let program = self.program.clone();
        tasks.push(repeat("limits", stopped, move || {
            let program = program.clone();
            async move {
                tokio::time::sleep(Duration::from_mins(1)).await;
                program.forget_quiet();
                Ok(false)
            }
        }));
        Started { stop, tasks, followers: self.followers }
    }
}

impl Workers {
    /// Seals and gives out all that is waiting, as workers that have run all the time would have, and leaves no lease behind.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn catch_up(&self) -> Result<(), PortError> {
        while self.followers.seal().await? > 0 {}
        while self.followers.give_out().await? > 0 {}
        self.followers.release().await
    }
}

impl Started {
    /// Lets the work at hand come to its end, and gives the leases back.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
        if let Err(error) = self.followers.release().await {
            tracing::warn!(%error, "could not give the leases back; they run out by themselves");
        }
    }
}

/// Does a work again and again, with a pause when there was nothing to do, until it is told to stop.
fn repeat<W, F>(name: &'static str, mut stopped: watch::Receiver<bool>, work: W) -> JoinHandle<()>
where
    W: Fn() -> F + Send + 'static,
    F: Future<Output = Result<bool, PortError>> + 'static,
{
    actix_web::rt::spawn(async move {
        loop {
            let pause = tokio::select! {
                biased;
                _ = stopped.wait_for(|stop| *stop) => return,
                worked = work() => match worked {
                    Ok(true) => Duration::ZERO,
                    Ok(false) => PAUSE,
                    Err(error) => {
                        tracing::warn!(worker = name, error = ?error, "a worker could not work; it tries again");
                        AFTER_FAILURE
                    }
                },
            };
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    })
}

/// Ends holds and offers whose time is over: of one organization, or of all.
struct SeatSweeper {
    enrollments: Enrollments,
    directory: Arc<dyn Directory>,
}

impl SeatSweeper {
    #[expect(clippy::disallowed_methods, reason = "jobs get one scope for each organization")]
    async fn sweep(&self, organization: matricula_domain::identity::OrganizationId) -> Result<(), JobError> {
        let scope = Scope::new(organization, Actor::System(SEATS_SWEEP));
        loop {
            let swept = self.enrollments.sweep(&scope).await.map_err(|error| JobError::Again(error.to_string()))?;
            if swept == Swept::default() {
                return Ok(());
            }
        }
    }
}

#[async_trait(?Send)]
impl Handler for SeatSweeper {
    fn kinds(&self) -> &'static [&'static str] {
        &[SEATS_SWEEP]
    }

    async fn handle(&self, job: &Job) -> Result<(), JobError> {
        if let Some(organization) = job.organization {
            return self.sweep(organization).await;
        }
        let mut after = None;
        loop {
            let organizations = self.directory.organizations(after, 100).await?;
            let Some(last) = organizations.last() else { return Ok(()) };
            after = Some(last.id);
            for organization in organizations {
                self.sweep(organization.id).await?;
            }
        }
    }
}

/// Removes kept answers, finished jobs and sign-ins on their way when their time is over.
struct Sweeper {
    queue: Arc<Queue>,
    providers: Arc<dyn ProviderDirectory>,
    clock: Arc<dyn Clock>,
}

#[async_trait(?Send)]
impl Handler for Sweeper {
    fn kinds(&self) -> &'static [&'static str] {
        &[SWEEP]
    }

    async fn handle(&self, _: &Job) -> Result<(), JobError> {
        let now = self.clock.now();
        while Answers::sweep(&*self.queue, now - TimeDelta::hours(24), 500).await? > 0 {}
        while JobQueue::sweep(&*self.queue, now - TimeDelta::days(7), 500).await? > 0 {}
        // For a while it is told that they are over, instead of that there are none such.
        while self.providers.sweep_sign_ins(now - TimeDelta::hours(24), 500).await? > 0 {}
        Ok(())
    }
}

/// Counts anew who works where. The counts move with every change, so there is nothing to mend; if there is, it is told.
struct Recounter {
    counts: Arc<dyn MemberCounts>,
}

#[async_trait(?Send)]
impl Handler for Recounter {
    fn kinds(&self) -> &'static [&'static str] {
        &[RECOUNT]
    }

    async fn handle(&self, _: &Job) -> Result<(), JobError> {
        let wrong = self.counts.recount().await?;
        if wrong > 0 {
            tracing::warn!(organizations = wrong, "the counts of who works there were wrong");
        }
        Ok(())
    }
}

/// Writes facts to the log: what happened to which thing, and nothing personal.
struct ToTheLog;

#[async_trait]
impl Receiver for ToTheLog {
    fn name(&self) -> &'static str {
        "log"
    }

    async fn receive(&self, facts: &[OutboxRow]) -> Result<(), PortError> {
        for fact in facts {
            tracing::debug!(target: "matricula::facts", id = %fact.id, organization = %fact.organization, fact = fact.fact, entity_id = %fact.entity_id, "fact");
        }
        Ok(())
    }
}
