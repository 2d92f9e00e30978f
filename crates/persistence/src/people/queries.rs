use async_trait::async_trait;
use matricula_domain::people::{Person, PersonId, fold};
use matricula_domain::shared::{Id, Value};
use matricula_ports::people::{PeopleFilter, PeopleQueries, TimelineRow};
use matricula_ports::{Page, PortError, Scope, Slice};
use uuid::Uuid;

use super::person::{COLUMNS, read_person};
use crate::convert::Columns;
use crate::paging::{after, order};
use crate::scoped::{Queries, SCOPED};

/// `LIKE` pattern for «contains this», with the wildcards of the text itself taken out.
pub(crate) fn contains(text: &str) -> String {
    format!("%{}%", fold(text).replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

#[async_trait]
impl PeopleQueries for Queries {
    async fn list(&self, scope: &Scope, filter: &PeopleFilter, page: &Page) -> Result<Slice<Person>, PortError> {
        let reader = self.reader(scope).await?;
        let organization = scope.organization().as_uuid();
        let mut sql = reader.sql();
        // The page is cut before the identifiers are joined, so that it has as many people as asked for.
        sql.push("SELECT ")
            .push(COLUMNS)
            .push(" FROM (SELECT * FROM people f WHERE ")
            .push(SCOPED)
            .push(" AND f.organization_id = ")
            .bind(organization);
        if let Some(q) = &filter.q {
            sql.push(" AND f.name_folded LIKE ").bind(contains(q)).push(" ESCAPE '\\'");
        }
        if let Some(email) = &filter.email {
            sql.push(" AND f.id IN (SELECT person_id FROM person_identifiers WHERE organization_id = ").bind(organization);
            sql.push(" AND kind = 'email' AND value = ").bind(email.as_str()).push(")");
        }
        after(&mut sql, page, "f.created_at", "f.id")?;
        order(&mut sql, page, "f.created_at", "f.id");
        let way = if page.order == matricula_ports::Order::Descending { "DESC" } else { "ASC" };
        sql.push(") p LEFT JOIN person_identifiers i ON i.organization_id = p.organization_id AND i.person_id = p.id");
        sql.push(&format!(" ORDER BY p.created_at {way}, p.id {way}, i.created_at, i.id"));
        let mut people = Vec::new();
        for row in reader.rows(sql).await? {
            read_person(&mut Columns::of(&row), &mut people)?;
        }
        Ok(Slice::cut(people, page.limit, |last| vec![Value::Instant(last.parts().created_at), Value::Id(last.id().as_uuid())]))
    }

    async fn one(&self, scope: &Scope, id: PersonId) -> Result<Option<Person>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        sql.push("SELECT ").push(COLUMNS);
        sql.push(" FROM people p LEFT JOIN person_identifiers i ON i.organization_id = p.organization_id AND i.person_id = p.id WHERE ").push(SCOPED);
        sql.push(" AND p.organization_id = ")
            .bind(scope.organization().as_uuid())
            .push(" AND p.id = ")
            .bind(id.as_uuid())
            .push(" ORDER BY i.created_at, i.id");
        let mut people = Vec::new();
        for row in reader.rows(sql).await? {
            read_person(&mut Columns::of(&row), &mut people)?;
        }
        Ok(people.pop())
    }

    async fn timeline(&self, scope: &Scope, person: PersonId, page: &Page) -> Result<Option<Slice<TimelineRow>>, PortError> {
        let reader = self.reader(scope).await?;
        let organization = scope.organization().as_uuid();
        let mut sql = reader.sql();
        sql.push("SELECT p.subject_ref FROM people p WHERE ").push(SCOPED).push(" AND p.organization_id = ").bind(organization);
        sql.push(" AND p.id = ").bind(person.as_uuid());
        let Some(row) = reader.rows(sql).await?.pop() else { return Ok(None) };
        let subject: Uuid = Columns::of(&row).next()?;
        let mut sql = reader.sql();
        sql.push("SELECT a.id, a.at, a.action, a.actor, a.entity, a.entity_id, a.fields FROM audit_entries a WHERE ").push(SCOPED);
        sql.push(" AND a.organization_id = ").bind(organization).push(" AND a.subject_ref = ").bind(subject);
        after(&mut sql, page, "a.at", "a.id")?;
        order(&mut sql, page, "a.at", "a.id");
        let mut items = Vec::new();
        for row in reader.rows(sql).await? {
            let mut columns = Columns::of(&row);
            items.push(TimelineRow {
                id: columns.next()?,
                at: columns.next()?,
                what: columns.next()?,
                actor: columns.next()?,
                entity: columns.next()?,
                entity_id: columns.next()?,
                fields: names(columns.next()?),
            });
        }
        Ok(Some(Slice::cut(items, page.limit, |last| vec![Value::Instant(last.at), Value::Id(last.id)])))
    }
}

/// A list of names that was kept as JSON.
pub(crate) fn names(json: serde_json::Value) -> Vec<String> {
    serde_json::from_value(json).unwrap_or_default()
}
