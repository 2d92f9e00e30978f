use matricula_domain::catalog::{Course, CourseDetails, CourseError, CourseId, CourseParts, CourseStatus};
use matricula_domain::identity::Role;
use matricula_domain::shared::{Changed, Form, Instant, RecordId, Value};
use matricula_ports::PortError;
use matricula_ports::mocks::MockRepositories;
use matricula_ports::records::RecordRow;

use super::super::{Catalog, CatalogError};
use super::over;
use crate::Expected;
use crate::access::{Allowed, ManageCatalog};
use crate::testing::{Seen, allowed, id, in_hours, map, now, told};

fn who() -> Allowed<ManageCatalog> {
    allowed(Role::Manager)
}

/// The details of a course in the cycle 31, at the campuses 32 and 33.
fn details() -> CourseDetails {
    let campuses = [32, 33].map(|n| Value::Id(uuid::Uuid::from_u128(n)));
    CourseDetails::read(&map(&[
        ("slug", "dam".into()),
        ("title", "Desarrollo de aplicaciones".into()),
        ("duration_hours", Value::Int(2000)),
        ("modality", "presencial".into()),
        ("cycle_id", Value::Id(uuid::Uuid::from_u128(31))),
        ("campus_ids", Value::List(campuses.to_vec())),
    ]))
    .unwrap()
}

/// The course 30.
fn course(status: CourseStatus, archived_at: Option<Instant>) -> Course {
    Course::from_parts(CourseParts {
        id: id(30),
        details: details(),
        status,
        archived_at,
        created_at: in_hours(-24),
        updated_at: in_hours(-24),
        version: 6,
    })
}

fn draft() -> Course {
    course(CourseStatus::Draft, None)
}

/// Repositories in which this course has its slug, and these records are there.
fn referring(mut repositories: MockRepositories, holder: Option<Course>, records: &'static [u128]) -> MockRepositories {
    repositories.courses.expect_find_by_slug().returning(move |slug| Ok(holder.clone().filter(|holder| holder.details().slug == *slug)));
    repositories.redirects.expect_find_by_slug().returning(|_, _| Ok(None));
    let row = |id| RecordRow { id, fields: Value::Null, archived_at: None, created_at: now(), updated_at: now(), version: 1 };
    repositories.records.expect_find().returning(move |schema, asked| {
        let expected = if asked == id::<RecordId>(31) { "cycle" } else { "campus" };
        assert_eq!(schema.noun.one, expected);
        Ok(records.iter().any(|n| asked == id(*n)).then(|| row(asked)))
    });
    repositories
}

/// Repositories that know this course, under the id 30.
fn knowing(course: Option<Course>) -> MockRepositories {
    let mut repositories = MockRepositories::default();
    repositories.courses.expect_find().withf(|asked| *asked == id::<CourseId>(30)).returning(move |_| Ok(course.clone()));
    repositories
}

fn saving(mut repositories: MockRepositories) -> (MockRepositories, Seen<Changed<Course>>) {
    let saved = Seen::nothing();
    repositories.courses.expect_save().times(1).returning(saved.note());
    (repositories, saved)
}

#[tokio::test]
async fn a_course_begins_as_a_draft() {
    let (repositories, saved) = saving(referring(MockRepositories::default(), None, &[31, 32, 33]));
    let (transactions, catalog) = over(repositories);
    let drafted = catalog.draft_course(&who(), &details()).await.unwrap();
    assert_eq!((drafted.status(), drafted.details(), drafted.created_at()), (CourseStatus::Draft, &details(), now()));
    assert_eq!((saved.verbs(), saved.one().state(), transactions.commits()), (vec!["created"], &drafted, 1));
}

#[tokio::test]
async fn all_that_a_course_refers_to_in_vain_is_told_at_once() {
    let (transactions, catalog) = over(referring(MockRepositories::default(), Some(draft()), &[32]));
    let Err(CatalogError::Invalid(faults)) = catalog.draft_course(&who(), &details()).await else { panic!("must be refused") };
    let wrong = [("/slug", "SLUG_TAKEN"), ("/cycle_id", "NOT_FOUND"), ("/campus_ids/1", "NOT_FOUND")];
    assert_eq!((told(&faults), faults.code(), transactions.commits()), (wrong.to_vec(), "SLUG_TAKEN", 0));
}

mod change {
    use super::*;

    async fn change(catalog: &Catalog, patch: &[(&str, Value)], expected: Expected) -> Result<Course, CatalogError> {
        catalog.change_course(&who(), id(30), &map(patch), expected).await
    }

    #[tokio::test]
    async fn a_course_keeps_its_own_slug() {
        let (repositories, saved) = saving(referring(knowing(Some(draft())), Some(draft()), &[31, 32, 33]));
        let (transactions, catalog) = over(repositories);
        let changed = change(&catalog, &[("title", "DAM".into())], Expected::Version(6)).await.unwrap();
        assert_eq!((changed.details().title.as_str(), changed.details().slug.as_str()), ("DAM", "dam"));
        assert_eq!((saved.verbs(), saved.one().changes().len(), transactions.commits()), (vec!["changed"], 1, 1));
    }

    #[tokio::test]
    async fn the_slug_of_another_course_is_taken() {
        let other = draft().change(&map(&[("slug", "daw".into())]), now()).unwrap().into_state();
        let other = Course::from_parts(CourseParts { id: id(39), ..other.parts().clone() });
        let (transactions, catalog) = over(referring(knowing(Some(draft())), Some(other), &[31, 32, 33]));
        let Err(CatalogError::Invalid(faults)) = change(&catalog, &[("slug", "daw".into())], Expected::Any).await else { panic!("must be refused") };
        assert_eq!((told(&faults), transactions.commits()), (vec![("/slug", "SLUG_TAKEN")], 0));
    }

    #[tokio::test]
    async fn a_patch_that_makes_no_sense_changes_nothing() {
        let (transactions, catalog) = over(knowing(Some(draft())));
        let Err(CatalogError::Invalid(faults)) = change(&catalog, &[("slug", "NO SLUG".into())], Expected::Any).await else {
            panic!("must be refused")
        };
        assert_eq!((told(&faults), transactions.commits()), (vec![("/slug", "NOT_A_SLUG")], 0));
    }

    #[tokio::test]
    async fn another_version_than_the_one_that_was_seen_is_not_overwritten() {
        let (transactions, catalog) = over(knowing(Some(draft())));
        assert!(matches!(change(&catalog, &[("title", "DAM".into())], Expected::Version(5)).await, Err(CatalogError::Port(PortError::Stale))));
        assert_eq!(transactions.commits(), 0);
    }

    #[tokio::test]
    async fn a_course_that_somebody_else_changed_meanwhile_is_read_again() {
        let mut repositories = referring(knowing(Some(draft())), None, &[31, 32, 33]);
        repositories.courses.expect_save().times(2).returning(|_| Ok(()));
        let (transactions, catalog) = over(repositories);
        let transactions = transactions.refusing(PortError::Stale);
        assert_eq!(change(&catalog, &[("title", "DAM".into())], Expected::Any).await.unwrap().details().title.as_str(), "DAM");
        assert_eq!(transactions.commits(), 2);
    }
}

#[tokio::test]
async fn a_course_that_is_ready_is_published() {
    let complete = map(&[("description", "Todo".into()), ("price", map(&[("amount", Value::Int(0)), ("currency", "EUR".into())]))]);
    let ready = draft().change(&complete, now()).unwrap().into_state();
    let (repositories, saved) = saving(knowing(Some(ready)));
    let (transactions, catalog) = over(repositories);
    let published = catalog.move_course(&who(), id(30), CourseStatus::Published).await.unwrap();
    assert_eq!((published.status(), saved.verbs(), transactions.commits()), (CourseStatus::Published, vec!["published"], 1));
}

#[tokio::test]
async fn what_the_rules_of_a_course_refuse_is_not_saved() {
    let (transactions, catalog) = over(knowing(Some(draft())));
    let Err(CatalogError::Course(CourseError::NotReady(faults))) = catalog.move_course(&who(), id(30), CourseStatus::Published).await else {
        panic!("must be refused")
    };
    assert_eq!(told(&faults), [("/description", "REQUIRED"), ("/price", "REQUIRED")]);
    let again = catalog.move_course(&who(), id(30), CourseStatus::Draft).await;
    assert!(matches!(again, Err(CatalogError::Course(CourseError::InvalidTransition { .. }))));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn a_course_is_hidden_and_comes_back() {
    let (repositories, saved) = saving(knowing(Some(draft())));
    let (transactions, catalog) = over(repositories);
    assert_eq!(catalog.archive_course(&who(), id(30)).await.unwrap().archived_at(), Some(now()));
    assert_eq!((saved.verbs(), transactions.commits()), (vec!["archived"], 1));

    let (repositories, saved) = saving(knowing(Some(course(CourseStatus::Draft, Some(now())))));
    let (transactions, catalog) = over(repositories);
    assert_eq!(catalog.restore_course(&who(), id(30)).await.unwrap().archived_at(), None);
    assert_eq!((saved.verbs(), transactions.commits()), (vec!["restored"], 1));
}

#[tokio::test]
async fn what_is_hidden_is_not_hidden_again_nor_brought_back_twice() {
    let (transactions, catalog) = over(knowing(Some(course(CourseStatus::Draft, Some(now())))));
    assert!(matches!(catalog.archive_course(&who(), id(30)).await, Err(CatalogError::AlreadySo)));
    assert_eq!(transactions.commits(), 0);
    let (transactions, catalog) = over(knowing(Some(draft())));
    assert!(matches!(catalog.restore_course(&who(), id(30)).await, Err(CatalogError::AlreadySo)));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn nothing_is_done_to_a_course_that_is_not_there() {
    let (transactions, catalog) = over(knowing(None));
    for outcome in [
        catalog.change_course(&who(), id(30), &map(&[]), Expected::Any).await,
        catalog.move_course(&who(), id(30), CourseStatus::Published).await,
        catalog.archive_course(&who(), id(30)).await,
        catalog.restore_course(&who(), id(30)).await,
    ] {
        assert!(matches!(outcome, Err(CatalogError::NotFound)));
    }
    assert_eq!(transactions.commits(), 0);
}
