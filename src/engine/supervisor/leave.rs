//! Taking a character out of memory because a person said so.
//!
//! No round is opened until those under way are committed; then nothing of the character is
//! uncommitted and it may go. The engine stands still for as long as one commit takes.

use actix::{Context, Handler, Message};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::BrokerSupervisor;
use crate::domain::CharacterKey;
use crate::telemetry::mailbox::{Envelope, MessageKind};

/// Which way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// Until somebody asks for it. Only while it is offline: an online character hungers.
    Passivate,
    /// It is built anew from SQL: at once if it is online, else when somebody asks for it.
    Restart,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Left {
    Done,
    /// Not in memory.
    Absent,
    /// Not while it is online.
    Online,
}

/// Let a character go once everything it did is committed.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Leave {
    pub key: CharacterKey,
    pub way: Way,
    pub reply: oneshot::Sender<Left>,
    /// As a request's.
    pub permit: OwnedSemaphorePermit,
    pub envelope: Envelope,
}

impl BrokerSupervisor {
    /// Carries out what was asked for, once no round is open.
    pub(super) fn let_go(&mut self, context: &mut Context<Self>) {
        if !self.is_quiet() {
            return;
        }
        for Leave { key, way, reply, .. } in std::mem::take(&mut self.leaving) {
            // Nobody waits any longer: not begun, so not done.
            if reply.is_closed() {
                continue;
            }
            let is_online = self.parts.registry.read(key, |entry| entry.census.is_online);
            let left = match (is_online, way) {
                (None, _) => Left::Absent,
                (Some(true), Way::Passivate) => Left::Online,
                (Some(false), Way::Passivate) => {
                    self.retire(key, "operator", context);
                    Left::Done
                }
                (Some(_), Way::Restart) => {
                    self.drop_actor(key, "operator");
                    Left::Done
                }
            };
            let _ = reply.send(left);
        }
    }
}

impl Handler<Leave> for BrokerSupervisor {
    type Result = ();

    fn handle(&mut self, mut message: Leave, context: &mut Context<Self>) {
        let _handling = message.envelope.open(MessageKind::Leave);
        self.leaving.push(message);
        self.pump(context);
    }
}
