use async_trait::async_trait;
use matricula_domain::people::{Identifier, IdentifierId, IdentifierKind, KeyId, Person, PersonId, PersonParts};
use matricula_domain::shared::{Aggregate, Changed, Id, SubjectRef};
use matricula_entity::people::{people, person_identifiers};
use matricula_ports::PortError;
use matricula_ports::people::PersonRepository;
use uuid::Uuid;

use crate::convert::{Columns, count, parsed, parsed_or_none};
use crate::scoped::SCOPED;
use crate::sql::{Sql, Write};
use crate::unit::Session;

/// The columns of a person `p` with one identifier `i`, as [`read_person`] reads them: one row for each identifier.
pub(crate) const COLUMNS: &str = "p.id, p.subject_ref, p.key_id, p.name, p.locale, p.age_band, p.birth_date, p.state, p.created_at, p.updated_at, p.version, \
     i.id, i.kind, i.value";

/// The person that begins at this column, if there is one; a row of the same person adds its identifier to the last one read.
pub(crate) fn read_person(columns: &mut Columns<'_>, people: &mut Vec<Person>) -> Result<(), PortError> {
    let Some(id) = columns.next::<Option<Uuid>>()? else { return Ok(()) };
    let mut parts = PersonParts {
        id: PersonId::from_uuid(id),
        subject_ref: SubjectRef::from_uuid(columns.next()?),
        key_id: KeyId::from_uuid(columns.next()?),
        name: parsed(columns.next::<String>()?, "people.name")?,
        locale: parsed_or_none(columns.next::<Option<String>>()?, "people.locale")?,
        age_band: parsed_or_none(columns.next::<Option<String>>()?, "people.age_band")?,
        birth_date: columns.next()?,
        standing: parsed(columns.next::<String>()?, "people.state")?,
        created_at: columns.next()?,
        updated_at: columns.next()?,
        version: count(columns.next::<i32>()?, "people.version")?,
        identifiers: Vec::new(),
    };
    let identifier = match columns.next::<Option<Uuid>>()? {
        Some(id) => Some(Identifier {
            id: IdentifierId::from_uuid(id),
            kind: parsed(columns.next::<String>()?, "person_identifiers.kind")?,
            value: columns.next()?,
        }),
        None => None,
    };
    if let Some(last) = people.last_mut().filter(|last| last.id() == parts.id) {
        parts.identifiers.clone_from(&last.parts().identifiers);
        people.pop();
    }
    // Joins with something else repeat identifiers.
    parts.identifiers.extend(identifier.filter(|new| parts.identifiers.iter().all(|known| known.id != new.id)));
    people.push(Person::from_parts(parts));
    Ok(())
}

impl Session {
    async fn read_people(&self, sql: Sql) -> Result<Vec<Person>, PortError> {
        let mut people = Vec::new();
        for row in self.rows(sql).await? {
            read_person(&mut Columns::of(&row), &mut people)?;
        }
        self.know(&people);
        Ok(people)
    }

    /// Remembers the keys of people who were read.
    pub(crate) fn know(&self, people: &[Person]) {
        for person in people {
            self.knows(person.id(), person.parts().subject_ref, person.parts().key_id);
        }
    }

    fn people_where(&self) -> Sql {
        let mut sql = self.sql();
        sql.push("SELECT ").push(COLUMNS);
        sql.push(" FROM people p LEFT JOIN person_identifiers i ON i.organization_id = p.organization_id AND i.person_id = p.id WHERE ");
        sql.push(SCOPED).push(" AND p.organization_id = ").bind(self.organization);
        sql
    }
}

#[async_trait]
impl PersonRepository for Session {
    async fn find(&self, id: PersonId) -> Result<Option<Person>, PortError> {
        let mut sql = self.people_where();
        sql.push(" AND p.id = ").bind(id.as_uuid()).push(" ORDER BY i.created_at, i.id");
        Ok(self.read_people(sql).await?.pop())
    }

    async fn find_by_identifiers(&self, identifiers: &[(IdentifierKind, String)]) -> Result<Vec<Person>, PortError> {
        if identifiers.is_empty() {
            return Ok(Vec::new());
        }
        let mut sql = self.people_where();
        sql.push(" AND p.id IN (").push("SELECT person_id FROM person_identifiers WHERE organization_id = ").bind(self.organization).push(" AND ");
        identifiers_in(&mut sql, identifiers);
        sql.push(") ORDER BY p.created_at, p.id, i.created_at, i.id");
        self.read_people(sql).await
    }

    async fn save(&self, person: &Changed<Person>) -> Result<(), PortError> {
        let parts = person.state().parts();
        let model = people::Model {
            organization_id: self.organization,
            id: parts.id.as_uuid(),
            subject_ref: parts.subject_ref.as_uuid(),
            key_id: parts.key_id.as_uuid(),
            name: parts.name.to_string(),
            name_folded: person.state().name_folded(),
            locale: parts.locale.as_ref().map(ToString::to_string),
            age_band: parts.age_band.map(|band| band.as_str().to_owned()),
            birth_date: parts.birth_date,
            state: parts.standing.as_str().to_owned(),
            erased_at: None,
            created_at: parts.created_at,
            updated_at: parts.updated_at,
            version: count(i64::from(parts.version), "people.version")?,
        };
        self.knows(parts.id, parts.subject_ref, parts.key_id);
        if person.is_new() {
            self.append::<people::Entity>(model);
        } else {
            self.update::<people::Entity>(model, person.state().version(), &[people::Column::ErasedAt]);
        }
        for (kind, value) in lost_identifiers(person) {
            let key = vec![
                ("organization_id", self.organization.into()),
                ("person_id", parts.id.as_uuid().into()),
                ("kind", kind.into()),
                ("value", value.into()),
            ];
            self.write(Write::Delete { table: "person_identifiers", key });
        }
        for identifier in new_identifiers(person) {
            self.insert::<person_identifiers::Entity>(person_identifiers::Model {
                organization_id: self.organization,
                id: identifier.id.as_uuid(),
                person_id: parts.id.as_uuid(),
                kind: identifier.kind.as_str().to_owned(),
                value: identifier.value.clone(),
                verified_at: None,
                created_at: person.at(),
            });
        }
        self.note(person);
        Ok(())
    }
}

/// Kind and value of the identifiers that this change takes away.
fn lost_identifiers(person: &Changed<Person>) -> impl Iterator<Item = (&'static str, String)> {
    use matricula_domain::shared::Value;
    person.changes().iter().flat_map(|change| {
        let kind = IdentifierKind::from_word(&change.field).map(IdentifierKind::as_str);
        let values = |of: &Value| match of {
            Value::List(values) => values.iter().filter_map(|value| value.as_text().map(str::to_owned)).collect(),
            _ => Vec::new(),
        };
        let (before, after) = (values(&change.from), values(&change.to));
        kind.into_iter().flat_map(move |kind| {
            before.clone().into_iter().filter(|value| !after.contains(value)).map(move |value| (kind, value)).collect::<Vec<_>>()
        })
    })
}

/// The identifiers that this change adds: all of a new person, else those that the change names and that were not there.
fn new_identifiers(person: &Changed<Person>) -> impl Iterator<Item = &Identifier> {
    use matricula_domain::shared::Value;
    person.state().parts().identifiers.iter().filter(|identifier| {
        person.changes().iter().any(|change| {
            let was_there = matches!(&change.from, Value::List(before) if before.iter().any(|value| value.as_text() == Some(&identifier.value)));
            change.field == identifier.kind.as_str() && !was_there
        })
    })
}

/// `(kind, value) IN (…)` for identifiers.
pub(crate) fn identifiers_in(sql: &mut Sql, identifiers: &[(IdentifierKind, String)]) {
    sql.push("(");
    for (n, (kind, value)) in identifiers.iter().enumerate() {
        sql.push(if n > 0 { " OR kind = " } else { "kind = " }).bind(kind.as_str()).push(" AND value = ").bind(value.as_str());
    }
    sql.push(")");
}
