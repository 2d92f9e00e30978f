use async_trait::async_trait;
use hmac::{Hmac, KeyInit, Mac};
use matricula_domain::identity::{LinkEnd, LinkId, LinkParts, LinkPurpose, LinkTarget, OneTimeLink, UserId};
use matricula_domain::shared::{Changed, EmailAddress, Id, Value};
use matricula_entity::identity::one_time_links;
use matricula_ports::identity::{LinkQueries, LinkRepository, LinkSecrets};
use matricula_ports::{Page, PortError, Scope, Slice};
use sea_orm::{ColumnTrait, FromQueryResult, QueryFilter};
use sha2::Sha256;
use uuid::Uuid;

use crate::convert::{count, digest, parsed};
use crate::error::port;
use crate::key_store::KeyStore;
use crate::paging::{after, columns, order};
use crate::scoped::{Queries, SCOPED};
use crate::unit::Session;

/// The secret of the installation from which what opens links is derived.
const SECRET: &str = "one_time_links";

#[async_trait]
impl LinkRepository for Session {
    async fn find(&self, id: LinkId) -> Result<Option<OneTimeLink>, PortError> {
        let select = self.select::<one_time_links::Entity>().filter(one_time_links::Column::Id.eq(id.as_uuid()));
        self.one(select).await?.map(link_of).transpose()
    }

    async fn unended_of(&self, user: UserId, purpose: LinkPurpose) -> Result<Vec<OneTimeLink>, PortError> {
        let select = self
            .select::<one_time_links::Entity>()
            .filter(one_time_links::Column::UserId.eq(user.as_uuid()))
            .filter(one_time_links::Column::Purpose.eq(purpose.as_str()))
            .filter(one_time_links::Column::EndedAt.is_null());
        self.all(select).await?.into_iter().map(link_of).collect()
    }

    async fn unended_invitations(&self, email: &EmailAddress) -> Result<Vec<OneTimeLink>, PortError> {
        let select = self
            .select::<one_time_links::Entity>()
            .filter(one_time_links::Column::Purpose.eq(LinkPurpose::Invitation.as_str()))
            .filter(one_time_links::Column::Email.eq(email.as_str()))
            .filter(one_time_links::Column::EndedAt.is_null());
        self.all(select).await?.into_iter().map(link_of).collect()
    }

    async fn save(&self, link: &Changed<OneTimeLink>) -> Result<(), PortError> {
        let model = model_of(self.organization, link)?;
        if link.is_new() {
            self.insert::<one_time_links::Entity>(model);
        } else {
            self.update::<one_time_links::Entity>(model, link.state().parts().version, &[]);
        }
        self.note(link);
        Ok(())
    }
}

#[async_trait]
impl LinkQueries for Queries {
    async fn invitations(&self, scope: &Scope, page: &Page) -> Result<Slice<OneTimeLink>, PortError> {
        let reader = self.directory(scope);
        let mut sql = reader.sql();
        sql.push("SELECT ").push(&columns::<one_time_links::Entity>("l")).push(" FROM one_time_links l WHERE ").push(SCOPED);
        sql.push(" AND l.organization_id = ").bind(scope.organization().as_uuid());
        // The word stands in the text, so that the partial index answers.
        sql.push(" AND l.purpose = 'invitation'");
        after(&mut sql, page, "l.created_at", "l.id")?;
        order(&mut sql, page, "l.created_at", "l.id");
        let rows = reader.rows(sql).await?;
        let rows = rows.iter().map(|row| one_time_links::Model::from_query_result(row, "").map_err(port)).collect::<Result<Vec<_>, _>>()?;
        let Slice { items, next } = Slice::cut(rows, page.limit, |last| vec![Value::Instant(last.created_at), Value::Id(last.id)]);
        Ok(Slice { items: items.into_iter().map(link_of).collect::<Result<_, _>>()?, next })
    }
}

#[async_trait]
impl LinkSecrets for KeyStore {
    async fn secret_of(&self, link: LinkId, purpose: LinkPurpose) -> Result<[u8; 32], PortError> {
        let secret = self.secret(SECRET).await?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret).map_err(|error| PortError::Broken(error.to_string()))?;
        mac.update(purpose.as_str().as_bytes());
        mac.update(&[0]);
        mac.update(link.as_uuid().as_bytes());
        Ok(mac.finalize().into_bytes().into())
    }
}

fn model_of(organization: Uuid, link: &Changed<OneTimeLink>) -> Result<one_time_links::Model, PortError> {
    let parts = link.state().parts();
    let (user, change, role, invited_by) = match parts.target {
        LinkTarget::PasswordReset(user) | LinkTarget::EmailChange(user) => (Some(user), None, None, None),
        LinkTarget::Invitation { role, by } => (None, None, Some(role), Some(by)),
        LinkTarget::EmailVeto { user, change } => (Some(user), Some(change), None, None),
    };
    Ok(one_time_links::Model {
        organization_id: organization,
        id: parts.id.as_uuid(),
        purpose: parts.target.purpose().as_str().to_owned(),
        email: parts.email.as_str().to_owned(),
        user_id: user.map(Id::as_uuid),
        change_id: change.map(Id::as_uuid),
        role: role.map(|role| role.as_str().to_owned()),
        invited_by: invited_by.map(Id::as_uuid),
        token_hash: parts.token_hash.to_vec(),
        expires_at: parts.expires_at,
        ended_at: parts.ended.map(|(at, _)| at),
        ended_reason: parts.ended.map(|(_, why)| why.as_str().to_owned()),
        created_at: parts.created_at,
        updated_at: link.at(),
        version: count(i64::from(parts.version), "one_time_links.version")?,
    })
}

fn link_of(row: one_time_links::Model) -> Result<OneTimeLink, PortError> {
    let broken = || PortError::Broken("one_time_links: a target lacks a part".to_owned());
    let user = || row.user_id.map(UserId::from_uuid).ok_or_else(broken);
    let target = match parsed::<LinkPurpose>(row.purpose.as_str(), "one_time_links.purpose")? {
        LinkPurpose::PasswordReset => LinkTarget::PasswordReset(user()?),
        LinkPurpose::Invitation => LinkTarget::Invitation {
            role: parsed(row.role.clone().unwrap_or_default(), "one_time_links.role")?,
            by: row.invited_by.map(UserId::from_uuid).ok_or_else(broken)?,
        },
        LinkPurpose::EmailChange => LinkTarget::EmailChange(user()?),
        LinkPurpose::EmailVeto => LinkTarget::EmailVeto { user: user()?, change: row.change_id.map(LinkId::from_uuid).ok_or_else(broken)? },
        LinkPurpose::Setup => return Err(broken()),
    };
    let ended = match row.ended_at {
        Some(at) => Some((at, parsed::<LinkEnd>(row.ended_reason.unwrap_or_default(), "one_time_links.ended_reason")?)),
        None => None,
    };
    Ok(OneTimeLink::from_parts(LinkParts {
        id: LinkId::from_uuid(row.id),
        target,
        email: parsed(row.email, "one_time_links.email")?,
        token_hash: digest(&row.token_hash, "one_time_links.token_hash")?,
        expires_at: row.expires_at,
        ended,
        created_at: row.created_at,
        version: count(row.version, "one_time_links.version")?,
    }))
}
