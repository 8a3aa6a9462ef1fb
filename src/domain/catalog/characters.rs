//! What a character can be: classes, races, levels, looks (`characters.toml`).

use rustc_hash::{FxHashMap, FxHashSet};

use crate::domain::character::{Appearance, Name, Stats, Trait};
use crate::domain::effects::Reason;

/// Ways to move that every catalog has (`spec/rules.md` section 6).
pub const MOVEMENT_TYPES: [&str; 10] = [
    "walk",
    "run",
    "jump",
    "swim",
    "fly",
    "mount",
    "teleport",
    "knockback",
    "map_change",
    "channel_change",
];

#[derive(Clone, PartialEq, Debug)]
pub struct Characters {
    /// The stats of a new character of each class, in the catalog's order.
    pub classes: FxHashMap<Box<str>, Stats>,
    pub races: FxHashSet<Box<str>>,
    pub genders: FxHashSet<Box<str>>,
    /// Every stat, in the catalog's order.
    pub stats: Vec<Box<str>>,
    /// Besides [`MOVEMENT_TYPES`].
    pub movement_types: FxHashSet<Box<str>>,
    pub levels: Levels,
    /// Case-folded.
    pub reserved_names: FxHashSet<Box<str>>,
    /// In the catalog's order.
    pub appearance: Vec<(Box<str>, Look)>,
}

/// How experience becomes levels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Levels {
    /// Highest level.
    pub cap: u16,
    /// Level L needs this times (L − 1)² experience in all.
    pub experience: u64,
    /// Gained with each level.
    pub stat_points: u32,
    /// Gained with each level.
    pub skill_points: u32,
}

/// One field of an appearance: what may be chosen, and what it is at first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Look {
    Number { min: i64, max: i64, default: i64 },
    Color { default: Box<str> },
}

impl Characters {
    pub fn is_reserved(&self, name: &Name) -> bool {
        name.key.as_ref().is_some_and(|key| self.reserved_names.contains(key))
    }

    pub fn is_movement(&self, name: &str) -> bool {
        MOVEMENT_TYPES.contains(&name) || self.movement_types.contains(name)
    }

    pub fn default_appearance(&self) -> Appearance {
        let fields = self.appearance.iter();
        Appearance(fields.map(|(name, look)| (name.clone(), look.default())).collect())
    }

    /// Where a field of an appearance stands in the catalog; at the end if it is none any more.
    pub fn place_of(&self, field: &str) -> usize {
        let place = self.appearance.iter().position(|(name, _)| **name == *field);
        place.unwrap_or(self.appearance.len())
    }

    /// Whether a field of an appearance may have this value.
    ///
    /// # Errors
    /// [`Reason::UnknownAppearance`], [`Reason::InvalidAppearance`].
    pub fn check(&self, field: &str, value: &Trait) -> Result<(), Reason> {
        let known = self.appearance.iter().find(|(name, _)| **name == *field);
        let (_, look) = known.ok_or(Reason::UnknownAppearance)?;
        match (look, value) {
            (Look::Number { min, max, .. }, Trait::Number(number))
                if (min..=max).contains(&number) =>
            {
                Ok(())
            }
            (Look::Color { .. }, Trait::Color(_)) => Ok(()),
            _ => Err(Reason::InvalidAppearance),
        }
    }
}

impl Look {
    pub fn default(&self) -> Trait {
        match self {
            Self::Number { default, .. } => Trait::Number(*default),
            Self::Color { default } => Trait::Color(default.clone()),
        }
    }
}

impl Levels {
    /// Experience in all that a level needs; no less than can be counted.
    pub fn needed(self, level: u16) -> u64 {
        let steps = u64::from(level.saturating_sub(1));
        self.experience.saturating_mul(steps * steps)
    }

    /// The level somebody with this experience has.
    pub fn of(self, experience: u64) -> u16 {
        // The largest L with experience * (L - 1)^2 <= experience.
        let steps = experience.checked_div(self.experience).map_or(u64::MAX, u64::isqrt);
        u16::try_from(steps.saturating_add(1)).unwrap_or(u16::MAX).min(self.cap)
    }
}

/// `#RRGGBB` in capitals, if it is one.
pub fn color(text: &str) -> Option<Box<str>> {
    let digits = text.strip_prefix('#')?;
    let is_color = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_color.then(|| text.to_ascii_uppercase().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Catalog;

    #[test]
    fn a_level_is_reached_with_exactly_what_it_needs() {
        let levels = Catalog::builtin().characters.levels;
        for level in 2..=levels.cap {
            assert_eq!(levels.of(levels.needed(level)), level);
            assert_eq!(levels.of(levels.needed(level) - 1), level - 1);
        }
        assert_eq!(levels.of(u64::MAX), levels.cap);
        assert_eq!((levels.needed(2), levels.needed(11)), (100, 10_000));
    }

    #[test]
    fn what_the_rules_name_is_shipped() {
        let characters = Catalog::builtin().characters;
        for class in ["warrior", "mage", "rogue", "priest", "ranger", "paladin", "warlock", "druid"]
        {
            let stats = &characters.classes[class].0;
            let names: Vec<_> = stats.iter().map(|(name, _)| &**name).collect();
            assert_eq!(names, ["strength", "agility", "intelligence", "wisdom", "vitality"]);
        }
        for race in ["human", "elf", "dwarf", "orc", "gnome", "troll", "undead"] {
            assert!(characters.races.contains(race));
        }
        assert_eq!(characters.genders.len(), 3);
        assert_eq!(characters.levels.cap, 100);
        assert!(characters.is_movement("swim") && !characters.is_movement("moonwalk"));
    }

    #[test]
    fn a_value_of_another_kind_or_out_of_range_is_refused() {
        let characters = Catalog::builtin().characters;
        let check = |field: &str, value| characters.check(field, &value);
        assert_eq!(check("hair_style", Trait::Number(63)), Ok(()));
        assert_eq!(check("hair_style", Trait::Number(64)), Err(Reason::InvalidAppearance));
        assert_eq!(check("hair_color", Trait::Number(1)), Err(Reason::InvalidAppearance));
        assert_eq!(check("wings", Trait::Number(1)), Err(Reason::UnknownAppearance));
        assert_eq!(color("#a0B1c2").as_deref(), Some("#A0B1C2"));
        assert!(color("#a0b1c").is_none() && color("a0b1c2d").is_none());
    }
}
