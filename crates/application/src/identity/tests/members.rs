use matricula_domain::identity::{NewUser, Organization, OrganizationDetails, OrganizationStatus, Role, User};
use matricula_domain::shared::{Changed, EmailAddress, Form, Line};
use matricula_ports::PortError;
use matricula_ports::identity::MockDirectory;
use matricula_ports::mocks::{MockRepositories, MockTransactions};

use super::super::{Identity, IdentityError};
use super::{MockPasswords, over, password};
use crate::testing::{Seen, away, id, map, now, told};

fn new_user() -> NewUser {
    NewUser {
        email: EmailAddress::parse("asesora@example.es").unwrap(),
        name: Line::parse("Asesora").unwrap(),
        password: password(),
        role: Role::Adviser,
    }
}

/// The use cases, where the password is hashed once.
fn hashing(repositories: MockRepositories) -> (MockTransactions, Identity) {
    let mut passwords = MockPasswords::new();
    passwords.expect_hash().withf(|typed| *typed == password()).times(1).returning(|_| Ok("$argon2id$fresh".to_owned()));
    over(repositories, MockDirectory::new(), passwords)
}

fn saving_users(times: usize) -> (MockRepositories, Seen<Changed<User>>) {
    let (mut repositories, saved) = (MockRepositories::default(), Seen::nothing());
    repositories.users.expect_save().times(times).returning(saved.note());
    (repositories, saved)
}

#[tokio::test]
async fn somebody_is_let_in_with_the_hash_of_their_password() {
    let (repositories, saved) = saving_users(1);
    let (transactions, identity) = hashing(repositories);
    let user = identity.admit(id(900), &new_user()).await.unwrap();
    assert_eq!((user.email.as_str(), user.password_hash.as_deref(), user.active), ("asesora@example.es", Some("$argon2id$fresh"), true));
    assert_eq!((user.membership.organization, user.membership.role.built_in(), user.membership.active), (id(900), Some(Role::Adviser), true));
    assert_eq!((saved.verbs(), saved.one().state(), transactions.commits()), (vec!["admitted"], &user, 1));
}

#[tokio::test]
async fn an_address_that_somebody_signs_in_with_is_taken() {
    let (repositories, _) = saving_users(8);
    let (transactions, identity) = hashing(repositories);
    let transactions = (0..8).fold(transactions, |transactions, _| transactions.refusing(PortError::Conflict("users")));
    let Err(IdentityError::Invalid(faults)) = identity.admit(id(900), &new_user()).await else { panic!("must be refused") };
    assert_eq!((told(&faults), faults.code(), transactions.commits()), (vec![("/email", "EMAIL_TAKEN")], "EMAIL_TAKEN", 8));
}

#[tokio::test]
async fn what_else_the_database_refuses_is_not_called_a_taken_address() {
    let (repositories, _) = saving_users(1);
    let (transactions, identity) = hashing(repositories);
    let transactions = transactions.refusing(PortError::Dangling("organizations"));
    let refused = identity.admit(id(900), &new_user()).await;
    assert!(matches!(refused, Err(IdentityError::Port(PortError::Dangling("organizations")))));
    assert_eq!(transactions.commits(), 1);
}

#[tokio::test]
async fn nobody_is_let_in_without_a_hash() {
    let mut passwords = MockPasswords::new();
    passwords.expect_hash().returning(|_| Err(away()));
    let (transactions, identity) = over(MockRepositories::default(), MockDirectory::new(), passwords);
    assert!(matches!(identity.admit(id(900), &new_user()).await, Err(IdentityError::Port(PortError::Unavailable(_)))));
    assert_eq!(transactions.commits(), 0);
}

fn details() -> OrganizationDetails {
    let fields = [("slug", "academia"), ("name", "Academia Ejemplo"), ("time_zone", "Europe/Madrid"), ("locale", "es"), ("country", "ES")];
    OrganizationDetails::read(&map(&fields.map(|(name, value)| (name, value.into())))).unwrap()
}

#[tokio::test]
async fn an_organization_is_founded() {
    let saved = Seen::<Changed<Organization>>::nothing();
    let mut repositories = MockRepositories::default();
    repositories.organizations.expect_save().times(1).returning(saved.note());
    let (transactions, identity) = over(repositories, MockDirectory::new(), MockPasswords::new());
    let founded = identity.found(&details(), None).await.unwrap();
    assert_eq!((&founded.details, founded.status, founded.created_at), (&details(), OrganizationStatus::Active, now()));
    assert_eq!((saved.verbs(), saved.one().state(), transactions.commits()), (vec!["founded"], &founded, 1));
}

#[tokio::test]
async fn an_organization_keeps_its_id_when_its_founding_is_tried_again() {
    // The scope of the transaction, which is the organization, is fixed before.
    let saved = Seen::<Changed<Organization>>::nothing();
    let mut repositories = MockRepositories::default();
    repositories.organizations.expect_save().times(2).returning(saved.note());
    let (transactions, identity) = over(repositories, MockDirectory::new(), MockPasswords::new());
    let transactions = transactions.refusing(PortError::Stale);
    let founded = identity.found(&details(), None).await.unwrap();
    let ids: Vec<_> = saved.all().iter().map(|tried| tried.state().id).collect();
    assert_eq!((ids, transactions.commits()), (vec![founded.id; 2], 2));
}

#[tokio::test]
async fn a_slug_that_is_taken_founds_nothing() {
    let mut repositories = MockRepositories::default();
    repositories.organizations.expect_save().returning(|_| Ok(()));
    let (transactions, identity) = over(repositories, MockDirectory::new(), MockPasswords::new());
    let transactions = (0..8).fold(transactions, |transactions, _| transactions.refusing(PortError::Conflict("organizations")));
    let refused = identity.found(&details(), None).await;
    assert!(matches!(refused, Err(IdentityError::Port(PortError::Conflict("organizations")))));
    assert_eq!(transactions.commits(), 8);
}
