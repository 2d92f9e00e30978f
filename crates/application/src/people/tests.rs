use matricula_domain::identity::{Permission, Role};
use matricula_domain::people::IdentifierKind;
use matricula_domain::shared::Changed;
use matricula_ports::mocks::{MockRepositories, MockTransactions};

use super::*;
use crate::testing::{CLOSED, Seen, allowed, away, id, map, now, person, person_in, world};

/// The use cases over a repository that knows this person, under the id 20.
fn people(known: Option<Person>, mut repositories: MockRepositories) -> (MockTransactions, People) {
    repositories.people.expect_find().withf(|asked| *asked == id(20)).returning(move |_| Ok(known.clone()));
    let transactions = MockTransactions::over(repositories);
    (transactions.clone(), People::new(world(&transactions)))
}

fn lucia() -> Person {
    person(20, Some("lucia@example.es"), None)
}

async fn rename(people: &People, expected: Expected) -> Result<Person, PeopleError> {
    people.change(&allowed(Role::Adviser), id(20), &map(&[("name", "Lucía Pérez Gómez".into())]), expected).await
}

#[tokio::test]
async fn a_name_is_corrected_and_nothing_else() {
    let saved = Seen::<Changed<Person>>::nothing();
    let mut repositories = MockRepositories::default();
    repositories.people.expect_save().times(1).returning(saved.note());
    let (transactions, people) = people(Some(lucia()), repositories);
    let renamed = rename(&people, Expected::Version(3)).await.unwrap();
    assert_eq!((renamed.name(), renamed.identifier(IdentifierKind::Email)), ("Lucía Pérez Gómez", Some("lucia@example.es")));
    let fields: Vec<_> = saved.one().changes().iter().map(|change| change.field.clone()).collect();
    assert_eq!((fields, saved.one().at(), transactions.commits()), (vec!["name".to_owned()], now(), 1));
}

#[tokio::test]
async fn who_is_not_there_cannot_be_renamed() {
    let (transactions, people) = people(None, MockRepositories::default());
    assert!(matches!(rename(&people, Expected::Any).await, Err(PeopleError::NotFound)));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn data_that_may_not_be_worked_with_is_left_as_it_is() {
    for standing in CLOSED {
        let (transactions, people) = people(Some(person_in(standing, 20, Some("lucia@example.es"), None)), MockRepositories::default());
        assert!(matches!(rename(&people, Expected::Any).await, Err(PeopleError::Restricted)), "{standing}");
        assert_eq!(transactions.commits(), 0);
    }
}

#[tokio::test]
async fn another_version_than_the_one_that_was_seen_is_not_overwritten() {
    let (transactions, people) = people(Some(lucia()), MockRepositories::default());
    assert!(matches!(rename(&people, Expected::Version(2)).await, Err(PeopleError::Port(PortError::Stale))));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn whichever_version_is_there_is_looked_at_again_when_somebody_was_faster() {
    let mut repositories = MockRepositories::default();
    repositories.people.expect_save().times(2).returning(|_| Ok(()));
    let (transactions, people) = people(Some(lucia()), repositories);
    let transactions = transactions.refusing(PortError::Stale);
    assert_eq!(rename(&people, Expected::Any).await.unwrap().name(), "Lucía Pérez Gómez");
    assert_eq!(transactions.commits(), 2);
}

#[tokio::test]
async fn a_database_that_is_away_is_told() {
    let mut repositories = MockRepositories::default();
    repositories.people.expect_save().returning(|_| Err(away()));
    let (transactions, people) = people(Some(lucia()), repositories);
    assert!(matches!(rename(&people, Expected::Any).await, Err(PeopleError::Port(PortError::Unavailable(_)))));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn a_national_id_is_told_by_who_may_and_is_one_persons() {
    let told = map(&[("national_id", "12345678z".into())]);
    let (_, unchanged) = people(Some(lucia()), MockRepositories::default());
    let refused = unchanged.change(&allowed(Role::Adviser), id(20), &told, Expected::Any).await;
    assert!(matches!(refused, Err(PeopleError::Denied(Denied(Permission::ReadNationalIds)))));

    let saved = Seen::<Changed<Person>>::nothing();
    let mut repositories = MockRepositories::default();
    repositories.people.expect_save().times(1).returning(saved.note());
    let (_, knowing) = people(Some(lucia()), repositories);
    let known = knowing.change(&allowed(Role::Manager), id(20), &told, Expected::Any).await.unwrap();
    assert_eq!(known.identifier(IdentifierKind::Nif), Some("12345678Z"));

    let mut repositories = MockRepositories::default();
    repositories.people.expect_save().returning(|_| Ok(()));
    let (transactions, taken) = people(Some(lucia()), repositories);
    _ = (0..8).fold(transactions, |transactions, _| transactions.refusing(PortError::Conflict("person_identifiers")));
    let Err(PeopleError::Invalid(faults)) = taken.change(&allowed(Role::Manager), id(20), &told, Expected::Any).await else { panic!("it is taken") };
    assert_eq!(crate::testing::told(&faults), [("/national_id", "NATIONAL_ID_TAKEN")]);
}
