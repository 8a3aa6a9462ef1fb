//! Table `dead_letters`.

use sea_orm::entity::prelude::*;

#[derive(Clone, PartialEq, Eq, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "dead_letters")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub shard: String,
    pub tenant: Option<Uuid>,
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    #[sea_orm(column_type = "Blob", nullable)]
    pub key: Option<Vec<u8>>,
    #[sea_orm(column_type = "Text")]
    pub headers: String,
    #[sea_orm(column_type = "Blob")]
    pub payload: Vec<u8>,
    pub reason: String,
    pub detail: String,
    pub created_at: DateTimeUtc,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
