//! Strict reading of JSON objects.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// `T`, read from a JSON object and from nothing else: a derived `Deserialize` alone would
/// also take an array and fill the fields by position.
///
/// A key of `T` that stands twice is an error, a key `T` does not know is skipped. Skipping
/// is iterative in `serde_json`, so nesting costs no stack.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// Deepest nesting of a record. Nothing of ours needs more than three levels; readers of the
/// dead letters and of the log need not cope with more either.
pub(super) const MAX_DEPTH: usize = 128;

/// Whether a JSON text is nested deeper than `max` levels.
pub(super) fn is_deeper_than(max: usize, text: &str) -> bool {
    let opens = |byte: &u8| matches!(byte, b'{' | b'[');
    // Almost every text: counting all of them is a fraction of looking at each.
    if text.as_bytes().iter().filter(|byte| opens(byte)).count() <= max {
        return false;
    }
    let (mut depth, mut is_text) = (0_usize, false);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => is_text = !is_text,
            b'\\' if is_text => {
                bytes.next();
            }
            _ if is_text => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > max {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_depth_is_that_of_the_deepest_place() {
        assert!(!is_deeper_than(2, r#"{"a":[1],"b":[2],"c":{}}"#));
        assert!(is_deeper_than(2, r#"{"a":[1],"b":[{}]}"#));
    }

    #[test]
    fn brackets_in_a_text_nest_nothing() {
        assert!(!is_deeper_than(1, r#"{"[[[[":"\"[[[[","\\":"{{{{"}"#));
        assert!(is_deeper_than(1, r#"{"\\":[]}"#));
    }
}
