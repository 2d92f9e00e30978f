//! The figures of the reports, counted by hand.

use matricula_domain::identity::Role;
use matricula_tests::program::Service;
use matricula_tests::speak::text;
use serde_json::{Value as Json, json};

use super::office::{Made, Office, merged};

over_http! {
    campaigns_are_reported_by_their_conversions,
    the_funnel_of_a_campaign_counts_its_leads_by_state,
    the_funnel_counts_how_far_leads_came_by_what_they_have_in_common,
    courses_are_reported_by_how_often_they_are_asked_for,
    the_next_runs_are_reported_with_their_occupancy,
}

/// Leads of a campaign: where each of them went.
async fn leads(office: &Office<'_>, campaign: &Made, ways: &[&str]) {
    let owner = office.owner().await;
    for way in ways {
        let lead = text(&office.lead(json!({"campaign": campaign.shown["slug"]})).await["id"]);
        let path = format!("/leads/{lead}/transitions");
        match *way {
            "new" => {}
            "converted" => {
                let run = office.run(1).await;
                owner.post(&format!("/leads/{lead}/convert"), &json!({"course_run_id": run.id})).await.is(201);
            }
            "rejected" => _ = owner.post(&path, &json!({"to": "rejected", "reason": "Precio"})).await.is(200),
            to => _ = owner.post(&path, &json!({"to": to})).await.is(200),
        }
    }
}

async fn campaigns_are_reported_by_their_conversions(service: &Service) {
    let office = Office::found(service).await;
    let viewer = office.client(Role::Viewer).await;
    let mut campaigns = Vec::new();
    for (name, status, ways) in [
        ("Abril", "active", &["converted", "new", "rejected"][..]),
        ("Brillo", "active", &["converted", "converted", "new"]),
        ("Cero", "active", &[]),
        ("Dormida", "paused", &["converted"]),
        ("Enero", "active", &["spam"]),
        ("Fuera", "active", &["new"]),
    ] {
        let campaign = office.record("campaigns", json!({"name": name, "status": status})).await;
        leads(&office, &campaign, ways).await;
        campaigns.push(campaign.id);
    }
    // A lead of no campaign counts nowhere, and what is hidden is not reported.
    office.lead(json!({})).await;
    office.owner().await.act(&format!("/campaigns/{}/archive", campaigns[5])).await.is(200);
    let row = |n: usize, name: &str, leads: u64, conversions: u64, rate: f64| json!({"campaign_id": campaigns[n], "campaign_name": name, "total_leads": leads, "conversions": conversions, "conversion_rate": rate});
    let (abril, brillo, cero) = (row(0, "Abril", 3, 1, 33.33), row(1, "Brillo", 3, 2, 66.67), row(2, "Cero", 0, 0, 0.0));
    let (dormida, enero) = (row(3, "Dormida", 1, 1, 100.0), row(4, "Enero", 1, 0, 0.0));
    for (query, expected) in [
        ("?status=active", vec![&brillo, &abril, &cero, &enero]),
        ("", vec![&dormida, &brillo, &abril, &cero, &enero]),
        ("?status=paused", vec![&dormida]),
        ("?status=completed", vec![]),
        ("?limit=2", vec![&dormida, &brillo]),
    ] {
        let report = viewer.get(&format!("/reports/campaign-performance{query}")).await.is(200);
        assert_eq!(report, json!({"items": expected, "next_cursor": null}), "{query}");
    }
}

async fn the_funnel_of_a_campaign_counts_its_leads_by_state(service: &Service) {
    let office = Office::found(service).await;
    let viewer = office.client(Role::Viewer).await;
    let (campaign, other) = (office.record("campaigns", json!({})).await, office.record("campaigns", json!({})).await);
    leads(&office, &campaign, &["new", "new", "contacted", "converted", "rejected", "rejected", "spam"]).await;
    leads(&office, &other, &["new"]).await;
    let funnel = viewer.get(&format!("/reports/campaigns/{}/funnel", campaign.id)).await.is(200);
    let step = |status: &str, count: u64, percentage: f64| json!({"status": status, "count": count, "percentage": percentage});
    let expected =
        [step("contacted", 1, 14.29), step("converted", 1, 14.29), step("new", 2, 28.57), step("rejected", 2, 28.57), step("spam", 1, 14.29)];
    assert_eq!(funnel, json!({"items": expected, "next_cursor": null}));
    let empty = office.record("campaigns", json!({})).await;
    assert_eq!(viewer.get(&format!("/reports/campaigns/{}/funnel", empty.id)).await.is(200)["items"], json!([]));
    viewer.get("/reports/campaigns/no-id/funnel").await.refused(404, "NOT_FOUND");
}

async fn the_funnel_counts_how_far_leads_came_by_what_they_have_in_common(service: &Service) {
    let office = Office::found(service).await;
    let (owner, viewer) = (office.owner().await, office.client(Role::Viewer).await);
    let (first, last) = (office.record("campaigns", json!({})).await, office.record("campaigns", json!({})).await);
    let campus = office.record("campuses", json!({})).await;
    let course = office.course_with(json!({"slug": "soldadura", "title": "Soldadura", "modality": "presencial", "campus_ids": [campus.id]})).await;
    let run = office.run_of(&course.id, json!({"campus_id": campus.id})).await.id;
    let user = office.user(Role::Adviser).await;
    // Where each of them went, one step after the other.
    let ways: [&[&str]; 5] = [&[], &["contacted"], &["contacted", "qualified", "rejected"], &["converted"], &["contacted", "converted", "completed"]];
    for way in ways {
        let asked = json!({"campaign": first.shown["slug"], "course": "soldadura", "course_run_id": run});
        let lead = text(&office.lead(asked).await["id"]);
        for step in way {
            match *step {
                "converted" => _ = owner.post(&format!("/leads/{lead}/convert"), &json!({"course_run_id": run})).await.is(201),
                "completed" => {
                    let enrollment = text(&owner.get(&format!("/leads/{lead}")).await.is(200)["enrollment_id"]);
                    owner.post(&format!("/enrollments/{enrollment}/transitions"), &json!({"to": "completed"})).await.is(200);
                }
                to => _ = owner.post(&format!("/leads/{lead}/transitions"), &json!({"to": to, "reason": "Precio"})).await.is(200),
            }
        }
    }
    // One more without a campaign, whom somebody works on and whom another campaign brought back.
    let asks = super::office::someone();
    let other = owner.post("/leads", &asks).await.id(201);
    owner.post(&format!("/leads/{other}/assign"), &json!({"user_id": user})).await.is(200);
    owner.post("/leads", &merged(asks, json!({"campaign": last.shown["slug"]}))).await.is(200);

    let counts = |leads: u64, contacted: u64, qualified: u64, enrolled: u64, completed: u64, rate: f64| json!({"leads": leads, "contacted": contacted, "qualified": qualified, "enrolled": enrolled, "completed": completed, "enrollment_rate": rate});
    let row = |key: Json, name: Json, now: Json| json!({"key": key, "name": name, "now": now, "before": null});
    let (five, one, nothing) = (counts(5, 4, 3, 2, 1, 40.0), counts(1, 0, 0, 0, 0, 0.0), counts(0, 0, 0, 0, 0, 0.0));
    let none = |now: &Json| row(Json::Null, Json::Null, now.clone());
    let named = |made: &Made, field: &str, now: &Json| row(json!(made.id), made.shown[field].clone(), now.clone());
    for (by, expected) in [
        ("campaign", [named(&first, "name", &five), none(&one)]),
        ("course", [named(&course, "title", &five), none(&one)]),
        ("campus", [named(&campus, "name", &five), none(&one)]),
        ("adviser", [none(&five), row(json!(user), Json::Null, one.clone())]),
        ("first_touch", [named(&first, "name", &five), none(&one)]),
        ("last_touch", [named(&first, "name", &five), named(&last, "name", &one)]),
    ] {
        let report = viewer.get(&format!("/reports/funnel?by={by}")).await.is(200);
        assert_eq!(report["items"], json!(expected), "{by}");
        assert_eq!(report["total"]["now"], counts(6, 4, 3, 2, 1, 33.33));
        // The rows sum up to the total.
        for step in ["leads", "contacted", "qualified", "enrolled", "completed"] {
            let sum: u64 = report["items"].as_array().unwrap().iter().map(|item| item["now"][step].as_u64().unwrap()).sum();
            assert_eq!(json!(sum), report["total"]["now"][step], "{by} {step}");
        }
    }
    // Beside the days before; and of days on which nobody came.
    let compared = viewer.get("/reports/funnel?compare=true").await.is(200);
    assert_eq!((&compared["items"][0]["before"], &compared["total"]["before"]), (&nothing, &nothing));
    let day = |days: i64| service.day(days);
    let later = viewer.get(&format!("/reports/funnel?from={}&until={}&compare=true", day(1), day(3))).await.is(200);
    assert_eq!((&later["items"], &later["total"]["now"]), (&json!([]), &nothing));
    assert_eq!(later["total"]["before"]["leads"], json!(6), "{later}");
    let faults = viewer.get(&format!("/reports/funnel?from={}&until={}", day(3), day(1))).await.faults();
    assert_eq!(faults, [("/until".to_owned(), "END_BEFORE_START".to_owned())]);
    assert_eq!(viewer.get("/reports/funnel?by=moon").await.faults(), [("/by".to_owned(), "NOT_A_CHOICE".to_owned())]);
}

async fn courses_are_reported_by_how_often_they_are_asked_for(service: &Service) {
    let office = Office::found(service).await;
    let (owner, viewer) = (office.owner().await, office.client(Role::Viewer).await);
    let (one, two, draft, unasked) = (office.course().await, office.course().await, office.course().await, office.course().await);
    for (course, times) in [(&one, 1), (&two, 3), (&draft, 5)] {
        for _ in 0..times {
            office.lead(json!({"course": course.shown["slug"]})).await;
        }
    }
    owner.post(&format!("/courses/{}/transitions", draft.id), &json!({"to": "draft"})).await.is(200);
    let row = |course: &Made, count: u64| json!({"course_id": course.id, "title": course.shown["title"], "lead_count": count});
    let report = viewer.get("/reports/popular-courses?limit=10").await.is(200);
    assert_eq!(report, json!({"items": [row(&two, 3), row(&one, 1)], "next_cursor": null}));
    assert_eq!(viewer.get("/reports/popular-courses?limit=1").await.is(200)["items"], json!([row(&two, 3)]));
    assert!(!report.to_string().contains(&unasked.id));
}

async fn the_next_runs_are_reported_with_their_occupancy(service: &Service) {
    let office = Office::found(service).await;
    let (owner, viewer) = (office.owner().await, office.client(Role::Viewer).await);
    let (course, campus) = (office.course().await, office.record("campuses", json!({"name": "Centro"})).await);
    let run = async |days: i64, fields: Json| office.run_of(&course.id, merged(json!({"start_date": service.day(days)}), fields)).await;
    let later = run(20, json!({"max_students": 3})).await;
    let soon = run(10, json!({"max_students": 8, "campus_id": campus.id})).await;
    let empty = run(30, json!({"max_students": 0})).await;
    let (begun, cancelled, ongoing) = (run(-1, json!({})).await, run(15, json!({})).await, run(16, json!({})).await);
    for (run, to) in [(&cancelled, "cancelled"), (&ongoing, "ongoing")] {
        owner.post(&format!("/course-runs/{}/transitions", run.id), &json!({"to": to})).await.is(200);
    }
    for _ in 0..2 {
        let person = office.person().await;
        owner.post(&format!("/course-runs/{}/enrollments", later.id), &json!({"person_id": person})).await.is(201);
    }
    let person = office.person().await;
    owner.post(&format!("/course-runs/{}/holds", soon.id), &json!({"person_id": person})).await.is(201);
    let row = |run: &Made, campus: Json, taken: u64, held: u64, rate: f64| {
        json!({
            "course_run_id": run.id, "course_id": course.id, "title": course.shown["title"], "start_date": run.shown["start_date"],
            "end_date": run.shown["end_date"], "campus_name": campus, "seats_taken": taken, "seats_held": held,
            "max_students": run.shown["max_students"], "occupancy_rate": rate,
        })
    };
    let rows = [row(&soon, json!("Centro"), 0, 1, 0.0), row(&later, Json::Null, 2, 0, 66.67), row(&empty, Json::Null, 0, 0, 0.0)];
    assert_eq!(viewer.get("/reports/upcoming-runs").await.is(200), json!({"items": rows, "next_cursor": null}));
    let from = service.day(20);
    assert_eq!(viewer.get(&format!("/reports/upcoming-runs?from={from}&limit=1")).await.is(200)["items"], json!([rows[1]]));
    let all = viewer.get(&format!("/reports/upcoming-runs?from={}", service.day(-5))).await.is(200);
    assert_eq!(all["items"][0]["course_run_id"], json!(begun.id));
}
