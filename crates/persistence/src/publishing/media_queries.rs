use async_trait::async_trait;
use matricula_domain::publishing::{EntityType, MediaAsset, MediaAssetId, MediaLink, MediaLinkId, MediaRole, MediaStatus, MediaType, MediaUse};
use matricula_domain::shared::{Id, RecordId, Value};
use matricula_entity::publishing::{media_assets, media_links};
use matricula_ports::publishing::{MediaFilter, MediaLinkRow, MediaQueries};
use matricula_ports::{Page, PortError, Scope, Slice};
use uuid::Uuid;

use super::media_asset::asset_of;
use crate::convert::{Columns, count, parsed};
use crate::error::port;
use crate::paging::{after, columns, order};
use crate::scoped::{Queries, SCOPED, models};
use crate::sql::Sql;

fn link_of(row: media_links::Model) -> Result<MediaLinkRow, PortError> {
    let usage = MediaUse {
        entity_type: parsed(row.entity_type, "media_links.entity_type")?,
        entity_id: RecordId::from_uuid(row.entity_id),
        role: parsed(row.role, "media_links.role")?,
    };
    let link = MediaLink { id: MediaLinkId::from_uuid(row.id), usage, position: count(row.position, "media_links.position")? };
    Ok(MediaLinkRow { link, created_at: row.created_at })
}

fn narrow(filter: &MediaFilter, sql: &mut Sql, organization: Uuid) {
    sql.push(if filter.archived { " AND a.archived_at IS NOT NULL" } else { " AND a.archived_at IS NULL" });
    for (column, word) in [("mime_type", filter.media_type.map(MediaType::as_str)), ("status", filter.status.map(MediaStatus::as_str))] {
        if let Some(word) = word {
            sql.push(" AND a.").push(column).push(" = ").bind(word);
        }
    }
    let words = [("entity_type", filter.entity_type.map(EntityType::as_str)), ("role", filter.role.map(MediaRole::as_str))];
    if filter.entity_id.is_none() && words.iter().all(|(_, word)| word.is_none()) {
        return;
    }
    sql.push(" AND a.id IN (SELECT l.asset_id FROM media_links l WHERE l.organization_id = ").bind(organization);
    for (column, word) in words {
        if let Some(word) = word {
            sql.push(" AND l.").push(column).push(" = ").bind(word);
        }
    }
    if let Some(entity) = filter.entity_id {
        sql.push(" AND l.entity_id = ").bind(entity.as_uuid());
    }
    sql.push(")");
}

#[async_trait]
impl MediaQueries for Queries {
    async fn assets(&self, scope: &Scope, filter: &MediaFilter, page: &Page) -> Result<Slice<MediaAsset>, PortError> {
        let reader = self.reader(scope).await?;
        let organization = scope.organization().as_uuid();
        let mut sql = reader.sql();
        sql.push("SELECT ").push(&columns::<media_assets::Entity>("a")).push(" FROM media_assets a WHERE ").push(SCOPED);
        sql.push(" AND a.organization_id = ").bind(organization);
        narrow(filter, &mut sql, organization);
        after(&mut sql, page, "a.created_at", "a.id")?;
        order(&mut sql, page, "a.created_at", "a.id");
        let items = models::<media_assets::Entity>(&reader.rows(sql).await?)?.into_iter().map(asset_of).collect::<Result<Vec<_>, _>>()?;
        Ok(Slice::cut(items, page.limit, |last| vec![Value::Instant(last.created_at), Value::Id(last.id.as_uuid())]))
    }

    async fn asset(&self, scope: &Scope, id: MediaAssetId) -> Result<Option<MediaAsset>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        sql.push("SELECT ").push(&columns::<media_assets::Entity>("a")).push(" FROM media_assets a WHERE ").push(SCOPED);
        sql.push(" AND a.organization_id = ").bind(scope.organization().as_uuid()).push(" AND a.id = ").bind(id.as_uuid());
        models::<media_assets::Entity>(&reader.rows(sql).await?)?.pop().map(asset_of).transpose()
    }

    async fn links(&self, scope: &Scope, id: MediaAssetId, page: &Page) -> Result<Slice<MediaLinkRow>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        sql.push("SELECT ").push(&columns::<media_links::Entity>("l")).push(" FROM media_links l WHERE ").push(SCOPED);
        sql.push(" AND l.organization_id = ").bind(scope.organization().as_uuid()).push(" AND l.asset_id = ").bind(id.as_uuid());
        after(&mut sql, page, "l.created_at", "l.id")?;
        order(&mut sql, page, "l.created_at", "l.id");
        let items = models::<media_links::Entity>(&reader.rows(sql).await?)?.into_iter().map(link_of).collect::<Result<Vec<_>, _>>()?;
        Ok(Slice::cut(items, page.limit, |last| vec![Value::Instant(last.created_at), Value::Id(last.link.id.as_uuid())]))
    }

    async fn covers(&self, scope: &Scope, entity_type: EntityType, of: &[RecordId]) -> Result<Vec<(RecordId, MediaAsset)>, PortError> {
        if of.is_empty() {
            return Ok(Vec::new());
        }
        let reader = self.reader(scope).await?;
        let organization = scope.organization().as_uuid();
        let ids = || of.iter().map(|id| id.as_uuid());
        let mut sql = reader.sql();
        sql.push("SELECT ").push(&columns::<media_assets::Entity>("u")).push(", u.entity_id FROM (SELECT ");
        sql.push(&columns::<media_assets::Entity>("a"));
        sql.push(", l.entity_id, row_number() OVER (PARTITION BY l.entity_id ORDER BY l.place, l.link_id) AS nth FROM (");
        sql.push("SELECT l.entity_id, l.asset_id, l.position AS place, l.id AS link_id FROM media_links l WHERE l.organization_id = ")
            .bind(organization);
        sql.push(" AND l.entity_type = ").bind(entity_type.as_str()).push(" AND l.role = 'cover' AND l.entity_id IN (").bind_all(ids()).push(")");
        if entity_type == EntityType::BlogPost {
            // What a post names itself comes before its links.
            sql.push(" UNION ALL SELECT p.id, p.featured_image_id, -1, p.id FROM blog_posts p WHERE p.organization_id = ").bind(organization);
            sql.push(" AND p.featured_image_id IS NOT NULL AND p.id IN (").bind_all(ids()).push(")");
        }
        sql.push(") l JOIN media_assets a ON a.id = l.asset_id AND a.organization_id = ").bind(organization);
        // Pictures alone have a width.
        sql.push(" WHERE a.status = 'published' AND a.archived_at IS NULL AND a.width IS NOT NULL) u WHERE ").push(SCOPED).push(" AND u.nth = 1");
        let rows = reader.rows(sql).await?;
        let of = rows.iter().map(|row| row.try_get::<Uuid>("", "entity_id").map(RecordId::from_uuid).map_err(port));
        let assets = models::<media_assets::Entity>(&rows)?.into_iter().map(asset_of);
        of.zip(assets).map(|(of, asset)| Ok((of?, asset?))).collect()
    }

    async fn beside_cover(&self, scope: &Scope, entity_type: EntityType, of: RecordId, most: u16) -> Result<Vec<(MediaRole, MediaAsset)>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        sql.push("SELECT ").push(&columns::<media_assets::Entity>("a")).push(", l.role FROM media_links l ");
        sql.push("JOIN media_assets a ON a.organization_id = l.organization_id AND a.id = l.asset_id WHERE ").push(SCOPED);
        sql.push(" AND l.organization_id = ").bind(scope.organization().as_uuid()).push(" AND l.entity_type = ").bind(entity_type.as_str());
        sql.push(" AND l.entity_id = ").bind(of.as_uuid()).push(" AND l.role IN ('gallery', 'attachment')");
        sql.push(" AND a.status = 'published' AND a.archived_at IS NULL ORDER BY l.position, l.id LIMIT ").bind(i64::from(most));
        let rows = reader.rows(sql).await?;
        let roles = rows.iter().map(|row| parsed::<MediaRole>(row.try_get::<String>("", "role").map_err(port)?, "media_links.role"));
        let assets = models::<media_assets::Entity>(&rows)?.into_iter().map(asset_of);
        roles.zip(assets).map(|(role, asset)| Ok((role?, asset?))).collect()
    }

    async fn space_used(&self, scope: &Scope) -> Result<u64, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        sql.push("SELECT u.bytes FROM media_usage u WHERE ").push(SCOPED);
        sql.push(" AND u.organization_id = ").bind(scope.organization().as_uuid());
        let rows = reader.rows(sql).await?;
        rows.first().map_or(Ok(0), |row| count(Columns::of(row).next::<i64>()?, "media_usage.bytes"))
    }

    async fn known_folders(&self, scope: &Scope, folders: &[String]) -> Result<Vec<String>, PortError> {
        if folders.is_empty() {
            return Ok(Vec::new());
        }
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        sql.push("SELECT a.storage_path FROM media_assets a WHERE ").push(SCOPED);
        sql.push(" AND a.organization_id = ").bind(scope.organization().as_uuid());
        sql.push(" AND a.storage_path IN (").bind_all(folders.iter().map(String::as_str)).push(")");
        reader.rows(sql).await?.iter().map(|row| Columns::of(row).next()).collect()
    }
}
