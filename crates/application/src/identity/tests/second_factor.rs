use matricula_domain::identity::{Role, SecondFactor, SecondFactorError, Seed};
use matricula_domain::shared::{Changed, Instant};
use matricula_ports::identity::{Account, MockDirectory};
use matricula_ports::mocks::MockRepositories;

use super::super::tokens::digest;
use super::super::{Door, IdentityError};
use super::{MockPasswords, over, password};
use crate::testing::{Seen, caller, id, in_hours, now};

const SEED: Seed = Seed([7; 20]);
const RECOVERY: &str = "ABCD-EFGH-IJKL-MNOP";

fn code_at(at: Instant) -> String {
    SEED.code_at(at.timestamp().div_euclid(SecondFactor::STEP))
}

fn begun() -> SecondFactor {
    SecondFactor::begin(id(902), SEED, in_hours(-1)).into_state()
}

fn working() -> SecondFactor {
    begun().confirm(&code_at(in_hours(-1)), vec![digest("ABCDEFGHIJKLMNOP")], in_hours(-1)).unwrap().into_state()
}

/// Repositories in which the caller has this second factor, and what is saved of it.
fn having(factor: Option<SecondFactor>, times: usize) -> (MockRepositories, Seen<Changed<SecondFactor>>) {
    let (mut repositories, saved) = (MockRepositories::default(), Seen::nothing());
    repositories.second_factors.expect_find().withf(|user| *user == id(902)).returning(move |_| Ok(factor.clone()));
    repositories.second_factors.expect_save().times(times).returning(saved.note());
    (repositories, saved)
}

/// A directory that knows the caller, in which nobody has to wait.
fn directory() -> MockDirectory {
    let mut directory = MockDirectory::new();
    directory.expect_throttled_until().returning(|_| Ok(None));
    directory.expect_forget_failures().returning(|_| Ok(()));
    directory.expect_account().withf(|email, organization| email == "gestora@example.es" && organization.is_some()).returning(|_, _| {
        Ok(Some(Account { user: id(902), password_hash: Some("$argon2id$hash".into()), membership: id(903), organization: id(900) }))
    });
    directory
}

/// The same where a failure is counted, once.
fn counting() -> MockDirectory {
    let mut directory = directory();
    directory.expect_count_failure().times(1).returning(|_, _| Ok(()));
    directory
}

fn judging(fits: bool) -> MockPasswords {
    let mut passwords = MockPasswords::new();
    passwords.expect_verify().times(1).returning(move |_, _| Ok(fits));
    passwords
}

#[tokio::test]
async fn it_is_begun_with_a_fresh_seed_by_who_knows_the_password() {
    let removed = working().remove(in_hours(-1)).unwrap().into_state();
    for before in [None, Some(begun()), Some(removed)] {
        let (repositories, saved) = having(before, 1);
        let (transactions, identity) = over(repositories, directory(), judging(true));
        let setup = identity.begin_second_factor(&caller(Role::Adviser), &password(), &Door::default()).await.unwrap();
        let begun = saved.one();
        assert_eq!(setup.seed, data_encoding::BASE32_NOPAD.encode(&begun.state().parts().seed.0));
        assert_ne!(begun.state().parts().seed, SEED);
        assert_eq!((saved.verbs(), begun.state().is_asked_for(), transactions.commits()), (vec!["begun"], false, 1));
    }
}

#[tokio::test]
async fn one_that_works_is_not_begun_anew() {
    let (repositories, _) = having(Some(working()), 0);
    let (transactions, identity) = over(repositories, directory(), judging(true));
    let refused = identity.begin_second_factor(&caller(Role::Adviser), &password(), &Door::default()).await;
    assert!(matches!(refused, Err(IdentityError::SecondFactor(SecondFactorError::AlreadyThere))));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn without_the_password_nothing_is_begun_renewed_or_removed() {
    let (who, door) = (caller(Role::Adviser), Door::default());
    for step in 0..3 {
        let (repositories, _) = having(Some(working()), 0);
        let (transactions, identity) = over(repositories, counting(), judging(false));
        let refused = match step {
            0 => identity.begin_second_factor(&who, &password(), &door).await.map(|_| ()),
            1 => identity.renew_recovery_codes(&who, &password(), RECOVERY, &door).await.map(|_| ()),
            _ => identity.remove_second_factor(&who, &password(), RECOVERY, &door).await,
        };
        assert!(matches!(refused, Err(IdentityError::InvalidCredentials)), "{step}");
        assert_eq!(transactions.commits(), 0);
    }
}

#[tokio::test]
async fn the_first_code_confirms_and_gives_recovery_codes_of_which_only_hashes_are_kept() {
    let (repositories, saved) = having(Some(begun()), 1);
    let (transactions, identity) = over(repositories, MockDirectory::new(), MockPasswords::new());
    let codes = identity.confirm_second_factor(&caller(Role::Adviser), &code_at(now())).await.unwrap().0;
    let confirmed = saved.one();
    let hashes: Vec<_> = codes.iter().map(|code| digest(&code.replace('-', ""))).collect();
    assert_eq!((codes.len(), &confirmed.state().parts().recovery_hashes), (SecondFactor::RECOVERY_CODES, &hashes));
    assert!(codes.iter().all(|code| code.len() == 19));
    assert_eq!((saved.verbs(), confirmed.state().is_asked_for(), transactions.commits()), (vec!["confirmed"], true, 1));
}

#[tokio::test]
async fn what_cannot_be_confirmed_is_not() {
    for (factor, code, error) in [
        (None, code_at(now()), SecondFactorError::NotThere),
        (Some(begun()), "000000".to_owned(), SecondFactorError::WrongCode),
        (Some(working()), code_at(now()), SecondFactorError::AlreadyThere),
    ] {
        let (repositories, _) = having(factor, 0);
        let (transactions, identity) = over(repositories, MockDirectory::new(), MockPasswords::new());
        let refused = identity.confirm_second_factor(&caller(Role::Adviser), &code).await;
        assert!(matches!(refused, Err(IdentityError::SecondFactor(found)) if found == error), "{error:?}");
        assert_eq!(transactions.commits(), 0);
    }
}

#[tokio::test]
async fn recovery_codes_are_renewed_and_the_factor_removed_by_who_shows_password_and_code() {
    for code in [code_at(now()), RECOVERY.to_lowercase()] {
        let (repositories, saved) = having(Some(working()), 2);
        let (transactions, identity) = over(repositories, directory(), judging(true));
        let codes = identity.renew_recovery_codes(&caller(Role::Adviser), &password(), &code, &Door::default()).await.unwrap().0;
        assert_eq!((codes.len(), saved.verbs()[1], transactions.commits()), (10, "recovery_codes_renewed", 1));

        let (repositories, saved) = having(Some(working()), 2);
        let (transactions, identity) = over(repositories, directory(), judging(true));
        identity.remove_second_factor(&caller(Role::Adviser), &password(), &code, &Door::default()).await.unwrap();
        assert_eq!((saved.verbs()[1], transactions.commits()), ("removed", 1));
    }
}

#[tokio::test]
async fn a_wrong_code_is_counted_and_changes_nothing() {
    let (repositories, _) = having(Some(working()), 0);
    let (transactions, identity) = over(repositories, counting(), judging(true));
    let refused = identity.remove_second_factor(&caller(Role::Adviser), &password(), "000000", &Door::default()).await;
    assert!(matches!(refused, Err(IdentityError::InvalidCredentials)));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn there_must_be_one_to_renew_or_remove() {
    for factor in [None, Some(begun())] {
        let (repositories, _) = having(factor, 0);
        let (_, identity) = over(repositories, directory(), judging(true));
        let refused = identity.remove_second_factor(&caller(Role::Adviser), &password(), RECOVERY, &Door::default()).await;
        assert!(matches!(refused, Err(IdentityError::SecondFactor(SecondFactorError::NotThere))));
    }
}
