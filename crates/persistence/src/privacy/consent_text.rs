use async_trait::async_trait;
use matricula_domain::privacy::{ConsentText, ConsentTextId, Purpose, TextKind, TextParts};
use matricula_domain::shared::{Changed, Id, Value};
use matricula_entity::privacy::consent_texts;
use matricula_ports::privacy::{ConsentTextQueries, ConsentTextRepository};
use matricula_ports::{Page, PortError, Scope, Slice};
use sea_orm::{ColumnTrait, FromQueryResult, QueryFilter};

use crate::convert::{Columns, count, parsed, parsed_or_none};
use crate::error::port;
use crate::paging::{after, order};
use crate::scoped::{Queries, SCOPED};
use crate::unit::Session;

#[async_trait]
impl ConsentTextRepository for Session {
    async fn find(&self, ids: &[ConsentTextId]) -> Result<Vec<ConsentText>, PortError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = ids.iter().map(|id| id.as_uuid());
        let select = self.select::<consent_texts::Entity>().filter(consent_texts::Column::Id.is_in(ids));
        self.all(select).await?.into_iter().map(text_of).collect()
    }

    async fn newest_number(&self, kind: TextKind, purpose: Option<Purpose>, locale: &str) -> Result<u32, PortError> {
        let mut sql = self.sql();
        // Written as the unique index has it, so that it is the index that answers.
        sql.push("SELECT MAX(t.number) FROM consent_texts t WHERE ").push(SCOPED).push(" AND t.organization_id = ").bind(self.organization);
        sql.push(" AND t.kind = ").bind(kind.as_str()).push(" AND COALESCE(t.purpose, '') = ").bind(purpose.map_or("", Purpose::as_str));
        sql.push(" AND t.locale = ").bind(locale);
        let newest: Option<i32> = match self.rows(sql).await?.pop() {
            Some(row) => Columns::of(&row).next()?,
            None => None,
        };
        count(newest.unwrap_or(0), "consent_texts.number")
    }

    async fn save(&self, text: &Changed<ConsentText>) -> Result<(), PortError> {
        let parts = text.state().parts();
        self.insert::<consent_texts::Entity>(consent_texts::Model {
            organization_id: self.organization,
            id: parts.id.as_uuid(),
            kind: parts.kind.as_str().to_owned(),
            purpose: parts.purpose.map(|purpose| purpose.as_str().to_owned()),
            locale: parts.locale.as_str().to_owned(),
            number: count(i64::from(parts.number), "consent_texts.number")?,
            body: parts.body.clone(),
            sha256: parts.sha256.clone(),
            material: parts.material,
            effective_from: parts.effective_from,
            created_at: text.at(),
            updated_at: text.at(),
            version: count(i64::from(parts.version), "consent_texts.version")?,
        });
        self.note(text);
        Ok(())
    }
}

#[async_trait]
impl ConsentTextQueries for Queries {
    async fn list(&self, scope: &Scope, page: &Page) -> Result<Slice<ConsentText>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        sql.push("SELECT t.* FROM consent_texts t WHERE ").push(SCOPED).push(" AND t.organization_id = ").bind(scope.organization().as_uuid());
        after(&mut sql, page, "t.created_at", "t.id")?;
        order(&mut sql, page, "t.created_at", "t.id");
        let rows = reader.rows(sql).await?;
        let rows = rows.iter().map(|row| consent_texts::Model::from_query_result(row, "").map_err(port)).collect::<Result<Vec<_>, _>>()?;
        let Slice { items, next } = Slice::cut(rows, page.limit, |last| vec![Value::Instant(last.created_at), Value::Id(last.id)]);
        Ok(Slice { items: items.into_iter().map(text_of).collect::<Result<_, _>>()?, next })
    }
}

fn text_of(row: consent_texts::Model) -> Result<ConsentText, PortError> {
    Ok(ConsentText::from_parts(TextParts {
        id: ConsentTextId::from_uuid(row.id),
        kind: parsed(row.kind, "consent_texts.kind")?,
        purpose: parsed_or_none(row.purpose, "consent_texts.purpose")?,
        locale: parsed(row.locale, "consent_texts.locale")?,
        number: count(row.number, "consent_texts.number")?,
        body: row.body,
        sha256: row.sha256,
        material: row.material,
        effective_from: row.effective_from,
        version: count(row.version, "consent_texts.version")?,
    }))
}
