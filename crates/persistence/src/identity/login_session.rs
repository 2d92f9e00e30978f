use async_trait::async_trait;
use matricula_domain::identity::{EndReason, LoginSession, LoginSessionId, LoginSessionParts, MembershipId, UserId};
use matricula_domain::shared::{Changed, Id};
use matricula_entity::identity::login_sessions;
use matricula_ports::PortError;
use matricula_ports::identity::LoginSessionRepository;
use sea_orm::{ColumnTrait, QueryFilter};
use uuid::Uuid;

use crate::convert::{count, digest, parsed};
use crate::unit::Session;

#[async_trait]
impl LoginSessionRepository for Session {
    async fn find(&self, id: LoginSessionId) -> Result<Option<LoginSession>, PortError> {
        let select = self.select::<login_sessions::Entity>().filter(login_sessions::Column::Id.eq(id.as_uuid()));
        self.one(select).await?.map(session_of).transpose()
    }

    async fn open_of(&self, user: UserId) -> Result<Vec<LoginSession>, PortError> {
        let select = self.select::<login_sessions::Entity>().filter(login_sessions::Column::UserId.eq(user.as_uuid()));
        self.all(select.filter(login_sessions::Column::EndedAt.is_null())).await?.into_iter().map(session_of).collect()
    }

    async fn save(&self, session: &Changed<LoginSession>) -> Result<(), PortError> {
        let version = session.state().parts().version;
        let model = model_of(self.organization, session)?;
        if session.is_new() {
            self.insert::<login_sessions::Entity>(model);
        } else {
            self.update::<login_sessions::Entity>(model, version, &[]);
            self.rights_changed(session.state().parts().id.as_uuid());
        }
        self.note(session);
        Ok(())
    }
}

fn model_of(organization: Uuid, session: &Changed<LoginSession>) -> Result<login_sessions::Model, PortError> {
    let parts = session.state().parts();
    Ok(login_sessions::Model {
        id: parts.id.as_uuid(),
        organization_id: organization,
        user_id: parts.user.as_uuid(),
        membership_id: parts.membership.as_uuid(),
        access_hash: parts.access_hash.to_vec(),
        access_expires_at: parts.access_expires_at,
        refresh_hash: parts.refresh_hash.to_vec(),
        previous_refresh_hash: parts.previous_refresh_hash.map(|hash| hash.to_vec()),
        previous_rotated_at: parts.previous_rotated_at,
        expires_at: parts.expires_at,
        proven_at: parts.proven_at,
        two_factors: parts.two_factors,
        ended_at: parts.ended.map(|(at, _)| at),
        ended_reason: parts.ended.map(|(_, reason)| reason.as_str().to_owned()),
        created_at: parts.created_at,
        last_used_at: session.at(),
        version: count(i64::from(parts.version), "login_sessions.version")?,
    })
}

fn session_of(row: login_sessions::Model) -> Result<LoginSession, PortError> {
    let ended = match row.ended_at {
        Some(at) => Some((at, parsed::<EndReason>(row.ended_reason.unwrap_or_default(), "login_sessions.ended_reason")?)),
        None => None,
    };
    Ok(LoginSession::from_parts(LoginSessionParts {
        id: LoginSessionId::from_uuid(row.id),
        user: UserId::from_uuid(row.user_id),
        membership: MembershipId::from_uuid(row.membership_id),
        access_hash: digest(&row.access_hash, "login_sessions.access_hash")?,
        access_expires_at: row.access_expires_at,
        refresh_hash: digest(&row.refresh_hash, "login_sessions.refresh_hash")?,
        previous_refresh_hash: row.previous_refresh_hash.map(|hash| digest(&hash, "login_sessions.previous_refresh_hash")).transpose()?,
        previous_rotated_at: row.previous_rotated_at,
        expires_at: row.expires_at,
        proven_at: row.proven_at,
        two_factors: row.two_factors,
        ended,
        created_at: row.created_at,
        version: count(row.version, "login_sessions.version")?,
    }))
}
