//! A sign-in, found by the hash of its token before the organization is known.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "login_sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub organization_id: Uuid,
    pub user_id: Uuid,
    pub membership_id: Uuid,
    pub access_hash: Vec<u8>,
    pub access_expires_at: DateTimeUtc,
    pub refresh_hash: Vec<u8>,
    pub previous_refresh_hash: Option<Vec<u8>>,
    pub previous_rotated_at: Option<DateTimeUtc>,
    pub expires_at: DateTimeUtc,
    pub proven_at: DateTimeUtc,
    pub two_factors: bool,
    pub ended_at: Option<DateTimeUtc>,
    pub ended_reason: Option<String>,
    pub created_at: DateTimeUtc,
    pub last_used_at: DateTimeUtc,
    pub version: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
