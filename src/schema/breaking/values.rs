//! Types, ranges and words: the keywords about one value.

use serde_json::{Map, Value};

use crate::schema::Direction;

/// What [`compare`] looks at.
pub(super) const KEYWORDS: [&str; 13] = [
    "type",
    "const",
    "enum",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "pattern",
];

const TYPES: [&str; 6] = ["array", "boolean", "null", "number", "object", "string"];
const LOWER: [&str; 4] = ["minimum", "exclusiveMinimum", "minLength", "minItems"];
const UPPER: [&str; 4] = ["maximum", "exclusiveMaximum", "maxLength", "maxItems"];

/// What in these keywords breaks users of `old`.
pub(super) fn compare(
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    direction: Direction,
) -> Vec<String> {
    let mut breaks = Vec::new();
    // What must fit: every value that is sent must be one that is expected.
    let (sent, expected) = match direction {
        Direction::Written => (new, old),
        Direction::Read => (old, new),
    };
    let (sent_types, expected_types) = (types(sent), types(expected));
    let fits = |kind: &String| {
        expected_types.contains(kind)
            || (kind == "integer" && expected_types.iter().any(|other| other == "number"))
    };
    if !sent_types.iter().all(fits) {
        let (old, new) = (types(old).join(" or "), types(new).join(" or "));
        breaks.push(format!("was {old}, is {new}"));
    }
    match (words(sent), words(expected)) {
        (Some(sent), Some(expected)) => {
            let strange: Vec<_> = sent.iter().filter(|word| !expected.contains(word)).collect();
            if !strange.is_empty() {
                breaks.push(format!("has other words: {strange:?}"));
            }
        }
        (None, Some(_)) => breaks.push("is one of certain words on one side only".to_owned()),
        (_, None) => {}
    }
    for (keywords, is_lower) in [(LOWER, true), (UPPER, false)] {
        for keyword in keywords {
            let bound = |schema: &Map<String, Value>| schema.get(keyword).and_then(Value::as_f64);
            let fits = match (bound(sent), bound(expected)) {
                (_, None) => true,
                (None, Some(_)) => false,
                (Some(sent), Some(expected)) if is_lower => sent >= expected,
                (Some(sent), Some(expected)) => sent <= expected,
            };
            // A constant, or a value of another type, has no range.
            let has_range = words(sent).is_none() && sent_types == expected_types;
            if !fits && has_range {
                breaks.push(format!(
                    "`{keyword}` was {}, is {}",
                    shown(old, keyword),
                    shown(new, keyword)
                ));
            }
        }
    }
    // The formats of numbers are ranges, which were compared.
    let is_text = sent_types.iter().any(|kind| kind == "string");
    let keywords: &[&str] = if is_text { &["format", "pattern"] } else { &["pattern"] };
    for keyword in keywords {
        let (sent, expected) = (sent.get(*keyword), expected.get(*keyword));
        if expected.is_some() && sent != expected {
            breaks.push(format!(
                "`{keyword}` was {}, is {}",
                shown(old, keyword),
                shown(new, keyword)
            ));
        }
    }
    breaks
}

fn types(schema: &Map<String, Value>) -> Vec<String> {
    let mut types: Vec<String> = match schema.get("type") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => {
            several.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        _ => match words(schema) {
            // What the words are says the type.
            Some(words) => words.iter().map(|word| kind(word).to_owned()).collect(),
            None => TYPES.map(str::to_owned).to_vec(),
        },
    };
    types.sort_unstable();
    types.dedup();
    types
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The only values there can be, if they are listed.
fn words(schema: &Map<String, Value>) -> Option<Vec<Value>> {
    match (schema.get("const"), schema.get("enum")) {
        (Some(word), _) => Some(vec![word.clone()]),
        (None, Some(Value::Array(words))) => Some(words.clone()),
        _ => None,
    }
}

fn shown(schema: &Map<String, Value>, keyword: &str) -> String {
    schema.get(keyword).map_or_else(|| "absent".to_owned(), Value::to_string)
}
