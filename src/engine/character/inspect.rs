//! One character as it stands, for people.

use std::sync::Arc;

use actix::{Context, Handler, Message};
use chrono::{DateTime, Utc};

use super::CharacterActor;
use super::recent::Handled;
use crate::domain::character::Character;
use crate::domain::pet::Pet;
use crate::engine::record::Partition;
use crate::telemetry::mailbox::{Envelope, MessageKind};

/// Show everything. Waits its turn like any message: what it shows, all before it have done.
#[derive(Message)]
#[rtype(result = "Snapshot")]
pub struct Inspect {
    pub envelope: Envelope,
}

/// What an actor holds. May be one round ahead of SQL.
#[derive(Debug, actix::MessageResponse)]
pub struct Snapshot {
    pub character: Option<Character>,
    pub pets: Vec<Pet>,
    /// When the clock has to come by.
    pub next_due: Option<DateTime<Utc>>,
    /// The newest first.
    pub handled: Vec<Handled>,
    /// The newest record of each partition.
    pub progress: Vec<(Arc<Partition>, i64)>,
}

impl Handler<Inspect> for CharacterActor {
    type Result = Snapshot;

    fn handle(&mut self, mut message: Inspect, _: &mut Context<Self>) -> Snapshot {
        let _handling = message.envelope.open(MessageKind::Inspect);
        Snapshot {
            character: self.owner.character().cloned(),
            pets: self.owner.pets().to_vec(),
            next_due: self.owner.next_due(),
            handled: self.recent.handled().copied().collect(),
            progress: self.recent.progress().to_vec(),
        }
    }
}
