//! Courses and runs, for staff and for everybody.

use matricula_domain::identity::Role;
use matricula_tests::program::Service;
use matricula_tests::speak::{each, text};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::office::{Made, Office, merged};

over_http! {
    a_course_is_shown_with_all_its_fields,
    a_course_goes_from_draft_to_published_to_archived,
    what_a_course_lacks_before_publication_is_told_at_once,
    a_course_is_changed_by_who_saw_it_last,
    a_course_and_a_run_are_hidden_and_come_back,
    courses_are_filtered,
    courses_are_found_and_counted,
    everybody_sees_what_is_published_alone,
    everybody_knows_as_much_of_the_seats_as_the_organization_tells,
    who_teaches_a_course_works_there,
    a_run_is_shown_with_its_seats,
    a_run_goes_through_its_states,
    a_run_makes_sense,
    a_run_keeps_the_seats_that_are_taken,
    runs_are_filtered,
    a_run_is_copied_without_its_people,
    the_days_of_a_run_move_together,
    nobody_keeps_a_place_in_a_run_that_is_cancelled,
    the_people_of_a_run_go_to_another_one,
    the_last_day_to_enroll_ends_at_midnight_of_the_campus,
    a_run_of_a_draft_is_for_the_staff_alone,
    what_cannot_be_is_refused_and_leaves_nothing,
    what_belongs_to_another_organization_is_not_named,
}

async fn a_course_is_shown_with_all_its_fields(service: &Service) {
    let office = Office::found(service).await;
    let manager = office.client(Role::Manager).await;
    let (cycle, campus) = (office.record("cycles", json!({})).await.id, office.record("campuses", json!({})).await.id);
    let trainer = office.user(Role::Trainer).await;
    let course = json!({
        "slug": "marketing-digital", "title": "Marketing digital", "description": "De cero a cien.\n\nPor la tarde.", "duration_hours": 120,
        "modality": "hibrido", "price": {"amount": 12_500, "currency": "EUR"}, "cycle_id": cycle, "campus_ids": [campus], "level": "inicial",
        "category": "Marketing", "featured": true, "tags": ["marketing", "redes-sociales"], "instructor_id": trainer,
        "prices": [{"audience": "company", "price": {"amount": 15_000, "currency": "EUR"}}, {"audience": "unemployed", "price": {"amount": 0, "currency": "EUR"}}],
        "seo": {"title": "Curso de marketing", "description": "El mejor.", "keywords": ["marketing", "redes"]},
    });
    let answer = manager.post("/courses", &course).await;
    let made = Made::of(&answer, 201);
    assert_eq!(answer.header("Location"), Some(format!("/api/v1/courses/{}", made.id).as_str()));
    let at = &made.shown["created_at"];
    let shown = merged(course, json!({"id": made.id, "status": "draft", "archived_at": null, "created_at": at, "updated_at": at}));
    assert_eq!(made.shown, shown);
    let read = manager.get(&format!("/courses/{}", made.id)).await;
    assert_eq!((read.is(200), read.etag()), (shown.clone(), made.etag.as_str()));
    assert_eq!(manager.get("/courses").await.is(200), json!({"items": [shown], "next_cursor": null}));

    // The least.
    let least = json!({"slug": "b", "title": "B", "duration_hours": 0, "modality": "online"});
    let shown = manager.post("/courses", &least).await.is(201);
    for (field, expected) in [
        ("price", Json::Null),
        ("campus_ids", json!([])),
        ("tags", json!([])),
        ("prices", json!([])),
        ("instructor_id", Json::Null),
        ("featured", json!(false)),
        ("seo", Json::Null),
        ("cycle_id", Json::Null),
    ] {
        assert_eq!(shown[field], expected, "{field}");
    }
    manager.post("/courses", &least).await.refused(422, "SLUG_TAKEN");
}

async fn a_course_goes_from_draft_to_published_to_archived(service: &Service) {
    let office = Office::found(service).await;
    let manager = office.client(Role::Manager).await;
    let course = office.course().await;
    let path = format!("/courses/{}/transitions", course.id);
    let problem = manager.post(&path, &json!({"to": "published"})).await.refused(409, "INVALID_TRANSITION");
    assert_eq!(problem["possible"], json!(["draft", "archived"]));
    for to in ["draft", "published", "archived", "draft"] {
        let answer = manager.post(&path, &json!({"to": to})).await;
        assert_eq!((&answer.is(200)["status"], answer.header("ETag").is_some()), (&json!(to), true));
    }
}

async fn what_a_course_lacks_before_publication_is_told_at_once(service: &Service) {
    let office = Office::found(service).await;
    let manager = office.client(Role::Manager).await;
    let bare = json!({"slug": "bare", "title": "Bare", "duration_hours": 10, "modality": "presencial"});
    let made = Made::of(&manager.post("/courses", &bare).await, 201);
    let problem = manager.post(&format!("/courses/{}/transitions", made.id), &json!({"to": "published"})).await.refused(409, "COURSE_NOT_READY");
    let lacks: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|fault| text(&fault["pointer"])).collect();
    assert_eq!(lacks, ["/description", "/price", "/campus_ids"]);
    // What is published stays complete.
    let course = office.course().await;
    let answer = manager.patch(&format!("/courses/{}", course.id), "*", &json!({"price": null, "description": null})).await;
    assert_eq!(answer.faults(), [("/description".to_owned(), "REQUIRED".to_owned()), ("/price".to_owned(), "REQUIRED".to_owned())]);
}

async fn a_course_is_changed_by_who_saw_it_last(service: &Service) {
    let office = Office::found(service).await;
    let manager = office.client(Role::Manager).await;
    let (course, campus) = (office.course().await, office.record("campuses", json!({})).await.id);
    let path = format!("/courses/{}", course.id);
    let patch = json!({"campus_ids": [campus], "modality": "hibrido", "seo": {"keywords": ["uno"]}, "featured": true});
    let changed = Made::of(&manager.patch(&path, &course.etag, &patch).await, 200);
    assert_eq!((&changed.shown["campus_ids"], &changed.shown["seo"]["keywords"]), (&json!([campus]), &json!(["uno"])));
    manager.patch(&path, &course.etag, &json!({"title": "Tarde"})).await.refused(412, "STALE");
    // A field that is named is replaced as a whole, and `null` clears it.
    let again = Made::of(&manager.patch(&path, &changed.etag, &json!({"seo": {"title": "Dos"}, "campus_ids": [], "modality": "online"})).await, 200);
    assert_eq!(again.shown["seo"], json!({"title": "Dos", "description": null, "keywords": []}));
    assert_eq!(again.shown["campus_ids"], json!([]));
    let other = office.course().await;
    manager.patch(&path, &again.etag, &json!({"slug": other.shown["slug"]})).await.refused(422, "SLUG_TAKEN");
    let twice = manager.patch(&path, &again.etag, &json!({"campus_ids": [campus, campus], "cycle_id": "x"})).await;
    assert_eq!(twice.faults(), [("/cycle_id".to_owned(), "NOT_AN_ID".to_owned())]);
    let twice = manager.patch(&path, &again.etag, &json!({"campus_ids": [campus, campus]})).await;
    assert_eq!(twice.faults(), [("/campus_ids/1".to_owned(), "DUPLICATE".to_owned())]);
}

async fn a_course_and_a_run_are_hidden_and_come_back(service: &Service) {
    let office = Office::found(service).await;
    let manager = office.client(Role::Manager).await;
    let course = office.course().await;
    let run = office.run_of(&course.id, json!({})).await;
    for (list, path) in [("/course-runs", format!("/course-runs/{}", run.id)), ("/courses", format!("/courses/{}", course.id))] {
        manager.act(&format!("{path}/restore")).await.refused(409, "ALREADY_SO");
        assert!(manager.act(&format!("{path}/archive")).await.is(200)["archived_at"].is_string());
        manager.act(&format!("{path}/archive")).await.refused(409, "ALREADY_SO");
        assert_eq!(each(&manager.get(list).await.is(200), "id"), Vec::<Json>::new());
        assert!(manager.get(&path).await.is(200)["archived_at"].is_string());
        service.visitor().get(&office.door(&format!("/courses/{}", text(&course.shown["slug"])))).await.is(if list == "/courses" {
            404
        } else {
            200
        });
        assert_eq!(manager.act(&format!("{path}/restore")).await.is(200)["archived_at"], Json::Null);
        assert_eq!(each(&manager.get(list).await.is(200), "id").len(), 1);
    }
}

/// Courses by their titles.
async fn titles(client: &matricula_tests::speak::Client, path: &str) -> Vec<String> {
    each(&client.get(path).await.is(200), "title").iter().map(text).collect()
}

async fn courses_are_filtered(service: &Service) {
    let office = Office::found(service).await;
    let viewer = office.client(Role::Viewer).await;
    let (cycle, campus) = (office.record("cycles", json!({})).await, office.record("campuses", json!({})).await);
    let trainer = office.user(Role::Trainer).await;
    let a = json!({"slug": "a", "title": "Álgebra 100%", "modality": "online", "cycle_id": cycle.id, "seo": {"keywords": ["mates", "álgebra"]},
        "tags": ["ciencias", "tardes"], "category": "Ciencias", "level": "inicial", "instructor_id": trainer,
        "prices": [{"audience": "student", "price": {"amount": 100, "currency": "EUR"}}]});
    office.course_with(a).await;
    office.course_with(json!({"slug": "b", "title": "Biología", "modality": "presencial", "campus_ids": [campus.id], "featured": true})).await;
    let c = json!({"slug": "c", "title": "Cocina", "duration_hours": 5, "modality": "hibrido"});
    office.owner().await.post("/courses", &c).await.is(201);
    let (cycle, campus) = (text(&cycle.shown["slug"]), text(&campus.shown["slug"]));
    let visitor = service.visitor();
    for (query, published, all) in [
        (String::new(), vec!["Biología", "Álgebra 100%"], vec!["Cocina", "Biología", "Álgebra 100%"]),
        (format!("?cycle={cycle}"), vec!["Álgebra 100%"], vec!["Álgebra 100%"]),
        (format!("?campus={campus}"), vec!["Biología"], vec!["Biología"]),
        ("?modality=hibrido".to_owned(), vec![], vec!["Cocina"]),
        ("?keyword=mates".to_owned(), vec!["Álgebra 100%"], vec!["Álgebra 100%"]),
        ("?keyword=mate".to_owned(), vec![], vec![]),
        ("?tag=tardes".to_owned(), vec!["Álgebra 100%"], vec!["Álgebra 100%"]),
        ("?tag=tarde".to_owned(), vec![], vec![]),
        ("?category=Ciencias&level=inicial".to_owned(), vec!["Álgebra 100%"], vec!["Álgebra 100%"]),
        ("?category=Letras".to_owned(), vec![], vec![]),
        ("?audience=student".to_owned(), vec!["Álgebra 100%"], vec!["Álgebra 100%"]),
        ("?audience=company".to_owned(), vec![], vec![]),
        ("?q=BIO".to_owned(), vec!["Biología"], vec!["Biología"]),
        ("?q=algebras".to_owned(), vec!["Álgebra 100%"], vec!["Álgebra 100%"]),
        ("?q=%25_%27%22*".to_owned(), vec![], vec![]),
        ("?sort=-featured,-created_at".to_owned(), vec!["Biología", "Álgebra 100%"], vec!["Biología", "Cocina", "Álgebra 100%"]),
        ("?sort=created_at".to_owned(), vec!["Álgebra 100%", "Biología"], vec!["Álgebra 100%", "Biología", "Cocina"]),
        ("?featured=true".to_owned(), vec!["Biología"], vec!["Biología"]),
        ("?featured=false".to_owned(), vec!["Álgebra 100%"], vec!["Cocina", "Álgebra 100%"]),
        ("?cycle=no-such-cycle".to_owned(), vec![], vec![]),
    ] {
        assert_eq!(titles(&visitor, &office.door(&format!("/courses{query}"))).await, published, "public {query}");
        assert_eq!(titles(&viewer, &format!("/courses{query}")).await, all, "{query}");
    }
    assert_eq!(titles(&viewer, "/courses?status=draft").await, ["Cocina"]);
    assert_eq!(titles(&viewer, &format!("/courses?instructor_id={trainer}")).await, ["Álgebra 100%"]);
    assert_eq!(visitor.get(&office.door("/courses?status=draft")).await.faults(), [("/status".to_owned(), "UNKNOWN_FIELD".to_owned())]);
}

async fn courses_are_found_and_counted(service: &Service) {
    let office = Office::found(service).await;
    let (viewer, visitor) = (office.client(Role::Viewer).await, service.visitor());
    let campus = office.record("campuses", json!({})).await;
    for (slug, title, category) in [("tig", "Soldadura TIG", "Metal"), ("mig", "Soldadura MIG", "Metal"), ("gas", "Instalador de gas", "Oficios")] {
        let campuses = if slug == "tig" { json!([campus.id]) } else { json!([]) };
        office.course_with(json!({"slug": slug, "title": title, "category": category, "modality": "online", "campus_ids": campuses})).await;
    }
    let draft = json!({"slug": "draft", "title": "Soldadura con gas", "duration_hours": 5, "modality": "hibrido", "category": "Metal"});
    office.owner().await.post("/courses", &draft).await.is(201);
    assert_eq!(titles(&viewer, "/courses?q=soldadra%20gas").await[0], "Soldadura con gas");
    assert_eq!(titles(&visitor, &office.door("/courses?q=soldadra%20tig")).await, ["Soldadura TIG", "Soldadura MIG"]);

    // A page after another, by a cursor that is good for these words alone.
    let first = visitor.get(&office.door("/courses?q=soldadura&limit=1")).await.is(200);
    let next = text(&first["next_cursor"]);
    let second = visitor.get(&office.door(&format!("/courses?q=soldadura&limit=1&cursor={next}"))).await.is(200);
    assert_eq!((each(&first, "slug"), each(&second, "slug"), &second["next_cursor"]), (vec![json!("mig")], vec![json!("tig")], &Json::Null));
    for other in ["/courses?limit=1&cursor=", "/courses?q=gas%20natural&cursor=", "/courses?sort=-featured,-created_at&cursor="] {
        visitor.get(&office.door(&format!("{other}{next}"))).await.refused(422, "INVALID_CURSOR");
    }

    let online = |count: u64| json!([{"value": "online", "name": null, "count": count}]);
    let facets = visitor.get(&office.door("/course-facets?q=soldaduras")).await.is(200);
    assert_eq!((&facets["modality"], &facets["category"]), (&online(2), &json!([{"value": "Metal", "name": null, "count": 2}])));
    let at = json!([{"value": campus.shown["slug"], "name": campus.shown["name"], "count": 1}]);
    assert_eq!((&facets["campus"], &facets["cycle"], &facets["level"]), (&at, &json!([]), &json!([])));
    assert_eq!(visitor.get(&office.door("/course-facets?category=Oficios")).await.is(200)["modality"], online(1));
    assert_eq!(viewer.get("/course-facets?status=draft").await.is(200)["modality"], json!([{"value": "hibrido", "name": null, "count": 1}]));

    let long = "a".repeat(201);
    for (query, pointer, code) in [
        (format!("q={long}"), "/q", "TOO_LONG"),
        ("q=a%00b".to_owned(), "/q", "CONTROL_CHARACTER"),
        ("q=".to_owned(), "/q", "REQUIRED"),
        ("sort=title".to_owned(), "/sort", "NOT_A_CHOICE"),
    ] {
        let faults = visitor.get(&office.door(&format!("/courses?{query}"))).await.faults();
        assert_eq!(faults, [(pointer.to_owned(), code.to_owned())], "{query}");
    }
    assert_eq!(visitor.get(&office.door("/course-facets?status=draft")).await.faults(), [("/status".to_owned(), "UNKNOWN_FIELD".to_owned())]);
}

async fn everybody_sees_what_is_published_alone(service: &Service) {
    let (office, other) = (Office::found(service).await, Office::found(service).await);
    let owner = office.owner().await;
    let (course, run) = (office.course().await, office.run(7).await);
    let visitor = service.visitor();
    let one = visitor.get(&office.door(&format!("/courses/{}", text(&course.shown["slug"])))).await.is(200);
    assert_eq!((&one["id"], &one["price"]), (&json!(course.id), &json!({"amount": 12_500, "currency": "EUR"})));
    assert!(one.get("status").is_none() && one.get("created_at").is_none(), "{one}");
    let runs = visitor.get(&office.door(&format!("/course-runs?course_id={}", text(&run.shown["course_id"])))).await.is(200);
    assert_eq!(each(&runs, "seats"), [json!({"availability": "available", "max": 7, "free": 7})]);
    assert_eq!(each(&visitor.get(&office.door(&format!("/course-runs?starts_from={}", service.day(31)))).await.is(200), "id"), Vec::<Json>::new());

    // Neither drafts nor their runs, nor what is another's.
    owner.post(&format!("/courses/{}/transitions", text(&run.shown["course_id"])), &json!({"to": "draft"})).await.is(200);
    assert_eq!(each(&visitor.get(&office.door("/course-runs")).await.is(200), "id"), Vec::<Json>::new());
    assert_eq!(each(&visitor.get(&office.door("/courses")).await.is(200), "id"), [json!(course.id)]);
    visitor.get(&other.door(&format!("/courses/{}", text(&course.shown["slug"])))).await.refused(404, "NOT_FOUND");
    for path in ["/courses/no-such-course", "/courses/No%20Slug", "/courses/%00"] {
        visitor.get(&office.door(path)).await.refused(404, "NOT_FOUND");
    }
}

async fn everybody_knows_as_much_of_the_seats_as_the_organization_tells(service: &Service) {
    let office = Office::found(service).await;
    let (owner, visitor) = (office.owner().await, service.visitor());
    let course = office.course().await.id;
    let usual = office.run_of(&course, json!({"max_students": 2})).await;
    let exact = office.run_of(&course, json!({"seats_left_policy": "exact", "max_students": 1})).await;
    owner.post(&format!("/course-runs/{}/enrollments", exact.id), &json!({"person_id": office.person().await})).await.is(201);
    let seats = async |query: &str| {
        let runs = visitor.get(&office.door(&format!("/course-runs{query}"))).await.is(200);
        each(&runs, "id").into_iter().zip(each(&runs, "seats")).collect::<Vec<_>>()
    };
    let full = (json!(exact.id), json!({"availability": "full", "max": 1, "free": 0}));
    for (policy, shown) in
        [("exact", json!({"availability": "few", "max": 2, "free": 2})), ("few", json!({"availability": "few"})), ("hidden", Json::Null)]
    {
        owner.patch("/organization", "*", &json!({"seats_left_policy": policy})).await.is(200);
        let one = (json!(usual.id), shown);
        assert_eq!(seats("").await, [full.clone(), one.clone()], "{policy}");
        assert_eq!(seats("?has_seats=true").await, std::slice::from_ref(&one), "{policy}");
        // Where it is hidden whether there are seats, the question does not tell either.
        let without = if policy == "hidden" { vec![full.clone(), one] } else { vec![full.clone()] };
        assert_eq!(seats("?has_seats=false").await, without, "{policy}");
    }
    owner.patch("/organization", "*", &json!({"seats_left_policy": "some"})).await.refused(422, "VALIDATION_FAILED");
    // The staff sees them whatever everybody is told.
    assert_eq!(owner.get(&format!("/course-runs/{}", usual.id)).await.is(200)["seats"]["free"], 2);
}

async fn who_teaches_a_course_works_there(service: &Service) {
    let (office, other) = (Office::found(service).await, Office::found(service).await);
    let manager = office.client(Role::Manager).await;
    let course = office.course().await;
    let path = format!("/courses/{}", course.id);
    let (trainer, stranger) = (office.user(Role::Trainer).await, other.user(Role::Trainer).await);
    let nobody = [("/instructor_id".to_owned(), "NOT_FOUND".to_owned())];
    for user in [stranger, Uuid::from_u128(7)] {
        assert_eq!(manager.patch(&path, "*", &json!({"instructor_id": user})).await.faults(), nobody);
    }
    assert_eq!(manager.patch(&path, "*", &json!({"instructor_id": trainer})).await.is(200)["instructor_id"], json!(trainer));
    office.owner().await.act(&format!("/users/{trainer}/deactivate")).await.is(200);
    let other = office.course().await;
    assert_eq!(manager.patch(&format!("/courses/{}", other.id), "*", &json!({"instructor_id": trainer})).await.faults(), nobody);
}

async fn a_run_is_shown_with_its_seats(service: &Service) {
    let office = Office::found(service).await;
    let manager = office.client(Role::Manager).await;
    let (course, cycle, campus) =
        (office.course().await.id, office.record("cycles", json!({})).await.id, office.record("campuses", json!({})).await.id);
    let plan = json!({
        "course_id": course, "cycle_id": cycle, "campus_id": campus, "start_date": service.day(10), "end_date": service.day(40),
        "enrollment_deadline": service.day(5), "max_students": 20, "min_students": 8, "seats_left_policy": "few",
        "prices": [{"audience": "student", "price": {"amount": 9_900, "currency": "EUR"}}],
    });
    let answer = manager.post("/course-runs", &plan).await;
    let made = Made::of(&answer, 201);
    assert_eq!(answer.header("Location"), Some(format!("/api/v1/course-runs/{}", made.id).as_str()));
    let at = &made.shown["created_at"];
    let seats = json!({"max": 20, "taken": 0, "held": 0, "free": 20, "waitlisted": 0});
    let shown = merged(
        plan,
        json!({"id": made.id, "status": "scheduled", "status_reason": null, "merged_into": null, "below_minimum": true, "seats": seats, "archived_at": null, "created_at": at, "updated_at": at}),
    );
    assert_eq!(made.shown, shown);
    let read = manager.get(&format!("/course-runs/{}", made.id)).await;
    assert_eq!((read.is(200), read.etag()), (shown.clone(), made.etag.as_str()));
    assert_eq!(manager.get("/course-runs").await.is(200), json!({"items": [shown], "next_cursor": null}));
}

async fn a_run_goes_through_its_states(service: &Service) {
    let office = Office::found(service).await;
    let manager = office.client(Role::Manager).await;
    let run = office.run(5).await;
    let path = format!("/course-runs/{}/transitions", run.id);
    let problem = manager.post(&path, &json!({"to": "completed"})).await.refused(409, "INVALID_TRANSITION");
    assert_eq!(problem["possible"], json!(["ongoing", "cancelled"]));
    for to in ["ongoing", "completed"] {
        assert_eq!(manager.post(&path, &json!({"to": to})).await.is(200)["status"], to);
    }
    let problem = manager.post(&path, &json!({"to": "scheduled"})).await.refused(409, "INVALID_TRANSITION");
    assert_eq!(problem["possible"], json!([]));
}

async fn a_run_makes_sense(service: &Service) {
    let office = Office::found(service).await;
    let manager = office.client(Role::Manager).await;
    let course = office.course().await.id;
    let (start, end) = (service.day(10), service.day(40));
    let plan = json!({"course_id": course, "start_date": start, "end_date": end, "max_students": 20});
    for (fields, faults) in [
        (json!({"max_students": -1}), vec!["/max_students OUT_OF_RANGE"]),
        (json!({"max_students": 1.5}), vec!["/max_students WRONG_TYPE"]),
        (json!({"start_date": "2026-02-30", "end_date": "mañana"}), vec!["/start_date NOT_A_DATE", "/end_date NOT_A_DATE"]),
        (json!({"end_date": service.day(9)}), vec!["/end_date END_BEFORE_START"]),
        (json!({"enrollment_deadline": service.day(11)}), vec!["/enrollment_deadline DEADLINE_AFTER_START"]),
        (json!({"min_students": 21}), vec!["/min_students MIN_ABOVE_MAX"]),
        (json!({"seats_left_policy": "some"}), vec!["/seats_left_policy NOT_A_CHOICE"]),
        (json!({"course_id": Uuid::from_u128(7), "campus_id": Uuid::from_u128(7)}), vec!["/course_id NOT_FOUND", "/campus_id NOT_FOUND"]),
        (json!({"course_id": null, "seats": {"taken": 0}}), vec!["/seats UNKNOWN_FIELD", "/course_id REQUIRED"]),
    ] {
        let answer = manager.post("/course-runs", &merged(plan.clone(), fields.clone())).await;
        let told: Vec<_> = answer.faults().into_iter().map(|(pointer, code)| format!("{pointer} {code}")).collect();
        assert_eq!(told, faults, "{fields}");
    }
    assert_eq!(office.rows("course_runs").await, 0);
    // A run of one day without any seat is one.
    manager.post("/course-runs", &merged(plan, json!({"end_date": start, "max_students": 0}))).await.is(201);
}

async fn a_run_keeps_the_seats_that_are_taken(service: &Service) {
    let office = Office::found(service).await;
    let manager = office.client(Role::Manager).await;
    let run = office.run(3).await;
    for _ in 0..2 {
        let person = office.person().await;
        manager.post(&format!("/course-runs/{}/enrollments", run.id), &json!({"person_id": person})).await.is(201);
    }
    let path = format!("/course-runs/{}", run.id);
    // Enrolling changes no version: nobody who plans is disturbed.
    let changed = Made::of(&manager.patch(&path, &run.etag, &json!({"max_students": 2})).await, 200);
    assert_eq!(changed.shown["seats"]["free"], 0);
    manager.patch(&path, &run.etag, &json!({"max_students": 9})).await.refused(412, "STALE");
    manager.patch(&path, &changed.etag, &json!({"max_students": 1})).await.refused(422, "SEATS_BELOW_TAKEN");
    let other = office.course().await.id;
    let answer = manager.patch(&path, &changed.etag, &json!({"max_students": 1, "course_id": other, "end_date": "x"})).await;
    let told: Vec<_> = answer.faults().into_iter().map(|(pointer, code)| format!("{pointer} {code}")).collect();
    assert_eq!(told, ["/end_date NOT_A_DATE", "/course_id IMMUTABLE", "/max_students SEATS_BELOW_TAKEN"]);
    assert_eq!(manager.get(&path).await.is(200)["seats"], json!({"max": 2, "taken": 2, "held": 0, "free": 0, "waitlisted": 0}));
}

async fn runs_are_filtered(service: &Service) {
    let office = Office::found(service).await;
    let viewer = office.client(Role::Viewer).await;
    let (course, campus) = (office.course().await.id, office.record("campuses", json!({})).await.id);
    let soon = office.run_of(&course, json!({"start_date": service.day(1), "campus_id": campus, "min_students": 3})).await.id;
    let later = office.run_of(&course, json!({"start_date": service.day(50)})).await.id;
    let other = office.run(3).await.id;
    office.owner().await.post(&format!("/course-runs/{other}/transitions"), &json!({"to": "cancelled"})).await.is(200);
    for (query, expected) in [
        (format!("?course_id={course}"), vec![&later, &soon]),
        (format!("?campus_id={campus}"), vec![&soon]),
        ("?status=cancelled".to_owned(), vec![&other]),
        (format!("?starts_from={}", service.day(31)), vec![&later]),
        (format!("?starts_until={}", service.day(29)), vec![&soon]),
        (format!("?below_minimum=true&starts_until={}", service.day(7)), vec![&soon]),
        ("?below_minimum=false".to_owned(), vec![&other, &later]),
        ("?has_seats=false".to_owned(), vec![]),
        (format!("?course_id={course}&has_seats=true"), vec![&later, &soon]),
        (format!("?course_id={course}&status=cancelled"), vec![]),
    ] {
        let found: Vec<_> = each(&viewer.get(&format!("/course-runs{query}")).await.is(200), "id").iter().map(text).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query}");
    }
}

async fn what_belongs_to_another_organization_is_not_named(service: &Service) {
    let (office, other) = (Office::found(service).await, Office::found(service).await);
    let owner = office.owner().await;
    let (cycle, campus, course) = (other.record("cycles", json!({})).await, other.record("campuses", json!({})).await, other.course().await);
    let (run, person) = (other.run(3).await, other.person().await);
    let ours = office.run(3).await;
    let mine = json!({"slug": "mio", "title": "Mío", "duration_hours": 1, "modality": "online", "cycle_id": cycle.id, "campus_ids": [campus.id]});
    let not_found = |pointers: &[&str]| pointers.iter().map(|pointer| ((*pointer).to_owned(), "NOT_FOUND".to_owned())).collect::<Vec<_>>();
    assert_eq!(owner.post("/courses", &mine).await.faults(), not_found(&["/cycle_id", "/campus_ids/0"]));
    let plan = json!({"course_id": course.id, "cycle_id": cycle.id, "campus_id": campus.id, "start_date": "2027-01-01", "end_date": "2027-01-02", "max_students": 1});
    assert_eq!(owner.post("/course-runs", &plan).await.faults(), not_found(&["/course_id", "/cycle_id", "/campus_id"]));
    assert_eq!(
        owner.post(&format!("/course-runs/{}/enrollments", ours.id), &json!({"person_id": person})).await.faults(),
        not_found(&["/person_id"])
    );
    assert_eq!(owner.post(&format!("/course-runs/{}/holds", ours.id), &json!({"person_id": person})).await.faults(), not_found(&["/person_id"]));
    let lead = text(&office.lead(json!({})).await["id"]);
    let into_theirs = owner.post(&format!("/leads/{lead}/convert"), &json!({"course_run_id": run.id})).await;
    assert_eq!(into_theirs.faults(), not_found(&["/course_run_id"]));
    // A form names courses and campaigns by their slugs.
    let campaign = other.record("campaigns", json!({})).await;
    let form = json!({"course": course.shown["slug"], "course_run_id": run.id, "campaign": campaign.shown["slug"], "form": "ninguno"});
    let answer = service.visitor().post(&office.door("/leads"), &merged(super::office::someone(), form)).await;
    assert_eq!(answer.faults(), not_found(&["/course", "/course_run_id", "/campaign", "/form"]));
}

/// The days of a run: deadline, start, end.
fn days(run: &Json) -> [Json; 3] {
    ["enrollment_deadline", "start_date", "end_date"].map(|field| run[field].clone())
}

async fn a_run_is_copied_without_its_people(service: &Service) {
    let office = Office::found(service).await;
    let manager = office.client(Role::Manager).await;
    let (course, campus) = (office.course().await.id, office.record("campuses", json!({})).await.id);
    let fields =
        json!({"enrollment_deadline": service.day(20), "max_students": 8, "min_students": 4, "campus_id": campus, "seats_left_policy": "few"});
    let run = office.run_of(&course, fields).await;
    manager.post(&format!("/course-runs/{}/enrollments", run.id), &json!({"person_id": office.person().await})).await.is(201);
    manager.post(&format!("/course-runs/{}/transitions", run.id), &json!({"to": "cancelled"})).await.is(200);
    let path = format!("/course-runs/{}/copies", run.id);
    for copy in [json!({"shift_days": 90}), json!({"start_date": service.day(120)})] {
        let answer = manager.post(&path, &copy).await;
        let made = Made::of(&answer, 201);
        assert_eq!(answer.header("Location"), Some(format!("/api/v1/course-runs/{}", made.id).as_str()));
        assert_eq!(days(&made.shown), [service.day(110), service.day(120), service.day(150)].map(|day| json!(day)));
        let seats = json!({"max": 8, "taken": 0, "held": 0, "free": 8, "waitlisted": 0});
        assert_eq!((&made.shown["status"], &made.shown["seats"], &made.shown["campus_id"]), (&json!("scheduled"), &seats, &json!(campus)));
        assert_eq!(manager.get(&format!("/course-runs/{}", made.id)).await.is(200), made.shown);
    }
    let smaller = manager.post(&path, &json!({"shift_days": 7, "max_students": 5, "min_students": 2})).await.is(201);
    assert_eq!((&smaller["max_students"], &smaller["min_students"]), (&json!(5), &json!(2)));
    for (copy, fault) in [
        (json!({}), "/start_date REQUIRED"),
        (json!({"shift_days": 7, "start_date": service.day(120)}), "/start_date REQUIRED"),
        (json!({"shift_days": 7, "max_students": 3}), "/min_students MIN_ABOVE_MAX"),
        (json!({"shift_days": 999_999_999}), "/shift_days OUT_OF_RANGE"),
        (json!({"shift_days": 7, "campus_id": Uuid::from_u128(7)}), "/campus_id NOT_FOUND"),
        (json!({"shift_days": 7, "course_id": course}), "/course_id UNKNOWN_FIELD"),
    ] {
        let told: Vec<_> = manager.post(&path, &copy).await.faults().into_iter().map(|(pointer, code)| format!("{pointer} {code}")).collect();
        assert_eq!(told, [fault], "{copy}");
    }
    assert_eq!(office.rows("course_runs").await, 4);
}

async fn the_days_of_a_run_move_together(service: &Service) {
    let office = Office::found(service).await;
    let manager = office.client(Role::Manager).await;
    let run = office.run_of(&office.course().await.id, json!({"enrollment_deadline": service.day(20)})).await;
    let path = format!("/course-runs/{}/shift", run.id);
    for (shift, expected) in [(7, [27, 37, 67]), (-10, [17, 27, 57])] {
        let answer = manager.post(&path, &json!({"days": shift})).await;
        assert_eq!(days(&answer.is(200)), expected.map(|n| json!(service.day(n))));
        assert!(answer.header("ETag").is_some());
    }
    assert_eq!(manager.post(&path, &json!({"days": 0})).await.faults(), [("/days".to_owned(), "OUT_OF_RANGE".to_owned())]);
    manager.post(&format!("/course-runs/{}/transitions", run.id), &json!({"to": "ongoing"})).await.is(200);
    manager.post(&path, &json!({"days": 7})).await.refused(409, "RUN_NOT_SCHEDULED");
}

async fn nobody_keeps_a_place_in_a_run_that_is_cancelled(service: &Service) {
    let office = Office::found(service).await;
    let manager = office.client(Role::Manager).await;
    let run = office.run(1).await;
    for _ in 0..2 {
        let person = office.person().await;
        manager.post(&format!("/course-runs/{}/enrollments", run.id), &json!({"person_id": person, "waitlist": true})).await.is(201);
    }
    let cancelled =
        manager.post(&format!("/course-runs/{}/transitions", run.id), &json!({"to": "cancelled", "reason": "Falta de alumnos"})).await.is(200);
    assert_eq!((&cancelled["status_reason"], &cancelled["seats"]["taken"]), (&json!("Falta de alumnos"), &json!(0)));
    let enrollments = manager.get(&format!("/enrollments?course_run_id={}", run.id)).await.is(200);
    assert_eq!(each(&enrollments, "status"), [json!("dropped"), json!("dropped")]);
    assert_eq!(each(&enrollments, "status_reason"), [json!("Falta de alumnos"), json!("Falta de alumnos")]);
    let late = manager.post(&format!("/course-runs/{}/enrollments", run.id), &json!({"person_id": office.person().await})).await;
    late.refused(409, "RUN_NOT_OPEN");
}

async fn the_people_of_a_run_go_to_another_one(service: &Service) {
    let office = Office::found(service).await;
    let manager = office.client(Role::Manager).await;
    let course = office.course().await.id;
    let run = office.run_of(&course, json!({"max_students": 3})).await;
    let (small, large) = (office.run_of(&course, json!({"max_students": 1})).await, office.run_of(&course, json!({"max_students": 2})).await);
    for _ in 0..3 {
        let person = office.person().await;
        manager.post(&format!("/course-runs/{}/enrollments", run.id), &json!({"person_id": person})).await.is(201);
    }
    let path = format!("/course-runs/{}/merge", run.id);
    let other = office.run(9).await.id;
    for (into, status, code) in [(&run.id, 422, "SAME_RUN"), (&other, 422, "OTHER_COURSE")] {
        manager.post(&path, &json!({"into": into})).await.refused(status, code);
    }
    assert_eq!(manager.post(&path, &json!({"into": Uuid::from_u128(7)})).await.faults(), [("/into".to_owned(), "NOT_FOUND".to_owned())]);
    let before = office.rows_of(&["audit_entries", "outbox"]).await;
    for (into, missing) in [(&small, 2), (&large, 1)] {
        let problem = manager.post(&path, &json!({"into": into.id})).await.refused(409, "RUN_FULL");
        assert_eq!(problem["missing"], missing);
    }
    let planned = Made::of(&manager.patch(&format!("/course-runs/{}", large.id), &large.etag, &json!({"max_students": 4})).await, 200);
    let dry = manager.post(&path, &json!({"into": large.id, "dry_run": true})).await.is(200);
    assert_eq!((&dry["moved"], &dry["ended"], &dry["run"]["status"]), (&json!(3), &json!(0), &json!("scheduled")));
    assert_eq!(office.rows_of(&["audit_entries", "outbox"]).await, [before[0] + 1, before[1] + 1], "the change of the plan alone");

    let merged = manager.post(&path, &json!({"into": large.id})).await.is(200);
    assert_eq!(
        (&merged["run"]["status"], &merged["run"]["merged_into"], &merged["run"]["seats"]["taken"]),
        (&json!("cancelled"), &json!(large.id), &json!(0))
    );
    assert_eq!((&merged["into"]["seats"]["taken"], &merged["moved"]), (&json!(3), &json!(3)));
    assert_eq!(each(&manager.get(&format!("/enrollments?course_run_id={}", large.id)).await.is(200), "status"), vec![json!("active"); 3]);
    manager.patch(&format!("/course-runs/{}", large.id), &planned.etag, &json!({"max_students": 9})).await.refused(412, "STALE");
    manager.post(&path, &json!({"into": large.id})).await.refused(409, "INVALID_TRANSITION");
    let back = manager.post(&format!("/course-runs/{}/merge", large.id), &json!({"into": run.id})).await;
    back.refused(409, "RUN_NOT_OPEN");
    // Everybody finds where the others went.
    let public = service.visitor().get(&office.door(&format!("/course-runs?course_id={course}"))).await.is(200);
    assert!(each(&public, "merged_into").contains(&json!(large.id)));
}

async fn a_run_of_a_draft_is_for_the_staff_alone(service: &Service) {
    let office = Office::found(service).await;
    let manager = office.client(Role::Manager).await;
    let draft = json!({"slug": "a-medida", "title": "A medida", "duration_hours": 8, "modality": "online"});
    let course = manager.post("/courses", &draft).await.id(201);
    let run = office.run_of(&course, json!({})).await.id;
    manager.post(&format!("/course-runs/{run}/enrollments"), &json!({"person_id": office.person().await})).await.is(201);
    assert_eq!(each(&service.visitor().get(&office.door("/course-runs")).await.is(200), "id"), Vec::<Json>::new());
}

async fn what_cannot_be_is_refused_and_leaves_nothing(service: &Service) {
    let office = Office::found(service).await;
    let manager = office.client(Role::Manager).await;
    let (course, other) = (office.course().await, office.course().await);
    let bare = manager.post("/courses", &json!({"slug": "bare", "title": "B", "duration_hours": 1, "modality": "presencial"})).await.id(201);
    let run = office.run_of(&course.id, json!({"max_students": 2})).await;
    for _ in 0..2 {
        manager.post(&format!("/course-runs/{}/enrollments", run.id), &json!({"person_id": office.person().await})).await.is(201);
    }
    let tables = ["courses", "course_runs", "course_campuses", "campuses", "enrollments", "audit_entries", "outbox"];
    let before = office.rows_of(&tables).await;
    let plan = json!({"course_id": course.id, "start_date": service.day(10), "end_date": service.day(40), "max_students": 5});
    let (runs, this_run, this_course) = ("/course-runs".to_owned(), format!("/course-runs/{}", run.id), format!("/courses/{}", course.id));
    let campus = json!({"slug": "k", "name": "K", "city": "K", "time_zone": "Europe/Madrid"});
    let hours = |opens: &str, closes: &str| json!({"day_of_week": "monday", "opens": opens, "closes": closes});
    for (method, path, body, status, code, pointer) in [
        ("POST", &runs, merged(plan.clone(), json!({"end_date": service.day(9)})), 422, "END_BEFORE_START", "/end_date"),
        ("POST", &runs, merged(plan.clone(), json!({"enrollment_deadline": service.day(11)})), 422, "DEADLINE_AFTER_START", "/enrollment_deadline"),
        ("POST", &runs, merged(plan.clone(), json!({"min_students": 6})), 422, "MIN_ABOVE_MAX", "/min_students"),
        ("PATCH", &this_run, json!({"end_date": service.day(1)}), 422, "END_BEFORE_START", "/end_date"),
        ("PATCH", &this_run, json!({"enrollment_deadline": service.day(31)}), 422, "DEADLINE_AFTER_START", "/enrollment_deadline"),
        ("PATCH", &this_run, json!({"max_students": 1}), 422, "SEATS_BELOW_TAKEN", "/max_students"),
        (
            "POST",
            &"/courses".to_owned(),
            json!({"slug": course.shown["slug"], "title": "A", "duration_hours": 1, "modality": "online"}),
            422,
            "SLUG_TAKEN",
            "/slug",
        ),
        ("PATCH", &this_course, json!({"slug": other.shown["slug"]}), 422, "SLUG_TAKEN", "/slug"),
        ("PATCH", &this_course, json!({"price": null}), 422, "VALIDATION_FAILED", "/price"),
        ("PATCH", &this_course, json!({"modality": "presencial"}), 422, "VALIDATION_FAILED", "/campus_ids"),
        ("POST", &format!("/courses/{bare}/transitions"), json!({"to": "published"}), 409, "COURSE_NOT_READY", "/description"),
        (
            "POST",
            &"/campuses".to_owned(),
            merged(campus.clone(), json!({"opening_hours": [hours("14:00", "09:00")]})),
            422,
            "VALIDATION_FAILED",
            "/opening_hours/0/closes",
        ),
        (
            "POST",
            &"/campuses".to_owned(),
            merged(campus, json!({"opening_hours": [hours("09:00", "14:00"), hours("13:00", "15:00")]})),
            422,
            "VALIDATION_FAILED",
            "/opening_hours/1",
        ),
    ] {
        let call = manager.call(method, &format!("/api/v1{path}")).json(&body);
        let answer = if method == "PATCH" { call.header("If-Match", "*").await } else { call.await };
        let problem = answer.refused(status, code);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
        assert_eq!(office.rows_of(&tables).await, before, "{body}");
    }
}

async fn the_last_day_to_enroll_ends_at_midnight_of_the_campus(service: &Service) {
    let office = Office::found(service).await;
    let manager = office.client(Role::Manager).await;
    let course = office.course().await.id;
    // Far from each other: wherever it is now, in one of them it is another day than in the other.
    let (east, west) = ("Pacific/Kiritimati", "Pacific/Pago_Pago");
    let day_in = |zone: &str| matricula_domain::shared::TimeZone::parse(zone).unwrap().date_of(service.now());
    for (zone, deadline, open) in [
        (east, day_in(east), true),
        (east, day_in(east) - chrono::Days::new(1), false),
        (west, day_in(west), true),
        (west, day_in(west) - chrono::Days::new(1), false),
    ] {
        let campus = office.record("campuses", json!({"time_zone": zone})).await.id;
        let run = office.run_of(&course, json!({"campus_id": campus, "enrollment_deadline": deadline.to_string()})).await.id;
        let answer = manager.post(&format!("/course-runs/{run}/enrollments"), &json!({"person_id": office.person().await})).await;
        if open {
            answer.is(201);
        } else {
            answer.refused(409, "ENROLLMENT_CLOSED");
        }
    }
    assert_ne!(day_in(east), day_in(west));
}
