//! The adviser's inbox: what is to be done, what was done, and which run fits.

use chrono::{DateTime, TimeDelta, Utc};
use matricula_domain::identity::Role;
use matricula_tests::program::Service;
use matricula_tests::speak::{at_once, each, text};
use serde_json::{Value as Json, json};

use super::office::{Office, merged, someone};

over_http! {
    leads_come_in_the_order_in_which_something_is_to_be_done,
    the_clock_of_an_answer_runs_while_the_campus_is_open,
    what_was_done_about_a_lead_is_kept,
    what_makes_no_sense_as_an_activity_is_refused,
    runs_are_suggested_with_their_seats,
    a_seat_is_held_for_a_lead_in_one_call,
}

fn instant(value: &Json) -> DateTime<Utc> {
    text(value).parse().unwrap()
}

async fn leads_come_in_the_order_in_which_something_is_to_be_done(service: &Service) {
    let office = Office::found(service).await;
    let (owner, adviser) = (office.owner().await, office.client(Role::Adviser).await);
    let course = office.course().await;
    let mut leads = Vec::new();
    for _ in 0..5 {
        leads.push(owner.post("/leads", &merged(someone(), json!({"course": course.shown["slug"]}))).await.id(201));
    }
    let now = service.now();
    let plan = |minutes: i64| (now + TimeDelta::minutes(minutes)).to_rfc3339();
    // An answer is due to all of them in some hours at the earliest; something was planned about two, one of them in the past.
    for (lead, minutes) in [(3, 30), (4, -30)] {
        let path = format!("/leads/{}", leads[lead]);
        owner.patch(&path, "*", &json!({"next_action": "Llamar", "next_action_at": plan(minutes)})).await.is(200);
    }
    // Whoever was called is due in three days, or when it was said.
    let call = json!({"kind": "call", "outcome": "reached", "text": "Quiere las tardes"});
    owner.post(&format!("/leads/{}/activities", leads[0]), &call).await.is(201);
    let soon = merged(call, json!({"next_action": "Mandar el programa", "next_action_at": plan(10)}));
    owner.post(&format!("/leads/{}/activities", leads[1]), &soon).await.is(201);

    let inbox = adviser.get("/leads/inbox").await.is(200);
    let order: Vec<_> = [4, 1, 3].map(|n: usize| json!(leads[n])).to_vec();
    assert_eq!(each(&inbox, "id")[..3], order, "{inbox}");
    let items = inbox["items"].as_array().unwrap();
    let due: Vec<_> = items.iter().map(|item| instant(&item["due_at"])).collect();
    assert!(due.is_sorted() && due.len() == 5, "{due:?}");
    assert_eq!(each(&inbox, "is_overdue"), [true, false, false, false, false].map(Json::from));
    let told = |lead: usize| items.iter().find(|item| item["id"] == json!(leads[lead])).unwrap();
    assert_eq!((&told(1)["next_action"], &told(1)["awaits_response"]), (&json!("Mandar el programa"), &json!(false)));
    assert_eq!(told(2)["awaits_response"], json!(true));
    let followed_up = instant(&told(0)["due_at"]) - now;
    assert!(followed_up >= TimeDelta::days(3) && followed_up < TimeDelta::days(3) + TimeDelta::minutes(5), "{followed_up}");

    // Page by page it is the same.
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = adviser.get(&format!("/leads/inbox?limit=2{cursor}")).await.is(200);
        paged.extend(each(&page, "id"));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, each(&inbox, "id"));
    // By who works on it, by state, and what is past due.
    let user = office.user(Role::Adviser).await;
    owner.post(&format!("/leads/{}/assign", leads[3]), &json!({"user_id": user})).await.is(200);
    owner.post(&format!("/leads/{}/transitions", leads[1]), &json!({"to": "contacted"})).await.is(200);
    for (query, expected) in [
        (format!("assigned_to={user}"), vec![3]),
        ("overdue=true".to_owned(), vec![4]),
        ("status=contacted".to_owned(), vec![1]),
        (format!("unassigned=true&status=new&course_id={}&overdue=true", course.id), vec![4]),
    ] {
        let found = each(&adviser.get(&format!("/leads/inbox?{query}")).await.is(200), "id");
        assert_eq!(found, expected.into_iter().map(|n: usize| json!(leads[n])).collect::<Vec<_>>(), "{query}");
    }
    // About what is closed nothing is to be done.
    owner.post(&format!("/leads/{}/transitions", leads[4]), &json!({"to": "rejected", "reason": "No contesta"})).await.is(200);
    assert!(!each(&adviser.get("/leads/inbox").await.is(200), "id").contains(&json!(leads[4])));
    office.client(Role::Learner).await.get("/leads/inbox").await.refused(403, "PERMISSION_DENIED");
}

async fn the_clock_of_an_answer_runs_while_the_campus_is_open(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let now = service.now();
    // A campus that opens for two hours on the day after tomorrow alone.
    let day = (now + TimeDelta::days(2)).date_naive();
    let hours = json!([{"day_of_week": day.format("%A").to_string().to_lowercase(), "opens": "10:00", "closes": "12:00"}]);
    let campus = office.record("campuses", json!({"time_zone": "Etc/UTC", "opening_hours": hours})).await;
    let course = office.course_with(json!({"slug": "soldadura", "title": "Soldadura", "modality": "presencial", "campus_ids": [campus.id]})).await;
    let lead = owner.post("/leads", &merged(someone(), json!({"course": course.shown["slug"]}))).await.id(201);
    let shown = owner.get(&format!("/leads/{lead}")).await.is(200);
    assert_eq!(instant(&shown["response_due_at"]), day.and_hms_opt(12, 0, 0).unwrap().and_utc());
}

async fn what_was_done_about_a_lead_is_kept(service: &Service) {
    let office = Office::found(service).await;
    let (owner, adviser) = (office.owner().await, office.client(Role::Adviser).await);
    let lead = owner.post("/leads", &someone()).await.id(201);
    let path = format!("/leads/{lead}/activities");
    let call = adviser.post(&path, &json!({"kind": "call", "outcome": "voicemail"})).await.is(201);
    assert_eq!(call["lead"]["status"], "new");
    let answered = call["lead"]["responded_at"].clone();
    assert!(answered.is_string(), "{call}");
    adviser.post(&path, &json!({"kind": "note", "text": "Prefiere WhatsApp"})).await.is(201);
    let moved = adviser.post(&format!("/leads/{lead}/transitions"), &json!({"to": "contacted", "note": "Vino a la oficina"})).await.is(200);
    assert_eq!((&moved["status"], &moved["responded_at"]), (&json!("contacted"), &answered));
    let told = adviser.get(&path).await.is(200);
    assert_eq!(each(&told, "text"), [json!("Vino a la oficina"), json!("Prefiere WhatsApp"), Json::Null]);
    assert_eq!(each(&told, "kind"), ["note", "note", "call"].map(Json::from));
    assert_eq!(each(&told, "outcome"), [Json::Null, Json::Null, json!("voicemail")]);
    let me = adviser.get("/me").await.is(200);
    assert_eq!(each(&told, "made_by"), vec![me["user"]["id"].clone(); 3]);
    // What is noted is open to those alone who read notes, and belongs to what is known of the person.
    let viewer = office.client(Role::Viewer).await;
    let seen = viewer.get(&path).await;
    assert!(seen.is(200)["items"].as_array().unwrap().len() == 3 && !seen.text.contains("WhatsApp"), "{}", seen.text);
    let person = text(&moved["person_id"]);
    let timeline = owner.get(&format!("/people/{person}/timeline")).await.is(200);
    let logged = each(&timeline, "what").into_iter().filter(|what| what == "lead.activity_logged").count();
    assert_eq!(logged, 3, "{timeline}");
    // Another organization's is not there.
    Office::found(service).await.owner().await.get(&path).await.refused(404, "NOT_FOUND");
}

async fn what_makes_no_sense_as_an_activity_is_refused(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let lead = owner.post("/leads", &someone()).await.id(201);
    for (body, pointer, code) in [
        (json!({}), "/kind", "REQUIRED"),
        (json!({"kind": "fax"}), "/kind", "NOT_A_CHOICE"),
        (json!({"kind": "call"}), "/outcome", "REQUIRED"),
        (json!({"kind": "email", "outcome": "reached"}), "/outcome", "NOT_ALLOWED"),
        (json!({"kind": "note"}), "/text", "REQUIRED"),
        (json!({"kind": "email", "next_action": "Llamar"}), "/next_action_at", "REQUIRED"),
        (json!({"kind": "email", "next_action_at": "mañana"}), "/next_action_at", "NOT_AN_INSTANT"),
    ] {
        let faults = owner.post(&format!("/leads/{lead}/activities"), &body).await.faults();
        assert_eq!(faults, [(pointer.to_owned(), code.to_owned())], "{body}");
    }
    let faults = owner.patch(&format!("/leads/{lead}"), "*", &json!({"next_action": "Llamar"})).await.faults();
    assert_eq!(faults, [("/next_action_at".to_owned(), "REQUIRED".to_owned())]);
    assert_eq!(office.rows("lead_activities").await, 0);
}

async fn runs_are_suggested_with_their_seats(service: &Service) {
    let office = Office::found(service).await;
    let (owner, adviser) = (office.owner().await, office.client(Role::Adviser).await);
    let (here, there) = (office.record("campuses", json!({})).await, office.record("campuses", json!({})).await);
    let price = json!({"amount": 49_000, "currency": "EUR"});
    let course = office
        .course_with(json!({"slug": "soldadura", "title": "Soldadura", "modality": "presencial", "campus_ids": [here.id, there.id], "price": price}))
        .await;
    let day = |days: i64| service.day(days).to_string();
    let plan = |campus: &str, days: i64| json!({"campus_id": campus, "start_date": day(days), "end_date": day(days + 30), "max_students": 1});
    let late = office.run_of(&course.id, plan(&there.id, 40)).await.id;
    let soon = office.run_of(&course.id, plan(&here.id, 20)).await.id;
    let full = office.run_of(&course.id, plan(&here.id, 10)).await.id;
    let closed = merged(plan(&here.id, 15), json!({"enrollment_deadline": day(-1)}));
    office.run_of(&course.id, closed).await;
    let (pupil, waiting) = (
        json!({"person": {"name": "Uno", "email": "uno@example.es"}}),
        json!({"person": {"name": "Dos", "email": "dos@example.es"}, "waitlist": true}),
    );
    owner.post(&format!("/course-runs/{full}/enrollments"), &pupil).await.is(201);
    owner.post(&format!("/course-runs/{full}/enrollments"), &waiting).await.is(201);

    let lead = owner.post("/leads", &merged(someone(), json!({"course": course.shown["slug"]}))).await.id(201);
    let path = format!("/leads/{lead}/suggestions");
    let told = adviser.get(&path).await.is(200);
    assert_eq!(each(&told, "course_run_id"), [&soon, &late, &full].map(|id| json!(id)), "{told}");
    assert_eq!(each(&told, "seats_free"), [1, 1, 0].map(Json::from));
    assert_eq!(each(&told, "waitlist_place"), [Json::Null, Json::Null, json!(2)]);
    assert_eq!(each(&told, "price"), vec![price; 3]);
    assert_eq!(told["items"][1]["campus"], json!({"id": there.id, "name": there.shown["name"]}));
    // What they asked for comes first, whatever its seats; what does not fit does not come.
    owner.patch(&format!("/leads/{lead}"), "*", &json!({"course_run_id": full})).await.is(200);
    assert_eq!(each(&adviser.get(&path).await.is(200), "course_run_id")[0], json!(full));
    for (query, expected) in [
        (format!("campus_id={}", there.id), vec![&late]),
        (format!("starts_from={}", day(30)), vec![&late]),
        (format!("starts_until={}", day(25)), vec![&full, &soon]),
        ("modality=online".to_owned(), vec![]),
        ("limit=1".to_owned(), vec![&full]),
    ] {
        let found = each(&adviser.get(&format!("{path}?{query}")).await.is(200), "course_run_id");
        assert_eq!(found, expected.into_iter().map(|id| json!(id)).collect::<Vec<_>>(), "{query}");
    }
    adviser.get("/leads/00000000-0000-7000-8000-000000000007/suggestions").await.refused(404, "NOT_FOUND");
}

async fn a_seat_is_held_for_a_lead_in_one_call(service: &Service) {
    let office = Office::found(service).await;
    let (owner, adviser) = (office.owner().await, office.client(Role::Adviser).await);
    let run = office.run(1).await.id;
    let mut leads = Vec::new();
    for _ in 0..10 {
        leads.push(owner.post("/leads", &someone()).await.is(201));
    }
    // Of ten who want the last seat at once, one gets it.
    let answers = at_once(leads.iter().map(|lead| adviser.post(&format!("/leads/{}/hold", text(&lead["id"])), &json!({"course_run_id": run})))).await;
    let held: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(held.len(), 1);
    let held = held[0].json();
    let lead = leads.iter().find(|lead| lead["person_id"] == held["person_id"]).unwrap();
    let left = instant(&held["expires_at"]) - service.now();
    assert!(left > TimeDelta::hours(47) && left <= TimeDelta::hours(48), "{left}");
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.refused(409, "RUN_FULL");
    }
    let suggested = adviser.get(&format!("/leads/{}/suggestions", text(&lead["id"]))).await.is(200);
    assert!(each(&suggested, "course_run_id").is_empty() || suggested["items"][0]["seats_free"] == 0, "{suggested}");
    let path = format!("/leads/{}/hold", text(&leads[0]["id"]));
    adviser.post(&path, &json!({"course_run_id": "00000000-0000-7000-8000-000000000007"})).await.refused(422, "VALIDATION_FAILED");
    adviser.post(&path, &json!({"course_run_id": run, "hours": 169})).await.refused(422, "HOURS_OUT_OF_RANGE");
}
