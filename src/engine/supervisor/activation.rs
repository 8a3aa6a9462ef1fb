//! Bringing characters into memory for a round, and letting the idle ones go.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::time::Instant;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use chrono::{DateTime, Utc};
use rustc_hash::{FxBuildHasher, FxHashSet};

use super::facts::{Questions, inform, is_creating, repeated};
use super::lookup::{Found, look_up};
use super::{BrokerSupervisor, Draft};
use crate::domain::{CharacterKey, Owner, PetKey, Reason, Tenant, TenantId};
use crate::engine::character::{CharacterActor, Retire, Retired};
use crate::engine::record::Target;
use crate::engine::registry::Entry;
use crate::engine::round::{Census, Unrouted, UnroutedEnd};
use crate::store::Stored;
use crate::telemetry::mailbox::{Envelope, MessageKind};
use crate::telemetry::metrics::METRICS;

/// Offline characters kept in memory, however recently they were used; beyond it the ones
/// that were idle longest leave early.
const MAX_OFFLINE: usize = 65_536;

/// Characters that were online when the last process ended.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Restore {
    pub stored: Vec<Stored>,
    pub envelope: Envelope,
}

impl BrokerSupervisor {
    /// Asks SQL about all of the draft's unknowns together, then dispatches.
    pub(super) fn resolve(&mut self, draft: Draft, started: Instant, context: &mut Context<Self>) {
        self.is_resolving = true;
        let lost: FxHashSet<PetKey> = draft.lost.iter().filter_map(pet_of).collect();
        let mut questions = Questions::default();
        draft.lost.iter().for_each(|item| questions.add(item));
        let mut absent = draft.absent.clone();
        // One that asks for more than its character may have an owner that is not in memory.
        for item in &draft.lost {
            let owner = item.owner(&self.directory, &self.uuids);
            match owner.filter(|key| !self.parts.registry.contains(*key)) {
                Some(key) if is_creating(item) => questions.characters.numbers.push(key),
                Some(key) => absent.push(key),
                None => {}
            }
        }
        absent.extend(&draft.orphans);
        let registry = Arc::clone(&self.parts.registry);
        let store = self.parts.store.clone();
        let found = self.parts.runtime.spawn(async move {
            let lost = lost.into_iter().collect();
            look_up(store, lost, questions, absent, |key| registry.contains(key)).await
        });
        context.spawn(found.into_actor(self).map(move |found, this, context| {
            this.is_resolving = false;
            // The runtime outlives the actors; only a panic while reading ends it early.
            let found = found.expect("reading from the store does not panic");
            this.found(draft, found, started, context);
            this.take_apart();
            this.pump(context);
        }));
    }

    fn found(
        &mut self,
        mut draft: Draft,
        mut found: Found,
        started: Instant,
        context: &mut Context<Self>,
    ) {
        for (pet, character) in std::mem::take(&mut found.owners) {
            self.directory.insert(pet, character);
        }
        for (uuid, character) in &found.known.numbers {
            self.uuids.insert(*uuid, *character);
        }
        self.activate_all(std::mem::take(&mut found.stored));
        for mut item in std::mem::take(&mut draft.lost) {
            if let Some(answer) = repeated(&item, &found) {
                draft.unrouted.push(Unrouted { item, end: UnroutedEnd::Answered(answer) });
                continue;
            }
            match item.owner(&self.directory, &self.uuids) {
                Some(key) => {
                    inform(&mut item, key, &found);
                    if draft.add(key, item) {
                        draft.absent.push(key);
                    }
                }
                None => {
                    let reason = match item.target {
                        Target::Character(..) => Reason::UnknownCharacter,
                        _ => Reason::UnknownPet,
                    };
                    draft.unrouted.push(Unrouted { item, end: UnroutedEnd::Unknown(reason) });
                }
            }
        }
        for (key, detail) in found.unreadable {
            draft.give_up(key, &detail);
        }
        for key in std::mem::take(&mut draft.absent) {
            if !self.parts.registry.contains(key) {
                // Nothing is stored of this one: it begins here.
                let tenant = self.parts.tenants.intern(unnamed(key.tenant));
                let due = self.start(Owner::new(tenant, key.character));
                debug_assert_eq!(due, None, "who begins is offline");
            }
        }
        METRICS.actors.activation_seconds.observe(started.elapsed().as_secs_f64());
        self.dispatch(draft, started, context);
    }

    /// Starts the actors of those that are not in memory.
    fn activate_all(&mut self, all: Vec<Stored>) {
        let mut due = Vec::new();
        for Stored { key, tenant, character, pets } in all {
            if self.parts.registry.contains(key) {
                continue;
            }
            let tenant = self.parts.tenants.intern(tenant.unwrap_or_else(|| unnamed(key.tenant)));
            let at = self.start(Owner::restored(tenant, key.character, character, pets));
            due.extend(at.map(|at| (key, Some(at))));
        }
        self.schedule(due);
    }

    /// Starts the actor of an owner that is not in memory, and says when the clock is to come
    /// by.
    fn start(&mut self, owner: Owner) -> Option<DateTime<Utc>> {
        let key = owner.key();
        let tenant = key.tenant;
        for pet in owner.pets() {
            self.directory.insert(PetKey { tenant, pet: pet.id }, key.character);
        }
        if let Some(character) = owner.character() {
            self.uuids.insert((tenant, character.uuid), key.character);
        }
        let due = owner.next_due();
        let census = Census::of(&owner);
        let arbiters = &self.parts.arbiters;
        let arbiter = &arbiters[arbiter_of(key, arbiters.len())];
        let addr = CharacterActor::start_in_arbiter(arbiter, |_| CharacterActor::new(owner));
        let now = Instant::now();
        let is_listed = !census.is_online;
        let last_round = self.last_committed;
        let vitals = self.bereaved.remove(&key).unwrap_or_default();
        let entry = Entry { addr, vitals, last_round, touched: now, due, census, is_listed };
        self.parts.registry.insert(key, entry);
        if is_listed {
            self.offline.push_back((now, key));
        }
        METRICS.actors.spawned.inc();
        due
    }

    /// Lets offline characters go that nobody asked for in a while. Only what is committed
    /// may leave: an actor of an open round is looked at again later.
    pub(super) fn retire_idle(&mut self, context: &mut Context<Self>) {
        let idle = self.parts.idle_passivation;
        let mut num_looks = self.offline.len();
        while let Some((since, key)) = self.offline.front().copied()
            && num_looks > 0
        {
            let is_crowded = self.offline.len() > MAX_OFFLINE;
            if since.elapsed() < idle && !is_crowded {
                break;
            }
            num_looks -= 1;
            self.offline.pop_front();
            let last_committed = self.last_committed;
            let verdict = self.parts.registry.update(key, |entry| {
                let is_offline = !entry.census.is_online;
                let is_idle = is_crowded || entry.touched.elapsed() >= idle;
                let may_leave = is_idle && entry.last_round <= last_committed;
                entry.is_listed = is_offline && !may_leave;
                (is_offline, may_leave, entry.touched)
            });
            match verdict {
                Some((true, true, _)) => {
                    self.retire(key, if is_crowded { "crowded" } else { "idle" }, context);
                }
                Some((true, false, touched)) => self.offline.push_back((touched.max(since), key)),
                // Online again: it comes back to this list when it logs out.
                Some((false, ..)) | None => {}
            }
        }
    }

    /// Lets everybody go: all is committed, and nothing more comes.
    pub(super) fn retire_all(&mut self) {
        for entry in self.parts.registry.drain() {
            METRICS.actors.passivated.with_label_values(&["drain"]).inc();
            METRICS.actors.stopped.with_label_values(&["passivated"]).inc();
            entry.addr.do_send(Retire::of(&entry));
        }
        self.directory.clear();
        self.uuids.clear();
        self.offline.clear();
    }

    pub(super) fn retire(&mut self, key: CharacterKey, why: &str, context: &mut Context<Self>) {
        let Some(entry) = self.parts.registry.remove(key) else { return };
        if entry.due.is_some() {
            self.schedule(vec![(key, None)]);
        }
        METRICS.actors.passivated.with_label_values(&[why]).inc();
        METRICS.actors.stopped.with_label_values(&["passivated"]).inc();
        let retired = entry.addr.send(Retire::of(&entry));
        context.spawn(retired.into_actor(self).map(move |retired, this, _| {
            // Loaded anew in the meantime? Then it is known for good reason.
            if !this.parts.registry.contains(key) {
                let Retired { uuid, pets } = retired.unwrap_or_default();
                for pet in pets {
                    this.directory.remove(&PetKey { tenant: key.tenant, pet });
                }
                if let Some(uuid) = uuid {
                    this.uuids.remove(&(key.tenant, uuid));
                }
            }
        }));
    }
}

impl Handler<Restore> for BrokerSupervisor {
    type Result = ();

    fn handle(&mut self, mut message: Restore, _: &mut Context<Self>) {
        let _handling = message.envelope.open(MessageKind::Restore);
        self.activate_all(message.stored);
    }
}

fn pet_of(item: &crate::engine::round::Item) -> Option<PetKey> {
    match item.target {
        Target::Pet(key) => Some(key),
        Target::Owner(_) | Target::Character(..) | Target::Nobody => None,
    }
}

/// A tenant of which only the id is known; the first input that names it whole replaces it.
fn unnamed(id: TenantId) -> Tenant {
    Tenant { id, region: "".into(), major: 0, minor: 0 }
}

/// Which of the threads for characters this one's actor lives on.
pub fn arbiter_of(key: CharacterKey, num_arbiters: usize) -> usize {
    let mut hasher = FxBuildHasher.build_hasher();
    key.hash(&mut hasher);
    let hash = std::hash::Hasher::finish(&hasher);
    // The high bits: the registry's map shards by the others.
    usize::try_from(hash >> 32).unwrap_or_default() % num_arbiters
}
