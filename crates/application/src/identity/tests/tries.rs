use chrono::Duration;
use matricula_ports::identity::{MockDirectory, Throttle};
use matricula_ports::mocks::MockRepositories;

use super::super::tokens::digest;
use super::super::{Door, Identity, IdentityError};
use super::{MockPasswords, over};
use crate::testing::{Seen, in_hours, now};

const EMAIL: &str = "gestora@example.es";

fn door() -> Door {
    Door { ip: "203.0.113.7".parse().ok(), request_id: "request-1".into() }
}

/// What tries are counted under: the account, the address, and the account at the address.
fn keys() -> [[u8; 32]; 3] {
    ["account:gestora@example.es", "address:203.0.113.7", "account:gestora@example.es address:203.0.113.7"].map(digest)
}

/// What is known of one of these keys.
fn known(key: usize, blocked_hours: Option<i64>, trusted_hours: Option<i64>) -> Throttle {
    Throttle { key: keys()[key], blocked_until: blocked_hours.map(in_hours), trusted_until: trusted_hours.map(in_hours) }
}

/// A directory that knows this, and what is counted in it.
fn knowing(throttles: Vec<Throttle>) -> (MockDirectory, Seen<[u8; 32]>) {
    let (mut directory, counted) = (MockDirectory::new(), Seen::nothing());
    directory.expect_throttles().withf(|asked| asked == keys()).times(1).returning(move |_| Ok(throttles.clone()));
    let keep = counted.keep();
    directory.expect_count_try().withf(|_, at| *at == now()).returning(move |key, _| keep(key).map(|()| true));
    (directory, counted)
}

fn identity(directory: MockDirectory) -> Identity {
    over(MockRepositories::default(), directory, MockPasswords::new()).1
}

#[tokio::test]
async fn a_try_counts_for_the_account_and_a_failure_for_the_address_as_well() {
    let (directory, counted) = knowing(Vec::new());
    let identity = identity(directory);
    let tries = identity.may_try(EMAIL, &door()).await.unwrap();
    assert_eq!(counted.all(), keys()[..1]);
    identity.tried_in_vain(&tries).await.unwrap();
    assert_eq!(counted.all(), keys()[..2]);
}

#[tokio::test]
async fn who_signs_in_well_is_forgiven_and_trusted_there() {
    let (mut directory, _) = knowing(Vec::new());
    directory.expect_forget_tries().withf(|key| *key == keys()[0]).times(1).returning(|_| Ok(()));
    let in_a_month = now() + Duration::days(30);
    directory.expect_trust().withf(move |key, until, at| (*key, *until, *at) == (keys()[2], in_a_month, now())).times(1).returning(|_, _, _| Ok(()));
    let identity = identity(directory);
    let tries = identity.may_try(EMAIL, &door()).await.unwrap();
    identity.tried_well(&tries).await.unwrap();
}

#[tokio::test]
async fn where_somebody_is_trusted_others_do_not_keep_them_out_nor_do_they_forgive_others() {
    let (mut directory, counted) = knowing(vec![known(0, Some(1), None), known(1, Some(1), None), known(2, None, Some(24))]);
    directory.expect_trust().withf(|key, _, _| *key == keys()[2]).times(1).returning(|_, _, _| Ok(()));
    let identity = identity(directory);
    let tries = identity.may_try(EMAIL, &door()).await.unwrap();
    identity.tried_in_vain(&tries).await.unwrap();
    identity.tried_well(&tries).await.unwrap();
    assert_eq!(counted.all(), [keys()[2]], "their own failures count by themselves");
}

#[tokio::test]
async fn who_has_to_wait_is_not_counted_and_told_the_longest_wait() {
    for (throttles, until) in [
        (vec![known(0, Some(1), None)], 1),
        (vec![known(1, Some(2), None)], 2),
        (vec![known(0, Some(1), None), known(1, Some(3), None)], 3),
        (vec![known(0, Some(1), None), known(2, Some(5), Some(24))], 5),
        (vec![known(0, Some(1), None), known(2, None, Some(0))], 1),
    ] {
        let (directory, counted) = knowing(throttles.clone());
        let refused = identity(directory).may_try(EMAIL, &door()).await.map(|_| ());
        assert!(matches!(refused, Err(IdentityError::SlowedDown(told)) if told == in_hours(until)), "{throttles:?}");
        assert!(counted.all().is_empty());
    }
}

#[tokio::test]
async fn a_wait_that_is_over_keeps_nobody_out() {
    let (directory, counted) = knowing(vec![known(0, Some(0), None), known(1, Some(-1), None)]);
    assert!(identity(directory).may_try(EMAIL, &door()).await.is_ok());
    assert_eq!(counted.all().len(), 1);
}

#[tokio::test]
async fn of_many_at_once_no_more_are_let_through_than_one_after_the_other() {
    let mut directory = MockDirectory::new();
    directory.expect_throttles().returning(|_| Ok(Vec::new()));
    directory.expect_count_try().times(1).returning(|_, _| Ok(false));
    let refused = identity(directory).may_try(EMAIL, &door()).await.map(|_| ());
    assert!(matches!(refused, Err(IdentityError::SlowedDown(until)) if until > now()));
}

#[tokio::test]
async fn without_an_address_the_account_alone_is_slowed_down() {
    let mut directory = MockDirectory::new();
    directory.expect_throttles().withf(|asked| asked == [keys()[0]]).times(1).returning(|_| Ok(vec![known(0, Some(1), None)]));
    let refused = identity(directory).may_try(EMAIL, &Door::default()).await.map(|_| ());
    assert!(matches!(refused, Err(IdentityError::SlowedDown(_))));
}
