//! What happened to a pet (topic `EVENT_TOPIC_PET_STATUS`).

use uuid::Uuid;

use crate::domain::ids::{CharacterId, PetId};

/// One pet status event. Field meanings and types as in `spec/pet-kafka.md`.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    pub pet: PetId,
    pub owner: CharacterId,
    pub body: Body,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    Created,
    Deleted,
    Spawned {
        template_id: u32,
        name: Box<str>,
        slot: i8,
        level: u8,
        closeness: u16,
        fullness: u8,
        x: i16,
        y: i16,
        stance: u8,
        fh: i16,
    },
    Despawned {
        template_id: u32,
        name: Box<str>,
        slot: i8,
        level: u8,
        closeness: u16,
        fullness: u8,
        old_slot: i8,
        reason: DespawnReason,
    },
    CommandResponse {
        slot: i8,
        closeness: u16,
        fullness: u8,
        command: u8,
        success: bool,
    },
    /// `amount` is what was asked for, limited to its type.
    ClosenessChanged {
        slot: i8,
        closeness: u16,
        amount: i16,
        transaction: Uuid,
    },
    FullnessChanged {
        slot: i8,
        fullness: u8,
        amount: i8,
    },
    LevelChanged {
        slot: i8,
        level: u8,
        amount: i8,
    },
    SlotChanged {
        old_slot: i8,
        new_slot: i8,
    },
    ExcludeChanged {
        items: Box<[u32]>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DespawnReason {
    Normal,
    Hunger,
    Expired,
}

impl DespawnReason {
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "NORMAL",
            Self::Hunger => "HUNGER",
            Self::Expired => "EXPIRED",
        }
    }
}

impl Body {
    /// The event's type on the wire and in metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Deleted => "DELETED",
            Self::Spawned { .. } => "SPAWNED",
            Self::Despawned { .. } => "DESPAWNED",
            Self::CommandResponse { .. } => "COMMAND_RESPONSE",
            Self::ClosenessChanged { .. } => "CLOSENESS_CHANGED",
            Self::FullnessChanged { .. } => "FULLNESS_CHANGED",
            Self::LevelChanged { .. } => "LEVEL_CHANGED",
            Self::SlotChanged { .. } => "SLOT_CHANGED",
            Self::ExcludeChanged { .. } => "EXCLUDE_CHANGED",
        }
    }
}

/// An amount as an event carries it: limited to the field's type.
pub(in crate::domain) fn limited(amount: u8) -> i8 {
    i8::try_from(amount).unwrap_or(i8::MAX)
}
