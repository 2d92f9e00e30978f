use std::collections::BTreeMap;
use std::time::Duration;

use matricula_ports::notifications::{Job, JobQueue, Leases as _, NewJob};
use matricula_ports::{Clock as _, Ids as _};
use matricula_tests::{TestDatabase, at, at_once, on_both, value};
use serde_json::json;
use uuid::Uuid;

on_both!(
    a_job_goes_with_the_unit_that_wants_it,
    a_job_is_read_back_as_it_was_enqueued,
    two_jobs_of_a_kind_with_the_same_key_are_one,
    jobs_are_taken_when_they_are_due_and_the_oldest_first,
    two_hundred_jobs_are_done_once_each_by_four_workers,
    a_job_whose_worker_does_not_come_back_is_taken_again,
    a_job_that_fails_is_tried_again_when_it_was_said,
    a_dead_letter_keeps_its_reason,
    a_job_that_kills_its_workers_is_buried,
    jobs_are_counted_by_state_and_swept_when_done,
    a_lease_has_one_holder_at_a_time,
    of_many_who_want_a_lease_one_gets_it,
);

const LEASE: Duration = Duration::from_mins(1);

fn job(db: &TestDatabase, key: &str, due: i64) -> NewJob {
    NewJob { id: db.ids.next(), kind: "test.do", dedupe_key: key.to_owned(), payload: value(json!({"n": key})), run_at: at(due) }
}

async fn plan(db: &TestDatabase, key: &str, due: i64) -> bool {
    db.queue.plan(job(db, key, due)).await.unwrap()
}

async fn claim(db: &TestDatabase, now: i64, most: u32) -> Vec<Job> {
    db.queue.claim(db.ids.next(), at(now), LEASE, most).await.unwrap()
}

async fn counts(db: &TestDatabase) -> BTreeMap<String, u64> {
    db.queue.counts().await.unwrap().into_iter().collect()
}

fn counted(ready: u64, running: u64, dead: u64) -> BTreeMap<String, u64> {
    [("dead".to_owned(), dead), ("ready".to_owned(), ready), ("running".to_owned(), running)].into()
}

async fn a_job_goes_with_the_unit_that_wants_it(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let unit = here.begin().await;
    unit.jobs().enqueue(job(&db, "dropped", 0)).await.unwrap();
    drop(unit);
    let unit = here.begin().await;
    unit.jobs().enqueue(job(&db, "refused", 0)).await.unwrap();
    let stale = here.person("Ana").await;
    here.in_unit(async |tx| tx.people().save(&stale.shred(at(1))).await).await;
    unit.people().save(&stale.shred(at(2))).await.unwrap();
    assert!(unit.commit().await.is_err());
    assert_eq!((db.raw.count("jobs").await, claim(&db, 99, 9).await), (0, vec![]));

    here.in_unit(async |tx| tx.jobs().enqueue(job(&db, "kept", 0)).await).await;
    let taken = claim(&db, 99, 9).await;
    assert_eq!(taken.iter().map(|job| (job.organization, job.payload.as_str())).collect::<Vec<_>>(), [(Some(here.id()), r#"{"n":"kept"}"#)]);
}

async fn a_job_is_read_back_as_it_was_enqueued(db: TestDatabase) {
    let payload = json!({"a": [1, null, "ñ🎓"], "b": {"c": true}});
    let planned = NewJob { payload: value(payload.clone()), ..job(&db, "x", 5) };
    assert!(db.queue.plan(planned.clone()).await.unwrap());
    let taken = claim(&db, 5, 9).await.remove(0);
    assert_eq!((taken.id, taken.organization, taken.kind.as_str(), taken.attempt), (planned.id, None, "test.do", 1));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&taken.payload).unwrap(), payload);
    assert!(taken.max_attempts > 1);
}

async fn two_jobs_of_a_kind_with_the_same_key_are_one(db: TestDatabase) {
    let here = db.tenant("uno").await;
    assert_eq!((plan(&db, "a", 0).await, plan(&db, "a", 9).await, plan(&db, "b", 0).await), (true, false, true));
    let other_kind = NewJob { kind: "test.other", ..job(&db, "a", 0) };
    assert!(db.queue.plan(other_kind).await.unwrap());
    // A unit does not fail for it either.
    here.in_unit(async |tx| {
        tx.jobs().enqueue(job(&db, "a", 0)).await?;
        tx.jobs().enqueue(job(&db, "c", 0)).await?;
        tx.jobs().enqueue(job(&db, "c", 0)).await
    })
    .await;
    assert_eq!(db.raw.count("jobs").await, 4);
    let planned = at_once((0..8).map(|_| {
        let db = db.clone();
        async move || plan(&db, "d", 0).await
    }));
    assert_eq!(planned.await.into_iter().filter(|new| *new).count(), 1);
    // Nor is it done again once it is done.
    for taken in claim(&db, 99, 9).await {
        assert!(db.queue.finish(&taken, at(99)).await.unwrap());
    }
    assert!(!plan(&db, "a", 0).await);
}

async fn jobs_are_taken_when_they_are_due_and_the_oldest_first(db: TestDatabase) {
    for (key, due) in [("c", 30), ("a", 10), ("b", 20), ("d", 31)] {
        plan(&db, key, due).await;
    }
    let payloads = |jobs: Vec<Job>| jobs.iter().map(|job| job.payload.replace(['{', '}', '"', ':'], "").replacen('n', "", 1)).collect::<Vec<_>>();
    assert!(claim(&db, 9, 9).await.is_empty());
    assert!(claim(&db, 30, 0).await.is_empty());
    assert_eq!(payloads(claim(&db, 30, 2).await), ["a", "b"]);
    assert_eq!(payloads(claim(&db, 30, 2).await), ["c"]);
    assert!(claim(&db, 30, 2).await.is_empty(), "they are being done");
    assert_eq!(payloads(claim(&db, 31, 2).await), ["d"]);
}

async fn two_hundred_jobs_are_done_once_each_by_four_workers(db: TestDatabase) {
    for n in 0..200 {
        plan(&db, &n.to_string(), n % 7).await;
    }
    let workers = at_once((0..4).map(|_| {
        let db = db.clone();
        async move || {
            let (worker, mut done) = (db.ids.next(), Vec::new());
            loop {
                let taken = db.queue.claim(worker, at(10), LEASE, 7).await.unwrap();
                if taken.is_empty() {
                    return done;
                }
                for job in taken {
                    assert!(db.queue.finish(&job, at(10)).await.unwrap());
                    done.push(job.id);
                }
            }
        }
    }));
    let done = workers.await;
    let mut all: Vec<Uuid> = done.into_iter().flatten().collect();
    assert_eq!(all.len(), 200);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 200, "none was done twice");
    assert_eq!(db.raw.count_where("jobs", "status = 'done' AND attempts = 1 AND locked_by IS NULL AND finished_at IS NOT NULL", []).await, 200);
}

async fn a_job_whose_worker_does_not_come_back_is_taken_again(db: TestDatabase) {
    plan(&db, "a", 0).await;
    let first = claim(&db, 0, 1).await.remove(0);
    assert!(claim(&db, 59, 1).await.is_empty(), "its minute is not over");
    let second = claim(&db, 60, 1).await.remove(0);
    assert_eq!((second.id, first.attempt, second.attempt), (first.id, 1, 2));
    // The first comes back after all.
    assert!(!db.queue.finish(&first, at(61)).await.unwrap());
    assert!(!db.queue.fail(&first, "too late", Some(at(61)), at(61)).await.unwrap());
    assert!(!db.queue.fail(&first, "too late", None, at(61)).await.unwrap());
    assert_eq!(counts(&db).await, counted(0, 1, 0));
    assert!(db.queue.finish(&second, at(62)).await.unwrap());
    assert!(!db.queue.finish(&second, at(63)).await.unwrap(), "twice is once");
    assert_eq!(db.raw.column::<Option<String>>("SELECT last_error FROM jobs", []).await, [None]);
}

async fn a_job_that_fails_is_tried_again_when_it_was_said(db: TestDatabase) {
    plan(&db, "a", 0).await;
    let taken = claim(&db, 0, 1).await.remove(0);
    assert!(db.queue.fail(&taken, "the post office is closed", Some(at(100)), at(1)).await.unwrap());
    assert!(claim(&db, 99, 1).await.is_empty());
    assert_eq!(counts(&db).await, counted(1, 0, 0));
    let again = claim(&db, 100, 1).await.remove(0);
    assert_eq!((again.id, again.attempt), (taken.id, 2));
    assert!(db.queue.finish(&again, at(101)).await.unwrap());
    assert_eq!(db.raw.column::<String>("SELECT last_error FROM jobs WHERE status = 'done'", []).await, ["the post office is closed"]);
}

async fn a_dead_letter_keeps_its_reason(db: TestDatabase) {
    plan(&db, "a", 0).await;
    let taken = claim(&db, 0, 1).await.remove(0);
    assert!(db.queue.fail(&taken, "nobody knows how ñ", None, at(7)).await.unwrap());
    assert!(claim(&db, 9999, 1).await.is_empty());
    assert_eq!(counts(&db).await, counted(0, 0, 1));
    assert_eq!(db.raw.count_where("jobs", "status = 'dead' AND last_error = 'nobody knows how ñ' AND finished_at = $1", [at(7).into()]).await, 1);
    assert_eq!(db.queue.sweep(at(9999), 9).await.unwrap(), 0, "an operator has to see it");
}

async fn a_job_that_kills_its_workers_is_buried(db: TestDatabase) {
    plan(&db, "a", 0).await;
    let mut now = 0;
    let mut attempts = Vec::new();
    while let Some(taken) = claim(&db, now, 1).await.pop() {
        attempts.push(taken.attempt);
        assert!(taken.attempt <= taken.max_attempts);
        now += 60;
    }
    assert_eq!(attempts, (1..=10).collect::<Vec<_>>());
    assert_eq!(counts(&db).await, counted(0, 0, 1));
    let reason: Option<String> = db.raw.one("SELECT last_error FROM jobs", []).await;
    assert_eq!(reason.as_deref(), Some("the last worker did not come back"));
    // One that failed for a reason to the end keeps that reason.
    plan(&db, "b", now).await;
    while let Some(taken) = claim(&db, now, 1).await.pop() {
        assert!(db.queue.fail(&taken, "broken", Some(at(now)), at(now)).await.unwrap());
    }
    assert_eq!(db.raw.column::<String>("SELECT last_error FROM jobs WHERE dedupe_key = 'b' AND status = 'dead'", []).await, ["broken"]);
}

async fn jobs_are_counted_by_state_and_swept_when_done(db: TestDatabase) {
    assert_eq!(counts(&db).await, counted(0, 0, 0));
    for n in 0..5 {
        plan(&db, &n.to_string(), 0).await;
    }
    for (n, taken) in claim(&db, 0, 3).await.iter().enumerate() {
        if n < 2 {
            db.queue.finish(taken, at(10 + i64::try_from(n).unwrap())).await.unwrap();
        }
    }
    assert_eq!(counts(&db).await, counted(2, 1, 0));
    assert_eq!(db.queue.sweep(at(10), 9).await.unwrap(), 0);
    assert_eq!(db.queue.sweep(at(11), 9).await.unwrap(), 1);
    assert_eq!(db.queue.sweep(at(99), 0).await.unwrap(), 0);
    assert_eq!(db.queue.sweep(at(99), 9).await.unwrap(), 1);
    assert_eq!((db.raw.count("jobs").await, counts(&db).await), (3, counted(2, 1, 0)));
}

async fn a_lease_has_one_holder_at_a_time(db: TestDatabase) {
    let (ana, berta) = (db.ids.next(), db.ids.next());
    let hold = async |holder: Uuid, now: i64| db.queue.hold("sealer", holder, at(now), LEASE).await.unwrap();
    let fence = async || db.raw.one::<i64>("SELECT fence FROM leases WHERE name = 'sealer'", []).await;
    assert_eq!((hold(ana, 0).await, hold(berta, 1).await, hold(ana, 30).await), (true, false, true));
    assert!(!hold(berta, 89).await, "it was kept until 90");
    assert_eq!(fence().await, 1);
    assert!(hold(berta, 90).await);
    assert_eq!((fence().await, hold(ana, 91).await), (2, false));
    db.queue.release("sealer", ana).await.unwrap();
    assert!(!hold(ana, 92).await, "who does not have it cannot give it back");
    db.queue.release("sealer", berta).await.unwrap();
    assert!(hold(ana, 93).await);
    assert_eq!(fence().await, 3, "each holder has a number of its own");
    assert!(db.queue.hold("other", berta, at(94), LEASE).await.unwrap(), "another lease");
}

async fn of_many_who_want_a_lease_one_gets_it(db: TestDatabase) {
    for round in 0..5 {
        db.clock.set(round * 1000);
        let wanted = at_once((0..8).map(|_| {
            let db = db.clone();
            async move || db.queue.hold("sealer", db.ids.next(), db.clock.now(), LEASE).await.unwrap()
        }));
        assert_eq!(wanted.await.into_iter().filter(|got| *got).count(), 1, "round {round}");
    }
}
