use super::*;
use Direction::{Read, Written};

/// Breaks of a change, as text; both schemas are of one property `p` that is always there.
fn breaks(old: Value, new: Value, direction: Direction) -> Vec<String> {
    let with = |p: Value| json!({"type": "object", "properties": {"p": p}, "required": ["p"]});
    let found = breaking(&with(old), &with(new), direction);
    found.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn assert_breaks(old: Value, new: Value, direction: Direction, what: &str) {
    let found = breaks(old, new, direction);
    assert!(found.iter().any(|found| found.contains(what)), "{found:?}");
}

#[track_caller]
fn assert_harmless(old: Value, new: Value, direction: Direction) {
    assert_eq!(breaks(old, new, direction), [""; 0]);
}

fn object(properties: Value, required: Value) -> Value {
    json!({"type": "object", "properties": properties, "required": required})
}

#[test]
fn the_same_schema_breaks_nobody() {
    for published in crate::schema::published() {
        assert_eq!(breaking(&published.schema, &published.schema, published.direction), []);
    }
}

#[test]
fn annotations_are_free() {
    let (old, new) = (json!({"type": "string"}), json!({"type": "string", "description": "new"}));
    for direction in [Written, Read] {
        assert_harmless(old.clone(), new.clone(), direction);
        assert_harmless(new.clone(), old.clone(), direction);
    }
}

#[test]
fn a_removed_property_breaks_both() {
    let old = object(json!({"a": {}, "b": {}}), json!([]));
    let new = object(json!({"a": {}}), json!([]));
    for direction in [Written, Read] {
        assert_breaks(old.clone(), new.clone(), direction, "/p/properties/b: was removed");
    }
}

#[test]
fn a_new_optional_property_is_harmless() {
    let old = object(json!({"a": {}}), json!(["a"]));
    let new = object(json!({"a": {}, "b": {"type": "string"}}), json!(["a"]));
    assert_harmless(old.clone(), new.clone(), Written);
    assert_harmless(old, new, Read);
}

#[test]
fn a_new_required_property_breaks_writers_only() {
    let old = object(json!({"a": {}}), json!(["a"]));
    let new = object(json!({"a": {}, "b": {}}), json!(["a", "b"]));
    assert_harmless(old.clone(), new.clone(), Written);
    assert_breaks(old, new, Read, "/p/properties/b: is required now");
}

#[test]
fn a_property_that_may_be_absent_now_breaks_readers_only() {
    let old = object(json!({"a": {}}), json!(["a"]));
    let new = object(json!({"a": {}}), json!([]));
    assert_breaks(old.clone(), new.clone(), Written, "/p/properties/a: is no longer always there");
    assert_harmless(old, new, Read);
}

#[test]
fn another_type_breaks_both() {
    let (old, new) = (json!({"type": "string"}), json!({"type": "integer"}));
    for direction in [Written, Read] {
        assert_breaks(old.clone(), new.clone(), direction, "was string, is integer");
    }
}

#[test]
fn a_wider_type_breaks_readers_and_a_narrower_one_writers() {
    for (narrow, wide) in [
        (json!({"type": "integer"}), json!({"type": "number"})),
        (json!({"type": "string"}), json!({"type": ["string", "null"]})),
        (json!({"type": "string"}), json!({})),
        (json!({"type": "string"}), json!(true)),
        (json!({"const": "a"}), json!({"enum": ["a", "b"]})),
        (json!({"enum": ["a"], "type": "string"}), json!({"type": "string"})),
        (json!({"type": "integer", "maximum": 9}), json!({"type": "integer", "maximum": 10})),
        (json!({"type": "integer", "minimum": 0}), json!({"type": "integer"})),
        (json!({"type": "string", "format": "uuid"}), json!({"type": "string"})),
        (
            json!({"type": "array", "items": {"type": "integer"}}),
            json!({"type": "array", "items": {"type": "number"}}),
        ),
        (
            json!({"type": "object", "additionalProperties": {"type": "integer"}}),
            json!({"type": "object", "additionalProperties": {"type": "number"}}),
        ),
    ] {
        assert_breaks(narrow.clone(), wide.clone(), Written, "/p");
        assert_harmless(narrow.clone(), wide.clone(), Read);
        assert_breaks(wide.clone(), narrow.clone(), Read, "/p");
        assert_harmless(wide, narrow, Written);
    }
}

#[test]
fn refusing_unknown_fields_breaks_both() {
    let (open, closed) =
        (json!({"type": "object"}), json!({"type": "object", "additionalProperties": false}));
    for direction in [Written, Read] {
        assert_breaks(open.clone(), closed.clone(), direction, "unknown fields are refused now");
    }
    assert_breaks(closed.clone(), open.clone(), Written, "/p");
    assert_harmless(closed, open, Read);
}

fn variant(name: &str, body: Value) -> Value {
    object(json!({"type": {"const": name}, "body": body}), json!(["type", "body"]))
}

#[test]
fn alternatives_are_paired_by_their_type() {
    let (one, two) = (variant("ONE", json!({})), variant("TWO", json!({"type": "string"})));
    let old = json!({"oneOf": [one, two]});
    assert_harmless(old.clone(), json!({"oneOf": [two, one]}), Written);
    let changed = variant("TWO", json!({"type": "null"}));
    let new = json!({"oneOf": [changed, one]});
    assert_breaks(old, new, Read, "/p/oneOf/TWO/properties/body: was string, is null");
}

#[test]
fn a_new_alternative_breaks_readers_and_a_removed_one_both() {
    let (one, two) = (variant("ONE", json!({})), variant("TWO", json!({})));
    let (few, many) = (json!({"oneOf": [one]}), json!({"oneOf": [one, two]}));
    assert_breaks(few.clone(), many.clone(), Written, "TWO: is new");
    assert_harmless(few.clone(), many.clone(), Read);
    for direction in [Written, Read] {
        assert_breaks(many.clone(), few.clone(), direction, "TWO: was removed");
        assert_breaks(few.clone(), json!({}), direction, "alternatives");
    }
}

#[test]
fn what_is_not_known_here_breaks() {
    let (old, new) = (json!({}), json!({"not": {"type": "string"}}));
    for direction in [Written, Read] {
        assert_breaks(old.clone(), new.clone(), direction, "`not` changed");
    }
}
