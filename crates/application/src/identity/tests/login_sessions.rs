use matricula_domain::identity::{EndReason, LoginSession, Role};
use matricula_domain::shared::Changed;
use matricula_ports::identity::{LoginSessionRow, MockDirectory};
use matricula_ports::mocks::MockRepositories;

use super::super::{IdentityError, MOST_LOGIN_SESSIONS};
use super::{MockPasswords, over};
use crate::testing::{Seen, caller, id, in_hours, now};

/// A sign-in of the caller's, of whom this is the 901st.
fn row(n: u128) -> LoginSessionRow {
    LoginSessionRow {
        id: id(n),
        organization: id(900),
        organization_slug: "academia".to_owned(),
        created_at: in_hours(-1),
        last_used_at: in_hours(-1),
        expires_at: in_hours(6),
    }
}

fn session(n: u128) -> LoginSession {
    LoginSession::open(id(n), id(902), id(903), [1; 32], [2; 32], in_hours(-1)).into_state()
}

fn directory(rows: &'static [u128], times: usize) -> MockDirectory {
    let mut directory = MockDirectory::new();
    directory
        .expect_login_sessions()
        .withf(|user, at, most| (*user, *at, *most) == (id(902), now(), MOST_LOGIN_SESSIONS))
        .times(times)
        .returning(move |_, _, _| Ok(rows.iter().map(|n| row(*n)).collect()));
    directory
}

fn ending(times: usize) -> (MockRepositories, Seen<Changed<LoginSession>>) {
    let (mut repositories, saved) = (MockRepositories::default(), Seen::nothing());
    repositories.login_sessions.expect_find().times(times).returning(|asked| {
        let known: Vec<u128> = (901..910).filter(|n| id::<matricula_domain::identity::LoginSessionId>(*n) == asked).collect();
        Ok(known.first().map(|n| session(*n)))
    });
    repositories.login_sessions.expect_save().times(times).returning(saved.note());
    (repositories, saved)
}

#[tokio::test]
async fn one_of_mine_is_ended() {
    let (repositories, saved) = ending(1);
    let (transactions, identity) = over(repositories, directory(&[901, 904], 1), MockPasswords::new());
    identity.end_login_session(&caller(Role::Adviser), id(904)).await.unwrap();
    let ended = saved.one();
    assert_eq!((ended.state().parts().id, ended.state().parts().ended), (id(904), Some((now(), EndReason::Revoked))));
    assert_eq!(transactions.commits(), 1);
}

#[tokio::test]
async fn what_is_not_mine_is_not_there() {
    let (transactions, identity) = over(MockRepositories::default(), directory(&[901], 1), MockPasswords::new());
    assert!(matches!(identity.end_login_session(&caller(Role::Adviser), id(904)).await, Err(IdentityError::NotFound)));
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn all_but_this_one_are_ended() {
    let (repositories, saved) = ending(2);
    let mut known = directory(&[901, 904, 905], 1);
    known.expect_login_sessions().times(1).returning(|_, _, _| Ok(vec![row(901)]));
    let (transactions, identity) = over(repositories, known, MockPasswords::new());
    identity.end_other_login_sessions(&caller(Role::Adviser)).await.unwrap();
    let ended: Vec<_> = saved.all().iter().map(|ended| ended.state().parts().id).collect();
    assert_eq!((ended, transactions.commits()), (vec![id(904), id(905)], 1));
}
