//! What the benches share: owners with three pets each, and inputs that are always applied.

// Every bench takes a part of this.
#![allow(dead_code)]

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use criterion::Criterion;
use uuid::Uuid;

use menagerie::domain::character::{Status, StatusChange};
use menagerie::domain::owner::Movement;
use menagerie::domain::pet::{self, Body, Command, Order, Pet};
use menagerie::domain::{
    Catalog, CharacterId, Context, Dice, Effects, Input, Outcome, Owner, PetId, Rules, Tenant,
    TenantId,
};
use menagerie::engine::outbox::kind;
use menagerie::engine::outbox::row::{About, Writer};
use menagerie::engine::record::Cause;
use menagerie::wire::kafka::movement::MovementRecord;
use menagerie::wire::kafka::status;

/// The binary's: the benches allocate as it does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub const KITTY: u32 = 5_000_017;
pub const MAP: u32 = 100_000_000;
pub const PETS_EACH: u32 = 3;

pub fn tenant() -> Arc<Tenant> {
    let id = TenantId(Uuid::from_u128(0x083839c6_c47c_42a6_9585_76492795d123));
    Arc::new(Tenant { id, region: "GMS".into(), major: 83, minor: 1 })
}

/// When every owner logged in.
pub fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).expect("a valid instant")
}

/// One id after the other with no pattern lz4 could find, as senders draw them.
pub fn transaction(number: u32) -> Uuid {
    let spread = u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    uuid::Builder::from_random_bytes(spread.to_be_bytes()).into_uuid()
}

/// The pet of an owner that is out in a slot.
pub fn pet_of(owner: u32, slot: u32) -> PetId {
    PetId(owner * PETS_EACH + slot)
}

/// A character online with its pets out and nothing left to write. The pets are fed, and of
/// the highest level: no award causes more than its own event.
pub fn owner(number: u32) -> Owner {
    let pets = (0..PETS_EACH).map(|slot| {
        let mut pet = Pet::new(pet_of(number, slot), KITTY);
        pet.level = pet::MAX_LEVEL;
        pet.closeness = 1_000;
        pet.slot = i8::try_from(slot).expect("three slots");
        pet
    });
    let mut owner = Owner::restored(tenant(), CharacterId(number), None, pets.collect());
    let change = StatusChange::Login { channel: 1, map: MAP, instance: Uuid::nil() };
    let status = Status { transaction: transaction(number), world: 0, at: start(), change };
    let login = Timed { now: start(), input: Input::Status(status) };
    let outcome = World::default().step(&mut owner, &login, &mut Effects::default());
    assert_eq!(outcome, Outcome::Applied);
    owner.take_changes();
    owner
}

/// An input and when it comes.
#[derive(Clone)]
pub struct Timed {
    pub now: DateTime<Utc>,
    pub input: Input,
}

impl Timed {
    /// A second after the login.
    pub fn soon(input: Input) -> Self {
        Self { now: start() + TimeDelta::seconds(1), input }
    }
}

pub fn command(actor: u32, pet: PetId, order: Order) -> Input {
    let transaction = transaction(pet.0);
    Input::Command(Command { transaction, actor: CharacterId(actor), pet, order })
}

pub fn award(pet: PetId) -> Input {
    command(0, pet, Order::AwardCloseness { amount: 1 })
}

/// What a step sees beside its owner and its input.
pub struct World {
    pub catalog: Catalog,
    pub rules: Rules,
}

struct Lucky;

impl Dice for Lucky {
    fn percent(&mut self) -> u8 {
        0
    }
}

impl Default for World {
    fn default() -> Self {
        Self { catalog: Catalog::builtin(), rules: Rules::default() }
    }
}

impl World {
    pub fn step(&self, owner: &mut Owner, timed: &Timed, out: &mut Effects) -> Outcome {
        let mut context = Context {
            now: timed.now,
            dice: &mut Lucky,
            catalog: &self.catalog,
            rules: &self.rules,
        };
        owner.step(&timed.input, &mut context, out)
    }
}

/// A pet's step, reported by its owner.
pub fn movement(owner: u32) -> MovementRecord {
    let movement = Movement {
        pet: pet_of(owner, 0),
        world: 0,
        channel: 1,
        map: MAP,
        instance: transaction(2),
        x: -321,
        y: 200,
        stance: 2,
        fh: None,
    };
    MovementRecord { observer: CharacterId(owner), movement }
}

/// How long each bench is measured.
pub fn measured_for(seconds: u64) -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(seconds))
}

pub fn closeness_changed(number: u32) -> pet::Event {
    let body = Body::ClosenessChanged {
        slot: 0,
        closeness: 1_000,
        amount: 5,
        transaction: transaction(number),
    };
    pet::Event { pet: pet_of(number, 0), owner: CharacterId(number), body }
}

/// An outbox row in the making, of as many events of as many causes, none with headers of
/// its own.
pub fn announce(events: &[pet::Event]) -> Writer {
    let cause = Arc::new(Cause::of(tenant()));
    let mut writer = Writer::new();
    for event in events {
        writer.begin_cause();
        let about = About { owner: event.owner.0, seq: 0 };
        writer.push(kind::of_pet(event), &cause, None, about, |_, out| status::encode(event, out));
    }
    writer
}
