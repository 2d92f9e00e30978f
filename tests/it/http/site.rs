//! The public site: what is published, by every mouth, and nothing else.

use matricula_tests::program::Service;
use matricula_tests::speak::Answer;
use serde_json::{Value as Json, json};

use super::office::{Made, Office};

over_http! {
    what_is_published_is_on_the_site_and_nothing_else,
    a_page_is_careful_and_is_not_sent_twice,
    the_list_is_narrowed_by_its_form_and_goes_on_by_pages,
    the_feeds_hold_what_the_pages_show,
    texts_stay_texts_in_every_mouth,
    what_is_not_there_is_told_on_a_page,
    seats_are_told_as_the_organization_says,
    the_language_is_that_of_the_organization,
    posts_have_pages_and_old_addresses_lead_on,
}

/// A page or a feed of an organization's site.
async fn read(office: &Office<'_>, path: &str) -> Answer {
    office.service.visitor().call("GET", &format!("/site/{}{path}", office.slug)).await
}

/// The JSON-LD of a page.
fn structured(page: &Answer) -> Json {
    let (_, after) = page.text.split_once("<script type=\"application/ld+json\">").unwrap_or_else(|| panic!("no JSON-LD: {}", page.text));
    serde_json::from_str(after.split_once("</script>").unwrap().0).unwrap()
}

/// An organization with a course at a campus, and a run of it.
async fn with_a_course(office: &Office<'_>) -> (Made, Made) {
    let campus = office.record("campuses", json!({"name": "Norte", "city": "Ávila", "address": "Calle Real 1", "postal_code": "05001"})).await;
    let fields = json!({"slug": "soldadura", "title": "Soldadura «TIG» & más", "description": "Primero.\n\nDespués.", "modality": "presencial",
        "price": {"amount": 123_450, "currency": "EUR"}, "campus_ids": [campus.id], "category": "Metal", "tags": ["metal"],
        "prices": [{"audience": "unemployed", "price": {"amount": 0, "currency": "EUR"}}]});
    let course = office.course_with(fields).await;
    let run = office.run_of(&course.id, json!({"campus_id": campus.id, "max_students": 5})).await;
    (course, run)
}

async fn what_is_published_is_on_the_site_and_nothing_else(service: &Service) {
    let (office, other) = (Office::found(service).await, Office::found(service).await);
    let (course, run) = with_a_course(&office).await;
    let theirs = other.course().await;
    let owner = office.owner().await;
    let draft = json!({"slug": "borrador", "title": "Borrador", "duration_hours": 1, "modality": "online"});
    owner.post("/courses", &draft).await.is(201);

    let list = read(&office, "/courses").await;
    assert_eq!((list.status, list.header("Content-Type")), (200, Some("text/html; charset=utf-8")));
    assert!(list.text.contains("Soldadura «TIG» &#38; más") && list.text.contains("1.234,50\u{a0}€") && list.text.contains("Norte"), "{}", list.text);
    assert!(!list.text.contains("Borrador") && !list.text.contains(theirs.shown["slug"].as_str().unwrap()), "{}", list.text);
    assert_eq!(structured(&list)["itemListElement"][0]["item"]["name"], "Soldadura «TIG» & más");

    let page = read(&office, "/courses/soldadura").await;
    for shown in ["<p>Primero.</p>", "<p>Después.</p>", "Calle Real 1", "Precio para desempleados", "Gratuito", "5 libres de 5", "Metal"] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    let told = structured(&page);
    let address = format!("{}/site/{}/courses/soldadura", service.url, office.slug);
    assert_eq!((&told["@type"], &told["@id"], &told["url"]), (&json!("Course"), &json!(address), &json!(address)));
    assert_eq!(told["offers"][0]["price"], "1234.50");
    let instance = &told["hasCourseInstance"][0];
    assert_eq!((&instance["startDate"], &instance["location"]["address"]["addressLocality"]), (&run.shown["start_date"], &json!("Ávila")));
    assert!(page.text.contains(&format!("<link rel=\"canonical\" href=\"{address}\">")), "{}", page.text);

    let page = read(&office, &format!("/course-runs/{}", run.id)).await;
    assert_eq!((page.status, &structured(&page)["@type"]), (200, &json!("CourseInstance")));

    // What is no longer offered is gone from everywhere.
    owner.post(&format!("/courses/{}/transitions", course.id), &json!({"to": "archived"})).await.is(200);
    for path in [
        "/courses/soldadura".to_owned(),
        format!("/course-runs/{}", run.id),
        format!("/course-runs/{}/calendar.ics", run.id),
        "/courses/borrador".to_owned(),
    ] {
        assert_eq!(read(&office, &path).await.status, 404, "{path}");
    }
    for path in [
        "/courses",
        "/courses.csv",
        "/courses.xml",
        "/course-runs.csv",
        "/course-runs.xml",
        "/course-runs.ics",
        "/sitemap-courses.xml",
        "/embed/courses",
    ] {
        let answer = read(&office, path).await;
        assert!(answer.status == 200 && !answer.text.contains("oldadura"), "{path}: {}", answer.text);
    }
}

async fn a_page_is_careful_and_is_not_sent_twice(service: &Service) {
    let office = Office::found(service).await;
    with_a_course(&office).await;
    for path in ["/courses", "/courses/soldadura", "/embed/courses"] {
        let page = read(&office, path).await;
        for (name, value) in [("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer")] {
            assert_eq!(page.header(name), Some(value), "{path}");
        }
        let policy = page.header("Content-Security-Policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; img-src 'self' https:;") && !policy.contains("unsafe"), "{policy}");
        let framed = if path.starts_with("/embed") { "frame-ancestors *" } else { "frame-ancestors 'none'" };
        assert!(policy.ends_with(framed), "{policy}");
        assert_eq!((page.header("Set-Cookie"), page.header("Cache-Control")), (None, Some("public, max-age=60")));
        // Data for engines is the only script; no style stands in the page.
        assert_eq!(page.text.matches("<script").count(), page.text.matches("<script type=\"application/ld+json\">").count());
        assert!(!page.text.contains("<style") && !page.text.contains(" style=") && !page.text.contains(" on"), "{}", page.text);
        let whole = format!("/site/{}{path}", office.slug);
        let again = service.visitor().call("GET", &whole).header("If-None-Match", page.header("ETag").unwrap()).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""));
        assert_eq!(service.visitor().call("HEAD", &whole).await.status, 200);
        assert_eq!(service.visitor().call("POST", &whole).await.status, 405);
    }
    let style = read(&office, "/courses").await.text.split("rel=\"stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let sheet = service.visitor().call("GET", &style).await;
    assert_eq!((sheet.status, sheet.header("Content-Type")), (200, Some("text/css; charset=utf-8")));
    assert!(sheet.header("Cache-Control").unwrap().contains("immutable"));
}

async fn the_list_is_narrowed_by_its_form_and_goes_on_by_pages(service: &Service) {
    let office = Office::found(service).await;
    for n in 0..5 {
        let modality = if n == 2 { "hibrido" } else { "online" };
        let campus = office.record("campuses", json!({})).await;
        office
            .course_with(json!({"slug": format!("curso-{n}"), "title": format!("Curso {n}"), "modality": modality, "campus_ids": [campus.id]}))
            .await;
    }
    // Forms send empty fields, and campaigns put theirs behind.
    let page = read(&office, "/courses?q=&modality=hibrido&campus=&cycle=&utm_source=x&fbclid=y").await;
    assert!(page.text.contains("/courses/curso-2\"") && !page.text.contains("/courses/curso-1\""), "{}", page.text);
    assert!(page.text.contains("<option value=\"hibrido\" selected>") && page.text.contains("content=\"noindex,follow\""), "{}", page.text);

    let (mut place, mut seen) = (Some("/courses?limit=2".to_owned()), Vec::new());
    while let Some(path) = place {
        let page = read(&office, &path).await;
        seen.extend(page.text.split("/courses/curso-").skip(1).map(|rest| rest[..1].to_owned()).filter(|n| !n.is_empty()));
        let next = page.text.split("rel=\"next\" href=\"").nth(1).map(|rest| rest.split('"').next().unwrap().replace("&#38;", "&"));
        place = next.map(|next| next.strip_prefix(&format!("/site/{}", office.slug)).unwrap().to_owned());
        assert!(seen.len() <= 20, "{seen:?}");
    }
    seen.dedup();
    assert_eq!(seen, ["4", "3", "2", "1", "0"]);
    assert_eq!(read(&office, "/courses?cursor=xyz").await.status, 422);
}

async fn the_feeds_hold_what_the_pages_show(service: &Service) {
    let office = Office::found(service).await;
    let (_, run) = with_a_course(&office).await;
    let address = format!("{}/site/{}", service.url, office.slug);
    let courses = read(&office, "/courses.csv").await;
    assert_eq!(courses.header("Content-Type"), Some("text/csv; charset=utf-8"));
    let rows: Vec<_> = courses.text.lines().collect();
    assert_eq!(rows.len(), 2, "{}", courses.text);
    let expected = format!(
        "\"soldadura\",\"Soldadura «TIG» & más\",\"presencial\",\"60\",\"1234.50\",\"EUR\",\"\",\"Metal\",\"\",\"Norte\",\"{address}/courses/soldadura\""
    );
    assert_eq!(rows[1], expected);
    let runs = read(&office, "/course-runs.csv").await;
    assert!(runs.text.contains(&format!("\"{}\",\"soldadura\"", run.id)) && runs.text.contains("5 libres de 5"), "{}", runs.text);
    let xml = read(&office, "/courses.xml").await;
    assert_eq!(xml.header("Content-Type"), Some("application/xml"));
    assert!(xml.text.contains("<title>Soldadura «TIG» &#38; más</title>") && xml.text.ends_with("</courses>\n"), "{}", xml.text);
    assert!(read(&office, "/course-runs.xml").await.text.contains(&format!("<course_run id=\"{}\" course=\"soldadura\">", run.id)));
    assert!(read(&office, "/sitemap-courses.xml").await.text.contains(&format!("<loc>{address}/courses/soldadura</loc>")));
    for path in ["/course-runs.ics".to_owned(), format!("/course-runs/{}/calendar.ics", run.id)] {
        let calendar = read(&office, &path).await;
        assert_eq!(calendar.header("Content-Type"), Some("text/calendar; charset=utf-8"));
        let unfolded = calendar.text.replace("\r\n ", "");
        let day = run.shown["start_date"].as_str().unwrap().replace('-', "");
        for line in [
            format!("DTSTART;VALUE=DATE:{day}"),
            format!("UID:{}@127.0.0.1", run.id),
            "SEQUENCE:1".to_owned(),
            "LOCATION:Norte\\, Calle Real 1\\, Ávila".to_owned(),
        ] {
            assert!(unfolded.lines().any(|told| told == line), "{line}: {unfolded}");
        }
        assert_eq!((unfolded.matches("BEGIN:VEVENT").count(), unfolded.ends_with("END:VCALENDAR\r\n")), (1, true));
    }
    // A run that moves keeps its name, and says that it is newer.
    office.owner().await.patch(&format!("/course-runs/{}", run.id), "*", &json!({"max_students": 6})).await.is(200);
    assert!(read(&office, "/course-runs.ics").await.text.contains("SEQUENCE:2"));
}

async fn texts_stay_texts_in_every_mouth(service: &Service) {
    let office = Office::found(service).await;
    let line = "</script><b x=\"'> =1+1";
    let campus = office.record("campuses", json!({"name": line, "city": line, "address": line})).await;
    let fields = json!({"slug": "malo", "title": line, "modality": "presencial", "campus_ids": [campus.id], "category": line, "level": line});
    let course = office.course_with(fields).await;
    let run = office.run_of(&course.id, json!({"campus_id": campus.id})).await;
    let run = format!("/course-runs/{}", run.id);
    for path in ["/courses", "/courses/malo", &run, "/embed/courses", "/courses.xml", "/course-runs.xml"] {
        let page = read(&office, path).await;
        assert!(page.status == 200 && !page.text.contains("<b x") && !page.text.contains("</script><b"), "{path}: {}", page.text);
    }
    assert_eq!(structured(&read(&office, "/courses/malo").await)["name"], line);
    office.course_with(json!({"slug": "formula", "title": "=HYPERLINK(\"x\")", "modality": "online"})).await;
    assert!(read(&office, "/courses.csv").await.text.contains("\"'=HYPERLINK(\"\"x\"\")\""));
}

async fn what_is_not_there_is_told_on_a_page(service: &Service) {
    let office = Office::found(service).await;
    for path in ["/courses/no", "/course-runs/no", "/course-runs/00000000-0000-7000-8000-000000000007"] {
        let page = service.visitor().call("GET", &format!("/site/{}{path}", office.slug)).header("Accept-Language", "es-ES,es;q=0.9").await;
        assert_eq!((page.status, page.header("Content-Type")), (404, Some("text/html; charset=utf-8")), "{path}");
        assert!(page.text.contains("Esta página no existe"), "{}", page.text);
    }
    let visitor = service.visitor();
    assert_eq!(visitor.call("GET", "/site/nadie/courses").await.status, 404);
    assert_eq!(visitor.call("GET", "/site/nadie/courses").header("Accept-Language", "en").await.text.matches("This page does not exist").count(), 2);
    let home = visitor.call("GET", &format!("/site/{}", office.slug)).await;
    assert!(matches!(home.status, 200 | 302), "{}", home.status);
}

async fn seats_are_told_as_the_organization_says(service: &Service) {
    let office = Office::found(service).await;
    let (_, run) = with_a_course(&office).await;
    let owner = office.owner().await;
    for (policy, told) in [("few", "Quedan pocas"), ("exact", "5 libres de 5")] {
        owner.patch(&format!("/course-runs/{}", run.id), "*", &json!({"seats_left_policy": policy})).await.is(200);
        for path in
            ["/courses/soldadura".to_owned(), format!("/course-runs/{}", run.id), "/course-runs.csv".to_owned(), "/course-runs.xml".to_owned()]
        {
            assert!(read(&office, &path).await.text.contains(told), "{policy} {path}");
        }
    }
    owner.patch(&format!("/course-runs/{}", run.id), "*", &json!({"seats_left_policy": "hidden"})).await.is(200);
    for path in ["/courses/soldadura".to_owned(), format!("/course-runs/{}", run.id), "/course-runs.csv".to_owned(), "/course-runs.xml".to_owned()] {
        let page = read(&office, &path).await.text;
        assert!(!page.contains("libres") && !page.contains("Quedan") && !page.contains("InStock"), "{path}: {page}");
    }
}

async fn the_language_is_that_of_the_organization(service: &Service) {
    let office = Office::found(service).await;
    with_a_course(&office).await;
    let page = read(&office, "/courses/soldadura").await;
    assert!(page.text.contains("<html lang=\"es\">") && page.text.contains("Próximas convocatorias"), "{}", page.text);
    office.owner().await.patch("/organization", "*", &json!({"locale": "en"})).await.is(200);
    let page = read(&office, "/courses/soldadura").await;
    assert!(page.text.contains("<html lang=\"en\">") && page.text.contains("Upcoming dates"), "{}", page.text);
}

async fn posts_have_pages_and_old_addresses_lead_on(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let fields = json!({"slug": "primera", "title": "La <primera>", "excerpt": "De qué va.", "content": "<h2>Hola</h2><p>Un <b>texto</b>.</p>",
        "tags": ["metal"], "youtube_video_ids": ["dQw4w9WgXcQ"]});
    let post = Made::of(&owner.post("/blog-posts", &fields).await, 201);
    assert_eq!(read(&office, "/blog-posts/primera").await.status, 404, "nobody reads a draft");
    owner.post(&format!("/blog-posts/{}/transitions", post.id), &json!({"to": "published"})).await.is(200);
    let page = read(&office, "/blog-posts/primera").await;
    for shown in
        ["La &#60;primera&#62;", "<h2>Hola</h2><p>Un <b>texto</b>.</p>", "https://www.youtube.com/watch?v=dQw4w9WgXcQ", "content=\"De qué va.\""]
    {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    assert_eq!((&structured(&page)["@type"], &structured(&page)["headline"]), (&json!("BlogPosting"), &json!("La <primera>")));
    for (path, there) in [("/blog-posts", true), ("/blog-posts?tag=metal", true), ("/blog-posts?tag=otra", false), ("/sitemap-blog-posts.xml", true)]
    {
        assert_eq!(read(&office, path).await.text.contains("/blog-posts/primera"), there, "{path}");
    }
    assert!(read(&office, "/sitemap.xml").await.text.contains("/sitemap-blog-posts.xml</loc>"));

    let course = office.course_with(json!({"slug": "antes", "title": "Curso", "modality": "online"})).await;
    owner.patch(&format!("/courses/{}", course.id), "*", &json!({"slug": "ahora"})).await.is(200);
    owner.patch(&format!("/blog-posts/{}", post.id), "*", &json!({"slug": "segunda"})).await.is(200);
    for (old, new) in [("/courses/antes", "Curso"), ("/blog-posts/primera", "La &#60;primera&#62;")] {
        let led = read(&office, old).await;
        let address = led.header("Location").map(str::to_owned);
        let page = match (led.status, address) {
            (301, Some(address)) => service.visitor().call("GET", &address).await,
            _ => led,
        };
        assert!(page.status == 200 && page.text.contains(new), "{old}: {} {}", page.status, page.text);
    }
}
