use matricula_domain::identity::{
    EndReason, IsolationStrategy, LoginSession, LoginSessionId, Organization, OrganizationDetails, OrganizationId, Refresh, Role, User,
};
use matricula_domain::shared::{Changed, Form as _, Id as _};
use matricula_ports::identity::{Directory as _, Throttle};
use matricula_ports::{Actor, Ids as _, PortError, Scope, transact};
use matricula_tests::{Tenant, TestDatabase, at, at_once, on_both, value};
use serde_json::json;

use super::paging::longest;

on_both!(
    an_organization_is_found_by_its_slug,
    a_slug_is_one_organizations,
    a_user_is_read_back_as_they_were_saved,
    a_session_is_read_back_as_it_was_saved,
    a_token_opens_until_it_is_over,
    a_session_is_found_by_its_refresh_token_and_by_the_one_before,
    an_account_is_the_oldest_active_membership_unless_another_is_named,
    who_fails_often_waits_longer_each_time,
    who_is_trusted_is_so_until_then_whatever_was_counted,
    of_many_tries_at_the_same_time_only_the_first_are_made,
);

async fn open(here: &Tenant, user: &User) -> Changed<LoginSession> {
    let ids = &here.db.ids;
    let session = LoginSession::open(here.db.id(), user.id, user.membership.id, ids.secret(), ids.secret(), at(0));
    here.in_unit(async |tx| tx.login_sessions().save(&session).await).await;
    session
}

async fn find(here: &Tenant, id: LoginSessionId) -> Option<LoginSession> {
    here.in_unit(async |tx| tx.login_sessions().find(id).await).await
}

async fn an_organization_is_found_by_its_slug(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let row = db.accounts.organization("uno").await.unwrap().unwrap();
    assert_eq!(
        (row.id, row.slug.as_str(), row.name.as_str(), row.time_zone.name(), row.locale.as_str()),
        (here.id(), "uno", "uno", "Europe/Madrid", "es")
    );
    assert_eq!(db.accounts.organization("tres").await.unwrap(), None);
    let ids = |rows: Vec<matricula_ports::identity::OrganizationRow>| rows.iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(ids(db.accounts.organizations(None, 9).await.unwrap()), [here.id(), there.id()]);
    assert_eq!(ids(db.accounts.organizations(None, 1).await.unwrap()), [here.id()]);
    assert_eq!(ids(db.accounts.organizations(Some(here.id()), 9).await.unwrap()), [there.id()]);
    assert_eq!(ids(db.accounts.organizations(Some(there.id()), 9).await.unwrap()), []);
    db.raw.execute("UPDATE organizations SET status = 'closed' WHERE slug = 'dos'", []).await;
    assert_eq!(db.accounts.organization("dos").await.unwrap(), None, "nobody comes in");
    assert_eq!(ids(db.accounts.organizations(None, 9).await.unwrap()), [here.id(), there.id()], "but there is data to take care of");
}

async fn a_slug_is_one_organizations(db: TestDatabase) {
    db.tenant("uno").await;
    let id: OrganizationId = db.id();
    let details = json!({"slug": "uno", "name": longest(200), "time_zone": "Atlantic/Canary", "locale": "es", "country": "ES"});
    let founded = Organization::found(id, OrganizationDetails::read(&value(details)).unwrap(), IsolationStrategy::Shared, at(0));
    #[expect(clippy::disallowed_methods, reason = "the organization comes to be here")]
    let scope = Scope::new(id, Actor::System("test"));
    let refused = transact(&db.store, &scope, async |tx| tx.organizations().save(&founded).await).await;
    assert!(matches!(refused, Err(PortError::Conflict("organizations"))), "{refused:?}");
    assert_eq!((db.raw.count("organizations").await, db.raw.count("audit_entries").await), (1, 1));
}

async fn a_user_is_read_back_as_they_were_saved(db: TestDatabase) {
    let here = db.tenant("uno").await;
    for role in Role::ALL {
        let user = here.user(&format!("{}@example.es", role.as_str()), *role).await;
        assert_eq!(here.in_unit(async |tx| tx.users().find(user.id).await).await, Some(user));
    }
    assert_eq!(here.in_unit(async |tx| tx.users().find(db.id()).await).await, None);
}

async fn a_session_is_read_back_as_it_was_saved(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let user = here.user("ana@example.es", Role::Owner).await;
    let opened = open(&here, &user).await;
    let mut session = opened.into_state();
    let id = session.parts().id;
    assert_eq!(find(&here, id).await, Some(session.clone()));
    let refreshed = session.refresh(session.parts().refresh_hash, db.ids.secret(), db.ids.secret(), at(60));
    let Some(Refresh::Rotated(refreshed)) = refreshed else { panic!("{refreshed:?}") };
    here.in_unit(async |tx| tx.login_sessions().save(&refreshed).await).await;
    session = refreshed.into_state();
    assert_eq!(find(&here, id).await, Some(session.clone()));
    let reused = session.refresh(db.ids.secret(), db.ids.secret(), db.ids.secret(), at(120));
    let Some(Refresh::Ended(ended)) = reused else { panic!("{reused:?}") };
    here.in_unit(async |tx| tx.login_sessions().save(&ended).await).await;
    assert_eq!(find(&here, id).await.as_ref(), Some(ended.state()));
    assert_eq!(find(&here, db.id()).await, None);
    let tokens: Vec<Vec<u8>> = db.raw.column("SELECT access_hash FROM login_sessions", []).await;
    assert_eq!(tokens, [ended.state().parts().access_hash.to_vec()]);
}

async fn a_token_opens_until_it_is_over(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let user = here.user("ana@example.es", Role::Marketing).await;
    let session = open(&here, &user).await.into_state();
    let (hash, minutes) = (session.parts().access_hash, 15 * 60);
    for accounts in [&db.accounts, &db.accounts, &db.reopened().await.accounts] {
        let principal = accounts.principal(hash, at(minutes - 1)).await.unwrap().unwrap();
        assert_eq!(
            (principal.session, principal.user, principal.membership, principal.role.clone()),
            (session.parts().id, user.id, user.membership.id, Role::Marketing.into())
        );
        assert_eq!((principal.organization.id, principal.email.as_str(), principal.expires_at), (here.id(), "ana@example.es", at(minutes)));
        assert_eq!(accounts.principal(hash, at(minutes)).await.unwrap(), None, "its quarter of an hour is over");
        assert_eq!(accounts.principal(session.parts().refresh_hash, at(1)).await.unwrap(), None, "a refresh token opens nothing");
        assert_eq!(accounts.principal([0; 32], at(1)).await.unwrap(), None);
    }
    let ended = session.end(EndReason::SignedOut, at(2)).unwrap();
    here.in_unit(async |tx| tx.login_sessions().save(&ended).await).await;
    assert_eq!(db.accounts.principal(hash, at(3)).await.unwrap(), None, "a sign-out holds at once where it was made");
    assert_eq!(db.reopened().await.accounts.principal(hash, at(3)).await.unwrap(), None);

    for stop in ["UPDATE users SET active = FALSE", "UPDATE memberships SET active = FALSE", "UPDATE organizations SET status = 'closed'"] {
        let session = open(&here, &user).await.into_state();
        let fresh = db.reopened().await.accounts;
        assert!(fresh.principal(session.parts().access_hash, at(1)).await.unwrap().is_some(), "before: {stop}");
        db.raw.execute(stop, []).await;
        assert_eq!(db.reopened().await.accounts.principal(session.parts().access_hash, at(1)).await.unwrap(), None, "{stop}");
        for start in ["UPDATE users SET active = TRUE", "UPDATE memberships SET active = TRUE", "UPDATE organizations SET status = 'active'"] {
            db.raw.execute(start, []).await;
        }
    }
}

async fn a_session_is_found_by_its_refresh_token_and_by_the_one_before(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let user = here.user("ana@example.es", Role::Owner).await;
    let session = open(&here, &user).await.into_state();
    _ = open(&here, &user).await;
    let (first, second) = (session.parts().refresh_hash, db.ids.secret());
    let found = Some((here.id(), session.parts().id));
    assert_eq!(db.accounts.session_of_refresh(first).await.unwrap(), found);
    let Some(Refresh::Rotated(refreshed)) = session.refresh(first, db.ids.secret(), second, at(1)) else { panic!("not rotated") };
    here.in_unit(async |tx| tx.login_sessions().save(&refreshed).await).await;
    assert_eq!(db.accounts.session_of_refresh(second).await.unwrap(), found);
    assert_eq!(db.accounts.session_of_refresh(first).await.unwrap(), found, "that is how a stolen one is noticed");
    assert_eq!(db.accounts.session_of_refresh([1; 32]).await.unwrap(), None);
}

async fn an_account_is_the_oldest_active_membership_unless_another_is_named(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let user = here.user("ana@example.es", Role::Owner).await;
    let second = db.id::<OrganizationId>().as_uuid();
    let add = "INSERT INTO memberships (organization_id, id, user_id, role, campus_ids, active, created_at, updated_at, version) \
         VALUES ($1, $2, $3, 'viewer', '[]', TRUE, $4, $4, 1)";
    db.raw.execute(add, [there.id().as_uuid().into(), second.into(), user.id.as_uuid().into(), at(60).into()]).await;
    let account =
        async |email: &str, slug: Option<&str>| db.accounts.account(email, slug).await.unwrap().map(|account| (account.organization, account.user));
    assert_eq!(account("ana@example.es", None).await, Some((here.id(), user.id)));
    assert_eq!(account("ana@example.es", Some("dos")).await, Some((there.id(), user.id)));
    assert_eq!(account("ana@example.es", Some("tres")).await, None);
    assert_eq!(account("nadie@example.es", None).await, None);
    let hash = db.accounts.account("ana@example.es", None).await.unwrap().unwrap().password_hash;
    assert_eq!(hash, user.password_hash);
    db.raw.execute("UPDATE memberships SET active = FALSE WHERE role = 'owner'", []).await;
    assert_eq!(account("ana@example.es", None).await, Some((there.id(), user.id)));
    assert_eq!(account("ana@example.es", Some("uno")).await, None);
    db.raw.execute("UPDATE organizations SET status = 'closed' WHERE slug = 'dos'", []).await;
    assert_eq!(account("ana@example.es", None).await, None);
}

async fn who_fails_often_waits_longer_each_time(db: TestDatabase) {
    let (account, address) = ([1; 32], [2; 32]);
    let known = async |key: [u8; 32]| db.accounts.throttles(&[key, [9; 32]]).await.unwrap().pop();
    let until = async |key| known(key).await.and_then(|throttle| throttle.blocked_until);
    let mut now = 0;
    let mut waits = Vec::new();
    for _ in 0..17 {
        assert!(db.accounts.count_try(account, at(now)).await.unwrap() && db.accounts.count_try(address, at(now)).await.unwrap());
        waits.push(until(account).await.map_or(0, |until| (until - at(now)).num_seconds()));
        now += waits.last().unwrap() + 1;
    }
    assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
    assert!(!db.accounts.count_try(account, at(now - 2)).await.unwrap(), "who has to wait does not try");
    assert_eq!(db.accounts.throttles(&[account, address, [9; 32]]).await.unwrap().len(), 2);
    db.accounts.forget_tries(account).await.unwrap();
    assert_eq!(known(account).await, None);
    assert!(until(address).await.is_some(), "who signs in with one account is not forgiven the others");
    // After an hour without any, earlier failures count no more.
    assert!(db.accounts.count_try(address, at(now + 3600)).await.unwrap());
    assert_eq!(until(address).await, None);
    assert_eq!(db.raw.column::<i32>("SELECT failures FROM login_throttles WHERE key_hash = $1", [address.to_vec().into()]).await, [1]);
}

async fn who_is_trusted_is_so_until_then_whatever_was_counted(db: TestDatabase) {
    let home = [3; 32];
    let known = async || db.accounts.throttles(&[home]).await.unwrap().pop();
    db.accounts.trust(home, at(3600), at(0)).await.unwrap();
    assert_eq!(known().await, Some(Throttle { key: home, blocked_until: None, trusted_until: Some(at(3600)) }));
    for _ in 0..5 {
        assert!(db.accounts.count_try(home, at(1)).await.unwrap());
    }
    assert_eq!(known().await, Some(Throttle { key: home, blocked_until: Some(at(2)), trusted_until: Some(at(3600)) }));
    db.accounts.trust(home, at(7200), at(3)).await.unwrap();
    assert_eq!(known().await, Some(Throttle { key: home, blocked_until: None, trusted_until: Some(at(7200)) }));
}

async fn of_many_tries_at_the_same_time_only_the_first_are_made(db: TestDatabase) {
    let allowed = at_once((0..20).map(|_| {
        let db = db.clone();
        async move || db.accounts.count_try([1; 32], at(0)).await.unwrap()
    }))
    .await;
    assert_eq!(allowed.into_iter().filter(|allowed| *allowed).count(), 5);
    assert_eq!(db.raw.column::<i32>("SELECT failures FROM login_throttles", []).await, [5]);
}
