//! Reads the catalog's files, and says which line is wrong and why.

mod characters;

use std::hash::Hash;
use std::ops::RangeInclusive;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;

use super::characters::Characters;
use super::{Foothold, Map, Skill, Template};

/// The name of the file with the pet templates.
pub const PETS_FILE: &str = "pets.toml";
/// The name of the file with what a character can be.
pub const CHARACTERS_FILE: &str = "characters.toml";
/// The name of the file with the maps.
pub const MAPS_FILE: &str = "maps.toml";

const PET_IDS: RangeInclusive<u32> = 5_000_000..=5_009_999;
const MAX_LIFE_DAYS: u32 = 36_500;

/// Why a catalog file was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{file}:{line}: {reason}")]
pub struct ParseError {
    /// [`PETS_FILE`], [`MAPS_FILE`] or [`CHARACTERS_FILE`].
    pub file: &'static str,
    /// From 1.
    pub line: usize,
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PetsFile {
    #[serde(default)]
    pet: Vec<RawPet>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPet {
    template_id: Number,
    name: String,
    hunger: Number,
    life_days: Number,
    #[serde(default)]
    skill: Vec<RawSkill>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSkill {
    command: Number,
    increase: Number,
    probability: Number,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MapsFile {
    #[serde(default)]
    map: Vec<RawMap>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMap {
    id: Number,
    #[serde(default)]
    foothold: Vec<RawFoothold>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFoothold {
    id: Number,
    x1: Number,
    y1: Number,
    x2: Number,
    y2: Number,
}

/// Any number TOML can hold, and where it stands.
type Number = Spanned<i64>;

/// One file while it is read.
#[derive(Clone, Copy)]
struct Source<'a> {
    file: &'static str,
    text: &'a str,
}

pub(super) fn pets(text: &str) -> Result<FxHashMap<u32, Template>, ParseError> {
    let source = Source { file: PETS_FILE, text };
    let file: PetsFile = source.read()?;
    let mut templates = FxHashMap::default();
    for raw in &file.pet {
        let template = source.template(raw)?;
        if templates.insert(template.id, template).is_some() {
            return Err(source.given_twice("template_id", &raw.template_id));
        }
    }
    Ok(templates)
}

pub(super) fn maps(text: &str) -> Result<FxHashMap<u32, Map>, ParseError> {
    let source = Source { file: MAPS_FILE, text };
    let file: MapsFile = source.read()?;
    let mut maps = FxHashMap::default();
    for raw in &file.map {
        let map = source.map(raw)?;
        if maps.insert(map.id(), map).is_some() {
            return Err(source.given_twice("id", &raw.id));
        }
    }
    Ok(maps)
}

pub(super) fn characters(text: &str) -> Result<Characters, ParseError> {
    characters::read(Source { file: CHARACTERS_FILE, text })
}

impl Source<'_> {
    fn read<T: DeserializeOwned>(&self) -> Result<T, ParseError> {
        toml::from_str(self.text)
            .map_err(|error| self.error(error.span().map_or(0, |span| span.start), error.message()))
    }

    fn template(&self, raw: &RawPet) -> Result<Template, ParseError> {
        let mut seen = FxHashSet::default();
        let skills = raw.skill.iter().map(|raw| self.skill(raw, &mut seen));
        Ok(Template {
            id: self.within("template_id", &raw.template_id, PET_IDS)?,
            name: raw.name.clone(),
            hunger: self.within("hunger", &raw.hunger, 0..=100)?,
            life_days: self.within("life_days", &raw.life_days, 1..=MAX_LIFE_DAYS)?,
            skills: skills.collect::<Result<_, _>>()?,
        })
    }

    fn skill(&self, raw: &RawSkill, seen: &mut FxHashSet<u8>) -> Result<Skill, ParseError> {
        Ok(Skill {
            command: self.once("command", &raw.command, 0..=u8::MAX, seen)?,
            increase: self.within("increase", &raw.increase, 0..=u16::MAX)?,
            probability: self.within("probability", &raw.probability, 0..=100)?,
        })
    }

    fn map(&self, raw: &RawMap) -> Result<Map, ParseError> {
        let id = self.within("id", &raw.id, 0..=u32::MAX)?;
        let mut seen = FxHashSet::default();
        let footholds = raw.foothold.iter().map(|raw| self.foothold(raw, &mut seen));
        Ok(Map::new(id, footholds.collect::<Result<_, _>>()?))
    }

    fn foothold(
        &self,
        raw: &RawFoothold,
        seen: &mut FxHashSet<i16>,
    ) -> Result<Foothold, ParseError> {
        let any = || i16::MIN..=i16::MAX;
        Ok(Foothold {
            id: self.once("id", &raw.id, any(), seen)?,
            x1: self.within("x1", &raw.x1, any())?,
            y1: self.within("y1", &raw.y1, any())?,
            x2: self.within("x2", &raw.x2, any())?,
            y2: self.within("y2", &raw.y2, any())?,
        })
    }

    fn within<T>(&self, key: &str, raw: &Number, range: RangeInclusive<T>) -> Result<T, ParseError>
    where
        T: Copy + Into<i64> + TryFrom<i64>,
    {
        let (least, most) = ((*range.start()).into(), (*range.end()).into());
        let number = *raw.get_ref();
        T::try_from(number).ok().filter(|_| (least..=most).contains(&number)).ok_or_else(|| {
            let reason = format!("{key} must be {least}..={most}, not {number}");
            self.error(raw.span().start, &reason)
        })
    }

    /// As `within`, and not in `seen`, where it goes.
    fn once<T>(
        &self,
        key: &str,
        raw: &Number,
        range: RangeInclusive<T>,
        seen: &mut FxHashSet<T>,
    ) -> Result<T, ParseError>
    where
        T: Copy + Into<i64> + TryFrom<i64> + Eq + Hash,
    {
        let value = self.within(key, raw, range)?;
        if seen.insert(value) { Ok(value) } else { Err(self.given_twice(key, raw)) }
    }

    fn given_twice(&self, key: &str, raw: &Number) -> ParseError {
        self.error(raw.span().start, &format!("{key} {} is given twice", raw.get_ref()))
    }

    fn error(&self, offset: usize, reason: &str) -> ParseError {
        let before = self.text.as_bytes().iter().take(offset);
        let line = 1 + before.filter(|&&byte| byte == b'\n').count();
        ParseError { file: self.file, line, reason: reason.to_owned() }
    }
}

#[cfg(test)]
mod tests;
