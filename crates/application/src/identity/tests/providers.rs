use matricula_domain::identity::{
    ClientSecret, IdentityProvider, IdentityProviderDetails, IsolationStrategy, Known, LoginSession, Organization, OrganizationDetails,
    ProviderClaims, ProviderIdentity, ProviderRefusal, ProviderSignIn, Role, Stranger, User, UserFact,
};
use matricula_domain::shared::{Changed, Form as _, Value};
use matricula_ports::PortError;
use matricula_ports::identity::{MockProviderDirectory, MockRelyingParty, Party, ProviderError, Ties};
use matricula_ports::mocks::{MockRepositories, MockTransactions};

use super::super::tokens::digest;
use super::super::{AdministrationError, Door, IdentityError, ProviderAnswer, ProviderSignInRequest, Providers};
use super::*;
use crate::Expected;
use crate::access::ManageIdentityProviders;
use crate::testing::{Seen, allowed, away, caller_who_may, id, map, now, told, user};

const STATE: &str = "el estado";
const BROWSER: &str = "lo que guarda el navegador";

fn details(patch: &[(&str, Value)]) -> IdentityProviderDetails {
    let fields = [
        ("name", "Directorio".into()),
        ("issuer", "https://id.example.es".into()),
        ("client_id", "matricula".into()),
        ("client_secret", "secreto".into()),
        ("email_domains", Value::List(vec!["example.es".into()])),
        ("default_role", "adviser".into()),
        ("makes_members", Value::Bool(true)),
    ];
    IdentityProviderDetails::read(&map(&fields).merged(&map(patch))).unwrap()
}

fn provider() -> IdentityProvider {
    IdentityProvider::create(id(50), details(&[]), now()).unwrap().into_state()
}

fn secret() -> ClientSecret {
    Field::parse(&"secreto".into()).unwrap()
}

fn sign_in() -> ProviderSignIn {
    ProviderSignIn::begin(id(60), id(50), digest(STATE), digest(BROWSER), now()).into_state()
}

fn claims() -> ProviderClaims {
    ProviderClaims { subject: "00u1".into(), email: Some("ana@example.es".into()), email_verified: true, ..ProviderClaims::default() }
}

/// The hash under which somebody of the claims is known.
fn subject() -> [u8; 32] {
    digest("https://id.example.es\n00u1")
}

/// Repositories in which the provider is, with its secret.
fn with_provider() -> MockRepositories {
    let mut repositories = MockRepositories::default();
    repositories.identity_providers.expect_find().withf(|asked| *asked == id(50)).returning(|_| Ok(Some(provider())));
    repositories.identity_providers.expect_secret_of().returning(|_| Ok(Some(secret())));
    repositories
}

fn directory() -> MockProviderDirectory {
    let mut directory = MockProviderDirectory::new();
    directory.expect_provider_of_domain().returning(|domain| Ok((domain.as_str() == "example.es").then(|| (id(900), id(50)))));
    directory.expect_sign_in_of_state().returning(|hash| Ok((hash == digest(STATE)).then(|| (id(900), id(60)))));
    directory
}

fn over_party(repositories: MockRepositories, party: MockRelyingParty, written: &Seen<Written>) -> (MockTransactions, Providers) {
    let transactions = MockTransactions::over(repositories);
    let redirect = "https://matricula.example.es/provider-sign-in".to_owned();
    (transactions.clone(), Providers::new(world(&transactions), Arc::new(directory()), Arc::new(party), watch(written), redirect))
}

fn request(email: &str) -> ProviderSignInRequest {
    ProviderSignInRequest { email: Some(matricula_domain::shared::EmailAddress::parse(email).unwrap()), organization: None }
}

#[tokio::test]
async fn who_sets_out_takes_along_what_is_kept_by_its_hash_alone() {
    let (asked, saved) = (Seen::nothing(), Seen::<Changed<ProviderSignIn>>::nothing());
    let mut repositories = with_provider();
    repositories.provider_sign_ins.expect_save().returning(saved.note());
    let (mut party, note) = (MockRelyingParty::new(), asked.keep());
    party.expect_question().returning(move |party: &Party, ties: &Ties| {
        assert_eq!((party.client_id.as_str(), party.client_secret.reveal()), ("matricula", "secreto"));
        assert_eq!(party.redirect_uri, "https://matricula.example.es/provider-sign-in");
        note(ties.clone()).map_err(ProviderError::Port)?;
        Ok("https://id.example.es/authorize".to_owned())
    });
    let (_, providers) = over_party(repositories, party, &Seen::nothing());
    let begun = providers.begin(&request("Ana@Example.ES"), &Door::default()).await.unwrap();
    let (ties, kept) = (asked.one(), saved.one());
    assert_eq!((kept.state().state_hash, kept.state().browser_hash), (digest(&ties.state), digest(&begun.browser_secret)));
    assert_eq!((kept.state().provider, kept.state().expires_at), (id(50), now() + ProviderSignIn::LIVES));
    // What goes over the wire to the provider does not tell what the browser has, nor one thing another.
    let all = std::collections::BTreeSet::from([&ties.state, &ties.nonce, &ties.code_verifier, &begun.browser_secret]);
    assert_eq!(all.len(), 4);
    assert!((43..=128).contains(&ties.code_verifier.len()), "as RFC 7636 wants it");
    assert!(!format!("{begun:?}").contains(&begun.browser_secret) && !format!("{ties:?}").contains(&ties.state));
}

#[tokio::test]
async fn nobody_sets_out_for_nowhere() {
    let (_, providers) = over_party(MockRepositories::default(), MockRelyingParty::new(), &Seen::nothing());
    assert!(matches!(providers.begin(&request("ana@otra.es"), &Door::default()).await, Err(IdentityError::NoProvider)));
    let mut repositories = MockRepositories::default();
    repositories.identity_providers.expect_find().returning(|_| Ok(provider().archive(now()).map(Changed::into_state)));
    let (_, providers) = over_party(repositories, MockRelyingParty::new(), &Seen::nothing());
    assert!(matches!(providers.begin(&request("ana@example.es"), &Door::default()).await, Err(IdentityError::NoProvider)));
    let mut party = MockRelyingParty::new();
    party.expect_question().returning(|_, _| Err(away().into()));
    let (_, providers) = over_party(with_provider(), party, &Seen::nothing());
    let outcome = providers.begin(&request("ana@example.es"), &Door::default()).await;
    assert!(matches!(outcome, Err(IdentityError::Port(PortError::Unavailable(_)))), "{outcome:?}");
}

fn answer(fields: &[(&str, Value)]) -> ProviderAnswer {
    let usual = map(&[("state", STATE.into()), ("browser_secret", BROWSER.into()), ("code", "c".into())]);
    ProviderAnswer::read(&usual.merged(&map(fields))).unwrap()
}

/// Repositories in which the sign-in is on its way.
fn on_the_way(sign_in: ProviderSignIn) -> (MockRepositories, Seen<Changed<ProviderSignIn>>) {
    let (mut repositories, answered) = (with_provider(), Seen::nothing());
    repositories.provider_sign_ins.expect_find().returning(move |_| Ok(Some(sign_in.clone())));
    repositories.provider_sign_ins.expect_save().returning(answered.note());
    (repositories, answered)
}

fn saying(claims: ProviderClaims) -> MockRelyingParty {
    let mut party = MockRelyingParty::new();
    party.expect_redeem().times(1).returning(move |_, ties, code| {
        assert_eq!((ties.state.as_str(), code), (STATE, "c"));
        Ok(claims.clone())
    });
    party
}

/// How a sign-in goes, and what is written down of it.
async fn finish(repositories: MockRepositories, party: MockRelyingParty, answer: &ProviderAnswer) -> (Option<IdentityError>, Vec<Written>) {
    let written = Seen::nothing();
    let (_, providers) = over_party(repositories, party, &written);
    (providers.finish(answer, &Door::default()).await.err(), written.all())
}

fn recorded(why: ProviderRefusal) -> Written {
    ("provider_sign_in.refused", Some(uuid::Uuid::from_u128(60)), Some(why.as_str().to_owned()))
}

#[tokio::test]
async fn what_does_not_fit_goes_no_further_than_the_door() {
    let none = MockRelyingParty::new;
    let over = sign_in().answer(digest(BROWSER), now()).unwrap().into_state();
    for (on_its_way, fields, why, answered) in [
        (sign_in(), &[("browser_secret", "otro".into())][..], ProviderRefusal::OtherBrowser, 0),
        (over, &[], ProviderRefusal::Over, 0),
        (ProviderSignIn { expires_at: now(), ..sign_in() }, &[], ProviderRefusal::Over, 0),
        (sign_in(), &[("error", "access_denied".into())], ProviderRefusal::Denied, 1),
        (sign_in(), &[("iss", "https://otro.example.es".into())], ProviderRefusal::WrongIssuer, 1),
        (sign_in(), &[("code", Value::Null)], ProviderRefusal::Unreadable, 1),
    ] {
        let (repositories, saved) = on_the_way(on_its_way);
        let (error, written) = finish(repositories, none(), &answer(fields)).await;
        assert!(matches!(error, Some(IdentityError::Provider(refused)) if refused == why), "{error:?}");
        assert_eq!((written, saved.all().len()), (vec![recorded(why)], answered), "{why}");
    }
    let (error, written) = finish(MockRepositories::default(), none(), &answer(&[("state", "otro".into())])).await;
    assert!(matches!(error, Some(IdentityError::Provider(ProviderRefusal::OtherBrowser))) && written.is_empty(), "{error:?}");
}

#[tokio::test]
async fn what_the_provider_is_not_believed_is_written_down() {
    let (repositories, answered) = on_the_way(sign_in());
    let mut party = MockRelyingParty::new();
    party.expect_redeem().returning(|_, _, _| Err(ProviderError::Refused(ProviderRefusal::WrongNonce)));
    let (error, written) = finish(repositories, party, &answer(&[])).await;
    assert!(matches!(error, Some(IdentityError::Provider(ProviderRefusal::WrongNonce))), "{error:?}");
    assert_eq!((written, answered.verbs()), (vec![recorded(ProviderRefusal::WrongNonce)], vec!["answered"]));
    // A provider that is away is nobody's fault, and the way is gone all the same.
    let (repositories, answered) = on_the_way(sign_in());
    let mut party = MockRelyingParty::new();
    party.expect_redeem().returning(|_, _, _| Err(away().into()));
    let (error, written) = finish(repositories, party, &answer(&[])).await;
    assert!(matches!(error, Some(IdentityError::Port(_))) && written.is_empty() && answered.verbs() == ["answered"], "{error:?}");
}

fn works_here(active: bool) -> User {
    user(true, active)
}

fn owner() -> User {
    let mut owner = works_here(true);
    owner.membership.role = Role::Owner.into();
    owner
}

fn tied(user: &User) -> ProviderIdentity {
    ProviderIdentity::tie(id(70), id(50), subject(), user.id, now()).into_state()
}

/// Repositories in which somebody is known so, by the provider and by the address.
fn knowing(by_provider: Option<User>, by_address: Option<Known>, has_other: bool) -> MockRepositories {
    let (mut repositories, _) = on_the_way(sign_in());
    let identity = by_provider.as_ref().map(tied);
    repositories.provider_identities.expect_find().withf(|_, hash| *hash == subject()).returning(move |_, _| Ok(identity.clone()));
    repositories.provider_identities.expect_of_user().returning(move |_, _| Ok(has_other.then(|| tied(&works_here(true)))));
    repositories.users.expect_find().returning(move |_| Ok(by_provider.clone()));
    repositories.users.expect_find_by_email().returning(move |_, _| Ok(by_address.clone()));
    repositories
}

#[tokio::test]
async fn nobody_is_let_in_whom_the_provider_alone_knows() {
    let member = |active| Some(Known::Member(works_here(active)));
    for (repositories, claims, why) in [
        (knowing(Some(works_here(false)), None, false), claims(), ProviderRefusal::Disabled),
        (knowing(None, member(false), false), claims(), ProviderRefusal::Disabled),
        (knowing(None, member(true), true), claims(), ProviderRefusal::OtherSubject),
        (knowing(None, Some(Known::Stranger(Stranger::new(works_here(true)))), false), claims(), ProviderRefusal::Stranger),
        (knowing(Some(owner()), None, false), claims(), ProviderRefusal::NotForOwners),
        (knowing(None, Some(Known::Member(owner())), false), claims(), ProviderRefusal::NotForOwners),
        (knowing(None, None, false), ProviderClaims { email_verified: false, ..claims() }, ProviderRefusal::EmailNotVerified),
    ] {
        let (error, written) = finish(repositories, saying(claims), &answer(&[])).await;
        assert!(matches!(error, Some(IdentityError::Provider(refused)) if refused == why), "{why}: {error:?}");
        assert_eq!(written, [recorded(why)]);
    }
}

#[tokio::test]
async fn who_is_known_signs_in_and_is_tied_once() {
    for (repositories, ties) in [(knowing(Some(works_here(true)), None, false), 0), (knowing(None, Some(Known::Member(works_here(true))), false), 1)]
    {
        let (mut repositories, sessions) = (repositories, Seen::<Changed<LoginSession>>::nothing());
        repositories.login_sessions.expect_save().returning(sessions.note());
        repositories.provider_identities.expect_save().times(ties).returning(|_| Ok(()));
        let (error, written) = finish(repositories, saying(ProviderClaims { two_factors: true, ..claims() }), &answer(&[])).await;
        assert!(error.is_none() && written.is_empty(), "{error:?}");
        let session = sessions.one().into_state();
        assert_eq!((session.parts().user, session.parts().two_factors), (works_here(true).id, true));
    }
}

fn organization(status: matricula_domain::identity::OrganizationStatus) -> Organization {
    let fields = [("slug", "uno"), ("name", "Uno"), ("time_zone", "Europe/Madrid"), ("locale", "es"), ("country", "ES")];
    let details = OrganizationDetails::read(&map(&fields.map(|(name, value)| (name, value.into())))).unwrap();
    Organization { status, ..Organization::found(id(900), details, IsolationStrategy::Shared, now()).into_state() }
}

#[tokio::test]
async fn somebody_new_is_let_in_where_work_is_done() {
    use matricula_domain::identity::OrganizationStatus as S;
    for (status, joins) in [(S::Active, true), (S::Suspended, false)] {
        let (mut repositories, users) = (knowing(None, None, false), Seen::<Changed<User>>::nothing());
        repositories.organizations.expect_find().returning(move || Ok(Some(organization(status))));
        repositories.users.expect_save().returning(users.note());
        repositories.provider_identities.expect_save().times(usize::from(joins)).returning(|_| Ok(()));
        repositories.login_sessions.expect_save().times(usize::from(joins)).returning(|_| Ok(()));
        let (error, written) = finish(repositories, saying(claims()), &answer(&[])).await;
        assert!(written.is_empty(), "it is not the provider who is refused");
        if joins {
            let admitted = users.one();
            let user = admitted.state();
            assert_eq!((user.email.as_str(), user.membership.role.as_str(), &user.password_hash), ("ana@example.es", "adviser", &None));
            assert!(error.is_none() && matches!(admitted.fact(), UserFact::Admitted(tally) if tally.seats == 1));
        } else {
            assert!(matches!(error, Some(IdentityError::Suspended)) && users.all().is_empty(), "{error:?}");
        }
    }
}

fn there() -> MockRelyingParty {
    let mut party = MockRelyingParty::new();
    party.expect_meet().returning(|_| Ok(()));
    party
}

#[tokio::test]
async fn whoever_lacks_a_right_says_nothing_of_who_people_are() {
    let keeper = caller_who_may(&["identity.manage_providers"]).allow::<ManageIdentityProviders>().unwrap();
    let (transactions, providers) = over_party(MockRepositories::default(), MockRelyingParty::new(), &Seen::nothing());
    for outcome in [
        providers.create(&keeper, &details(&[])).await,
        providers.change(&keeper, id(50), &map(&[]), Expected::Any).await,
        providers.archive(&keeper, id(50)).await,
        providers.restore(&keeper, id(50)).await,
    ] {
        assert!(matches!(outcome, Err(AdministrationError::ExceedsMaker)), "{outcome:?}");
    }
    assert_eq!(transactions.commits(), 0);
}

#[tokio::test]
async fn only_owners_say_by_which_provider_owners_come() {
    let mapping = map(&[("value", "direccion".into()), ("role", "owner".into())]);
    let mappings = ("role_mappings", Value::List(vec![mapping]));
    let for_owners = details(&[mappings.clone(), ("role_claim", "groups".into())]);
    let kept = IdentityProvider::create(id(50), for_owners.clone(), now()).unwrap().into_state();
    for (who, may_so) in [(Role::Owner, true), (Role::Admin, false)] {
        let who = allowed::<ManageIdentityProviders>(who);
        let mut repositories = MockRepositories::default();
        let found = kept.clone();
        repositories.identity_providers.expect_find().returning(move |_| Ok(Some(found.clone())));
        repositories.identity_providers.expect_save().times(if may_so { 3 } else { 0 }).returning(|_| Ok(()));
        let (_, providers) = over_party(repositories, there(), &Seen::nothing());
        let to_others = map(&[("role_mappings", Value::Null), ("email_domains", Value::List(vec!["otra.es".into()]))]);
        for outcome in [
            providers.create(&who, &for_owners).await,
            providers.change(&who, id(50), &to_others, Expected::Any).await,
            providers.archive(&who, id(50)).await,
        ] {
            assert_eq!(matches!(outcome, Err(AdministrationError::ExceedsMaker)), !may_so, "{outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_provider_is_met_before_it_is_kept() {
    let who = allowed::<ManageIdentityProviders>(Role::Admin);
    for met in [|| Err(ProviderError::Refused(ProviderRefusal::WrongIssuer)), || Err(away().into())] {
        let mut party = MockRelyingParty::new();
        party.expect_meet().returning(move |_| met());
        let (transactions, providers) = over_party(MockRepositories::default(), party, &Seen::nothing());
        let Err(AdministrationError::Invalid(faults)) = providers.create(&who, &details(&[])).await else { panic!("it was kept") };
        assert_eq!((told(&faults), transactions.commits()), (vec![("/issuer", "NOT_A_PROVIDER")], 0), "why is not told");
    }
}

#[tokio::test]
async fn its_roles_are_known_and_its_domains_its_own() {
    let who = allowed::<ManageIdentityProviders>(Role::Owner);
    let mut repositories = MockRepositories::default();
    repositories.roles.expect_named().returning(|_| Ok(Vec::new()));
    let (_, providers) = over_party(repositories, there(), &Seen::nothing());
    let unknown = details(&[("default_role", "nadie".into())]);
    let Err(AdministrationError::Invalid(faults)) = providers.create(&who, &unknown).await else { panic!("it was kept") };
    assert_eq!(told(&faults), [("/default_role", "NOT_FOUND")]);

    let mut repositories = MockRepositories::default();
    repositories.identity_providers.expect_save().returning(|_| Ok(()));
    let mut transactions = MockTransactions::over(repositories);
    for _ in 0..8 {
        transactions = transactions.refusing(PortError::Conflict("email_domains"));
    }
    let redirect = "https://matricula.example.es/provider-sign-in".to_owned();
    let providers = Providers::new(world(&transactions), Arc::new(directory()), Arc::new(there()), watch(&Seen::nothing()), redirect);
    let Err(AdministrationError::Invalid(faults)) = providers.create(&who, &details(&[])).await else { panic!("it was kept") };
    assert_eq!(told(&faults), [("/email_domains", "EMAIL_DOMAIN_TAKEN")]);
}
