//! Seats: enroll, wait, hold, leave.

use std::time::Duration;

use matricula_domain::identity::Role;
use matricula_tests::program::Service;
use matricula_tests::speak::{Answer, Client, each, text};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::office::{Made, Office, merged};

over_http! {
    somebody_known_or_new_gets_a_place,
    a_place_is_for_one_person,
    a_full_run_has_a_queue,
    who_is_in_is_not_enrolled_again_and_who_left_is,
    a_run_is_open_until_its_last_day,
    a_seat_is_held_for_one_person,
    a_freed_seat_is_offered_to_the_next_in_line,
    an_enrollment_goes_through_its_states,
    enrollments_are_filtered,
    ten_who_leave_at_once_make_ten_offers_in_order,
}

over_http_alone! {
    a_hold_that_is_not_used_frees_its_seat_after_48_hours,
    an_offer_that_is_not_accepted_goes_to_the_next,
}

/// Enrolls somebody known.
async fn enroll(client: &Client, run: &Made, person: &str, waitlist: bool) -> Answer {
    client.post(&format!("/course-runs/{}/enrollments", run.id), &json!({"person_id": person, "waitlist": waitlist})).await
}

async fn transition(client: &Client, enrollment: &str, to: &str) -> Answer {
    client.post(&format!("/enrollments/{enrollment}/transitions"), &json!({"to": to})).await
}

/// The seats of a run: max, taken, held, free, waitlisted.
async fn seats(client: &Client, run: &Made) -> [i64; 5] {
    let seats = client.get(&format!("/course-runs/{}", run.id)).await.is(200)["seats"].clone();
    ["max", "taken", "held", "free", "waitlisted"].map(|name| seats[name].as_i64().unwrap())
}

async fn somebody_known_or_new_gets_a_place(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let (run, person) = (office.run(5).await, office.person().await);
    let answer = enroll(&adviser, &run, &person, false).await;
    let placed = answer.is(201);
    let id = text(&placed["id"]);
    assert_eq!(answer.header("Location"), Some(format!("/api/v1/enrollments/{id}").as_str()));
    let at = &placed["created_at"];
    let shown = json!({
        "id": id, "course_run_id": run.id, "person_id": person, "status": "active", "status_reason": null, "attempt": 1, "offer_expires_at": null,
        "created_at": at, "updated_at": at,
    });
    assert_eq!(placed, shown);
    let read = adviser.get(&format!("/enrollments/{id}")).await;
    assert_eq!((read.is(200), read.etag()), (shown, "\"1\""));

    let path = format!("/course-runs/{}/enrollments", run.id);
    let details = json!({"person": {"name": "Óscar Ruiz", "email": "OSCAR@example.es", "phone": "600111333"}});
    let new = text(&adviser.post(&path, &details).await.is(201)["person_id"]);
    assert_eq!(adviser.get(&format!("/people/{new}")).await.is(200)["email"], "oscar@example.es");
    adviser.post(&path, &json!({"person": {"name": "Otro nombre", "email": "oscar@example.es"}})).await.refused(409, "ALREADY_ENROLLED");
    assert_eq!(seats(&adviser, &run).await, [5, 2, 0, 3, 0]);
    assert_eq!(office.rows("people").await, 2);
}

async fn a_place_is_for_one_person(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let (run, person) = (office.run(5).await, office.person().await);
    let path = format!("/course-runs/{}/enrollments", run.id);
    let people = office.rows("people").await;
    for (body, fault) in [
        (json!({}), "/person_id REQUIRED"),
        (json!({"person_id": person, "person": {"name": "A", "email": "a@example.es"}}), "/person_id REQUIRED"),
        (json!({"person": {"name": "A"}}), "/person/email REQUIRED"),
        (json!({"person": {"name": "A", "email": "a", "nif": "1"}}), "/person/nif UNKNOWN_FIELD"),
        (json!({"person_id": person, "hold_id": "x"}), "/hold_id NOT_AN_ID"),
        (json!({"person_id": person, "waitlist": "yes"}), "/waitlist WRONG_TYPE"),
    ] {
        let answer = adviser.post(&path, &body).await;
        let (pointer, code) = answer.faults().remove(0);
        assert_eq!(format!("{pointer} {code}"), fault, "{body}");
    }
    adviser.post(&format!("/course-runs/{}/enrollments", Uuid::from_u128(7)), &json!({"person_id": person})).await.refused(404, "NOT_FOUND");
    assert_eq!(office.rows_of(&["people", "enrollments"]).await, [people, 0]);
}

async fn a_full_run_has_a_queue(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let run = office.run(1).await;
    enroll(&adviser, &run, &office.person().await, true).await.is(201);
    enroll(&adviser, &run, &office.person().await, false).await.refused(409, "RUN_FULL");
    let mut queue = Vec::new();
    for position in 1..=3 {
        let placed = enroll(&adviser, &run, &office.person().await, true).await.is(201);
        assert_eq!((&placed["status"], &placed["waitlist_position"]), (&json!("waitlisted"), &json!(position)));
        queue.push(text(&placed["id"]));
    }
    assert_eq!(seats(&adviser, &run).await, [1, 1, 0, 0, 3]);
    transition(&adviser, &queue[1], "dropped").await.is(200);
    for (id, position) in [(&queue[0], json!(1)), (&queue[1], Json::Null), (&queue[2], json!(2))] {
        assert_eq!(adviser.get(&format!("/enrollments/{id}")).await.is(200)["waitlist_position"], position);
    }
    assert_eq!(seats(&adviser, &run).await, [1, 1, 0, 0, 2]);
    // A run without seats is full from the beginning.
    let none = office.run(0).await;
    enroll(&adviser, &none, &office.person().await, false).await.refused(409, "RUN_FULL");
}

async fn who_is_in_is_not_enrolled_again_and_who_left_is(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let (run, person, waiting) = (office.run(1).await, office.person().await, office.person().await);
    let first = enroll(&adviser, &run, &person, false).await.id(201);
    enroll(&adviser, &run, &person, false).await.refused(409, "ALREADY_ENROLLED");
    enroll(&adviser, &run, &person, true).await.refused(409, "ALREADY_ENROLLED");
    let queued = enroll(&adviser, &run, &waiting, true).await.id(201);
    enroll(&adviser, &run, &waiting, true).await.refused(409, "ALREADY_ENROLLED");
    transition(&adviser, &queued, "dropped").await.is(200);
    transition(&adviser, &first, "dropped").await.is(200);
    let again = enroll(&adviser, &run, &person, false).await.is(201);
    assert_eq!((&again["attempt"], &again["status"]), (&json!(2), &json!("active")));
    assert_ne!(again["id"], json!(first));
}

async fn a_run_is_open_until_its_last_day(service: &Service) {
    let office = Office::found(service).await;
    let (adviser, manager) = (office.client(Role::Adviser).await, office.client(Role::Manager).await);
    let course = office.course().await.id;
    let person = office.person().await;
    let held = |run: &Made| {
        let path = format!("/course-runs/{}/holds", run.id);
        let body = json!({"person_id": person});
        let adviser = adviser.clone();
        async move { adviser.post(&path, &body).await }
    };
    let late = office.run_of(&course, json!({"enrollment_deadline": service.day(-1)})).await;
    enroll(&adviser, &late, &person, true).await.refused(409, "ENROLLMENT_CLOSED");
    held(&late).await.refused(409, "ENROLLMENT_CLOSED");
    // Without a day of its own the run's first day is the last.
    let begun = office.run_of(&course, json!({"start_date": service.day(-1)})).await;
    enroll(&adviser, &begun, &person, false).await.refused(409, "ENROLLMENT_CLOSED");
    let today = office.run_of(&course, json!({"enrollment_deadline": service.day(0)})).await;
    enroll(&adviser, &today, &person, false).await.is(201);

    let (cancelled, completed, hidden, ongoing) = (office.run(5).await, office.run(5).await, office.run(5).await, office.run(5).await);
    for (run, to) in [(&cancelled, "cancelled"), (&completed, "ongoing"), (&completed, "completed"), (&ongoing, "ongoing")] {
        manager.post(&format!("/course-runs/{}/transitions", run.id), &json!({"to": to})).await.is(200);
    }
    manager.act(&format!("/course-runs/{}/archive", hidden.id)).await.is(200);
    for run in [&cancelled, &completed, &hidden] {
        enroll(&adviser, run, &person, true).await.refused(409, "RUN_NOT_OPEN");
        held(run).await.refused(409, "RUN_NOT_OPEN");
    }
    enroll(&adviser, &ongoing, &person, false).await.is(201);
}

async fn a_seat_is_held_for_one_person(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let (run, person, other) = (office.run(1).await, office.person().await, office.person().await);
    let path = format!("/course-runs/{}/holds", run.id);
    for hours in [0, 169, -1] {
        assert_eq!(adviser.post(&path, &json!({"person_id": person, "hours": hours})).await.faults()[0].0, "/hours");
    }
    let before = service.now();
    let hold = adviser.post(&path, &json!({"person_id": person, "hours": 48})).await.is(201);
    let expires: matricula_domain::shared::Instant = text(&hold["expires_at"]).parse().unwrap();
    assert!((before..=service.now()).contains(&(expires - chrono::TimeDelta::hours(48))), "{hold}");
    assert_eq!(seats(&adviser, &run).await, [1, 0, 1, 0, 0]);
    adviser.post(&path, &json!({"person_id": other})).await.refused(409, "RUN_FULL");
    enroll(&adviser, &run, &other, false).await.refused(409, "RUN_FULL");

    let with = |person: &str| json!({"person_id": person, "hold_id": hold["id"]});
    let enroll_path = format!("/course-runs/{}/enrollments", run.id);
    adviser.post(&enroll_path, &with(&other)).await.refused(409, "HOLD_NOT_USABLE");
    let nobody = json!({"person_id": person, "hold_id": Uuid::from_u128(7)});
    adviser.post(&enroll_path, &nobody).await.refused(409, "HOLD_NOT_USABLE");
    let elsewhere = office.run(1).await;
    adviser.post(&format!("/course-runs/{}/enrollments", elsewhere.id), &with(&person)).await.refused(409, "HOLD_NOT_USABLE");
    assert_eq!(adviser.post(&enroll_path, &with(&person)).await.is(201)["status"], "active");
    assert_eq!(seats(&adviser, &run).await, [1, 1, 0, 0, 0]);
    let placed = each(&adviser.get(&format!("/enrollments?course_run_id={}", run.id)).await.is(200), "id").remove(0);
    transition(&adviser, &text(&placed), "dropped").await.is(200);
    adviser.post(&enroll_path, &with(&person)).await.refused(409, "HOLD_NOT_USABLE");
}

async fn a_freed_seat_is_offered_to_the_next_in_line(service: &Service) {
    let office = Office::found(service).await;
    let (adviser, manager) = (office.client(Role::Adviser).await, office.client(Role::Manager).await);
    let run = office.run(1).await;
    let first = enroll(&adviser, &run, &office.person().await, false).await.id(201);
    let mut queue = Vec::new();
    for _ in 0..3 {
        queue.push(enroll(&adviser, &run, &office.person().await, true).await.id(201));
    }
    let before = service.now();
    transition(&adviser, &first, "dropped").await.is(200);
    let offered = adviser.get(&format!("/enrollments/{}", queue[0])).await.is(200);
    assert_eq!((&offered["status"], offered.get("waitlist_position")), (&json!("offered"), None));
    let until: matricula_domain::shared::Instant = text(&offered["offer_expires_at"]).parse().unwrap();
    assert!((before..=service.now()).contains(&(until - chrono::TimeDelta::hours(48))), "{offered}");
    assert_eq!(adviser.get(&format!("/enrollments/{}", queue[1])).await.is(200)["waitlist_position"], 1);
    assert_eq!(seats(&adviser, &run).await, [1, 0, 1, 0, 2]);
    // Nobody slips in between.
    enroll(&adviser, &run, &office.person().await, false).await.refused(409, "RUN_FULL");
    transition(&adviser, &queue[1], "active").await.refused(409, "INVALID_TRANSITION");
    // Who does not want it lets the next one have it.
    transition(&adviser, &queue[0], "dropped").await.is(200);
    assert_eq!(transition(&adviser, &queue[1], "active").await.is(200)["status"], "active");
    assert_eq!(seats(&adviser, &run).await, [1, 1, 0, 0, 1]);
    // A seat more is one for who waits.
    manager.patch(&format!("/course-runs/{}", run.id), "*", &json!({"max_students": 3})).await.is(200);
    assert_eq!(adviser.get(&format!("/enrollments/{}", queue[2])).await.is(200)["status"], "offered");
    assert_eq!(seats(&adviser, &run).await, [3, 1, 1, 1, 0]);
}

async fn an_enrollment_goes_through_its_states(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let run = office.run(2).await;
    let id = enroll(&adviser, &run, &office.person().await, false).await.id(201);
    let path = format!("/enrollments/{id}/transitions");
    let problem = adviser.post(&path, &json!({"to": "active"})).await.refused(409, "INVALID_TRANSITION");
    assert_eq!(problem["possible"], json!(["completed", "dropped", "suspended"]));
    for (to, reason, taken) in [("suspended", json!("Baja médica"), 1), ("active", Json::Null, 1), ("completed", Json::Null, 1)] {
        let answer = adviser.post(&path, &json!({"to": to, "reason": reason})).await;
        let moved = answer.is(200);
        assert_eq!((&moved["status"], &moved["status_reason"], answer.header("ETag").is_some()), (&json!(to), &reason, true));
        assert_eq!(seats(&adviser, &run).await[1], taken, "{to}");
    }
    let problem = adviser.post(&path, &json!({"to": "dropped"})).await.refused(409, "INVALID_TRANSITION");
    assert_eq!(problem["possible"], json!([]));
    for to in ["offered", "waitlisted"] {
        let other = enroll(&adviser, &run, &office.person().await, true).await.id(201);
        transition(&adviser, &other, to).await.refused(409, "INVALID_TRANSITION");
    }
}

async fn enrollments_are_filtered(service: &Service) {
    let office = Office::found(service).await;
    let trainer = office.client(Role::Trainer).await;
    let adviser = office.client(Role::Adviser).await;
    let (one, other, person) = (office.run(1).await, office.run(1).await, office.person().await);
    let a = enroll(&adviser, &one, &person, false).await.id(201);
    let b = enroll(&adviser, &other, &person, false).await.id(201);
    let c = enroll(&adviser, &one, &office.person().await, true).await.id(201);
    for (query, expected) in [
        (String::new(), vec![&c, &b, &a]),
        (format!("?course_run_id={}", one.id), vec![&c, &a]),
        (format!("?person_id={person}"), vec![&b, &a]),
        ("?status=waitlisted".to_owned(), vec![&c]),
        (format!("?status=active&course_run_id={}", other.id), vec![&b]),
        ("?status=dropped".to_owned(), vec![]),
    ] {
        let found: Vec<_> = each(&trainer.get(&format!("/enrollments{query}")).await.is(200), "id").iter().map(text).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query}");
    }
}

async fn ten_who_leave_at_once_make_ten_offers_in_order(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let run = office.run(10).await;
    let (mut active, mut queue) = (Vec::new(), Vec::new());
    for n in 0..25 {
        let placed = enroll(&adviser, &run, &office.person().await, true).await.id(201);
        if n < 10 { active.push(placed) } else { queue.push(placed) }
    }
    let answers = futures_util::future::join_all(active.iter().map(|id| transition(&adviser, id, "dropped"))).await;
    for answer in answers {
        answer.is(200);
    }
    let offered = each(&adviser.get(&format!("/enrollments?course_run_id={}&status=offered&sort=created_at", run.id)).await.is(200), "id");
    assert_eq!(offered.iter().map(text).collect::<Vec<_>>(), queue[..10]);
    assert_eq!(seats(&adviser, &run).await, [10, 0, 10, 0, 5]);
}

/// Waits until the program's own work has brought something about.
pub async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    for _ in 0..200 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it never came to pass that {what}");
}

async fn a_hold_that_is_not_used_frees_its_seat_after_48_hours(service: &Service) {
    let office = Office::found(service).await;
    let (run, person, waiting) = (office.run(1).await, office.person().await, office.person().await);
    let adviser = office.client(Role::Adviser).await;
    let hold = adviser.post(&format!("/course-runs/{}/holds", run.id), &json!({"person_id": person})).await.is(201);
    assert_eq!(hold["expires_at"], "2026-03-03T10:00:00Z");
    let queued = enroll(&adviser, &run, &waiting, true).await.id(201);

    service.it_is("2026-03-03T09:59:59Z");
    let adviser = office.sign_in(Role::Adviser).await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(seats(&adviser, &run).await, [1, 0, 1, 0, 1], "a second too early");
    service.it_is("2026-03-03T10:00:01Z");
    let late = json!({"person_id": person, "hold_id": hold["id"]});
    adviser.post(&format!("/course-runs/{}/enrollments", run.id), &late).await.refused(409, "HOLD_NOT_USABLE");
    eventually("the seat of the hold is offered", async || adviser.get(&format!("/enrollments/{queued}")).await.is(200)["status"] == "offered").await;
    assert_eq!(seats(&adviser, &run).await, [1, 0, 1, 0, 0]);
    assert_eq!(transition(&adviser, &queued, "active").await.is(200)["status"], "active");
}

async fn an_offer_that_is_not_accepted_goes_to_the_next(service: &Service) {
    let office = Office::found(service).await;
    let run = office.run(1).await;
    let adviser = office.client(Role::Adviser).await;
    let mut placed = Vec::new();
    for _ in 0..3 {
        service.db.clock.advance(chrono::TimeDelta::seconds(1));
        placed.push(enroll(&adviser, &run, &office.person().await, true).await.id(201));
    }
    transition(&adviser, &placed[0], "dropped").await.is(200);
    let status = async |client: &Client, n: usize| text(&client.get(&format!("/enrollments/{}", placed[n])).await.is(200)["status"]);
    assert_eq!(status(&adviser, 1).await, "offered");

    service.it_is("2026-03-03T10:00:30Z");
    let adviser = office.sign_in(Role::Adviser).await;
    let too_late = transition(&adviser, &placed[1], "active").await;
    assert!(matches!(text(&too_late.problem()["code"]).as_str(), "OFFER_EXPIRED" | "INVALID_TRANSITION"), "{}", too_late.text);
    eventually("the offer goes to the next", async || status(&adviser, 2).await == "offered").await;
    let lapsed = adviser.get(&format!("/enrollments/{}", placed[1])).await.is(200);
    assert_eq!((&lapsed["status"], &lapsed["waitlist_position"], &lapsed["offer_expires_at"]), (&json!("waitlisted"), &json!(1), &Json::Null));
    assert_eq!(seats(&adviser, &run).await, [1, 0, 1, 0, 1]);
    assert_eq!(merged(adviser.get(&format!("/enrollments/{}", placed[2])).await.is(200), json!({}))["offer_expires_at"], "2026-03-05T10:00:30Z");
}
