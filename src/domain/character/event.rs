//! What is published about a character on NATS (`spec/character-events.md`).

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Stats;

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
    Created {
        name: Box<str>,
        class: Box<str>,
        race: Box<str>,
        gender: Box<str>,
        level: u16,
        slot: u8,
    },
    Deleted {
        name: Box<str>,
        reason: Box<str>,
        soft: bool,
    },
    Restored {
        name: Box<str>,
        reason: Box<str>,
    },
    Selected {
        name: Box<str>,
        session: Uuid,
        /// None: the caller did not say.
        ip: Option<IpAddr>,
    },
    Online {
        name: Box<str>,
        session: Uuid,
        world: Box<str>,
        zone: Box<str>,
    },
    Offline {
        name: Box<str>,
        session: Uuid,
        /// Nanoseconds, as `online_duration` carries it.
        online_nanos: u64,
        reason: Box<str>,
    },
    PositionUpdated {
        previous: Option<Place>,
        new: Place,
        movement: Box<str>,
    },
    StatsUpdated {
        update: &'static str,
        previous: Stats,
        new: Stats,
        /// What each stat that moved gained.
        changes: Vec<(Box<str>, u32)>,
    },
    AppearanceUpdated {
        /// In the catalog's order.
        fields: Vec<Box<str>>,
        reason: Box<str>,
    },
    LevelUp {
        name: Box<str>,
        previous: u16,
        new: u16,
        /// In all, after the award.
        experience: u64,
        stat_points: u32,
        skill_points: u32,
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
            Self::Created { .. } => "character.created",
            Self::Deleted { .. } => "character.deleted",
            Self::Restored { .. } => "character.restored",
            Self::Selected { .. } => "character.selected",
            Self::Online { .. } => "character.online",
            Self::Offline { .. } => "character.offline",
            Self::PositionUpdated { .. } => "character.position.updated",
            Self::StatsUpdated { .. } => "character.stats.updated",
            Self::AppearanceUpdated { .. } => "character.appearance.updated",
            Self::LevelUp { .. } => "character.levelup",
        }
    }
}
