use matricula_domain::identity::{
    EndReason, Known, LinkEnd, LinkError, LinkId, LinkParts, LinkPurpose, LinkTarget, LoginSession, OneTimeLink, Role, Stranger, User,
};
use matricula_domain::shared::{Changed, EmailAddress, Id, Instant, Line};
use matricula_ports::PortError;
use matricula_ports::identity::{Account, MockDirectory, MockLinkSecrets, Throttle};
use matricula_ports::mocks::{MockRepositories, MockTransactions};
use matricula_ports::notifications::{MockLeases, NewJob};

use super::super::links::{Acceptance, EmailChange, Invitation, Links, NewPassword, PasswordChange, PasswordResetRequest, link_token};
use super::super::tokens::digest;
use super::super::{Door, Identity, IdentityError};
use super::{MockPasswords, Written, password, patient, watch, welcoming};
use crate::testing::{Seen, allowed, away, caller, id, in_hours, now, told, user, world};
use std::sync::Arc;

const EMAIL: &str = "asesora@example.es";

/// What the use cases stand on, as far as a test says what is expected.
#[derive(Default)]
struct Stage {
    repositories: MockRepositories,
    directory: MockDirectory,
    passwords: MockPasswords,
    leases: MockLeases,
}

/// The use cases on it, and what they did.
struct Play {
    links: Links,
    transactions: MockTransactions,
    written: Seen<Written>,
}

impl Stage {
    fn play(mut self) -> Play {
        self.repositories.organizations.expect_find().returning(|| Ok(None));
        let transactions = MockTransactions::over(self.repositories);
        let written = Seen::nothing();
        let identity = Identity::new(world(&transactions), Arc::new(self.directory), Arc::new(self.passwords), watch(&written));
        let links = Links::new(identity, Arc::new(secrets()), Arc::new(self.leases));
        Play { links, transactions, written }
    }

    /// The link 70 is known, and found as often as it is looked for.
    fn knowing(mut self, link: Option<OneTimeLink>) -> Self {
        self.directory.expect_organization_of_link().withf(|asked| *asked == id::<LinkId>(70)).returning(|_| Ok(Some(id(900))));
        self.repositories.links.expect_find().withf(|asked| *asked == id::<LinkId>(70)).returning(move |_| Ok(link.clone()));
        self
    }

    fn saving_links(&mut self, times: usize) -> Seen<Changed<OneTimeLink>> {
        let saved = Seen::nothing();
        self.repositories.links.expect_save().times(times).returning(saved.note());
        saved
    }

    fn saving_users(&mut self, times: usize) -> Seen<Changed<User>> {
        let saved = Seen::nothing();
        self.repositories.users.expect_save().times(times).returning(saved.note());
        saved
    }

    fn enqueueing(&mut self, times: usize) -> Seen<NewJob> {
        let jobs = Seen::nothing();
        self.repositories.jobs.expect_enqueue().times(times).returning(jobs.keep());
        jobs
    }

    fn hashing(&mut self) {
        self.passwords.expect_hash().withf(|typed| *typed == password()).times(1).returning(|_| Ok("$argon2id$fresh".to_owned()));
    }

    /// The user 50 is known and works here.
    fn with_user(&mut self) {
        self.repositories.users.expect_find().withf(|asked| asked.as_uuid().as_u128() == 50).returning(|_| Ok(Some(user(true, true))));
    }

    /// The user has this sign-in here, and none elsewhere.
    fn with_sessions(&mut self, sessions: Vec<LoginSession>) -> Seen<Changed<LoginSession>> {
        self.directory.expect_login_sessions().returning(|_, _, _| Ok(Vec::new()));
        self.repositories.login_sessions.expect_open_of().returning(move |_| Ok(sessions.clone()));
        let saved = Seen::nothing();
        self.repositories.login_sessions.expect_save().returning(saved.note());
        saved
    }
}

/// Secrets that are told apart by link and purpose.
fn secrets() -> MockLinkSecrets {
    let mut secrets = MockLinkSecrets::new();
    secrets.expect_secret_of().returning(|link, purpose| Ok(digest(&format!("{link} {purpose}"))));
    secrets
}

async fn token(purpose: LinkPurpose) -> String {
    link_token(&secrets(), id(70), purpose).await.unwrap()
}

/// The link 70, as it was sent an hour ago at most.
async fn link(target: LinkTarget, made: Instant) -> OneTimeLink {
    OneTimeLink::from_parts(LinkParts {
        id: id(70),
        target,
        email: EmailAddress::parse(EMAIL).unwrap(),
        token_hash: digest(&token(target.purpose()).await),
        expires_at: made + target.purpose().lives(),
        ended: None,
        created_at: made,
        version: 1,
    })
}

fn door() -> Door {
    Door { ip: None, request_id: "request-1".into() }
}

fn session(n: u128) -> LoginSession {
    LoginSession::open(id(n), id(50), id(51), [1; 32], [2; 32], in_hours(-1)).into_state()
}

fn account() -> Account {
    Account { user: id(50), password_hash: Some("$argon2id$old".into()), membership: id(51), organization: id(900) }
}

mod reset {
    use super::*;

    fn request() -> PasswordResetRequest {
        PasswordResetRequest { email: EmailAddress::parse(EMAIL).unwrap(), organization: None }
    }

    async fn new_password() -> NewPassword {
        NewPassword { token: Line::parse(&token(LinkPurpose::PasswordReset).await).unwrap(), password: password() }
    }

    fn asking(earlier: Vec<OneTimeLink>) -> Stage {
        let mut stage = Stage::default();
        stage.directory.expect_account().withf(|email, organization| email == EMAIL && organization.is_none()).returning(|_, _| Ok(Some(account())));
        stage.repositories.links.expect_unended_of().returning(move |_, _| Ok(earlier.clone()));
        stage
    }

    #[tokio::test]
    async fn an_unknown_address_is_sent_nothing() {
        let mut stage = Stage::default();
        stage.directory.expect_account().returning(|_, _| Ok(None));
        let play = stage.play();
        play.links.request_password_reset(&request(), &door()).await.unwrap();
        assert_eq!(play.transactions.commits(), 0);
    }

    #[tokio::test]
    async fn a_link_is_sent_of_which_the_hash_alone_is_kept() {
        let mut stage = asking(Vec::new());
        let (links, jobs) = (stage.saving_links(1), stage.enqueueing(1));
        let play = stage.play();
        play.links.request_password_reset(&request(), &door()).await.unwrap();
        let issued = links.one().into_state();
        let parts = issued.parts();
        assert_eq!((parts.target, parts.email.as_str(), parts.expires_at), (LinkTarget::PasswordReset(id(50)), EMAIL, in_hours(1)));
        let token = link_token(&secrets(), parts.id, LinkPurpose::PasswordReset).await.unwrap();
        assert_eq!(parts.token_hash, digest(&token));
        let told = jobs.one().payload.canonical();
        assert_eq!(told, format!("{{\"message\":\"password_reset\",\"of\":\"{}\"}}", parts.id));
        assert_eq!(play.transactions.commits(), 1);
    }

    #[tokio::test]
    async fn a_newer_link_takes_the_place_of_an_older_one_but_not_at_once() {
        let mut stage = asking(vec![link(LinkTarget::PasswordReset(id(50)), in_hours(0) - chrono::TimeDelta::minutes(30)).await]);
        let (links, _) = (stage.saving_links(2), stage.enqueueing(1));
        stage.play().links.request_password_reset(&request(), &door()).await.unwrap();
        assert_eq!(links.verbs(), ["replaced", "issued"]);
        let play = asking(vec![link(LinkTarget::PasswordReset(id(50)), now() - chrono::TimeDelta::seconds(119)).await]).play();
        play.links.request_password_reset(&request(), &door()).await.unwrap();
    }

    #[tokio::test]
    async fn another_password_ends_every_sign_in_and_is_told() {
        let mut stage = Stage::default().knowing(Some(link(LinkTarget::PasswordReset(id(50)), now()).await));
        stage.hashing();
        stage.with_user();
        let (sessions, links, users, jobs) =
            (stage.with_sessions(vec![session(80), session(81)]), stage.saving_links(1), stage.saving_users(1), stage.enqueueing(1));
        let play = stage.play();
        play.links.reset_password(&new_password().await, &door()).await.unwrap();
        assert_eq!((links.verbs(), users.verbs(), sessions.verbs()), (vec!["used"], vec!["password_changed"], vec!["ended", "ended"]));
        assert!(sessions.all().iter().all(|ended| matches!(ended.state().parts().ended, Some((_, EndReason::CredentialsChanged)))));
        assert_eq!(users.one().state().password_hash.as_deref(), Some("$argon2id$fresh"));
        assert_eq!(jobs.one().payload.get("message").as_text(), Some("password_changed"));
        assert!(play.written.all().is_empty());
    }

    /// What comes of a link that is as it should not be: nothing is hashed, nothing is saved, and the audit is told why.
    async fn refused(found: Option<OneTimeLink>, why: Option<&str>, expected: LinkError) {
        let play = Stage::default().knowing(found).play();
        let refused = play.links.reset_password(&new_password().await, &door()).await;
        assert!(matches!(refused, Err(IdentityError::Link(error)) if error == expected), "{refused:?}");
        let told: Vec<_> = play
            .written
            .all()
            .into_iter()
            .map(|(action, _, why)| {
                assert_eq!(action, "one_time_link.refused");
                why.unwrap()
            })
            .collect();
        assert_eq!(told, why.into_iter().collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_link_that_does_not_open_changes_nothing_and_the_audit_knows() {
        let target = LinkTarget::PasswordReset(id(50));
        refused(None, None, LinkError::WrongToken).await;
        refused(Some(link(target, in_hours(-1)).await), Some("over"), LinkError::Over).await;
        refused(Some(link(target, now()).await.end(LinkEnd::Revoked, now()).unwrap().into_state()), Some("over"), LinkError::Over).await;
        let tampered = OneTimeLink::from_parts(LinkParts { token_hash: [9; 32], ..link(target, now()).await.parts().clone() });
        refused(Some(tampered), Some("wrong_token"), LinkError::WrongToken).await;
        refused(Some(link(LinkTarget::EmailChange(id(50)), now()).await), Some("wrong_token"), LinkError::WrongToken).await;
    }

    #[tokio::test]
    async fn what_cannot_be_a_link_is_looked_up_nowhere() {
        for nonsense in ["x", "mlk_", "mlk_%%%%", "mat_0123456789012345678901234567890123456789012"] {
            let play = Stage::default().play();
            let new = NewPassword { token: Line::parse(nonsense).unwrap(), password: password() };
            assert!(matches!(play.links.reset_password(&new, &door()).await, Err(IdentityError::Link(LinkError::WrongToken))));
        }
    }

    #[tokio::test]
    async fn whoever_works_here_no_more_gets_no_password() {
        let mut stage = Stage::default().knowing(Some(link(LinkTarget::PasswordReset(id(50)), now()).await));
        stage.hashing();
        stage.with_sessions(Vec::new());
        stage.repositories.users.expect_find().returning(|_| Ok(Some(user(true, false))));
        let play = stage.play();
        let refused = play.links.reset_password(&new_password().await, &door()).await;
        assert!(matches!(refused, Err(IdentityError::Link(LinkError::Over))));
        assert_eq!(play.written.one().2.as_deref(), Some("over"));
    }
}

mod invitation {
    use super::*;

    fn invitation() -> Invitation {
        Invitation { email: EmailAddress::parse(EMAIL).unwrap(), role: Role::Adviser }
    }

    fn known(stage: &mut Stage, known: Option<Known>) {
        stage.repositories.users.expect_find_by_email().withf(|email, _| email.as_str() == EMAIL).returning(move |_, _| Ok(known.clone()));
    }

    async fn invited() -> OneTimeLink {
        link(LinkTarget::Invitation { role: Role::Manager, by: id(902) }, now()).await
    }

    async fn acceptance(named: bool) -> Acceptance {
        Acceptance {
            token: Line::parse(&token(LinkPurpose::Invitation).await).unwrap(),
            name: named.then(|| Line::parse("Nueva").unwrap()),
            password: named.then(password),
        }
    }

    #[tokio::test]
    async fn an_invitation_takes_the_place_of_earlier_ones() {
        let mut stage = Stage::default();
        known(&mut stage, None);
        let earlier = invited().await;
        stage.repositories.links.expect_unended_invitations().returning(move |_| Ok(vec![earlier.clone()]));
        let (links, jobs) = (stage.saving_links(2), stage.enqueueing(1));
        let issued = stage.play().links.invite(&allowed(Role::Admin), &invitation()).await.unwrap();
        assert_eq!(links.verbs(), ["replaced", "issued"]);
        assert_eq!((issued.parts().target, issued.parts().expires_at), (LinkTarget::Invitation { role: Role::Adviser, by: id(902) }, in_hours(24)));
        assert_eq!(jobs.one().payload.get("message").as_text(), Some("invitation"));
    }

    #[tokio::test]
    async fn who_works_here_is_not_invited_and_who_did_is() {
        let mut stage = Stage::default();
        known(&mut stage, Some(Known::Member(user(true, true))));
        let refused = stage.play().links.invite(&allowed(Role::Owner), &invitation()).await;
        assert!(matches!(refused, Err(IdentityError::WorksHere)));
        let mut stage = Stage::default();
        known(&mut stage, Some(Known::Member(user(true, false))));
        stage.repositories.links.expect_unended_invitations().returning(|_| Ok(Vec::new()));
        let _ = (stage.saving_links(1), stage.enqueueing(1));
        stage.play().links.invite(&allowed(Role::Owner), &invitation()).await.unwrap();
    }

    #[tokio::test]
    async fn somebody_new_needs_a_name_and_a_password() {
        let mut stage = Stage::default().knowing(Some(invited().await));
        known(&mut stage, None);
        let play = stage.play();
        let Err(IdentityError::Invalid(faults)) = play.links.accept(&acceptance(false).await, &door()).await else { panic!("must be refused") };
        assert_eq!(told(&faults), [("/name", "REQUIRED"), ("/password", "REQUIRED")]);
        assert!(play.written.all().is_empty(), "the link is as good as before");

        let mut stage = Stage::default().knowing(Some(invited().await));
        known(&mut stage, None);
        stage.hashing();
        let (links, users) = (stage.saving_links(1), stage.saving_users(1));
        let accepted = stage.play().links.accept(&acceptance(true).await, &door()).await.unwrap();
        assert_eq!((links.verbs(), users.verbs()), (vec!["used"], vec!["admitted"]));
        assert_eq!((accepted.membership.role, accepted.membership.organization, accepted.name.as_str()), (Role::Manager.into(), id(900), "Nueva"));
    }

    #[tokio::test]
    async fn who_is_known_joins_with_the_password_that_they_have() {
        for (found, verb) in [
            (Known::Stranger(Stranger::new(user(true, false))), Some("joined")),
            (Known::Member(user(true, false)), Some("rejoined")),
            (Known::Stranger(Stranger::new(user(false, false))), None),
            (Known::Member(user(false, true)), None),
        ] {
            let mut stage = Stage::default().knowing(Some(invited().await));
            known(&mut stage, Some(found));
            let times = usize::from(verb.is_some());
            let (links, users) = (stage.saving_links(times), stage.saving_users(times));
            let accepted = stage.play().links.accept(&acceptance(true).await, &door()).await;
            assert_eq!(accepted.is_ok_and(|user| user.membership.role == Role::Manager), verb.is_some());
            assert_eq!((links.verbs().len(), users.verbs()), (times, verb.into_iter().collect()));
        }
    }

    #[tokio::test]
    async fn an_invitation_is_taken_back_once_and_nothing_else_is() {
        let mut stage = Stage::default().knowing(Some(invited().await));
        let links = stage.saving_links(1);
        stage.play().links.revoke_invitation(&allowed(Role::Owner), id(70)).await.unwrap();
        assert_eq!(links.verbs(), ["revoked"]);
        let over = invited().await.end(LinkEnd::Used, now()).unwrap().into_state();
        let refused = Stage::default().knowing(Some(over)).play().links.revoke_invitation(&allowed(Role::Owner), id(70)).await;
        assert!(matches!(refused, Err(IdentityError::Link(LinkError::Over))));
        for other in [None, Some(link(LinkTarget::PasswordReset(id(50)), now()).await)] {
            let refused = Stage::default().knowing(other).play().links.revoke_invitation(&allowed(Role::Owner), id(70)).await;
            assert!(matches!(refused, Err(IdentityError::NotFound)));
        }
    }
}

mod own {
    use super::*;

    fn proving(fits: bool) -> Stage {
        let mut stage = Stage::default();
        stage.directory = patient(stage.directory);
        stage
            .directory
            .expect_account()
            .withf(|email, slug| email == "gestora@example.es" && *slug == Some("academia"))
            .returning(|_, _| Ok(Some(account())));
        stage.passwords.expect_verify().times(1).returning(move |_, hash| {
            assert_eq!(hash, Some("$argon2id$old"));
            Ok(fits)
        });
        if fits {
            stage.directory = welcoming(stage.directory);
        }
        stage
    }

    fn change() -> PasswordChange {
        PasswordChange { current_password: password(), new_password: password() }
    }

    #[tokio::test]
    async fn a_wrong_password_is_counted_and_changes_nothing() {
        let play = proving(false).play();
        assert!(matches!(play.links.change_password(&caller(Role::Viewer), &change(), &door()).await, Err(IdentityError::InvalidCredentials)));
        let play = proving(false).play();
        let email = EmailChange { email: EmailAddress::parse(EMAIL).unwrap(), current_password: password() };
        assert!(matches!(play.links.request_email_change(&caller(Role::Viewer), &email, &door()).await, Err(IdentityError::InvalidCredentials)));
        assert_eq!(play.transactions.commits(), 0);
        let mut stage = Stage::default();
        stage
            .directory
            .expect_throttles()
            .returning(|keys| Ok(vec![Throttle { key: keys[0], blocked_until: Some(in_hours(1)), trusted_until: None }]));
        let slowed = stage.play().links.change_password(&caller(Role::Viewer), &change(), &door()).await;
        assert!(matches!(slowed, Err(IdentityError::SlowedDown(until)) if until == in_hours(1)));
    }

    #[tokio::test]
    async fn another_password_ends_the_other_sign_ins() {
        let mut stage = proving(true);
        stage.hashing();
        stage.repositories.users.expect_find().returning(|_| Ok(Some(user(true, true))));
        let open = link(LinkTarget::PasswordReset(id(50)), now()).await;
        stage.repositories.links.expect_unended_of().returning(move |_, _| Ok(vec![open.clone()]));
        let (sessions, links, users, _) =
            (stage.with_sessions(vec![session(901), session(80)]), stage.saving_links(1), stage.saving_users(1), stage.enqueueing(1));
        stage.play().links.change_password(&caller(Role::Viewer), &change(), &door()).await.unwrap();
        assert_eq!(sessions.one().state().parts().id, id(80), "the caller's own goes on");
        assert_eq!((links.verbs(), users.verbs()), (vec!["revoked"], vec!["password_changed"]));
    }

    #[tokio::test]
    async fn another_address_is_asked_of_both() {
        let mut stage = proving(true);
        stage.repositories.users.expect_find().returning(|_| Ok(Some(user(true, true))));
        stage.repositories.links.expect_unended_of().returning(|_, _| Ok(Vec::new()));
        let (links, jobs) = (stage.saving_links(2), stage.enqueueing(2));
        let email = EmailChange { email: EmailAddress::parse("nueva@example.es").unwrap(), current_password: password() };
        stage.play().links.request_email_change(&caller(Role::Viewer), &email, &door()).await.unwrap();
        let issued: Vec<_> =
            links.all().iter().map(|link| (link.state().parts().target.purpose(), link.state().parts().email.as_str().to_owned())).collect();
        assert_eq!(issued, [(LinkPurpose::EmailChange, "nueva@example.es".to_owned()), (LinkPurpose::EmailVeto, EMAIL.to_owned())]);
        assert_eq!(jobs.all().len(), 2);
    }

    #[tokio::test]
    async fn an_address_that_somebody_has_is_not_taken_from_them() {
        let mut stage = Stage::default().knowing(Some(link(LinkTarget::EmailChange(id(50)), now()).await));
        stage.repositories.users.expect_find_by_email().returning(|_, _| Ok(Some(Known::Stranger(Stranger::new(user(true, false))))));
        let token = Line::parse(&token(LinkPurpose::EmailChange).await).unwrap();
        assert!(matches!(stage.play().links.confirm_email_change(&token, &door()).await, Err(IdentityError::EmailTaken)));
    }
}

mod setup {
    use super::*;

    #[tokio::test]
    async fn nothing_is_set_up_where_somebody_can_sign_in() {
        let mut stage = Stage::default();
        stage.directory.expect_is_empty().returning(|| Ok(false));
        assert_eq!(stage.play().links.setup_token().await.unwrap(), None);
        let mut stage = Stage::default();
        stage.directory.expect_is_empty().returning(|| Err(away()));
        assert!(matches!(stage.play().links.setup_token().await, Err(IdentityError::Port(PortError::Unavailable(_)))));
    }
}
