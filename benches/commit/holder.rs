//! The holder of a shard, as the engine is one.

use std::sync::Arc;
use std::time::Duration;

use menagerie::domain::owner::Vitals;
use menagerie::domain::pet::{MAX_LEVEL, Pet};
use menagerie::domain::{CharacterId, PetId, PetKey};
use menagerie::store::{Fence, Options, OutboxRow, PetRow, Sink, Source, Store, Work};

use crate::NUM_PETS;
use crate::samples::{self, KITTY, PETS_EACH};

const SHARD: &str = "bench";
const TOPIC: &str = "COMMAND_TOPIC_PET";

pub struct Holder {
    store: Store,
    fence: Fence,
    /// The last one committed.
    round: i64,
}

/// Two rounds in turn, so that each changes every pet it touches.
pub type Alternating = [Arc<Work>; 2];

pub fn alternating(num_pets: u32) -> Alternating {
    [0, 1].map(|turn| Arc::new(awards(num_pets, turn)))
}

/// What `num_pets` awards leave to be written, one for each pet.
fn awards(num_pets: u32, turn: u16) -> Work {
    let mut work = Work { decided_at: samples::start(), ..Work::default() };
    let tenant = samples::tenant().id;
    for number in 0..num_pets {
        let pet = PetId(number);
        let closeness = closeness(turn);
        work.vitals
            .push(tenant, Vitals { pet, level: MAX_LEVEL, closeness, fullness: 100, slot: 0 });
    }
    let events: Vec<_> = (0..num_pets).map(samples::closeness_changed).collect();
    let row = samples::announce(&events);
    work.sources.push(source(num_pets.into()));
    work.outbox.push(OutboxRow {
        sink: Sink::Kafka,
        num_events: row.num_events(),
        body: row.body(),
    });
    work
}

fn closeness(turn: u16) -> u16 {
    1_000 + turn
}

fn source(next_offset: i64) -> Source {
    Source { topic: TOPIC.into(), partition: 0, next_offset }
}

impl Holder {
    /// Takes the shard of an empty database and stores [`NUM_PETS`] in it.
    pub async fn take(url: &str) -> Self {
        let store = Store::connect(Options {
            url: url.to_owned(),
            max_connections: 2,
            connect_timeout: Duration::from_secs(10),
            commit_timeout: Duration::from_secs(30),
        })
        .await
        .unwrap();
        store.migrate_up().await.unwrap();
        let term = Duration::from_secs(3_600);
        let lease = store.acquire(SHARD, "bench", term).await.unwrap().unwrap();
        let fence = Fence { shard: SHARD.into(), epoch: lease.epoch, lease: term };
        let tenant = samples::tenant();
        let pets = (0..NUM_PETS).map(|number| PetRow {
            tenant: tenant.id,
            owner: CharacterId(number / PETS_EACH),
            pet: Pet::new(PetId(number), KITTY),
        });
        let work = Work {
            pets: pets.collect(),
            tenants: vec![tenant],
            decided_at: samples::start(),
            ..Work::default()
        };
        let round = lease.round + 1;
        store.commit(&fence, round, Arc::new(work)).await.unwrap();
        Self { store, fence, round }
    }

    pub async fn commit(&mut self, rounds: &Alternating) {
        self.round += 1;
        let work = Arc::clone(&rounds[self.turn()]);
        self.store.commit(&self.fence, self.round, work).await.unwrap();
    }

    fn turn(&self) -> usize {
        usize::from(self.round % 2 == 1)
    }

    /// That the last `num_rounds` stand, each with its outbox row; then deletes those, as the
    /// outbox would.
    pub async fn check(&mut self, num_pets: u32, num_rounds: u64) {
        let backlog = self.store.backlog(SHARD, Sink::Kafka).await.unwrap();
        assert_eq!(backlog.num_rows, num_rounds);
        assert_eq!(backlog.num_events, num_rounds * u64::from(num_pets));
        let position = self.store.position(SHARD).await.unwrap().unwrap();
        assert_eq!(position.round, self.round);
        let turn = u16::try_from(self.turn()).unwrap();
        for number in [0, num_pets - 1] {
            assert_eq!(self.closeness_of(number).await, closeness(turn));
        }
        assert_eq!(self.store.sources(SHARD).await.unwrap(), [source(num_pets.into())]);
        let rounds: Vec<_> =
            (0..num_rounds.cast_signed()).map(|before| self.round - before).collect();
        self.store.delete_published(SHARD, Sink::Kafka, &rounds).await.unwrap();
    }

    pub async fn closeness_of(&self, pet: u32) -> u16 {
        let key = PetKey { tenant: samples::tenant().id, pet: PetId(pet) };
        let (_, pet) = self.store.pet(key).await.unwrap().expect("it was stored");
        pet.closeness
    }
}
