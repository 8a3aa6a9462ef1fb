//! An actor as the API lists it, and its line in the table.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::cli::table::{instant, or_dash, seconds};

pub(super) const COLUMNS: [&str; 9] =
    ["KEY", "STATE", "MAILBOX", "WAIT", "PROCESSED", "RATE", "IDLE", "MAP", "LAST ERROR"];

/// What the list and the look inside have in common.
#[derive(Deserialize)]
pub(super) struct Actor {
    pub(super) key: String,
    pub(super) state: String,
    pub(super) mailbox: Mailbox,
    pub(super) oldest_wait_seconds: Option<f64>,
    pub(super) processed: u64,
    pub(super) rate: f64,
    pub(super) last_error: Option<LastError>,
    pub(super) idle_seconds: Option<f64>,
    pub(super) location: Option<Location>,
}

#[derive(Deserialize)]
pub(super) struct Mailbox {
    pub(super) messages: u64,
    pub(super) deepest: u64,
    pub(super) capacity: i64,
}

#[derive(Deserialize)]
pub(super) struct LastError {
    pub(super) at: DateTime<Utc>,
    pub(super) message: String,
}

#[derive(Deserialize)]
pub(super) struct Location {
    pub(super) world_id: u32,
    pub(super) channel_id: u32,
    pub(super) map_id: u32,
    pub(super) instance: String,
}

pub(super) fn row(actor: Actor) -> [String; 9] {
    let error = actor.last_error.map(|error| format!("{} {}", instant(error.at), error.message));
    [
        actor.key,
        actor.state,
        format!("{}/{}", actor.mailbox.messages, actor.mailbox.capacity),
        or_dash(actor.oldest_wait_seconds.map(seconds)),
        actor.processed.to_string(),
        format!("{:.1}/s", actor.rate),
        or_dash(actor.idle_seconds.map(seconds)),
        or_dash(actor.location.map(|location| location.map_id)),
        or_dash(error),
    ]
}
