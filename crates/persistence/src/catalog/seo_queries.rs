use async_trait::async_trait;
use matricula_domain::catalog::{PageOf, Redirect, SeoMetadata};
use matricula_domain::shared::{Id, RecordId, Slug, Value};
use matricula_entity::catalog::{redirects, seo_metadata};
use matricula_ports::catalog::{SeoFilter, SeoQueries};
use matricula_ports::search::SearchKind;
use matricula_ports::{Page, PortError, Scope, Slice};
use sea_orm::FromQueryResult;

use super::redirect::redirect_of;
use super::seo_metadata::seo_metadata_of;
use crate::convert::Columns;
use crate::error::port;
use crate::paging::{after, columns, order};
use crate::scoped::{Queries, SCOPED, models};
use crate::search::has_label;

#[async_trait]
impl SeoQueries for Queries {
    async fn seo_metadata(&self, scope: &Scope, entity_type: PageOf, entity_id: RecordId) -> Result<Option<SeoMetadata>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        sql.push("SELECT ").push(&columns::<seo_metadata::Entity>("m")).push(" FROM seo_metadata m WHERE ").push(SCOPED);
        sql.push(" AND m.organization_id = ").bind(scope.organization().as_uuid());
        sql.push(" AND m.entity_type = ").bind(entity_type.as_str()).push(" AND m.entity_id = ").bind(entity_id.as_uuid());
        let rows = reader.rows(sql).await?;
        rows.first().map(|row| seo_metadata_of(seo_metadata::Model::from_query_result(row, "").map_err(port)?)).transpose()
    }

    async fn all_seo_metadata(&self, scope: &Scope, filter: &SeoFilter, page: &Page) -> Result<Slice<SeoMetadata>, PortError> {
        let reader = self.reader(scope).await?;
        let organization = scope.organization().as_uuid();
        let mut sql = reader.sql();
        sql.push("SELECT ").push(&columns::<seo_metadata::Entity>("m")).push(" FROM seo_metadata m WHERE ").push(SCOPED);
        sql.push(" AND m.organization_id = ").bind(organization);
        if let Some(entity_type) = filter.entity_type {
            sql.push(" AND m.entity_type = ").bind(entity_type.as_str());
        }
        if let Some(keyword) = &filter.keyword {
            has_label(&mut sql, organization, SearchKind::SeoMetadata, ("m", "keywords"), "keywords", keyword);
        }
        after(&mut sql, page, "m.created_at", "m.id")?;
        order(&mut sql, page, "m.created_at", "m.id");
        let items = models::<seo_metadata::Entity>(&reader.rows(sql).await?)?.into_iter().map(seo_metadata_of).collect::<Result<Vec<_>, _>>()?;
        Ok(Slice::cut(items, page.limit, |last| vec![Value::Instant(last.parts().created_at), Value::Id(last.parts().id.as_uuid())]))
    }

    async fn redirects(&self, scope: &Scope, page: &Page) -> Result<Slice<Redirect>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        sql.push("SELECT ").push(&columns::<redirects::Entity>("r")).push(" FROM redirects r WHERE ").push(SCOPED);
        sql.push(" AND r.organization_id = ").bind(scope.organization().as_uuid());
        after(&mut sql, page, "r.created_at", "r.id")?;
        order(&mut sql, page, "r.created_at", "r.id");
        let rows = reader.rows(sql).await?;
        let items = rows.iter().map(|row| redirect_of(redirects::Model::from_query_result(row, "").map_err(port)?)).collect::<Result<Vec<_>, _>>()?;
        Ok(Slice::cut(items, page.limit, |last| vec![Value::Instant(last.parts().created_at), Value::Id(last.parts().id.as_uuid())]))
    }

    async fn redirect(&self, scope: &Scope, entity_type: PageOf, slug: &Slug) -> Result<Option<RecordId>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        sql.push("SELECT r.entity_id FROM redirects r WHERE ").push(SCOPED).push(" AND r.organization_id = ").bind(scope.organization().as_uuid());
        sql.push(" AND r.entity_type = ").bind(entity_type.as_str()).push(" AND r.slug = ").bind(slug.as_str());
        reader.rows(sql).await?.first().map(|row| Columns::of(row).next().map(RecordId::from_uuid)).transpose()
    }
}
