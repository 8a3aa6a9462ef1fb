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

/// Walks on their way to actors, one to a character; beyond it they wait here and are coalesced.
const MAX_OUTSTANDING: usize = 4_096;
/// Different pets or places of one character that wait; beyond it the oldest gives way.
const MAX_WAITING_PER_CHARACTER: usize = 16;
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
        if self.walks.outstanding.load(Ordering::Relaxed) < MAX_OUTSTANDING {
            self.send_walks();
        }
        if !self.walks.waiting.is_empty() && !std::mem::replace(&mut self.walks.is_waiting, true) {
            context.run_later(TRY_AGAIN_AFTER, |this, context| {
                this.walks.is_waiting = false;
                this.flush_walks(context);
            });
        }
    }

    /// Those of characters to which none is on its way.
    fn send_walks(&mut self) {
        let registry = &self.parts.registry;
        let catalog = self.parts.catalog.load_full();
        let Walks { waiting, outstanding, .. } = &mut self.walks;
        waiting.retain(|&key, movements| {
            let must_wait = registry.read(key, |entry| {
                let Some(credit) = WalkCredit::take(&entry.vitals, outstanding) else {
                    return true;
                };
                let movements = std::mem::take(movements);
                let envelope = Envelope::to_character(&entry.vitals);
                let catalog = Arc::clone(&catalog);
                entry.addr.do_send(Walk { movements, catalog, envelope, credit });
                false
            });
            if must_wait.is_none() {
                METRICS.movement.ignored(Reason::NotOnline).inc_by(movements.len() as u64);
            }
            must_wait.unwrap_or(false)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::vitals::Vitals;

    #[test]
    fn one_walk_at_a_time_is_on_its_way_to_a_character() {
        let (vitals, outstanding) = (Arc::default(), Arc::default());
        let take = |to: &Arc<Vitals>| WalkCredit::take(to, &outstanding);
        let first = take(&vitals);
        assert!(first.is_some() && take(&vitals).is_none());
        let other = take(&Arc::default());
        assert!(other.is_some(), "another character's");
        assert_eq!(outstanding.load(Ordering::Relaxed), 2);
        drop(first);
        assert_eq!(outstanding.load(Ordering::Relaxed), 1);
        assert!(take(&vitals).is_some());
    }
}
