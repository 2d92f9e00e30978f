use matricula_domain::identity::{LoginSession, OrganizationId, SecondFactor, Seed, User, UserId};
use matricula_domain::shared::{Changed, EmailAddress, Form, Instant, Line, Slug};
use matricula_ports::identity::{Account, MockDirectory};
use matricula_ports::mocks::MockRepositories;
use matricula_ports::{PortError, Scope, Transactions, UnitOfWork};
use std::sync::{Arc, Mutex};

use super::super::tokens::digest;
use super::super::{Credentials, Door, Identity, IdentityError, Tokens, hash_of};
use super::{MockPasswords, Written, over, password, patient, watch, watched, welcoming};
use crate::World;
use crate::testing::{Seen, away, id, in_hours, map, now, told, user, world};

const EMAIL: &str = "gestora@example.es";

fn credentials() -> Credentials {
    Credentials { email: EmailAddress::parse(EMAIL).unwrap(), password: password(), organization: None, totp_code: None }
}

fn door() -> Door {
    Door { ip: "203.0.113.7".parse().ok(), request_id: "request-1".into() }
}

/// The user 902 in the organization 900.
fn account() -> Account {
    Account { user: id(902), password_hash: Some("$argon2id$hash".into()), membership: id(903), organization: id(900) }
}

/// A directory with this account, in which nobody has to wait.
fn knowing(account: Option<Account>) -> MockDirectory {
    let mut directory = patient(MockDirectory::new());
    directory
        .expect_account()
        .withf(|email, organization| email == EMAIL && organization.is_none())
        .times(1)
        .returning(move |_, _| Ok(account.clone()));
    directory
}

/// That the user 902 did not get in is written down.
fn refused_with(what: &str) -> Written {
    ("user.sign_in_refused", Some(uuid::Uuid::from_u128(902)), Some(what.to_owned()))
}

/// A hasher that is asked once, about this hash.
fn judging(hash: Option<&'static str>, fits: bool) -> MockPasswords {
    let mut passwords = MockPasswords::new();
    passwords.expect_verify().withf(move |typed, asked| *typed == password() && *asked == hash).times(1).returning(move |_, _| Ok(fits));
    passwords.expect_is_outdated().withf(move |asked| Some(asked) == hash).returning(|_| false);
    passwords
}

/// Repositories in which the user 902 has this second factor, and in which the session is kept.
fn with_factor(factor: Option<SecondFactor>) -> MockRepositories {
    let mut repositories = MockRepositories::default();
    repositories.second_factors.expect_find().withf(|user| *user == id(902)).returning(move |_| Ok(factor.clone()));
    repositories
}

async fn sign_in(identity: &Identity) -> Result<Tokens, IdentityError> {
    identity.sign_in(&credentials(), &door()).await
}

#[tokio::test]
async fn who_knows_the_password_gets_tokens_of_which_only_the_hashes_are_kept() {
    let saved = Seen::<Changed<LoginSession>>::nothing();
    let mut repositories = with_factor(None);
    repositories.login_sessions.expect_save().times(1).returning(saved.note());
    let directory = welcoming(knowing(Some(account())));
    let (transactions, identity) = over(repositories, directory, judging(Some("$argon2id$hash"), true));
    let tokens = sign_in(&identity).await.unwrap();
    assert!(tokens.access.starts_with("mat_") && tokens.refresh.starts_with("mrt_") && tokens.access[4..] != tokens.refresh[4..]);
    assert_eq!(tokens.expires_in, 900);

    let opened = saved.one();
    let parts = opened.state().parts();
    assert_eq!((parts.user, parts.membership, parts.created_at, parts.expires_at), (id(902), id(903), now(), in_hours(12)));
    assert_eq!((Some(parts.access_hash), Some(parts.refresh_hash)), (hash_of(&tokens.access), hash_of(&tokens.refresh)));
    assert_eq!((saved.verbs(), transactions.commits()), (vec!["opened"], 1));
}

#[tokio::test]
async fn the_session_belongs_to_the_user_in_the_organization_of_the_account() {
    /// Transactions that cannot begin, and say for whom they should have.
    struct Door(Arc<Mutex<Vec<Scope>>>);
    #[async_trait::async_trait]
    impl Transactions for Door {
        async fn begin(&self, scope: &Scope) -> Result<Box<dyn UnitOfWork>, PortError> {
            self.0.lock().unwrap().push(scope.clone());
            Err(away())
        }
    }
    let directory = knowing(Some(account()));
    let (transactions, _) = over(MockRepositories::default(), MockDirectory::new(), MockPasswords::new());
    let scopes = Arc::default();
    let world = World { transactions: Arc::new(Door(Arc::clone(&scopes))), ..world(&transactions) };
    let identity = Identity::new(world, Arc::new(directory), Arc::new(judging(Some("$argon2id$hash"), true)), watch(&Seen::nothing()));
    assert!(matches!(sign_in(&identity).await, Err(IdentityError::Port(PortError::Unavailable(_)))));
    let scopes = scopes.lock().unwrap();
    let who: Vec<_> = scopes.iter().map(|scope| (scope.organization(), scope.actor(), scope.request_id())).collect();
    assert_eq!(who, [(id::<OrganizationId>(900), matricula_ports::Actor::User(id::<UserId>(902)), Some("request-1"))]);
}

#[tokio::test]
async fn a_wrong_password_is_written_down_and_opens_nothing() {
    let written = Seen::nothing();
    let (transactions, identity) = watched(&written, MockRepositories::default(), knowing(Some(account())), judging(Some("$argon2id$hash"), false));
    assert!(matches!(sign_in(&identity).await, Err(IdentityError::InvalidCredentials)));
    assert_eq!((transactions.commits(), written.one()), (0, refused_with("password")));
}

#[tokio::test]
async fn an_unknown_account_costs_as_much_as_a_wrong_password() {
    // The hasher is asked about no hash, and the failure is counted.
    let without_password = Some(Account { password_hash: None, ..account() });
    for known in [None, without_password] {
        let (transactions, identity) = over(MockRepositories::default(), knowing(known), judging(None, false));
        assert!(matches!(sign_in(&identity).await, Err(IdentityError::InvalidCredentials)));
        assert_eq!(transactions.commits(), 0);
    }
}

#[tokio::test]
async fn an_unknown_account_stays_out_even_if_the_hasher_says_yes() {
    let (transactions, identity) = over(MockRepositories::default(), knowing(None), judging(None, true));
    assert!(matches!(sign_in(&identity).await, Err(IdentityError::InvalidCredentials)));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn who_belongs_to_several_organizations_says_which() {
    let mut directory = patient(MockDirectory::new());
    directory.expect_account().withf(|_, organization| *organization == Some("academia")).times(1).returning(|_, _| Ok(None));
    let (_, identity) = over(MockRepositories::default(), directory, judging(None, false));
    let credentials = Credentials { organization: Slug::parse("academia").ok(), ..credentials() };
    assert!(matches!(identity.sign_in(&credentials, &door()).await, Err(IdentityError::InvalidCredentials)));
}

#[tokio::test]
async fn a_busy_hasher_is_no_failure_of_the_account() {
    let mut passwords = MockPasswords::new();
    passwords.expect_verify().times(1).returning(|_, _| Err(away()));
    let (transactions, identity) = over(MockRepositories::default(), knowing(Some(account())), passwords);
    assert!(matches!(sign_in(&identity).await, Err(IdentityError::Port(PortError::Unavailable(_)))));
    assert_eq!(transactions.commits(), 0);
}

/// A second factor of the user 902 that is asked for.
fn factor() -> SecondFactor {
    let begun = SecondFactor::begin(id(902), SEED, in_hours(-1)).into_state();
    begun.confirm(&code_at(in_hours(-1)), vec![digest("ABCDEFGHIJKLMNOP")], in_hours(-1)).unwrap().into_state()
}

const SEED: Seed = Seed([7; 20]);

fn code_at(at: Instant) -> String {
    SEED.code_at(at.timestamp().div_euclid(SecondFactor::STEP))
}

fn showing(code: Option<&str>) -> Credentials {
    Credentials { totp_code: code.map(|code| Line::parse(code).unwrap()), ..credentials() }
}

#[tokio::test]
async fn who_has_a_second_factor_shows_it_and_its_use_is_kept_with_the_session() {
    for (code, verb) in [(code_at(now()), "used"), ("abcd-efgh-ijkl-mnop".to_owned(), "recovery_code_used")] {
        let (sessions, used) = (Seen::<Changed<LoginSession>>::nothing(), Seen::<Changed<SecondFactor>>::nothing());
        let mut repositories = with_factor(Some(factor()));
        repositories.second_factors.expect_save().times(1).returning(used.note());
        repositories.login_sessions.expect_save().times(1).returning(sessions.note());
        let directory = welcoming(knowing(Some(account())));
        let (transactions, identity) = over(repositories, directory, judging(Some("$argon2id$hash"), true));
        identity.sign_in(&showing(Some(&code)), &door()).await.unwrap();
        assert_eq!((used.verbs(), sessions.verbs(), transactions.commits()), (vec![verb], vec!["opened"], 1));
    }
}

#[tokio::test]
async fn who_shows_no_code_is_asked_for_one_and_that_is_no_failure() {
    let (transactions, identity) = over(with_factor(Some(factor())), knowing(Some(account())), judging(Some("$argon2id$hash"), true));
    assert!(matches!(identity.sign_in(&showing(None), &door()).await, Err(IdentityError::SecondFactorRequired)));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn a_wrong_code_is_a_failure_like_a_wrong_password() {
    for wrong in ["000000", "zzzz-zzzz-zzzz-zzzz", "x", &code_at(in_hours(-1))] {
        let written = Seen::nothing();
        let (transactions, identity) =
            watched(&written, with_factor(Some(factor())), knowing(Some(account())), judging(Some("$argon2id$hash"), true));
        assert!(matches!(identity.sign_in(&showing(Some(wrong)), &door()).await, Err(IdentityError::InvalidCredentials)), "{wrong}");
        assert_eq!((transactions.commits(), written.one()), (0, refused_with("second_factor")));
    }
}

#[tokio::test]
async fn an_outdated_hash_is_replaced_with_the_sign_in() {
    let (sessions, users) = (Seen::<Changed<LoginSession>>::nothing(), Seen::<Changed<User>>::nothing());
    let mut repositories = with_factor(None);
    repositories.users.expect_find().withf(|user| *user == id(902)).times(1).returning(|_| Ok(Some(user(true, true))));
    repositories.users.expect_save().times(1).returning(users.note());
    repositories.login_sessions.expect_save().times(1).returning(sessions.note());
    let directory = welcoming(knowing(Some(Account { password_hash: Some("$2b$04$old".into()), ..account() })));
    let mut passwords = MockPasswords::new();
    passwords.expect_verify().times(1).returning(|_, _| Ok(true));
    passwords.expect_is_outdated().withf(|hash| hash == "$2b$04$old").times(1).returning(|_| true);
    passwords.expect_hash().withf(|typed| *typed == password()).times(1).returning(|_| Ok("$argon2id$new".into()));
    let (transactions, identity) = over(repositories, directory, passwords);
    sign_in(&identity).await.unwrap();
    assert_eq!((users.verbs(), users.one().state().password_hash.as_deref()), (vec!["password_rehashed"], Some("$argon2id$new")));
    assert_eq!((sessions.verbs(), transactions.commits()), (vec!["opened"], 1));
}

#[test]
fn credentials_need_an_address_and_a_password_that_show_nowhere() {
    let faults = Credentials::read(&map(&[("email", "gestora".into()), ("password", "corta".into())])).unwrap_err();
    assert_eq!(told(&faults), [("/email", "NOT_AN_EMAIL"), ("/password", "TOO_SHORT")]);
    assert!(!format!("{:?}", credentials()).contains("contraseña"));
    let tokens = Tokens { access: "mat_abc".into(), refresh: "mrt_abc".into(), expires_in: 900 };
    assert!(!format!("{tokens:?}").contains("abc"));
}
