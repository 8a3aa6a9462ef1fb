//! Reads `characters.toml`.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;
use toml::Spanned;

use super::{Number, ParseError, Source};
use crate::domain::catalog::characters::{Characters, Levels, Look, color};
use crate::domain::character::{Stats, name};

/// Longest word of the catalog, in bytes.
const MAX_WORD_BYTES: usize = 32;
/// Most experience a level may need per square, so that the cap's stays countable.
const MAX_EXPERIENCE: u64 = 1 << 31;

type Word = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    races: Vec<Word>,
    genders: Vec<Word>,
    stats: Vec<Word>,
    #[serde(default)]
    movement_types: Vec<Word>,
    levels: RawLevels,
    #[serde(default)]
    names: RawNames,
    class: Vec<RawClass>,
    #[serde(default)]
    appearance: Vec<RawLook>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLevels {
    cap: Number,
    experience: Number,
    stat_points: Number,
    skill_points: Number,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawNames {
    #[serde(default)]
    reserved: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClass {
    name: Word,
    stats: Spanned<BTreeMap<String, Number>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLook {
    name: Word,
    min: Option<Number>,
    max: Option<Number>,
    default: Spanned<RawDefault>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawDefault {
    Number(i64),
    Color(String),
}

pub(super) fn read(source: Source<'_>) -> Result<Characters, ParseError> {
    let file: File = source.read()?;
    let stats = source.words("stats", &file.stats)?;
    let mut classes = FxHashMap::default();
    for class in &file.class {
        let name = source.word("name", &class.name)?;
        if classes.insert(name, source.class(class, &stats)?).is_some() {
            return Err(source.twice(&class.name));
        }
    }
    let mut appearance: Vec<(Box<str>, Look)> = Vec::new();
    for raw in &file.appearance {
        let name = source.word("name", &raw.name)?;
        if appearance.iter().any(|(known, _)| *known == name) {
            return Err(source.twice(&raw.name));
        }
        appearance.push((name, source.look(raw)?));
    }
    let set = |words: Vec<Box<str>>| words.into_iter().collect::<FxHashSet<_>>();
    Ok(Characters {
        races: set(source.words("races", &file.races)?),
        genders: set(source.words("genders", &file.genders)?),
        movement_types: set(source.words("movement_types", &file.movement_types)?),
        levels: Levels {
            cap: source.within("cap", &file.levels.cap, 1..=u16::MAX)?,
            experience: source.at_most("experience", &file.levels.experience, MAX_EXPERIENCE)?,
            stat_points: source.within("stat_points", &file.levels.stat_points, 0..=10_000)?,
            skill_points: source.within("skill_points", &file.levels.skill_points, 0..=10_000)?,
        },
        reserved_names: file.names.reserved.iter().map(|text| name::fold(text.trim())).collect(),
        classes,
        stats,
        appearance,
    })
}

impl Source<'_> {
    /// A lower-case word that stands in events and paths.
    fn word(&self, key: &str, raw: &Word) -> Result<Box<str>, ParseError> {
        let word = raw.get_ref();
        let is_fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if word.is_empty() || word.len() > MAX_WORD_BYTES || !word.bytes().all(is_fit) {
            let reason = format!("{key}: {word:?} is not a word of a-z, 0-9 and _");
            return Err(self.error(raw.span().start, &reason));
        }
        Ok(word.as_str().into())
    }

    fn words(&self, key: &str, raw: &[Word]) -> Result<Vec<Box<str>>, ParseError> {
        let mut words = Vec::with_capacity(raw.len());
        for raw in raw {
            let word = self.word(key, raw)?;
            if words.contains(&word) {
                return Err(self.twice(raw));
            }
            words.push(word);
        }
        Ok(words)
    }

    fn twice(&self, raw: &Word) -> ParseError {
        self.error(raw.span().start, &format!("{} is given twice", raw.get_ref()))
    }

    /// The points of a class: each stat of the catalog, no other.
    fn class(&self, raw: &RawClass, stats: &[Box<str>]) -> Result<Stats, ParseError> {
        let given = raw.stats.get_ref();
        if let Some(unknown) = given.keys().find(|name| stats.iter().all(|stat| **stat != **name)) {
            let reason = format!("{unknown} is not among the stats");
            return Err(self.error(raw.stats.span().start, &reason));
        }
        let points = stats.iter().map(|stat| match given.get(&**stat) {
            Some(points) => Ok((stat.clone(), self.within(stat, points, 1..=1_000_000)?)),
            None => {
                let reason = format!("{stat} is missing in the stats of {}", raw.name.get_ref());
                Err(self.error(raw.stats.span().start, &reason))
            }
        });
        Ok(Stats(points.collect::<Result<_, _>>()?))
    }

    fn look(&self, raw: &RawLook) -> Result<Look, ParseError> {
        let offset = raw.default.span().start;
        match (raw.default.get_ref(), &raw.min, &raw.max) {
            (RawDefault::Number(default), Some(min), Some(max)) => {
                let (min, max) = (*min.get_ref(), *max.get_ref());
                if !(min..=max).contains(default) {
                    let reason = format!("default must be {min}..={max}, not {default}");
                    return Err(self.error(offset, &reason));
                }
                Ok(Look::Number { min, max, default: *default })
            }
            (RawDefault::Number(_), ..) => Err(self.error(offset, "a number needs min and max")),
            (RawDefault::Color(text), None, None) => match color(text) {
                Some(default) => Ok(Look::Color { default }),
                None => Err(self.error(offset, &format!("{text:?} is not a #RRGGBB colour"))),
            },
            (RawDefault::Color(_), ..) => Err(self.error(offset, "a colour has no min and max")),
        }
    }

    fn at_most(&self, key: &str, raw: &Number, most: u64) -> Result<u64, ParseError> {
        let number = *raw.get_ref();
        u64::try_from(number).ok().filter(|number| *number <= most).ok_or_else(|| {
            let reason = format!("{key} must be 0..={most}, not {number}");
            self.error(raw.span().start, &reason)
        })
    }
}
