//! The specifications as the tests read them: their examples and tables, not copies.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

pub(super) const PET_KAFKA: &str = include_str!("../../docs/spec/pet-kafka.md");
pub(super) const CHARACTER_EVENTS: &str = include_str!("../../docs/spec/character-events.md");

/// The first JSON block below a heading.
pub(super) fn example(document: &'static str, heading: &str) -> &'static str {
    let (_, block) = section(document, heading).split_once("```json\n").expect("a JSON block");
    block.split_once("```").expect("the end of the block").0
}

/// The type table of a section: each type with its body fields in order.
pub(super) fn types(
    document: &'static str,
    heading: &str,
) -> Vec<(&'static str, Vec<&'static str>)> {
    let (_, table) = section(document, heading).split_once("| Type |").expect("a table of types");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let (name, fields) = (cells.next().expect("a type"), cells.next().expect("its fields"));
        let fields = fields.split(", ").map(|field| field.split(' ').next().expect("a field"));
        (name, fields.filter(|field| *field != "none").collect())
    })
    .collect()
}

/// The keys of an object, in the order in which they stand.
pub(super) fn keys(json: &str) -> Vec<String> {
    struct Keys(Vec<String>);

    impl<'de> Deserialize<'de> for Keys {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(KeysVisitor)
        }
    }

    struct KeysVisitor;

    impl<'de> Visitor<'de> for KeysVisitor {
        type Value = Keys;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
            let mut keys = Vec::new();
            while let Some((key, IgnoredAny)) = map.next_entry()? {
                keys.push(key);
            }
            Ok(Keys(keys))
        }
    }

    let Keys(keys) = serde_json::from_str(json).expect("a JSON object");
    keys
}

/// JSON without the white space between its tokens, keys in their order.
pub(super) fn compact(json: &str) -> String {
    let (mut is_text, mut is_escaped) = (false, false);
    let keep = |char: &char| {
        is_text ^= *char == '"' && !is_escaped;
        is_escaped = is_text && *char == '\\' && !is_escaped;
        is_text || !char.is_whitespace()
    };
    json.chars().filter(keep).collect()
}

/// From a heading to the next one of the same depth or higher.
fn section(document: &'static str, heading: &str) -> &'static str {
    let depth = heading.split(' ').next().map_or(0, str::len);
    let start = document.find(&format!("\n{heading}\n")).expect("the heading") + heading.len() + 2;
    let mut end = start;
    for line in document[start..].split_inclusive('\n') {
        let marks = line.split(' ').next().unwrap_or_default();
        if !marks.is_empty() && marks.len() <= depth && marks.chars().all(|char| char == '#') {
            break;
        }
        end += line.len();
    }
    &document[start..end]
}
