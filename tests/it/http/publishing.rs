//! What is published, for staff and for everybody.

use matricula_domain::identity::Role;
use matricula_tests::files;
use matricula_tests::program::Service;
use matricula_tests::speak::{Client, each, text};
use matricula_tests::xss::{active_parts, payloads};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::office::{Made, Office, merged};
use super::seats::eventually;

over_http! {
    everybody_sees_the_questions_that_are_published_in_their_order,
    an_answer_is_clean_or_refused,
    everybody_learns_of_the_picture_of_a_post_once_that_is_published,
    a_post_is_shown_with_all_its_fields,
    a_post_goes_from_draft_to_published_to_archived,
    what_a_post_lacks_before_publication_is_told_at_once,
    a_post_is_changed_by_who_saw_it_last,
    a_post_is_hidden_and_comes_back,
    everybody_reads_what_is_published_alone,
    views_are_counted_without_robots,
    what_search_engines_are_told_is_said_or_derived,
    whoever_asks_for_an_old_slug_is_led_on,
    no_payload_does_anything,
}

async fn everybody_sees_the_questions_that_are_published_in_their_order(service: &Service) {
    let office = Office::found(service).await;
    let (visitor, door) = (service.visitor(), office.door("/faqs"));
    let mut faqs = Vec::new();
    for (question, order, category, published) in
        [("b", 2, "financial", true), ("a", 1, "general", true), ("c", 3, "financial", false), ("d", 4, "financial", true)]
    {
        let faq = json!({"question": question, "answer": "Sí.", "order_display": order, "category": category, "is_published": published});
        faqs.push(office.record("faqs", faq).await);
    }
    office.client(Role::Marketing).await.act(&format!("/faqs/{}/archive", faqs[3].id)).await.is(200);
    for (query, expected) in [("", vec!["a", "b"]), ("?category=financial", vec!["b"]), ("?category=technical", vec![])] {
        let found = visitor.get(&format!("{door}{query}")).await.is(200);
        assert_eq!(each(&found, "question").iter().map(text).collect::<Vec<_>>(), expected, "{query}");
    }
    let first = visitor.get(&format!("{door}?limit=1")).await.is(200);
    assert_eq!(first["items"], json!([{"id": faqs[1].id, "question": "a", "answer": "Sí.", "category": "general"}]));
    let second = visitor.get(&format!("{door}?limit=1&cursor={}", text(&first["next_cursor"]))).await.is(200);
    assert_eq!((each(&second, "question"), &second["next_cursor"]), (vec![json!("b")], &json!(null)));
    let wrong = visitor.get(&format!("{door}?category=otra&is_published=false")).await;
    let faults = [("/is_published", "UNKNOWN_FIELD"), ("/category", "NOT_A_CHOICE")];
    assert_eq!(wrong.faults(), faults.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
    // Staff sees those that are not published too.
    let viewer = office.client(Role::Viewer).await;
    assert_eq!(each(&viewer.get("/faqs?is_published=false").await.is(200), "question"), [json!("c")]);
    viewer.post("/faqs", &json!({})).await.refused(403, "PERMISSION_DENIED");
}

async fn an_answer_is_clean_or_refused(service: &Service) {
    let office = Office::found(service).await;
    let marketing = office.client(Role::Marketing).await;
    let faq = |answer: &str| json!({"question": "¿Hay beca?", "answer": answer, "category": "financial", "order_display": 1});
    let made = marketing.post("/faqs", &faq("<h1>Sí</h1><p class=\"x\">Aquí: <a href=\"/becas\">becas</a>")).await.is(201);
    assert_eq!(made["answer"], "Sí<p>Aquí: <a href=\"/becas\" rel=\"noopener noreferrer\">becas</a></p>");
    let rows = office.rows("faqs").await;
    let refused = marketing.post("/faqs", &faq("<p>Sí</p><script>alert(1)</script>")).await;
    refused.refused(422, "HTML_NOT_ALLOWED");
    assert_eq!(refused.faults(), [("/answer".to_owned(), "HTML_NOT_ALLOWED".to_owned())]);
    assert_eq!(office.rows("faqs").await, rows, "nothing half stored");
}

over_http_alone! {
    a_post_is_published_when_its_time_comes,
}

async fn a_post_is_shown_with_all_its_fields(service: &Service) {
    let office = Office::found(service).await;
    let marketing = office.client(Role::Marketing).await;
    let author = office.user(Role::Marketing).await;
    let post = json!({
        "slug": "becas-2026", "title": "Becas 2026", "excerpt": "Quién puede pedirlas.", "content": "<h2>Quién</h2><p>Todos.</p>", "category": "Ayudas",
        "tags": ["becas", "fp"], "youtube_video_ids": ["https://www.youtube.com/watch?v=dQw4w9WgXcQ"], "featured_image_id": null, "language": "en",
    });
    let answer = marketing.post("/blog-posts", &post).await;
    let made = Made::of(&answer, 201);
    assert_eq!(answer.header("Location"), Some(format!("/api/v1/blog-posts/{}", made.id).as_str()));
    let at = &made.shown["created_at"];
    let beside = json!({
        "id": made.id, "author_id": author, "youtube_video_ids": ["dQw4w9WgXcQ"], "status": "draft", "published_at": null, "views_count": 0,
        "archived_at": null, "created_at": at, "updated_at": at,
    });
    let shown = merged(post, beside);
    assert_eq!(made.shown, shown);
    let read = marketing.get(&format!("/blog-posts/{}", made.id)).await;
    assert_eq!((read.is(200), read.etag()), (shown.clone(), made.etag.as_str()));
    let mut item = shown;
    item.as_object_mut().unwrap().retain(|field, _| field != "content" && field != "youtube_video_ids");
    assert_eq!(marketing.get("/blog-posts").await.is(200), json!({"items": [item], "next_cursor": null}));
    marketing.post("/blog-posts", &json!({"slug": "becas-2026", "title": "Otra"})).await.refused(422, "SLUG_TAKEN");
    // A program says who signs; who signs works here.
    let program = office.program(&["publishing.manage"]).await;
    let faults = program.post("/blog-posts", &json!({"slug": "a", "title": "A"})).await.faults();
    assert_eq!(faults, [("/author_id".to_owned(), "REQUIRED".to_owned())]);
    let faults = marketing.post("/blog-posts", &json!({"slug": "a", "title": "A", "author_id": Uuid::from_u128(7)})).await.faults();
    assert_eq!(faults, [("/author_id".to_owned(), "NOT_FOUND".to_owned())]);
    // What stands above it is a picture that is there.
    let (picture, document, hidden) = (office.media().await, office.media_of("a.pdf", files::pdf(b"1")).await, office.media().await);
    let (theirs, path) = (Office::found(service).await.media().await, format!("/blog-posts/{}", made.id));
    office.owner().await.act(&format!("/media/{}/archive", hidden.id)).await.is(200);
    for (image, code) in [(&document.id, "NOT_A_PICTURE"), (&hidden.id, "NOT_FOUND"), (&theirs.id, "NOT_FOUND"), (&made.id, "NOT_FOUND")] {
        let refused = marketing.patch(&path, "*", &json!({"featured_image_id": image})).await;
        assert_eq!((refused.status, refused.faults()), (422, vec![("/featured_image_id".to_owned(), code.to_owned())]));
        let refused = marketing.post("/blog-posts", &json!({"slug": "b", "title": "B", "featured_image_id": image})).await;
        assert_eq!(refused.faults(), [("/featured_image_id".to_owned(), code.to_owned())]);
    }
    assert_eq!(marketing.patch(&path, "*", &json!({"featured_image_id": picture.id})).await.is(200)["featured_image_id"], picture.id);
    let least = program.post("/blog-posts", &json!({"slug": "a", "title": "A", "author_id": author})).await.is(201);
    assert_eq!((&least["language"], &least["tags"], &least["content"]), (&json!("es"), &json!([]), &Json::Null));
}

/// Takes a post to another state.
async fn transition(client: &Client, post: &Made, body: Json) -> matricula_tests::speak::Answer {
    client.post(&format!("/blog-posts/{}/transitions", post.id), &body).await
}

async fn a_post_goes_from_draft_to_published_to_archived(service: &Service) {
    let office = Office::found(service).await;
    let marketing = office.client(Role::Marketing).await;
    let post = office.blog_post(json!({})).await;
    let problem = transition(&marketing, &post, json!({"to": "published"})).await.refused(409, "INVALID_TRANSITION");
    assert_eq!(problem["possible"], json!(["draft", "archived"]));
    assert!(post.shown["published_at"].is_string());
    for to in ["archived", "draft", "published", "draft"] {
        let answer = transition(&marketing, &post, json!({"to": to})).await;
        assert_eq!((&answer.is(200)["status"], answer.header("ETag").is_some()), (&json!(to), true));
    }
    for (body, code) in [
        (json!({"to": "scheduled"}), "REQUIRED"),
        (json!({"to": "scheduled", "publish_at": "2020-01-01T00:00:00Z"}), "IN_THE_PAST"),
        (json!({"to": "published", "publish_at": "2999-01-01T00:00:00Z"}), "NOT_SCHEDULED"),
        (json!({"to": "scheduled", "publish_at": "mañana"}), "NOT_AN_INSTANT"),
    ] {
        assert_eq!(transition(&marketing, &post, body).await.faults(), [("/publish_at".to_owned(), code.to_owned())]);
    }
    office.client(Role::Manager).await.post(&format!("/blog-posts/{}/transitions", post.id), &json!({})).await.refused(403, "PERMISSION_DENIED");
}

async fn what_a_post_lacks_before_publication_is_told_at_once(service: &Service) {
    let office = Office::found(service).await;
    let marketing = office.client(Role::Marketing).await;
    let bare = Made::of(&marketing.post("/blog-posts", &json!({"slug": "bare", "title": "Bare"})).await, 201);
    for to in [json!({"to": "published"}), json!({"to": "scheduled", "publish_at": "2999-01-01T00:00:00Z"})] {
        let problem = transition(&marketing, &bare, to).await.refused(409, "BLOG_POST_NOT_READY");
        let lacks: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|fault| text(&fault["pointer"])).collect();
        assert_eq!(lacks, ["/excerpt", "/content"]);
    }
    let post = office.blog_post(json!({})).await;
    let answer = marketing.patch(&format!("/blog-posts/{}", post.id), "*", &json!({"content": "<p></p>"})).await;
    assert_eq!(answer.faults(), [("/content".to_owned(), "REQUIRED".to_owned())]);
}

async fn a_post_is_changed_by_who_saw_it_last(service: &Service) {
    let office = Office::found(service).await;
    let marketing = office.client(Role::Marketing).await;
    let post = office.blog_post(json!({"tags": ["a"]})).await;
    let path = format!("/blog-posts/{}", post.id);
    let changed = Made::of(&marketing.patch(&path, &post.etag, &json!({"title": "Otro", "tags": ["b", "c"], "content": "Texto."})).await, 200);
    assert_eq!((&changed.shown["tags"], &changed.shown["content"]), (&json!(["b", "c"]), &json!("Texto.")));
    marketing.patch(&path, &post.etag, &json!({"title": "Tarde"})).await.refused(412, "STALE");
    let rows = office.rows("audit_entries").await;
    let wrong =
        json!({"content": "<svg onload=alert(1)>", "youtube_video_ids": ["nada"], "tags": ["x", "x"], "slug": "No Slug", "status": "published"});
    let answer = marketing.patch(&path, "*", &wrong).await;
    answer.refused(422, "HTML_NOT_ALLOWED");
    let mut faults = answer.faults();
    faults.sort();
    let expected =
        [("/content", "HTML_NOT_ALLOWED"), ("/slug", "NOT_A_SLUG"), ("/status", "UNKNOWN_FIELD"), ("/youtube_video_ids/0", "NOT_A_YOUTUBE_VIDEO")];
    assert_eq!(faults, expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
    assert_eq!(office.rows("audit_entries").await, rows, "nothing half stored");
}

async fn a_post_is_hidden_and_comes_back(service: &Service) {
    let office = Office::found(service).await;
    let marketing = office.client(Role::Marketing).await;
    let post = office.blog_post(json!({})).await;
    let (path, door) = (format!("/blog-posts/{}", post.id), office.door(&format!("/blog-posts/{}", text(&post.shown["slug"]))));
    marketing.act(&format!("{path}/restore")).await.refused(409, "ALREADY_SO");
    assert!(marketing.act(&format!("{path}/archive")).await.is(200)["archived_at"].is_string());
    marketing.act(&format!("{path}/archive")).await.refused(409, "ALREADY_SO");
    assert_eq!(each(&marketing.get("/blog-posts").await.is(200), "id"), Vec::<Json>::new());
    service.visitor().get(&door).await.refused(404, "NOT_FOUND");
    assert_eq!(marketing.act(&format!("{path}/restore")).await.is(200)["archived_at"], Json::Null);
    service.visitor().get(&door).await.is(200);
}

async fn everybody_reads_what_is_published_alone(service: &Service) {
    let office = Office::found(service).await;
    let visitor = service.visitor();
    office.blog_post(json!({"slug": "uno", "title": "Uno", "tags": ["fp"], "category": "Ayudas", "content": "<p>Uno.</p>"})).await;
    office.blog_post(json!({"slug": "dos", "title": "Dos", "tags": ["fp", "becas"]})).await;
    let draft = json!({"slug": "tres", "title": "Tres", "tags": ["fp"], "content": "x", "excerpt": "x"});
    let draft = Made::of(&office.owner().await.post("/blog-posts", &draft).await, 201);
    transition(&office.owner().await, &draft, json!({"to": "scheduled", "publish_at": "2999-01-01T00:00:00Z"})).await.is(200);
    for (query, expected) in [
        ("", vec!["dos", "uno"]),
        ("?tag=fp", vec!["dos", "uno"]),
        ("?tag=becas", vec!["dos"]),
        ("?category=Ayudas", vec!["uno"]),
        ("?q=UNOS", vec!["uno"]),
        ("?q=ayúda", vec!["uno"]),
        ("?q=tres", vec![]),
        ("?tag=nada", vec![]),
    ] {
        let found = visitor.get(&office.door(&format!("/blog-posts{query}"))).await.is(200);
        assert_eq!(each(&found, "slug").iter().map(text).collect::<Vec<_>>(), expected, "{query}");
    }
    let first = visitor.get(&office.door("/blog-posts?limit=1")).await.is(200);
    let next = visitor.get(&office.door(&format!("/blog-posts?limit=1&cursor={}", text(&first["next_cursor"])))).await.is(200);
    assert_eq!((each(&next, "slug"), &next["next_cursor"]), (vec![json!("uno")], &Json::Null));
    let shown = visitor.get(&office.door("/blog-posts/uno")).await.is(200);
    let fields: Vec<_> = shown.as_object().unwrap().keys().map(String::as_str).collect();
    let told = [
        "category",
        "content",
        "excerpt",
        "featured_image_id",
        "id",
        "language",
        "published_at",
        "seo",
        "slug",
        "tags",
        "title",
        "youtube_video_ids",
    ];
    assert_eq!((fields.len(), fields.iter().filter(|field| told.contains(field)).count()), (told.len(), told.len()), "{fields:?}");
    assert_eq!(shown["content"], "<p>Uno.</p>");
    for slug in ["tres", "nada", "No-Slug"] {
        visitor.get(&office.door(&format!("/blog-posts/{slug}"))).await.refused(404, "NOT_FOUND");
    }
}

async fn everybody_learns_of_the_picture_of_a_post_once_that_is_published(service: &Service) {
    let office = Office::found(service).await;
    let (owner, visitor, picture) = (office.owner().await, service.visitor(), office.media().await);
    let post = office.blog_post(json!({"slug": "foto", "featured_image_id": picture.id})).await;
    let course = office.course().await;
    let course_path = office.door(&format!("/courses/{}", text(&course.shown["slug"])));
    owner.post(&format!("/media/{}/links", picture.id), &json!({"entity_type": "course", "entity_id": course.id, "role": "cover"})).await.is(200);
    assert_eq!(owner.get(&format!("/blog-posts/{}", post.id)).await.is(200)["featured_image_id"], picture.id);
    let address = format!("{}/api/v1/public/{}/media/{}/thumbnails/1280", service.url, office.slug, picture.id);
    for (to, is_public) in [(None, false), (Some("published"), true), (Some("draft"), false)] {
        if let Some(to) = to {
            owner.post(&format!("/media/{}/transitions", picture.id), &json!({"to": to})).await.is(200);
        }
        let (expected, image) = if is_public { (json!(picture.id), json!(address)) } else { (Json::Null, Json::Null) };
        assert_eq!(visitor.get(&office.door("/blog-posts")).await.is(200)["items"][0]["featured_image_id"], expected);
        let shown = visitor.get(&office.door("/blog-posts/foto")).await.is(200);
        assert_eq!((&shown["featured_image_id"], &shown["seo"]["og_image"]), (&expected, &image));
        assert_eq!(visitor.get(&course_path).await.is(200)["seo"]["og_image"], image);
    }
}

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

async fn views_are_counted_without_robots(service: &Service) {
    let office = Office::found(service).await;
    let (post, other) = (office.blog_post(json!({})).await, office.blog_post(json!({})).await);
    let rows = office.rows_of(&["audit_entries", "outbox"]).await;
    let read = async |agent: &str| {
        let answer = service.visitor().get(&office.door(&format!("/blog-posts/{}", text(&post.shown["slug"])))).header("User-Agent", agent).await;
        assert_eq!((answer.status, answer.header("Set-Cookie")), (200, None));
    };
    for _ in 0..25 {
        read(BROWSER).await;
    }
    for robot in ["Googlebot/2.1", "curl/8.5.0"] {
        read(robot).await;
    }
    let views = async |post: &Made| office.owner().await.get(&format!("/blog-posts/{}", post.id)).await.is(200)["views_count"].clone();
    eventually("views are written down", async || views(&post).await != json!(0)).await;
    eventually("all of them are", async || views(&post).await == json!(25)).await;
    assert_eq!(views(&other).await, json!(0));
    assert_eq!(office.rows_of(&["audit_entries", "outbox"]).await, rows);
    // Who saw the post before it was read changes it all the same.
    office.owner().await.patch(&format!("/blog-posts/{}", post.id), &post.etag, &json!({"title": "Otro"})).await.is(200);
    assert_eq!(views(&post).await, json!(25));
}

async fn what_search_engines_are_told_is_said_or_derived(service: &Service) {
    let office = Office::found(service).await;
    let (marketing, manager, visitor) = (office.client(Role::Marketing).await, office.client(Role::Manager).await, service.visitor());
    let about = json!({"title": "TIG", "description": "<p>Desde <b>cero</b> &amp; más.</p>", "slug": "tig", "modality": "online", "seo": {"keywords": ["tig"]}});
    let course = office.course_with(about).await;
    let post = office.blog_post(json!({"slug": "becas", "title": "Becas", "excerpt": "Todas."})).await;
    let seo = async |path: &str| visitor.get(&office.door(path)).await.is(200)["seo"].clone();
    let derived = seo("/courses/tig").await;
    let address = text(&derived["canonical_url"]);
    assert!(address.starts_with("http") && address.ends_with(&format!("/site/{}/courses/tig", office.slug)), "{address}");
    let expected = json!({
        "title": "TIG", "description": "Desde cero & más.", "keywords": ["tig"], "og_title": "TIG", "og_description": "Desde cero & más.",
        "og_image": null, "twitter_card": "summary", "canonical_url": address, "robots": "index,follow",
    });
    assert_eq!(derived, expected);
    assert_eq!(seo("/blog-posts/becas").await["description"], "Todas.");

    let path = format!("/api/v1/seo-metadata/course/{}", course.id);
    let put = async |client: &Client, path: &str, etag: &str, body: Json| client.call("PUT", path).header("If-Match", etag).json(&body).await;
    manager.get(&format!("/seo-metadata/course/{}", course.id)).await.refused(404, "NOT_FOUND");
    manager.call("PUT", &path).json(&json!({})).await.refused(428, "IF_MATCH_REQUIRED");
    put(&manager, &path, "\"1\"", json!({})).await.refused(412, "STALE");
    put(&marketing, &path, "*", json!({})).await.refused(403, "PERMISSION_DENIED");
    let told = json!({"title": "Curso TIG", "robots": "noindex,follow", "canonical_url": "https://academia.example.es/tig"});
    let first = put(&manager, &path, "*", told.clone()).await;
    let shown = merged(first.is(200), told);
    assert_eq!((first.is(200), first.etag(), &shown["og_image"]), (shown.clone(), "\"1\"", &Json::Null));
    assert_eq!(manager.get(&format!("/seo-metadata/course/{}", course.id)).await.is(200), shown);
    let now = seo("/courses/tig").await;
    assert_eq!(
        [&now["title"], &now["og_title"], &now["description"], &now["robots"], &now["canonical_url"]],
        [&json!("Curso TIG"), &json!("Curso TIG"), &json!("Desde cero & más."), &json!("noindex,follow"), &json!("https://academia.example.es/tig")]
    );
    // What is said replaces all that was said before.
    assert_eq!(put(&manager, &path, "\"1\"", json!({"description": "Otra."})).await.is(200)["title"], Json::Null);
    put(&manager, &path, "\"1\"", json!({})).await.refused(412, "STALE");
    let run = office.run(1).await.id;
    let (cycle, campus) = (office.record("cycles", json!({})).await.id, office.record("campuses", json!({})).await.id);
    for (kind, id) in [("blog_post", &post.id), ("course_run", &run), ("cycle", &cycle), ("campus", &campus)] {
        put(&manager, &format!("/api/v1/seo-metadata/{kind}/{id}"), "*", json!({"title": "T"})).await.is(200);
    }
    assert_eq!(seo("/blog-posts/becas").await["title"], "T");
    for nothing in [format!("campus/{}", course.id), format!("lead/{}", course.id), format!("course/{}", Uuid::from_u128(7)), "course/x".to_owned()] {
        put(&manager, &format!("/api/v1/seo-metadata/{nothing}"), "*", json!({})).await.refused(404, "NOT_FOUND");
    }
    put(&manager, &format!("/api/v1/seo-metadata/cycle/{cycle}"), "*", json!({"keywords": ["grado medio"]})).await.is(200);
    for (query, expected) in [
        ("", vec!["campus", "cycle", "course_run", "blog_post", "course"]),
        ("?entity_type=cycle", vec!["cycle"]),
        ("?keyword=grado%20medio", vec!["cycle"]),
        ("?keyword=grado", vec![]),
    ] {
        let listed = manager.get(&format!("/seo-metadata{query}")).await.is(200);
        assert_eq!(each(&listed, "entity_type").iter().map(text).collect::<Vec<_>>(), expected, "{query}");
    }
    let wrong = json!({"og_image": "http://example.es/a.png", "canonical_url": "javascript:alert(1)", "robots": "all", "twitter_card": "player"});
    let faults = put(&manager, &path, "*", wrong).await.faults();
    let expected = [("/twitter_card", "NOT_A_CHOICE"), ("/canonical_url", "NOT_A_WEB_ADDRESS"), ("/robots", "NOT_A_CHOICE")];
    assert_eq!(faults, expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
}

async fn whoever_asks_for_an_old_slug_is_led_on(service: &Service) {
    let office = Office::found(service).await;
    let (owner, visitor) = (office.owner().await, service.visitor());
    let online = |slug: &str| json!({"slug": slug, "title": slug, "modality": "online"});
    let course = office.course_with(online("a")).await;
    let post = office.blog_post(json!({"slug": "a"})).await;
    let rename = async |many: &str, id: &str, slug: &str| {
        owner.patch(&format!("/{many}/{id}"), "*", &json!({"slug": slug})).await.is(200);
    };
    // The answer to the old slug: a status, and where to.
    let asked = async |many: &str, slug: &str| {
        let answer = visitor.get(&office.door(&format!("/{many}/{slug}"))).await;
        (answer.status, answer.header("Location").unwrap_or_default().to_owned())
    };
    let led = |many: &str, slug: &str| (301, format!("/api/v1{}", office.door(&format!("/{many}/{slug}"))));
    for (many, id) in [("courses", &course.id), ("blog-posts", &post.id)] {
        rename(many, id, "b").await;
        rename(many, id, "c").await;
        // Both lead to the newest one at once.
        assert_eq!((asked(many, "a").await, asked(many, "b").await), (led(many, "c"), led(many, "c")));
        // Back to the first: no loop.
        rename(many, id, "a").await;
        assert_eq!((asked(many, "a").await.0, asked(many, "b").await, asked(many, "c").await), (200, led(many, "a"), led(many, "a")));
        // Who is not public any more is not pointed at.
        owner.act(&format!("/{many}/{id}/archive")).await.is(200);
        assert_eq!(asked(many, "b").await.0, 404);
        owner.act(&format!("/{many}/{id}/restore")).await.is(200);
    }
    let listed = owner.get("/redirects").await.is(200);
    let slugs: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|item| format!("{} {}", text(&item["entity_type"]), text(&item["slug"]))).collect();
    assert_eq!(slugs, ["blog_post c", "blog_post b", "course c", "course b"]);
    // A new course takes the slug, and the redirect goes.
    office.course_with(online("b")).await;
    assert_eq!(asked("courses", "b").await.0, 200);
    assert_eq!(asked("blog-posts", "b").await, led("blog-posts", "a"));
    let (viewer, redirect) = (office.client(Role::Viewer).await, format!("/redirects/{}/remove", text(&listed["items"][2]["id"])));
    viewer.act(&redirect).await.refused(403, "PERMISSION_DENIED");
    assert_eq!(owner.act(&redirect).await.status, 204);
    owner.act(&redirect).await.refused(404, "NOT_FOUND");
    assert_eq!(asked("courses", "c").await.0, 404);
    // What was never more than a draft leaves nothing behind.
    let draft = owner.post("/courses", &merged(online("borrador"), json!({"duration_hours": 1}))).await.id(201);
    rename("courses", &draft, "otro-borrador").await;
    assert_eq!(each(&owner.get("/redirects").await.is(200), "slug").len(), 2);
}

/// The answer to a new thing whose text fields all hold a payload; where HTML is refused, the fields that take it hold none.
async fn with_payload(client: &Client, path: &str, fields: Json, html: &[&str]) -> Json {
    let answer = client.post(path, &fields).await;
    if answer.status == 201 {
        return answer.is(201);
    }
    let faults = answer.faults();
    let refused = ["HTML_NOT_ALLOWED", "CONTROL_CHARACTER"];
    assert!(faults.iter().all(|(_, code)| refused.contains(&code.as_str())), "{faults:?}: {fields}");
    let plain = html.iter().fold(fields, |fields, field| merged(fields, json!({*field: "Nada."})));
    let tidy = plain.as_object().unwrap().iter().map(|(name, value)| {
        // A line has no control characters.
        let value = value.as_str().map_or_else(|| value.clone(), |text| json!(text.replace(['\t', '\n'], " ")));
        (name.clone(), value)
    });
    client.post(path, &Json::Object(tidy.collect())).await.is(201)
}

async fn no_payload_does_anything(service: &Service) {
    let office = Office::found(service).await;
    let (owner, visitor) = (office.owner().await, service.visitor());
    let payloads = payloads();
    assert!(payloads.len() > 150);
    for (n, payload) in payloads.iter().enumerate() {
        let slug = format!("xss-{n}");
        let category: String = payload.chars().take(100).collect();
        let post = json!({"slug": slug, "title": payload, "excerpt": payload, "content": payload, "category": category});
        let post = text(&with_payload(&owner, "/blog-posts", post, &["content"]).await["id"]);
        let course = json!({"slug": slug, "title": payload, "description": payload, "category": category, "duration_hours": 1, "modality": "online",
            "price": {"amount": 0, "currency": "EUR"}});
        let course = text(&with_payload(&owner, "/courses", course, &["description"]).await["id"]);
        let faq = json!({"question": payload, "answer": payload, "category": "general", "order_display": n, "is_published": true});
        with_payload(&owner, "/faqs", faq, &["answer"]).await;
        let told = json!({"title": payload.replace(['\t', '\n'], " "), "description": payload, "og_title": payload.replace(['\t', '\n'], " ")});
        let seo = owner.call("PUT", &format!("/api/v1/seo-metadata/blog_post/{post}")).header("If-Match", "*").json(&told).await;
        seo.is(200);
        for (many, id) in [("blog-posts", post), ("courses", course)] {
            // A text that turns out empty is not published, and so reaches nobody.
            let moved = owner.post(&format!("/{many}/{id}/transitions"), &json!({"to": "published"})).await;
            assert!(moved.status == 200 || moved.status == 409, "{payload}: {}", moved.status);
            if moved.status == 409 {
                continue;
            }
            let answer = visitor.get(&office.door(&format!("/{many}/{slug}"))).await;
            let shown = answer.is(200);
            let headers = (answer.header("Content-Type"), answer.header("X-Content-Type-Options"));
            assert_eq!(headers, (Some("application/json"), Some("nosniff")), "what is no HTML is not read as such");
            let html = text(&shown[if many == "courses" { "description" } else { "content" }]);
            assert_eq!(active_parts(&html), Vec::<String>::new(), "{payload}");
        }
    }
    let mut answers = 0;
    let mut path = office.door("/faqs?limit=50");
    loop {
        let page = visitor.get(&path).await.is(200);
        for answer in each(&page, "answer") {
            assert_eq!(active_parts(&text(&answer)), Vec::<String>::new());
            answers += 1;
        }
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = office.door(&format!("/faqs?limit=50&cursor={cursor}"));
    }
    assert_eq!(answers, payloads.len());
}

async fn a_post_is_published_when_its_time_comes(service: &Service) {
    let office = Office::found(service).await;
    let marketing = office.client(Role::Marketing).await;
    let draft = json!({"slug": "becas", "title": "Becas", "excerpt": "Todas.", "content": "Todas."});
    let post = Made::of(&marketing.post("/blog-posts", &draft).await, 201);
    // Chosen once, and then another time: the first time passes without anything.
    transition(&marketing, &post, json!({"to": "scheduled", "publish_at": "2026-03-01T12:00:00Z"})).await.is(200);
    let moved = transition(&marketing, &post, json!({"to": "scheduled", "publish_at": "2026-03-02T10:00:00Z"})).await.is(200);
    assert_eq!((&moved["status"], &moved["published_at"]), (&json!("scheduled"), &json!("2026-03-02T10:00:00Z")));
    let door = office.door("/blog-posts/becas");
    service.it_is("2026-03-01T12:00:01Z");
    let jobs = async |condition: &str| service.db.raw.count_where("jobs", &format!("kind = 'publishing.blog_post_due' AND {condition}"), []).await;
    eventually("the first time is over", async || jobs("status = 'done'").await == 1).await;
    service.visitor().get(&door).await.refused(404, "NOT_FOUND");
    service.it_is("2026-03-02T10:00:01Z");
    eventually("it is published", async || service.visitor().get(&door).await.status == 200).await;
    let owner = office.sign_in(Role::Owner).await;
    let published = owner.get(&format!("/blog-posts/{}", post.id)).await.is(200);
    assert_eq!((&published["status"], &published["published_at"]), (&json!("published"), &json!("2026-03-02T10:00:00Z")));
    let entries = "entity = 'blog_post' AND action = 'blog_post.published' AND actor = 'system:publishing.blog_post_due'";
    assert_eq!(service.db.raw.count_where("audit_entries", entries, []).await, 1);
}
