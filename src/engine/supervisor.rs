//! The broker supervisor: brings records, requests and the clock's work to the characters
//! they are for, in rounds.
//!
//! A round is gathered from whatever has arrived, resolved (owners of pets, characters that
//! are not in memory), stepped by the actors, and handed to the committer. At most
//! [`MAX_OPEN_ROUNDS`] are open: one committing, one stepping ahead of it. That, and the
//! intake's credits, bound everything the engine holds.

pub mod activation;
mod claims;
mod crowd;
mod drain;
pub(super) mod facts;
mod gather;
pub mod inbox;
pub mod leave;
pub(super) mod lookup;
mod messages;
mod queue;
mod rollback;
mod upkeep;
pub mod walks;
mod waves;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, Addr, ArbiterHandle, AsyncContext, Context, Handler};
use arc_swap::ArcSwap;
use chrono::{DateTime, SubsecRound as _, Utc};
use rustc_hash::FxHashMap;
use tokio::runtime::Handle as Runtime;
use uuid::Uuid;

use super::character::TakeRound;
use super::clockwork::{Clockwork, Schedule};
use super::committer::{Commit, Committer};
use super::credits::Credits;
use super::record::credits_of;
use super::registry::Registry;
use super::request::Claims;
use super::round::{Collected, Death, Item, Round, RoundContext, Stepped, Unrouted};
use super::spans::Timing;
use super::tenants::Tenants;
use crate::domain::{Catalog, CharacterId, CharacterKey, PetKey, Rules, TenantId};
use crate::store::Store;
use crate::telemetry::mailbox::{Envelope, Kind, MessageKind};
use crate::telemetry::metrics::METRICS;
use crate::telemetry::trace::Tracer;
use crate::telemetry::vitals::Vitals;

use claims::Book;
use crowd::Crowd;
use drain::Draining;
use gather::Draft;
use inbox::Inbox;
pub use messages::{Ask, Committed, Deliver, Drain, Due, TakeBack, Tend};
use queue::Queue;
use upkeep::Upkeep;
use walks::Walks;

/// Rounds between their gathering and their commit.
pub const MAX_OPEN_ROUNDS: usize = 2;

/// What the supervisor is built from.
pub struct Parts {
    pub store: Store,
    /// Where the database's connections live.
    pub runtime: Runtime,
    pub inbox: Arc<Inbox>,
    pub registry: Arc<Registry>,
    pub catalog: Arc<ArcSwap<Catalog>>,
    pub rules: Rules,
    pub tenants: Arc<Tenants>,
    pub credits: Arc<Credits>,
    /// Where character actors run; at least one.
    pub arbiters: Vec<ArbiterHandle>,
    pub committer: Addr<Committer>,
    pub clockwork: Addr<Clockwork>,
    /// Most inputs of a round.
    pub max_round: usize,
    pub idle_passivation: Duration,
    pub shard: Arc<str>,
    /// How long the history of characters is kept.
    pub event_retention: Duration,
    /// The number of the round after the last committed one.
    pub next_round: i64,
    pub tracer: Tracer,
}

pub struct BrokerSupervisor {
    parts: Parts,
    queue: Queue,
    /// Owner of every pet whose owner is in memory. A miss asks SQL.
    directory: FxHashMap<PetKey, CharacterId>,
    /// Number of every character in memory, by UUID. A miss asks SQL.
    uuids: FxHashMap<(TenantId, Uuid), CharacterId>,
    /// What the requests of open rounds decide about.
    claims: Book,
    /// Of rounds that were taken apart, until all their inputs are in rounds again.
    retry_claims: Claims,
    crowd: Crowd,
    upkeep: Upkeep,
    /// Oldest first; consecutive numbers.
    open: VecDeque<OpenRound>,
    next_round: i64,
    last_committed: i64,
    /// A draft waits for SQL: nothing else is gathered meanwhile, so order holds.
    is_resolving: bool,
    /// A round that cannot stand, and from which on everything is taken apart.
    broken: Option<rollback::Broken>,
    walks: Walks,
    /// Online characters whose actor was dropped: to be built anew from SQL.
    orphans: Vec<CharacterKey>,
    /// Characters whose clock's work was given up, and until when it is let be.
    let_be: FxHashMap<CharacterKey, DateTime<Utc>>,
    /// Characters a person wants out of memory; meanwhile no round is opened.
    leaving: Vec<leave::Leave>,
    /// The counters of actors that died, for those that follow them.
    bereaved: FxHashMap<CharacterKey, Arc<Vitals>>,
    /// Offline characters in memory, by when they were last looked at.
    offline: VecDeque<(Instant, CharacterKey)>,
    last_commit_at: Instant,
    drain: Draining,
}

/// A dispatched round.
struct OpenRound {
    context: Arc<RoundContext>,
    opened: Instant,
    unrouted: Vec<Unrouted>,
    progress: Vec<super::record::Progress>,
    credits: usize,
    claims: Claims,
    /// A second wave may follow: until it is over nothing is stepped that comes behind this
    /// round, or a later round's input would come before it.
    may_have_wave: bool,
    /// What the first wave came to, while the second is stepped.
    first_wave: Option<Vec<Stepped>>,
    stage: Stage,
    /// When the last actor had answered, if the round is timed.
    stepped: Option<Instant>,
}

enum Stage {
    Stepping,
    Stepped(Vec<Stepped>),
    /// The committer has it.
    Committing,
}

impl BrokerSupervisor {
    pub fn new(parts: Parts) -> Self {
        Self {
            queue: Queue::default(),
            directory: FxHashMap::default(),
            uuids: FxHashMap::default(),
            claims: Book::default(),
            retry_claims: Claims::new(),
            crowd: Crowd::default(),
            upkeep: Upkeep::default(),
            open: VecDeque::with_capacity(MAX_OPEN_ROUNDS),
            next_round: parts.next_round,
            last_committed: parts.next_round - 1,
            is_resolving: false,
            broken: None,
            walks: Walks::default(),
            orphans: Vec::new(),
            let_be: FxHashMap::default(),
            leaving: Vec::new(),
            bereaved: FxHashMap::default(),
            offline: VecDeque::new(),
            last_commit_at: Instant::now(),
            drain: Draining::No,
            parts,
        }
    }

    /// Does what there is to do, until something else comes.
    fn pump(&mut self, context: &mut Context<Self>) {
        loop {
            self.take_in();
            self.open_rounds(context);
            self.end_drain(context);
            if self.rests() {
                break;
            }
        }
    }

    /// Opens rounds while there is work and room.
    fn open_rounds(&mut self, context: &mut Context<Self>) {
        if !self.leaving.is_empty() {
            self.let_go(context);
        }
        while self.open.len() < MAX_OPEN_ROUNDS
            && self.leaving.is_empty()
            && !self.is_resolving
            && self.broken.is_none()
            && !self.open.iter().any(|open| open.may_have_wave)
            && !(self.queue.is_empty() && self.orphans.is_empty())
            && !self.waits_for_more()
        {
            let started = Instant::now();
            let draft = self.gather();
            if draft.is_resolved() {
                self.dispatch(draft, started, context);
            } else {
                self.resolve(draft, started, context);
            }
        }
    }

    /// Whether what waits goes on doing so, at most until the open round is committed.
    fn waits_for_more(&self) -> bool {
        !self.open.is_empty()
            && self.orphans.is_empty()
            && self.queue.num_if_only_requests().is_some_and(|num| self.crowd.num_missing(num) > 0)
    }

    /// No round is open, about to be opened, or taken apart.
    fn is_quiet(&self) -> bool {
        self.open.is_empty() && !self.is_resolving && self.broken.is_none()
    }

    /// Sends each actor of a resolved draft its inputs.
    fn dispatch(&mut self, mut draft: Draft, opened: Instant, context: &mut Context<Self>) {
        let number = self.next_round;
        self.next_round += 1;
        let groups = draft.take_groups();
        let num_inputs = groups.iter().map(|(_, items)| items.len()).sum::<usize>();
        let round = Arc::new(RoundContext::new(
            number,
            // As exact as the database, so that an answer and what is read later are the same.
            Utc::now().trunc_subsecs(6),
            self.parts.catalog.load_full(),
            self.parts.rules,
            self.parts.tracer.is_on() && has_traced(&groups, &draft.unrouted),
            groups.len(),
            context.address().recipient(),
        ));
        METRICS.round.inputs.observe((num_inputs + draft.unrouted.len()) as f64);
        let mut claims = draft.claims;
        if self.queue.has_retried() {
            claims.append(&mut self.retry_claims);
        }
        self.open.push_back(OpenRound {
            context: Arc::clone(&round),
            opened,
            credits: draft.credits,
            claims,
            may_have_wave: groups.iter().flat_map(|(_, items)| items).any(waves::may_follow),
            first_wave: None,
            unrouted: draft.unrouted,
            progress: self.queue.take_progress(),
            stage: if groups.is_empty() { Stage::Stepped(Vec::new()) } else { Stage::Stepping },
            stepped: None,
        });
        let is_empty = groups.is_empty();
        self.send(groups, &round);
        if is_empty {
            self.hand_over();
        }
    }

    /// Gives each actor its inputs. One that is gone answers as dead.
    fn send(&self, groups: Vec<(CharacterKey, Vec<Item>)>, round: &Arc<RoundContext>) {
        let now = Instant::now();
        for (key, items) in groups {
            let mut inputs = Some(items);
            self.parts.registry.update(key, |entry| {
                entry.last_round = round.number;
                entry.touched = now;
                entry.addr.do_send(TakeRound {
                    key,
                    items: inputs.take().unwrap_or_default(),
                    round: Arc::clone(round),
                    envelope: Envelope::to_character(&entry.vitals),
                    is_answered: false,
                });
            });
            if let Some(items) = inputs {
                round.answer(Stepped::dead(key, items, Death::Gone));
            }
        }
    }

    /// Gives the committer every round that is stepped, sound, and next in order. What its steps
    /// changed is noted then and not before: a later round may be stepped first.
    fn hand_over(&mut self) {
        for position in 0..self.open.len() {
            let is_sound = self.is_sound(self.open[position].context.number);
            let open = &mut self.open[position];
            match &mut open.stage {
                Stage::Committing => {}
                Stage::Stepped(stepped) if is_sound => {
                    let stepped = std::mem::take(stepped);
                    self.note(&stepped);
                    let open = &mut self.open[position];
                    let timing = open.context.is_traced.then(|| Timing {
                        gathered: open.opened,
                        stepped: open.stepped.unwrap_or_else(Instant::now),
                    });
                    let round = Round {
                        number: open.context.number,
                        now: open.context.now,
                        stepped,
                        unrouted: std::mem::take(&mut open.unrouted),
                        progress: std::mem::take(&mut open.progress),
                        credits: open.credits,
                        timing,
                    };
                    open.stage = Stage::Committing;
                    let envelope = Envelope::seal(Kind::Committer);
                    self.parts.committer.do_send(Commit { round, envelope });
                }
                Stage::Stepping | Stage::Stepped(_) => break,
            }
        }
    }

    /// Notes what the steps changed for the routing of later rounds.
    fn note(&mut self, stepped: &[Stepped]) {
        let mut due = Vec::new();
        for stepped in stepped {
            let tenant = stepped.key.tenant;
            for pet in &stepped.changes.pets {
                self.directory.insert(PetKey { tenant, pet: pet.id }, stepped.key.character);
            }
            for uuid in &stepped.removed {
                self.uuids.remove(&(tenant, *uuid));
            }
            if let Some(character) = stepped.changes.character.written() {
                self.uuids.insert((tenant, character.uuid), stepped.key.character);
            }
            for pet in &stepped.changes.removed_pets {
                self.directory.remove(&PetKey { tenant, pet: *pet });
            }
            if !stepped.is_news {
                continue;
            }
            let went_offline = self.parts.registry.update(stepped.key, |entry| {
                entry.census = stepped.census;
                if entry.due != stepped.next_due {
                    entry.due = stepped.next_due;
                    due.push((stepped.key, stepped.next_due));
                }
                let is_offline = !stepped.census.is_online;
                is_offline && !std::mem::replace(&mut entry.is_listed, is_offline)
            });
            if went_offline == Some(true) {
                self.offline.push_back((Instant::now(), stepped.key));
            }
        }
        self.schedule(due);
    }

    fn schedule(&self, mut due: Vec<(CharacterKey, Option<DateTime<Utc>>)>) {
        if !due.is_empty() {
            self.put_off(&mut due);
            let envelope = Envelope::seal(Kind::Clockwork);
            self.parts.clockwork.do_send(Schedule { due, envelope });
        }
    }
}

/// Whether any of a round's inputs is traced.
fn has_traced(groups: &[(CharacterKey, Vec<Item>)], unrouted: &[Unrouted]) -> bool {
    let items = groups.iter().flat_map(|(_, items)| items);
    items
        .chain(unrouted.iter().map(|unrouted| &unrouted.item))
        .any(|item| item.cause.entry.is_some())
}

impl Actor for BrokerSupervisor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        // Bounded by the credits of those who send, not by actix: `do_send` ignores it.
        context.set_mailbox_capacity(64);
    }
}

impl Handler<Deliver> for BrokerSupervisor {
    type Result = ();

    fn handle(&mut self, mut message: Deliver, context: &mut Context<Self>) {
        let _handling = message.envelope.open(MessageKind::Batch);
        if self.is_over() {
            return;
        }
        let mut batch = message.batch;
        let in_rounds: usize =
            batch.records.iter().map(|record| credits_of(record.original.len())).sum();
        let outside_rounds = batch.credits - in_rounds;
        self.walks.take(std::mem::take(&mut batch.moves));
        self.flush_walks(context);
        self.parts.credits.give_back(outside_rounds);
        self.queue.push_batch(batch);
        self.pump(context);
    }
}

impl Handler<Due> for BrokerSupervisor {
    type Result = ();

    fn handle(&mut self, mut message: Due, context: &mut Context<Self>) {
        let _handling = message.envelope.open(MessageKind::Due);
        if self.is_over() {
            return;
        }
        for key in message.keys {
            // A clock's work for somebody who left memory is no longer due.
            let is_here = self.parts.registry.update(key, |entry| entry.due = None);
            if is_here.is_some() {
                self.push_due(key);
            }
        }
        self.pump(context);
    }
}

impl Handler<Collected> for BrokerSupervisor {
    type Result = ();

    fn handle(&mut self, mut message: Collected, context: &mut Context<Self>) {
        let _handling = message.envelope.open(MessageKind::Collected);
        let Some(open) = self.open.iter_mut().find(|open| open.context.number == message.number)
        else {
            return;
        };
        let mut stepped = open.context.take_results();
        if let Some(first) = open.first_wave.take() {
            stepped = waves::merged(first, stepped);
        } else if stepped.iter().all(|stepped| stepped.death.is_none()) {
            let wave = waves::second(&mut stepped);
            if !wave.is_empty() {
                open.first_wave = Some(stepped);
                let round = Arc::clone(&open.context);
                round.expect(wave.len());
                self.send(wave, &round);
                self.pump(context);
                return;
            }
        }
        open.may_have_wave = false;
        open.stepped = open.context.is_traced.then(Instant::now);
        METRICS.round.step_seconds.observe(open.opened.elapsed().as_secs_f64());
        let is_dead = stepped.iter().any(|stepped| stepped.death.is_some());
        open.stage = Stage::Stepped(stepped);
        if is_dead {
            self.break_at(message.number);
        } else {
            self.hand_over();
        }
        self.take_apart();
        self.pump(context);
    }
}

impl Handler<Committed> for BrokerSupervisor {
    type Result = ();

    fn handle(&mut self, mut message: Committed, context: &mut Context<Self>) {
        let _handling = message.envelope.open(MessageKind::Committed);
        let front = self.open.pop_front();
        debug_assert_eq!(front.as_ref().map(|open| open.context.number), Some(message.number));
        if let Some(open) = front {
            self.queue.push_waited(self.claims.release(open.claims));
        }
        self.last_committed = message.number;
        self.last_commit_at = Instant::now();
        self.parts.credits.give_back(message.credits);
        self.take_apart();
        self.pump(context);
    }
}

impl Handler<TakeBack> for BrokerSupervisor {
    type Result = ();

    fn handle(&mut self, mut message: TakeBack, context: &mut Context<Self>) {
        let _handling = message.envelope.open(MessageKind::TakeBack);
        if let Some(refusal) = &message.refusal {
            tracing::error!(round = message.round.number, "commit refused: {refusal}");
            METRICS.round.retried.with_label_values(&["refused"]).inc();
        }
        self.take_back(message.round, message.refusal);
        self.take_apart();
        self.pump(context);
    }
}
