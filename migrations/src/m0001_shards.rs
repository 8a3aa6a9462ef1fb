//! Who owns a shard, how far it got, and the counters.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::comments::{comment, on_postgres};

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
                    .table("shards")
                    .col(text("id").primary_key())
                    .col(big_integer("epoch").default(0))
                    .col(big_integer("round").default(0))
                    .col(text_null("holder"))
                    .col(timestamp_with_time_zone_null("lease_until"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("sources")
                    .col(text("shard"))
                    .col(text("topic"))
                    .col(integer("partition"))
                    .col(big_integer("next_offset"))
                    .primary_key(Index::create().col("shard").col("topic").col("partition"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("counters")
                    .col(text("name").primary_key())
                    .col(big_integer("value"))
                    .take(),
            )
            .await?;
        seed_counters(manager).await?;
        // Both are rewritten by every round: room for the new version on the same page.
        on_postgres(manager, "alter table shards set (fillfactor = 50)").await?;
        on_postgres(manager, "alter table sources set (fillfactor = 50)").await?;
        comment(manager, COMMENTS).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["counters", "sources", "shards"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        on_postgres(manager, "drop sequence shard_epoch").await
    }
}

async fn seed_counters(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    connection
        .execute_unprepared("insert into counters (name, value) values ('pet_ids', 0)")
        .await?;
    let epochs = match manager.get_database_backend() {
        DbBackend::Postgres => "create sequence shard_epoch as bigint",
        _ => "insert into counters (name, value) values ('shard_epoch', 0)",
    };
    connection.execute_unprepared(epochs).await?;
    Ok(())
}

const COMMENTS: &[(&str, &str)] = &[
    ("shards", "One row for each world shard: the fence every commit has to pass"),
    (
        "shards.epoch",
        "Raised from sequence shard_epoch when a process takes the shard; a commit of an older epoch hits no row",
    ),
    ("shards.round", "Number of the last committed round; rounds are committed in sequence"),
    ("shards.holder", "Who took the shard last, for people; null after a release"),
    ("shards.lease_until", "Renewed by every commit; another process may take the shard after it"),
    (
        "sources",
        "Where reading goes on in each Kafka partition; written in the transaction of the records' effects",
    ),
    ("sources.next_offset", "Offset of the first record not yet applied"),
    ("counters", "Numbers handed out once; the row holds the last one handed out"),
];
