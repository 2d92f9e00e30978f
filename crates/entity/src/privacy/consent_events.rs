//! One decision of a person about one purpose; the state of a consent is the fold of these.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "consent_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub person_id: Uuid,
    pub purpose: String,
    pub purpose_version: i32,
    pub action: String,
    pub form_version_id: Option<Uuid>,
    pub text_id: Option<Uuid>,
    pub wording_sha256: Option<String>,
    pub at: DateTimeUtc,
    pub actor: String,
    pub channel: String,
    pub evidence_id: Option<Uuid>,
    pub grade: Option<String>,
    pub supersedes: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
