//! Characters: who they are, where they are, and what is published about them.

pub mod event;
pub mod status;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::effects::Effects;

pub use event::{Body, Event, Place};
pub use status::{Asset, AssetChange, Status, StatusChange};

/// What is stored of a character. A character first seen on Kafka is provisioned with a
/// derived UUID, the nil user and the name `character-{number}`.
#[derive(Clone, PartialEq, Debug)]
pub struct Character {
    pub uuid: Uuid,
    pub user: Uuid,
    pub name: Box<str>,
    /// Present while online.
    pub session: Option<Session>,
    /// The last position published; none before the first.
    pub place: Option<Place>,
    /// Number of NATS events decided for this character so far; gapless from 1.
    pub event_seq: u64,
}

/// One login, and what is known of where it plays.
#[derive(Clone, PartialEq, Debug)]
pub struct Session {
    /// `session_id` in events: the transaction of the login, or what a request named.
    pub id: Uuid,
    pub world: u8,
    pub channel: u8,
    pub map: u32,
    pub instance: Uuid,
    /// The login record's own timestamp.
    pub since: DateTime<Utc>,
    /// When the next hunger tick is due; always `since` plus a multiple of the interval.
    pub next_hunger: DateTime<Utc>,
}

impl Character {
    /// Publishes one event of this character under its next number.
    pub(super) fn publish(&mut self, body: Body, now: DateTime<Utc>, out: &mut Effects) {
        self.event_seq += 1;
        out.character(Event {
            character: self.uuid,
            user: self.user,
            at: now,
            seq: self.event_seq,
            body,
        });
    }
}
