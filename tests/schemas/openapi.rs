//! The published OpenAPI document, and the page of error codes.

use std::path::Path;

use menagerie::edge::http::{error, openapi};
use menagerie::schema::Direction;
use menagerie::schema::breaking::breaking;
use serde_json::{Map, Value, json};

fn checked_in(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// A part of a document with what it refers to in its place; nothing refers to itself.
fn resolved(document: &Value, part: &Value) -> Value {
    match part {
        Value::Object(members) => {
            let target = members.get("$ref").and_then(Value::as_str);
            let target = target.and_then(|path| document.pointer(path.strip_prefix('#')?));
            match target {
                Some(target) => resolved(document, target),
                None => members
                    .iter()
                    .map(|(name, member)| (name.clone(), resolved(document, member)))
                    .collect(),
            }
        }
        Value::Array(items) => items.iter().map(|item| resolved(document, item)).collect(),
        other => other.clone(),
    }
}

/// What is sent and answered in one operation, as one schema for each.
fn bodies(document: &Value, operation: &Value) -> Vec<(String, Direction, Value)> {
    let schema = |content: &Value| {
        let content = content["content"].as_object()?.values().next()?;
        Some(resolved(document, &content["schema"]))
    };
    let mut bodies = Vec::new();
    if let Some(body) = schema(&operation["requestBody"]) {
        bodies.push(("request".to_owned(), Direction::Read, body));
    }
    for (status, response) in operation["responses"].as_object().unwrap() {
        if let Some(body) = schema(response).filter(|_| status.starts_with('2')) {
            bodies.push((status.clone(), Direction::Written, body));
        }
    }
    bodies
}

fn parameters(document: &Value, operation: &Value) -> Map<String, Value> {
    let parameters = operation["parameters"].as_array().unwrap().iter();
    parameters
        .map(|parameter| {
            let parameter = resolved(document, parameter);
            let (place, name) = (&parameter["in"], &parameter["name"]);
            (format!("{} {}", place.as_str().unwrap(), name.as_str().unwrap()), parameter)
        })
        .collect()
}

/// Every way in which `new` breaks those who call by `old`.
fn breaks(old: &Value, new: &Value) -> Vec<String> {
    let mut breaks = Vec::new();
    for (path, item) in old["paths"].as_object().unwrap() {
        for (method, before) in item.as_object().unwrap() {
            let name = format!("{method} {path}");
            let Some(now) = new["paths"][path].get(method) else {
                breaks.push(format!("{name} is gone"));
                continue;
            };
            let (taken, takes) = (parameters(old, before), parameters(new, now));
            for (parameter, before) in &taken {
                match takes.get(parameter) {
                    None => breaks.push(format!("{name}: {parameter} is gone")),
                    Some(now) => {
                        let found = breaking(&before["schema"], &now["schema"], Direction::Read);
                        breaks.extend(found.iter().map(|found| format!("{name}: {found}")));
                    }
                }
            }
            for (parameter, now) in &takes {
                let was = taken.get(parameter).is_some_and(|before| before["required"] == true);
                if now["required"] == true && !was {
                    breaks.push(format!("{name}: {parameter} is required now"));
                }
            }
            let bodies_now = bodies(new, now);
            for (kind, direction, before) in bodies(old, before) {
                match bodies_now.iter().find(|(other, _, _)| *other == kind) {
                    None => breaks.push(format!("{name}: {kind} is gone")),
                    Some((_, _, now)) => {
                        let found = breaking(&before, now, direction);
                        breaks.extend(found.iter().map(|found| format!("{name} {kind} {found}")));
                    }
                }
            }
        }
    }
    breaks
}

#[test]
fn the_published_api_has_not_changed_so_that_it_breaks_callers() {
    let before = serde_json::from_str(&checked_in("docs/schemas/openapi.json")).unwrap();
    let found = breaks(&before, &openapi::document());
    assert!(
        found.is_empty(),
        "this would break callers:\n  {}\nKeep what was published and add to it. Only if nobody \
         calls by the old form yet: cargo run -- schema write docs/schemas",
        found.join("\n  ")
    );
}

#[test]
fn what_breaks_callers_is_found() {
    let old = openapi::document();
    let gone = |path: &[&str]| {
        let (last, path) = path.split_last().unwrap();
        let mut new = old.clone();
        let part = path.iter().fold(&mut new, |part, name| &mut part[*name]);
        part.as_object_mut().unwrap().remove(*last).unwrap();
        new
    };
    let schemas = ["components", "schemas"];
    let character = [&schemas[..], &["Character", "properties", "level"]].concat();
    let creation = [&schemas[..], &["CreateCharacter", "properties", "slot_number"]].concat();
    for new in [
        gone(&["paths", "/api/pets"]),
        gone(&["paths", "/api/pets/{petId}", "patch"]),
        gone(&character),
        gone(&creation),
    ] {
        assert!(!breaks(&old, &new).is_empty());
    }
    let mut new = old.clone();
    new["components"]["schemas"]["CreateCharacter"]["required"] = json!(["number"]);
    assert!(!breaks(&old, &new).is_empty());
    let mut new = old.clone();
    new["components"]["parameters"]["IdempotencyKey"]["required"] = json!(true);
    assert!(!breaks(&old, &new).is_empty());
    assert_eq!(breaks(&old, &old), [""; 0]);
}

#[test]
fn the_page_of_error_codes_is_the_generated_one() {
    let is_same = checked_in("docs/errors.md") == error::page();
    assert!(is_same, "not up to date; run: cargo run -- schema errors > docs/errors.md");
}
