//! Roles, rights and permissions agree, and whoever has no right gets no key.

use std::sync::Mutex;

use matricula_domain::identity::Role;
use matricula_ports::audit::MockAuditLog;

use super::*;
use crate::testing::{FixedClock, away, caller, id, now, once, organization, visitor};

/// What a caller is allowed, right by right.
macro_rules! allowed {
    ($caller:expr; $($right:ident),+ $(,)?) => {[$((<$right as Right>::PERMISSION, $caller.allow::<$right>().map(|_| ()))),+]};
}

fn asked(caller: &Caller) -> [(Permission, Result<(), Denied>); 20] {
    allowed![
        caller; ReadPeople, ChangePeople, ReadCatalog, ManageCatalog, ReadMarketing, ManageMarketing, ReadLeads, CaptureLeads, WorkLeads, AssignLeads,
        ManageForms, ReadEnrollments, ManageEnrollments, ReadConsents, RecordConsents, ManagePrivacy, ReadAudit, ReadReports, ReadUsers, InviteUsers,
    ]
}

#[test]
fn every_permission_is_a_right() {
    let rights: Vec<_> = asked(&caller(Role::Owner)).into_iter().map(|(permission, _)| permission).collect();
    assert_eq!(rights, Permission::ALL);
}

#[test]
fn a_caller_is_allowed_what_the_role_may_and_denied_the_rest() {
    for role in Role::ALL {
        for (permission, outcome) in asked(&caller(*role)) {
            let expected = if role.permissions().contains(&permission) { Ok(()) } else { Err(Denied(permission)) };
            assert_eq!(outcome, expected, "{role}: {permission}");
        }
    }
}

#[test]
fn what_is_allowed_knows_who_where_and_in_which_request() {
    let caller = caller(Role::Manager);
    let allowed = caller.allow::<WorkLeads>().unwrap();
    assert_eq!(allowed.principal(), caller.principal());
    for scope in [caller.scope(), allowed.scope()] {
        assert_eq!((scope.organization(), scope.actor(), scope.request_id()), (id(900), Actor::User(id(902)), Some("request-1")));
        assert!(scope.once_key().is_none());
    }
}

#[test]
fn an_effect_can_be_asked_for_once() {
    let allowed = caller(Role::Manager).allow::<WorkLeads>().unwrap().once(once(|_: &u8| None));
    let visitor = visitor().once(once(|_: &u8| None));
    for scope in [allowed.scope(), visitor.scope()] {
        assert_eq!(scope.once_key().map(|once| once.key.as_str()), Some("key-1"));
    }
}

#[test]
fn a_visitor_is_nobody_in_particular_in_the_organization_of_the_door() {
    let visitor = visitor();
    let scope = visitor.scope();
    assert_eq!((scope.organization(), scope.actor(), scope.request_id()), (id(900), Actor::Public, Some("request-1")));
    assert_eq!(visitor.organization(), &organization());
}

#[tokio::test]
async fn a_denial_is_written_down() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut log = MockAuditLog::new();
    let noted = Arc::clone(&seen);
    log.expect_observe().times(1).returning(move |scope, observation, at| {
        noted.lock().unwrap().push((scope.actor(), observation.clone(), at));
        Ok(())
    });
    let caller = caller(Role::Viewer);
    let denied = caller.allow::<ManageCatalog>().unwrap_err();
    Watch { log: Arc::new(log), clock: Arc::new(FixedClock(now())) }.denied(caller.scope(), denied).await;
    let observation =
        Observation { action: "access.denied", entity: "permission", entity_id: None, subject: None, purpose: Some("catalog.manage".to_owned()) };
    assert_eq!(*seen.lock().unwrap(), [(Actor::User(id(902)), observation, now())]);
}

#[tokio::test]
async fn a_log_that_is_away_turns_a_denial_into_nothing_else() {
    let mut log = MockAuditLog::new();
    log.expect_observe().times(1).returning(|_, _, _| Err(away()));
    let watch = Watch { log: Arc::new(log), clock: Arc::new(FixedClock(now())) };
    watch.denied(caller(Role::Learner).scope(), Denied(Permission::ReadLeads)).await;
}
