//! Bringing characters into memory for a round, and letting the idle ones go.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use rustc_hash::{FxBuildHasher, FxHashSet};

use super::{BrokerSupervisor, Draft};
use crate::domain::{CharacterId, CharacterKey, Owner, PetKey, Tenant, TenantId};
use crate::engine::character::{CharacterActor, Retire};
use crate::engine::record::Target;
use crate::engine::registry::Entry;
use crate::engine::round::{Census, Unrouted, UnroutedEnd};
use crate::store::{self, Store, Stored};
use crate::telemetry::metrics::METRICS;

/// Between two attempts to read from a database that is away.
const RETRY_EVERY: Duration = Duration::from_millis(250);

/// Characters that were online when the last process ended.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Restore {
    pub stored: Vec<Stored>,
}

/// What SQL said about the draft's unknowns.
struct Found {
    owners: Vec<(PetKey, CharacterId)>,
    stored: Vec<Stored>,
}

impl BrokerSupervisor {
    /// Asks SQL, one query for all pets and one for all characters, then dispatches.
    pub(super) fn resolve(&mut self, draft: Draft, started: Instant, context: &mut Context<Self>) {
        self.is_resolving = true;
        let lost: FxHashSet<PetKey> = draft.lost.iter().filter_map(pet_of).collect();
        let absent = draft.absent.clone();
        let registry = Arc::clone(&self.parts.registry);
        let store = self.parts.store.clone();
        let found = self.parts.runtime.spawn(async move {
            look_up(store, lost.into_iter().collect(), absent, |key| registry.contains(key)).await
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
        found: Found,
        started: Instant,
        context: &mut Context<Self>,
    ) {
        for (pet, character) in found.owners {
            self.directory.insert(pet, character);
        }
        for stored in found.stored {
            if !self.parts.registry.contains(stored.key) {
                self.activate(stored);
            }
        }
        for item in std::mem::take(&mut draft.lost) {
            match item.owner(&self.directory) {
                Some(key) => {
                    if draft.add(key, item) {
                        draft.absent.push(key);
                    }
                }
                None => draft.unrouted.push(Unrouted { item, end: UnroutedEnd::UnknownPet }),
            }
        }
        for key in std::mem::take(&mut draft.absent) {
            if !self.parts.registry.contains(key) {
                // Nothing is stored of this one: it begins here.
                let tenant = self.parts.tenants.intern(unnamed(key.tenant));
                self.start(Owner::new(tenant, key.character));
            }
        }
        METRICS.actors.activation_seconds.observe(started.elapsed().as_secs_f64());
        self.dispatch(draft, started, context);
    }

    fn activate(&mut self, stored: Stored) {
        let tenant = stored.tenant.unwrap_or_else(|| unnamed(stored.key.tenant));
        let tenant = self.parts.tenants.intern(tenant);
        let id = stored.key.character;
        self.start(Owner::restored(tenant, id, stored.character, stored.pets));
    }

    /// Starts the actor of an owner that is not in memory.
    fn start(&mut self, owner: Owner) {
        let key = owner.key();
        let tenant = key.tenant;
        for pet in owner.pets() {
            self.directory.insert(PetKey { tenant, pet: pet.id }, key.character);
        }
        let due = owner.next_due();
        let census = Census::of(&owner);
        let arbiters = &self.parts.arbiters;
        let arbiter = &arbiters[arbiter_of(key, arbiters.len())];
        let addr = CharacterActor::start_in_arbiter(arbiter, |_| CharacterActor::new(owner));
        let now = Instant::now();
        let entry = Entry { addr, last_round: self.last_committed, touched: now, due, census };
        self.parts.registry.insert(key, entry);
        if census.world.is_none() {
            self.offline.push_back((now, key));
        }
        METRICS.actors.spawned.inc();
        if due.is_some() {
            self.schedule(vec![(key, due)]);
        }
    }

    /// Lets offline characters go that nobody asked for in a while. Only what is committed
    /// may leave: an actor of an open round is looked at again later.
    pub(super) fn retire_idle(&mut self, context: &mut Context<Self>) {
        let idle = self.parts.idle_passivation;
        while let Some((since, key)) = self.offline.front().copied() {
            if since.elapsed() < idle {
                break;
            }
            self.offline.pop_front();
            let last_committed = self.last_committed;
            let verdict = self.parts.registry.read(key, |entry| {
                let is_offline = entry.census.world.is_none();
                let is_idle = entry.touched.elapsed() >= idle && entry.last_round <= last_committed;
                (is_offline, is_idle, entry.touched)
            });
            match verdict {
                Some((true, true, _)) => self.retire(key, context),
                Some((true, false, touched)) => self.offline.push_back((touched.max(since), key)),
                // Online again: it comes back to this list when it logs out.
                Some((false, ..)) | None => {}
            }
        }
    }

    fn retire(&mut self, key: CharacterKey, context: &mut Context<Self>) {
        let Some(entry) = self.parts.registry.remove(key) else { return };
        if entry.due.is_some() {
            self.schedule(vec![(key, None)]);
        }
        METRICS.actors.passivated.with_label_values(&["idle"]).inc();
        METRICS.actors.stopped.with_label_values(&["passivated"]).inc();
        let pets = entry.addr.send(Retire);
        context.spawn(pets.into_actor(self).map(move |pets, this, _| {
            // Loaded anew in the meantime? Then its pets are known for good reason.
            if !this.parts.registry.contains(key) {
                for pet in pets.unwrap_or_default() {
                    this.directory.remove(&PetKey { tenant: key.tenant, pet });
                }
            }
        }));
    }
}

impl Handler<Restore> for BrokerSupervisor {
    type Result = ();

    fn handle(&mut self, message: Restore, _: &mut Context<Self>) {
        for stored in message.stored {
            self.activate(stored);
        }
    }
}

fn pet_of(item: &crate::engine::round::Item) -> Option<PetKey> {
    match item.target {
        Target::Pet(key) => Some(key),
        Target::Owner(_) | Target::Nobody => None,
    }
}

/// A tenant of which only the id is known; the first input that names it whole replaces it.
fn unnamed(id: TenantId) -> Tenant {
    Tenant { id, region: "".into(), major: 0, minor: 0 }
}

fn arbiter_of(key: CharacterKey, num_arbiters: usize) -> usize {
    let mut hasher = FxBuildHasher.build_hasher();
    key.hash(&mut hasher);
    let hash = std::hash::Hasher::finish(&hasher);
    // The high bits: the registry's map shards by the others.
    usize::try_from(hash >> 32).unwrap_or_default() % num_arbiters
}

/// Reads until the database answers: a database that is away is no reason to refuse.
async fn look_up(
    store: Store,
    lost: Vec<PetKey>,
    mut absent: Vec<CharacterKey>,
    is_here: impl Fn(CharacterKey) -> bool,
) -> Found {
    let owners = if lost.is_empty() { Vec::new() } else { insist(|| store.owners_of(&lost)).await };
    for (pet, character) in &owners {
        let key = CharacterKey { tenant: pet.tenant, character: *character };
        if !is_here(key) {
            absent.push(key);
        }
    }
    absent.sort_unstable();
    absent.dedup();
    let stored = if absent.is_empty() { Vec::new() } else { insist(|| store.load(&absent)).await };
    Found { owners, stored }
}

async fn insist<T, F>(mut read: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, store::Error>>,
{
    loop {
        match read().await {
            Ok(found) => return found,
            Err(error) => {
                tracing::warn!("reading from the database failed, trying again: {error}");
                METRICS.round.retried.with_label_values(&["read"]).inc();
                tokio::time::sleep(RETRY_EVERY).await;
            }
        }
    }
}
