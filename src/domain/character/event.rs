//! What is published about a character on NATS (`spec/character-events.md`).

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// One character event: the fields every event has, and its body.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    pub character: Uuid,
    pub user: Uuid,
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// This character's own gapless number of the event, from 1.
    pub seq: u64,
    pub body: Body,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    Online {
        name: Box<str>,
        session: Uuid,
        world: String,
        zone: String,
    },
    Offline {
        name: Box<str>,
        session: Uuid,
        /// Nanoseconds, as `online_duration` carries it.
        online_nanos: u64,
        reason: String,
    },
    PositionUpdated {
        previous: Option<Place>,
        new: Place,
        movement: String,
    },
    Deleted {
        name: Box<str>,
        reason: String,
        soft: bool,
    },
}

/// A position as the events carry it.
#[derive(Clone, PartialEq, Debug)]
pub struct Place {
    pub world: Box<str>,
    pub zone: Box<str>,
    pub x: f64,
    pub y: f64,
    pub z: f64,
}

impl Place {
    /// Where a game server says a character is: its world and map as text, z 0.
    pub fn on_map(world: u8, map: u32, (x, y): (i16, i16)) -> Self {
        Self {
            world: world.to_string().into(),
            zone: map.to_string().into(),
            x: x.into(),
            y: y.into(),
            z: 0.0,
        }
    }
}

impl Body {
    /// The event's type, which is also its NATS subject.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Online { .. } => "character.online",
            Self::Offline { .. } => "character.offline",
            Self::PositionUpdated { .. } => "character.position.updated",
            Self::Deleted { .. } => "character.deleted",
        }
    }
}
