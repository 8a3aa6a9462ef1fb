//! What other services report about a character: its status and its pet items.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::ids::PetId;

/// A character status event (topic `EVENT_TOPIC_CHARACTER_STATUS`), for one character.
#[derive(Clone, PartialEq, Debug)]
pub struct Status {
    /// Becomes the session id of a login; nil when the sender gave none.
    pub transaction: Uuid,
    pub world: u8,
    /// The record's own timestamp.
    pub at: DateTime<Utc>,
    pub change: StatusChange,
}

#[derive(Clone, PartialEq, Debug)]
pub enum StatusChange {
    Login {
        channel: u8,
        map: u32,
        instance: Uuid,
    },
    Logout,
    /// `target` is where the character lands, when the record says so (`useTargetPosition`).
    MapChanged {
        channel: u8,
        map: u32,
        instance: Uuid,
        target: Option<(i16, i16)>,
    },
    ChannelChanged {
        channel: u8,
        map: u32,
        instance: Uuid,
    },
    Deleted,
}

impl StatusChange {
    /// Every [`name`](Self::name).
    pub const NAMES: [&str; 5] = ["LOGIN", "LOGOUT", "MAP_CHANGED", "CHANNEL_CHANGED", "DELETED"];

    /// The type on the wire and in metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Login { .. } => "LOGIN",
            Self::Logout => "LOGOUT",
            Self::MapChanged { .. } => "MAP_CHANGED",
            Self::ChannelChanged { .. } => "CHANNEL_CHANGED",
            Self::Deleted => "DELETED",
        }
    }
}

/// An asset status event (topic `EVENT_TOPIC_ASSET_STATUS`) about a pet item of one character.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asset {
    pub asset: u32,
    pub template_id: u32,
    pub slot: i16,
    pub change: AssetChange,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AssetChange {
    /// CREATED, UPDATED or ACCEPTED: the item stands for this pet. `name` is the type on the wire.
    Recorded {
        name: &'static str,
        pet: PetId,
    },
    /// MOVED within the inventory; `Asset::slot` is where it is now.
    Moved {
        /// None where the record does not say: then only its id tells which pet it is.
        old_slot: Option<i16>,
    },
    Deleted,
}

impl AssetChange {
    /// The type on the wire and in metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Recorded { name, .. } => name,
            Self::Moved { .. } => "MOVED",
            Self::Deleted => "DELETED",
        }
    }
}
