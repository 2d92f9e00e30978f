//! A training provider; what belongs to it carries its id.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "organizations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub slug: String,
    pub name: String,
    pub time_zone: String,
    pub locale: String,
    pub country: String,
    pub status: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub second_factor_roles: Json,
    pub seats_left_policy: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub settings: Json,
    pub logo_url: Option<String>,
    pub plan: Option<String>,
    pub stripe_customer_id: Option<String>,
    pub stripe_subscription_id: Option<String>,
    pub seats_purchased: Option<i32>,
    pub seats_used: i32,
    pub owners: i32,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
