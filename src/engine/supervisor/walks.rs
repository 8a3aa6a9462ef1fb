//! Movement: beside the rounds, in memory only, the newest of each pet wins.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix::{AsyncContext, Context};
use rustc_hash::FxHashMap;

use super::BrokerSupervisor;
use crate::domain::owner::Movement;
use crate::domain::{CharacterKey, Reason};
use crate::engine::character::{Walk, WalkCredit};
use crate::engine::record::Move;
use crate::telemetry::mailbox::Envelope;
use crate::telemetry::metrics::METRICS;

/// Walks on their way to actors; beyond it they wait here and are coalesced.
const MAX_OUTSTANDING: usize = 4_096;
/// Different pets or places of one character that wait; beyond it the oldest gives way.
pub const MAX_WAITING_PER_CHARACTER: usize = 16;
/// How long walks without credit wait before they are tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(2);

/// Movement that no actor has yet.
#[derive(Default)]
pub struct Walks {
    waiting: FxHashMap<CharacterKey, Vec<Movement>>,
    outstanding: Arc<AtomicUsize>,
    is_waiting: bool,
}

impl Walks {
    /// Adds movement. A newer record of the same pet in the same place replaces an older
    /// one; one from another place is judged on its own, for it may be a late packet.
    pub fn take(&mut self, moves: Vec<Move>) {
        for Move { observer, movement } in moves {
            let waiting = self.waiting.entry(observer).or_default();
            match waiting.iter_mut().find(|known| is_same_place(known, &movement)) {
                Some(known) => {
                    *known = movement;
                    METRICS.movement.coalesced.inc();
                }
                None => {
                    if waiting.len() == MAX_WAITING_PER_CHARACTER {
                        waiting.remove(0);
                        METRICS.movement.coalesced.inc();
                    }
                    waiting.push(movement);
                }
            }
        }
    }
}

fn is_same_place(one: &Movement, other: &Movement) -> bool {
    one.pet == other.pet
        && one.map == other.map
        && one.channel == other.channel
        && one.world == other.world
        && one.instance == other.instance
}

impl BrokerSupervisor {
    /// Sends each character its movement, as far as credit goes.
    pub(super) fn flush_walks(&mut self, context: &mut Context<Self>) {
        if self.walks.waiting.is_empty() {
            return;
        }
        if self.walks.outstanding.load(Ordering::Relaxed) >= MAX_OUTSTANDING {
            if !std::mem::replace(&mut self.walks.is_waiting, true) {
                context.run_later(TRY_AGAIN_AFTER, |this, context| {
                    this.walks.is_waiting = false;
                    this.flush_walks(context);
                });
            }
            return;
        }
        let catalog = self.parts.catalog.load_full();
        for (key, movements) in self.walks.waiting.drain() {
            let num_movements = movements.len() as u64;
            let credit = WalkCredit::take(&self.walks.outstanding);
            let sent = self.parts.registry.read(key, |entry| {
                let envelope = Envelope::to_character(&entry.vitals);
                let catalog = Arc::clone(&catalog);
                entry.addr.do_send(Walk { movements, catalog, envelope, credit });
            });
            if sent.is_none() {
                METRICS.movement.ignored(Reason::NotOnline).inc_by(num_movements);
            }
        }
    }
}
