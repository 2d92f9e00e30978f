use matricula_domain::catalog::{PageOf, Redirect, SeoDetails, SeoMetadata};
use matricula_domain::identity::{Role, UserId};
use matricula_domain::publishing::{BlogPost, BlogPostDetails, BlogPostId, BlogPostStatus};
use matricula_domain::shared::{Changed, Form as _, Id as _, RecordId, Slug};
use matricula_persistence::ViewCounts;
use matricula_ports::catalog::{SeoFilter, SeoQueries as _};
use matricula_ports::publishing::{BlogPostFilter, BlogPostViews as _, PublishingQueries as _};
use matricula_ports::search::{SearchIndex as _, SearchKind};
use matricula_ports::{Clock as _, Page, PortError};
use matricula_tests::{Tenant, TestDatabase, at, at_once, on_both, value};
use serde_json::json;

use super::paging::{assert_refuses_foreign_cursors, longest, walk};

on_both!(
    a_post_is_read_back_as_it_was_saved,
    posts_are_listed_newest_first,
    posts_are_filtered,
    posts_are_found_by_their_words,
    a_post_that_is_sought_is_shown_to_whom_it_is_shown,
    what_posts_are_found_by_can_be_made_anew,
    a_slug_is_one_posts,
    an_author_is_not_removed,
    views_add_up_and_change_nothing_else,
    what_search_engines_are_told_is_read_back_as_it_was_saved,
    what_search_engines_are_told_is_found_by_its_keywords,
    a_redirect_comes_and_goes,
);

async fn find(here: &Tenant, id: BlogPostId) -> Option<BlogPost> {
    here.in_unit(async |tx| tx.blog_posts().find(id).await).await
}

async fn save(here: &Tenant, change: &Changed<BlogPost>) -> BlogPost {
    here.in_unit(async |tx| tx.blog_posts().save(change).await).await;
    change.state().clone()
}

async fn author(here: &Tenant) -> UserId {
    here.user("autora@example.es", Role::Marketing).await.id
}

async fn a_post_is_read_back_as_it_was_saved(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let author = author(&here).await;
    let tags: Vec<_> = (0..20).map(|n| format!("tag-{n}")).collect();
    let variants = [
        json!({}),
        json!({"title": longest(255), "excerpt": longest(500), "content": longest(40_000), "category": longest(100), "tags": tags, "language": "en",
            "youtube_video_ids": ["dQw4w9WgXcQ", "a-b_c1234XY"], "featured_image_id": db.id::<RecordId>().to_string()}),
        json!({"content": "<h2>Becas</h2><p>a &lt; b</p>", "excerpt": "Todas."}),
    ];
    for (n, variant) in variants.into_iter().enumerate() {
        let slug = format!("post-{n}");
        let saved = here.blog_post(author, &slug, variant).await;
        assert_eq!(find(&here, saved.id()).await.unwrap(), saved);
        assert_eq!(here.in_unit(async |tx| tx.blog_posts().find_by_slug(&Slug::parse(&slug).unwrap()).await).await.unwrap(), saved);
        assert_eq!(db.queries.blog_post(&here.scope, saved.id()).await.unwrap().unwrap(), saved);
        // A list leaves the content out.
        let listed = db.queries.blog_posts(&here.scope, &BlogPostFilter::default(), &Page::first(1)).await.unwrap().items.remove(0);
        let mut without = saved.parts().clone();
        without.details.content = None;
        assert_eq!(listed, BlogPost::from_parts(without));
    }
    let post = here.blog_post(author, "camino", json!({"content": "Todos.", "excerpt": "Quién."})).await;
    let slug = Slug::parse("camino").unwrap();
    let published = async || db.queries.published_blog_post(&here.scope, &slug).await.unwrap();
    for (to, publish_at) in [
        (BlogPostStatus::Scheduled, Some(at(60))),
        (BlogPostStatus::Published, None),
        (BlogPostStatus::Archived, None),
        (BlogPostStatus::Draft, None),
    ] {
        let before = find(&here, post.id()).await.unwrap();
        let moved = save(&here, &before.transition(to, publish_at, at(1)).unwrap()).await;
        assert_eq!(find(&here, post.id()).await.unwrap(), moved);
        assert_eq!(published().await, (to == BlogPostStatus::Published).then_some(moved));
    }
    let back = find(&here, post.id()).await.unwrap().transition(BlogPostStatus::Published, None, at(2)).unwrap();
    let back = save(&here, &back).await;
    let hidden = save(&here, &back.archive(at(3)).unwrap()).await;
    assert_eq!((find(&here, post.id()).await, published().await), (Some(hidden), None));
    assert!(find(&here, db.id()).await.is_none());
}

async fn posts_are_listed_newest_first(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let author = author(&here).await;
    let (mut by_creation, mut by_publication) = (Vec::new(), Vec::new());
    for n in 0..7_i64 {
        db.clock.set(n / 2);
        let post = here.blog_post(author, &format!("p-{n}"), json!({"content": "x", "excerpt": "x"})).await;
        // Published in the other order.
        save(&here, &post.transition(BlogPostStatus::Published, None, at(100 - n)).unwrap()).await;
        by_creation.insert(0, post.id());
        by_publication.push(post.id());
    }
    for (status, expected) in [(None, by_creation), (Some(BlogPostStatus::Published), by_publication)] {
        let filter = BlogPostFilter { status, ..BlogPostFilter::default() };
        let list = async |page: &Page| db.queries.blog_posts(&here.scope, &filter, page).await;
        for limit in [1, 2, 3, 7] {
            let ids: Vec<_> = walk(Page::first(limit), list, async |_| ()).await.iter().map(BlogPost::id).collect();
            assert_eq!(ids, expected, "{status:?}, {limit} a page");
        }
        assert_refuses_foreign_cursors(list).await;
    }
}

async fn posts_are_filtered(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (author, other) = (author(&here).await, here.user("otra@example.es", Role::Marketing).await.id);
    here.blog_post(author, "becas", json!({"title": "Becas 100% ñ", "category": "Ayudas", "tags": ["becas", "marketing-digital"]})).await;
    here.blog_post(author, "excel", json!({"title": "EXCEL_1", "tags": ["ofimatica"]})).await;
    let hidden = here.blog_post(author, "oculto", json!({"tags": ["becas"]})).await;
    save(&here, &hidden.archive(at(1)).unwrap()).await;
    let text = |text: &str| Some(text.to_owned());
    let any = BlogPostFilter::default();
    for (filter, expected) in [
        (any.clone(), vec!["excel", "becas"]),
        (BlogPostFilter { tag: text("becas"), ..any.clone() }, vec!["becas"]),
        (BlogPostFilter { tag: text("marketing"), ..any.clone() }, vec![]),
        (BlogPostFilter { category: text("Ayudas"), ..any.clone() }, vec!["becas"]),
        (BlogPostFilter { q: text("100%"), ..any.clone() }, vec!["becas"]),
        (BlogPostFilter { q: text("excel_"), ..any.clone() }, vec!["excel"]),
        (BlogPostFilter { q: text("_excel"), ..any.clone() }, vec!["excel"]),
        (BlogPostFilter { q: text("ofimática"), ..any.clone() }, vec!["excel"]),
        (BlogPostFilter { q: text("becas"), category: text("Ayudas"), ..any.clone() }, vec!["becas"]),
        (BlogPostFilter { q: text("becas"), tag: text("ofimatica"), ..any.clone() }, vec![]),
        (BlogPostFilter { author: Some(author), ..any.clone() }, vec!["excel", "becas"]),
        (BlogPostFilter { author: Some(other), ..any.clone() }, vec![]),
        (BlogPostFilter { status: Some(BlogPostStatus::Published), ..any.clone() }, vec![]),
    ] {
        let found = db.queries.blog_posts(&here.scope, &filter, &Page::first(9)).await.unwrap();
        assert_eq!(found.items.iter().map(|post| post.details().slug.as_str()).collect::<Vec<_>>(), expected, "{filter:?}");
    }
}

fn q(text: &str) -> BlogPostFilter {
    BlogPostFilter { q: Some(text.to_owned()), ..BlogPostFilter::default() }
}

/// The slugs of the posts that a filter finds.
async fn slugs(here: &Tenant, filter: &BlogPostFilter) -> Vec<String> {
    let found = here.db.queries.blog_posts(&here.scope, filter, &Page::first(50)).await.unwrap();
    found.items.iter().map(|post| post.details().slug.to_string()).collect()
}

async fn posts_are_found_by_their_words(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let author = author(&here).await;
    let says = json!({"title": "Becas de formación", "excerpt": "Ayudas", "content": "<p>Los <b>requisitos</b> para solicitarlas</p>", "category": "Economía",
        "tags": ["fp-dual"]});
    let post = here.blog_post(author, "becas", says).await;
    here.blog_post(author, "cocina", json!({"title": "Cocina", "content": "Con una beca"})).await;
    here.course("plazos").await;
    for text in ["formacion", "FORMACIONES", "fórmación", "ayuda", "requisito", "economia", "dual", "formasion", "solicita"] {
        assert_eq!(slugs(&here, &q(text)).await, ["becas"], "{text}");
        assert_eq!(slugs(&there, &q(text)).await, Vec::<String>::new(), "{text}");
    }
    for text in ["becas", "formación becas"] {
        assert_eq!(slugs(&here, &q(text)).await, ["becas", "cocina"], "{text}: the title counts more, whichever is newer");
    }
    for text in ["", "%", "nada", "<p>", "plazos"] {
        assert_eq!(slugs(&here, &q(text)).await, Vec::<String>::new(), "{text}: no course is a post");
    }
    let changed = post.change(&value(json!({"title": "Plazos", "content": null, "tags": ["otra"]})), at(1)).unwrap();
    save(&here, &changed).await;
    for text in ["formación", "requisitos", "dual"] {
        assert_eq!(slugs(&here, &q(text)).await, Vec::<String>::new(), "{text}");
    }
    assert_eq!(slugs(&here, &q("plazo")).await, ["becas"]);
    assert_eq!(slugs(&here, &BlogPostFilter { tag: Some("otra".to_owned()), ..BlogPostFilter::default() }).await, ["becas"]);
    let filter = q("plazo cocina");
    let list = async |page: &Page| db.queries.blog_posts(&here.scope, &filter, page).await;
    let walked = walk(Page::first(1), list, async |_| {}).await;
    assert_eq!(walked.len(), 2, "each once");
    assert!(walked.iter().all(|post| post.details().content.is_none()), "a list leaves the content out");
    assert_refuses_foreign_cursors(list).await;
}

async fn a_post_that_is_sought_is_shown_to_whom_it_is_shown(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let author = author(&here).await;
    let ready = json!({"title": "Becas", "excerpt": "x", "content": "x", "tags": ["ayuda"]});
    let draft = here.blog_post(author, "a", ready).await;
    let public = BlogPostFilter { status: Some(BlogPostStatus::Published), ..q("becas") };
    let tagged = BlogPostFilter { tag: Some("ayuda".to_owned()), q: None, ..public.clone() };
    let mut post = draft;
    for (n, to, shown) in [
        (1, None, false),
        (2, Some(BlogPostStatus::Published), true),
        (3, Some(BlogPostStatus::Archived), false),
        (4, Some(BlogPostStatus::Draft), false),
        (5, Some(BlogPostStatus::Published), true),
    ] {
        if let Some(to) = to {
            post = save(&here, &post.transition(to, None, at(n)).unwrap()).await;
        }
        for filter in [&public, &tagged] {
            assert_eq!(slugs(&here, filter).await.len(), usize::from(shown), "{to:?}: {filter:?}");
        }
        assert_eq!(slugs(&here, &q("becas")).await, ["a"], "the staff sees it whatever its state");
    }
    let hidden = save(&here, &post.archive(at(6)).unwrap()).await;
    for filter in [&public, &tagged, &q("becas")] {
        assert_eq!(slugs(&here, filter).await, Vec::<String>::new(), "{filter:?}");
    }
    save(&here, &hidden.restore(at(7)).unwrap()).await;
    assert_eq!(slugs(&here, &public).await, ["a"]);
}

/// Indexes all things of a kind anew, two at a time, and answers how many there are.
async fn index(here: &Tenant, kind: SearchKind) -> u16 {
    let (mut after, mut things) = (None, 0);
    loop {
        let indexed = here.db.store.index(&here.scope, kind, after, 2).await.unwrap();
        things += indexed.things;
        after = indexed.last;
        if after.is_none() {
            return things;
        }
    }
}

async fn what_posts_are_found_by_can_be_made_anew(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let author = author(&here).await;
    for slug in ["a", "b", "c"] {
        here.blog_post(author, slug, json!({"title": "Becas", "tags": ["ayuda"]})).await;
    }
    here.course("soldadura").await;
    let tagged = BlogPostFilter { tag: Some("ayuda".to_owned()), ..BlogPostFilter::default() };
    let words_of = async |kind: &str| db.raw.count_where("search_words", "kind = $1", [kind.into()]).await;
    let (of_posts, of_courses) = (words_of("blog_post").await, words_of("course").await);
    assert!(of_posts > 0 && of_courses > 0);
    // Others wrote the posts, who know nothing of the index.
    db.raw.execute("DELETE FROM search_index", []).await;
    db.raw.execute("DELETE FROM search_words WHERE kind = 'blog_post'", []).await;
    assert_eq!(slugs(&here, &q("becas")).await, Vec::<String>::new());
    assert_eq!(index(&here, SearchKind::BlogPost).await, 3);
    for filter in [&q("beca"), &q("vecas"), &tagged] {
        assert_eq!(slugs(&here, filter).await.len(), 3, "{filter:?}");
    }
    assert_eq!((words_of("blog_post").await, words_of("course").await), (of_posts, of_courses), "each kind has its own");
    assert_eq!(index(&here, SearchKind::BlogPost).await, 3, "done twice is done once");
    assert_eq!(words_of("blog_post").await, of_posts);
}

async fn what_search_engines_are_told_is_found_by_its_keywords(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let describe = async |tenant: &Tenant, kind: PageOf, keywords: &[&str]| {
        let details = SeoDetails::read(&value(json!({"keywords": keywords}))).unwrap();
        let told = SeoMetadata::describe(db.id(), kind, db.id(), details, tenant.db.clock.now());
        tenant.in_unit(async |tx| tx.seo_metadata().save(&told).await).await;
        told.into_state()
    };
    let tig = describe(&here, PageOf::Course, &["tig", "soldadura TIG"]).await;
    let mig = describe(&here, PageOf::BlogPost, &["mig", "a'b"]).await;
    let both = describe(&here, PageOf::Course, &["mig", "tig"]).await;
    describe(&there, PageOf::Course, &["tig"]).await;
    let found = async |entity_type: Option<PageOf>, keyword: Option<&str>| {
        let filter = SeoFilter { entity_type, keyword: keyword.map(str::to_owned) };
        let list = async |page: &Page| db.queries.all_seo_metadata(&here.scope, &filter, page).await;
        let whole = list(&Page::first(9)).await.unwrap().items;
        assert_eq!(walk(Page::first(1), list, async |_| {}).await, whole);
        whole
    };
    let cases = async || {
        for (entity_type, keyword, expected) in [
            (None, None, vec![&both, &mig, &tig]),
            (None, Some("tig"), vec![&both, &tig]),
            (None, Some("mig"), vec![&both, &mig]),
            (None, Some("a'b"), vec![&mig]),
            (None, Some("soldadura"), vec![]),
            (Some(PageOf::Course), None, vec![&both, &tig]),
            (Some(PageOf::Course), Some("mig"), vec![&both]),
            (Some(PageOf::Campus), None, vec![]),
        ] {
            assert_eq!(found(entity_type, keyword).await.iter().collect::<Vec<_>>(), expected, "{entity_type:?} {keyword:?}");
        }
    };
    cases().await;
    db.raw.execute("DELETE FROM search_index", []).await;
    assert_eq!(index(&here, SearchKind::SeoMetadata).await, 3);
    cases().await;
    let otherwise = tig.replace(SeoDetails::read(&value(json!({"keywords": ["otra"]}))).unwrap(), at(1));
    here.in_unit(async |tx| tx.seo_metadata().save(&otherwise).await).await;
    assert_eq!(found(None, Some("tig")).await, [both]);
    assert_eq!(found(None, Some("otra")).await, [otherwise.into_state()]);
    let filter = SeoFilter::default();
    assert_refuses_foreign_cursors(async |page: &Page| db.queries.all_seo_metadata(&here.scope, &filter, page).await).await;
}

async fn a_slug_is_one_posts(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let author = author(&here).await;
    here.blog_post(author, "becas", json!({})).await;
    there.blog_post(author, "becas", json!({})).await;
    let details = json!({"slug": "becas", "title": "x", "author_id": author.as_uuid().to_string(), "language": "es"});
    let second = BlogPost::draft(db.id(), BlogPostDetails::read(&value(details)).unwrap(), at(0));
    let refused = here.try_in_unit(async |tx| tx.blog_posts().save(&second).await).await;
    assert!(matches!(refused, Err(PortError::Conflict("blog_posts"))), "{refused:?}");
}

async fn an_author_is_not_removed(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let author = author(&here).await;
    here.blog_post(author, "becas", json!({})).await;
    db.raw.execute("DELETE FROM memberships WHERE user_id = $1", [author.as_uuid().into()]).await;
    let refusal = db.raw.try_execute("DELETE FROM users WHERE id = $1", [author.as_uuid().into()]).await.unwrap_err().to_string();
    assert!(refusal.to_uppercase().contains("FOREIGN KEY") || refusal.contains("fk_blog_posts_author_id"), "{refusal}");
    assert_eq!(db.raw.count("blog_posts").await, 1);
}

async fn views_add_up_and_change_nothing_else(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let author = author(&here).await;
    let (becas, excel) = (here.blog_post(author, "becas", json!({})).await, here.blog_post(author, "excel", json!({})).await);
    let (counts, audited) = (ViewCounts::new(db.databases.clone()), db.raw.count("audit_entries").await);
    counts.add(here.id(), &[]).await.unwrap();
    let unknown: BlogPostId = db.id();
    let works = (0..10).map(|_| {
        let (counts, organization, views) = (counts.clone(), here.id(), vec![(becas.id(), 3), (excel.id(), 1), (unknown, 5)]);
        async move || counts.add(organization, &views).await
    });
    at_once(works).await.into_iter().for_each(Result::unwrap);
    // Nobody counts in another organization.
    counts.add(there.id(), &[(becas.id(), 100)]).await.unwrap();
    let views = async |id| db.queries.blog_post(&here.scope, id).await.unwrap().unwrap().views_count();
    assert_eq!((views(becas.id()).await, views(excel.id()).await), (30, 10));
    // Who saw the post before may change it, and the views stay.
    save(&here, &becas.change(&value(json!({"title": "Otro"})), at(1)).unwrap()).await;
    assert_eq!(views(becas.id()).await, 30);
    assert_eq!(db.raw.count("audit_entries").await, audited + 1);
}

async fn what_search_engines_are_told_is_read_back_as_it_was_saved(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let course = RecordId::from_uuid(here.course("soldadura").await.id().as_uuid());
    let whole = json!({"title": longest(200), "description": longest(1000), "keywords": ["a'b", "ñ"], "og_title": longest(200),
        "og_description": longest(1000), "og_image": "https://example.es/a.png", "twitter_card": "summary_large_image",
        "canonical_url": format!("https://example.es/{}", "x".repeat(1900)), "robots": "noindex,follow"});
    let read = |json| SeoDetails::read(&value(json)).unwrap();
    let described = SeoMetadata::describe(db.id(), PageOf::Course, course, read(json!({})), at(0));
    here.in_unit(async |tx| tx.seo_metadata().save(&described).await).await;
    let replaced = described.state().replace(read(whole), at(1));
    for change in [described, replaced] {
        if !change.is_new() {
            here.in_unit(async |tx| tx.seo_metadata().save(&change).await).await;
        }
        let found = here.in_unit(async |tx| tx.seo_metadata().find(PageOf::Course, course).await).await.unwrap();
        assert_eq!(found, *change.state());
        assert_eq!(db.queries.seo_metadata(&here.scope, PageOf::Course, course).await.unwrap(), Some(found));
    }
    // There is one of each thing, and the kind is part of what a thing is.
    let second = SeoMetadata::describe(db.id(), PageOf::Course, course, read(json!({})), at(2));
    let refused = here.try_in_unit(async |tx| tx.seo_metadata().save(&second).await).await;
    assert!(matches!(refused, Err(PortError::Conflict("seo_metadata"))), "{refused:?}");
    assert!(db.queries.seo_metadata(&here.scope, PageOf::BlogPost, course).await.unwrap().is_none());
}

async fn a_redirect_comes_and_goes(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let course = RecordId::from_uuid(here.course("soldadura").await.id().as_uuid());
    let slug = |n: usize| Slug::parse(&format!("antes-{n}")).unwrap();
    let mut newest_first = Vec::new();
    for n in 0..5 {
        let left = Redirect::leave(db.id(), PageOf::Course, slug(n), course, at(0));
        here.in_unit(async |tx| tx.redirects().save(&left).await).await;
        newest_first.insert(0, left.into_state());
    }
    let list = async |page: &Page| db.queries.redirects(&here.scope, page).await;
    assert_eq!(walk(Page::first(2), list, async |_| ()).await, newest_first);
    assert_refuses_foreign_cursors(list).await;
    let led = async |page_of, n| db.queries.redirect(&here.scope, page_of, &slug(n)).await.unwrap();
    assert_eq!((led(PageOf::Course, 3).await, led(PageOf::BlogPost, 3).await, led(PageOf::Course, 9).await), (Some(course), None, None));
    let again = Redirect::leave(db.id(), PageOf::Course, slug(3), course, at(1));
    let refused = here.try_in_unit(async |tx| tx.redirects().save(&again).await).await;
    assert!(matches!(refused, Err(PortError::Conflict("redirects"))), "{refused:?}");
    // In one unit one goes and another one comes to the same slug.
    here.in_unit(async |tx| {
        let there = tx.redirects().find_by_slug(PageOf::Course, &slug(3)).await?.unwrap();
        assert_eq!(tx.redirects().find(there.parts().id).await?.unwrap(), there);
        tx.redirects().save(&there.remove(at(1))).await?;
        tx.redirects().save(&again).await
    })
    .await;
    assert_eq!(here.in_unit(async |tx| tx.redirects().find_by_slug(PageOf::Course, &slug(3)).await).await.as_ref(), Some(again.state()));
    let actions: Vec<_> = here.audit_of(&newest_first[1]).await.into_iter().map(|(_, action)| action).collect();
    assert_eq!(actions, ["redirect.created", "redirect.removed"]);
}
