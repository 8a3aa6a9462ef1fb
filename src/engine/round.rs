//! A round: the inputs gathered together, stepped by their actors, and committed as one.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use actix::Recipient;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use uuid::Uuid;

use super::record::{Cause, Partition, Progress, Target};
use super::request::{Claims, Idempotency, Rendered};
use super::spans::{self, Timing};
use crate::domain::character::{Action, Character, Whereabouts};
use crate::domain::owner::Changes;
use crate::domain::pet::{MAX_FULLNESS, Pet};
use crate::domain::{
    Catalog, CharacterId, CharacterKey, Event, Input, Outcome, Owner, Reason, Rules, Tenant,
};
use crate::telemetry::mailbox::{Envelope, Kind};

/// One input of a round, with everything needed to try it again.
#[derive(Debug)]
pub struct Item {
    pub origin: Origin,
    pub target: Target,
    pub input: Input,
    pub cause: Arc<Cause>,
    /// Its place in the round's gathering; restores the order when a round is taken apart.
    pub index: u32,
    /// It was part of something that failed: it gets a round of its own.
    pub is_suspect: bool,
}

/// Where an input came from, and so who hears how it ended.
#[derive(Debug)]
pub enum Origin {
    Record(RecordOrigin),
    /// A request over HTTP or NATS; the sender waits for the commit. Apart, as records are many
    /// and would each have room for it.
    Request(Box<RequestOrigin>),
    /// The clock.
    Clock,
    /// Another character's step in the same round, whose item comes again when this one does.
    Consequence,
}

/// Where a record stood, and its bytes for a dead letter.
#[derive(Debug)]
pub struct RecordOrigin {
    pub source: Arc<Partition>,
    pub offset: i64,
    pub at: DateTime<Utc>,
    pub original: Bytes,
}

/// Who asked, and what for besides the input.
#[derive(Debug)]
pub struct RequestOrigin {
    pub reply: oneshot::Sender<Answer>,
    /// Its place among `engine.max_requests`.
    pub permit: OwnedSemaphorePermit,
    /// Laid, and given back with the round's commit; empty once the round has them.
    pub claims: Claims,
    pub idempotency: Option<Box<Idempotency>>,
    /// The dead letter that is gone once this has had its effect.
    pub redelivers: Option<i64>,
}

/// The answer to a request, given after the commit.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// Of the one it was about nothing is left.
    Done,
    /// As it is after the step.
    Pet(Box<Pet>),
    /// As it is after the step.
    Character(CharacterId, Box<Character>),
    /// Of a request with an idempotency key, now or the first time.
    Rendered(Box<Rendered>),
    Refused(Reason),
    /// The request killed its handler twice, or the database will not take what it asks.
    Failed,
}

/// What all steps of a round share.
pub struct RoundContext {
    pub number: i64,
    pub now: DateTime<Utc>,
    pub catalog: Arc<Catalog>,
    pub rules: Rules,
    /// Some of its inputs are traced: it is timed.
    pub is_traced: bool,
    results: Mutex<Vec<Stepped>>,
    num_open: AtomicUsize,
    collected: Recipient<Collected>,
}

/// Every actor of the round has answered.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub struct Collected {
    pub number: i64,
    pub envelope: Envelope,
}

/// One actor's answer to its inputs of a round.
#[derive(Debug)]
pub struct Stepped {
    pub key: CharacterKey,
    /// The owner's, for what has no cause with a tenant of its own. None if it died.
    pub tenant: Option<Arc<Tenant>>,
    /// Its inputs, as they were sent to it.
    pub items: Vec<Item>,
    /// How each of them ended; nothing if it died.
    pub ended: Vec<Ended>,
    pub changes: Changes,
    pub events: Vec<Event>,
    /// UUIDs by which it was known.
    pub removed: Vec<Uuid>,
    /// When the clock has to come by; none for never.
    pub next_due: Option<DateTime<Utc>>,
    pub num_unknown_templates: u32,
    /// Nothing of this stands, and the actor is gone.
    pub death: Option<Death>,
    pub census: Census,
    /// Its census or its clock may be other than before.
    pub is_news: bool,
    /// When, if the round is timed.
    pub took: Option<Range<Instant>>,
}

/// How an actor came to leave its inputs unanswered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Death {
    /// One of these inputs killed it.
    Panicked(String),
    /// It was dead already; these inputs are innocent.
    Gone,
}

/// What the gauges of the world count of one character.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Census {
    pub is_online: bool,
    /// Where it is online, if that is in numbers.
    pub whereabouts: Option<Whereabouts>,
    /// Pets out; 0 while offline.
    pub num_spawned: u8,
    pub num_hungry: u8,
}

/// A world, as far as a metric may tell them apart: those that have numbers, and all others, of
/// which a caller may name as many as it likes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum World {
    Number(u8),
    Other,
}

/// How one input ended.
#[derive(Debug)]
pub struct Ended {
    pub outcome: Outcome,
    /// What a request is told once this is committed.
    pub answer: Option<Answer>,
    /// What others have to do about it in this round.
    pub consequences: Vec<(CharacterId, Action)>,
    /// Its events are `events[previous.events_end..events_end]` of the [`Stepped`].
    pub events_end: u32,
}

/// A round whose steps are all in.
#[derive(Debug)]
pub struct Round {
    pub number: i64,
    pub now: DateTime<Utc>,
    pub stepped: Vec<Stepped>,
    /// Items that reached no actor: dead letters and pets nobody owns.
    pub unrouted: Vec<Unrouted>,
    pub progress: Vec<Progress>,
    /// The intake's credit that its commit gives back.
    pub credits: usize,
    /// If some of its inputs are traced.
    pub timing: Option<Timing>,
}

/// An item that ended without an actor.
#[derive(Debug)]
pub struct Unrouted {
    pub item: Item,
    pub end: UnroutedEnd,
}

#[derive(Debug)]
pub enum UnroutedEnd {
    /// No character owns the pet, or none has the UUID, as the reason says.
    Unknown(Reason),
    /// A repetition of a request that was answered before.
    Answered(Answer),
    DeadLetter {
        reason: String,
        detail: String,
    },
}

/// Whom an input is about, as the log names it.
pub struct Named {
    pub tenant: Option<String>,
    /// Its number.
    pub character: Option<u32>,
    pub trace_id: Option<String>,
}

impl Item {
    /// `key`: the character it was for, where that came to be known.
    pub fn named(&self, key: Option<CharacterKey>) -> Named {
        let key = key.or(match self.target {
            Target::Owner(key) => Some(key),
            Target::Pet(_) | Target::Character(..) | Target::Nobody => None,
        });
        let tenant = key.map(|key| key.tenant);
        let tenant = tenant.or(self.cause.tenant.as_ref().map(|tenant| tenant.id));
        Named {
            tenant: tenant.map(|tenant| tenant.to_string()),
            character: key.map(|key| key.character.0),
            trace_id: spans::trace_id(&self.cause),
        }
    }
}

impl Origin {
    /// What a repetition of a request is recognised by.
    pub fn idempotency(&self) -> Option<&Idempotency> {
        let Self::Request(request) = self else { return None };
        request.idempotency.as_deref()
    }

    /// The dead letter that a request is about.
    pub fn redelivers(&self) -> Option<i64> {
        let Self::Request(request) = self else { return None };
        request.redelivers
    }

    /// Answers whoever asked, if somebody did and still waits.
    pub fn answer(self, answer: Answer) {
        if let Self::Request(request) = self {
            let _ = request.reply.send(answer);
        }
    }
}

impl RoundContext {
    pub fn new(
        number: i64,
        now: DateTime<Utc>,
        catalog: Arc<Catalog>,
        rules: Rules,
        is_traced: bool,
        num_actors: usize,
        collected: Recipient<Collected>,
    ) -> Self {
        Self {
            number,
            now,
            catalog,
            rules,
            is_traced,
            results: Mutex::new(Vec::with_capacity(num_actors)),
            num_open: AtomicUsize::new(num_actors),
            collected,
        }
    }

    /// Makes room for the answers of so many more actors: a second wave.
    pub fn expect(&self, num_actors: usize) {
        self.num_open.fetch_add(num_actors, Ordering::AcqRel);
    }

    /// Takes one actor's answer; the last one wakes the supervisor.
    pub fn answer(&self, stepped: Stepped) {
        self.results.lock().push(stepped);
        if self.num_open.fetch_sub(1, Ordering::AcqRel) == 1 {
            let envelope = Envelope::seal(Kind::Supervisor);
            self.collected.do_send(Collected { number: self.number, envelope });
        }
    }

    pub fn take_results(&self) -> Vec<Stepped> {
        std::mem::take(&mut *self.results.lock())
    }
}

impl Stepped {
    /// The answer of an actor that did not live to give one.
    pub fn dead(key: CharacterKey, items: Vec<Item>, death: Death) -> Self {
        Self {
            key,
            tenant: None,
            items,
            ended: Vec::new(),
            changes: Changes::default(),
            events: Vec::new(),
            removed: Vec::new(),
            next_due: None,
            num_unknown_templates: 0,
            death: Some(death),
            census: Census::default(),
            is_news: true,
            took: None,
        }
    }

    /// Takes up what the same actor did in the round's second wave.
    pub fn absorb(&mut self, later: Self) {
        let begin = u32::try_from(self.events.len()).expect("a round is bounded");
        self.events.extend(later.events);
        self.items.extend(later.items);
        self.ended.extend(later.ended.into_iter().map(|mut ended| {
            ended.events_end += begin;
            ended
        }));
        self.changes.absorb(later.changes);
        self.removed.extend(later.removed);
        self.next_due = later.next_due;
        self.num_unknown_templates += later.num_unknown_templates;
        self.census = later.census;
        self.is_news |= later.is_news;
        if let (Some(took), Some(later)) = (&mut self.took, later.took) {
            took.end = later.end;
        }
        self.death = later.death.or(self.death.take());
    }

    /// Each input and how it ended.
    pub fn steps(&self) -> impl Iterator<Item = (&Item, &Ended)> {
        self.items.iter().zip(&self.ended)
    }
}

impl Ended {
    /// Why it was refused, if it was.
    pub fn refusal(&self) -> Option<Reason> {
        match self.outcome {
            Outcome::Rejected(reason) | Outcome::DeadLetter(reason) => Some(reason),
            Outcome::Applied | Outcome::Ignored(_) => None,
        }
    }
}

impl UnroutedEnd {
    /// What a request that ended so is told.
    pub fn answer(&self) -> Answer {
        match self {
            Self::Unknown(reason) => Answer::Refused(*reason),
            Self::Answered(answer) => answer.clone(),
            Self::DeadLetter { .. } => Answer::Failed,
        }
    }
}

impl Census {
    pub fn of(owner: &Owner) -> Self {
        let Some(session) = owner.session() else { return Self::default() };
        let out = owner.pets().iter().filter(|pet| pet.is_spawned());
        let (num_spawned, num_hungry) = out.fold((0, 0), |(spawned, hungry), pet| {
            (spawned + 1, hungry + u8::from(pet.fullness < MAX_FULLNESS))
        });
        Self { is_online: true, whereabouts: session.whereabouts, num_spawned, num_hungry }
    }

    /// The label of the world it is online in.
    pub fn world(&self) -> Option<World> {
        self.is_online.then_some(match self.whereabouts {
            Some(whereabouts) => World::Number(whereabouts.world),
            None => World::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_online_in_a_world_without_a_number_is_counted_too() {
        let offline = Census::default();
        assert_eq!(offline.world(), None);
        assert_eq!(Census { is_online: true, ..offline }.world(), Some(World::Other));
    }
}
