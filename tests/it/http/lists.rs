//! Lists: filters, pages, order, links. Leads stand for all of them.

use matricula_domain::identity::Role;
use matricula_tests::program::Service;
use matricula_tests::speak::{Answer, Client, each, text};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::office::{Office, merged, someone};

over_http! {
    leads_are_filtered_by_what_they_are,
    leads_are_found_by_whose_they_are,
    pages_have_everything_once_while_others_write,
    a_list_runs_the_other_way_round,
    a_limit_is_between_1_and_100,
    a_cursor_is_one_that_a_list_gave,
    every_list_goes_by_pages,
}

async fn ids(client: &Client, path: &str) -> Vec<String> {
    each(&client.get(path).await.is(200), "id").iter().map(text).collect()
}

async fn leads_are_filtered_by_what_they_are(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let (course, campaign) = (office.course().await, office.record("campaigns", json!({})).await);
    let adviser = office.user(Role::Adviser).await;
    let a = text(&office.lead(json!({"course": course.shown["slug"]})).await["id"]);
    let b = text(&office.lead(json!({"campaign": campaign.shown["slug"]})).await["id"]);
    let before_c = service.now();
    let c = office.lead(json!({})).await;
    let (c, whose) = (text(&c["id"]), text(&c["person_id"]));
    owner.post(&format!("/leads/{b}/transitions"), &json!({"to": "contacted"})).await.is(200);
    owner.post(&format!("/leads/{c}/transitions"), &json!({"to": "spam"})).await.is(200);
    owner.post(&format!("/leads/{a}/assign"), &json!({"user_id": adviser})).await.is(200);

    let after = before_c.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    for (query, expected) in [
        (String::new(), vec![&c, &b, &a]),
        ("?status=new".to_owned(), vec![&a]),
        ("?status=new,contacted".to_owned(), vec![&b, &a]),
        ("?status=converted".to_owned(), vec![]),
        (format!("?course_id={}", course.id), vec![&a]),
        (format!("?campaign_id={}", campaign.id), vec![&b]),
        (format!("?assigned_to={adviser}"), vec![&a]),
        (format!("?person_id={whose}"), vec![&c]),
        (format!("?created_after={after}"), vec![&c]),
        (format!("?status=contacted&course_id={}", course.id), vec![]),
        (format!("?course_id={}", Uuid::from_u128(7)), vec![]),
    ] {
        assert_eq!(ids(&owner, &format!("/leads{query}")).await.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    for (query, pointer, code) in [
        ("status=lost", "/status/0", "NOT_A_CHOICE"),
        ("course_id=curso", "/course_id", "NOT_AN_ID"),
        ("created_after=ayer", "/created_after", "NOT_AN_INSTANT"),
        ("stauts=new", "/stauts", "UNKNOWN_FIELD"),
        ("sort=name", "/sort", "NOT_A_CHOICE"),
        ("q=a&q=b", "/q", "DUPLICATE"),
    ] {
        assert_eq!(owner.get(&format!("/leads?{query}")).await.faults(), [(pointer.to_owned(), code.to_owned())], "{query}");
    }
}

async fn leads_are_found_by_whose_they_are(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let lucia = office.lead(json!({"name": "Lucía Pérez", "email": "lucia@example.es"})).await;
    let jose = office.lead(json!({"name": "José María Núñez", "email": null, "phone": "+34600111222"})).await;
    for (q, expected) in [
        ("lucia", vec![&lucia]),
        ("PÉREZ", vec![&lucia]),
        ("nunez", vec![&jose]),
        ("Lucia@Example.ES", vec![&lucia]),
        ("600 111 222", vec![&jose]),
        // Part of an address is none.
        ("example.es", vec![]),
        ("100%", vec![]),
        ("_", vec![]),
        ("' OR 1=1 --", vec![]),
    ] {
        let found = owner.get("/leads").query(&[("q", q)]).await.is(200);
        let expected: Vec<_> = expected.into_iter().map(|lead| lead["id"].clone()).collect();
        assert_eq!(each(&found, "id"), expected, "{q}");
    }
}

/// Where the next page is, by the answer's own link.
fn next(answer: &Answer) -> Option<String> {
    let cursor = answer.json()["next_cursor"].as_str().map(str::to_owned);
    let link = answer.header("Link").map(|link| {
        let target = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap_or_else(|| panic!("{link}"));
        target.strip_prefix("/api/v1").unwrap_or_else(|| panic!("{link}")).to_owned()
    });
    assert_eq!(cursor.is_some(), link.is_some(), "{answer:?}");
    if let (Some(cursor), Some(link)) = (&cursor, &link) {
        assert!(link.contains(&format!("cursor={cursor}")), "{link}");
    }
    link
}

async fn pages_have_everything_once_while_others_write(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let mut leads = Vec::new();
    for n in 0..7 {
        leads.push(text(&office.lead(json!({"source": if n % 2 == 0 { "web" } else { "feria" }})).await["id"]));
    }
    let newest_first: Vec<_> = leads.iter().rev().cloned().collect();
    let mut seen = Vec::new();
    let mut place = Some("/leads?limit=2&status=new,contacted".to_owned());
    while let Some(path) = place {
        let answer = owner.get(&path).await;
        let page = each(&answer.is(200), "id");
        assert!(page.len() <= 2);
        seen.extend(page.iter().map(text));
        place = next(&answer);
        // What arrives meanwhile stands before the first page, and what changes keeps its place.
        office.lead(json!({})).await;
        owner.post(&format!("/leads/{}/transitions", leads[0]), &json!({"to": "contacted"})).await;
        owner.patch(&format!("/leads/{}", leads[3]), "*", &json!({"source": service.unique("web")})).await.is(200);
    }
    assert_eq!(seen, newest_first);
}

async fn a_list_runs_the_other_way_round(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let mut leads = Vec::new();
    for _ in 0..5 {
        leads.push(text(&office.lead(json!({})).await["id"]));
    }
    assert_eq!(ids(&owner, "/leads?sort=created_at").await, leads);
    let answer = owner.get("/leads?sort=created_at&limit=3").await;
    let link = next(&answer).unwrap();
    assert!(link.contains("sort=created_at") && link.contains("limit=3"), "{link}");
    assert_eq!(ids(&owner, &link).await, leads[3..]);
    leads.reverse();
    assert_eq!(ids(&owner, "/leads?sort=-created_at").await, leads);
}

async fn a_limit_is_between_1_and_100(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    for path in
        ["/leads", "/people", "/courses", "/course-runs", "/cycles", "/enrollments", "/consent-texts", "/audit/entries", "/reports/popular-courses"]
    {
        for limit in ["0", "101", "-1", "99999999999999999999", "x", ""] {
            let answer = owner.get(&format!("{path}?limit={limit}")).await;
            assert_eq!(answer.faults().first().map(|(pointer, _)| pointer.as_str()), Some("/limit"), "{path} {limit}");
        }
        for limit in [1, 100] {
            owner.get(&format!("{path}?limit={limit}")).await.is(200);
        }
    }
}

async fn a_cursor_is_one_that_a_list_gave(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    // Nothing; no base64; `null`; `[]`; `["a"]`; `["a","b"]`; `[1,2,3]`.
    let wrong = ["", "!", "bnVsbA", "W10", "WyJhIl0", "WyJhIiwiYiJd", "WzEsMiwzXQ"];
    for path in ["/leads", "/people", "/courses", "/course-runs", "/cycles", "/campaigns", "/enrollments", "/consent-texts", "/audit/entries"] {
        for cursor in wrong {
            owner.get(&format!("{path}?cursor={cursor}")).await.refused(422, "INVALID_CURSOR");
        }
    }
    let person = office.person().await;
    for cursor in wrong {
        owner.get(&format!("/people/{person}/timeline?cursor={cursor}")).await.refused(422, "INVALID_CURSOR");
        service.visitor().get(&office.door(&format!("/courses?cursor={cursor}"))).await.refused(422, "INVALID_CURSOR");
        service.visitor().get(&office.door(&format!("/course-runs?cursor={cursor}"))).await.refused(422, "INVALID_CURSOR");
    }
}

async fn every_list_goes_by_pages(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let run = office.run(1).await;
    for (n, name) in ["Ávila", "Avila", "Ávila"].into_iter().enumerate() {
        office.record("cycles", json!({"order_display": 3 - n})).await;
        office.record("campuses", json!({"name": name})).await;
        office.record("campaigns", json!({})).await;
        office.run(5).await;
        office.text(json!({"kind": "notice"})).await;
        let person = merged(someone(), json!({"gdpr_consent": null, "privacy_policy_accepted": null}));
        let person = json!({"name": person["name"], "email": person["email"]});
        owner.post(&format!("/course-runs/{}/enrollments", run.id), &json!({"person": person, "waitlist": true})).await.is(201);
    }
    let person = text(&owner.get("/people?limit=1").await.is(200)["items"][0]["id"]);
    let visitor = service.visitor();
    for path in [
        "/cycles".to_owned(),
        "/campuses".to_owned(),
        "/campaigns".to_owned(),
        "/courses".to_owned(),
        "/course-runs".to_owned(),
        "/people".to_owned(),
        "/enrollments".to_owned(),
        format!("/enrollments?course_run_id={}", run.id),
        "/consent-texts".to_owned(),
        format!("/people/{person}/timeline"),
        office.door("/courses"),
        office.door("/course-runs"),
    ] {
        let client = if path.starts_with("/public") { &visitor } else { &owner };
        let whole: Vec<Json> = each(&client.get(&path).await.is(200), "id");
        assert!(whole.len() >= 2, "{path}: {whole:?}");
        let mut seen = Vec::new();
        let mut place = Some(format!("{path}{}limit=1", if path.contains('?') { '&' } else { '?' }));
        while let Some(path) = place {
            let answer = client.get(&path).await;
            let page = each(&answer.is(200), "id");
            assert_eq!(page.len(), 1, "{path}");
            seen.extend(page);
            assert!(seen.len() <= whole.len(), "{path} goes on for ever");
            place = next(&answer);
        }
        assert_eq!(seen, whole, "{path}");
    }
}
