//! Game data: pet templates and maps with footholds.

use std::collections::HashMap;

/// The data a step looks up. Immutable; a reload replaces it whole.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Catalog {
    templates: HashMap<u32, Template>,
    maps: HashMap<u32, Map>,
}

/// One kind of pet.
#[derive(Clone, PartialEq, Debug)]
pub struct Template {
    pub id: u32,
    pub name: String,
    /// Fullness lost per hunger tick, 0..=100.
    pub hunger: u8,
    /// Default lifetime in days.
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

/// A map's footholds.
#[derive(Clone, PartialEq, Debug)]
pub struct Map {
    pub id: u32,
    pub footholds: Vec<Foothold>,
}

/// A segment one can stand on; a vertical one is a wall.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Foothold {
    pub id: i16,
    pub x1: i16,
    pub y1: i16,
    pub x2: i16,
    pub y2: i16,
}

impl Catalog {
    pub fn template(&self, id: u32) -> Option<&Template> {
        self.templates.get(&id)
    }

    pub fn map(&self, id: u32) -> Option<&Map> {
        self.maps.get(&id)
    }
}
