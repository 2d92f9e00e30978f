//! Roles, groups, users, keys: what is given, by whom, and what is refused.

use matricula_domain::identity::{
    ApiKey, CustomRole, Grant, Group, GroupDetails, IsolationStrategy, LoginSession, NewApiKey, NewRole, Organization, OrganizationDetails,
    OrganizationStatus, Role, RoleName, User,
};
use matricula_domain::shared::{Changed, Field, Form, Id, Value};
use matricula_ports::PortError;
use matricula_ports::identity::MockDirectory;
use matricula_ports::mocks::{MockRepositories, MockTransactions};

use super::super::{Administration, AdministrationError, MadeKey, MoveError, hash_of_key};
use super::{MockPasswords, over};
use crate::Expected;
use crate::access::{Allowed, Caller, Right};
use crate::testing::{Seen, caller, caller_who_may, id, in_hours, map, now, told, user, world};

fn administration(repositories: MockRepositories) -> (MockTransactions, Administration) {
    let transactions = MockTransactions::over(repositories);
    (transactions.clone(), Administration::new(world(&transactions)))
}

fn may<R: Right>(caller: &Caller) -> Allowed<R> {
    caller.allow().unwrap()
}

fn words(words: &[&str]) -> Value {
    Value::List(words.iter().map(|word| Value::from(*word)).collect())
}

fn new_role(slug: &str, grants: &[&str]) -> NewRole {
    NewRole::read(&map(&[("slug", slug.into()), ("name", "Rol".into()), ("grants", words(grants))])).unwrap()
}

fn role(slug: &str, grants: &[&str]) -> CustomRole {
    CustomRole::create(id(60), new_role(slug, grants), &[], now()).into_state()
}

fn group(roles: &[&str]) -> Group {
    let details = GroupDetails::read(&map(&[("name", "Tarde".into()), ("roles", words(roles))])).unwrap();
    Group::create(id(70), details, now()).into_state()
}

/// Repositories in which these roles of the organization's own are found by their names.
fn knowing(roles: Vec<CustomRole>) -> MockRepositories {
    let mut repositories = MockRepositories::default();
    repositories.roles.expect_named().returning(move |names| Ok(roles.iter().filter(|role| names.contains(&role.slug)).cloned().collect()));
    repositories
}

mod roles {
    use super::*;

    #[tokio::test]
    async fn a_role_grants_what_its_maker_has_and_no_more() {
        for (grants, cloned_from, made) in [
            (vec!["leads.read_own"], None, true),
            (vec!["leads.read_team", "people.read"], None, true),
            (vec!["leads.read"], None, false),
            (vec!["leads.read_campus"], None, false),
            (vec!["audit.read"], None, false),
            (vec![], Some("sombra"), true),
            (vec![], Some("norte"), false),
            (vec![], Some("owner"), false),
        ] {
            let mut repositories = knowing(vec![role("norte", &["leads.read"]), role("sombra", &["people.read"])]);
            let saved = Seen::<Changed<CustomRole>>::nothing();
            repositories.roles.expect_save().times(usize::from(made)).returning(saved.note());
            let (transactions, administration) = administration(repositories);
            let maker = caller_who_may(&["identity.manage_roles", "leads.read_team", "people.read"]);
            let new = NewRole { cloned_from: cloned_from.map(|name| Field::parse(&name.into()).unwrap()), ..new_role("nueva", &grants) };
            match administration.create_role(&may(&maker), &new).await {
                Ok(role) => assert!(made && saved.one().state() == &role && saved.verbs() == ["created"], "{grants:?}"),
                Err(error) => assert!(!made && matches!(error, AdministrationError::ExceedsMaker), "{grants:?}: {error}"),
            }
            assert_eq!(transactions.commits(), usize::from(made));
        }
    }

    #[tokio::test]
    async fn a_name_is_one_roles_and_a_clone_is_of_something() {
        let (transactions, administration) = administration(knowing(vec![role("norte", &[])]));
        let taken = administration.create_role(&may(&caller(Role::Owner)), &new_role("norte", &[])).await;
        let Err(AdministrationError::Invalid(faults)) = taken else { panic!("{taken:?}") };
        assert_eq!(told(&faults), [("/slug", "SLUG_TAKEN")]);
        let hidden = role("oculta", &["leads.read"]).archive(now()).unwrap().into_state();
        let (_, of_hidden) = self::administration(knowing(vec![hidden]));
        let new = NewRole { cloned_from: Some(Field::parse(&"oculta".into()).unwrap()), ..new_role("x", &[]) };
        let Err(AdministrationError::Invalid(faults)) = of_hidden.create_role(&may(&caller(Role::Owner)), &new).await else { panic!() };
        assert_eq!((told(&faults), transactions.commits()), (vec![("/cloned_from", "NOT_FOUND")], 0));
    }

    #[tokio::test]
    async fn a_name_that_somebody_else_took_meanwhile_is_taken() {
        let mut repositories = knowing(Vec::new());
        repositories.roles.expect_save().returning(|_| Ok(()));
        let (transactions, administration) = administration(repositories);
        _ = (0..8).fold(transactions, |transactions, _| transactions.refusing(PortError::Conflict("roles")));
        let taken = administration.create_role(&may(&caller(Role::Owner)), &new_role("norte", &[])).await;
        assert!(matches!(taken, Err(AdministrationError::Invalid(faults)) if faults.code() == "SLUG_TAKEN"));
    }

    #[tokio::test]
    async fn whoever_changes_a_role_has_what_it_granted_and_what_it_will() {
        for (had, will, changed) in [("people.read", "people.read", true), ("leads.read", "people.read", false), ("people.read", "leads.read", false)]
        {
            let mut repositories = MockRepositories::default();
            repositories.roles.expect_find().returning(move |_| Ok(Some(role("norte", &[had]))));
            repositories.roles.expect_save().times(usize::from(changed)).returning(|_| Ok(()));
            let (_, administration) = administration(repositories);
            let maker = caller_who_may(&["identity.manage_roles", "people.read"]);
            let patch = map(&[("grants", words(&[will]))]);
            let done = administration.change_role(&may(&maker), id(60), &patch, Expected::Version(1)).await;
            assert_eq!(done.is_ok(), changed, "{had} {will}");
            assert!(changed || matches!(done, Err(AdministrationError::ExceedsMaker)));
        }
    }

    #[tokio::test]
    async fn a_role_that_is_not_there_or_was_changed_meanwhile_is_not_changed() {
        let mut repositories = MockRepositories::default();
        repositories.roles.expect_find().times(1).returning(|_| Ok(None));
        repositories.roles.expect_find().returning(|_| Ok(Some(role("norte", &[]))));
        let (transactions, administration) = administration(repositories);
        let owner = caller(Role::Owner);
        assert!(matches!(administration.archive_role(&may(&owner), id(60)).await, Err(AdministrationError::NotFound)));
        let stale = administration.change_role(&may(&owner), id(60), &map(&[]), Expected::Version(7)).await;
        assert!(matches!(stale, Err(AdministrationError::Port(PortError::Stale))));
        assert!(matches!(administration.restore_role(&may(&owner), id(60)).await, Err(AdministrationError::AlreadySo)));
        assert_eq!(transactions.commits(), 0);
    }
}

mod groups {
    use super::*;

    #[tokio::test]
    async fn a_group_gives_roles_that_are_there_and_that_its_maker_covers() {
        for (roles, refused) in [
            (vec!["trainer", "norte"], None),
            (vec!["owner"], Some("exceeds")),
            (vec!["sur"], Some("exceeds")),
            (vec!["nadie", "trainer"], Some("/roles/0")),
        ] {
            let mut repositories = knowing(vec![role("norte", &["leads.read_own"]), role("sur", &["leads.work"])]);
            repositories.groups.expect_save().times(usize::from(refused.is_none())).returning(|_| Ok(()));
            let (_, administration) = administration(repositories);
            let maker = caller_who_may(&["identity.manage_users", "leads.read", "catalog.read", "enrollment.read", "publishing.read"]);
            match (administration.create_group(&may(&maker), &group(&roles).details).await, refused) {
                (Ok(made), None) => assert_eq!(made.details.roles.len(), roles.len()),
                (Err(AdministrationError::ExceedsMaker), Some("exceeds")) => {}
                (Err(AdministrationError::Invalid(faults)), Some(place)) => assert_eq!(told(&faults), [(place, "NOT_FOUND")]),
                (other, _) => panic!("{roles:?}: {other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn nobody_lets_people_into_a_group_that_gives_more_than_they_have() {
        for gives in ["owner", "norte"] {
            let mut repositories = knowing(vec![role("norte", &["leads.read"])]);
            repositories.groups.expect_find().returning(move |_| Ok(Some(group(&[gives]))));
            repositories.users.expect_find().returning(|_| Ok(Some(user(true, true))));
            repositories.groups.expect_has().returning(|_, _| Ok(false));
            let (transactions, administration) = administration(repositories);
            let maker = caller_who_may(&["identity.manage_users"]);
            assert!(matches!(administration.join_group(&may(&maker), id(70), id(50)).await, Err(AdministrationError::ExceedsMaker)));
            assert_eq!(transactions.commits(), 0);
        }
    }

    #[tokio::test]
    async fn who_joins_works_here_and_is_not_in_it_yet_and_who_leaves_is() {
        for (member, inside, joins, refused) in
            [(true, false, true, false), (true, true, true, true), (false, false, true, true), (true, true, false, false), (true, false, false, true)]
        {
            let mut repositories = MockRepositories::default();
            let saved = Seen::<Changed<Group>>::nothing();
            repositories.groups.expect_find().returning(|_| Ok(Some(group(&[]))));
            repositories.groups.expect_has().returning(move |_, _| Ok(inside));
            repositories.users.expect_find().returning(move |_| Ok(Some(user(true, member))));
            repositories.groups.expect_save().times(usize::from(!refused)).returning(saved.note());
            let (_, administration) = administration(repositories);
            let owner = caller(Role::Owner);
            let done = if joins {
                administration.join_group(&may(&owner), id(70), id(50)).await
            } else {
                administration.leave_group(&may(&owner), id(70), id(50)).await
            };
            assert_eq!(done.is_err(), refused, "{member} {inside} {joins}");
            assert_eq!(
                saved.verbs(),
                if refused {
                    vec![]
                } else if joins {
                    vec!["joined"]
                } else {
                    vec!["left"]
                }
            );
        }
    }
}

mod users {
    use super::*;

    fn over_user(found: User, owners: u32, roles: Vec<CustomRole>) -> (MockRepositories, Seen<Changed<User>>) {
        let (mut repositories, saved) = (knowing(roles), Seen::nothing());
        repositories.users.expect_find().returning(move |_| Ok(Some(found.clone())));
        repositories.users.expect_owners().returning(move || Ok(owners));
        repositories.users.expect_save().returning(saved.note());
        (repositories, saved)
    }

    fn with_role(role: Role) -> User {
        let mut user = user(true, true);
        user.membership.role = role.into();
        user
    }

    #[tokio::test]
    async fn a_role_is_given_by_who_has_all_of_it_to_who_has_no_more() {
        for (had, gets, given) in [
            (Role::Trainer, "trainer", true),
            (Role::Trainer, "learner", true),
            (Role::Trainer, "viewer", false),
            (Role::Owner, "trainer", false),
            (Role::Trainer, "norte", true),
            (Role::Trainer, "sur", false),
        ] {
            let (repositories, saved) = over_user(with_role(had), 2, vec![role("norte", &["catalog.read"]), role("sur", &["leads.read"])]);
            let (_, administration) = administration(repositories);
            let maker = caller_who_may(&["identity.manage_users", "catalog.read", "enrollment.read", "publishing.read"]);
            let done = administration.change_user(&may(&maker), id(50), &map(&[("role", gets.into())]), Expected::Any).await;
            assert_eq!(done.is_ok(), given, "{had} {gets}: {done:?}");
            assert_eq!(saved.verbs().len(), usize::from(given));
            assert!(given || matches!(done, Err(AdministrationError::ExceedsMaker)));
        }
    }

    #[tokio::test]
    async fn a_role_and_a_campus_that_are_not_there_are_not_given() {
        let (mut repositories, _) = over_user(with_role(Role::Trainer), 1, Vec::new());
        repositories.records.expect_find().returning(|_, _| Ok(None));
        let (transactions, administration) = administration(repositories);
        let owner = caller(Role::Owner);
        for (field, wrong, place) in
            [("role", Value::from("nadie"), "/role"), ("campus_ids", Value::List(vec![Value::Id(now_id())]), "/campus_ids/0")]
        {
            let done = administration.change_user(&may(&owner), id(50), &map(&[(field, wrong)]), Expected::Any).await;
            let Err(AdministrationError::Invalid(faults)) = done else { panic!("{done:?}") };
            assert_eq!(told(&faults), [(place, "NOT_FOUND")]);
        }
        assert_eq!(transactions.commits(), 0);
    }

    fn now_id() -> uuid::Uuid {
        uuid::Uuid::from_u128(80)
    }

    #[tokio::test]
    async fn the_last_owner_is_neither_demoted_nor_let_go() {
        for (owners, refused) in [(1, true), (2, false)] {
            let (mut repositories, saved) = over_user(with_role(Role::Owner), owners, Vec::new());
            repositories.login_sessions.expect_open_of().returning(|_| Ok(Vec::new()));
            let (_, administration) = administration(repositories);
            let owner = caller(Role::Owner);
            let demoted = administration.change_user(&may(&owner), id(50), &map(&[("role", "viewer".into())]), Expected::Any).await;
            let gone = administration.deactivate_user(&may(&owner), id(50)).await;
            for done in [demoted, gone] {
                assert_eq!(matches!(done, Err(AdministrationError::LastOwner)), refused);
            }
            assert_eq!(saved.verbs().len(), if refused { 0 } else { 2 });
        }
    }

    #[tokio::test]
    async fn only_owners_say_who_owns_the_organization() {
        for (caller, may_so) in [(caller(Role::Owner), true), (caller(Role::Admin), false)] {
            for (before, after) in [(Role::Viewer, "owner"), (Role::Owner, "viewer")] {
                let (repositories, _) = over_user(with_role(before), 2, Vec::new());
                let (_, administration) = administration(repositories);
                let changed = administration.change_user(&may(&caller), id(50), &map(&[("role", after.into())]), Expected::Any).await;
                assert_eq!(matches!(changed, Err(AdministrationError::ExceedsMaker)), !may_so, "{before} {after}: {changed:?}");
            }
        }
    }

    #[tokio::test]
    async fn of_two_who_come_for_the_last_place_the_commit_lets_one_come() {
        let gone = with_role(Role::Viewer).deactivate(2, now()).unwrap().unwrap().into_state();
        let (mut repositories, _) = over_user(gone, 2, Vec::new());
        let details = OrganizationDetails::read(&map(&[
            ("slug", "uno".into()),
            ("name", "Uno".into()),
            ("time_zone", "Europe/Madrid".into()),
            ("locale", "es".into()),
            ("country", "ES".into()),
        ]));
        let organization = Organization::found(id(900), details.unwrap(), IsolationStrategy::Shared, now()).into_state();
        repositories.organizations.expect_find().returning(move || Ok(Some(organization.clone())));
        let (transactions, administration) = administration(repositories);
        _ = (0..8).fold(transactions, |transactions, _| transactions.refusing(PortError::Conflict("members")));
        assert!(matches!(administration.activate_user(&may(&caller(Role::Owner)), id(50)).await, Err(AdministrationError::NoRoom)));
    }

    #[tokio::test]
    async fn what_only_the_commit_sees_is_the_last_owner_too() {
        let (mut repositories, _) = over_user(with_role(Role::Owner), 2, Vec::new());
        repositories.login_sessions.expect_open_of().returning(|_| Ok(Vec::new()));
        let (transactions, administration) = administration(repositories);
        _ = (0..8).fold(transactions, |transactions, _| transactions.refusing(PortError::Conflict("owners")));
        assert!(matches!(administration.deactivate_user(&may(&caller(Role::Owner)), id(50)).await, Err(AdministrationError::LastOwner)));
    }

    #[tokio::test]
    async fn with_a_membership_end_all_sign_ins() {
        let (mut repositories, saved) = over_user(with_role(Role::Adviser), 1, Vec::new());
        let ended = Seen::<Changed<LoginSession>>::nothing();
        let session = |n| LoginSession::open(id(n), id(50), id(51), [1; 32], [2; 32], now()).into_state();
        repositories.login_sessions.expect_open_of().times(1).returning(move |_| Ok(vec![session(90), session(91)]));
        repositories.login_sessions.expect_save().times(2).returning(ended.note());
        let (transactions, administration) = administration(repositories);
        let gone = administration.deactivate_user(&may(&caller(Role::Owner)), id(50)).await.unwrap();
        assert_eq!((saved.verbs(), ended.verbs(), gone.membership.active), (vec!["deactivated"], vec!["ended", "ended"], false));
        assert_eq!(transactions.commits(), 1);
    }
}

mod keys {
    use super::*;

    fn new_key(grants: &[&str]) -> NewApiKey {
        NewApiKey {
            name: Field::parse(&"Web".into()).unwrap(),
            grants: grants.iter().filter_map(|word| Grant::from_word(word)).collect(),
            expires_at: None,
        }
    }

    #[tokio::test]
    async fn only_its_hash_is_kept_of_a_key() {
        let saved = Seen::<Changed<ApiKey>>::nothing();
        let mut repositories = MockRepositories::default();
        repositories.api_keys.expect_save().times(1).returning(saved.note());
        let (_, administration) = administration(repositories);
        let MadeKey { kept, key } = administration.make_key(&may(&caller(Role::Owner)), &new_key(&["leads.capture"])).await.unwrap();
        assert_eq!((Some(kept.hash), key.len(), &key[..13]), (hash_of_key(&key), 56, kept.hint.as_str()));
        assert_eq!((saved.one().state(), kept.made_by), (&kept, id(902)));
        for wrong in [&key[1..], &key[..55], &format!("{key}x"), &key.replace("live", "test"), "", "mat_live_"] {
            assert_eq!(hash_of_key(wrong), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_key_may_nothing_but_what_its_maker_may_and_is_not_over_before_it_begins() {
        let (transactions, administration) = administration(MockRepositories::default());
        let maker = caller_who_may(&["identity.manage_api_keys", "leads.read_own"]);
        let exceeding = administration.make_key(&may(&maker), &new_key(&["leads.read"])).await;
        assert!(matches!(exceeding, Err(AdministrationError::ExceedsMaker)));
        let over = NewApiKey { expires_at: Some(in_hours(-1)), ..new_key(&["leads.capture"]) };
        assert!(matches!(administration.make_key(&may(&caller(Role::Owner)), &over).await, Err(AdministrationError::Invalid(_))));
        assert_eq!(transactions.commits(), 0);
    }
}

mod organizations {
    use super::*;

    fn organization(status: OrganizationStatus) -> Organization {
        let fields = [("slug", "uno"), ("name", "Uno"), ("time_zone", "Europe/Madrid"), ("locale", "es"), ("country", "ES")];
        let details = OrganizationDetails::read(&map(&fields.map(|(name, value)| (name, value.into())))).unwrap();
        Organization { status, ..Organization::found(id(900), details, IsolationStrategy::Shared, now()).into_state() }
    }

    #[tokio::test]
    async fn the_operator_moves_it_and_closed_is_for_good() {
        for (from, to, moved) in [
            (OrganizationStatus::Active, OrganizationStatus::Suspended, true),
            (OrganizationStatus::Suspended, OrganizationStatus::Active, true),
            (OrganizationStatus::Closed, OrganizationStatus::Active, false),
        ] {
            let mut repositories = MockRepositories::default();
            repositories.organizations.expect_find().returning(move || Ok(Some(organization(from))));
            repositories.organizations.expect_save().times(usize::from(moved)).returning(|_| Ok(()));
            let (_, identity) = over(repositories, MockDirectory::new(), MockPasswords::new());
            match identity.move_organization(id(900), to).await {
                Ok(organization) => assert!(moved && organization.status == to),
                Err(error) => assert!(!moved && matches!(error, MoveError::Refused(_)), "{error}"),
            }
        }
    }

    #[tokio::test]
    async fn it_is_changed_as_it_was_seen() {
        let mut repositories = MockRepositories::default();
        repositories.organizations.expect_find().returning(|| Ok(Some(organization(OrganizationStatus::Active))));
        repositories.organizations.expect_save().times(1).returning(|_| Ok(()));
        let (transactions, administration) = administration(repositories);
        let owner = caller(Role::Owner);
        let patch = map(&[("name", "Dos".into())]);
        let stale = administration.change_organization(&may(&owner), &patch, Expected::Version(5)).await;
        assert!(matches!(stale, Err(AdministrationError::Port(PortError::Stale))));
        let changed = administration.change_organization(&may(&owner), &patch, Expected::Version(1)).await.unwrap();
        assert_eq!((changed.details.name.as_str(), changed.version, transactions.commits()), ("Dos", 2, 1));
    }
}

#[test]
fn a_role_name_is_a_built_in_word_or_a_slug() {
    let name: RoleName = Field::parse(&"owner".into()).unwrap();
    assert!(name == Role::Owner && name.built_in() == Some(Role::Owner));
    assert!(id::<matricula_domain::identity::RoleId>(1).as_uuid().as_u128() == 1);
}
