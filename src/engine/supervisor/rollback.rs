//! Taking rounds apart: what to do when a step panicked or the database refused a round.
//!
//! Nothing of the broken round or of those after it is in SQL, so the state their actors
//! hold is forgotten, and their inputs go back to the front of the queue in their old
//! order. Those that may be at fault get a round of their own; one that fails alone is
//! never tried again.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::queue::Waiting;
use super::{BrokerSupervisor, Stage};
use crate::domain::CharacterKey;
use crate::engine::character::Retire;
use crate::engine::record::{Progress, Target};
use crate::engine::round::{
    Answer, Death, Item, Named, Origin, Round, Stepped, Unrouted, UnroutedEnd,
};
use crate::telemetry::metrics::METRICS;
use crate::telemetry::vitals::Vitals;

/// How long a clock is let be whose work was given up: it would be due again at once.
const LET_BE: TimeDelta = TimeDelta::seconds(10);
/// A character whose clock was let be so long ago is as any other.
const FORGIVEN_AFTER: TimeDelta = TimeDelta::hours(1);
/// Actors dropped at a time whose counters are kept; those of offline characters may be left.
const MAX_BEREAVED: usize = 4_096;

/// The first round that cannot stand.
pub struct Broken {
    number: i64,
    /// The database refused it: any of its inputs may be why.
    refusal: Option<String>,
}

/// What is left of rounds that were taken apart.
#[derive(Default)]
struct Remains {
    waiting: Vec<Waiting>,
    progress: Vec<Progress>,
    /// Characters whose clock's work was given up.
    given_up: Vec<CharacterKey>,
}

impl BrokerSupervisor {
    /// A step of this round panicked.
    pub(super) fn break_at(&mut self, number: i64) {
        let is_first = self.broken.as_ref().is_none_or(|broken| number < broken.number);
        if is_first {
            self.broken = Some(Broken { number, refusal: None });
        }
    }

    /// The committer gives a round back: refused, or handed in behind a refused one.
    pub(super) fn take_back(&mut self, round: Round, refusal: Option<String>) {
        let number = round.number;
        if let Some(open) = self.open.iter_mut().find(|open| open.context.number == number) {
            open.unrouted = round.unrouted;
            open.progress = round.progress;
            open.stage = Stage::Stepped(round.stepped);
        }
        if refusal.is_some() {
            self.broken = Some(Broken { number, refusal });
        }
    }

    /// Whether a round stands before the broken one, if there is one.
    pub(super) fn is_sound(&self, number: i64) -> bool {
        self.broken.as_ref().is_none_or(|broken| number < broken.number)
    }

    /// Takes the broken round and all after it apart, once those before it are committed
    /// and every actor has answered.
    pub(super) fn take_apart(&mut self) {
        let Some(broken) = &self.broken else { return };
        // A draft that waits for SQL comes behind the broken round: it is dispatched first, so
        // that its inputs are taken apart with the rest and keep their place.
        let is_ready = !self.is_resolving
            && self.open.front().is_some_and(|open| open.context.number == broken.number)
            && self.open.iter().all(|open| matches!(open.stage, Stage::Stepped(_)));
        if !is_ready {
            return;
        }
        let Some(broken) = self.broken.take() else { return };
        let mut remains = Remains::default();
        for open in std::mem::take(&mut self.open) {
            let Stage::Stepped(stepped) = open.stage else { continue };
            for stepped in &stepped {
                self.forget(stepped.key, stepped.death.is_some());
            }
            let is_broken = open.context.number == broken.number;
            let refusal = broken.refusal.as_deref().filter(|_| is_broken);
            self.retry_claims.extend(open.claims);
            remains.add(stepped, open.unrouted, open.progress, refusal);
        }
        tracing::warn!(
            round = broken.number,
            num_inputs = remains.waiting.len(),
            "round taken apart, its inputs are tried again"
        );
        self.next_round = broken.number;
        self.let_be(remains.given_up);
        self.queue.push_retry(remains.waiting, remains.progress);
        if self.queue.has_retried() {
            // All were given up: whoever waited for them does not wait for another round.
            let claims = std::mem::take(&mut self.retry_claims);
            self.queue.push_waited(self.claims.release(claims));
        }
    }

    fn let_be(&mut self, given_up: Vec<CharacterKey>) {
        if !given_up.is_empty() {
            let now = Utc::now();
            self.let_be.retain(|_, until| now - *until < FORGIVEN_AFTER);
            self.let_be.extend(given_up.into_iter().map(|key| (key, now + LET_BE)));
        }
    }

    /// The clock comes by for a character: alone, if it failed before, so that nobody else's work
    /// is taken apart with it, and not yet, if it is let be.
    pub(super) fn push_due(&mut self, key: CharacterKey) {
        match self.let_be.get(&key) {
            None => self.queue.push_due(key),
            Some(until) if *until > Utc::now() => {}
            Some(_) => {
                self.let_be.remove(&key);
                self.queue.push_suspect(key);
            }
        }
    }

    /// Puts off what is due of characters that are let be.
    pub(super) fn put_off(&self, due: &mut [(CharacterKey, Option<DateTime<Utc>>)]) {
        if self.let_be.is_empty() {
            return;
        }
        for (key, at) in due {
            if let (Some(at), Some(until)) = (at, self.let_be.get(key)) {
                *at = (*at).max(*until);
            }
        }
    }

    /// Drops an actor together with the state that no commit stands behind.
    fn forget(&mut self, key: CharacterKey, is_dead: bool) {
        let Some(vitals) = self.drop_actor(key, if is_dead { "panic" } else { "rollback" }) else {
            return;
        };
        if self.bereaved.len() < MAX_BEREAVED {
            self.bereaved.insert(key, vitals);
        }
    }

    /// Ends an actor that is to be built anew from SQL; gives its counters.
    pub(super) fn drop_actor(&mut self, key: CharacterKey, reason: &str) -> Option<Arc<Vitals>> {
        let entry = self.parts.registry.remove(key)?;
        // Its clock goes on and its movement is believed, whether or not an input comes for it.
        if entry.census.is_online {
            self.orphans.push(key);
        }
        METRICS.actors.stopped.with_label_values(&[reason]).inc();
        METRICS.actors.restarted.inc();
        if entry.due.is_some() {
            self.schedule(vec![(key, None)]);
        }
        entry.addr.do_send(Retire::of(&entry));
        Some(entry.vitals)
    }
}

impl Remains {
    fn add(
        &mut self,
        stepped: Vec<Stepped>,
        unrouted: Vec<Unrouted>,
        progress: Vec<Progress>,
        refusal: Option<&str>,
    ) {
        // A second wave that dies comes of an item that seems sound: any of them.
        let is_wave = |stepped: &&Stepped| {
            stepped.death.is_some()
                && stepped.items.iter().any(|item| matches!(item.origin, Origin::Consequence))
        };
        let dead_wave = stepped.iter().find(is_wave).map(|_| "a consequence cannot be stepped");
        let refusal = refusal.or(dead_wave);
        let mut items: Vec<(Item, Option<Arc<str>>)> = Vec::new();
        let mut dead: Vec<(Item, String, String)> = Vec::new();
        for stepped in stepped {
            let fault = match &stepped.death {
                Some(Death::Panicked(cause)) => Some(Arc::from(cause.as_str())),
                Some(Death::Gone) => None,
                None => refusal.map(Arc::from),
            };
            let own = stepped.items.into_iter();
            let own = own.filter(|item| !matches!(item.origin, Origin::Consequence));
            items.extend(own.map(|item| (item, fault.clone())));
        }
        for Unrouted { item, end } in unrouted {
            match end {
                UnroutedEnd::Unknown(_) | UnroutedEnd::Answered(_) => {
                    items.push((item, refusal.map(Arc::from)))
                }
                UnroutedEnd::DeadLetter { reason, detail } => dead.push((item, reason, detail)),
            }
        }
        let reason = if refusal.is_some() { "refused" } else { "panic" };
        let given_up = &mut self.given_up;
        let retried =
            items.into_iter().filter_map(|(item, fault)| retry(item, fault, reason, given_up));
        let mut waiting: Vec<Waiting> = retried.collect();
        waiting.extend(dead.into_iter().map(|(item, reason, detail)| Waiting::Dead {
            item,
            reason,
            detail,
        }));
        waiting.sort_by_key(|waiting| match waiting {
            Waiting::Item(item) | Waiting::Dead { item, .. } => item.index,
        });
        self.waiting.append(&mut waiting);
        self.progress.extend(progress);
    }
}

/// The item once more; alone if it may be at fault. One that failed alone is given up: a
/// record as a dead letter, a request with an answer, the clock's work with a log line.
fn retry(
    mut item: Item,
    fault: Option<Arc<str>>,
    reason: &str,
    given_up: &mut Vec<CharacterKey>,
) -> Option<Waiting> {
    let Some(fault) = fault else { return Some(Waiting::Item(item)) };
    if !item.is_suspect {
        item.is_suspect = true;
        return Some(Waiting::Item(item));
    }
    let named = item.named(None);
    match item.origin {
        Origin::Record(_) => {
            Some(Waiting::Dead { item, reason: reason.into(), detail: fault.to_string() })
        }
        Origin::Request(_) => {
            let Named { tenant, character, trace_id } = named;
            let command = item.input.name();
            tracing::error!(tenant, character, trace_id, command, "request given up: {fault}");
            item.origin.answer(Answer::Failed);
            None
        }
        Origin::Clock | Origin::Consequence => {
            let Named { tenant, character, .. } = named;
            tracing::error!(tenant, character, "clock's work given up: {fault}");
            if let Target::Owner(key) = item.target {
                given_up.push(key);
            }
            None
        }
    }
}
