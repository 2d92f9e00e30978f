//! Identity providers, sign-ins on their way, and who comes by them.

use matricula_domain::identity::{EmailDomain, IdentityProvider, IdentityProviderDetails, ProviderIdentity, ProviderSignIn, Role};
use matricula_domain::shared::{Field as _, Form as _};
use matricula_ports::identity::{IdentityProviderQueries as _, ProviderDirectory as _};
use matricula_ports::{Ids as _, Page, PortError};
use matricula_tests::{Tenant, TestDatabase, at, on_both, value};
use serde_json::json;

on_both!(
    a_provider_is_read_back_as_it_was_saved,
    a_domain_is_one_providers_in_the_whole_installation,
    a_provider_is_found_before_the_organization_is_known,
    a_sign_in_is_read_back_as_it_was_saved_and_goes_when_it_is_over,
    somebody_is_one_user_at_a_provider,
);

fn details(domains: &[&str]) -> IdentityProviderDetails {
    IdentityProviderDetails::read(&value(json!({
        "name": "Directorio", "issuer": "https://id.example.es", "client_id": "matricula", "client_secret": "canario en la mina", "email_domains": domains,
        "role_claim": "groups", "role_mappings": [{"value": "ventas", "role": "adviser"}], "default_role": "viewer", "makes_members": true,
        "demands_second_factor": true,
    })))
    .unwrap()
}

pub(super) async fn provider(here: &Tenant, domains: &[&str]) -> IdentityProvider {
    let created = IdentityProvider::create(here.db.id(), details(domains), at(0)).unwrap();
    here.in_unit(async |tx| tx.identity_providers().save(&created).await).await;
    created.into_state()
}

fn domain(text: &str) -> EmailDomain {
    EmailDomain::parse(&text.into()).unwrap()
}

async fn a_provider_is_read_back_as_it_was_saved(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let made = provider(&here, &["uno.example", "otro.example"]).await;
    let find = async |tenant: &Tenant| tenant.in_unit(async |tx| tx.identity_providers().find(made.id).await).await;
    let secret = async |tenant: &Tenant| tenant.in_unit(async |tx| tx.identity_providers().secret_of(made.id).await).await;
    assert_eq!((find(&here).await.as_ref(), find(&there).await), (Some(&made), None));
    assert_eq!((secret(&here).await.map(|secret| secret.reveal().to_owned()).as_deref(), secret(&there).await), (Some("canario en la mina"), None));
    assert_eq!(db.queries.identity_provider(&here.scope, made.id).await.unwrap().as_ref(), Some(&made));

    let renamed = made.change(&value(json!({"name": "Otro"})), at(1)).unwrap();
    here.in_unit(async |tx| tx.identity_providers().save(&renamed).await).await;
    assert_eq!(secret(&here).await.unwrap().reveal(), "canario en la mina", "it stays until there is another");
    let stale = here.try_in_unit(async |tx| tx.identity_providers().save(&renamed).await).await;
    assert!(matches!(stale, Err(PortError::Stale)), "{stale:?}");
    let changed = renamed.state().change(&value(json!({"client_secret": "otro canario"})), at(2)).unwrap();
    let archived = changed.state().archive(at(3)).unwrap();
    here.in_unit(async |tx| tx.identity_providers().save(&changed).await).await;
    here.in_unit(async |tx| tx.identity_providers().save(&archived).await).await;
    assert_eq!((secret(&here).await.unwrap().reveal(), find(&here).await.as_ref()), ("otro canario", Some(archived.state())));
    let listed = async |archived| db.queries.identity_providers(&here.scope, archived, &Page::first(9)).await.unwrap().items;
    assert_eq!((listed(true).await, listed(false).await), (vec![archived.into_state()], Vec::new()));
    assert_eq!(db.raw.hits(&[b"canario".to_vec()]).await, Vec::<String>::new(), "secrets are sealed");
    // A sealed secret opens for no other provider.
    let other = provider(&here, &["tres.example"]).await;
    db.raw
        .execute("UPDATE identity_providers SET sealed_secret = (SELECT sealed_secret FROM identity_providers p WHERE p.archived_at IS NOT NULL)", [])
        .await;
    let moved = here.try_in_unit(async |tx| tx.identity_providers().secret_of(other.id).await).await;
    assert!(matches!(moved, Err(PortError::Broken(_))), "{moved:?}");
}

async fn a_domain_is_one_providers_in_the_whole_installation(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let first = provider(&here, &["uno.example", "otro.example"]).await;
    let late = IdentityProvider::create(db.id(), details(&["dos.example", "otro.example"]), at(0)).unwrap();
    for tenant in [&here, &there] {
        let taken = tenant.try_in_unit(async |tx| tx.identity_providers().save(&late).await).await;
        assert!(matches!(taken, Err(PortError::Conflict("email_domains"))), "{taken:?}");
    }
    let moved = first.change(&value(json!({"email_domains": ["uno.example"]})), at(1)).unwrap();
    here.in_unit(async |tx| tx.identity_providers().save(&moved).await).await;
    there.in_unit(async |tx| tx.identity_providers().save(&late).await).await;
    let back = moved.state().change(&value(json!({"email_domains": ["otro.example"]})), at(2)).unwrap();
    let taken = here.try_in_unit(async |tx| tx.identity_providers().save(&back).await).await;
    assert!(matches!(taken, Err(PortError::Conflict("email_domains"))), "{taken:?}");
    assert_eq!(db.accounts.provider_of_domain(&domain("uno.example")).await.unwrap(), Some((here.id(), first.id)), "nothing of it stays");
}

async fn a_provider_is_found_before_the_organization_is_known(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let first = provider(&here, &["uno.example"]).await;
    let second = IdentityProvider::create(db.id(), details(&["dos.example"]), at(5)).unwrap();
    here.in_unit(async |tx| tx.identity_providers().save(&second).await).await;
    let of_domain =
        async |text| db.accounts.provider_of_domain(&domain(text)).await.unwrap().map(|(organization, id)| (organization == here.id(), id));
    let of_slug = async |slug| db.accounts.provider_of_organization(slug).await.unwrap().map(|(organization, id)| (organization == here.id(), id));
    assert_eq!((of_domain("uno.example").await, of_domain("dos.example").await), (Some((true, first.id)), Some((true, second.state().id))));
    assert_eq!((of_slug("uno").await, of_slug("dos").await, of_domain("tres.example").await), (Some((true, first.id)), None, None));
    let archived = first.archive(at(6)).unwrap();
    here.in_unit(async |tx| tx.identity_providers().save(&archived).await).await;
    assert_eq!((of_domain("uno.example").await, of_slug("uno").await), (None, Some((true, second.state().id))));
    db.raw.execute("UPDATE organizations SET status = 'closed'", []).await;
    assert_eq!((of_domain("dos.example").await, of_slug("uno").await), (None, None));
}

async fn a_sign_in_is_read_back_as_it_was_saved_and_goes_when_it_is_over(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let made = provider(&here, &["uno.example"]).await;
    let begun = ProviderSignIn::begin(db.id(), made.id, db.ids.secret(), db.ids.secret(), at(0));
    here.in_unit(async |tx| tx.provider_sign_ins().save(&begun).await).await;
    let id = begun.state().id;
    let find = async |tenant: &Tenant| tenant.in_unit(async |tx| tx.provider_sign_ins().find(id).await).await;
    assert_eq!((find(&here).await.as_ref(), find(&there).await), (Some(begun.state()), None));
    assert_eq!(db.accounts.sign_in_of_state(begun.state().state_hash).await.unwrap(), Some((here.id(), id)));
    assert_eq!(db.accounts.sign_in_of_state(begun.state().browser_hash).await.unwrap(), None);
    let answered = begun.state().answer(begun.state().browser_hash, at(1)).unwrap();
    here.in_unit(async |tx| tx.provider_sign_ins().save(&answered).await).await;
    assert_eq!(find(&here).await.as_ref(), Some(answered.state()));
    let twice = here.try_in_unit(async |tx| tx.provider_sign_ins().save(&answered).await).await;
    assert!(matches!(twice, Err(PortError::Stale)), "{twice:?}");

    assert_eq!(db.accounts.sweep_sign_ins(at(600), 9).await.unwrap(), 0, "not before it is over");
    assert_eq!(db.accounts.sweep_sign_ins(at(601), 9).await.unwrap(), 1);
    assert_eq!(find(&here).await, None);
}

async fn somebody_is_one_user_at_a_provider(db: TestDatabase) {
    let (here, there) = (db.tenant("uno").await, db.tenant("dos").await);
    let made = provider(&here, &["uno.example"]).await;
    let (ana, eva) = (here.user("ana@uno.example", Role::Viewer).await, here.user("eva@uno.example", Role::Viewer).await);
    let tied = ProviderIdentity::tie(db.id(), made.id, [1; 32], ana.id, at(0));
    here.in_unit(async |tx| tx.provider_identities().save(&tied).await).await;
    for (tenant, found) in [(&here, Some(tied.state())), (&there, None)] {
        assert_eq!(tenant.in_unit(async |tx| tx.provider_identities().find(made.id, [1; 32]).await).await.as_ref(), found);
        assert_eq!(tenant.in_unit(async |tx| tx.provider_identities().of_user(made.id, ana.id).await).await.as_ref(), found);
    }
    assert_eq!(here.in_unit(async |tx| tx.provider_identities().find(made.id, [2; 32]).await).await, None);
    assert_eq!(here.in_unit(async |tx| tx.provider_identities().of_user(made.id, eva.id).await).await, None);
    for (subject, user) in [([1; 32], eva.id), ([2; 32], ana.id)] {
        let again = ProviderIdentity::tie(db.id(), made.id, subject, user, at(1));
        let taken = here.try_in_unit(async |tx| tx.provider_identities().save(&again).await).await;
        assert!(matches!(taken, Err(PortError::Conflict("provider_identities"))), "{taken:?}");
    }
}
