//! A course, independent of its dates.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "courses")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub slug: String,
    pub title: String,
    pub description: Option<String>,
    pub duration_hours: i32,
    pub modality: String,
    pub price_amount: Option<i64>,
    pub price_currency: Option<String>,
    pub cycle_id: Option<Uuid>,
    pub level: Option<String>,
    pub category: Option<String>,
    pub featured: bool,
    #[sea_orm(column_type = "JsonBinary")]
    pub tags: Json,
    #[sea_orm(column_type = "JsonBinary")]
    pub prices: Json,
    pub instructor_id: Option<Uuid>,
    pub status: String,
    pub seo_title: Option<String>,
    pub seo_description: Option<String>,
    #[sea_orm(column_type = "JsonBinary")]
    pub seo_keywords: Json,
    pub archived_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
