//! Game data: pet templates, maps with footholds, and what a character can be
//! (`config/catalog/`).

pub mod characters;
mod foothold;
mod parse;

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

pub use characters::Characters;
pub use foothold::{Foothold, Map};
pub use parse::{CHARACTERS_FILE, MAPS_FILE, PETS_FILE, ParseError};

/// The data a step looks up. Immutable; a reload replaces it whole.
#[derive(Clone, PartialEq, Debug)]
pub struct Catalog {
    templates: FxHashMap<u32, Template>,
    maps: FxHashMap<u32, Map>,
    /// What a character can be.
    pub characters: Characters,
}

/// One kind of pet.
#[derive(Clone, PartialEq, Debug)]
pub struct Template {
    pub id: u32,
    pub name: String,
    /// Fullness lost per hunger tick, 0..=100.
    pub hunger: u8,
    /// Default lifetime in days, 1..=36500.
    pub life_days: u32,
    pub skills: Vec<Skill>,
}

/// A trick of a template.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Skill {
    /// `commandId`.
    pub command: u8,
    /// Closeness awarded.
    pub increase: u16,
    /// Per cent, 0..=100.
    pub probability: u8,
}

/// The shipped files, as they are compiled in.
pub const PETS: &str = include_str!("../../config/catalog/pets.toml");
/// See [`PETS`].
pub const MAPS: &str = include_str!("../../config/catalog/maps.toml");
/// See [`PETS`].
pub const CHARACTERS: &str = include_str!("../../config/catalog/characters.toml");

impl Catalog {
    /// The catalog compiled in, so that the binary runs from anywhere.
    pub fn builtin() -> Self {
        static BUILTIN: LazyLock<Catalog> = LazyLock::new(|| {
            Catalog::parse(PETS, MAPS, CHARACTERS)
                .expect("the shipped catalog is valid, which a test asserts")
        });
        BUILTIN.clone()
    }

    /// Reads a catalog from the texts of its three files.
    ///
    /// # Errors
    /// [`ParseError`] names the file and the line of the first thing wrong: no TOML, an unknown
    /// or missing key, a value out of its range, an id given twice.
    pub fn parse(pets: &str, maps: &str, characters: &str) -> Result<Self, ParseError> {
        Ok(Self {
            templates: parse::pets(pets)?,
            maps: parse::maps(maps)?,
            characters: parse::characters(characters)?,
        })
    }

    pub fn template(&self, id: u32) -> Option<&Template> {
        self.templates.get(&id)
    }

    /// In no particular order.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.templates.values()
    }

    pub fn map(&self, id: u32) -> Option<&Map> {
        self.maps.get(&id)
    }

    /// In no particular order.
    pub fn maps(&self) -> impl Iterator<Item = &Map> {
        self.maps.values()
    }
}

impl Template {
    pub fn skill(&self, command: u8) -> Option<Skill> {
        self.skills.iter().copied().find(|skill| skill.command == command)
    }
}

/// Whether an item is a pet: of the cash inventory, classified as a pet.
pub fn is_pet(template_id: u32) -> bool {
    template_id / 1_000_000 == 5 && template_id / 10_000 == 500
}

#[cfg(test)]
mod tests;
