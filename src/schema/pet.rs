//! The messages of `spec/pet-kafka.md`, as their writers should write them.
//!
//! What [`wire::kafka`](crate::wire::kafka) takes is a little more: any absent body is an empty
//! one, and fields that no rule reads may have any type. Types of character and asset status that
//! are not listed are skipped.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `EVENT_TOPIC_CHARACTER_STATUS`: what game servers say of characters. Other types on this topic
/// are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CharacterStatus {
    /// Of a login: the session's id. Absent: nil.
    pub transaction_id: Option<Uuid>,
    pub world_id: u8,
    pub character_id: u32,
    #[serde(flatten)]
    pub change: CharacterChange,
}

/// Types of [`CharacterStatus`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "type",
    content = "body",
    rename_all = "SCREAMING_SNAKE_CASE",
    rename_all_fields = "camelCase"
)]
pub enum CharacterChange {
    /// The character was deleted, with all its pets.
    Deleted {},
    Login {
        channel_id: u8,
        map_id: u32,
        instance: Option<Uuid>,
    },
    /// Where it was is not read.
    Logout {
        channel_id: Option<u8>,
        map_id: Option<u32>,
        instance: Option<Uuid>,
    },
    MapChanged {
        channel_id: u8,
        old_map_id: Option<u32>,
        old_instance: Option<Uuid>,
        target_map_id: u32,
        target_instance: Option<Uuid>,
        target_portal_id: Option<u32>,
        /// Whether `targetX` and `targetY` count.
        use_target_position: Option<bool>,
        target_x: Option<i16>,
        target_y: Option<i16>,
    },
    ChannelChanged {
        channel_id: u8,
        old_channel_id: Option<u8>,
        map_id: u32,
        instance: Option<Uuid>,
    },
}

/// `EVENT_TOPIC_ASSET_STATUS`: what the inventory says of items. Only pet items are looked at
/// (`templateId` 5000000 to 5009999); other types are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssetStatus {
    pub character_id: u32,
    pub compartment_id: Option<Uuid>,
    pub asset_id: u32,
    pub template_id: u32,
    pub slot: i16,
    #[serde(flatten)]
    pub change: AssetChange,
}

/// Types of [`AssetStatus`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "type",
    content = "body",
    rename_all = "SCREAMING_SNAKE_CASE",
    rename_all_fields = "camelCase"
)]
pub enum AssetChange {
    Created {
        /// 0 or absent: no pet yet.
        pet_id: Option<u32>,
    },
    Updated {
        /// 0 or absent: no pet yet.
        pet_id: Option<u32>,
    },
    Accepted {
        /// 0 or absent: no pet yet.
        pet_id: Option<u32>,
    },
    Moved {
        old_slot: i16,
    },
    /// The pet that the item stands for is deleted.
    Deleted {},
}

/// `COMMAND_TOPIC_PET`: what pets are to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Command {
    /// Comes back in `CLOSENESS_CHANGED`. Absent: nil.
    pub transaction_id: Option<Uuid>,
    /// The pet's owner. 0 or absent: the system, which may only award.
    pub actor_id: Option<u32>,
    pub pet_id: u32,
    #[serde(flatten)]
    pub order: Order,
}

/// Types of [`Command`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "type",
    content = "body",
    rename_all = "SCREAMING_SNAKE_CASE",
    rename_all_fields = "camelCase"
)]
pub enum Order {
    Spawn {
        /// Whether it takes slot 0; absent: no.
        lead: Option<bool>,
    },
    Despawn {},
    AttemptCommand {
        command_id: u8,
        /// Not read.
        by_name: Option<bool>,
    },
    AwardCloseness {
        amount: u16,
    },
    AwardFullness {
        amount: u8,
    },
    AwardLevel {
        amount: u8,
    },
    Exclude {
        /// Item ids; absent: none. 0 and duplicates are dropped, and what is beyond 1000.
        items: Option<Vec<u32>>,
    },
}

/// `COMMAND_TOPIC_PET_MOVEMENT`: where a pet is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Movement {
    pub world_id: u8,
    pub channel_id: u8,
    pub map_id: u32,
    /// Absent: nil.
    pub instance: Option<Uuid>,
    /// The pet.
    pub object_id: u32,
    /// The character whose pet it is.
    pub observer_id: u32,
    pub x: i16,
    pub y: i16,
    pub stance: u8,
    /// The foothold. Absent: looked up in the map.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fh: Option<i16>,
}

/// `EVENT_TOPIC_PET_STATUS`: what happened to pets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    pub pet_id: u32,
    pub owner_id: u32,
    #[serde(flatten)]
    pub event: Event,
}

/// Types of [`Status`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "type",
    content = "body",
    rename_all = "SCREAMING_SNAKE_CASE",
    rename_all_fields = "camelCase"
)]
pub enum Event {
    Created {},
    Deleted {},
    Spawned {
        template_id: u32,
        name: String,
        /// 0 to 2.
        slot: i8,
        /// 1 to 30.
        level: u8,
        /// 0 to 30000.
        closeness: u16,
        /// 0 to 100.
        fullness: u8,
        x: i16,
        y: i16,
        stance: u8,
        fh: i16,
    },
    Despawned {
        template_id: u32,
        name: String,
        /// −1.
        slot: i8,
        /// 1 to 30.
        level: u8,
        /// 0 to 30000.
        closeness: u16,
        /// 0 to 100.
        fullness: u8,
        old_slot: i8,
        reason: DespawnReason,
    },
    CommandResponse {
        slot: i8,
        /// After the award.
        closeness: u16,
        fullness: u8,
        command_id: u8,
        success: bool,
    },
    ClosenessChanged {
        slot: i8,
        /// After the change.
        closeness: u16,
        /// What was asked for.
        amount: i16,
        /// Of the command; nil when it had none.
        transaction_id: Uuid,
    },
    FullnessChanged {
        slot: i8,
        /// After the change.
        fullness: u8,
        /// What was asked for; negative for hunger.
        amount: i8,
    },
    LevelChanged {
        slot: i8,
        /// After the change.
        level: u8,
        /// Levels gained.
        amount: i8,
    },
    SlotChanged {
        /// −1: it was not spawned.
        old_slot: i8,
        /// −1: it is not spawned any more.
        new_slot: i8,
    },
    ExcludeChanged {
        /// Item ids.
        items: Vec<u32>,
    },
}

/// Why a pet was despawned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DespawnReason {
    Normal,
    Hunger,
    Expired,
}
