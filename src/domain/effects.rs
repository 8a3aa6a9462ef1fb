//! What a step leaves behind.

use uuid::Uuid;

use super::character;
use super::ids::CharacterId;
use super::pet;

/// The events of the steps taken since it was made, in the order in which they were decided.
#[derive(Default, Debug)]
pub struct Effects {
    pub events: Vec<Event>,
    /// Templates looked up during a tick and not found; such pets lose nothing.
    pub num_unknown_templates: u32,
    /// Characters of the same tenant that have to act upon it, in the same round.
    pub consequences: Vec<(CharacterId, character::Action)>,
    /// UUIDs of the character, each of which names nobody any more.
    pub removed: Vec<Uuid>,
}

/// An event on its way to one of the two brokers.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    Pet(pet::Event),
    /// Apart, as it is large and pets' events are many.
    Character(Box<character::Event>),
}

/// How one input ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// Its effect, possibly none, stands.
    Applied,
    /// Nothing to do with us or no longer true; counted only.
    Ignored(Reason),
    /// Refused: no change, no event; counted and logged.
    Rejected(Reason),
    /// Refused, and kept with its original bytes for a person to look at.
    DeadLetter(Reason),
}

/// Why an input had no effect: the `reason` in metrics, logs and dead letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reason {
    NotOwner,
    UnknownPet,
    SlotsFull,
    Expired,
    NotSpawned,
    UnknownSkill,
    NotOnline,
    /// Several pets could be the one whose item was deleted.
    AmbiguousAsset,
    /// A movement for another world, channel, map or instance than the registry's.
    OtherMap,
    UnknownCharacter,
    /// Softly deleted: takes no commands, nor do its pets.
    Deleted,
    NotDeleted,
    /// The time to restore it is over.
    RestoreExpired,
    /// Its number is another character's.
    NumberTaken,
    NameTaken,
    NameReserved,
    /// The slot asked for is another character's.
    SlotOccupied,
    /// No slot has that number.
    UnknownSlot,
    UnknownClass,
    UnknownRace,
    UnknownGender,
    UnknownStat,
    UnknownMovement,
    UnknownAppearance,
    /// Of the wrong kind, or out of the catalog's range.
    InvalidAppearance,
    /// What is to be set once is set already.
    AlreadySet,
    /// Without a class there are no stats.
    ClassUnset,
    NotEnoughPoints,
    /// Somebody changed it since (`If-Match`).
    VersionMismatch,
    NoPosition,
    /// The key was used for another request.
    IdempotencyConflict,
}

impl Reason {
    /// Every reason there is.
    pub const ALL: [Self; 31] = [
        Self::NotOwner,
        Self::UnknownPet,
        Self::SlotsFull,
        Self::Expired,
        Self::NotSpawned,
        Self::UnknownSkill,
        Self::NotOnline,
        Self::AmbiguousAsset,
        Self::OtherMap,
        Self::UnknownCharacter,
        Self::Deleted,
        Self::NotDeleted,
        Self::RestoreExpired,
        Self::NumberTaken,
        Self::NameTaken,
        Self::NameReserved,
        Self::SlotOccupied,
        Self::UnknownSlot,
        Self::UnknownClass,
        Self::UnknownRace,
        Self::UnknownGender,
        Self::UnknownStat,
        Self::UnknownMovement,
        Self::UnknownAppearance,
        Self::InvalidAppearance,
        Self::AlreadySet,
        Self::ClassUnset,
        Self::NotEnoughPoints,
        Self::VersionMismatch,
        Self::NoPosition,
        Self::IdempotencyConflict,
    ];

    /// The reason with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    pub fn code(self) -> &'static str {
        match self {
            Self::NotOwner => "not_owner",
            Self::UnknownPet => "unknown_pet",
            Self::SlotsFull => "slots_full",
            Self::Expired => "expired",
            Self::NotSpawned => "not_spawned",
            Self::UnknownSkill => "unknown_skill",
            Self::NotOnline => "not_online",
            Self::AmbiguousAsset => "ambiguous_asset",
            Self::OtherMap => "other_map",
            Self::UnknownCharacter => "unknown_character",
            Self::Deleted => "deleted",
            Self::NotDeleted => "not_deleted",
            Self::RestoreExpired => "restore_expired",
            Self::NumberTaken => "number_taken",
            Self::NameTaken => "name_taken",
            Self::NameReserved => "name_reserved",
            Self::SlotOccupied => "slot_occupied",
            Self::UnknownSlot => "unknown_slot",
            Self::UnknownClass => "unknown_class",
            Self::UnknownRace => "unknown_race",
            Self::UnknownGender => "unknown_gender",
            Self::UnknownStat => "unknown_stat",
            Self::UnknownMovement => "unknown_movement_type",
            Self::UnknownAppearance => "unknown_appearance",
            Self::InvalidAppearance => "invalid_appearance",
            Self::AlreadySet => "already_set",
            Self::ClassUnset => "class_unset",
            Self::NotEnoughPoints => "not_enough_points",
            Self::VersionMismatch => "version_mismatch",
            Self::NoPosition => "no_position",
            Self::IdempotencyConflict => "idempotency_conflict",
        }
    }
}

impl Effects {
    pub fn pet(&mut self, event: pet::Event) {
        self.events.push(Event::Pet(event));
    }

    pub fn character(&mut self, event: character::Event) {
        self.events.push(Event::Character(Box::new(event)));
    }
}
