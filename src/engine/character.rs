//! The character actor: a thin shell around the pure [`Owner`].
//!
//! Its handlers never await, so inputs are stepped exactly in the order of its mailbox.
//! What it holds may be one round ahead of SQL; if that round is refused or its handler
//! panics, the actor is dropped and built anew from SQL.

pub mod inspect;
pub mod recent;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use actix::{Actor, ActorContext, Context, Handler, Message};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use self::recent::Recent;
use super::registry::Entry;
use super::round::{Answer, Census, Death, Ended, Item, Origin, RoundContext, Stepped};
use super::supervisor::MAX_OPEN_ROUNDS;
use crate::domain::input::Request;
use crate::domain::owner::Movement;
use crate::domain::pet::Position;
use crate::domain::{self, Catalog, CharacterKey, Dice, Effects, Input, Outcome, Owner, PetId};
use crate::faults;
use crate::telemetry::mailbox::{Envelope, MessageKind, Span};
use crate::telemetry::metrics::METRICS;
use crate::telemetry::panics;
use crate::telemetry::vitals::Vitals;

/// Messages that can wait for one character at the same time: its part of each open round, and a
/// walk. A person who looks in waits here as well.
pub const CAPACITY: usize = MAX_OPEN_ROUNDS + 1;

/// One character with its pets and its session.
pub struct CharacterActor {
    owner: Owner,
    recent: Recent,
}

/// The inputs of one round for one character, in order.
///
/// Dropped unanswered (the handler panicked, or the actor was already gone) it answers for
/// itself that the actor died, so that no round waits for ever.
#[derive(Message)]
#[rtype(result = "()")]
pub struct TakeRound {
    pub key: CharacterKey,
    pub items: Vec<Item>,
    pub round: Arc<RoundContext>,
    pub envelope: Envelope,
    pub is_answered: bool,
}

/// New positions of this character's pets; the newest of each pet last.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Walk {
    pub movements: Vec<Movement>,
    pub catalog: Arc<Catalog>,
    pub envelope: Envelope,
    /// Returned when the message is done with, handled or not.
    pub credit: WalkCredit,
}

/// A walk on its way to an actor: the only one of its character, and counted among all.
pub struct WalkCredit {
    addressee: Arc<Vitals>,
    outstanding: Arc<AtomicUsize>,
}

/// Where the pets stand; for readers beside the rounds.
#[derive(Message)]
#[rtype(result = "Vec<(PetId, Position)>")]
pub struct ReadPositions {
    pub envelope: Envelope,
}

/// Leave memory: nothing of this actor is uncommitted, or what is shall be forgotten.
/// Answers with what it was known by.
#[derive(Message)]
#[rtype(result = "Retired")]
pub struct Retire {
    envelope: Envelope,
}

/// What the directories held of an actor.
#[derive(Default, Debug, actix::MessageResponse)]
pub struct Retired {
    pub uuid: Option<Uuid>,
    pub pets: Vec<PetId>,
}

thread_local! {
    /// Chance is the thread's: per actor it would cost memory and buy nothing.
    static DICE: RefCell<SmallRng> = RefCell::new(SmallRng::from_rng(&mut rand::rng()));
}

struct ThreadDice;

impl Dice for ThreadDice {
    fn percent(&mut self) -> u8 {
        DICE.with_borrow_mut(|rng| rng.random_range(0..100))
    }
}

impl CharacterActor {
    pub fn new(owner: Owner) -> Self {
        Self { owner, recent: Recent::default() }
    }

    /// Steps the items where they stand: a panic leaves them in the message, whose drop
    /// hands them back to the round.
    fn step_all(
        &mut self,
        items: &[Item],
        round: &RoundContext,
        span: Option<Span>,
    ) -> (Vec<Ended>, Effects) {
        // Most come to one event.
        let mut effects = Effects { events: Vec::with_capacity(items.len()), ..Effects::default() };
        let mut context = domain::Context {
            now: round.now,
            dice: &mut ThreadDice,
            catalog: &round.catalog,
            rules: &round.rules,
        };
        let mut ended = Vec::with_capacity(items.len());
        for item in items {
            self.recent.advance(item);
        }
        let mut recorder = span.map(|span| self.recent.begin(span));
        for item in items {
            faults::on_step(&item.input);
            let outcome = self.owner.step(&item.input, &mut context, &mut effects);
            if let Some(recorder) = &mut recorder {
                recorder.record(item, outcome);
            }
            // What was refused has no say in what the tenant is called.
            if outcome == Outcome::Applied
                && let Some(tenant) = &item.cause.tenant
                && !Arc::ptr_eq(tenant, self.owner.tenant())
            {
                self.owner.set_tenant(Arc::clone(tenant));
            }
            let events_end = u32::try_from(effects.events.len()).expect("a round is bounded");
            let consequences = std::mem::take(&mut effects.consequences);
            let answer = answer(&self.owner, item, outcome);
            ended.push(Ended { outcome, answer, consequences, events_end });
        }
        (ended, effects)
    }
}

/// What a request is told of its step.
fn answer(owner: &Owner, item: &Item, outcome: Outcome) -> Option<Answer> {
    let Origin::Request(_) = item.origin else { return None };
    let pet = |id| owner.pet(id).map(|pet| Answer::Pet(Box::new(pet.clone())));
    Some(match outcome {
        Outcome::Applied => match &item.input {
            Input::Request(Request::CreatePet(new)) => pet(new.id),
            Input::Request(Request::RenamePet { pet: id, .. }) => pet(*id),
            Input::Request(Request::Character(_)) => owner
                .character()
                .map(|character| Answer::Character(owner.id(), Box::new(character.clone()))),
            _ => None,
        }
        .unwrap_or(Answer::Done),
        Outcome::Ignored(reason) | Outcome::Rejected(reason) | Outcome::DeadLetter(reason) => {
            Answer::Refused(reason)
        }
    })
}

impl Actor for CharacterActor {
    type Context = Context<Self>;
}

impl Handler<TakeRound> for CharacterActor {
    type Result = ();

    fn handle(&mut self, mut message: TakeRound, _: &mut Context<Self>) {
        let num_items = message.items.len();
        let handling = message.envelope.open_many(MessageKind::TakeRound, num_items);
        let began = message.round.is_traced.then(Instant::now);
        let before = (Census::of(&self.owner), self.owner.next_due());
        let (ended, effects) = self.step_all(&message.items, &message.round, handling.span());
        if let Some(reason) = ended.iter().rev().find_map(Ended::refusal) {
            message.envelope.vitals().fail(reason.code());
        }
        let took = began.map(|began| began..Instant::now());
        let (census, next_due) = (Census::of(&self.owner), self.owner.next_due());
        // A clock that came by has to be told when to come again.
        let has_tick = message.items.iter().any(|item| matches!(item.origin, Origin::Clock));
        let changes = self.owner.take_changes();
        // Until here a panic leaves them in the message.
        let items = std::mem::take(&mut message.items);
        message.is_answered = true;
        message.round.answer(Stepped {
            key: message.key,
            tenant: Some(Arc::clone(self.owner.tenant())),
            items,
            ended,
            changes,
            events: effects.events,
            removed: effects.removed,
            next_due,
            num_unknown_templates: effects.num_unknown_templates,
            death: None,
            census,
            is_news: has_tick || before != (census, next_due),
            took,
        });
    }
}

impl Drop for TakeRound {
    fn drop(&mut self) {
        if !self.is_answered {
            let death = if std::thread::panicking() {
                let cause = panics::last().unwrap_or_else(|| "handler panicked".into());
                self.envelope.vitals().fail(&*cause);
                Death::Panicked(cause)
            } else {
                Death::Gone
            };
            self.round.answer(Stepped::dead(self.key, std::mem::take(&mut self.items), death));
        }
    }
}

impl Handler<Walk> for CharacterActor {
    type Result = ();

    fn handle(&mut self, mut message: Walk, _: &mut Context<Self>) {
        let num_movements = message.movements.len();
        let handling = message.envelope.open_many(MessageKind::Walk, num_movements);
        let mut outcome = Outcome::Applied;
        for movement in &message.movements {
            match self.owner.movement(movement, &message.catalog) {
                Ok(()) => {
                    METRICS.movement.applied.inc();
                    outcome = Outcome::Applied;
                }
                Err(reason) => {
                    METRICS.movement.ignored(reason).inc();
                    outcome = Outcome::Ignored(reason);
                }
            }
        }
        if let Some(span) = handling.span() {
            self.recent.walk(span, u32::try_from(num_movements).unwrap_or(u32::MAX), outcome);
        }
    }
}

impl Handler<ReadPositions> for CharacterActor {
    type Result = Vec<(PetId, Position)>;

    fn handle(&mut self, mut message: ReadPositions, _: &mut Context<Self>) -> Self::Result {
        let _handling = message.envelope.open(MessageKind::Inspect);
        let pets = self.owner.pets().iter();
        pets.filter_map(|pet| Some((pet.id, pet.position?))).collect()
    }
}

impl Handler<Retire> for CharacterActor {
    type Result = Retired;

    fn handle(&mut self, mut message: Retire, context: &mut Context<Self>) -> Self::Result {
        let _handling = message.envelope.open(MessageKind::Retire);
        context.stop();
        Retired {
            uuid: self.owner.character().map(|character| character.uuid),
            pets: self.owner.pets().iter().map(|pet| pet.id).collect(),
        }
    }
}

impl Retire {
    /// For an actor that is no longer in the registry.
    pub fn of(entry: &Entry) -> Self {
        Self { envelope: Envelope::to_character(&entry.vitals) }
    }
}

impl WalkCredit {
    /// None: another walk is still on its way to this character.
    pub fn take(addressee: &Arc<Vitals>, outstanding: &Arc<AtomicUsize>) -> Option<Self> {
        if !addressee.begin_walk() {
            return None;
        }
        outstanding.fetch_add(1, Ordering::Relaxed);
        let (addressee, outstanding) = (Arc::clone(addressee), Arc::clone(outstanding));
        Some(Self { addressee, outstanding })
    }
}

impl Drop for WalkCredit {
    fn drop(&mut self) {
        self.addressee.end_walk();
        self.outstanding.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
