//! What the store has to write after a step.

use super::Owner;
use crate::domain::character::Character;
use crate::domain::ids::PetId;
use crate::domain::pet::{Dirty, Pet};

/// The last state of whatever changed, for the store. Empty when nothing did.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Changes {
    /// Pets of which only the vitals changed.
    pub vitals: Vec<Vitals>,
    /// Pets to insert or to overwrite whole.
    pub pets: Vec<Pet>,
    /// Pets to delete. One that was created since the last call may be among them.
    pub removed_pets: Vec<PetId>,
    pub character: CharacterChange,
}

/// What becomes of the character's row. Apart, as it is large and mostly left alone.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum CharacterChange {
    #[default]
    None,
    /// The first row of it.
    Create(Box<Character>),
    Write(Box<Character>),
    Remove,
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

impl Changes {
    /// Whether the store has nothing to do.
    pub fn is_empty(&self) -> bool {
        self.vitals.is_empty()
            && self.pets.is_empty()
            && self.removed_pets.is_empty()
            && self.character == CharacterChange::None
    }

    /// Takes up what changed after these.
    pub fn absorb(&mut self, later: Self) {
        let Self { vitals, pets, removed_pets, character } = later;
        let is_touched = |id: PetId| {
            vitals.iter().any(|new| new.pet == id)
                || pets.iter().any(|new| new.id == id)
                || removed_pets.contains(&id)
        };
        self.vitals.retain(|old| !is_touched(old.pet));
        // Whole before: whole again, with the later vitals.
        let mut rest = Vec::with_capacity(vitals.len());
        for new in vitals {
            match self.pets.iter_mut().find(|old| old.id == new.pet) {
                Some(old) => old.set_vitals(new),
                None => rest.push(new),
            }
        }
        self.pets.retain(|old| {
            !pets.iter().any(|new| new.id == old.id) && !removed_pets.contains(&old.id)
        });
        self.removed_pets.retain(|old| !pets.iter().any(|new| new.id == *old));
        self.vitals.extend(rest);
        self.pets.extend(pets);
        self.removed_pets.extend(removed_pets);
        self.character = std::mem::take(&mut self.character).then(character);
    }
}

impl CharacterChange {
    /// The row that is to be written.
    pub fn written(&self) -> Option<&Character> {
        match self {
            Self::Create(character) | Self::Write(character) => Some(character),
            Self::None | Self::Remove => None,
        }
    }

    /// Both in one.
    fn then(self, later: Self) -> Self {
        match (self, later) {
            (earlier, Self::None) => earlier,
            (Self::Create(_), Self::Write(character)) => Self::Create(character),
            // The row that was to go is still there.
            (Self::Remove, Self::Create(character)) => Self::Write(character),
            (_, later) => later,
        }
    }
}

impl Owner {
    /// What changed since the last call, in its last state. Marks everything clean, so whoever
    /// takes the changes must either commit them or forget this owner.
    pub fn take_changes(&mut self) -> Changes {
        let mut changes = Changes {
            removed_pets: std::mem::take(&mut self.removed),
            character: self.take_character_change(),
            ..Changes::default()
        };
        for pet in &mut self.pets {
            match std::mem::take(&mut pet.dirty) {
                Dirty::Clean => {}
                Dirty::Vitals => changes.vitals.push(pet.vitals()),
                Dirty::Whole => changes.pets.push(pet.clone()),
            }
        }
        changes
    }

    fn take_character_change(&mut self) -> CharacterChange {
        if !std::mem::take(&mut self.is_changed) {
            return CharacterChange::None;
        }
        let was_stored = std::mem::replace(&mut self.is_stored, self.character.is_some());
        match &self.character {
            Some(character) if was_stored => CharacterChange::Write(character.clone().into()),
            Some(character) => CharacterChange::Create(character.clone().into()),
            None => CharacterChange::Remove,
        }
    }
}

impl Pet {
    fn set_vitals(&mut self, vitals: Vitals) {
        let Vitals { pet: _, level, closeness, fullness, slot } = vitals;
        self.level = level;
        self.closeness = closeness;
        self.fullness = fullness;
        self.slot = slot;
    }

    fn vitals(&self) -> Vitals {
        Vitals {
            pet: self.id,
            level: self.level,
            closeness: self.closeness,
            fullness: self.fullness,
            slot: self.slot,
        }
    }
}

#[cfg(test)]
mod tests;
