//! The public site: what is published, by every mouth, and nothing else.

use matricula_tests::files;
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
    of_many_runs_of_a_course_each_has_its_page_and_the_next_ones_are_shown,
    what_stands_out_comes_first_and_no_choice_leads_to_nothing,
    questions_have_a_page_by_what_they_are_about,
    pictures_stand_where_they_belong_once_they_are_published,
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

async fn of_many_runs_of_a_course_each_has_its_page_and_the_next_ones_are_shown(service: &Service) {
    let office = Office::found(service).await;
    let course = office.course_with(json!({"slug": "muchas", "title": "Muchas", "modality": "online"})).await;
    let days = |first: i64, last: i64| json!({"start_date": service.day(first), "end_date": service.day(last)});
    let (over, next) = (office.run_of(&course.id, days(-30, -1)).await, office.run_of(&course.id, days(3, 9)).await);
    let mut later = Vec::new();
    for n in 0..103 {
        later.push(office.run_of(&course.id, days(200 - n, 300)).await);
    }
    let now = office.run_of(&course.id, days(-10, 0)).await;
    for run in later.iter().chain([&over, &next, &now]) {
        let page = read(&office, &format!("/course-runs/{}", run.id)).await;
        assert!(page.status == 200 && page.text.contains("<h1>Muchas</h1>"), "{}", page.text);
    }
    let page = read(&office, "/courses/muchas").await;
    let expected: Vec<_> = [&now, &next].into_iter().chain(later.iter().rev()).map(|run| run.id.as_str()).take(100).collect();
    let links: Vec<_> = page.text.split("<h3><a href=\"").skip(1).map(|rest| rest.split('"').next().unwrap().rsplit('/').next().unwrap()).collect();
    assert_eq!(links, expected);
    // What is hidden has no page, nor has what is of a hidden course.
    office.owner().await.act(&format!("/course-runs/{}/archive", next.id)).await.is(200);
    assert_eq!(read(&office, &format!("/course-runs/{}", next.id)).await.status, 404);
    assert!(!read(&office, "/courses/muchas").await.text.contains(&next.id));
    office.owner().await.act(&format!("/courses/{}/archive", course.id)).await.is(200);
    assert_eq!(read(&office, &format!("/course-runs/{}", now.id)).await.status, 404);
}

/// The choices of a field in the form of a page, as people see them; that which is chosen has an asterisk.
fn choices(page: &Answer, field: &str) -> Vec<String> {
    let (_, select) = page.text.split_once(&format!("<select id=\"{field}\"")).unwrap_or_else(|| panic!("no {field}: {}", page.text));
    let options = select.split_once("</select>").unwrap().0.split("<option value=\"").skip(2);
    let read = |option: &str| {
        let (tag, text) = option.split_once('>').unwrap();
        format!("{}{}", if tag.ends_with(" selected") { "*" } else { "" }, text.split_once('<').unwrap().0)
    };
    options.map(read).collect()
}

async fn what_stands_out_comes_first_and_no_choice_leads_to_nothing(service: &Service) {
    let office = Office::found(service).await;
    let norte = office.record("campuses", json!({"slug": "norte", "name": "Norte"})).await;
    office.record("campuses", json!({"slug": "sur", "name": "Sur"})).await;
    let cycle = office.record("cycles", json!({"slug": "metal", "name": "Metal y más"})).await;
    for (slug, more) in [
        ("destacado", json!({"modality": "presencial", "featured": true, "campus_ids": [norte.id], "cycle_id": cycle.id, "tags": ["taller"]})),
        ("viejo", json!({"modality": "presencial", "campus_ids": [norte.id], "tags": ["taller", "tarde"]})),
        ("nuevo", json!({"modality": "online", "tags": ["tarde"]})),
    ] {
        office.course_with(super::office::merged(json!({"slug": slug, "title": slug}), more)).await;
    }
    let order = async |path: &str| {
        let page = read(&office, path).await;
        page.text
            .split("<h2><a href=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().rsplit('/').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(order("/courses").await, ["destacado", "nuevo", "viejo"]);
    assert_eq!(order("/embed/courses").await, ["destacado", "nuevo", "viejo"]);
    let first = read(&office, "/courses?limit=2").await;
    let next = first.text.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    assert_eq!(order(next.strip_prefix(&format!("/site/{}", office.slug)).unwrap()).await, ["viejo"]);

    let all = read(&office, "/courses").await;
    assert_eq!(choices(&all, "modality"), ["Presencial (2)", "En línea (1)"]);
    assert_eq!(choices(&all, "campus"), ["Norte (2)"], "nothing is taught at the other one");
    assert_eq!(choices(&all, "cycle"), ["Metal y más (1)"]);
    assert_eq!(choices(&all, "tag"), ["taller (2)", "tarde (2)"]);
    // What is chosen narrows the other fields, and can be exchanged in its own.
    let narrowed = read(&office, "/courses?modality=presencial&tag=tarde").await;
    assert_eq!(choices(&narrowed, "modality"), ["En línea (1)", "*Presencial (1)"]);
    assert_eq!(choices(&narrowed, "tag"), ["taller (2)", "*tarde (1)"]);
    assert_eq!(choices(&narrowed, "campus"), ["Norte (1)"]);
    assert!(!narrowed.text.contains("<select id=\"cycle\""), "{}", narrowed.text);
    // What was asked is shown, even if it leads to nothing.
    let nothing = read(&office, "/courses?campus=sur&modality=hibrido").await;
    assert_eq!((choices(&nothing, "campus"), choices(&nothing, "modality")), (vec!["*sur (0)".to_owned()], vec!["*Semipresencial (0)".to_owned()]));
}

async fn questions_have_a_page_by_what_they_are_about(service: &Service) {
    let office = Office::found(service).await;
    let faq = async |category: &str, order: i64, question: &str, answer: &str, is_published: bool| {
        let fields = json!({"question": question, "answer": answer, "category": category, "order_display": order, "is_published": is_published});
        office.record("faqs", fields).await
    };
    assert!(read(&office, "/faqs").await.text.contains("Aún no hay preguntas publicadas."));
    faq("financial", 1, "¿Cuánto <cuesta>?", "Depende.\n\nPregunta.", true).await;
    faq("general", 8, "¿Y después?", "<p>Hay <b>más</b>.</p>", true).await;
    faq("general", 7, "¿Quiénes sois?", "Un centro.", true).await;
    faq("technical", 1, "¿Borrador?", "No.", false).await;
    let hidden = faq("general", 1, "¿Oculta?", "No.", true).await;
    office.owner().await.act(&format!("/faqs/{}/archive", hidden.id)).await.is(200);
    let page = read(&office, "/faqs").await;
    assert_eq!(page.status, 200);
    let mut rest = page.text.as_str();
    for shown in [
        "<h2>En general</h2>",
        "<summary>¿Quiénes sois?</summary>",
        "<p>Un centro.</p>",
        "<summary>¿Y después?</summary>",
        "<p>Hay <b>más</b>.</p>",
        "<h2>Precios y pagos</h2>",
        "<summary>¿Cuánto &#60;cuesta&#62;?</summary>",
        "<p>Depende.</p><p>Pregunta.</p>",
    ] {
        rest = rest.split_once(shown).unwrap_or_else(|| panic!("{shown} is not where it should be: {}", page.text)).1;
    }
    for left_out in ["¿Borrador?", "¿Oculta?", "Matrícula</h2>", "Requisitos técnicos"] {
        assert!(!page.text.contains(left_out), "{left_out}: {}", page.text);
    }
    let told = structured(&page);
    assert_eq!((&told["@type"], told["mainEntity"].as_array().unwrap().len()), (&json!("FAQPage"), 3));
    assert_eq!(
        told["mainEntity"][0],
        json!({"@type": "Question", "name": "¿Quiénes sois?", "acceptedAnswer": {"@type": "Answer", "text": "<p>Un centro.</p>"}})
    );
    // One category, question by question.
    let first = read(&office, "/faqs?category=general&limit=1").await;
    assert!(first.text.contains("¿Quiénes sois?") && !first.text.contains("¿Y después?") && first.text.contains("content=\"noindex,follow\""));
    let next = first.text.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    let second = service.visitor().call("GET", &next).await;
    assert!(
        second.text.contains("¿Y después?") && !second.text.contains("¿Quiénes sois?") && !second.text.contains("rel=\"next\""),
        "{}",
        second.text
    );
    assert_eq!(read(&office, "/faqs?cursor=WzFd").await.status, 422);
    // Other pages lead to it, for people and for engines.
    assert!(read(&office, "/courses").await.text.contains(&format!("<a href=\"/site/{}/faqs\">Preguntas frecuentes</a>", office.slug)));
    assert!(read(&office, "/sitemap.xml").await.text.contains("/sitemap-lists.xml</loc>"));
    assert!(read(&office, "/sitemap-lists.xml").await.text.contains(&format!("<url><loc>{}/site/{}/faqs</loc></url>", service.url, office.slug)));
    office.owner().await.patch("/organization", "*", &json!({"locale": "en"})).await.is(200);
    assert!(read(&office, "/faqs").await.text.contains("<h2>Prices and payment</h2>"));
}

/// A picture of this width that everybody may see, and of which this is said.
async fn picture(office: &Office<'_>, width: u32, alt_text: &str) -> String {
    let owner = office.owner().await;
    let call = owner.call("POST", "/api/v1/media").query(&[("filename", "foto.png"), ("alt_text", alt_text)]);
    let made = Made::of(&call.text("image/png", files::png(width, 60)).await, 201);
    owner.post(&format!("/media/{}/transitions", made.id), &json!({"to": "published"})).await.is(200);
    made.id
}

async fn use_as(office: &Office<'_>, asset: &str, entity_type: &str, entity_id: &str, role: &str) {
    let usage = json!({"entity_type": entity_type, "entity_id": entity_id, "role": role});
    office.owner().await.post(&format!("/media/{asset}/links"), &usage).await.is(200);
}

async fn pictures_stand_where_they_belong_once_they_are_published(service: &Service) {
    let office = Office::found(service).await;
    let owner = office.owner().await;
    let (course, run) = with_a_course(&office).await;
    let other = office.course_with(json!({"slug": "otro", "title": "Otro", "modality": "online"})).await;
    let post = office.blog_post(json!({"slug": "primera", "title": "Primera"})).await;
    let (cover, gallery) = (picture(&office, 1400, "Dos <soldadoras>").await, picture(&office, 330, "El taller").await);
    let (campus, draft) = (picture(&office, 100, "La entrada").await, office.media().await);
    let programme = office.media_of("programa.pdf", files::pdf(b"1")).await;
    owner.post(&format!("/media/{}/transitions", programme.id), &json!({"to": "published"})).await.is(200);
    use_as(&office, &cover, "course", &course.id, "cover").await;
    use_as(&office, &gallery, "course", &course.id, "gallery").await;
    use_as(&office, &programme.id, "course", &course.id, "attachment").await;
    use_as(&office, &campus, "campus", course.shown["campus_ids"][0].as_str().unwrap(), "cover").await;
    use_as(&office, &draft.id, "course", &other.id, "cover").await;
    owner.patch(&format!("/blog-posts/{}", post.id), "*", &json!({"featured_image_id": cover})).await.is(200);

    let at = |asset: &str| format!("/api/v1/public/{}/media/{asset}", office.slug);
    let (path, narrow) = (at(&cover), at(&gallery));
    let large = format!("{}{path}/thumbnails/1280", service.url);
    let all = format!("srcset=\"{path}/thumbnails/320 320w, {path}/thumbnails/640 640w, {path}/thumbnails/1280 1280w\"");
    let told = format!("<meta property=\"og:image\" content=\"{large}\">");
    let alt = "width=\"1400\" height=\"60\" alt=\"Dos &#60;soldadoras&#62;\"";
    for (path, shown) in [
        ("/courses/soldadura".to_owned(), vec![all.as_str(), alt, &told, "alt=\"El taller\"", "alt=\"La entrada\"", "programa.pdf"]),
        (format!("/course-runs/{}", run.id), vec![&all, alt, &told, "alt=\"La entrada\""]),
        ("/blog-posts/primera".to_owned(), vec![&all, alt, &told]),
        ("/courses".to_owned(), vec![&all, alt, "loading=\"lazy\""]),
        ("/embed/courses".to_owned(), vec![&all, alt, "loading=\"lazy\""]),
        ("/blog-posts".to_owned(), vec![&all, alt, "loading=\"lazy\""]),
    ] {
        let page = read(&office, &path).await;
        for shown in shown {
            assert!(page.text.contains(shown), "{path}: {shown}: {}", page.text);
        }
        assert!(!page.text.contains(&draft.id), "{path}: {}", page.text);
        let told = match path.as_str() {
            "/courses" => structured(&page)["itemListElement"][1]["item"]["image"].clone(),
            path if path.starts_with("/embed") || path == "/blog-posts" => continue,
            _ => structured(&page)["image"].clone(),
        };
        assert_eq!(told, large, "{path}");
    }
    let page = read(&office, "/courses/soldadura").await;
    // One that is not so wide is its own largest.
    assert!(page.text.contains(&format!("srcset=\"{narrow}/thumbnails/320 320w, {narrow} 330w\"")), "{}", page.text);
    assert!(read(&office, "/courses.xml").await.text.contains(&format!("<image>{large}</image>")));
    // Every address leads somewhere.
    for address in page.text.split(['"', ' ', ',']).filter(|part| part.starts_with("/api/v1/public/")) {
        assert_eq!(service.visitor().call("GET", address).await.status, 200, "{address}");
    }
    // A run can have a picture of its own.
    use_as(&office, &gallery, "course_run", &run.id, "cover").await;
    assert!(read(&office, &format!("/course-runs/{}", run.id)).await.text.contains(&format!("{narrow}/thumbnails/1280\">")));
    // What is taken back is gone everywhere.
    owner.post(&format!("/media/{cover}/transitions"), &json!({"to": "draft"})).await.is(200);
    for path in ["/courses", "/courses/soldadura", "/blog-posts", "/blog-posts/primera", "/courses.xml"] {
        assert!(!read(&office, path).await.text.contains(&cover), "{path}");
    }
}
