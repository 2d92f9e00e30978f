//! A course on given dates, with its seats.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "course_runs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub course_id: Uuid,
    pub cycle_id: Option<Uuid>,
    pub campus_id: Option<Uuid>,
    pub start_date: Date,
    pub end_date: Date,
    pub enrollment_deadline: Option<Date>,
    pub max_students: i32,
    pub min_students: Option<i32>,
    #[sea_orm(column_type = "JsonBinary")]
    pub prices: Json,
    pub seats_left_policy: Option<String>,
    pub seats_taken: i32,
    pub seats_held: i32,
    pub status: String,
    pub status_reason: Option<String>,
    pub merged_into: Option<Uuid>,
    pub archived_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
