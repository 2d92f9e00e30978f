use async_trait::async_trait;
use matricula_domain::leads::{FormId, FormVersion, FormVersionId, FormVersionParts, NewFormVersion};
use matricula_domain::privacy::ConsentTextId;
use matricula_domain::shared::{Changed, Code, Field, Id, Value};
use matricula_entity::leads::{form_versions, forms};
use matricula_ports::PortError;
use matricula_ports::leads::FormRepository;
use uuid::Uuid;

use crate::convert::{Columns, count, json, parsed, value};
use crate::scoped::SCOPED;
use crate::unit::Session;

#[async_trait]
impl FormRepository for Session {
    async fn newest(&self, key: &Code) -> Result<Option<FormVersion>, PortError> {
        let mut sql = self.sql();
        sql.push("SELECT v.id, v.form_id, v.number, f.title, v.fields, v.boxes, v.notice_text_id, v.rendered_sha256, v.published_at ");
        sql.push("FROM forms f JOIN form_versions v ON v.organization_id = f.organization_id AND v.form_id = f.id WHERE ").push(SCOPED);
        sql.push(" AND f.organization_id = ")
            .bind(self.organization)
            .push(" AND f.key = ")
            .bind(key.as_str())
            .push(" ORDER BY v.number DESC LIMIT 1");
        let Some(row) = self.rows(sql).await?.pop() else { return Ok(None) };
        let mut columns = Columns::of(&row);
        let (id, form, number): (Uuid, Uuid, i32) = (columns.next()?, columns.next()?, columns.next()?);
        let (title, fields, boxes): (String, serde_json::Value, serde_json::Value) = (columns.next()?, columns.next()?, columns.next()?);
        let (notice, rendered_sha256, published_at): (Uuid, String, _) = (columns.next()?, columns.next()?, columns.next()?);
        let boxes = value(boxes);
        let wordings = match boxes.get("wordings") {
            Value::Map(wordings) => wordings
                .iter()
                .map(|(text, sha256)| Ok((parsed(text.as_str(), "form_versions.boxes")?, sha256.as_text().unwrap_or_default().to_owned())))
                .collect::<Result<Vec<(ConsentTextId, String)>, PortError>>()?,
            _ => Vec::new(),
        };
        Ok(Some(FormVersion::from_parts(FormVersionParts {
            id: FormVersionId::from_uuid(id),
            form: FormId::from_uuid(form),
            first: number == 1,
            key: key.clone(),
            number: count(number, "form_versions.number")?,
            published: NewFormVersion {
                title: parsed(title, "forms.title")?,
                fields: parsed(value(fields), "form_versions.fields")?,
                boxes: parsed(boxes.get("boxes").clone(), "form_versions.boxes")?,
                notice_text_id: ConsentTextId::from_uuid(notice),
            },
            wordings,
            rendered_sha256,
            published_at,
            version: 1,
        })))
    }

    async fn save(&self, version: &Changed<FormVersion>) -> Result<(), PortError> {
        let parts = version.state().parts();
        if parts.first {
            self.insert::<forms::Entity>(forms::Model {
                organization_id: self.organization,
                id: parts.form.as_uuid(),
                key: parts.key.as_str().to_owned(),
                title: parts.published.title.to_string(),
                created_at: parts.published_at,
                updated_at: parts.published_at,
                version: 1,
            });
        }
        let wordings = Value::Map(parts.wordings.iter().map(|(text, sha256)| (text.to_string(), sha256.as_str().into())).collect());
        let boxes = Value::Map(vec![("boxes".to_owned(), parts.published.boxes.value()), ("wordings".to_owned(), wordings)]);
        self.insert::<form_versions::Entity>(form_versions::Model {
            organization_id: self.organization,
            id: parts.id.as_uuid(),
            form_id: parts.form.as_uuid(),
            number: count(i64::from(parts.number), "form_versions.number")?,
            fields: json(&parts.published.fields.value()),
            boxes: json(&boxes),
            notice_text_id: parts.published.notice_text_id.as_uuid(),
            rendered_sha256: parts.rendered_sha256.clone(),
            published_at: parts.published_at,
            created_at: parts.published_at,
        });
        self.note(version);
        Ok(())
    }
}
