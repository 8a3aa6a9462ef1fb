//! What one round leaves to be written: the last state of everything it changed.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::character::Character;
use crate::domain::owner::Vitals;
use crate::domain::pet::Pet;
use crate::domain::{CharacterId, CharacterKey, PetKey, Tenant, TenantId};

/// One round's rows. Each key stands in it at most once, in all of `vitals`, `pets` and
/// `removed_pets` together, and in `characters`, `created` and `removed_characters` together.
#[derive(Clone, Default, Debug)]
pub struct Work {
    /// Pets of which only the vitals changed. A pet that is not stored is passed over.
    pub vitals: VitalsColumns,
    /// Pets inserted or overwritten whole.
    pub pets: Vec<PetRow>,
    pub removed_pets: Vec<PetKey>,
    /// Characters inserted or overwritten whole; they belong to the shard from then on. The
    /// round is refused when one takes a name, a slot or a UUID that another has, even one
    /// that gives it up in the same round.
    pub characters: Vec<CharacterRow>,
    /// Characters of whom there is no row; the round is refused when there is.
    pub created: Vec<CharacterRow>,
    pub removed_characters: Vec<CharacterKey>,
    /// Tenants that are new or whose region or version changed.
    pub tenants: Vec<Arc<Tenant>>,
    /// Where reading goes on.
    pub sources: Vec<Source>,
    /// One already kept for the same place in a topic is overwritten.
    pub dead_letters: Vec<DeadLetter>,
    /// Dead letters that were redelivered and are gone.
    pub redelivered: Vec<i64>,
    /// Characters whose history goes: another begins its own under the same UUID.
    pub forgotten: Vec<(TenantId, Uuid)>,
    /// Events of characters, for their history; of one forgotten those that came later. One
    /// stored under the same number stays.
    pub history: Vec<HistoryRow>,
    /// Answers to requests that carried an `Idempotency-Key`. One stored under the same key
    /// is overwritten: it was too old, or the request would not have been asked again.
    pub answers: Vec<AnswerRow>,
    /// At most one for each sink.
    pub outbox: Vec<OutboxRow>,
    /// When the round was opened.
    pub decided_at: DateTime<Utc>,
}

/// The hot path: vitals of pets, by column as they are sent to the database.
#[derive(Clone, Default, Debug)]
pub struct VitalsColumns {
    pub tenants: Vec<Uuid>,
    pub pets: Vec<i64>,
    pub levels: Vec<i16>,
    pub closeness: Vec<i32>,
    pub fullness: Vec<i16>,
    pub slots: Vec<i16>,
}

/// A pet, its tenant and its owner.
#[derive(Clone, PartialEq, Debug)]
pub struct PetRow {
    pub tenant: TenantId,
    pub owner: CharacterId,
    pub pet: Pet,
}

impl Work {
    /// Every character whose row is written, whether or not there was one.
    pub fn written_characters(&self) -> impl Iterator<Item = &CharacterRow> {
        self.characters.iter().chain(&self.created)
    }
}

impl PetRow {
    pub fn owner_key(&self) -> CharacterKey {
        CharacterKey { tenant: self.tenant, character: self.owner }
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct CharacterRow {
    pub key: CharacterKey,
    pub character: Character,
}

/// Where reading goes on in one partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    pub topic: Arc<str>,
    pub partition: i32,
    /// Offset of the first record not yet applied.
    pub next_offset: i64,
}

/// A record that can never succeed, with its original bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeadLetter {
    /// None when the record did not name one.
    pub tenant: Option<TenantId>,
    pub topic: Arc<str>,
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    /// In the record's order; names may repeat.
    pub headers: Vec<(String, Vec<u8>)>,
    pub payload: Vec<u8>,
    /// Stable code.
    pub reason: String,
    /// For people.
    pub detail: String,
    pub at: DateTime<Utc>,
}

/// One event in its character's history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HistoryRow {
    pub tenant: TenantId,
    pub character: Uuid,
    /// The character's own number of the event, from 1.
    pub seq: u64,
    pub event_id: Uuid,
    pub kind: &'static str,
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// Its JSON as it is published.
    pub body: Vec<u8>,
}

/// What was answered to the first request under an `Idempotency-Key`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnswerRow {
    pub tenant: TenantId,
    pub key: Box<str>,
    /// Tells a repetition from another request under the same key.
    pub request_hash: [u8; 32],
    pub answer: Vec<u8>,
    pub at: DateTime<Utc>,
}

/// All events of the round for one sink, encoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboxRow {
    pub sink: Sink,
    pub num_events: u32,
    pub body: Vec<u8>,
}

/// A broker events are published to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Sink {
    Kafka,
    Nats,
}

impl VitalsColumns {
    pub fn push(&mut self, tenant: TenantId, vitals: Vitals) {
        self.tenants.push(tenant.0);
        self.pets.push(i64::from(vitals.pet.0));
        self.levels.push(i16::from(vitals.level));
        self.closeness.push(i32::from(vitals.closeness));
        self.fullness.push(i16::from(vitals.fullness));
        self.slots.push(i16::from(vitals.slot));
    }

    pub fn len(&self) -> usize {
        self.pets.len()
    }

    pub fn is_empty(&self) -> bool {
        self.pets.is_empty()
    }

    /// The same in the order of the table's key, in which neighbours find the index's pages in
    /// the processor's cache.
    pub fn sorted(&self) -> Self {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by_key(|row| (self.tenants[*row], self.pets[*row]));
        Self {
            tenants: order.iter().map(|row| self.tenants[*row]).collect(),
            pets: order.iter().map(|row| self.pets[*row]).collect(),
            levels: order.iter().map(|row| self.levels[*row]).collect(),
            closeness: order.iter().map(|row| self.closeness[*row]).collect(),
            fullness: order.iter().map(|row| self.fullness[*row]).collect(),
            slots: order.iter().map(|row| self.slots[*row]).collect(),
        }
    }
}

impl Sink {
    /// Its name in the database, in metrics and in the operator's API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Nats => "nats",
        }
    }
}
