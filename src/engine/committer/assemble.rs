//! From a stepped round to what one transaction writes.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use uuid::Uuid;

use super::{Prepared, Rows};
use crate::domain::character::{Body, Character};
use crate::domain::owner::CharacterChange;
use crate::domain::{CharacterKey, Event, Outcome, Reason, Tenant, TenantId};
use crate::engine::outbox::kind;
use crate::engine::outbox::row::{About, Writer};
use crate::engine::record::{Cause, Original};
use crate::engine::round::{Answer, Ended, Item, Origin, Round, Stepped, UnroutedEnd};
use crate::faults::{self, Mechanism};
use crate::store::{
    AnswerRow, CharacterRow, DeadLetter, HistoryRow, OutboxRow, PetRow, Sink, Source, Work,
};
use crate::wire::kafka::status;
use crate::wire::nats::event;

/// Tenants remembered; of those forgotten the attributes are written again.
const MAX_TENANTS: usize = 4_096;

/// The tenants whose attributes stand in SQL as we know them.
#[derive(Default)]
pub(super) struct KnownTenants(FxHashMap<TenantId, Arc<Tenant>>);

/// The two outbox rows of a round in the making, and its dead letters.
struct Outgoing {
    kafka: Writer,
    nats: Writer,
    dead_letters: Vec<DeadLetter>,
    history: Vec<HistoryRow>,
    /// Characters that are gone for good, and whose UUID another may get.
    forgotten: Vec<(TenantId, Uuid)>,
    keep: Keep,
}

/// What of a round goes to more places than it must.
#[derive(Clone, Copy)]
pub(super) struct Keep {
    /// Dead letters go to a topic as well.
    pub dead_letter_topic: bool,
    /// Events of characters are kept for those who ask for them.
    pub history: bool,
}

impl KnownTenants {
    pub fn committed(&mut self, tenants: &[Arc<Tenant>]) {
        if self.0.len() + tenants.len() > MAX_TENANTS {
            self.0.clear();
        }
        for tenant in tenants {
            self.0.insert(tenant.id, Arc::clone(tenant));
        }
    }

    /// Encodes a round: its last states, its events, its offsets.
    pub fn prepare(&self, mut round: Round, keep: Keep) -> Prepared {
        let mut work = Work { decided_at: round.now, ..Work::default() };
        let mut outgoing = Outgoing::new(keep);
        for stepped in &mut round.stepped {
            self.note_tenant(stepped, &mut work);
            outgoing.add(stepped);
            take_changes(stepped, &mut work);
            keep_answers(stepped, &mut work);
            work.redelivered.extend(stepped.steps().filter_map(redelivered));
        }
        for unrouted in &round.unrouted {
            match &unrouted.end {
                UnroutedEnd::DeadLetter { reason, detail } => {
                    outgoing.bury(&unrouted.item, reason, detail.clone(), round.now);
                }
                // Nobody knows whether it was done before, so a letter stays.
                UnroutedEnd::Answered(
                    Answer::Failed | Answer::Refused(Reason::IdempotencyConflict),
                ) => {}
                UnroutedEnd::Unknown(_) | UnroutedEnd::Answered(_) => {
                    work.redelivered.extend(unrouted.item.origin.redelivers());
                }
            }
        }
        work.sources = round
            .progress
            .iter()
            .map(|progress| Source {
                topic: Arc::clone(&progress.source.topic),
                partition: progress.source.partition,
                next_offset: progress.next_offset,
            })
            .collect();
        let Outgoing { kafka, nats, dead_letters, history, forgotten, .. } = outgoing;
        work.dead_letters = dead_letters;
        work.history = history;
        work.forgotten = forgotten;
        if faults::has(Mechanism::Outbox) {
            work.outbox = [stored(&kafka, Sink::Kafka), stored(&nats, Sink::Nats)]
                .into_iter()
                .flatten()
                .collect();
        }
        let row = |writer: Writer| {
            (writer.num_events() > 0).then(|| writer.into_row(round.number, round.now))
        };
        let rows = Rows { kafka: row(kafka), nats: row(nats) };
        Prepared { round, work: Arc::new(work), rows }
    }

    fn note_tenant(&self, stepped: &Stepped, work: &mut Work) {
        let Some(tenant) = &stepped.tenant else { return };
        let is_known = self.0.get(&tenant.id).is_some_and(|known| **known == **tenant);
        let is_noted = work.tenants.iter().any(|noted| noted.id == tenant.id);
        if !is_known && !is_noted && !tenant.region.is_empty() {
            work.tenants.push(Arc::clone(tenant));
        }
    }
}

impl Outgoing {
    fn new(keep: Keep) -> Self {
        Self {
            kafka: Writer::new(),
            nats: Writer::new(),
            dead_letters: Vec::new(),
            history: Vec::new(),
            forgotten: Vec::new(),
            keep,
        }
    }

    fn add(&mut self, stepped: &mut Stepped) {
        let mut events = std::mem::take(&mut stepped.events).into_iter();
        let mut num_taken = 0;
        for (item, ended) in stepped.steps() {
            self.kafka.begin_cause();
            self.nats.begin_cause();
            let num_events = (ended.events_end - num_taken) as usize;
            for event in events.by_ref().take(num_events) {
                self.publish(&event, stepped.key, &item.cause, stepped.tenant.as_ref());
            }
            num_taken = ended.events_end;
            if let Outcome::DeadLetter(reason) = ended.outcome {
                let detail = format!("{} for character {}", item.input.name(), stepped.key);
                self.bury(item, reason.code(), detail, chrono::Utc::now());
            }
        }
    }

    fn publish(
        &mut self,
        event: &Event,
        key: CharacterKey,
        cause: &Arc<Cause>,
        tenant: Option<&Arc<Tenant>>,
    ) {
        let owner = key.character.0;
        match event {
            Event::Pet(event) => {
                let about = About { owner, seq: 0 };
                self.kafka.push(kind::of_pet(event), cause, tenant, about, |_, out| {
                    status::encode(event, out);
                });
            }
            Event::Character(event) => {
                let about = About { owner, seq: event.seq };
                let is_last = matches!(event.body, Body::Deleted { soft: false, .. });
                if is_last {
                    self.forget(key.tenant, event.character);
                }
                let is_kept = self.keep.history && !is_last;
                let kept = is_kept.then_some(&mut self.history);
                self.nats.push(kind::of_character(event), cause, tenant, about, |id, out| {
                    let body = event::encode(id, event);
                    out.extend_from_slice(&body);
                    if let Some(history) = kept {
                        history.push(HistoryRow {
                            tenant: key.tenant,
                            character: event.character,
                            seq: event.seq,
                            event_id: id,
                            kind: event.body.name(),
                            at: event.at,
                            body,
                        });
                    }
                });
            }
        }
    }

    /// Leaves nothing of a character's history so far.
    fn forget(&mut self, tenant: TenantId, character: Uuid) {
        self.history.retain(|event| (event.tenant, event.character) != (tenant, character));
        self.forgotten.push((tenant, character));
    }

    /// Keeps a record with its original bytes. Requests and the clock leave no dead letter:
    /// somebody is told.
    fn bury(
        &mut self,
        item: &Item,
        reason: &str,
        detail: String,
        at: chrono::DateTime<chrono::Utc>,
    ) {
        let Origin::Record(origin) = &item.origin else { return };
        let original = Original::read(&origin.original);
        if self.keep.dead_letter_topic {
            let mut headers = original.headers.clone();
            for (name, value) in [
                ("dead-letter-reason", reason.to_string()),
                ("dead-letter-topic", origin.source.topic.to_string()),
                ("dead-letter-partition", origin.source.partition.to_string()),
                ("dead-letter-offset", origin.offset.to_string()),
            ] {
                headers.push((name.to_string(), value.into_bytes()));
            }
            let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
            self.kafka.begin_cause();
            self.kafka.push(kind::DEAD_LETTER, &item.cause, None, About::default(), |_, out| {
                Original::append(out, original.key.as_deref(), headers, &original.payload);
            });
        }
        self.dead_letters.push(DeadLetter {
            tenant: item.cause.tenant.as_ref().map(|tenant| tenant.id),
            topic: Arc::clone(&origin.source.topic),
            partition: origin.source.partition,
            offset: origin.offset,
            key: original.key,
            headers: original.headers,
            payload: original.payload,
            reason: reason.to_string(),
            // PostgreSQL takes no NUL in text.
            detail: detail.replace('\0', "\u{fffd}"),
            at,
        });
    }
}

/// Settles what repetitions of requests will be told, and so what this one is.
fn keep_answers(stepped: &mut Stepped, work: &mut Work) {
    for (item, ended) in stepped.items.iter().zip(&mut stepped.ended) {
        let Some(idempotency) = item.origin.idempotency() else { continue };
        if item.origin.redelivers().is_some() && matches!(ended.outcome, Outcome::DeadLetter(_)) {
            // It stays a dead letter, and may be tried again.
            continue;
        }
        let Some(answer) = ended.answer.take() else { continue };
        let (answer, kept) = idempotency.keep(answer);
        ended.answer = Some(answer);
        work.answers.extend(kept.map(|answer| AnswerRow {
            tenant: stepped.key.tenant,
            key: idempotency.key.clone(),
            request_hash: idempotency.request_hash,
            answer,
            at: work.decided_at,
        }));
    }
}

/// The dead letter that this step has done away with.
fn redelivered((item, ended): (&Item, &Ended)) -> Option<i64> {
    let redelivers = item.origin.redelivers();
    redelivers.filter(|_| !matches!(ended.outcome, Outcome::DeadLetter(_)))
}

fn take_changes(stepped: &mut Stepped, work: &mut Work) {
    let key = stepped.key;
    let changes = std::mem::take(&mut stepped.changes);
    for vitals in changes.vitals {
        work.vitals.push(key.tenant, vitals);
    }
    for pet in changes.pets {
        work.pets.push(PetRow { tenant: key.tenant, owner: key.character, pet });
    }
    for pet in changes.removed_pets {
        work.removed_pets.push(crate::domain::PetKey { tenant: key.tenant, pet });
    }
    let row = |character: Box<Character>| CharacterRow { key, character: *character };
    match changes.character {
        CharacterChange::None => {}
        CharacterChange::Create(character) => work.created.push(row(character)),
        CharacterChange::Write(character) => work.characters.push(row(character)),
        CharacterChange::Remove => work.removed_characters.push(key),
    }
}

fn stored(writer: &Writer, sink: Sink) -> Option<OutboxRow> {
    let num_events = writer.num_events();
    (num_events > 0).then(|| OutboxRow { sink, num_events, body: writer.body() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use chrono::Utc;
    use tokio::sync::{Semaphore, oneshot};

    use super::*;
    use crate::domain::{self, CharacterId, Input};
    use crate::engine::record::Target;
    use crate::engine::request::Claims;
    use crate::engine::round::{RequestOrigin, Unrouted};

    /// A round with the redelivery of letter 7, which ended so without an actor.
    fn redelivery(end: UnroutedEnd) -> Round {
        let (reply, _) = oneshot::channel();
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let claims = Claims::new();
        let origin =
            RequestOrigin { reply, permit, claims, idempotency: None, redelivers: Some(7) };
        let item = Item {
            origin: Origin::Request(Box::new(origin)),
            target: Target::Nobody,
            input: Input::Tick,
            cause: Cause::none().into(),
            index: 0,
            is_suspect: false,
        };
        Round {
            number: 1,
            now: Utc::now(),
            stepped: Vec::new(),
            unrouted: vec![Unrouted { item, end }],
            progress: Vec::new(),
            credits: 0,
            timing: None,
        }
    }

    #[test]
    fn the_history_of_one_that_begins_anew_has_nothing_of_the_one_before() {
        let key = CharacterKey { tenant: TenantId(Uuid::nil()), character: CharacterId(1) };
        let character = Uuid::from_u128(1);
        let deleted = |soft| Body::Deleted { name: "Ann".into(), reason: "test".into(), soft };
        let event = |character: Uuid, seq, body| {
            let (user, at) = (Uuid::nil(), Utc::now());
            let event = domain::character::Event { character, user, at, seq, body };
            Event::Character(Box::new(event))
        };
        let events = [
            event(character, 8, deleted(true)),
            event(Uuid::from_u128(2), 9, deleted(true)),
            event(character, 9, deleted(false)),
            event(character, 1, deleted(true)),
        ];
        let mut outgoing = Outgoing::new(Keep { dead_letter_topic: false, history: true });
        for event in events {
            outgoing.publish(&event, key, &Cause::none().into(), None);
        }
        let kept = outgoing.history.iter().map(|event| (event.character.as_u128(), event.seq));
        assert_eq!(kept.collect::<Vec<_>>(), [(2, 9), (1, 1)]);
        assert_eq!(outgoing.forgotten, [(key.tenant, character)]);
        assert_eq!(outgoing.nats.num_events(), 4);
    }

    #[test]
    fn a_letter_goes_with_its_redelivery_unless_nobody_can_say_that_it_was_applied() {
        let keep = Keep { dead_letter_topic: false, history: false };
        for (end, gone) in [
            (UnroutedEnd::Unknown(Reason::UnknownPet), vec![7]),
            (UnroutedEnd::Answered(Answer::Done), vec![7]),
            (UnroutedEnd::Answered(Answer::Refused(Reason::NotOwner)), vec![7]),
            (UnroutedEnd::Answered(Answer::Failed), vec![]),
            (UnroutedEnd::Answered(Answer::Refused(Reason::IdempotencyConflict)), vec![]),
            (UnroutedEnd::DeadLetter { reason: "panic".into(), detail: String::new() }, vec![]),
        ] {
            let name = format!("{end:?}");
            let prepared = KnownTenants::default().prepare(redelivery(end), keep);
            assert_eq!(prepared.work.redelivered, gone, "{name}");
        }
    }
}
