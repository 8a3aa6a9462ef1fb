//! Pets: their state, what may be asked of them, what happens to them.

pub mod command;
pub mod event;
pub mod level;

use chrono::{DateTime, Utc};

use super::ids::PetId;

pub use command::{Command, Order};
pub use event::{Body, DespawnReason, Event};

/// Longest name in storage, in characters.
pub const MAX_NAME_CHARS: usize = 13;
/// Highest level.
pub const MAX_LEVEL: u8 = 30;
/// Highest closeness.
pub const MAX_CLOSENESS: u16 = 30_000;
/// Highest fullness; hungry below it.
pub const MAX_FULLNESS: u8 = 100;
/// At or below this fullness the next hunger tick despawns the pet.
pub const HUNGER_DESPAWN: u8 = 5;
/// Most excluded items kept.
pub const MAX_EXCLUDES: usize = 1_000;
/// The slot of a pet that is not out.
pub const NOT_SPAWNED: i8 = -1;

/// One pet. Ranges are those of `spec/rules.md` section 1.
#[derive(Clone, PartialEq, Debug)]
pub struct Pet {
    pub id: PetId,
    pub template_id: u32,
    /// The cash shop's serial; may be 0.
    pub cash_id: u64,
    /// 1..=13 characters.
    pub name: Box<str>,
    /// 1..=30.
    pub level: u8,
    /// 0..=30000.
    pub closeness: u16,
    /// 0..=100.
    pub fullness: u8,
    /// -1 not spawned, 0..=2 spawned, 0 the lead.
    pub slot: i8,
    pub expiration: Option<DateTime<Utc>>,
    pub flag: u16,
    /// The account or character that bought it (`purchaseBy` in the pets API).
    pub purchase_by: u32,
    /// Excluded from auto-loot, in the order given, without duplicates.
    pub excludes: Box<[u32]>,
    /// The inventory asset that stands for this pet, once an asset event named it.
    pub asset: Option<Asset>,
    /// Volatile: lost on a restart, cleared by login, logout and map or channel change.
    pub position: Option<Position>,
    /// What the next commit has to write of this pet.
    pub(super) dirty: Dirty,
}

/// The inventory entry of a pet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asset {
    pub id: u32,
    /// Inventory slot; negative for equipped.
    pub slot: i16,
}

/// Where a pet stands, in map pixels; the y axis points down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    pub x: i16,
    pub y: i16,
    pub stance: u8,
    /// Foothold id.
    pub fh: i16,
}

impl Default for Position {
    /// Where a pet of unknown position appears.
    fn default() -> Self {
        Self { x: 0, y: 0, stance: 0, fh: 1 }
    }
}

/// How much of a pet changed since the last [`Owner::take_changes`](super::Owner::take_changes).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub(super) enum Dirty {
    #[default]
    Clean,
    /// Level, closeness, fullness or slot only: the hot path.
    Vitals,
    /// Anything else, or the pet is new.
    Whole,
}

impl Pet {
    /// A pet of a template with every other field at its default; the fields are open.
    pub fn new(id: PetId, template_id: u32) -> Self {
        Self {
            id,
            template_id,
            cash_id: 0,
            name: "Pet".into(),
            level: 1,
            closeness: 0,
            fullness: MAX_FULLNESS,
            slot: NOT_SPAWNED,
            expiration: None,
            flag: 0,
            purchase_by: 0,
            excludes: Box::default(),
            asset: None,
            position: None,
            dirty: Dirty::Clean,
        }
    }

    pub fn is_spawned(&self) -> bool {
        self.slot >= 0
    }

    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        self.expiration.is_some_and(|at| at <= now)
    }
}
