//! Characters: who they are, where they are, and what is published about them.

pub mod event;
pub mod name;
pub mod request;
pub mod status;
pub mod traits;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::effects::Effects;

pub use event::{Body, Event, Place};
pub use name::{Name, NameProblem};
pub use request::{Action, Standing};
pub use status::{Asset, AssetChange, Status, StatusChange};
pub use traits::{Appearance, Stats, Trait};

/// Longest text a caller may give as a reason, a world, a zone or a movement, in characters.
pub const MAX_TEXT_CHARS: usize = 64;
/// A coordinate's magnitude at most.
pub const MAX_COORDINATE: f64 = 1e7;

/// What is stored of a character. A character first seen on Kafka is provisioned with a
/// derived UUID, the nil user and the name `character-{number}`.
#[derive(Clone, PartialEq, Debug)]
pub struct Character {
    pub uuid: Uuid,
    /// Nil until somebody sets it.
    pub user: Uuid,
    pub name: Name,
    /// Present while online.
    pub session: Option<Session>,
    /// Where it was last: as published, or as a login on Kafka said.
    pub place: Option<Place>,
    /// Number of NATS events decided for this character so far; gapless from 1.
    pub event_seq: u64,
    /// Number of changes so far, from 1: the `ETag`.
    pub version: u64,
    pub profile: Profile,
}

/// What requests make of a character. All of it is unset in one first seen on Kafka.
#[derive(Clone, PartialEq, Debug)]
pub struct Profile {
    pub class: Option<Box<str>>,
    pub race: Option<Box<str>>,
    pub gender: Option<Box<str>>,
    /// 1..=the catalog's cap.
    pub level: u16,
    /// In all, since the creation.
    pub experience: u64,
    /// Among its user's characters, from 1. A deleted character keeps the number it had.
    pub slot: Option<u8>,
    pub stat_points: u32,
    pub skill_points: u32,
    /// Empty until the class is set.
    pub stats: Stats,
    pub appearance: Appearance,
    /// The session it was selected for; none once another of its user's was selected.
    pub selected: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    pub last_played_at: Option<DateTime<Utc>>,
    /// Of finished sessions.
    pub play_time_ms: u64,
    pub deletion: Option<Deletion>,
    /// Pets it may have out at once, where that is fewer than the rules allow.
    pub max_spawned: Option<u8>,
}

/// A soft deletion.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deletion {
    pub at: DateTime<Utc>,
    /// From then on it is purged.
    pub restorable_until: DateTime<Utc>,
}

/// One login, and what is known of where it plays.
#[derive(Clone, PartialEq, Debug)]
pub struct Session {
    /// `session_id` in events: the transaction of the login, or what a request named.
    pub id: Uuid,
    /// None when a request named a world or zone that is no number: then no game server's
    /// movement is for it.
    pub whereabouts: Option<Whereabouts>,
    /// The login record's own timestamp.
    pub since: DateTime<Utc>,
    /// When the next hunger tick is due; always `since` plus a multiple of the interval.
    pub next_hunger: DateTime<Utc>,
}

/// Where a game server says a character is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Whereabouts {
    pub world: u8,
    pub channel: u8,
    pub map: u32,
    pub instance: Uuid,
}

impl Character {
    pub fn is_deleted(&self) -> bool {
        self.profile.deletion.is_some()
    }

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

impl Profile {
    /// Of a character nobody created here.
    pub fn unset(now: DateTime<Utc>) -> Self {
        Self {
            class: None,
            race: None,
            gender: None,
            level: 1,
            experience: 0,
            slot: None,
            stat_points: 0,
            skill_points: 0,
            stats: Stats::default(),
            appearance: Appearance::default(),
            selected: None,
            created_at: now,
            last_played_at: None,
            play_time_ms: 0,
            deletion: None,
            max_spawned: None,
        }
    }
}
