//! Giving the shard back: everything accepted is finished, and nothing is begun after that.

use std::time::Instant;

use actix::{Context, Handler};
use tokio::sync::oneshot;

use super::gather::Draft;
use super::{BrokerSupervisor, Drain};
use crate::telemetry::mailbox::MessageKind;

/// Whether the shard is being given back.
pub(super) enum Draining {
    No,
    /// What was accepted is finished; then this is told.
    Yes(oneshot::Sender<()>),
    /// It was told, and whoever comes next will find everything in SQL: what comes late, such as
    /// a batch the intake was gathering, is never begun. Only the lease is still renewed.
    Over,
}

impl BrokerSupervisor {
    pub(super) fn is_over(&self) -> bool {
        matches!(self.drain, Draining::Over)
    }

    /// Says that everything is committed, once it is.
    pub(super) fn end_drain(&mut self, context: &mut Context<Self>) {
        if !self.queue.is_empty() || !self.is_quiet() || !matches!(self.drain, Draining::Yes(_)) {
            return;
        }
        if self.queue.has_progress() {
            self.dispatch(Draft::default(), Instant::now(), context);
        } else if let Draining::Yes(done) = std::mem::replace(&mut self.drain, Draining::Over) {
            self.retire_all();
            let _ = done.send(());
        }
    }
}

impl Handler<Drain> for BrokerSupervisor {
    type Result = ();

    fn handle(&mut self, mut message: Drain, context: &mut Context<Self>) {
        let _handling = message.envelope.open(MessageKind::Drain);
        self.drain = Draining::Yes(message.done);
        self.pump(context);
    }
}
