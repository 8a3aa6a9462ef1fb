//! The ten events of `spec/character-events.md`, and whatever comes after them.

mod body;
mod decode;

pub use body::{
    AppearanceUpdated, Created, Deleted, LevelUp, Offline, Online, Position, PositionUpdated,
    Restored, Selected, StatsUpdated,
};
pub use decode::Unreadable;

use std::fmt;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// What every event has, and the fields of its type.
///
/// `Event<LevelUp>` is exactly the specification's JSON of `character.levelup`, in its order;
/// `Event` alone holds any type. Fields that a later version adds are skipped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event<B = Body> {
    /// The same on every delivery and every repetition of this event.
    pub event_id: Uuid,
    /// Such as `character.levelup`; also the subject.
    pub event_type: String,
    pub character_id: Uuid,
    /// Owner of the character.
    pub user_id: Uuid,
    /// When it was decided, UTC, to the microsecond.
    pub timestamp: DateTime<Utc>,
    /// Version of the event's fields, such as `1.0`.
    pub version: String,
    #[serde(flatten)]
    pub body: B,
}

/// The fields of one event, by its type.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Body {
    Created(Created),
    Deleted(Deleted),
    Restored(Restored),
    Selected(Selected),
    Online(Online),
    Offline(Offline),
    PositionUpdated(PositionUpdated),
    StatsUpdated(StatsUpdated),
    AppearanceUpdated(AppearanceUpdated),
    LevelUp(LevelUp),
    /// A type that this version of the library does not know.
    Unknown(Unknown),
}

/// An event of an unknown type, as it was sent.
#[derive(Clone)]
pub struct Unknown {
    json: Box<RawValue>,
}

impl Unknown {
    /// The whole message, byte for byte.
    pub fn json(&self) -> &str {
        self.json.get()
    }

    /// Reads the whole message as a type of the caller's own.
    ///
    /// # Errors
    /// The message has other fields or types than `T`.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.json.get())
    }
}

impl PartialEq for Unknown {
    fn eq(&self, other: &Self) -> bool {
        self.json() == other.json()
    }
}

impl fmt::Debug for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.json())
    }
}

/// The fields of one type of event, known when the service is compiled: what
/// [`Subscriber::only`](super::Subscriber::only) is told to deliver.
pub trait Kind: Clone + fmt::Debug + Serialize + DeserializeOwned + JsonSchema {
    /// The event's type, which is also its subject.
    const TYPE: &'static str;
}

/// What a subscription can deliver: one [`Kind`], or any [`Body`].
pub trait Readable: Clone {
    /// Reads one message.
    ///
    /// # Errors
    /// [`Unreadable`]: it is not an event, or not one of this type.
    fn read(payload: &Bytes) -> Result<Event<Self>, Unreadable>;
}

impl<B> Event<B> {
    /// The same event with another body.
    pub fn map<C>(self, body: impl FnOnce(B) -> C) -> Event<C> {
        let Self { event_id, event_type, character_id, user_id, timestamp, version, body: old } =
            self;
        let body = body(old);
        Event { event_id, event_type, character_id, user_id, timestamp, version, body }
    }
}

#[cfg(test)]
mod tests;
