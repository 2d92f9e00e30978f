//! Roles, rights and permissions agree, and whoever has no right gets no key.

use std::sync::Mutex;

use matricula_domain::catalog::CourseDetails;
use matricula_domain::identity::{Breadth, Grant, GuardedField, Post, Role};
use matricula_domain::leads::{LeadChange, NewActivity};
use matricula_domain::people::PersonChange;
use matricula_domain::shared::Form as _;
use matricula_ports::audit::MockAuditLog;

use super::*;
use crate::testing::{FixedClock, away, caller, caller_who_may, id, now, once, organization, visitor};

/// What a caller is allowed, right by right.
macro_rules! allowed {
    ($caller:expr; $($right:ident),+ $(,)?) => {[$((<$right as Right>::PERMISSION, $caller.allow::<$right>().map(|_| ()))),+]};
}

fn asked(caller: &Caller) -> [(Permission, Result<(), Denied>); Permission::ALL.len()] {
    allowed![
        caller; ReadPeople, ChangePeople, ReadNationalIds, ReadCatalog, ManageCatalog, ReadPrices, ReadMarketing, ManageMarketing, ReadLeads, ReadNotes, CaptureLeads, WorkLeads,
        AssignLeads, ManageForms, ReadEnrollments, ManageEnrollments, ReadConsents, RecordConsents, ManagePrivacy, ReadAudit, ReadReports, ReadUsers,
        ManageUsers, ManageRoles, ManageApiKeys, ManageOrganization, ExplainAccess, ViewAs, InviteUsers,
        ManageIdentityProviders, ReadPublishing, ManagePublishing, ReadFacts, ManageWebhooks,
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
    assert_eq!(allowed.organization(), &organization());
    for scope in [caller.scope(), allowed.scope()] {
        assert_eq!((scope.organization(), scope.actor(), scope.request_id()), (id(900), Actor::User(id(902)), Some("request-1")));
        assert!(scope.once_key().is_none());
    }
}

#[test]
fn what_is_allowed_reaches_as_far_as_it_was_granted() {
    let reach = |words: &[&str]| caller_who_may(words).allow::<ReadLeads>().map(|allowed| allowed.reach());
    assert_eq!(reach(&["leads.read"]), Ok(Reach::All));
    assert_eq!(reach(&["leads.read_own"]), Ok(Reach::Within(Post { user: Some(id(902)), ..Post::default() })));
    assert_eq!(reach(&["leads.work"]), Err(Denied(Permission::ReadLeads)));
}

#[test]
fn a_program_acts_in_its_own_name_and_may_what_its_key_says() {
    let rights = Arc::new(Rights::of_key(&[Grant { permission: Permission::CaptureLeads, breadth: Breadth::All }]));
    let holder = KeyHolder { key: id(950), rights, organization: Arc::new(organization()), expires_at: None };
    let access = Access::of_key(&holder, "request-1");
    assert_eq!((access.scope().organization(), access.scope().actor()), (id(900), Actor::Key(id(950))));
    assert!(access.allow::<CaptureLeads>().is_ok());
    assert_eq!(access.allow::<ReadLeads>().map(|_| ()), Err(Denied(Permission::ReadLeads)));
}

#[test]
fn seeing_as_somebody_else_never_shows_more() {
    let access = caller(Role::Adviser).access().clone().within(&Role::Trainer.grants().collect());
    assert!(access.allow::<ReadCatalog>().is_ok() && access.allow::<ReadEnrollments>().is_ok());
    assert_eq!(access.allow::<ReadLeads>().map(|_| ()), Err(Denied(Permission::ReadLeads)));
    let access = caller(Role::Trainer).access().clone().within(&Role::Owner.grants().collect());
    assert_eq!(access.allow::<ReadLeads>().map(|_| ()), Err(Denied(Permission::ReadLeads)));
}

#[test]
fn what_is_guarded_is_there() {
    for guarded in GuardedField::ALL {
        let fields = match guarded.of {
            "course" => CourseDetails::FIELDS,
            "lead" => LeadChange::FIELDS,
            "lead_activity" => NewActivity::FIELDS,
            "person" => PersonChange::FIELDS,
            other => panic!("what is a {other}?"),
        };
        assert!(fields.iter().any(|field| field.name == guarded.field), "{guarded:?}");
    }
}

#[test]
fn a_guarded_field_is_written_by_who_has_its_permission() {
    let write = |words: &[&str], fields: &[&'static str]| {
        let allowed = caller_who_may(words).allow::<ManageCatalog>().unwrap();
        allowed.may_write("course", fields.iter().copied())
    };
    assert_eq!(write(&["catalog.manage"], &["title", "slug"]), Ok(()));
    assert_eq!(write(&["catalog.manage"], &["title", "price"]), Err(Denied(Permission::ReadPrices)));
    assert_eq!(write(&["catalog.manage", "catalog.read_prices"], &["title", "price"]), Ok(()));
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
