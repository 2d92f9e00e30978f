//! Webhook endpoints, and what is on its way to them.

use async_trait::async_trait;
use matricula_domain::identity::OrganizationId;
use matricula_domain::notifications::{WebhookDeliveryId, WebhookDeliveryStatus, WebhookEndpoint, WebhookEndpointDetails, WebhookEndpointId};
use matricula_domain::shared::{Aggregate, Changed, Field, Id, Instant, Line, Value};
use matricula_entity::notifications::{webhook_deliveries, webhook_endpoints};
use matricula_ports::notifications::{
    ClaimedDelivery, DeliveryRow, Listener, NewDelivery, Tried, WebhookEndpointRepository, WebhookQueries, WebhookSecret, WebhookWork,
};
use matricula_ports::{Cursor, Page, PortError, Scope, Slice};
use sea_orm::{ColumnTrait, ConnectionTrait, FromQueryResult, QueryFilter};
use uuid::Uuid;

use super::Queue;
use crate::convert::{Columns, count, json, parsed, parsed_or_none, time, value};
use crate::error::port;
use crate::feed::begin_for_all;
use crate::paging::{after, columns, order};
use crate::scoped::{Queries, Reader, SCOPED, models};
use crate::sealing::{open, seal};
use crate::sql::{Sql, WhenTaken, Write};
use crate::unit::Session;

/// The secret of the installation under which those of endpoints are sealed.
const SECRET: &str = "webhook_endpoints";

/// Up to so many waiting deliveries are counted.
const MOST_COUNTED: i64 = 2_000;

/// Where a sealed secret stands: it opens for no other endpoint.
fn place(id: Uuid) -> Vec<u8> {
    [b"webhook_endpoints.secret", id.as_bytes().as_slice()].concat()
}

fn endpoint_of(row: webhook_endpoints::Model) -> Result<WebhookEndpoint, PortError> {
    Ok(WebhookEndpoint {
        id: WebhookEndpointId::from_uuid(row.id),
        details: WebhookEndpointDetails {
            url: parsed(row.url, "webhook_endpoints.url")?,
            description: parsed_or_none(row.description, "webhook_endpoints.description")?,
            facts: parsed(value(row.facts), "webhook_endpoints.facts")?,
        },
        status: parsed(row.status, "webhook_endpoints.status")?,
        disabled_reason: parsed_or_none(row.disabled_reason, "webhook_endpoints.disabled_reason")?,
        previous_until: row.previous_until,
        archived_at: row.archived_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
        version: count(row.version, "webhook_endpoints.version")?,
    })
}

fn delivery_of(row: webhook_deliveries::Model) -> Result<DeliveryRow, PortError> {
    Ok(DeliveryRow {
        id: WebhookDeliveryId::from_uuid(row.id),
        endpoint: WebhookEndpointId::from_uuid(row.endpoint_id),
        message: row.message_id,
        fact: row.fact,
        status: parsed(row.status, "webhook_deliveries.status")?,
        attempts: count(row.attempts, "webhook_deliveries.attempts")?,
        next_at: row.next_at,
        last_status: row.last_status.map(|status| count(status, "webhook_deliveries.last_status")).transpose()?,
        last_error: row.last_error,
        created_at: row.created_at,
        finished_at: row.finished_at,
    })
}

/// A new delivery as its row: waiting, and due at once.
fn new_delivery(organization: Uuid, endpoint: WebhookEndpointId, number: i64, new: NewDelivery) -> webhook_deliveries::Model {
    webhook_deliveries::Model {
        organization_id: organization,
        id: new.id.as_uuid(),
        endpoint_id: endpoint.as_uuid(),
        message_id: new.message,
        number,
        fact: new.fact,
        entity_id: new.entity_id,
        body: new.body,
        status: WebhookDeliveryStatus::Waiting.as_str().to_owned(),
        attempts: 0,
        next_at: new.created_at,
        last_status: None,
        last_error: None,
        created_at: new.created_at,
        finished_at: None,
    }
}

impl Session {
    async fn endpoint_row(&self, id: WebhookEndpointId) -> Result<Option<webhook_endpoints::Model>, PortError> {
        self.one(self.select::<webhook_endpoints::Entity>().filter(webhook_endpoints::Column::Id.eq(id.as_uuid()))).await
    }

    fn endpoint_model(&self, endpoint: &WebhookEndpoint) -> Result<webhook_endpoints::Model, PortError> {
        Ok(webhook_endpoints::Model {
            organization_id: self.organization,
            id: endpoint.id.as_uuid(),
            url: endpoint.details.url.as_str().to_owned(),
            description: endpoint.details.description.as_ref().map(Line::to_string),
            facts: json(&endpoint.details.facts.value()),
            status: endpoint.status.as_str().to_owned(),
            disabled_reason: endpoint.disabled_reason.map(|reason| reason.as_str().to_owned()),
            sealed_secret: Vec::new(),
            sealed_previous: None,
            previous_until: endpoint.previous_until,
            position: serde_json::Value::Null,
            next_number: 1,
            failing_since: None,
            archived_at: endpoint.archived_at,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
            version: count(i64::from(endpoint.version), "webhook_endpoints.version")?,
        })
    }

    async fn sealed(&self, id: WebhookEndpointId, secret: WebhookSecret) -> Result<Vec<u8>, PortError> {
        seal(&self.home.keys.secret(SECRET).await?, &place(id.as_uuid()), &secret.0)
    }
}

#[async_trait]
impl WebhookEndpointRepository for Session {
    async fn find(&self, id: WebhookEndpointId) -> Result<Option<WebhookEndpoint>, PortError> {
        self.endpoint_row(id).await?.map(endpoint_of).transpose()
    }

    async fn add(&self, endpoint: &Changed<WebhookEndpoint>, secret: WebhookSecret, from: &Cursor) -> Result<(), PortError> {
        let mut model = self.endpoint_model(endpoint.state())?;
        model.sealed_secret = self.sealed(endpoint.state().id, secret).await?;
        model.position = json(&Value::List(from.0.clone()));
        self.insert::<webhook_endpoints::Entity>(model);
        self.note(endpoint);
        Ok(())
    }

    async fn rotate(&self, endpoint: &Changed<WebhookEndpoint>, secret: WebhookSecret) -> Result<(), PortError> {
        use webhook_endpoints::Column as C;
        let state = endpoint.state();
        let before = self.endpoint_row(state.id).await?.ok_or(PortError::Stale)?;
        let mut model = self.endpoint_model(state)?;
        model.sealed_secret = self.sealed(state.id, secret).await?;
        model.sealed_previous = Some(before.sealed_secret);
        self.update::<webhook_endpoints::Entity>(model, state.version(), &[C::Position, C::NextNumber, C::FailingSince]);
        self.note(endpoint);
        Ok(())
    }

    async fn save(&self, endpoint: &Changed<WebhookEndpoint>) -> Result<(), PortError> {
        use webhook_endpoints::Column as C;
        let model = self.endpoint_model(endpoint.state())?;
        // What is activated again begins without a past.
        let all = [C::SealedSecret, C::SealedPrevious, C::Position, C::NextNumber, C::FailingSince];
        let kept = if endpoint.fact().is_fresh_start() { &all[..4] } else { &all[..] };
        self.update::<webhook_endpoints::Entity>(model, endpoint.state().version(), kept);
        self.note(endpoint);
        Ok(())
    }

    async fn delivery(&self, id: WebhookDeliveryId) -> Result<Option<DeliveryRow>, PortError> {
        let select = self.select::<webhook_deliveries::Entity>().filter(webhook_deliveries::Column::Id.eq(id.as_uuid()));
        self.one(select).await?.map(delivery_of).transpose()
    }

    async fn deliver(&self, endpoint: WebhookEndpointId, delivery: NewDelivery) -> Result<(), PortError> {
        self.insert::<webhook_deliveries::Entity>(new_delivery(self.organization, endpoint, 0, delivery));
        Ok(())
    }

    async fn deliver_again(&self, delivery: WebhookDeliveryId, now: Instant) -> Result<(), PortError> {
        self.write(Write::Update {
            table: "webhook_deliveries",
            key: vec![("organization_id", self.organization.into()), ("id", delivery.as_uuid().into())],
            set: vec![
                ("status", WebhookDeliveryStatus::Waiting.as_str().into()),
                ("attempts", 0.into()),
                ("next_at", time(now)),
                ("finished_at", sea_orm::Value::ChronoDateTimeUtc(None)),
            ],
            version: None,
        });
        Ok(())
    }
}

#[async_trait]
impl WebhookQueries for Queries {
    async fn endpoints(&self, scope: &Scope, archived: bool, page: &Page) -> Result<Slice<WebhookEndpoint>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        sql.push("SELECT ").push(&columns::<webhook_endpoints::Entity>("e")).push(" FROM webhook_endpoints e WHERE ").push(SCOPED);
        sql.push(" AND e.organization_id = ").bind(scope.organization().as_uuid());
        sql.push(if archived { " AND e.archived_at IS NOT NULL" } else { " AND e.archived_at IS NULL" });
        after(&mut sql, page, "e.created_at", "e.id")?;
        order(&mut sql, page, "e.created_at", "e.id");
        let rows = models::<webhook_endpoints::Entity>(&reader.rows(sql).await?)?;
        let items = rows.into_iter().map(endpoint_of).collect::<Result<Vec<_>, _>>()?;
        Ok(Slice::cut(items, page.limit, |last| vec![Value::Instant(last.created_at), Value::Id(last.id.as_uuid())]))
    }

    async fn endpoint(&self, scope: &Scope, id: WebhookEndpointId) -> Result<Option<WebhookEndpoint>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        sql.push("SELECT ").push(&columns::<webhook_endpoints::Entity>("e")).push(" FROM webhook_endpoints e WHERE ").push(SCOPED);
        sql.push(" AND e.organization_id = ").bind(scope.organization().as_uuid()).push(" AND e.id = ").bind(id.as_uuid());
        models::<webhook_endpoints::Entity>(&reader.rows(sql).await?)?.pop().map(endpoint_of).transpose()
    }

    async fn deliveries(
        &self,
        scope: &Scope,
        endpoint: WebhookEndpointId,
        status: Option<WebhookDeliveryStatus>,
        page: &Page,
    ) -> Result<Slice<DeliveryRow>, PortError> {
        let reader = self.reader(scope).await?;
        let mut sql = reader.sql();
        sql.push("SELECT ").push(&columns::<webhook_deliveries::Entity>("d")).push(" FROM webhook_deliveries d WHERE ").push(SCOPED);
        sql.push(" AND d.organization_id = ").bind(scope.organization().as_uuid()).push(" AND d.endpoint_id = ").bind(endpoint.as_uuid());
        if let Some(status) = status {
            sql.push(" AND d.status = ").bind(status.as_str());
        }
        after(&mut sql, page, "d.created_at", "d.id")?;
        order(&mut sql, page, "d.created_at", "d.id");
        let rows = models::<webhook_deliveries::Entity>(&reader.rows(sql).await?)?;
        let items = rows.into_iter().map(delivery_of).collect::<Result<Vec<_>, _>>()?;
        Ok(Slice::cut(items, page.limit, |last| vec![Value::Instant(last.created_at), Value::Id(last.id.as_uuid())]))
    }
}

/// The endpoint of a listener, as the key of its row.
fn keyed(listener: &Listener) -> (Uuid, Uuid) {
    (listener.organization.as_uuid(), listener.endpoint.id.as_uuid())
}

#[async_trait]
impl WebhookWork for Queue {
    async fn listeners(&self, behind: Option<WebhookEndpointId>, most: u32) -> Result<Vec<Listener>, PortError> {
        let reader = self.reader();
        let mut sql = reader.sql();
        sql.push("SELECT ").push(&columns::<webhook_endpoints::Entity>("e"));
        sql.push(", (SELECT COUNT(*) FROM (SELECT 1 FROM webhook_deliveries d WHERE d.organization_id = e.organization_id ");
        sql.push("AND d.endpoint_id = e.id AND d.status = 'waiting' LIMIT ").bind(MOST_COUNTED).push(") AS counted) AS waiting ");
        sql.push("FROM webhook_endpoints e WHERE ").push(SCOPED).push(" AND e.status = 'active' AND e.archived_at IS NULL AND e.id > ");
        sql.bind(behind.map_or(Uuid::nil(), Id::as_uuid)).push(" ORDER BY e.id LIMIT ").bind(i64::from(most));
        let listener = |row: &sea_orm::QueryResult| {
            let model = webhook_endpoints::Model::from_query_result(row, "").map_err(port)?;
            let Value::List(position) = value(model.position.clone()) else {
                return Err(PortError::Broken("webhook_endpoints.position".to_owned()));
            };
            Ok(Listener {
                organization: OrganizationId::from_uuid(model.organization_id),
                position: Cursor(position),
                next_number: model.next_number,
                waiting: count(Columns::last::<i64>(row)?, "waiting")?,
                endpoint: endpoint_of(model)?,
            })
        };
        reader.rows(sql).await?.iter().map(listener).collect()
    }

    async fn line_up(&self, listener: &Listener, deliveries: Vec<NewDelivery>, read_up_to: &Cursor) -> Result<bool, PortError> {
        let (organization, endpoint) = keyed(listener);
        let next = listener.next_number + i64::try_from(deliveries.len()).unwrap_or(i64::MAX);
        let mut moved = self.sql();
        moved.push("UPDATE webhook_endpoints SET position = ").bind(json(&Value::List(read_up_to.0.clone()))).push(", next_number = ").bind(next);
        moved.push(" WHERE organization_id = ").bind(organization).push(" AND id = ").bind(endpoint);
        // Whoever reads from the same place has the same number.
        moved.push(" AND position = ").bind(json(&Value::List(listener.position.0.clone())));
        let tx = begin_for_all(&self.database).await?;
        if tx.execute_raw(moved.into_statement()).await.map_err(port)?.rows_affected() == 0 {
            tx.rollback().await.map_err(port)?;
            return Ok(false);
        }
        let numbered = deliveries.into_iter().zip(listener.next_number..);
        let rows: Vec<_> = numbered
            .map(|(new, number)| crate::unit::columns_of::<webhook_deliveries::Entity>(new_delivery(organization, listener.endpoint.id, number, new)))
            .collect();
        if let Some((names, _)) = rows.first() {
            let columns = names.clone();
            let mut sql = self.sql();
            let rows = rows.into_iter().map(|(_, row)| row).collect();
            Write::Insert { table: "webhook_deliveries", columns, rows, when_taken: WhenTaken::Leave }.write(&mut sql);
            tx.execute_raw(sql.into_statement()).await.map_err(port)?;
        }
        tx.commit().await.map_err(port)?;
        Ok(true)
    }

    async fn claim(&self, listener: &Listener, now: Instant, until: Instant, most: u32) -> Result<Vec<ClaimedDelivery>, PortError> {
        let (organization, endpoint) = keyed(listener);
        let mut sql = self.sql();
        // Materialized: looked up once, else `SKIP LOCKED` could find more at each look.
        sql.push("WITH due AS MATERIALIZED (SELECT d.id FROM webhook_deliveries d WHERE d.organization_id = ").bind(organization);
        sql.push(" AND d.endpoint_id = ").bind(endpoint).push(" AND d.status = 'waiting' AND d.next_at <= ").bind(time(now));
        // What is told of one thing is told in order: the first that is not over keeps the others waiting.
        sql.push(
            " AND NOT EXISTS (SELECT 1 FROM webhook_deliveries b WHERE b.organization_id = d.organization_id AND b.endpoint_id = d.endpoint_id ",
        );
        sql.push("AND b.entity_id = d.entity_id AND b.status = 'waiting' AND b.number < d.number) ORDER BY d.number LIMIT ").bind(i64::from(most));
        sql.push(if sql.is_postgres() { " FOR UPDATE SKIP LOCKED)" } else { ")" });
        sql.push(" UPDATE webhook_deliveries SET attempts = attempts + 1, next_at = ").bind(time(until)).push(" WHERE organization_id = ");
        sql.bind(organization).push(" AND id IN (SELECT id FROM due) RETURNING id, message_id, body, attempts, number");
        let tx = begin_for_all(&self.database).await?;
        let rows = tx.query_all_raw(sql.into_statement()).await.map_err(port)?;
        tx.commit().await.map_err(port)?;
        let mut claimed = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut columns = Columns::of(row);
            let delivery = ClaimedDelivery {
                id: WebhookDeliveryId::from_uuid(columns.next()?),
                message: columns.next()?,
                body: columns.next()?,
                attempt: count(columns.next::<i32>()?, "webhook_deliveries.attempts")?,
            };
            claimed.push((columns.next::<i64>()?, delivery));
        }
        claimed.sort_by_key(|(number, _)| *number);
        Ok(claimed.into_iter().map(|(_, delivery)| delivery).collect())
    }

    async fn secrets(&self, listener: &Listener, now: Instant) -> Result<Vec<WebhookSecret>, PortError> {
        let (organization, endpoint) = keyed(listener);
        let home = self.databases.home_of(listener.organization).await?;
        let reader = Reader::of(&self.database, listener.organization);
        let mut sql = reader.sql();
        sql.push("SELECT e.sealed_secret, e.sealed_previous, e.previous_until FROM webhook_endpoints e WHERE ").push(SCOPED);
        sql.push(" AND e.organization_id = ").bind(organization).push(" AND e.id = ").bind(endpoint);
        let Some(row) = reader.rows(sql).await?.pop() else { return Ok(Vec::new()) };
        let mut columns = Columns::of(&row);
        let (newest, previous): (Vec<u8>, Option<Vec<u8>>) = (columns.next()?, columns.next()?);
        let until: Option<Instant> = columns.next()?;
        let previous = previous.filter(|_| until.is_some_and(|until| now < until));
        let key = home.keys.secret(SECRET).await?;
        let opened = |sealed: Vec<u8>| {
            let wrong = || PortError::Broken("webhook_endpoints.sealed_secret".to_owned());
            Ok(WebhookSecret(open(&key, &place(endpoint), &sealed)?.try_into().map_err(|_| wrong())?))
        };
        [newest].into_iter().chain(previous).map(opened).collect()
    }

    async fn settle(&self, listener: &Listener, delivery: &ClaimedDelivery, tried: Tried, now: Instant) -> Result<Option<Instant>, PortError> {
        let (organization, endpoint) = keyed(listener);
        let status = match (&tried.error, tried.again_at) {
            (None, _) => WebhookDeliveryStatus::Delivered,
            (Some(_), Some(_)) => WebhookDeliveryStatus::Waiting,
            (Some(_), None) => WebhookDeliveryStatus::Dead,
        };
        let is_over = status != WebhookDeliveryStatus::Waiting;
        let mut settled = self.sql();
        settled.push("UPDATE webhook_deliveries SET status = ").bind(status.as_str()).push(", last_status = ").bind(tried.status.map(i32::from));
        settled.push(", last_error = ").bind(tried.error.clone()).push(", next_at = ").bind(time(tried.again_at.unwrap_or(now)));
        settled.push(", finished_at = ").bind(sea_orm::Value::ChronoDateTimeUtc(is_over.then_some(now)));
        // Who comes too late finds that somebody else has tried meanwhile.
        settled.push(" WHERE organization_id = ").bind(organization).push(" AND id = ").bind(delivery.id.as_uuid());
        settled.push(" AND status = 'waiting' AND attempts = ").bind(i64::from(delivery.attempt));
        let failing = tried.error.is_some();
        let mut marked = self.sql();
        marked.push("UPDATE webhook_endpoints SET failing_since = ");
        if failing {
            marked.bind(time(now))
        } else {
            marked.push("NULL")
        };
        marked.push(" WHERE organization_id = ").bind(organization).push(" AND id = ").bind(endpoint).push(" AND failing_since IS ");
        marked.push(if failing { "NULL" } else { "NOT NULL" });
        let tx = begin_for_all(&self.database).await?;
        tx.execute_raw(settled.into_statement()).await.map_err(port)?;
        tx.execute_raw(marked.into_statement()).await.map_err(port)?;
        tx.commit().await.map_err(port)?;
        if !failing {
            return Ok(None);
        }
        let reader = Reader::of(&self.database, listener.organization);
        let mut sql = reader.sql();
        sql.push("SELECT e.failing_since FROM webhook_endpoints e WHERE ").push(SCOPED);
        sql.push(" AND e.organization_id = ").bind(organization).push(" AND e.id = ").bind(endpoint);
        Ok(reader.rows(sql).await?.first().map(|row| Columns::of(row).next::<Option<Instant>>()).transpose()?.flatten())
    }

    async fn sweep_deliveries(&self, before: Instant, most: u32) -> Result<u64, PortError> {
        let mut sql: Sql = self.sql();
        sql.push("DELETE FROM webhook_deliveries WHERE (organization_id, id) IN (SELECT organization_id, id FROM webhook_deliveries ");
        sql.push("WHERE finished_at < ").bind(time(before)).push(" LIMIT ").bind(i64::from(most)).push(")");
        let tx = begin_for_all(&self.database).await?;
        let swept = tx.execute_raw(sql.into_statement()).await.map_err(port)?.rows_affected();
        tx.commit().await.map_err(port)?;
        Ok(swept)
    }
}
