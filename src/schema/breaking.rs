//! Whether a changed schema breaks those who rely on the published one.
//!
//! What we write must stay readable by whoever reads the old schema; what we read must still be
//! writable by whoever writes the old one. Annotations are free, and so are new optional
//! properties. A keyword this module does not know counts as breaking when it changes: it is the
//! safe side, and one line to add it here.

mod values;

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value, json};

use super::Direction;

/// One way in which a change breaks somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// Where in the schema, such as `/properties/name`.
    pub path: String,
    pub what: String,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)
    }
}

/// Keywords without an effect on what is valid.
const ANNOTATIONS: [&str; 9] = [
    "$id",
    "$schema",
    "title",
    "description",
    "examples",
    "default",
    "deprecated",
    "$comment",
    "readOnly",
];

/// Keywords compared by [`Comparison::object`] itself.
const STRUCTURE: [&str; 5] = ["properties", "required", "additionalProperties", "items", "oneOf"];

/// Every way in which `new` breaks users of `old`. References are not resolved: both have to be
/// self-contained, as ours are.
pub fn breaking(old: &Value, new: &Value, direction: Direction) -> Vec<Break> {
    let mut comparison = Comparison { direction, breaks: Vec::new() };
    comparison.schema("", old, new);
    comparison.breaks
}

struct Comparison {
    direction: Direction,
    breaks: Vec<Break>,
}

impl Comparison {
    fn found(&mut self, path: &str, what: impl Into<String>) {
        let path = if path.is_empty() { "/".to_owned() } else { path.to_owned() };
        self.breaks.push(Break { path, what: what.into() });
    }

    fn schema(&mut self, path: &str, old: &Value, new: &Value) {
        match (old, new) {
            (Value::Bool(old), Value::Bool(new)) if old == new => {}
            // Everything, or nothing.
            (Value::Bool(_), _) | (_, Value::Bool(_)) => {
                let nothing = Map::new();
                match (old.as_object(), new.as_object()) {
                    (None, Some(new)) if *old == json!(true) => self.object(path, &nothing, new),
                    (Some(old), None) if *new == json!(true) => self.object(path, old, &nothing),
                    _ => self.found(path, "allows everything or nothing now"),
                }
            }
            (Value::Object(old), Value::Object(new)) => self.object(path, old, new),
            _ => self.found(path, "is no schema"),
        }
    }

    fn object(&mut self, path: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        for what in values::compare(old, new, self.direction) {
            self.found(path, what);
        }
        self.properties(path, old, new);
        self.required(path, old, new);
        self.additional(path, old, new);
        let everything = Value::Bool(true);
        if old.contains_key("items") || new.contains_key("items") {
            let items = |schema: &Map<String, Value>| schema.get("items").cloned();
            let (old, new) = (items(old), items(new));
            let path = format!("{path}/items");
            self.schema(
                &path,
                old.as_ref().unwrap_or(&everything),
                new.as_ref().unwrap_or(&everything),
            );
        }
        self.variants(path, old, new);
        let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
        for key in keys {
            let is_known = ANNOTATIONS.contains(&&**key)
                || STRUCTURE.contains(&&**key)
                || values::KEYWORDS.contains(&&**key);
            if !is_known && old.get(key) != new.get(key) {
                self.found(path, format!("`{key}` changed"));
            }
        }
    }

    fn properties(&mut self, path: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let none = Map::new();
        let of = |schema| properties(schema).unwrap_or(&none);
        for (name, old) in of(old) {
            let path = format!("{path}/properties/{name}");
            match of(new).get(name) {
                Some(new) => self.schema(&path, old, new),
                None => self.found(&path, "was removed"),
            }
        }
        if old.get("additionalProperties") == Some(&json!(false))
            && self.direction == Direction::Written
        {
            for name in of(new).keys().filter(|name| !of(old).contains_key(*name)) {
                self.found(&format!("{path}/properties/{name}"), "is new, and readers refuse it");
            }
        }
    }

    fn required(&mut self, path: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let (old, new) = (required(old), required(new));
        let (broken, what) = match self.direction {
            Direction::Written => (old.difference(&new), "is no longer always there"),
            Direction::Read => (new.difference(&old), "is required now"),
        };
        for name in broken {
            self.found(&format!("{path}/properties/{name}"), what);
        }
    }

    fn additional(&mut self, path: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let everything = Value::Bool(true);
        let of = |schema: &Map<String, Value>| {
            schema.get("additionalProperties").cloned().unwrap_or(everything.clone())
        };
        let (old, new) = (of(old), of(new));
        match (&old, &new) {
            (Value::Bool(true), Value::Bool(false)) => {
                self.found(path, "unknown fields are refused now");
            }
            (Value::Bool(false), Value::Bool(true)) if self.direction == Direction::Read => {}
            _ => self.schema(&format!("{path}/additionalProperties"), &old, &new),
        }
    }

    /// Alternatives are paired by the constant of their `type`, else by their place.
    fn variants(&mut self, path: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let of = |schema: &Map<String, Value>| -> Option<Vec<(String, Value)>> {
            let variants = schema.get("oneOf")?.as_array()?.iter().enumerate();
            Some(variants.map(|(place, variant)| (name(place, variant), variant.clone())).collect())
        };
        let (old, new) = match (of(old), of(new)) {
            (None, None) => return,
            (Some(old), Some(new)) => (old, new),
            _ => return self.found(path, "has alternatives, or has none any more"),
        };
        for (name, old) in &old {
            let path = format!("{path}/oneOf/{name}");
            match new.iter().find(|(other, _)| other == name) {
                Some((_, new)) => self.schema(&path, old, new),
                None => self.found(&path, "was removed"),
            }
        }
        if self.direction == Direction::Written {
            for (name, _) in new.iter().filter(|(name, _)| old.iter().all(|(old, _)| old != name)) {
                self.found(&format!("{path}/oneOf/{name}"), "is new, and readers do not know it");
            }
        }
    }
}

fn name(place: usize, variant: &Value) -> String {
    match variant.pointer("/properties/type/const").or(variant.get("const")) {
        Some(Value::String(name)) => name.clone(),
        _ => place.to_string(),
    }
}

fn properties(schema: &Map<String, Value>) -> Option<&Map<String, Value>> {
    schema.get("properties")?.as_object()
}

fn required(schema: &Map<String, Value>) -> BTreeSet<String> {
    let names = schema.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
