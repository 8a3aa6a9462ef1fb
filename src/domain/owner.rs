//! One character with its session and its pets: the state a character actor owns.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::character::Character;
use super::context::Context;
use super::effects::{Effects, Outcome, Reason};
use super::ids::{CharacterId, CharacterKey, PetId};
use super::input::Input;
use super::pet::{Pet, Position};
use super::tenant::Tenant;

/// A character, whether it was ever seen or only owns pets, and all its pets.
#[derive(Clone, PartialEq, Debug)]
pub struct Owner {
    /// As the latest input named it; what the clock causes carries these headers.
    tenant: Arc<Tenant>,
    id: CharacterId,
    /// None until it is seen in a status event.
    character: Option<Character>,
    /// By ascending id.
    pets: Vec<Pet>,
    /// Removed since the last `take_changes`.
    removed: Vec<PetId>,
    character_change: CharacterChange,
}

/// What the next commit has to do about the character itself.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum CharacterChange {
    #[default]
    None,
    Write,
    Remove,
}

/// The last state of whatever changed, for the store. Empty when nothing did.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Changes {
    /// Pets of which only the vitals changed.
    pub vitals: Vec<Vitals>,
    /// Pets to insert or to overwrite whole.
    pub pets: Vec<Pet>,
    pub removed_pets: Vec<PetId>,
    /// `Some(None)`: the row goes.
    pub character: Option<Option<Character>>,
}

/// The columns the hot path writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Vitals {
    pub pet: PetId,
    pub level: u8,
    pub closeness: u16,
    pub fullness: u8,
    pub slot: i8,
}

/// One movement record of a pet, as far as the owner judges it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Movement {
    pub pet: PetId,
    pub world: u8,
    pub channel: u8,
    pub map: u32,
    pub instance: Uuid,
    pub x: i16,
    pub y: i16,
    pub stance: u8,
    /// The record's own foothold, if it has one.
    pub fh: Option<i16>,
}

impl Owner {
    /// An owner of whom nothing is stored.
    pub fn new(tenant: Arc<Tenant>, id: CharacterId) -> Self {
        Self::restored(tenant, id, None, Vec::new())
    }

    /// An owner as it was stored. `pets` in any order.
    pub fn restored(
        tenant: Arc<Tenant>,
        id: CharacterId,
        character: Option<Character>,
        mut pets: Vec<Pet>,
    ) -> Self {
        pets.sort_unstable_by_key(|pet| pet.id);
        Self {
            tenant,
            id,
            character,
            pets,
            removed: Vec::new(),
            character_change: CharacterChange::None,
        }
    }

    pub fn key(&self) -> CharacterKey {
        CharacterKey { tenant: self.tenant.id, character: self.id }
    }

    pub fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    pub fn character(&self) -> Option<&Character> {
        self.character.as_ref()
    }

    /// By ascending id.
    pub fn pets(&self) -> &[Pet] {
        &self.pets
    }
}
