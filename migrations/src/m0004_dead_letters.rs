//! Records that can never succeed.

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
                    .table("dead_letters")
                    .col(big_pk_auto("id"))
                    .col(text("shard"))
                    .col(uuid_null("tenant"))
                    .col(text("topic"))
                    .col(integer("partition"))
                    .col(big_integer("offset"))
                    .col(blob_null("key"))
                    .col(text("headers"))
                    .col(blob("payload"))
                    .col(text("reason"))
                    .col(text("detail"))
                    .col(timestamp_with_time_zone("created_at"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("dead_letters_record")
                    .table("dead_letters")
                    .col("shard")
                    .col("topic")
                    .col("partition")
                    .col("offset")
                    .unique()
                    .take(),
            )
            .await?;
        comment(manager, COMMENTS).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("dead_letters").take()).await
    }
}

const COMMENTS: &[(&str, &str)] = &[
    (
        "dead_letters",
        "Records that were refused for good, with their original bytes; one row for each record",
    ),
    ("dead_letters.tenant", "Null when the record did not name one"),
    (
        "dead_letters.headers",
        "JSON array of [name, value] in the record's order; a value that is no plain text is {\"hex\": \"...\"}",
    ),
    ("dead_letters.reason", "Stable code, for example malformed or ambiguous_asset"),
    ("dead_letters.detail", "What exactly was wrong, for people"),
];
