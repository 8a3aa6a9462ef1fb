//! Rounds with a hash map in place of supervisor and actors: one thread decodes, one steps, one
//! commits, one publishes. What the engine costs is what it is slower than this.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use chrono::Utc;
use menagerie::domain::character::Character;
use menagerie::domain::input::{NewPet, Request};
use menagerie::domain::owner::CharacterChange;
use menagerie::domain::pet::MAX_FULLNESS;
use menagerie::domain::{
    Catalog, CharacterId, CharacterKey, Context, Effects, Event, Input, Owner, PetId, PetKey, Rules,
};
use menagerie::engine::outbox::kind;
use menagerie::engine::outbox::row::{About, Row, Writer};
use menagerie::engine::record::{Cause, Target};
use menagerie::store::{CharacterRow, OutboxRow, PetRow, Sink, Work};
use menagerie::wire::kafka::status;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::api::{self, Order};
use crate::intake::{self, Batch, Committed};
use crate::{Even, Ground, MAX_ROUND};

/// Rounds stepped while another commits.
const MAX_AHEAD: usize = 1;

struct Engine {
    owners: FxHashMap<CharacterKey, Owner>,
    owner_of: FxHashMap<PetKey, CharacterId>,
    catalog: Catalog,
    rules: Rules,
    last_pet: u32,
    /// Those whose changes the round has to take.
    touched: FxHashSet<CharacterKey>,
    effects: Effects,
}

/// A round that is to be committed.
struct Stepped {
    work: Work,
    row: Option<Row>,
    created: Vec<(oneshot::Sender<PetId>, PetId)>,
}

pub fn run(ground: Ground, runtime: &Handle) -> anyhow::Result<()> {
    let ground = Arc::new(ground);
    let committed = Committed::default();
    let (orders, ordered) = sync_channel(1_024);
    let (batches, read) = sync_channel(1);
    let (rounds, stepped) = sync_channel(MAX_AHEAD);
    let (rows, published) = channel();
    api::serve(orders, &ground.store, runtime)?;
    let first = ground.round + 1;
    thread::spawn(move || Engine::new().turn(first, &read, &ordered, &rounds));
    thread::spawn({
        let (ground, runtime) = (Arc::clone(&ground), runtime.clone());
        move || crate::announce::publish(&ground, &runtime, &published)
    });
    thread::spawn({
        let (ground, runtime, committed) =
            (Arc::clone(&ground), runtime.clone(), Arc::clone(&committed));
        move || {
            for (round, Stepped { work, row, created }) in (first..).zip(&stepped) {
                let work = Arc::new(work);
                let done = ground.store.commit(&ground.fence, round, Arc::clone(&work));
                let done = runtime.block_on(done);
                assert!(done.is_ok(), "{done:?}");
                committed.lock().extend(work.sources.iter().cloned());
                row.and_then(|row| rows.send(row).ok());
                for (reply, pet) in created {
                    let _ = reply.send(pet);
                }
            }
        }
    });
    println!("running");
    intake::read(&ground, MAX_ROUND, &batches, &committed)
}

impl Engine {
    fn new() -> Self {
        Self {
            owners: FxHashMap::default(),
            owner_of: FxHashMap::default(),
            catalog: Catalog::builtin(),
            rules: Rules::default(),
            last_pet: 0,
            touched: FxHashSet::default(),
            effects: Effects::default(),
        }
    }

    fn turn(
        mut self,
        first: i64,
        read: &Receiver<Batch>,
        ordered: &Receiver<Order>,
        rounds: &SyncSender<Stepped>,
    ) {
        let mut round = first;
        loop {
            // Orders come before a load only: they may wait for a turn.
            let batch = read.recv_timeout(Duration::from_millis(2)).unwrap_or_default();
            let orders: Vec<Order> = ordered.try_iter().take(MAX_ROUND).collect();
            if batch.sources.is_empty() && orders.is_empty() {
                continue;
            }
            if rounds.send(self.step(round, batch, orders)).is_err() {
                return;
            }
            round += 1;
        }
    }

    fn step(&mut self, round: i64, batch: Batch, orders: Vec<Order>) -> Stepped {
        let now = Utc::now();
        let mut writer = Writer::new();
        let created =
            orders.into_iter().map(|order| self.create(order, now, &mut writer)).collect();
        for (target, input, cause) in batch.inputs {
            let key = match target {
                Target::Owner(key) => key,
                Target::Pet(pet) => {
                    let Some(&character) = self.owner_of.get(&pet) else { continue };
                    CharacterKey { tenant: pet.tenant, character }
                }
                Target::Character(..) | Target::Nobody => continue,
            };
            self.apply(key, &input, &cause, now, &mut writer);
        }
        let mut work = Work { decided_at: now, ..Work::default() };
        for key in self.touched.drain() {
            let changes = self.owners.get_mut(&key).map(Owner::take_changes).unwrap_or_default();
            for vitals in changes.vitals {
                work.vitals.push(key.tenant, vitals);
            }
            let rows = changes.pets.into_iter();
            work.pets.extend(rows.map(|pet| PetRow {
                tenant: key.tenant,
                owner: key.character,
                pet,
            }));
            let row = |character: Box<Character>| CharacterRow { key, character: *character };
            match changes.character {
                CharacterChange::Create(character) => work.created.push(row(character)),
                CharacterChange::Write(character) => work.characters.push(row(character)),
                // Nobody is deleted here.
                CharacterChange::None | CharacterChange::Remove => {}
            }
        }
        work.sources = batch.sources;
        let num_events = writer.num_events();
        let row = (num_events > 0).then(|| {
            work.outbox.push(OutboxRow { sink: Sink::Kafka, num_events, body: writer.body() });
            writer.into_row(round, now)
        });
        Stepped { work, row, created }
    }

    fn create(
        &mut self,
        order: Order,
        now: chrono::DateTime<Utc>,
        writer: &mut Writer,
    ) -> (oneshot::Sender<PetId>, PetId) {
        self.last_pet += 1;
        let (id, key) = (PetId(self.last_pet), order.owner);
        let tenant = Arc::new(order.tenant);
        self.owner_of.insert(PetKey { tenant: key.tenant, pet: id }, key.character);
        let new = NewPet {
            id,
            template_id: order.template_id,
            cash_id: 0,
            name: "Pet".into(),
            level: 1,
            closeness: 0,
            fullness: MAX_FULLNESS,
            expiration: None,
            flag: 0,
            purchase_by: key.character.0,
            excludes: Box::default(),
            asset: None,
        };
        let input = Input::Request(Request::CreatePet(Box::new(new)));
        self.apply(key, &input, &Arc::new(Cause::of(tenant)), now, writer);
        (order.reply, id)
    }

    fn apply(
        &mut self,
        key: CharacterKey,
        input: &Input,
        cause: &Arc<Cause>,
        now: chrono::DateTime<Utc>,
        writer: &mut Writer,
    ) {
        let Some(tenant) = &cause.tenant else { return };
        let new = || Owner::new(Arc::clone(tenant), key.character);
        let owner = self.owners.entry(key).or_insert_with(new);
        let mut context =
            Context { now, dice: &mut Even, catalog: &self.catalog, rules: &self.rules };
        owner.step(input, &mut context, &mut self.effects);
        self.touched.insert(key);
        writer.begin_cause();
        for event in self.effects.events.drain(..) {
            if let Event::Pet(event) = event {
                let about = About { owner: key.character.0, seq: 0 };
                writer.push(kind::of_pet(&event), cause, None, about, |_, out| {
                    status::encode(&event, out);
                });
            }
        }
    }
}
