//! Answers already given to requests that carried an `Idempotency-Key`.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::comments::comment;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("idempotency_keys")
                    .col(uuid("tenant"))
                    .col(text("key"))
                    .col(blob("request_hash"))
                    .col(integer("status"))
                    .col(blob("response"))
                    .col(timestamp_with_time_zone("created_at"))
                    .primary_key(Index::create().col("tenant").col("key"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("idempotency_keys_age")
                    .table("idempotency_keys")
                    .col("created_at")
                    .take(),
            )
            .await?;
        comment(manager, COMMENTS).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("idempotency_keys").take()).await
    }
}

const COMMENTS: &[(&str, &str)] = &[
    ("idempotency_keys", "The first answer to each Idempotency-Key, kept for 24 hours"),
    ("idempotency_keys.request_hash", "Tells a repetition from another request under the same key"),
    ("idempotency_keys.status", "HTTP status of the answer"),
];
