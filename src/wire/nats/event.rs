//! Character events.

use serde::Serialize;
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
    Deleted {
        name: &'a str,
        delete_reason: &'a str,
        soft_delete: bool,
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
    let body = match &event.body {
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
        Body::Deleted { name, reason, soft } => {
            Fields::Deleted { name, delete_reason: reason, soft_delete: *soft }
        }
    };
    let message = Message {
        event_id,
        event_type: event.body.name(),
        character_id: event.character,
        user_id: event.user,
        timestamp: timestamp(event.at),
        version: VERSION,
        body,
    };
    serde_json::to_vec(&message).expect("keys are text and writing to memory cannot fail")
}

/// The subject an event is published to.
pub fn subject(event: &Event) -> &'static str {
    event.body.name()
}

#[cfg(test)]
mod tests;
