//! The fields of each type of event.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Kind;

/// `character.created`: a new character.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Created {
    pub name: String,
    /// Such as `warrior`; the words are the catalog's.
    pub class_type: String,
    /// Such as `human`; the words are the catalog's.
    pub race: String,
    /// Such as `female`; the words are the catalog's.
    pub gender: String,
    /// From 1.
    pub level: u16,
    /// From 1, one of the user's slots.
    pub slot_number: u8,
}

/// `character.deleted`: a character is gone, for a while or for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Deleted {
    pub name: String,
    /// Such as `user_requested`, `retention` or `character_status`.
    pub delete_reason: String,
    /// Whether it can still be restored.
    pub soft_delete: bool,
}

/// `character.restored`: a deleted character is back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Restored {
    pub name: String,
    /// Such as `user_requested`.
    pub restore_reason: String,
}

/// `character.selected`: a player chose a character to play.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Selected {
    pub name: String,
    pub session_id: Uuid,
    /// The player's address, IPv4 or IPv6; empty when it is not known.
    pub ip: String,
}

/// `character.online`: a character entered the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Online {
    pub name: String,
    pub session_id: Uuid,
    pub world_id: String,
    pub zone_id: String,
}

/// `character.offline`: a character left the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Offline {
    pub name: String,
    pub session_id: Uuid,
    /// Length of the session in nanoseconds.
    pub online_duration: u64,
    /// Such as `logout`, `replaced`, `switched` or `deleted`.
    pub reason: String,
}

/// Where a character is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Position {
    pub world_id: String,
    pub zone_id: String,
    /// Finite, within ±10,000,000.
    pub position_x: f64,
    /// Finite, within ±10,000,000.
    pub position_y: f64,
    /// Finite, within ±10,000,000.
    pub position_z: f64,
}

/// `character.position.updated`: a character moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PositionUpdated {
    /// Absent in a character's first position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_position: Option<Position>,
    pub new_position: Position,
    /// Such as `walk`, `teleport` or `map_change`.
    pub movement_type: String,
}

/// `character.stats.updated`: a character's stats changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatsUpdated {
    /// Such as `stat_allocation`.
    pub update_type: String,
    /// Every stat by its name, before.
    pub previous_stats: BTreeMap<String, u32>,
    /// Every stat by its name, after.
    pub new_stats: BTreeMap<String, u32>,
    /// What each stat that moved gained.
    pub changes: BTreeMap<String, u32>,
}

/// `character.appearance.updated`: a character looks different.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AppearanceUpdated {
    /// Names of the fields that changed, in the catalog's order.
    pub changed_fields: Vec<String>,
    /// Such as `cosmetic_shop`.
    pub reason: String,
}

/// `character.levelup`: a character gained one level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LevelUp {
    pub name: String,
    pub previous_level: u16,
    pub new_level: u16,
    /// In all, after the award.
    pub experience: u64,
    pub stat_points_gained: u32,
    pub skill_points_gained: u32,
}

macro_rules! kinds {
    ($($body:ident = $name:literal),+ $(,)?) => {
        $(impl Kind for $body {
            const TYPE: &'static str = $name;
        })+
    };
}

kinds! {
    Created = "character.created",
    Deleted = "character.deleted",
    Restored = "character.restored",
    Selected = "character.selected",
    Online = "character.online",
    Offline = "character.offline",
    PositionUpdated = "character.position.updated",
    StatsUpdated = "character.stats.updated",
    AppearanceUpdated = "character.appearance.updated",
    LevelUp = "character.levelup",
}
