//! What both brokers carry, as JSON Schema (2020-12) and as an AsyncAPI 3.0 document.
//!
//! Everything is generated from types: character events from [`client`](crate::client), pet
//! messages from [`pet`]. The published form stands in `docs/schemas`; `tests/schemas.rs` fails
//! when a change of it would break those who read or write these messages ([`breaking`]).

pub mod asyncapi;
pub mod breaking;
pub mod pet;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::client::{
    AppearanceUpdated, Created, Deleted, Event, Kind, LevelUp, Offline, Online, PositionUpdated,
    Restored, Selected, StatsUpdated,
};
use crate::edge::http::openapi;

/// Which way messages go, seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Menagerie writes them; others read.
    Written,
    /// Others write them; Menagerie reads.
    Read,
}

/// One published schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// Such as `character.levelup`; its file is `docs/schemas/<name>.json`.
    pub name: &'static str,
    pub direction: Direction,
    pub schema: Value,
}

impl Published {
    /// The content of its file.
    pub fn text(&self) -> String {
        text(&self.schema)
    }
}

/// A JSON document as it stands in a file.
pub fn text(document: &Value) -> String {
    format!("{document:#}\n")
}

/// All of them: the ten character events, then the messages of the five Kafka topics.
pub fn published() -> Vec<Published> {
    use Direction::{Read, Written};
    vec![
        event::<Created>(),
        event::<Deleted>(),
        event::<Restored>(),
        event::<Selected>(),
        event::<Online>(),
        event::<Offline>(),
        event::<PositionUpdated>(),
        event::<StatsUpdated>(),
        event::<AppearanceUpdated>(),
        event::<LevelUp>(),
        message::<pet::CharacterStatus>("pet.character-status", Read),
        message::<pet::AssetStatus>("pet.asset-status", Read),
        message::<pet::Command>("pet.command", Read),
        message::<pet::Movement>("pet.movement", Read),
        message::<pet::Status>("pet.status", Written),
    ]
}

fn event<K: Kind>() -> Published {
    let mut published = message::<Event<K>>(K::TYPE, Direction::Written);
    let description = generate::<K>(Direction::Written)["description"].clone();
    published.schema["description"] = description;
    published.schema["properties"]["event_type"] =
        json!({"type": "string", "const": K::TYPE, "description": "Also the subject."});
    published
}

fn message<T: JsonSchema>(name: &'static str, direction: Direction) -> Published {
    let mut schema = generate::<T>(direction);
    schema["$id"] = format!("urn:menagerie:schema:{name}").into();
    schema["title"] = name.into();
    Published { name, direction, schema }
}

fn generate<T: JsonSchema>(direction: Direction) -> Value {
    let settings = SchemaSettings::draft2020_12()
        // Self-contained parts can be compared and embedded without resolving references.
        .with(|settings| settings.inline_subschemas = true)
        .with_transform(RecursiveTransform(Ranges));
    let settings = match direction {
        Direction::Written => settings.for_serialize(),
        Direction::Read => settings.for_deserialize(),
    };
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// Writes the limits of integer types out, which readers cannot know from `format`.
#[derive(Clone)]
struct Ranges;

impl Transform for Ranges {
    fn transform(&mut self, schema: &mut Schema) {
        let format = schema.get("format").and_then(Value::as_str);
        let (min, max) = match format {
            Some("uint8") => (0, i64::from(u8::MAX)),
            Some("uint16") => (0, i64::from(u16::MAX)),
            Some("uint32") => (0, i64::from(u32::MAX)),
            Some("int8") => (i64::from(i8::MIN), i64::from(i8::MAX)),
            Some("int16") => (i64::from(i16::MIN), i64::from(i16::MAX)),
            Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
            _ => return,
        };
        schema.insert("minimum".to_owned(), min.into());
        schema.insert("maximum".to_owned(), max.into());
    }
}

/// Every published schema by its name, as one document.
pub fn all() -> Value {
    let by_name = |published: Published| (published.name.to_owned(), published.schema);
    Value::Object(published().into_iter().map(by_name).collect::<Map<_, _>>())
}

/// The files of `docs/schemas`: name and content.
pub fn files() -> Vec<(String, String)> {
    let file = |published: Published| (format!("{}.json", published.name), published.text());
    let mut files: Vec<_> = published().into_iter().map(file).collect();
    files.push(("asyncapi.json".to_owned(), text(&asyncapi::document())));
    files.push(("openapi.json".to_owned(), text(&openapi::document())));
    files
}
