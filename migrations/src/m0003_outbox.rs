//! Events on their way to the brokers.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

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
                    .table("outbox")
                    .col(text("shard"))
                    .col(text("sink"))
                    .col(big_integer("round"))
                    .col(integer("num_events"))
                    .col(timestamp_with_time_zone("decided_at"))
                    .col(blob("body"))
                    .primary_key(Index::create().col("shard").col("sink").col("round"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("parked_events")
                    .col(big_pk_auto("id"))
                    .col(text("shard"))
                    .col(text("sink"))
                    .col(uuid("event_id"))
                    .col(text("subject"))
                    .col(json("headers"))
                    .col(blob("payload"))
                    .col(text("error"))
                    .col(integer("retry_count"))
                    .col(timestamp_with_time_zone("parked_at"))
                    .take(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("parked_events_event")
                    .table("parked_events")
                    .col("shard")
                    .col("sink")
                    .col("event_id")
                    .unique()
                    .take(),
            )
            .await?;
        // The body is compressed already: keep it out of line as it is.
        on_postgres(manager, "alter table outbox alter column body set storage external").await?;
        // Every row is deleted soon: vacuum by number, not by share of a table that is empty.
        on_postgres(
            manager,
            "alter table outbox set (
                autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
                toast.autovacuum_vacuum_scale_factor = 0,
                toast.autovacuum_vacuum_threshold = 20000)",
        )
        .await?;
        comment(manager, COMMENTS).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["parked_events", "outbox"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }
}

const COMMENTS: &[(&str, &str)] = &[
    (
        "outbox",
        "Events committed and not yet acknowledged by their broker: one row for each round and sink",
    ),
    ("outbox.sink", "kafka or nats"),
    ("outbox.round", "The round that decided the events; rows are published in this order"),
    ("outbox.num_events", "How many events the body holds"),
    ("outbox.decided_at", "When the round was opened: the timestamp of its events"),
    ("outbox.body", "The events in order, encoded; see ARCHITECTURE.md"),
    (
        "parked_events",
        "Events that their broker and its dead letter subject both refused; kept until retried",
    ),
    ("parked_events.error", "What the broker said last"),
];
