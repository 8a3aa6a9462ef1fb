//! Table `parked_events`.

use sea_orm::entity::prelude::*;

#[derive(Clone, PartialEq, Eq, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "parked_events")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub shard: String,
    pub sink: String,
    pub event_id: Uuid,
    pub subject: String,
    pub headers: Json,
    #[sea_orm(column_type = "Blob")]
    pub payload: Vec<u8>,
    pub error: String,
    pub retry_count: i32,
    pub parked_at: DateTimeUtc,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
