//! Links that open once, and users as organizations find them by their address.

use matricula_domain::identity::{EndReason, Known, LinkEnd, LinkId, LinkPurpose, LinkTarget, LoginSession, OneTimeLink, Role};
use matricula_domain::shared::{EmailAddress, Id as _};
use matricula_ports::identity::{Directory as _, LinkQueries as _, LinkSecrets as _};
use matricula_ports::{Ids as _, Page, PortError};
use matricula_tests::{Tenant, TestDatabase, at, on_both};

on_both!(
    a_link_is_read_back_as_it_was_saved,
    a_link_is_found_by_its_id_before_the_organization_is_known,
    links_that_have_not_ended_are_found_by_whose_they_are,
    of_two_who_use_a_link_one_is_too_late,
    invitations_are_listed_the_newest_first,
    what_opens_a_link_is_always_the_same_and_no_others,
    somebody_is_found_by_their_address_and_joins,
    sign_ins_are_found_until_they_end,
    an_installation_is_empty_until_somebody_is_there,
);

fn address(email: &str) -> EmailAddress {
    EmailAddress::parse(email).unwrap()
}

async fn issue(here: &Tenant, target: LinkTarget, email: &str, seconds: i64) -> OneTimeLink {
    let issued = OneTimeLink::issue(here.db.id(), target, address(email), here.db.ids.secret(), at(seconds));
    here.in_unit(async |tx| tx.links().save(&issued).await).await;
    issued.into_state()
}

async fn find(here: &Tenant, id: LinkId) -> Option<OneTimeLink> {
    here.in_unit(async |tx| tx.links().find(id).await).await
}

async fn a_link_is_read_back_as_it_was_saved(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let user = here.user("ana@example.es", Role::Owner).await;
    let change = issue(&here, LinkTarget::EmailChange(user.id), "nueva@example.es", 0).await;
    for target in [
        LinkTarget::PasswordReset(user.id),
        LinkTarget::Invitation { role: Role::Adviser, by: user.id },
        LinkTarget::EmailChange(user.id),
        LinkTarget::EmailVeto { user: user.id, change: change.id() },
    ] {
        let link = issue(&here, target, "ana@example.es", 0).await;
        assert_eq!(find(&here, link.id()).await, Some(link.clone()));
        assert_eq!(find(&there, link.id()).await, None);
        for why in LinkEnd::ALL {
            let link = issue(&here, target, "ana@example.es", 1).await;
            let ended = link.end(*why, at(2)).unwrap();
            here.in_unit(async |tx| tx.links().save(&ended).await).await;
            assert_eq!(find(&here, link.id()).await.as_ref(), Some(ended.state()));
        }
    }
    let told = "action = 'one_time_link.issued' AND organization_id = $1";
    assert_eq!(db.raw.count_where("audit_entries", told, [here.id().as_uuid().into()]).await, 17);
    let rows = db.raw.dump("outbox").await;
    assert!(rows.iter().all(|row| !row.contains("@example.es")), "no address is in the outbox");
}

async fn a_link_is_found_by_its_id_before_the_organization_is_known(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let user = here.user("ana@example.es", Role::Owner).await;
    let link = issue(&here, LinkTarget::PasswordReset(user.id), "ana@example.es", 0).await;
    assert_eq!(db.accounts.organization_of_link(link.id()).await.unwrap(), Some(here.id()));
    assert_eq!(db.accounts.organization_of_link(db.id()).await.unwrap(), None);
    assert_eq!(db.accounts.organization_by_id(here.id()).await.unwrap().map(|row| row.slug), Some("uno".to_owned()));
    assert_eq!(db.accounts.organization_by_id(db.id()).await.unwrap(), None);
    db.raw.execute("UPDATE organizations SET status = 'closed'", []).await;
    assert_eq!(db.accounts.organization_of_link(link.id()).await.unwrap(), None, "nothing opens where everything is closed");
}

async fn links_that_have_not_ended_are_found_by_whose_they_are(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let (ana, eva) = (here.user("ana@example.es", Role::Owner).await, here.user("eva@example.es", Role::Viewer).await);
    let reset = issue(&here, LinkTarget::PasswordReset(ana.id), "ana@example.es", 0).await;
    issue(&here, LinkTarget::PasswordReset(eva.id), "eva@example.es", 0).await;
    issue(&here, LinkTarget::EmailChange(ana.id), "nueva@example.es", 0).await;
    let invited = issue(&here, LinkTarget::Invitation { role: Role::Viewer, by: ana.id }, "luz@example.es", 0).await;
    let of = async |tenant: &Tenant| {
        tenant
            .in_unit(async |tx| {
                Ok((
                    tx.links().unended_of(ana.id, LinkPurpose::PasswordReset).await?,
                    tx.links().unended_invitations(&address("luz@example.es")).await?,
                ))
            })
            .await
    };
    assert_eq!(of(&here).await, (vec![reset.clone()], vec![invited.clone()]));
    assert_eq!(of(&there).await, (vec![], vec![]));
    for link in [reset, invited] {
        let ended = link.end(LinkEnd::Revoked, at(1)).unwrap();
        here.in_unit(async |tx| tx.links().save(&ended).await).await;
    }
    assert_eq!(of(&here).await, (vec![], vec![]));
}

async fn of_two_who_use_a_link_one_is_too_late(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let user = here.user("ana@example.es", Role::Owner).await;
    let link = issue(&here, LinkTarget::PasswordReset(user.id), "ana@example.es", 0).await;
    let used = link.open(LinkPurpose::PasswordReset, link.parts().token_hash, at(1)).unwrap();
    let (first, second) = (here.begin().await, here.begin().await);
    first.links().save(&used).await.unwrap();
    second.links().save(&used).await.unwrap();
    first.commit().await.unwrap();
    assert!(matches!(second.commit().await, Err(PortError::Stale)));
}

async fn invitations_are_listed_the_newest_first(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let user = here.user("ana@example.es", Role::Owner).await;
    issue(&here, LinkTarget::PasswordReset(user.id), "ana@example.es", 0).await;
    let mut invited = Vec::new();
    for n in 0..3 {
        invited.insert(0, issue(&here, LinkTarget::Invitation { role: Role::Viewer, by: user.id }, "luz@example.es", n).await);
    }
    let first = db.queries.invitations(&here.scope, &Page::first(2)).await.unwrap();
    assert_eq!(first.items, invited[..2]);
    let rest = Page { after: first.next, ..Page::first(2) };
    let second = db.queries.invitations(&here.scope, &rest).await.unwrap();
    assert_eq!((second.items, second.next), (invited[2..].to_vec(), None));
    assert_eq!(db.queries.invitations(&there.scope, &Page::first(9)).await.unwrap().items, []);
}

async fn what_opens_a_link_is_always_the_same_and_no_others(db: TestDatabase) {
    let (link, other): (LinkId, LinkId) = (db.id(), db.id());
    let secret = db.keys.secret_of(link, LinkPurpose::Invitation).await.unwrap();
    assert_eq!(
        db.reopened().await.keys.secret_of(link, LinkPurpose::Invitation).await.unwrap(),
        secret,
        "another copy of the program derives it too"
    );
    assert_ne!(db.keys.secret_of(link, LinkPurpose::PasswordReset).await.unwrap(), secret);
    assert_ne!(db.keys.secret_of(other, LinkPurpose::Invitation).await.unwrap(), secret);
    assert_eq!(db.raw.hits(&[secret.to_vec()]).await, Vec::<String>::new());
}

async fn somebody_is_found_by_their_address_and_joins(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let ana = here.user("ana@example.es", Role::Owner).await;
    let fresh = db.id();
    let known = async |tenant: &Tenant, email: &str| tenant.in_unit(async |tx| tx.users().find_by_email(&address(email), fresh).await).await;
    assert_eq!(known(&here, "ana@example.es").await, Some(Known::Member(ana.clone())));
    assert_eq!(known(&there, "nadie@example.es").await, None);
    let Some(Known::Stranger(stranger)) = known(&there, "ana@example.es").await else { panic!("she does not work there yet") };
    let joined = stranger.join(Role::Adviser.into(), at(60));
    there.in_unit(async |tx| tx.users().save(&joined).await).await;
    let Some(Known::Member(member)) = known(&there, "ana@example.es").await else { panic!("she works there now") };
    assert_eq!(&member, joined.state());
    assert_eq!((member.id, member.membership.id, member.membership.role.clone()), (ana.id, fresh, Role::Adviser.into()));
    let at_home = here.in_unit(async |tx| tx.users().find(ana.id).await).await.unwrap();
    assert_eq!((at_home.membership, at_home.version), (ana.membership, 2));

    let changed = member.change_email(address("otra@example.es"), at(61));
    there.in_unit(async |tx| tx.users().save(&changed).await).await;
    assert!(matches!(known(&here, "otra@example.es").await, Some(Known::Member(_))), "a user is one in all organizations");
    let eva = there.user("eva@example.es", Role::Viewer).await;
    let taken = eva.change_email(address("otra@example.es"), at(62));
    let refused = there.try_in_unit(async |tx| tx.users().save(&taken).await).await;
    assert!(matches!(refused, Err(PortError::Conflict(_))), "{refused:?}");
}

async fn sign_ins_are_found_until_they_end(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (ana, eva) = (here.user("ana@example.es", Role::Owner).await, here.user("eva@example.es", Role::Viewer).await);
    let mut sessions = Vec::new();
    for _ in 0..2 {
        let opened = LoginSession::open(db.id(), ana.id, ana.membership.id, db.ids.secret(), db.ids.secret(), at(0));
        here.in_unit(async |tx| tx.login_sessions().save(&opened).await).await;
        sessions.push(opened.into_state());
    }
    assert_eq!(here.in_unit(async |tx| tx.login_sessions().open_of(eva.id).await).await, []);
    let open = async || {
        let mut open = here.in_unit(async |tx| tx.login_sessions().open_of(ana.id).await).await;
        open.sort_by_key(|session| session.parts().id);
        open
    };
    assert_eq!(open().await, sessions);
    for session in &sessions {
        let ended = session.end(EndReason::SignedOut, at(1)).unwrap();
        here.in_unit(async |tx| tx.login_sessions().save(&ended).await).await;
    }
    assert_eq!(open().await, []);
}

async fn an_installation_is_empty_until_somebody_is_there(db: TestDatabase) {
    assert!(db.accounts.is_empty().await.unwrap());
    let here = db.tenant("uno").await;
    assert!(db.accounts.is_empty().await.unwrap(), "an organization alone cannot sign in");
    here.user("ana@example.es", Role::Owner).await;
    assert!(!db.accounts.is_empty().await.unwrap());
}
