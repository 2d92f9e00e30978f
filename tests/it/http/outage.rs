//! The database goes away and comes back.

use std::time::{Duration, Instant};

use matricula_domain::identity::Role;
use matricula_tests::program::{PASSWORD, over_a_cluster};
use matricula_tests::speak::at_once;
use serde_json::json;

use super::conventions::is_careful;
use super::office::{Office, someone};

/// How long a request may take.
const DEADLINE: Duration = Duration::from_secs(6);

#[test]
fn a_database_that_is_away_is_told_in_time_and_is_found_again() {
    over_a_cluster(DEADLINE, async |service, cluster| {
        let office = Office::found(service).await;
        let (owner, adviser, visitor) = (office.owner().await, office.client(Role::Adviser).await, service.visitor());
        office.lead(json!({})).await;
        visitor.call("GET", "/readyz").await.is(200);
        let wanted = someone();

        cluster.stop();
        let stopped = Instant::now();
        let ready = visitor.call("GET", "/readyz").await;
        assert_eq!(ready.is(503), json!({"status": "not ready", "checks": {"database": "failing", "staying": "ok", "media": "ok"}}));
        assert!(ready.header("Retry-After").is_some());
        visitor.call("GET", "/livez").await.is(200);
        // The program lives, and says of everything else that it cannot be done now; also of what it was asked a moment ago.
        for _ in 0..2 {
            let asked = Instant::now();
            let answers = at_once([
                owner.get("/leads"),
                owner.get("/reports/popular-courses"),
                owner.get("/cycles"),
                adviser.post("/leads", &wanted).key("durante"),
                owner.patch("/cycles/00000000-0000-0000-0000-000000000007", "*", &json!({"name": "x"})),
                visitor.post(&office.door("/leads"), &someone()),
                visitor.get("/public/no-such-place/courses"),
                visitor.post("/auth/login", &json!({"email": office.email(Role::Adviser), "password": PASSWORD})),
                visitor.post("/auth/refresh", &json!({"refresh_token": "mrt_".repeat(11) + "abc"})),
            ])
            .await;
            for answer in answers {
                answer.refused(503, "UNAVAILABLE");
                is_careful(&answer);
            }
            assert!(asked.elapsed() < DEADLINE + Duration::from_secs(2), "{:?}", asked.elapsed());
            // The second time is longer ago than anything is remembered.
            tokio::time::sleep(Duration::from_secs(6).saturating_sub(stopped.elapsed())).await;
        }
        owner.get("/me").await.refused(503, "UNAVAILABLE");

        cluster.start();
        let started = Instant::now();
        while visitor.call("GET", "/readyz").await.status != 200 || owner.get("/leads").await.status != 200 {
            assert!(started.elapsed() < Duration::from_secs(15), "it does not find the database again");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        // Each thread has connections of its own that are dead: none of them may stay so.
        for _ in 0..3 {
            at_once((0..30).map(|_| owner.get("/cycles"))).await;
        }
        for answer in at_once((0..30).map(|_| owner.get("/leads"))).await {
            answer.is(200);
        }
        // What was acknowledged is there, what was not is not, and can be asked for again.
        assert_eq!(office.rows("leads").await, 1);
        let done = adviser.post("/leads", &wanted).key("durante").await;
        assert!(done.header("Idempotency-Replayed").is_none());
        done.is(201);
        visitor.post(&office.door("/leads"), &someone()).await.is(201);
        office.sign_in(Role::Adviser).await.get("/me").await.is(200);
        assert_eq!(office.rows("leads").await, 3);
    });
}
