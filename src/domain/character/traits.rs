//! Stats and appearance: named values, in the catalog's order.

/// Points in each stat, in the order in which the catalog named them when the class was set.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Stats(pub Vec<(Box<str>, u32)>);

/// What a character looks like, in the catalog's order.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Appearance(pub Vec<(Box<str>, Trait)>);

/// One value of an appearance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trait {
    Number(i64),
    /// `#RRGGBB`, in capitals.
    Color(Box<str>),
}

impl Stats {
    pub fn get(&self, name: &str) -> Option<u32> {
        self.0.iter().find(|(known, _)| **known == *name).map(|(_, points)| *points)
    }
}

impl Appearance {
    pub fn get(&self, name: &str) -> Option<&Trait> {
        self.0.iter().find(|(known, _)| **known == *name).map(|(_, value)| value)
    }
}
