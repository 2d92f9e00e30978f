//! Facts are read by programs that come and go: each of them once, in the order in which they were committed.

use std::time::{Duration, Instant};

use matricula_tests::program::Service;
use matricula_tests::speak::{Client, at_once, text};
use serde_json::{Value as Json, json};

use super::office::Office;

over_http! {
    a_consumer_that_stops_and_goes_on_sees_each_fact_once,
    a_place_that_nobody_gave_is_refused,
}

/// Reads on from a place until so many facts have come. Transactions of other tests on the same server hold them back for a while.
async fn read_on(program: &Client, after: &mut String, enough: usize) -> Vec<Json> {
    let (begun, mut all) = (Instant::now(), Vec::new());
    while all.len() < enough {
        let place = if after.is_empty() { String::new() } else { format!("&after={after}") };
        let page = program.get(&format!("/facts?limit=3{place}")).await.is(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 3 && (page["next_cursor"].is_null() || (items.len() == 3 && page["next_cursor"] == page["after"])), "{page}");
        *after = text(&page["after"]);
        all.extend(items.iter().cloned());
        assert!(begun.elapsed() < Duration::from_mins(1), "{} of {enough} facts", all.len());
    }
    all
}

async fn a_consumer_that_stops_and_goes_on_sees_each_fact_once(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let program = office.program(&["notifications.read_facts"]).await;
    let (mut after, mut seen) = (String::new(), Vec::new());
    seen.extend(read_on(&program, &mut after, 1).await);
    assert_eq!(seen[0]["type"], "organization.founded");

    // While it is away, several write at once, and one thing changes twice.
    let campus =
        |n: u32| owner.post("/campuses", &json!({"slug": format!("sede-{n}"), "name": "Sede", "city": "Cádiz", "time_zone": "Europe/Madrid"}));
    let made = at_once((0..8).map(campus)).await;
    assert!(made.iter().all(|answer| answer.status == 201), "{:?}", made[0].text);
    let first = made[0].id(201);
    owner.act(&format!("/campuses/{first}/archive")).await.is(200);
    owner.act(&format!("/campuses/{first}/restore")).await.is(200);

    let about_campuses = |facts: &[Json]| facts.iter().filter(|fact| fact["entity"] == "campus").count();
    while about_campuses(&seen) < 10 {
        seen.extend(read_on(&program, &mut after, 1).await);
    }
    let told: Vec<_> =
        seen.iter().filter(|fact| fact["entity_id"] == *first).map(|fact| (text(&fact["type"]), fact["entity_version"].clone())).collect();
    assert_eq!(told, [("campus.created".to_owned(), json!(1)), ("campus.archived".to_owned(), json!(2)), ("campus.restored".to_owned(), json!(3))]);
    let mut ids: Vec<_> = seen.iter().map(|fact| text(&fact["id"])).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), seen.len(), "none came twice");
    // From the first on it is the same story.
    assert_eq!(read_on(&program, &mut String::new(), seen.len()).await[..seen.len()], seen[..]);
    // Of another organization's there is nothing, and what is no key's right is not shown.
    let other = Office::found(service).await;
    let theirs = read_on(&other.program(&["notifications.read_facts"]).await, &mut String::new(), 1).await;
    assert!(theirs.iter().all(|fact| !ids.contains(&text(&fact["id"]))));
    office.program(&["leads.read"]).await.get("/facts").await.refused(403, "PERMISSION_DENIED");
}

async fn a_place_that_nobody_gave_is_refused(service: &Service) {
    let program = Office::found(service).await.program(&["notifications.read_facts"]).await;
    // `[1]`, `[-1,…]`, `["x",…]`, three values, and no list at all.
    for wrong in ["WzFd", "Wy0xLCIwMTkzMDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDAiXQ", "WyJ4IiwieSJd", "WzEsMiwzXQ", "xyz"] {
        program.get(&format!("/facts?after={wrong}")).await.refused(422, "INVALID_CURSOR");
    }
    program.get("/facts?limit=101").await.refused(422, "VALIDATION_FAILED");
}
