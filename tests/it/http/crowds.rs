//! Many at once for few seats. `MATRICULA_ROUNDS` says how often; 3 times where nothing is said.

use matricula_domain::identity::Role;
use matricula_tests::figure;
use matricula_tests::program::Service;
use matricula_tests::speak::{Answer, Call, Client, at_once, each};
use serde_json::json;

use super::office::{Made, Office};

over_http! {
    two_hundred_want_one_seat_and_one_gets_it,
    fifty_want_ten_seats_and_ten_get_them,
    holds_and_enrollments_together_never_exceed_the_seats,
    a_crowd_in_a_queue_has_a_place_each,
    one_person_who_comes_twenty_times_has_one_place,
    nobody_waits_beside_a_free_seat,
}

fn enroll(client: &Client, run: &Made, n: usize, waitlist: bool) -> Call {
    let person = json!({"name": format!("Quien {n}"), "email": format!("quien{n}@example.es")});
    client.post(&format!("/course-runs/{}/enrollments", run.id), &json!({"person": person, "waitlist": waitlist}))
}

async fn rush(service: &Service, crowd: usize, seats: u32) {
    for _ in 0..figure("MATRICULA_ROUNDS", 3) {
        let office = Office::found(service).await;
        let adviser = office.client(Role::Adviser).await;
        let run = office.run(seats).await;
        let before = office.rows_of(&["audit_entries", "outbox"]).await;
        let answers = at_once((0..crowd).map(|n| enroll(&adviser, &run, n, false))).await;
        for lost in answers.iter().filter(|answer| answer.status != 201) {
            lost.refused(409, "RUN_FULL");
        }
        let placed = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(placed, usize::try_from(seats).unwrap());
        let shown = adviser.get(&format!("/course-runs/{}", run.id)).await.is(200)["seats"].clone();
        assert_eq!(shown, json!({"max": seats, "taken": seats, "held": 0, "free": 0, "waitlisted": 0}));
        assert_eq!(each(&adviser.get(&format!("/enrollments?course_run_id={}&limit=100", run.id)).await.is(200), "id").len(), placed);
        // Who was refused left nothing behind: a person and an enrollment each, and their audit and outbox rows.
        let placed = i64::from(seats);
        assert_eq!(office.rows_of(&["people", "enrollments"]).await, [placed, placed]);
        assert_eq!(office.rows_of(&["audit_entries", "outbox"]).await, [before[0] + 2 * placed, before[1] + 2 * placed]);
    }
}

async fn two_hundred_want_one_seat_and_one_gets_it(service: &Service) {
    rush(service, 200, 1).await;
}

async fn fifty_want_ten_seats_and_ten_get_them(service: &Service) {
    rush(service, 50, 10).await;
}

async fn holds_and_enrollments_together_never_exceed_the_seats(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let run = office.run(7).await;
    let mut people = Vec::new();
    for _ in 0..20 {
        people.push(office.person().await);
    }
    let hold = |person: &String| adviser.post(&format!("/course-runs/{}/holds", run.id), &json!({"person_id": person}));
    let (enrollments, holds) = (at_once((0..20).map(|n| enroll(&adviser, &run, n, false))), at_once(people.iter().map(hold)));
    let (enrolled, held) = futures_util::future::join(enrollments, holds).await;
    let won = |answers: &[Answer]| {
        answers.iter().filter(|answer| answer.status != 201).for_each(|lost| _ = lost.refused(409, "RUN_FULL"));
        answers.iter().filter(|answer| answer.status == 201).count()
    };
    let (taken, held) = (won(&enrolled), won(&held));
    assert_eq!(taken + held, 7);
    let seats = adviser.get(&format!("/course-runs/{}", run.id)).await.is(200)["seats"].clone();
    assert_eq!(seats, json!({"max": 7, "taken": taken, "held": held, "free": 0, "waitlisted": 0}));
}

async fn a_crowd_in_a_queue_has_a_place_each(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let run = office.run(2).await;
    let answers = at_once((0..30).map(|n| enroll(&adviser, &run, n, true))).await;
    let active = answers.iter().filter(|answer| answer.is(201)["status"] == "active").count();
    assert_eq!(active, 2);
    let waiting = adviser.get(&format!("/enrollments?course_run_id={}&status=waitlisted", run.id)).await.is(200);
    let mut places: Vec<_> = each(&waiting, "waitlist_position").iter().map(|place| place.as_u64().unwrap()).collect();
    places.sort_unstable();
    assert_eq!(places, (1..=28).collect::<Vec<_>>());
}

async fn one_person_who_comes_twenty_times_has_one_place(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    let run = office.run(20).await;
    let answers = at_once((0..20).map(|_| enroll(&adviser, &run, 0, false))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for again in answers.iter().filter(|answer| answer.status != 201) {
        again.refused(409, "ALREADY_ENROLLED");
    }
    assert_eq!(office.rows_of(&["people", "enrollments"]).await, [1, 1]);
}

async fn nobody_waits_beside_a_free_seat(service: &Service) {
    let office = Office::found(service).await;
    let adviser = office.client(Role::Adviser).await;
    for _ in 0..figure("MATRICULA_ROUNDS", 3) * 3 {
        let run = office.run(5).await;
        let seated: Vec<_> = at_once((0..5).map(|n| enroll(&adviser, &run, n, true))).await.iter().map(|answer| answer.id(201)).collect();
        // Whoever comes while somebody leaves gets the seat, or is offered it.
        let leave = |id: &String| adviser.post(&format!("/enrollments/{id}/transitions"), &json!({"to": "dropped"}));
        let (left, came) =
            futures_util::future::join(at_once(seated.iter().map(leave)), at_once((5..15).map(|n| enroll(&adviser, &run, n, true)))).await;
        assert!(left.iter().all(|answer| answer.status == 200) && came.iter().all(|answer| answer.status == 201));
        let seats = adviser.get(&format!("/course-runs/{}", run.id)).await.is(200)["seats"].clone();
        assert_eq!((&seats["free"], &seats["waitlisted"]), (&json!(0), &json!(5)), "{seats}");
    }
}
