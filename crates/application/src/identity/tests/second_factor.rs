use matricula_domain::identity::{LoginSession, Role, SecondFactor, SecondFactorError, Seed};
use matricula_domain::shared::{Changed, Instant};
use matricula_ports::identity::{Account, MockDirectory};
use matricula_ports::mocks::MockRepositories;
use uuid::Uuid;

use super::super::tokens::digest;
use super::super::{Door, IdentityError};
use super::{MockPasswords, over, password, patient, watched};
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
    let mut directory = counting();
    directory.expect_forget_tries().returning(|_| Ok(()));
    directory
}

/// The same where no try is forgotten.
fn counting() -> MockDirectory {
    let mut directory = patient(MockDirectory::new());
    directory.expect_account().withf(|email, organization| email == "gestora@example.es" && organization.is_some()).returning(|_, _| {
        Ok(Some(Account { user: id(902), password_hash: Some("$argon2id$hash".into()), membership: id(903), organization: id(900) }))
    });
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
        let written = Seen::nothing();
        let (transactions, identity) = watched(&written, repositories, counting(), judging(false));
        let refused = match step {
            0 => identity.begin_second_factor(&who, &password(), &door).await.map(|_| ()),
            1 => identity.renew_recovery_codes(&who, &password(), RECOVERY, &door).await.map(|_| ()),
            _ => identity.remove_second_factor(&who, &password(), RECOVERY, &door).await,
        };
        assert!(matches!(refused, Err(IdentityError::InvalidCredentials)), "{step}");
        assert_eq!((transactions.commits(), written.one()), (0, ("user.sign_in_refused", Some(Uuid::from_u128(902)), Some("password".to_owned()))));
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
    let written = Seen::nothing();
    let (transactions, identity) = watched(&written, repositories, counting(), judging(true));
    let refused = identity.remove_second_factor(&caller(Role::Adviser), &password(), "000000", &Door::default()).await;
    assert!(matches!(refused, Err(IdentityError::InvalidCredentials)));
    assert_eq!(transactions.commits(), 0);
    assert_eq!(written.one(), ("user.sign_in_refused", Some(Uuid::from_u128(902)), Some("second_factor".to_owned())));
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

mod step_up {
    use super::*;

    fn with_session(mut repositories: MockRepositories) -> (MockRepositories, Seen<Changed<LoginSession>>) {
        let saved = Seen::nothing();
        let session = LoginSession::open(id(901), id(902), id(903), [1; 32], [2; 32], in_hours(-1)).into_state();
        repositories.login_sessions.expect_find().withf(|asked| *asked == id(901)).returning(move |_| Ok(Some(session.clone())));
        repositories.login_sessions.expect_save().returning(saved.note());
        (repositories, saved)
    }

    async fn step_up(factor: Option<SecondFactor>, code: Option<&str>, fits: bool) -> (Result<(), IdentityError>, Vec<Changed<LoginSession>>) {
        let mut repositories = MockRepositories::default();
        repositories.second_factors.expect_find().returning(move |_| Ok(factor.clone()));
        repositories.second_factors.expect_save().returning(|_| Ok(()));
        let (repositories, saved) = with_session(repositories);
        let (transactions, identity) = over(repositories, directory(), judging(fits));
        let outcome = identity.step_up(&caller(Role::Owner), &password(), code, &Door::default()).await;
        assert_eq!(transactions.commits(), usize::from(outcome.is_ok()));
        (outcome, saved.all())
    }

    #[tokio::test]
    async fn who_shows_everything_that_signing_in_asks_for_is_proven_now() {
        for (factor, code) in [(None, None), (Some(begun()), None), (Some(working()), Some(code_at(now())))] {
            let (outcome, saved) = step_up(factor, code.as_deref(), true).await;
            outcome.unwrap();
            assert_eq!(saved.iter().map(|session| session.state().parts().proven_at).collect::<Vec<_>>(), [now()]);
        }
    }

    #[tokio::test]
    async fn who_shows_less_is_not() {
        let wrong = |outcome: &Result<(), IdentityError>| matches!(outcome, Err(IdentityError::InvalidCredentials));
        assert!(wrong(&step_up(None, None, false).await.0));
        assert!(wrong(&step_up(Some(working()), Some("000000"), true).await.0));
        assert!(matches!(step_up(Some(working()), None, true).await.0, Err(IdentityError::SecondFactorRequired)));
    }
}
