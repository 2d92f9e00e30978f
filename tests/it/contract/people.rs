use matricula_domain::people::{AgeBand, IdentifierKind, Person, PersonDetails, PersonId};
use matricula_domain::shared::{Aggregate as _, Changed, Form as _, Id as _, Line};
use matricula_ports::people::{PeopleFilter, PeopleQueries};
use matricula_ports::{Clock as _, Order, Page, PortError};
use matricula_tests::{Tenant, TestDatabase, at, ids, on_both, value};
use serde_json::{Value as Json, json};

use super::paging::{assert_refuses_foreign_cursors, longest, walk};

on_both!(
    a_person_is_read_back_as_they_were_saved,
    what_is_learned_is_added_and_nothing_else_changes,
    an_address_belongs_to_one_person,
    people_are_found_by_any_of_their_identifiers,
    people_are_listed_newest_first_while_others_come,
    people_are_found_by_name_without_accents_and_by_address,
    a_timeline_tells_what_happened_to_a_person_and_to_nobody_else,
);

fn details(input: Json) -> PersonDetails {
    PersonDetails::read(&value(input)).unwrap()
}

async fn meet(here: &Tenant, input: Json, locale: Option<&str>, band: Option<AgeBand>) -> Changed<Person> {
    let key = here.db.keys.issue().await.unwrap();
    let locale = locale.map(|locale| Line::parse(locale).unwrap());
    Person::meet(ids(&*here.db.ids, key), details(input), locale, band, here.db.clock.now())
}

async fn save(here: &Tenant, person: &Changed<Person>) {
    here.in_unit(async |tx| tx.people().save(person).await).await;
}

async fn find(here: &Tenant, id: PersonId) -> Option<Person> {
    here.in_unit(async |tx| tx.people().find(id).await).await
}

async fn a_person_is_read_back_as_they_were_saved(db: TestDatabase) {
    let here = db.tenant("uno").await;
    for (input, locale, band) in [
        (json!({"name": "Ana", "email": "ana@example.es"}), None, None),
        (json!({"name": longest(200), "phone": "600 111 222"}), Some("ca-ES-vale"), Some(AgeBand::Under14)),
        (
            json!({"name": "O'Hara \"X\" \\ %_ 漢字 🎓", "email": format!("{}@example.es", "a".repeat(60)), "phone": "+442079460958"}),
            Some("es"),
            Some(AgeBand::Adult),
        ),
    ] {
        let met = meet(&here, input, locale, band).await;
        save(&here, &met).await;
        let saved = met.into_state();
        assert_eq!(find(&here, saved.id()).await.unwrap(), saved);
        assert_eq!(PeopleQueries::one(&db.queries, &here.scope, saved.id()).await.unwrap().unwrap(), saved);
        let renamed = saved.rename(Line::parse(&longest(199)).unwrap(), at(9)).unwrap();
        save(&here, &renamed).await;
        assert_eq!(find(&here, saved.id()).await.unwrap(), *renamed.state());
    }
    assert!(find(&here, db.id()).await.is_none());
    assert!(PeopleQueries::one(&db.queries, &here.scope, db.id()).await.unwrap().is_none());
    assert!(db.queries.timeline(&here.scope, db.id(), &Page::first(1)).await.unwrap().is_none());
}

async fn what_is_learned_is_added_and_nothing_else_changes(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let ana = here.person("Ana").await;
    let told = details(json!({"name": "Anita", "email": "otra@example.es", "phone": "600111222"}));
    let learned = ana.learn(ids(&*db.ids, ana.parts().key_id), &told, Some(AgeBand::Adult), at(5)).unwrap();
    save(&here, &learned).await;
    let found = find(&here, ana.id()).await.unwrap();
    assert_eq!(found, *learned.state());
    assert_eq!(
        (found.name(), found.identifier(IdentifierKind::Email), found.identifier(IdentifierKind::Phone)),
        ("Ana", Some("pana@example.es"), Some("+34600111222"))
    );
    assert_eq!((found.parts().identifiers.len(), found.version()), (3, 2));
    let third = details(json!({"name": "Ana", "email": "tercera@example.es"}));
    let third = found.learn(ids(&*db.ids, ana.parts().key_id), &third, None, at(6)).unwrap();
    save(&here, &third).await;
    assert_eq!(find(&here, ana.id()).await.unwrap(), *third.state());
    assert_eq!(db.raw.count("person_identifiers").await, 4, "none was written twice");
}

async fn an_address_belongs_to_one_person(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (ana, berta) = (here.person("Ana").await, here.person("Berta").await);
    let refused = |outcome: Result<(), PortError>| assert!(matches!(outcome, Err(PortError::Conflict("person_identifiers"))), "{outcome:?}");
    let second = meet(&here, json!({"name": "Otra", "email": "PANA@example.es"}), None, None).await;
    refused(here.try_in_unit(async |tx| tx.people().save(&second).await).await);
    let told = details(json!({"name": "Berta", "email": "pana@example.es"}));
    let learned = berta.learn(ids(&*db.ids, berta.parts().key_id), &told, None, at(1)).unwrap();
    refused(here.try_in_unit(async |tx| tx.people().save(&learned).await).await);
    assert_eq!(find(&here, berta.id()).await.unwrap(), berta);
    let both = [(IdentifierKind::Email, "pana@example.es".to_owned())];
    assert_eq!(here.in_unit(async |tx| tx.people().find_by_identifiers(&both).await).await, [ana]);
}

async fn people_are_found_by_any_of_their_identifiers(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let mut people = Vec::new();
    for (n, input) in [
        json!({"name": "A", "email": "a@example.es", "phone": "600000001"}),
        json!({"name": "B", "phone": "600000002"}),
        json!({"name": "C", "email": "c@example.es"}),
    ]
    .into_iter()
    .enumerate()
    {
        db.clock.set(i64::try_from(n).unwrap());
        let met = meet(&here, input, None, None).await;
        save(&here, &met).await;
        people.push(met.into_state());
    }
    let email = |value: &str| (IdentifierKind::Email, value.to_owned());
    let phone = |value: &str| (IdentifierKind::Phone, value.to_owned());
    for (asked, found) in [
        (vec![], &people[..0]),
        (vec![email("a@example.es")], &people[..1]),
        (vec![email("a@example.es"), phone("+34600000001")], &people[..1]),
        (vec![phone("+34600000002"), email("a@example.es")], &people[..2]),
        (vec![email("c@example.es"), phone("+34600000002"), phone("+34600000001")], &people[..]),
        // A number is no address.
        (vec![email("+34600000002"), phone("a@example.es"), email("A@example.es")], &people[..0]),
    ] {
        assert_eq!(here.in_unit(async |tx| tx.people().find_by_identifiers(&asked).await).await, found, "{asked:?}, oldest first");
    }
}

async fn people_are_listed_newest_first_while_others_come(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let mut newest_first = Vec::new();
    for n in 0..7 {
        db.clock.set(n / 2);
        // With several identifiers, of which none makes the page shorter.
        let met =
            meet(&here, json!({"name": format!("P {n}"), "email": format!("p{n}@example.es"), "phone": format!("60000000{n}")}), None, None).await;
        save(&here, &met).await;
        newest_first.insert(0, met.into_state());
    }
    let list = async |page: &Page| PeopleQueries::list(&db.queries, &here.scope, &PeopleFilter::default(), page).await;
    for limit in [1, 2, 3, 7, 8] {
        assert_eq!(walk(Page::first(limit), list, async |_| ()).await, newest_first, "{limit} a page");
    }
    let new = async |n: usize| {
        db.clock.set(100);
        here.person(&format!("Nueva {n}")).await;
    };
    assert_eq!(walk(Page::first(2), list, new).await, newest_first);
    let up = walk(Page { order: Order::Ascending, ..Page::first(3) }, list, async |_| ()).await;
    assert!(up[..7].iter().eq(newest_first.iter().rev()));
    assert_refuses_foreign_cursors(list).await;
}

async fn people_are_found_by_name_without_accents_and_by_address(db: TestDatabase) {
    let here = db.tenant("uno").await;
    here.people(&["Begoña Müller", "BEGOÑA 100%_\\", "Ana"]).await;
    for (q, hits) in
        [("begona", 2), ("BEGOÑA", 2), ("muller", 1), ("100%", 1), ("%", 1), ("_", 1), ("\\", 1), ("egoña m", 1), ("zz", 0), ("' OR 1=1 --", 0)]
    {
        let filter = PeopleFilter { q: Some(q.into()), email: None };
        assert_eq!(PeopleQueries::list(&db.queries, &here.scope, &filter, &Page::first(9)).await.unwrap().items.len(), hits, "{q}");
    }
    for (email, q, hits) in
        [("pana@example.es", None, 1), ("pana@example.e", None, 0), ("pana@example.es", Some("begona"), 0), ("pana@example.es", Some("an"), 1)]
    {
        let filter = PeopleFilter { q: q.map(Into::into), email: Some(email.into()) };
        assert_eq!(PeopleQueries::list(&db.queries, &here.scope, &filter, &Page::first(9)).await.unwrap().items.len(), hits, "{email} {q:?}");
    }
}

async fn a_timeline_tells_what_happened_to_a_person_and_to_nobody_else(db: TestDatabase) {
    let here = db.tenant("uno").await;
    let (ana, berta) = (here.person("Ana").await, here.person("Berta").await);
    db.clock.set(1);
    let lead = here.lead(ana.id(), matricula_domain::leads::LeadTargets::default()).await;
    let renamed = ana.rename(Line::parse("Ana María").unwrap(), at(2)).unwrap();
    save(&here, &renamed).await;
    save(&here, &berta.rename(Line::parse("Otra").unwrap(), at(3)).unwrap()).await;
    let list = async |page: &Page| db.queries.timeline(&here.scope, ana.id(), page).await.map(Option::unwrap);
    let all = walk(Page::first(1), list, async |_| ()).await;
    let told: Vec<_> = all.iter().map(|row| (row.what.as_str(), row.at, row.entity.as_str(), row.fields.len())).collect();
    assert_eq!(told[..2], [("person.changed", at(2), "person", 1), ("lead.captured", at(1), "lead", 3)]);
    assert_eq!((told.len(), told[2].0, all[1].entity_id, all[0].actor.as_str()), (3, "person.met", lead.id().as_uuid(), "system:test"));
    assert_refuses_foreign_cursors(list).await;
}
