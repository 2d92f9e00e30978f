use matricula_domain::catalog::{PageOf, Redirect, RedirectFact};
use matricula_domain::identity::{OrganizationId, Role};
use matricula_domain::publishing::{
    BlogPost, BlogPostDetails, BlogPostError, BlogPostId, BlogPostParts, BlogPostStatus, FileName, MediaAsset, MediaDetails, MediaFile, MediaStatus,
    MediaType,
};
use matricula_domain::shared::{Changed, Field as _, Form, Instant, Language, RecordId, Slug, Value};
use matricula_ports::PortError;
use matricula_ports::mocks::{MockRepositories, MockTransactions};
use matricula_ports::notifications::NewJob;
use matricula_ports::publishing::MockBlogPostViews;
use uuid::Uuid;

use super::{BLOG_POST_DUE, Publishing, PublishingError, Views};
use crate::Expected;
use crate::access::{Allowed, ManagePublishing};
use crate::testing::{Seen, allowed, away, id, in_hours, map, now, scope, told, user, visitor, world};

fn over(repositories: MockRepositories) -> (MockTransactions, Publishing) {
    let transactions = MockTransactions::over(repositories);
    (transactions.clone(), Publishing::new(world(&transactions)))
}

fn who() -> Allowed<ManagePublishing> {
    allowed(Role::Marketing)
}

fn details(fields: &[(&str, Value)]) -> BlogPostDetails {
    let usual = [("slug", "becas".into()), ("title", "Becas".into()), ("excerpt", "Todas.".into()), ("content", "Todas.".into())];
    BlogPostDetails::read(&map(&usual).merged(&map(fields))).unwrap()
}

/// The post 70 of the user 50.
fn post(status: BlogPostStatus, published_at: Option<Instant>) -> BlogPost {
    let details = details(&[("author_id", Value::Id(Uuid::from_u128(50))), ("language", "es".into())]);
    BlogPost::from_parts(BlogPostParts {
        id: id(70),
        details,
        status,
        published_at,
        views_count: 7,
        archived_at: None,
        created_at: in_hours(-24),
        updated_at: in_hours(-24),
        version: 3,
    })
}

/// Repositories that know this post, under the id 70, and save so often.
fn knowing(post: Option<BlogPost>, times: usize) -> (MockRepositories, Seen<Changed<BlogPost>>) {
    let (mut repositories, saved) = (MockRepositories::default(), Seen::nothing());
    let of_slug = post.clone();
    repositories.blog_posts.expect_find().withf(|asked| *asked == id::<BlogPostId>(70)).returning(move |_| Ok(post.clone()));
    repositories.blog_posts.expect_find_by_slug().returning(move |slug| Ok(of_slug.clone().filter(|post| post.details().slug == *slug)));
    repositories.blog_posts.expect_save().times(times).returning(saved.note());
    (repositories, saved)
}

/// The same repositories with users who work here, or do not.
fn with_users(mut repositories: MockRepositories, work_here: bool) -> MockRepositories {
    repositories.users.expect_find().returning(move |_| Ok(Some(user(true, work_here))));
    repositories
}

/// The same repositories with this redirect; what becomes of redirects is noted.
fn with_redirect(mut repositories: MockRepositories, there: Option<Redirect>) -> (MockRepositories, Seen<Changed<Redirect>>) {
    let saved = Seen::nothing();
    repositories.redirects.expect_find_by_slug().returning(move |_, slug| Ok(there.clone().filter(|there| there.parts().slug == *slug)));
    repositories.redirects.expect_save().returning(saved.note());
    (repositories, saved)
}

#[tokio::test]
async fn whoever_drafts_a_post_signs_it_in_the_language_of_the_organization() {
    let (repositories, saved) = knowing(None, 2);
    let (repositories, redirects) = with_redirect(with_users(repositories, true), None);
    let (transactions, publishing) = over(repositories);
    let drafted = publishing.draft_blog_post(&who(), &details(&[])).await.unwrap();
    assert_eq!((drafted.details().author_id, drafted.details().language), (Some(id(902)), Some(Language::Spanish)));
    let other = details(&[("author_id", Value::Id(Uuid::from_u128(50))), ("language", "en".into())]);
    let drafted = publishing.draft_blog_post(&who(), &other).await.unwrap();
    assert_eq!((drafted.details().author_id, drafted.details().language), (Some(id(50)), Some(Language::English)));
    assert_eq!((saved.verbs(), redirects.verbs(), transactions.commits()), (vec!["created", "created"], vec![], 2));
}

#[tokio::test]
async fn all_that_a_post_refers_to_in_vain_is_told_at_once() {
    let (repositories, _) = knowing(Some(post(BlogPostStatus::Draft, None)), 0);
    let (transactions, publishing) = over(with_users(repositories, false));
    let Err(PublishingError::Invalid(faults)) = publishing.draft_blog_post(&who(), &details(&[])).await else { panic!("must be refused") };
    assert_eq!((told(&faults), transactions.commits()), (vec![("/slug", "SLUG_TAKEN"), ("/author_id", "NOT_FOUND")], 0));
}

/// A media asset of a type, under the id 60.
fn asset(media_type: MediaType, archived_at: Option<Instant>) -> MediaAsset {
    MediaAsset {
        id: id(60),
        filename: "foto.png".to_owned(),
        original_filename: FileName::parse(&"foto.png".into()).unwrap(),
        file: MediaFile { media_type, size_bytes: 1, stored_bytes: 1, dimensions: None, sha256: [7; 32], storage_path: "o/a".to_owned() },
        details: MediaDetails { alt_text: None },
        uploaded_by: None,
        status: MediaStatus::Draft,
        archived_at,
        created_at: now(),
        updated_at: now(),
        version: 1,
    }
}

#[tokio::test]
async fn what_stands_above_a_post_is_a_picture_that_is_there() {
    for (found, code) in [
        (Some(asset(MediaType::Webp, None)), None),
        (Some(asset(MediaType::Pdf, None)), Some("NOT_A_PICTURE")),
        (Some(asset(MediaType::Webp, Some(now()))), Some("NOT_FOUND")),
        (None, Some("NOT_FOUND")),
    ] {
        let (mut repositories, _) = knowing(Some(post(BlogPostStatus::Draft, None)), usize::from(code.is_none()));
        repositories.media_assets.expect_find().withf(|asked| *asked == id(60)).times(1).returning(move |_| Ok(found.clone()));
        let (_, publishing) = over(repositories);
        let patch = map(&[("featured_image_id", Value::Id(Uuid::from_u128(60)))]);
        match (publishing.change_blog_post(&who(), id(70), &patch, Expected::Any).await, code) {
            (Ok(_), None) => {}
            (Err(PublishingError::Invalid(faults)), Some(code)) => assert_eq!(told(&faults), [("/featured_image_id", code)]),
            (outcome, _) => panic!("{code:?}: {outcome:?}"),
        }
    }
    // One that stands there already is not looked at again, whatever has become of it.
    let mut with_image = post(BlogPostStatus::Draft, None).parts().clone();
    with_image.details.featured_image_id = Some(id(60));
    let (repositories, saved) = knowing(Some(BlogPost::from_parts(with_image)), 1);
    let (_, publishing) = over(repositories);
    publishing.change_blog_post(&who(), id(70), &map(&[("title", "Otro".into())]), Expected::Any).await.unwrap();
    assert_eq!(saved.verbs(), ["changed"]);
}

#[tokio::test]
async fn an_author_who_left_still_signs_what_they_wrote() {
    let (repositories, saved) = knowing(Some(post(BlogPostStatus::Published, Some(now()))), 1);
    let (transactions, publishing) = over(with_users(repositories, false));
    publishing.change_blog_post(&who(), id(70), &map(&[("title", "Otro".into())]), Expected::Version(3)).await.unwrap();
    assert_eq!((saved.one().changes().len(), transactions.commits()), (1, 1));
    let patch = map(&[("author_id", Value::Id(Uuid::from_u128(51)))]);
    let Err(PublishingError::Invalid(faults)) = publishing.change_blog_post(&who(), id(70), &patch, Expected::Any).await else {
        panic!("must be refused")
    };
    assert_eq!(told(&faults), [("/author_id", "NOT_FOUND")]);
    assert!(matches!(
        publishing.change_blog_post(&who(), id(70), &map(&[]), Expected::Version(2)).await,
        Err(PublishingError::Port(PortError::Stale))
    ));
}

#[tokio::test]
async fn a_post_that_was_read_leaves_a_redirect_at_its_old_slug_and_takes_the_place_of_another_one() {
    let slug = |slug: &str| Slug::parse(slug).unwrap();
    let about = id::<RecordId>(70);
    let standing = Redirect::leave(id(80), PageOf::BlogPost, slug("ayudas"), id(71), in_hours(-1)).into_state();
    for (status, left) in [(BlogPostStatus::Published, true), (BlogPostStatus::Archived, true), (BlogPostStatus::Draft, false)] {
        let (repositories, _) = knowing(Some(post(status, Some(now()))), 1);
        let (repositories, redirects) = with_redirect(repositories, Some(standing.clone()));
        let (_, publishing) = over(repositories);
        publishing.change_blog_post(&who(), id(70), &map(&[("slug", "ayudas".into())]), Expected::Any).await.unwrap();
        let all = redirects.all();
        assert_eq!((all[0].fact(), all[0].state()), (&RedirectFact::Removed, Redirect::from_parts(standing.parts().clone()).remove(now()).state()));
        let at: Vec<_> = all[1..].iter().map(|left| (left.state().parts().slug.to_string(), left.state().parts().entity_id)).collect();
        assert_eq!(at, if left { vec![("becas".to_owned(), about)] } else { vec![] }, "{status}");
    }
}

#[tokio::test]
async fn a_scheduled_post_is_published_by_a_job_when_its_time_comes() {
    let (mut repositories, saved) = knowing(Some(post(BlogPostStatus::Draft, None)), 1);
    let jobs = Seen::<NewJob>::nothing();
    repositories.jobs.expect_enqueue().times(1).returning(jobs.keep());
    let (transactions, publishing) = over(repositories);
    let at = in_hours(2);
    let scheduled = publishing.move_blog_post(&who(), id(70), BlogPostStatus::Scheduled, Some(at)).await.unwrap();
    assert_eq!((scheduled.published_at(), saved.verbs(), transactions.commits()), (Some(at), vec!["scheduled"], 1));
    let job = jobs.one();
    assert_eq!((job.kind, job.run_at), (BLOG_POST_DUE, at));
    assert_eq!(job.payload, map(&[("blog_post_id", Value::Id(Uuid::from_u128(70)))]));
}

#[tokio::test]
async fn a_job_publishes_what_still_waits_for_its_time_and_nothing_else() {
    for (there, saves) in [
        (Some(post(BlogPostStatus::Scheduled, Some(now()))), 1),
        (Some(post(BlogPostStatus::Scheduled, Some(in_hours(1)))), 0),
        (Some(post(BlogPostStatus::Published, Some(now()))), 0),
        (Some(post(BlogPostStatus::Draft, None)), 0),
        (None, 0),
    ] {
        let (repositories, saved) = knowing(there, saves);
        let (_, publishing) = over(repositories);
        publishing.publish_due(&scope(), id(70)).await.unwrap();
        assert_eq!(saved.verbs(), vec!["published"; saves]);
    }
}

#[tokio::test]
async fn what_the_rules_of_a_post_refuse_is_not_saved() {
    let (repositories, _) = knowing(Some(post(BlogPostStatus::Published, Some(now()))), 0);
    let (transactions, publishing) = over(repositories);
    let moved = publishing.move_blog_post(&who(), id(70), BlogPostStatus::Scheduled, Some(in_hours(1))).await;
    assert!(matches!(moved, Err(PublishingError::BlogPost(BlogPostError::InvalidTransition { .. }))));
    assert!(matches!(publishing.restore_blog_post(&who(), id(70)).await, Err(PublishingError::AlreadySo)));
    assert_eq!(transactions.commits(), 0);
    let (repositories, saved) = knowing(Some(post(BlogPostStatus::Draft, None)), 1);
    let (_, publishing) = over(repositories);
    assert_eq!(publishing.archive_blog_post(&who(), id(70)).await.unwrap().archived_at(), Some(now()));
    assert_eq!(saved.verbs(), ["archived"]);
}

#[tokio::test]
async fn nothing_is_done_to_a_post_that_is_not_there() {
    let (repositories, _) = knowing(None, 0);
    let (transactions, publishing) = over(repositories);
    for outcome in [
        publishing.change_blog_post(&who(), id(70), &map(&[]), Expected::Any).await,
        publishing.move_blog_post(&who(), id(70), BlogPostStatus::Published, None).await,
        publishing.archive_blog_post(&who(), id(70)).await,
        publishing.restore_blog_post(&who(), id(70)).await,
    ] {
        assert!(matches!(outcome, Err(PublishingError::NotFound)));
    }
    assert_eq!(transactions.commits(), 0);
}

mod views {
    use super::*;

    #[tokio::test]
    async fn views_are_written_down_together_and_once() {
        let views = Views::default();
        let copies = [views.clone(), views.clone()];
        for n in [71, 70, 70] {
            for copy in &copies {
                copy.note(&visitor(), id(n));
            }
        }
        let mut counts = MockBlogPostViews::new();
        let expected = (id::<OrganizationId>(900), vec![(id::<BlogPostId>(70), 4), (id(71), 2)]);
        counts
            .expect_add()
            .withf(move |organization, views| (*organization, views) == (expected.0, expected.1.as_slice()))
            .times(1)
            .returning(|_, _| Ok(()));
        views.write_down(&counts).await.unwrap();
        views.write_down(&counts).await.unwrap();
    }

    #[tokio::test]
    async fn what_cannot_be_written_down_is_kept() {
        let views = Views::default();
        views.note(&visitor(), id(70));
        let mut counts = MockBlogPostViews::new();
        counts.expect_add().times(1).returning(|_, _| Err(away()));
        assert!(views.write_down(&counts).await.is_err());
        views.note(&visitor(), id(70));
        let mut counts = MockBlogPostViews::new();
        counts.expect_add().withf(|_, views| views == [(id::<BlogPostId>(70), 2)]).times(1).returning(|_, _| Ok(()));
        views.write_down(&counts).await.unwrap();
    }

    #[tokio::test]
    async fn no_more_posts_are_kept_than_there_is_room_for() {
        let views = Views::default();
        for n in 0..10_001 {
            views.note(&visitor(), id(n));
        }
        // Those that are known go on being counted.
        views.note(&visitor(), id(0));
        let mut counts = MockBlogPostViews::new();
        counts.expect_add().withf(|_, views| views.len() == 10_000 && views[0].1 == 2).times(1).returning(|_, _| Ok(()));
        views.write_down(&counts).await.unwrap();
    }
}
