//! The published schemas against the specifications' own JSON, against what the encoders write,
//! and against their last published form in `docs/schemas`; the HTTP API against its own.

#![allow(clippy::unwrap_used)]

#[path = "schemas/characters.rs"]
mod characters;
#[path = "schemas/document.rs"]
mod document;
#[path = "schemas/openapi.rs"]
mod openapi;
#[path = "schemas/pets.rs"]
mod pets;
#[path = "schemas/published.rs"]
mod published;

use jsonschema::Validator;
use menagerie::schema;
use serde_json::Value;

/// A schema's validator, which looks at formats too.
fn validator(name: &str) -> Validator {
    let published = schema::published();
    let schema = &published.iter().find(|schema| schema.name == name).unwrap().schema;
    jsonschema::options().should_validate_formats(true).build(schema).unwrap()
}

#[track_caller]
fn assert_valid(name: &str, instance: &Value) {
    let validator = validator(name);
    let errors: Vec<_> = validator.iter_errors(instance).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{name}: {errors:?} in {instance:#}");
}

#[track_caller]
fn assert_invalid(name: &str, instance: &Value) {
    assert!(!validator(name).is_valid(instance), "{name}: {instance:#}");
}

/// The first JSON block below a heading of a specification.
fn example(document: &str, heading: &str) -> Value {
    let (_, section) = document.split_once(&format!("\n{heading}\n")).unwrap();
    let (_, block) = section.split_once("```json\n").unwrap();
    let text = block.split_once("```").unwrap().0;
    let uuid = "\"6f1c1c4e-6f2b-4b7e-9d55-0c2f5a9b7c11\"";
    let text = text.replace("\"uuid\"", uuid).replace("\"session-uuid\"", uuid);
    serde_json::from_str(&text).unwrap()
}
