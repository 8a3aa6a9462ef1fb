//! Reading a message.

use bytes::Bytes;
use serde::Deserialize;

use super::{
    AppearanceUpdated, Body, Created, Deleted, Event, Kind, LevelUp, Offline, Online,
    PositionUpdated, Readable, Restored, Selected, StatsUpdated, Unknown,
};

/// A message that is not an event, or not one of the type asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// No JSON, or a field of the type is missing or of another type.
    #[error("not an event of the specification: {0}")]
    Json(#[from] serde_json::Error),
    /// An event, of another type.
    #[error("a {found} where a {wanted} was expected")]
    Type { wanted: &'static str, found: String },
}

#[derive(Deserialize)]
struct TypeOnly {
    event_type: String,
}

/// The fields of a body that is kept as it is.
#[derive(Deserialize)]
struct Skipped {}

impl<K: Kind> Readable for K {
    fn read(payload: &Bytes) -> Result<Event<Self>, Unreadable> {
        let event: Event<Self> = serde_json::from_slice(payload)?;
        if event.event_type == K::TYPE {
            Ok(event)
        } else {
            Err(Unreadable::Type { wanted: K::TYPE, found: event.event_type })
        }
    }
}

impl Readable for Body {
    fn read(payload: &Bytes) -> Result<Event<Self>, Unreadable> {
        let TypeOnly { event_type } = serde_json::from_slice(payload)?;
        Ok(match &*event_type {
            Created::TYPE => Created::read(payload)?.map(Self::Created),
            Deleted::TYPE => Deleted::read(payload)?.map(Self::Deleted),
            Restored::TYPE => Restored::read(payload)?.map(Self::Restored),
            Selected::TYPE => Selected::read(payload)?.map(Self::Selected),
            Online::TYPE => Online::read(payload)?.map(Self::Online),
            Offline::TYPE => Offline::read(payload)?.map(Self::Offline),
            PositionUpdated::TYPE => PositionUpdated::read(payload)?.map(Self::PositionUpdated),
            StatsUpdated::TYPE => StatsUpdated::read(payload)?.map(Self::StatsUpdated),
            AppearanceUpdated::TYPE => {
                AppearanceUpdated::read(payload)?.map(Self::AppearanceUpdated)
            }
            LevelUp::TYPE => LevelUp::read(payload)?.map(Self::LevelUp),
            _ => {
                let event: Event<Skipped> = serde_json::from_slice(payload)?;
                let unknown = Unknown { json: serde_json::from_slice(payload)? };
                event.map(|Skipped {}| Self::Unknown(unknown))
            }
        })
    }
}
