use chrono::TimeDelta;
use matricula_domain::catalog::CourseRunId;
use matricula_domain::identity::{Grant, LoginSession, OrganizationStatus, Permission, Post, Reach, Rights, Role, RoleName, User, UserId};
use matricula_domain::leads::{Lead, LeadTargets};
use matricula_domain::shared::{Field as _, Id as _, RecordId};
use matricula_ports::enrollment::{EnrollmentFilter, EnrollmentQueries};
use matricula_ports::identity::{AccessQueries, Directory as _, MemberCounts as _};
use matricula_ports::leads::{LeadFilter, LeadQueries};
use matricula_ports::{Clock as _, Ids as _, Page, PortError};
use matricula_tests::{Tenant, TestDatabase, at, at_once, on_both, value};
use serde_json::json;

use super::filled::{enroll, fill};

on_both!(
    what_was_saved_of_access_is_read_back,
    rights_come_through_the_membership_and_the_groups,
    what_is_hidden_gives_nothing,
    changed_rights_hold_at_once,
    who_is_deactivated_is_out_at_once_and_stays_out,
    of_two_last_owners_who_let_each_other_go_one_stays,
    members_and_owners_are_counted,
    leads_are_reached_as_far_as_they_were_granted,
    enrollments_are_reached_through_the_campus_of_their_run,
    a_key_opens_until_it_is_over_and_its_use_is_written_down_once_a_minute,
    a_suspended_organization_is_known_as_such_at_once,
);

fn name(word: &str) -> RoleName {
    RoleName::parse(&word.into()).unwrap()
}

fn words(rights: &Rights) -> Vec<String> {
    rights.grants().words().iter().map(Grant::to_string).collect()
}

async fn rights(here: &Tenant, user: UserId) -> Rights {
    here.db.queries.rights(&here.scope, user).await.unwrap().unwrap()
}

async fn give(here: &Tenant, user: &User, patch: serde_json::Value) -> User {
    let owners = here.in_unit(async |tx| tx.users().owners().await).await;
    let now = here.in_unit(async |tx| tx.users().find(user.id).await).await.unwrap();
    let changed = now.change_membership(&value(patch), owners + 1, here.db.clock.now()).unwrap();
    here.in_unit(async |tx| tx.users().save(&changed).await).await;
    changed.into_state()
}

async fn open(here: &Tenant, user: &User) -> LoginSession {
    let (access, refresh) = (here.db.ids.secret(), here.db.ids.secret());
    let session = LoginSession::open(here.db.id(), user.id, user.membership.id, access, refresh, at(0));
    here.in_unit(async |tx| tx.login_sessions().save(&session).await).await;
    session.into_state()
}

async fn what_was_saved_of_access_is_read_back(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let all = fill(&here).await;
    let role = db.queries.role(&here.scope, all.role.id).await.unwrap();
    assert_eq!(role.as_ref(), Some(&all.role));
    assert_eq!(here.in_unit(async |tx| tx.roles().named(&[name("asesor-norte"), name("otro")]).await).await, std::slice::from_ref(&all.role));
    let changed = all.role.change(&value(json!({"name": "Norte", "grants": ["people.read", "leads.read_campus"]})), at(5)).unwrap();
    here.in_unit(async |tx| tx.roles().save(&changed).await).await;
    assert_eq!(db.queries.role_named(&here.scope, &all.role.slug).await.unwrap().as_ref(), Some(changed.state()));
    let again = matricula_domain::identity::CustomRole::create(
        db.id(),
        matricula_domain::shared::Form::read(&value(json!({"slug": "asesor-norte", "name": "Otro", "grants": []}))).unwrap(),
        &[],
        at(6),
    );
    let taken = here.try_in_unit(async |tx| tx.roles().save(&again).await).await;
    assert!(matches!(taken, Err(PortError::Conflict("roles"))), "{taken:?}");

    let group = db.queries.group(&here.scope, all.group.id).await.unwrap().unwrap();
    assert_eq!((&group.details, group.version), (&all.group.details, 2), "somebody joined it");
    let left = group.leave(all.user.id, at(7));
    here.in_unit(async |tx| tx.groups().save(&left).await).await;
    assert!(!here.in_unit(async |tx| tx.groups().has(all.group.id, all.user.id).await).await);
    assert!(db.queries.users(&here.scope, Some(all.group.id), &Page::first(9)).await.unwrap().items.is_empty());

    let page = db.queries.api_keys(&here.scope, &Page::first(9)).await.unwrap();
    assert_eq!(page.items, std::slice::from_ref(&all.key));
    let revoked = all.key.revoke(at(8)).unwrap();
    here.in_unit(async |tx| tx.api_keys().save(&revoked).await).await;
    assert_eq!(here.in_unit(async |tx| tx.api_keys().find(all.key.id).await).await.as_ref(), Some(revoked.state()));

    let organization = here.in_unit(async |tx| tx.organizations().find().await).await.unwrap();
    let patch = json!({"name": "Nuevo", "logo_url": "https://example.es/logo.png", "settings": {"b": [1, {"c": null}]}});
    let changed = organization.change(&value(patch), at(9)).unwrap();
    here.in_unit(async |tx| tx.organizations().save(&changed).await).await;
    assert_eq!(db.queries.organization(&here.scope).await.unwrap().as_ref(), Some(changed.state()));
}

async fn rights_come_through_the_membership_and_the_groups(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let user = here.user("ana@example.es", Role::Trainer).await;
    assert_eq!(words(&rights(&here, user.id).await), ["catalog.read", "enrollment.read", "publishing.read"]);
    let (north, south) = (here.role("norte", &["leads.read_campus"]).await, here.role("sur", &["leads.read_own", "people.read"]).await);
    let campus = here.campus("norte").await.id();
    give(&here, &user, json!({"role": "norte", "campus_ids": [campus.to_string()]})).await;
    let mut groups = Vec::new();
    for roles in [vec![south.slug.clone(), name("viewer")], vec![south.slug.clone()], Vec::new()] {
        let group = here.group(&roles).await;
        here.in_unit(async |tx| tx.groups().save(&group.join(user.id, at(1))).await).await;
        groups.push(group.id);
    }
    here.group(&[name("owner")]).await;
    let found = rights(&here, user.id).await;
    groups.sort();
    assert_eq!(*found.post(), Post { user: Some(user.id), groups: groups.clone(), campuses: vec![campus] });
    let sources: Vec<_> = found.sources().iter().map(|source| (source.role.as_str(), source.group.is_some())).collect();
    assert_eq!(sources.len(), 4);
    assert!(sources.contains(&("norte", false)) && sources.contains(&("sur", true)) && sources.contains(&("viewer", true)), "{sources:?}");
    let expected: matricula_domain::identity::Grants = north.grants().iter().chain(south.grants()).copied().chain(Role::Viewer.grants()).collect();
    assert_eq!(*found.grants(), expected);
    let session = open(&here, &user).await;
    let principal = db.accounts.principal(session.parts().access_hash, at(1)).await.unwrap().unwrap();
    assert_eq!((&*principal.rights, principal.role.as_str()), (&found, "norte"));
}

async fn what_is_hidden_gives_nothing(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let user = here.user("ana@example.es", Role::Trainer).await;
    let role = here.role("norte", &["leads.read"]).await;
    give(&here, &user, json!({"role": "norte"})).await;
    let group = here.group(&[name("viewer")]).await;
    let joined = group.join(user.id, at(1));
    here.in_unit(async |tx| tx.groups().save(&joined).await).await;
    assert!(rights(&here, user.id).await.grants().may(Permission::ReadPeople));
    here.in_unit(async |tx| tx.groups().save(&joined.state().archive(at(2)).unwrap()).await).await;
    assert_eq!(words(&rights(&here, user.id).await), ["leads.read"]);
    here.in_unit(async |tx| tx.roles().save(&role.archive(at(2)).unwrap()).await).await;
    assert_eq!(words(&rights(&here, user.id).await), Vec::<String>::new());
}

async fn changed_rights_hold_at_once(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let user = here.user("ana@example.es", Role::Viewer).await;
    let hash = open(&here, &user).await.parts().access_hash;
    let may = async |permission| db.accounts.principal(hash, at(1)).await.unwrap().unwrap().rights.grants().may(permission);
    assert!(!may(Permission::WorkLeads).await);
    let role = here.role("norte", &["leads.read", "leads.work"]).await;
    give(&here, &user, json!({"role": "norte"})).await;
    assert!(may(Permission::WorkLeads).await, "another role");
    let changed = role.change(&value(json!({"grants": ["leads.read"]})), at(2)).unwrap();
    here.in_unit(async |tx| tx.roles().save(&changed).await).await;
    assert!(!may(Permission::WorkLeads).await, "the role grants less");
    let group = here.group(&[name("adviser")]).await;
    here.in_unit(async |tx| tx.groups().save(&group.join(user.id, at(3))).await).await;
    assert!(may(Permission::WorkLeads).await, "a group gives more");
}

async fn who_is_deactivated_is_out_at_once_and_stays_out(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let user = here.user("ana@example.es", Role::Viewer).await;
    let (one, two) = (open(&here, &user).await, open(&here, &user).await);
    for session in [&one, &two] {
        assert!(db.accounts.principal(session.parts().access_hash, at(1)).await.unwrap().is_some());
    }
    let administration = matricula_application::identity::Administration::new(db.world());
    let gone = administration.deactivate_user(&here.allowed(), user.id).await.unwrap();
    for session in [&one, &two] {
        assert_eq!(db.accounts.principal(session.parts().access_hash, at(1)).await.unwrap(), None, "at once");
    }
    assert!(here.in_unit(async |tx| tx.login_sessions().open_of(user.id).await).await.is_empty());
    let back = administration.activate_user(&here.allowed(), gone.id).await.unwrap();
    assert!(back.membership.active);
    assert_eq!(db.accounts.principal(one.parts().access_hash, at(1)).await.unwrap(), None, "who is back signs in anew");
}

async fn of_two_last_owners_who_let_each_other_go_one_stays(db: TestDatabase) {
    for round in 0..5 {
        let here = db.tenant(&format!("n{round}")).await;
        let (ana, bea) =
            (here.user(&format!("ana{round}@example.es"), Role::Owner).await, here.user(&format!("bea{round}@example.es"), Role::Owner).await);
        let administration = matricula_application::identity::Administration::new(db.world());
        let left = at_once([(ana.id, true), (bea.id, false)].map(|(user, demoted)| {
            let (here, administration) = (here.clone(), administration.clone());
            async move || {
                let done = if demoted {
                    administration.change_user(&here.allowed(), user, &value(json!({"role": "viewer"})), matricula_application::Expected::Any).await
                } else {
                    administration.deactivate_user(&here.allowed(), user).await
                };
                match done {
                    Ok(_) => true,
                    Err(matricula_application::identity::AdministrationError::LastOwner) => false,
                    Err(other) => panic!("{other:?}"),
                }
            }
        }))
        .await;
        assert_eq!(left.iter().filter(|done| **done).count(), 1, "{left:?}");
        assert_eq!(here.in_unit(async |tx| tx.users().owners().await).await, 1);
    }
}

async fn members_and_owners_are_counted(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let counts = async || {
        let owners: i32 = db.raw.one("SELECT owners FROM organizations", []).await;
        let seats: i32 = db.raw.one("SELECT seats_used FROM organizations", []).await;
        (seats, owners)
    };
    assert_eq!(counts().await, (0, 0));
    let (ana, bea) = (here.user("ana@example.es", Role::Owner).await, here.user("bea@example.es", Role::Viewer).await);
    assert_eq!(counts().await, (2, 1));
    let bea = give(&here, &bea, json!({"role": "owner"})).await;
    assert_eq!(counts().await, (2, 2));
    let gone = bea.deactivate(2, at(1)).unwrap().unwrap();
    here.in_unit(async |tx| tx.users().save(&gone).await).await;
    assert_eq!(counts().await, (1, 1));
    // The rule says no before; this is the lock behind it.
    let last = ana.deactivate(2, at(1)).unwrap().unwrap();
    let refused = here.try_in_unit(async |tx| tx.users().save(&last).await).await;
    assert!(matches!(refused, Err(PortError::Conflict("owners"))), "{refused:?}");
    assert_eq!(counts().await, (1, 1));
    let back = gone.state().activate(at(2)).unwrap();
    here.in_unit(async |tx| tx.users().save(&back).await).await;
    assert_eq!(counts().await, (2, 2));
    assert_eq!(db.accounts.recount().await.unwrap(), 0, "they were right");
    db.tenant("dos").await;
    db.raw.execute("UPDATE organizations SET seats_used = 7, owners = 0 WHERE slug = 'uno'", []).await;
    assert_eq!(db.accounts.recount().await.unwrap(), 1);
    let owners: i32 = db.raw.one("SELECT owners FROM organizations WHERE slug = 'uno'", []).await;
    let seats: i32 = db.raw.one("SELECT seats_used FROM organizations WHERE slug = 'uno'", []).await;
    assert_eq!((seats, owners), (2, 2));
}

/// The leads that a list shows, and those of all of them that are found one by one, which must be the same.
async fn reached(here: &Tenant, reach: &Reach, all: &[&Lead]) -> Vec<usize> {
    let listed = LeadQueries::list(&here.db.queries, &here.scope, reach, &LeadFilter::default(), &Page::first(50)).await.unwrap().items;
    let mut reached = Vec::new();
    for (n, lead) in all.iter().enumerate() {
        let found = here.in_unit(async |tx| tx.leads().find(lead.id(), reach).await).await.is_some();
        let shown = LeadQueries::one(&here.db.queries, &here.scope, reach, lead.id()).await.unwrap().is_some();
        let listed = listed.iter().any(|row| row.id == lead.id().as_uuid());
        assert_eq!((found, shown), (listed, listed), "lead {n}");
        reached.extend(found.then_some(n));
    }
    assert_eq!(listed.len(), reached.len());
    reached
}

async fn leads_are_reached_as_far_as_they_were_granted(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (ana, bea, carla) = (
        here.user("a@example.es", Role::Adviser).await,
        here.user("b@example.es", Role::Adviser).await,
        here.user("c@example.es", Role::Adviser).await,
    );
    let group = here.group(&[]).await;
    let joined = group.join(ana.id, at(1));
    here.in_unit(async |tx| tx.groups().save(&joined).await).await;
    here.in_unit(async |tx| tx.groups().save(&joined.state().join(bea.id, at(1))).await).await;
    let (north, south) = (here.campus("norte").await.id(), here.campus("sur").await.id());
    let in_both = here.draft("ambas", json!({"campus_ids": [north.to_string(), south.to_string()]})).await;
    let nowhere = here.draft("online", json!({})).await;
    let (run_south, run_online) = (here.run_at(&in_both, Some(south), 5).await, here.run_at(&in_both, None, 5).await);

    let lead = async |name: &str, course: Option<&matricula_domain::catalog::Course>, run: Option<CourseRunId>, assigned: Option<UserId>| {
        let person = here.person(name).await;
        let targets = LeadTargets { course: course.map(matricula_domain::catalog::Course::id), course_run: run, ..LeadTargets::default() };
        let lead = here.lead(person.id(), targets).await;
        let assigned = lead.assign(assigned, at(2));
        here.in_unit(async |tx| tx.leads().save(&assigned).await).await;
        assigned.into_state()
    };
    let all = [
        lead("0", None, None, Some(ana.id)).await,
        lead("1", None, None, Some(bea.id)).await,
        lead("2", Some(&nowhere), None, Some(carla.id)).await,
        lead("3", Some(&in_both), None, None).await,
        lead("4", Some(&in_both), Some(run_south.id()), None).await,
        lead("5", Some(&in_both), Some(run_online.id()), None).await,
    ];
    let all: Vec<_> = all.iter().collect();
    let post = |user: bool, team: bool, campuses: &[RecordId]| {
        let groups = if team { vec![group.id] } else { Vec::new() };
        Reach::Within(Post { user: user.then_some(ana.id), groups, campuses: campuses.to_vec() })
    };
    for (reach, expected) in [
        (Reach::All, vec![0, 1, 2, 3, 4, 5]),
        (post(true, false, &[]), vec![0]),
        (post(true, true, &[]), vec![0, 1]),
        (post(false, false, &[south]), vec![3, 4, 5]),
        (post(false, false, &[north]), vec![3, 5]),
        (post(true, false, &[north, south]), vec![0, 3, 4, 5]),
        (post(false, false, &[]), vec![]),
    ] {
        assert_eq!(reached(&here, &reach, &all).await, expected, "{reach:?}");
    }
    let there = db.tenant("dos").await;
    assert_eq!(reached(&there, &Reach::All, &all).await, Vec::<usize>::new());
}

async fn enrollments_are_reached_through_the_campus_of_their_run(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let campus = here.campus("norte").await.id();
    let course = here.course("soldadura").await;
    let (at_campus, online) = (here.run_at(&course, Some(campus), 5).await, here.run(&course, 5).await);
    let people = here.people(&["Ana", "Bea"]).await;
    let placed = [enroll(&here, &at_campus, people[0].id()).await, enroll(&here, &online, people[1].id()).await];
    let within = |campuses: Vec<RecordId>| Reach::Within(Post { campuses, ..Post::default() });
    for (reach, expected) in [(Reach::All, [true, true]), (within(vec![campus]), [true, false]), (within(Vec::new()), [false, false])] {
        let listed = EnrollmentQueries::list(&db.queries, &here.scope, &reach, &EnrollmentFilter::default(), &Page::first(9)).await.unwrap().items;
        for (enrollment, expected) in placed.iter().zip(expected) {
            assert_eq!(here.in_unit(async |tx| tx.enrollments().find(enrollment.id(), &reach).await).await.is_some(), expected);
            assert_eq!(EnrollmentQueries::one(&db.queries, &here.scope, &reach, enrollment.id()).await.unwrap().is_some(), expected);
            assert_eq!(listed.iter().any(|row| row.enrollment.id() == enrollment.id()), expected);
        }
    }
}

async fn a_key_opens_until_it_is_over_and_its_use_is_written_down_once_a_minute(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let maker = here.user("ana@example.es", Role::Owner).await;
    let key = here.api_key(maker.id).await;
    let used = async || db.queries.api_keys(&here.scope, &Page::first(1)).await.unwrap().items.remove(0).last_used_at;
    assert_eq!(used().await, None);
    let holder = db.accounts.key_holder(key.hash, at(1)).await.unwrap().unwrap();
    assert_eq!((holder.key, holder.organization.id, words(&holder.rights)), (key.id, here.id(), vec!["leads.capture".to_owned()]));
    assert_eq!(used().await, Some(at(1)));
    for (later, written) in [(59, 1), (61, 61), (100, 61), (121, 121)] {
        assert!(db.reopened().await.accounts.key_holder(key.hash, at(later)).await.unwrap().is_some());
        assert_eq!(used().await, Some(at(written)));
    }
    let over = key.expires_at.unwrap();
    assert!(db.reopened().await.accounts.key_holder(key.hash, over - TimeDelta::seconds(1)).await.unwrap().is_some());
    assert_eq!(db.accounts.key_holder(key.hash, over).await.unwrap(), None, "and what is remembered expires too");
    assert_eq!(db.accounts.key_holder([9; 32], at(1)).await.unwrap(), None);
    assert!(db.accounts.key_holder(key.hash, at(2)).await.unwrap().is_some());
    here.in_unit(async |tx| tx.api_keys().save(&key.revoke(at(3)).unwrap()).await).await;
    assert_eq!(db.accounts.key_holder(key.hash, at(4)).await.unwrap(), None, "a revoked key opens nothing, at once");
}

async fn a_suspended_organization_is_known_as_such_at_once(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let user = here.user("ana@example.es", Role::Owner).await;
    let hash = open(&here, &user).await.parts().access_hash;
    let identity_of = |to| {
        let here = here.clone();
        async move {
            let organization = here.in_unit(async |tx| tx.organizations().find().await).await.unwrap();
            let moved = organization.transition(to, at(1)).unwrap();
            here.in_unit(async |tx| tx.organizations().save(&moved).await).await;
        }
    };
    assert!(db.accounts.organization("uno").await.unwrap().unwrap().status.works());
    assert!(db.accounts.principal(hash, at(1)).await.unwrap().unwrap().organization.status.works());
    identity_of(OrganizationStatus::Suspended).await;
    assert_eq!(db.accounts.organization("uno").await.unwrap().unwrap().status, OrganizationStatus::Suspended);
    assert_eq!(db.accounts.principal(hash, at(1)).await.unwrap().unwrap().organization.status, OrganizationStatus::Suspended);
    identity_of(OrganizationStatus::Closed).await;
    assert_eq!(db.accounts.organization("uno").await.unwrap(), None);
    assert_eq!(db.accounts.principal(hash, at(1)).await.unwrap(), None);
}
