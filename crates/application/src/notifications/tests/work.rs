use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use matricula_domain::shared::{Instant, Value};
use matricula_ports::notifications::{Job, MockJobQueue, NewJob};
use matricula_ports::{Ids, PortError};
use uuid::Uuid;

use super::super::{Handler, JobError, Schedule, Worked, Workshop};
use crate::testing::{CountingIds, FixedClock, away, now};

const MAIL: &str = "mail.send";
const CALL: &str = "call.make";

/// Does jobs of the kind `mail.send`: the job's payload says how it goes.
struct Mailer;

#[async_trait(?Send)]
impl Handler for Mailer {
    fn kinds(&self) -> &'static [&'static str] {
        &["mail.other", MAIL]
    }

    async fn handle(&self, job: &Job) -> Result<(), JobError> {
        match job.payload.as_str() {
            "well" => Ok(()),
            "again" => Err(JobError::Again("no answer".to_owned())),
            "never" => Err(JobError::Never("no such address".to_owned())),
            other => panic!("{other}"),
        }
    }
}

/// Does jobs of the kind `call.make`, and notes which.
struct Caller(Arc<Mutex<Vec<Uuid>>>);

#[async_trait(?Send)]
impl Handler for Caller {
    fn kinds(&self) -> &'static [&'static str] {
        &[CALL]
    }

    async fn handle(&self, job: &Job) -> Result<(), JobError> {
        self.0.lock().unwrap().push(job.id);
        Ok(())
    }
}

/// Ids whose secrets all begin with this number.
struct Dice(u64);

impl Ids for Dice {
    fn next(&self) -> Uuid {
        Uuid::from_u128(9)
    }
    fn random(&self) -> Uuid {
        Uuid::from_u128(9)
    }
    fn secret(&self) -> [u8; 32] {
        let mut secret = [0xff; 32];
        secret[..8].copy_from_slice(&self.0.to_le_bytes());
        secret
    }
}

fn job(n: u128, kind: &str, payload: &str, attempt: u32) -> Job {
    Job { id: Uuid::from_u128(n), organization: None, kind: kind.to_owned(), payload: payload.to_owned(), attempt, max_attempts: 5 }
}

/// How a job ended at the queue: `None` if it is done, else why it failed and when it comes again.
type End = (Uuid, Option<(String, Option<Instant>)>);

/// A queue with these jobs, and how they end.
fn queue(jobs: Vec<Job>) -> (MockJobQueue, Arc<Mutex<Vec<End>>>) {
    let ends: Arc<Mutex<Vec<End>>> = Arc::default();
    let (done, failed) = (Arc::clone(&ends), Arc::clone(&ends));
    let mut queue = MockJobQueue::new();
    queue
        .expect_claim()
        .withf(|worker, at, lease, most| (*worker, *at, *lease, *most) == (Uuid::from_u128(9), now(), Duration::from_mins(1), 10))
        .times(1)
        .returning(move |_, _, _, _| Ok(jobs.clone()));
    queue.expect_finish().returning(move |job, at| {
        assert_eq!(at, now());
        done.lock().unwrap().push((job.id, None));
        Ok(true)
    });
    queue.expect_fail().returning(move |job, reason, again_at, at| {
        assert_eq!(at, now());
        failed.lock().unwrap().push((job.id, Some((reason.to_owned(), again_at))));
        Ok(true)
    });
    (queue, ends)
}

fn workshop(queue: MockJobQueue, handlers: Vec<Arc<dyn Handler>>, dice: u64) -> Workshop {
    Workshop::new(Arc::new(queue), handlers, Vec::new(), Arc::new(FixedClock(now())), Arc::new(Dice(dice)))
}

/// A round of work on these jobs.
async fn round(jobs: Vec<Job>, dice: u64) -> (Worked, Vec<End>) {
    let (queue, ends) = queue(jobs);
    let worked = workshop(queue, vec![Arc::new(Caller(Arc::default())), Arc::new(Mailer)], dice).work().await.unwrap();
    let ends = ends.lock().unwrap().clone();
    (worked, ends)
}

fn failed(n: u128, reason: &str, again_at: Option<Instant>) -> End {
    (Uuid::from_u128(n), Some((reason.to_owned(), again_at)))
}

#[tokio::test]
async fn each_job_goes_to_the_handler_of_its_kind_and_is_finished() {
    let (queue, ends) = queue(vec![job(1, CALL, "", 1), job(2, MAIL, "well", 1), job(3, CALL, "", 1)]);
    let calls = Arc::default();
    let workshop = workshop(queue, vec![Arc::new(Mailer), Arc::new(Caller(Arc::clone(&calls)))], 0);
    assert_eq!(workshop.work().await.unwrap(), Worked { done: 3, again: 0, dead: 0 });
    assert_eq!(*calls.lock().unwrap(), [1, 3].map(Uuid::from_u128));
    assert_eq!(*ends.lock().unwrap(), [1, 2, 3].map(|n| (Uuid::from_u128(n), None)));
}

#[tokio::test]
async fn where_there_is_nothing_to_do_nothing_is_done() {
    assert_eq!(round(Vec::new(), 0).await, (Worked::default(), Vec::new()));
}

#[tokio::test]
async fn a_job_that_fails_comes_again_after_a_random_while_that_doubles_up_to_an_hour() {
    for (attempt, dice, milliseconds) in [
        (1, 0, 0),
        (1, 1_999, 1_999),
        (1, 2_000, 0),
        (2, 3_999, 3_999),
        (2, 4_000, 0),
        (4, 15_999, 15_999),
        (11, 2_047_999, 2_047_999),
        (12, 3_599_999, 3_599_999),
        (12, 3_600_000, 0),
        (63, 3_599_999, 3_599_999),
        (200, 3_600_001, 1),
    ] {
        let tried = Job { max_attempts: 1000, ..job(1, MAIL, "again", attempt) };
        let again_at = now() + TimeDelta::milliseconds(milliseconds);
        assert_eq!(
            round(vec![tried], dice).await,
            (Worked { done: 0, again: 1, dead: 0 }, vec![failed(1, "no answer", Some(again_at))]),
            "{attempt}, {dice}"
        );
    }
}

#[tokio::test]
async fn a_job_that_fails_at_its_last_attempt_is_a_dead_letter() {
    assert_eq!(round(vec![job(1, MAIL, "again", 4)], 0).await.0, Worked { done: 0, again: 1, dead: 0 });
    for attempt in [5, 6] {
        assert_eq!(round(vec![job(1, MAIL, "again", attempt)], 0).await, (Worked { done: 0, again: 0, dead: 1 }, vec![failed(1, "no answer", None)]));
    }
}

#[tokio::test]
async fn a_job_that_will_never_go_well_is_a_dead_letter_at_once() {
    assert_eq!(round(vec![job(1, MAIL, "never", 1)], 0).await, (Worked { done: 0, again: 0, dead: 1 }, vec![failed(1, "no such address", None)]));
}

#[tokio::test]
async fn a_handler_that_panics_fails_its_job_and_no_other() {
    let jobs = vec![job(1, MAIL, "well", 1), job(2, MAIL, "a handler is expected to panic in this test", 1), job(3, CALL, "", 1)];
    let (worked, ends) = round(jobs, 1_000).await;
    assert_eq!(worked, Worked { done: 2, again: 1, dead: 0 });
    let again_at = now() + TimeDelta::seconds(1);
    assert_eq!(ends, [(Uuid::from_u128(1), None), failed(2, "the handler panicked", Some(again_at)), (Uuid::from_u128(3), None)]);
}

#[tokio::test]
async fn a_handler_that_always_panics_does_not_do_so_for_ever() {
    let (worked, ends) = round(vec![job(1, MAIL, "a handler is expected to panic in this test", 5)], 0).await;
    assert_eq!((worked.dead, ends), (1, vec![failed(1, "the handler panicked", None)]));
}

#[tokio::test]
async fn a_job_of_a_kind_that_nobody_knows_is_a_dead_letter() {
    let (worked, ends) = round(vec![job(1, "mail", "well", 1)], 0).await;
    assert_eq!((worked, ends), (Worked { done: 0, again: 0, dead: 1 }, vec![failed(1, "nobody knows this kind of job", None)]));
}

#[tokio::test]
async fn a_queue_that_is_away_is_told() {
    let mut queue = MockJobQueue::new();
    queue.expect_claim().times(1).returning(|_, _, _, _| Err(away()));
    assert!(matches!(workshop(queue, Vec::new(), 0).work().await, Err(PortError::Unavailable(_))));
}

#[test]
fn what_may_be_better_later_is_tried_again_and_what_is_broken_is_not() {
    for error in [PortError::Stale, PortError::Conflict("seats"), PortError::Dangling("people"), away()] {
        assert!(matches!(JobError::from(error), JobError::Again(_)));
    }
    for error in [PortError::Broken("row".to_owned()), PortError::KeyDestroyed] {
        assert!(matches!(JobError::from(error), JobError::Never(_)));
    }
    assert_eq!(JobError::from(PortError::Conflict("seats")).to_string(), "conflict: seats");
}

mod plan {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    fn every(kind: &'static str, minutes: i64) -> Schedule {
        Schedule { kind, every: TimeDelta::minutes(minutes) }
    }

    #[test]
    fn a_schedule_is_due_at_the_same_moments_for_everybody() {
        for (minutes, moment, due) in [
            (15, "2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z"),
            (15, "2026-03-01T10:14:59.999999Z", "2026-03-01T10:00:00Z"),
            (15, "2026-03-01T10:15:00Z", "2026-03-01T10:15:00Z"),
            (24 * 60, "2026-03-01T23:59:59Z", "2026-03-01T00:00:00Z"),
            (60, "1969-12-31T23:30:00Z", "1969-12-31T23:00:00Z"),
        ] {
            assert_eq!(every("tidy", minutes).due(at(moment)), at(due), "{moment}");
        }
    }

    #[test]
    fn a_schedule_of_no_time_is_due_every_second() {
        assert_eq!(every("tidy", 0).due(at("2026-03-01T10:00:00.5Z")), at("2026-03-01T10:00:00Z"));
    }

    #[tokio::test]
    async fn what_is_due_is_planned_once_however_many_copies_plan_it() {
        let planned: Arc<Mutex<Vec<NewJob>>> = Arc::default();
        let mut queue = MockJobQueue::new();
        let known = Arc::clone(&planned);
        queue.expect_plan().returning(move |job| {
            let mut known = known.lock().unwrap();
            let new = known.iter().all(|other| (other.kind, &other.dedupe_key) != (job.kind, &job.dedupe_key));
            known.push(job);
            Ok(new)
        });
        let queue = Arc::new(queue);
        let copy = |moment| {
            let schedules = vec![every("tidy", 15), every("count", 60)];
            Workshop::new(Arc::clone(&queue) as Arc<_>, Vec::new(), schedules, Arc::new(FixedClock(moment)), Arc::new(CountingIds::default()))
        };
        assert_eq!(copy(now() + TimeDelta::minutes(1)).plan().await.unwrap(), 2);
        assert_eq!(copy(now() + TimeDelta::minutes(2)).plan().await.unwrap(), 0, "another copy, a little later");
        assert_eq!(copy(now() + TimeDelta::minutes(15)).plan().await.unwrap(), 1, "the next quarter of an hour");
        let planned = planned.lock().unwrap();
        let first: Vec<_> = planned[..2].iter().map(|job| (job.kind, job.run_at, job.payload.clone())).collect();
        assert_eq!(first, [("tidy", now(), Value::Map(Vec::new())), ("count", now(), Value::Map(Vec::new()))]);
        assert_ne!(planned[0].id, planned[1].id);
    }

    #[tokio::test]
    async fn a_queue_that_is_away_is_told() {
        let mut queue = MockJobQueue::new();
        queue.expect_plan().returning(|_| Err(away()));
        let workshop = Workshop::new(Arc::new(queue), Vec::new(), vec![every("tidy", 15)], Arc::new(FixedClock(now())), Arc::new(Dice(0)));
        assert!(matches!(workshop.plan().await, Err(PortError::Unavailable(_))));
    }
}
