//! That something was done, without its values. It never changes.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub at: DateTimeUtc,
    pub actor: String,
    pub action: String,
    pub entity: String,
    pub entity_id: Uuid,
    pub entity_version: i32,
    pub subject_ref: Option<Uuid>,
    #[sea_orm(column_type = "JsonBinary")]
    pub fields: Json,
    pub purpose: Option<String>,
    pub request_id: Option<String>,
    pub commitment: Option<Vec<u8>>,
    pub digest: Option<Vec<u8>>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
