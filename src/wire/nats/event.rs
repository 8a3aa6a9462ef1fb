//! Character events.

use std::net::IpAddr;

use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::timestamp;
use crate::domain::character::event::{Body, Event, Place};

/// `version` of every event.
pub const VERSION: &str = "1.0";

#[derive(Serialize)]
struct Message<'a> {
    event_id: Uuid,
    event_type: &'static str,
    character_id: Uuid,
    user_id: Uuid,
    timestamp: String,
    version: &'static str,
    #[serde(flatten)]
    body: Fields<'a>,
}

/// What follows the envelope, in the specification's order.
#[derive(Serialize)]
#[serde(untagged)]
enum Fields<'a> {
    Created {
        name: &'a str,
        class_type: &'a str,
        race: &'a str,
        gender: &'a str,
        level: u16,
        slot_number: u8,
    },
    Deleted {
        name: &'a str,
        delete_reason: &'a str,
        soft_delete: bool,
    },
    Restored {
        name: &'a str,
        restore_reason: &'a str,
    },
    Selected {
        name: &'a str,
        session_id: Uuid,
        /// Empty when the caller did not say.
        #[serde(serialize_with = "address")]
        ip: Option<IpAddr>,
    },
    Online {
        name: &'a str,
        session_id: Uuid,
        world_id: &'a str,
        zone_id: &'a str,
    },
    Offline {
        name: &'a str,
        session_id: Uuid,
        online_duration: u64,
        reason: &'a str,
    },
    PositionUpdated {
        #[serde(skip_serializing_if = "Option::is_none")]
        previous_position: Option<Position<'a>>,
        new_position: Position<'a>,
        movement_type: &'a str,
    },
    StatsUpdated {
        update_type: &'a str,
        #[serde(serialize_with = "points")]
        previous_stats: &'a [(Box<str>, u32)],
        #[serde(serialize_with = "points")]
        new_stats: &'a [(Box<str>, u32)],
        #[serde(serialize_with = "points")]
        changes: &'a [(Box<str>, u32)],
    },
    AppearanceUpdated {
        changed_fields: &'a [Box<str>],
        reason: &'a str,
    },
    LevelUp {
        name: &'a str,
        previous_level: u16,
        new_level: u16,
        experience: u64,
        stat_points_gained: u32,
        skill_points_gained: u32,
    },
}

#[derive(Serialize)]
struct Position<'a> {
    world_id: &'a str,
    zone_id: &'a str,
    position_x: f64,
    position_y: f64,
    position_z: f64,
}

impl<'a> From<&'a Place> for Position<'a> {
    fn from(place: &'a Place) -> Self {
        Self {
            world_id: &place.world,
            zone_id: &place.zone,
            position_x: place.x,
            position_y: place.y,
            position_z: place.z,
        }
    }
}

/// The message of one event. Coordinates are finite.
pub fn encode(event_id: Uuid, event: &Event) -> Vec<u8> {
    let message = Message {
        event_id,
        event_type: event.body.name(),
        character_id: event.character,
        user_id: event.user,
        timestamp: timestamp(event.at),
        version: VERSION,
        body: fields(&event.body),
    };
    serde_json::to_vec(&message).expect("keys are text and writing to memory cannot fail")
}

fn fields(body: &Body) -> Fields<'_> {
    match body {
        Body::Created { name, class, race, gender, level, slot } => Fields::Created {
            name,
            class_type: class,
            race,
            gender,
            level: *level,
            slot_number: *slot,
        },
        Body::Deleted { name, reason, soft } => {
            Fields::Deleted { name, delete_reason: reason, soft_delete: *soft }
        }
        Body::Restored { name, reason } => Fields::Restored { name, restore_reason: reason },
        Body::Selected { name, session, ip } => {
            Fields::Selected { name, session_id: *session, ip: *ip }
        }
        Body::Online { name, session, world, zone } => {
            Fields::Online { name, session_id: *session, world_id: world, zone_id: zone }
        }
        Body::Offline { name, session, online_nanos, reason } => {
            Fields::Offline { name, session_id: *session, online_duration: *online_nanos, reason }
        }
        Body::PositionUpdated { previous, new, movement } => Fields::PositionUpdated {
            previous_position: previous.as_ref().map(Position::from),
            new_position: new.into(),
            movement_type: movement,
        },
        Body::StatsUpdated { update, previous, new, changes } => Fields::StatsUpdated {
            update_type: update,
            previous_stats: &previous.0,
            new_stats: &new.0,
            changes,
        },
        Body::AppearanceUpdated { fields, reason } => {
            Fields::AppearanceUpdated { changed_fields: fields, reason }
        }
        Body::LevelUp { name, previous, new, experience, stat_points, skill_points } => {
            Fields::LevelUp {
                name,
                previous_level: *previous,
                new_level: *new,
                experience: *experience,
                stat_points_gained: *stat_points,
                skill_points_gained: *skill_points,
            }
        }
    }
}

fn address<S: Serializer>(ip: &Option<IpAddr>, serializer: S) -> Result<S::Ok, S::Error> {
    match ip {
        Some(ip) => serializer.collect_str(ip),
        None => serializer.serialize_str(""),
    }
}

/// An object, in the order given.
fn points<S: Serializer>(points: &[(Box<str>, u32)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(points.iter().map(|(name, points)| (name, points)))
}

/// The subject an event is published to.
pub fn subject(event: &Event) -> &'static str {
    event.body.name()
}

#[cfg(test)]
mod tests;
