use matricula_domain::catalog::{PageOf, Redirect, SeoDetails, SeoMetadata};
use matricula_domain::identity::Role;
use matricula_domain::shared::{Changed, Form, RecordId, Slug};
use matricula_ports::PortError;
use matricula_ports::mocks::MockRepositories;

use super::super::CatalogError;
use super::over;
use crate::Expected;
use crate::access::{Allowed, ManageCatalog};
use crate::testing::{Seen, allowed, id, in_hours, map, now};

fn who() -> Allowed<ManageCatalog> {
    allowed(Role::Manager)
}

fn details(title: &str) -> SeoDetails {
    SeoDetails::read(&map(&[("title", title.into())])).unwrap()
}

/// Repositories in which this is told of the post 70, and so much is saved.
fn telling(told: Option<SeoMetadata>, times: usize) -> (MockRepositories, Seen<Changed<SeoMetadata>>) {
    let (mut repositories, saved) = (MockRepositories::default(), Seen::nothing());
    repositories
        .seo_metadata
        .expect_find()
        .withf(|entity_type, entity_id| (*entity_type, *entity_id) == (PageOf::BlogPost, id::<RecordId>(70)))
        .returning(move |_, _| Ok(told.clone()));
    repositories.seo_metadata.expect_save().times(times).returning(saved.note());
    (repositories, saved)
}

#[tokio::test]
async fn what_is_told_again_replaces_what_was_told_if_it_was_seen() {
    let before = SeoMetadata::describe(id(75), PageOf::BlogPost, id(70), details("Antes"), in_hours(-1)).into_state();
    for (expected, done) in [(Expected::Any, true), (Expected::Version(1), true), (Expected::Version(2), false)] {
        let (repositories, saved) = telling(Some(before.clone()), usize::from(done));
        let (transactions, catalog) = over(repositories);
        let told = catalog.describe(&who(), (PageOf::BlogPost, id(70)), &details("Ahora"), expected).await;
        match told {
            Ok(told) => assert_eq!((told.details(), saved.verbs()), (&details("Ahora"), vec!["changed"])),
            Err(error) => assert!(matches!(error, CatalogError::Port(PortError::Stale)), "{error:?}"),
        }
        assert_eq!(transactions.commits(), usize::from(done));
    }
}

#[tokio::test]
async fn nothing_is_told_of_what_is_not_there() {
    let (mut repositories, _) = telling(None, 0);
    repositories.blog_posts.expect_find().returning(|_| Ok(None));
    let (transactions, catalog) = over(repositories);
    let told = catalog.describe(&who(), (PageOf::BlogPost, id(70)), &details("Nada"), Expected::Any).await;
    assert!(matches!(told, Err(CatalogError::NotFound)));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn a_redirect_is_removed_once() {
    let redirect = Redirect::leave(id(80), PageOf::Course, Slug::parse("antes").unwrap(), id(30), in_hours(-1)).into_state();
    let (mut repositories, saved) = (MockRepositories::default(), Seen::<Changed<Redirect>>::nothing());
    repositories.redirects.expect_find().returning(move |asked| Ok(Some(redirect.clone()).filter(|redirect| redirect.parts().id == asked)));
    repositories.redirects.expect_save().times(1).returning(saved.note());
    let (transactions, catalog) = over(repositories);
    catalog.remove_redirect(&who(), id(80)).await.unwrap();
    assert!(matches!(catalog.remove_redirect(&who(), id(81)).await, Err(CatalogError::NotFound)));
    assert_eq!((saved.verbs(), saved.one().at(), transactions.commits()), (vec!["removed"], now(), 1));
}
