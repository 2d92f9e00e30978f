//! What runs beside the answering of requests: jobs, the sealer, the giving out of facts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use matricula_application::enrollment::{Enrollments, Swept};
use matricula_application::notifications::{BATCH, Followers, Handler, Herald, JobError, Receiver, SEATS_SWEEP, Schedule, Workshop};
use matricula_application::publishing::{BlogPostPublisher, Publishing};
use matricula_domain::identity::OrganizationId;
use matricula_persistence::{AuditStore, Databases, Dedicated, Home, Queue, ViewCounts};
use matricula_ports::identity::{Directory, MemberCounts, ProviderDirectory};
use matricula_ports::notifications::{Answers, Job, JobQueue, OutboxRow, WebhookWork};
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

/// What comes again and again wherever there are jobs.
const EVERYWHERE: Schedule = Schedule { kind: SWEEP, every: TimeDelta::minutes(10) };

/// What comes again and again for all organizations at once.
const FOR_ALL: [Schedule; 2] =
    [Schedule { kind: SEATS_SWEEP, every: TimeDelta::minutes(10) }, Schedule { kind: RECOUNT, every: TimeDelta::hours(24) }];

/// How often it is looked which organizations have a database to themselves.
const LOOK: Duration = Duration::from_secs(2);

/// How often views of posts are written down: so much is lost at most when a copy is killed.
const VIEWS: Duration = Duration::from_secs(2);

/// How often what the rows in such a database refer to is brought there.
const MIRROR: Duration = Duration::from_secs(5);

/// The workers of one copy of the program.
pub struct Workers {
    crew: Crew,
    program: Program,
}

/// Who works on one database.
struct Crew {
    herald: Arc<Herald>,
    workshop: Arc<Workshop>,
    followers: Arc<Followers>,
}

/// Workers that are running.
pub struct Started {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    followers: Arc<Followers>,
}

impl Crew {
    fn of(program: &Program, databases: &Databases, schedules: Vec<Schedule>) -> Self {
        let queue = Arc::new(Queue::new(databases.clone()));
        let clock = Arc::clone(&program.clock);
        let handlers: Vec<Arc<dyn Handler>> = vec![
            Arc::new(SeatSweeper { enrollments: Enrollments::new(program.world()), directory: Arc::new(program.accounts()) }),
            Arc::new(program.postman()),
            Arc::new(BlogPostPublisher(Publishing::new(program.world()))),
            Arc::new(Sweeper { queue: Arc::clone(&queue), providers: Arc::new(program.accounts()), clock: Arc::clone(&clock) }),
            Arc::new(Recounter { counts: Arc::new(program.accounts()) }),
        ];
        let workshop = Workshop::new(Arc::clone(&queue) as _, handlers, schedules, Arc::clone(&clock), Arc::clone(&program.ids));
        let receivers: Vec<Arc<dyn Receiver>> = vec![Arc::new(ToTheLog)];
        let chain = AuditStore::new(program.store_on(databases), program.signer.clone());
        let followers = Followers::new(Arc::new(chain), Arc::clone(&queue) as _, queue, receivers, clock, program.ids.next());
        Self { herald: Arc::new(program.herald_on(databases)), workshop: Arc::new(workshop), followers: Arc::new(followers) }
    }

    fn start(self, works: bool) -> Started {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = Vec::new();
        if works {
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
            let herald = Arc::clone(&self.herald);
            tasks.push(repeat("webhooks", stopped.clone(), move || {
                let herald = Arc::clone(&herald);
                async move { Ok(herald.go_round().await? > 0) }
            }));
        }
        Started { stop, tasks, followers: self.followers }
    }
}

impl Workers {
    pub(crate) fn of(program: &Program) -> Self {
        let schedules = [EVERYWHERE].into_iter().chain(FOR_ALL).collect();
        Self { crew: Crew::of(program, &program.databases, schedules), program: program.clone() }
    }

    /// Starts them.
    pub fn start(self) -> Started {
        let Self { crew, program } = self;
        let works = program.settings.jobs;
        let mut started = crew.start(works);
        if works {
            started.tasks.push(actix_web::rt::spawn(tend(program.clone(), started.stop.subscribe())));
        }
        started.tasks.push(actix_web::rt::spawn(write_views_down(program.clone(), started.stop.subscribe())));
        started.tasks.push(repeat("limits", started.stop.subscribe(), move || {
            let program = program.clone();
            async move {
                tokio::time::sleep(Duration::from_mins(1)).await;
                program.forget_quiet();
                Ok(false)
            }
        }));
        started
    }

    /// Seals and gives out all that is waiting, as workers that have run all the time would have, and leaves no lease behind.
    ///
    /// # Errors
    /// When the database is away.
    pub(crate) async fn catch_up(&self) -> Result<(), PortError> {
        while self.crew.followers.seal().await? > 0 {}
        while self.crew.followers.give_out().await? > 0 {}
        self.crew.followers.release().await
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

/// Sees to it that each database of a single organization has a crew of its own: one that is away keeps none of the others waiting.
async fn tend(program: Program, mut stopped: watch::Receiver<bool>) {
    let mut crews: BTreeMap<OrganizationId, Started> = BTreeMap::new();
    loop {
        match program.databases.dedicated().await {
            Ok(all) => {
                for Dedicated { organization, home, .. } in all {
                    crews.entry(organization).or_insert_with(|| crew_apart(&program, organization, home));
                }
            }
            Err(error) => tracing::warn!(?error, "could not look which organizations have a database to themselves"),
        }
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => break,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    futures_util::future::join_all(crews.into_values().map(Started::stop)).await;
}

/// Writes down how often posts were viewed here, from time to time and once more in the end.
async fn write_views_down(program: Program, mut stopped: watch::Receiver<bool>) {
    let counts = ViewCounts::new(program.databases.clone());
    loop {
        let is_over = tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => true,
            () = tokio::time::sleep(VIEWS) => false,
        };
        if let Err(error) = program.views.write_down(&counts).await {
            tracing::warn!(?error, "could not write all views of posts down; it is tried again");
        }
        if is_over {
            return;
        }
    }
}

fn crew_apart(program: &Program, organization: OrganizationId, home: Home) -> Started {
    let mut started = Crew::of(program, &Databases::only(home), vec![EVERYWHERE]).start(true);
    let databases = program.databases.clone();
    started.tasks.push(repeat("mirror", started.stop.subscribe(), move || {
        let databases = databases.clone();
        async move {
            databases.mirror(organization).await?;
            tokio::time::sleep(MIRROR).await;
            Ok(false)
        }
    }));
    started
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
    async fn sweep(&self, organization: OrganizationId) -> Result<(), JobError> {
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
        let (mut after, mut outcome) = (None, Ok(()));
        loop {
            let organizations = self.directory.organizations(after, 100).await?;
            let Some(last) = organizations.last() else { return outcome };
            after = Some(last.id);
            for organization in organizations {
                // One that cannot be swept keeps none of the others waiting.
                let swept = self.sweep(organization.id).await;
                outcome = outcome.and(swept);
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
        while self.queue.sweep_deliveries(now - TimeDelta::days(30), 500).await? > 0 {}
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
