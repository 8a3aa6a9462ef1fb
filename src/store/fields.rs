//! Stats and appearances as JSON objects that keep the order of their fields.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::character::Trait;

/// Named values: an object, in this order.
pub(super) struct Fields<T>(pub(super) Vec<(Box<str>, T)>);

/// One value of an appearance: a number, or a colour as text.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Value {
    Number(i64),
    Color(Box<str>),
}

impl From<&Trait> for Value {
    fn from(value: &Trait) -> Self {
        match value {
            Trait::Number(number) => Self::Number(*number),
            Trait::Color(color) => Self::Color(color.clone()),
        }
    }
}

impl From<Value> for Trait {
    fn from(value: Value) -> Self {
        match value {
            Value::Number(number) => Self::Number(number),
            Value::Color(color) => Self::Color(color),
        }
    }
}

impl<T: Serialize> Fields<T> {
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("text and numbers always have a JSON form")
    }
}

impl<T: Serialize> Serialize for Fields<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Fields<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder(PhantomData))
    }
}

struct InOrder<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for InOrder<T> {
    type Value = Fields<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::with_capacity(map.size_hint().unwrap_or(0));
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Fields(fields))
    }
}
