//! An identity provider of an organization.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "identity_providers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    pub issuer: String,
    pub client_id: String,
    pub sealed_secret: Vec<u8>,
    #[sea_orm(column_type = "JsonBinary")]
    pub email_domains: Json,
    pub role_claim: Option<String>,
    #[sea_orm(column_type = "JsonBinary")]
    pub role_mappings: Json,
    pub default_role: Option<String>,
    pub makes_members: bool,
    pub demands_second_factor: bool,
    pub archived_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
