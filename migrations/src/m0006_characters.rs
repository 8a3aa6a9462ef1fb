//! What requests make of characters: their profile, their history, the answers given.

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
        // One at a time: SQLite alters no more at once.
        for column in columns() {
            manager
                .alter_table(Table::alter().table("characters").add_column(column).take())
                .await?;
        }
        let connection = manager.get_connection();
        connection.execute_unprepared("update characters set created_at = updated_at").await?;
        // The defaults were for the rows that stood there; every round names all columns.
        for column in DEFAULTED {
            on_postgres(manager, &format!("alter table characters alter {column} drop default"))
                .await?;
        }
        for index in indexes(manager.get_database_backend()) {
            connection.execute_unprepared(&index).await?;
        }
        manager.create_table(character_events()).await?;
        manager
            .create_index(
                Index::create()
                    .name("character_events_age")
                    .table("character_events")
                    .col("decided_at")
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("character_numbers")
                    .col(uuid("tenant").primary_key())
                    .col(big_integer("last_number"))
                    .take(),
            )
            .await?;
        on_postgres(manager, "alter table character_numbers set (fillfactor = 50)").await?;
        for change in [
            "alter table idempotency_keys rename column response to answer",
            "alter table idempotency_keys drop column status",
        ] {
            connection.execute_unprepared(change).await?;
        }
        comment(manager, COMMENTS).await
    }

    /// Soft-deleted characters are live again without the columns that say so, and answers
    /// given are forgotten.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        for change in [
            "delete from idempotency_keys",
            "alter table idempotency_keys add column status integer not null default 0",
            "alter table idempotency_keys rename column answer to response",
        ] {
            connection.execute_unprepared(change).await?;
        }
        on_postgres(manager, "alter table idempotency_keys alter status drop default").await?;
        for table in ["character_numbers", "character_events"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        for index in INDEXES {
            connection.execute_unprepared(&format!("drop index {index}")).await?;
        }
        for column in columns() {
            let name = column.get_column_name();
            manager
                .alter_table(Table::alter().table("characters").drop_column(name).take())
                .await?;
        }
        Ok(())
    }
}

/// New columns of `characters`. One that is not null has a default for the rows there are.
fn columns() -> Vec<ColumnDef> {
    vec![
        text_null("name_key"),
        text_null("class_type"),
        text_null("race"),
        text_null("gender"),
        integer("level").default(1).take(),
        big_integer("experience").default(0).take(),
        small_integer_null("slot_number"),
        big_integer("stat_points").default(0).take(),
        big_integer("skill_points").default(0).take(),
        json("stats").default("{}").take(),
        json("appearance").default("{}").take(),
        uuid_null("selected_session"),
        timestamp_with_time_zone("created_at").default("1970-01-01T00:00:00.000000+00:00").take(),
        timestamp_with_time_zone_null("last_played_at"),
        big_integer("play_time_ms").default(0).take(),
        timestamp_with_time_zone_null("deleted_at"),
        timestamp_with_time_zone_null("restorable_until"),
        small_integer_null("max_spawned"),
        big_integer("version").default(1).take(),
    ]
}

const DEFAULTED: [&str; 9] = [
    "level",
    "experience",
    "stat_points",
    "skill_points",
    "stats",
    "appearance",
    "created_at",
    "play_time_ms",
    "version",
];

const INDEXES: [&str; 5] = [
    "characters_uuid",
    "characters_name",
    "characters_user",
    "characters_slot",
    "characters_purge",
];

/// The tenant stands last: in a table that was never analysed, an index that begins with it
/// looks as good for a character's number as the primary key, and plans are pinned.
fn indexes(backend: DbBackend) -> [String; 5] {
    let nobody = match backend {
        DbBackend::Postgres => "'00000000-0000-0000-0000-000000000000'::uuid",
        _ => "x'00000000000000000000000000000000'",
    };
    [
        "create unique index characters_uuid on characters (uuid, tenant)".to_owned(),
        // Most characters are first seen on Kafka and have no key.
        "create unique index characters_name on characters (name_key, tenant) \
         where name_key is not null"
            .to_owned(),
        "create index characters_user on characters (user_uuid, tenant, id)".to_owned(),
        format!(
            "create unique index characters_slot on characters (user_uuid, tenant, slot_number) \
             where deleted_at is null and slot_number is not null and user_uuid <> {nobody}"
        ),
        "create index characters_purge on characters (shard, restorable_until) \
         where deleted_at is not null"
            .to_owned(),
    ]
}

fn character_events() -> TableCreateStatement {
    Table::create()
        .table("character_events")
        .col(uuid("tenant"))
        .col(uuid("character"))
        .col(big_integer("seq"))
        .col(uuid("event_id"))
        .col(text("type"))
        .col(timestamp_with_time_zone("decided_at"))
        .col(text("body"))
        .primary_key(Index::create().col("tenant").col("character").col("seq"))
        .take()
}

const COMMENTS: &[(&str, &str)] = &[
    (
        "characters.session_id",
        "Not null while online; online_since and next_hunger_at go with it, and world, channel, map and instance unless they are unknown",
    ),
    (
        "characters.name_key",
        "The name case folded, unique in the tenant until the row is purged; null for the name a character first seen on Kafka is given, which claims nothing",
    ),
    ("characters.class_type", "Null until somebody sets it, like race and gender"),
    ("characters.level", "1 to the catalog's cap"),
    ("characters.experience", "In all, since the creation"),
    (
        "characters.slot_number",
        "Among its user's live characters, from 1; a soft-deleted character keeps the number it had",
    ),
    ("characters.stat_points", "Still to be allocated"),
    ("characters.stats", "Points by stat, in the catalog's order; empty until the class is set"),
    ("characters.appearance", "Number or #RRGGBB by field, in the catalog's order"),
    (
        "characters.selected_session",
        "The session it was selected for; null once another of its user's was selected",
    ),
    ("characters.play_time_ms", "Of finished sessions"),
    ("characters.deleted_at", "Not null: soft-deleted, with restorable_until"),
    ("characters.restorable_until", "From then on the row is purged"),
    (
        "characters.max_spawned",
        "Pets it may have out at once, below pets.max_spawned; null: no limit of its own. Set it while \
         the character is offline and out of memory",
    ),
    ("characters.version", "Number of changes so far, from 1: the ETag"),
    ("character_events", "Events of characters as they were published, for their history"),
    ("character_events.character", "characters.uuid, whether or not that row still exists"),
    ("character_events.seq", "The character's own number of the event, gapless from 1"),
    ("character_events.body", "The event's JSON exactly as published"),
    (
        "character_numbers",
        "The last number handed out to a new character of each tenant; numbers given by callers are found in characters.id",
    ),
    ("idempotency_keys.answer", "The answer, encoded by the engine"),
];
