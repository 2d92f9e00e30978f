//! One person's interest in one course.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "leads")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub person_id: Uuid,
    pub course_id: Option<Uuid>,
    pub course_run_id: Option<Uuid>,
    pub campaign_id: Option<Uuid>,
    pub form_version_id: Option<Uuid>,
    pub message: Option<String>,
    pub internal_notes: Option<String>,
    pub status: String,
    pub status_reason: Option<String>,
    pub source: Option<String>,
    pub locale: Option<String>,
    pub gdpr_consent: bool,
    pub privacy_policy_accepted: bool,
    pub attested_at: DateTimeUtc,
    pub assigned_to: Option<Uuid>,
    pub next_action: Option<String>,
    pub next_action_at: Option<DateTimeUtc>,
    pub response_due_at: Option<DateTimeUtc>,
    pub responded_at: Option<DateTimeUtc>,
    pub qualified_at: Option<DateTimeUtc>,
    pub due_at: Option<DateTimeUtc>,
    pub enrollment_id: Option<Uuid>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
