#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use chrono::Utc;
use serde_json::{Map, Value};

use super::*;
use crate::domain::{Catalog, PetId};
use crate::edge::operations::body::Body;
use crate::edge::operations::pets::body::{self, Creation};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| {
                assert!(METHODS.contains(&method.as_str()), "{method} {path}");
                (format!("{method} {path}"), operation)
            })
        })
        .collect()
}

fn each_reference(value: &Value, visit: &mut impl FnMut(&str)) {
    match value {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                visit(reference);
            }
            members.values().for_each(|member| each_reference(member, visit));
        }
        Value::Array(items) => items.iter().for_each(|item| each_reference(item, visit)),
        _ => {}
    }
}

#[test]
fn each_reference_leads_somewhere_and_each_component_is_used() {
    let document = document();
    let mut used = BTreeSet::new();
    each_reference(&document, &mut |reference| {
        used.insert(reference.strip_prefix('#').unwrap().to_owned());
    });
    for path in &used {
        assert!(document.pointer(path).is_some(), "{path}");
    }
    for kind in ["schemas", "parameters", "headers"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(used.contains(&format!("/components/{kind}/{name}")), "{kind} {name}");
        }
    }
}

#[test]
fn each_operation_is_complete_and_each_link_leads_to_one() {
    let document = document();
    let operations = operations(&document);
    let id = |operation: &Value| operation["operationId"].as_str().unwrap().to_owned();
    let ids: BTreeSet<String> = operations.iter().map(|(_, operation)| id(operation)).collect();
    assert_eq!(ids.len(), operations.len());
    for (name, operation) in &operations {
        assert!(operation["summary"].is_string(), "{name}");
        let responses = operation["responses"].as_object().unwrap();
        for status in ["400", "401", "403", "500", "503"] {
            assert!(responses.contains_key(status), "{name} {status}");
        }
        let has_body = operation.get("requestBody").is_some();
        assert_eq!(has_body, responses.contains_key("422"), "{name}");
        let good: Vec<_> = responses.keys().filter(|status| status.starts_with('2')).collect();
        assert_eq!(good.len(), 1, "{name} {good:?}");
        let links = responses[good[0]].get("links").and_then(Value::as_object);
        for link in links.into_iter().flat_map(Map::values) {
            assert!(ids.contains(link["operationId"].as_str().unwrap()), "{name} {link}");
        }
    }
}

fn example(document: &Value, path: &str, method: &str) -> Vec<u8> {
    let content = &document["paths"][path][method]["requestBody"]["content"];
    let (_, content) = content.as_object().unwrap().iter().next().unwrap();
    content["example"].to_string().into_bytes()
}

#[test]
fn each_example_of_a_pet_is_read() {
    let document = document();
    let create = |path| {
        Creation::parse(&example(&document, path, "post"), None, &Catalog::builtin(), Utc::now())
    };
    assert_eq!(create("/api/pets").unwrap().pet.template_id, 5_000_000);
    assert_eq!(&*create("/api/characters/{characterId}/pets").unwrap().pet.name, "Felix");
    let name = body::rename(&example(&document, "/api/pets/{petId}", "patch"), PetId(1));
    assert_eq!(&*name.unwrap(), "Findus");
}

#[test]
fn each_example_body_is_valid_by_its_schema() {
    let document = document();
    let mut num_examples = 0;
    for (name, operation) in operations(&document) {
        let Some(body) = operation.get("requestBody") else { continue };
        for content in body["content"].as_object().unwrap().values() {
            let mut schema = content["schema"].clone();
            schema["components"] = document["components"].clone();
            let validator =
                jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
            let example = &content["example"];
            let errors: Vec<_> =
                validator.iter_errors(example).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{name}: {errors:?}");
            num_examples += 1;
        }
    }
    assert_eq!(num_examples, 14);
}

#[test]
fn what_a_request_may_leave_out_is_null_in_no_example() {
    for (name, operation) in operations(&document()) {
        assert!(!operation["requestBody"].to_string().contains(":null"), "{name}");
    }
}

#[test]
fn an_object_is_all_that_a_character_body_has_to_be_at_first() {
    let document = document();
    for (name, operation) in operations(&document) {
        let Some(content) = operation["requestBody"]["content"].get("application/json") else {
            continue;
        };
        assert!(Body::parse(content["example"].to_string().as_bytes()).is_ok(), "{name}");
    }
}
