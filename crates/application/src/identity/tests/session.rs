use matricula_domain::identity::{EndReason, LoginSession, LoginSessionId, LoginSessionParts, Role};
use matricula_domain::shared::Changed;
use matricula_ports::PortError;
use matricula_ports::identity::{MockDirectory, Principal};
use matricula_ports::mocks::{MockRepositories, MockTransactions};
use matricula_ports::notifications::NewJob;

use super::super::{Door, Identity, IdentityError, Tokens, hash_of};
use super::{MockPasswords, Written, over, watched};
use crate::testing::{CountingIds, Seen, caller, id, in_hours, now};

/// A refresh token, as somebody has it.
fn token() -> String {
    Tokens::fresh(&CountingIds::default()).0.refresh
}

/// The session 901, whose refresh token has this hash.
fn session(refresh_hash: [u8; 32]) -> LoginSession {
    LoginSession::from_parts(LoginSessionParts {
        id: id(901),
        user: id(902),
        membership: id(903),
        access_hash: [1; 32],
        access_expires_at: in_hours(-1),
        refresh_hash,
        previous_refresh_hash: None,
        previous_rotated_at: None,
        expires_at: in_hours(6),
        proven_at: in_hours(-6),
        two_factors: false,
        ended: None,
        created_at: in_hours(-6),
        version: 2,
    })
}

fn over_session(found: Option<LoginSession>) -> MockRepositories {
    let mut repositories = MockRepositories::default();
    repositories.login_sessions.expect_find().withf(|asked| *asked == id::<LoginSessionId>(901)).returning(move |_| Ok(found.clone()));
    repositories
}

fn saving(mut repositories: MockRepositories) -> (MockRepositories, Seen<Changed<LoginSession>>) {
    let saved = Seen::nothing();
    repositories.login_sessions.expect_save().times(1).returning(saved.note());
    (repositories, saved)
}

mod refresh {
    use super::*;

    /// The use cases, where the token has or had to do with the session 901.
    fn known(repositories: MockRepositories) -> (MockTransactions, Identity) {
        known_and_watched(&Seen::nothing(), repositories)
    }

    fn known_and_watched(written: &Seen<Written>, repositories: MockRepositories) -> (MockTransactions, Identity) {
        let mut directory = MockDirectory::new();
        directory.expect_session_of_refresh().withf(|hash| Some(*hash) == hash_of(&token())).times(1).returning(|_| Ok(Some((id(900), id(901)))));
        watched(written, repositories, directory, MockPasswords::new())
    }

    async fn refresh(identity: &Identity) -> Result<Tokens, IdentityError> {
        identity.refresh(&token(), &Door::default()).await
    }

    fn presented() -> [u8; 32] {
        hash_of(&token()).unwrap()
    }

    #[tokio::test]
    async fn a_refresh_token_is_exchanged_for_new_ones() {
        let (repositories, saved) = saving(over_session(Some(session(presented()))));
        let (transactions, identity) = known(repositories);
        let tokens = refresh(&identity).await.unwrap();
        let rotated = saved.one();
        let parts = rotated.state().parts();
        assert_eq!((Some(parts.access_hash), Some(parts.refresh_hash)), (hash_of(&tokens.access), hash_of(&tokens.refresh)));
        assert_eq!((parts.previous_refresh_hash, parts.previous_rotated_at), (Some(presented()), Some(now())));
        assert_eq!((saved.verbs(), parts.ended, transactions.commits()), (vec!["refreshed"], None, 1));
    }

    #[tokio::test]
    async fn a_token_that_was_used_before_ends_the_family_and_that_end_is_committed() {
        let (mut repositories, saved) = saving(over_session(Some(session([9; 32]))));
        let jobs = Seen::<NewJob>::nothing();
        repositories.jobs.expect_enqueue().times(1).returning(jobs.keep());
        let (transactions, identity) = known(repositories);
        assert!(matches!(refresh(&identity).await, Err(IdentityError::InvalidCredentials)));
        assert_eq!((saved.verbs(), saved.one().state().parts().ended), (vec!["ended"], Some((now(), EndReason::Reused))));
        assert_eq!(jobs.one().payload.get("message").as_text(), Some("sign_in_ended"), "its owner is told");
        assert_eq!(transactions.commits(), 1);
    }

    #[tokio::test]
    async fn a_family_that_is_over_gives_no_tokens() {
        let ended = LoginSessionParts { ended: Some((now(), EndReason::SignedOut)), ..session(presented()).parts().clone() };
        let expired = LoginSessionParts { expires_at: now(), ..session(presented()).parts().clone() };
        for parts in [ended, expired] {
            let written = Seen::nothing();
            let (_, identity) = known_and_watched(&written, over_session(Some(LoginSession::from_parts(parts))));
            assert!(matches!(refresh(&identity).await, Err(IdentityError::InvalidCredentials)));
            assert_eq!(written.one(), ("user.sign_in_refused", Some(uuid::Uuid::from_u128(902)), Some("refresh_token".to_owned())));
        }
    }

    #[tokio::test]
    async fn a_session_that_is_gone_gives_no_tokens() {
        let (transactions, identity) = known(over_session(None));
        assert!(matches!(refresh(&identity).await, Err(IdentityError::InvalidCredentials)));
        assert_eq!(transactions.commits(), 0);
    }

    #[tokio::test]
    async fn an_unknown_token_opens_no_transaction() {
        let mut directory = MockDirectory::new();
        directory.expect_session_of_refresh().times(1).returning(|_| Ok(None));
        let (transactions, identity) = over(MockRepositories::default(), directory, MockPasswords::new());
        assert!(matches!(refresh(&identity).await, Err(IdentityError::InvalidCredentials)));
        assert_eq!(transactions.commits(), 0);
    }

    #[tokio::test]
    async fn what_cannot_be_a_token_is_not_even_looked_up() {
        let (transactions, identity) = over(MockRepositories::default(), MockDirectory::new(), MockPasswords::new());
        for junk in ["", "mrt_", "Bearer x", &token()[1..], &format!("{}x", token())] {
            assert!(matches!(identity.refresh(junk, &Door::default()).await, Err(IdentityError::InvalidCredentials)), "{junk}");
        }
        assert_eq!(transactions.commits(), 0);
    }

    #[tokio::test]
    async fn who_refreshes_twice_at_once_is_forgiven_at_the_second_try() {
        let rotated =
            LoginSessionParts { previous_refresh_hash: Some(presented()), previous_rotated_at: Some(now()), ..session([9; 32]).parts().clone() };
        let mut repositories = MockRepositories::default();
        repositories.login_sessions.expect_find().times(1).returning(|_| Ok(Some(session(presented()))));
        repositories.login_sessions.expect_find().times(1).returning(move |_| Ok(Some(LoginSession::from_parts(rotated.clone()))));
        let saved = Seen::<Changed<LoginSession>>::nothing();
        repositories.login_sessions.expect_save().times(2).returning(saved.note());
        let (transactions, identity) = known(repositories);
        let transactions = transactions.refusing(PortError::Stale);
        let tokens = refresh(&identity).await.unwrap();
        assert_eq!(saved.all().last().map(|kept| kept.state().parts().refresh_hash), hash_of(&tokens.refresh));
        assert_eq!((saved.verbs(), transactions.commits()), (vec!["refreshed"; 2], 2));
    }
}

mod sign_out {
    use super::*;

    async fn sign_out(repositories: MockRepositories) -> MockTransactions {
        let (transactions, identity) = over(repositories, MockDirectory::new(), MockPasswords::new());
        identity.sign_out(&caller(Role::Viewer)).await.unwrap();
        transactions
    }

    #[tokio::test]
    async fn who_signs_out_ends_the_session_of_the_token() {
        let (repositories, saved) = saving(over_session(Some(session([9; 32]))));
        let transactions = sign_out(repositories).await;
        assert_eq!((saved.verbs(), saved.one().state().parts().ended), (vec!["ended"], Some((now(), EndReason::SignedOut))));
        assert_eq!(transactions.commits(), 1);
    }

    #[tokio::test]
    async fn who_is_out_already_is_out() {
        let ended = Some((in_hours(-1), EndReason::Reused));
        let over = LoginSession::from_parts(LoginSessionParts { ended, ..session([9; 32]).parts().clone() });
        for nothing in [None, Some(over)] {
            // Nothing is saved.
            assert_eq!(sign_out(over_session(nothing)).await.commits(), 1);
        }
    }
}

mod principal {
    use super::*;

    fn somebody() -> Principal {
        caller(Role::Viewer).principal().clone()
    }

    #[tokio::test]
    async fn a_token_is_looked_up_by_its_hash_as_of_now() {
        let mut directory = MockDirectory::new();
        directory
            .expect_principal()
            .withf(|hash, at| Some(*hash) == hash_of(&token()) && *at == now())
            .times(1)
            .returning(|_, _| Ok(Some(somebody())));
        let (_, identity) = over(MockRepositories::default(), directory, MockPasswords::new());
        assert_eq!(identity.principal(&token()).await.unwrap(), Some(somebody()));
    }

    #[tokio::test]
    async fn what_cannot_be_a_token_is_nobody_s_and_not_looked_up() {
        let (_, identity) = over(MockRepositories::default(), MockDirectory::new(), MockPasswords::new());
        assert_eq!(identity.principal("mat_short").await.unwrap(), None);
    }

    #[test]
    fn tokens_are_recognised_by_their_beginning_and_length() {
        let (tokens, access, refresh) = Tokens::fresh(&CountingIds::default());
        assert_eq!((hash_of(&tokens.access), hash_of(&tokens.refresh)), (Some(access), Some(refresh)));
        assert_ne!(access, refresh);
        assert_eq!(hash_of(&tokens.access.replace("mat_", "xxx_")), None);
    }
}
