//! Tenants, characters and pets.

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
                    .table("tenants")
                    .col(uuid("id").primary_key())
                    .col(text("region"))
                    .col(integer("major_version"))
                    .col(integer("minor_version"))
                    .take(),
            )
            .await?;
        manager.create_table(characters()).await?;
        manager
            .create_index(
                Index::create()
                    .name("characters_online")
                    .table("characters")
                    .col("shard")
                    .col("tenant")
                    .col("id")
                    .cond_where(Expr::col("session_id").is_not_null())
                    .take(),
            )
            .await?;
        manager.create_table(pets()).await?;
        manager
            .create_index(
                Index::create()
                    .name("pets_owner")
                    .table("pets")
                    .col("tenant")
                    .col("owner")
                    .col("id")
                    .take(),
            )
            .await?;
        // Level, closeness, fullness and slot stand in no index, so that with free space on
        // the page the hot update is heap-only.
        on_postgres(manager, "alter table pets set (fillfactor = 70)").await?;
        on_postgres(manager, "alter table characters set (fillfactor = 85)").await?;
        comment(manager, COMMENTS).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["pets", "characters", "tenants"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }
}

fn characters() -> TableCreateStatement {
    Table::create()
        .table("characters")
        .col(uuid("tenant"))
        .col(big_integer("id"))
        .col(text("shard"))
        .col(uuid("uuid"))
        .col(uuid("user_uuid"))
        .col(text("name"))
        .col(uuid_null("session_id"))
        .col(small_integer_null("world"))
        .col(small_integer_null("channel"))
        .col(big_integer_null("map"))
        .col(uuid_null("instance"))
        .col(timestamp_with_time_zone_null("online_since"))
        .col(timestamp_with_time_zone_null("next_hunger_at"))
        .col(text_null("place_world"))
        .col(text_null("place_zone"))
        .col(double_null("place_x"))
        .col(double_null("place_y"))
        .col(double_null("place_z"))
        .col(big_integer("event_seq"))
        .col(timestamp_with_time_zone("updated_at"))
        .primary_key(Index::create().col("tenant").col("id"))
        .take()
}

fn pets() -> TableCreateStatement {
    Table::create()
        .table("pets")
        .col(uuid("tenant"))
        .col(big_integer("id"))
        .col(big_integer("owner"))
        .col(big_integer("template_id"))
        .col(big_integer("cash_id"))
        .col(text("name"))
        .col(small_integer("level"))
        .col(integer("closeness"))
        .col(small_integer("fullness"))
        .col(small_integer("slot"))
        .col(timestamp_with_time_zone_null("expiration"))
        .col(integer("flag"))
        .col(big_integer("purchase_by"))
        .col(json_binary("excludes"))
        .col(big_integer_null("asset_id"))
        .col(small_integer_null("asset_slot"))
        .primary_key(Index::create().col("tenant").col("id"))
        .take()
}

const COMMENTS: &[(&str, &str)] = &[
    ("tenants", "Tenants as the headers of their latest input named them"),
    ("tenants.region", "Header REGION"),
    ("characters", "Characters and, while online, their session"),
    ("characters.id", "The 32-bit number of the character on Kafka"),
    ("characters.shard", "The shard that writes this row and restores it when it starts"),
    ("characters.uuid", "The character in NATS events"),
    ("characters.user_uuid", "The user in NATS events; nil until somebody sets it"),
    ("characters.session_id", "Not null while online; all other columns of the session go with it"),
    ("characters.online_since", "Timestamp of the login record"),
    ("characters.next_hunger_at", "When the next hunger tick is due"),
    ("characters.place_world", "The last position published; null before the first"),
    ("characters.event_seq", "Number of NATS events decided for this character so far"),
    ("pets", "Pets; ranges in spec/rules.md"),
    ("pets.owner", "characters.id of the owner, whether or not that row exists"),
    ("pets.cash_id", "Unsigned 64-bit; values from 2^63 on appear negative (add 2^64)"),
    ("pets.level", "1 to 30"),
    ("pets.closeness", "0 to 30000"),
    ("pets.fullness", "0 to 100, hungry below 100"),
    ("pets.slot", "-1 not spawned; 0 the lead, up to 2"),
    ("pets.excludes", "Item ids excluded from auto-loot, in the order given"),
    ("pets.asset_id", "The inventory asset that stands for the pet, once an asset event named it"),
    ("pets.asset_slot", "Inventory slot of that asset; negative for equipped"),
];
