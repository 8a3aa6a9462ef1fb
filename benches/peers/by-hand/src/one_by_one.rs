//! One transaction a command, as a consumer is written by hand: the pet is read and locked, changed,
//! its event and the offset are written with it; a relay publishes what was committed.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::thread;

use chrono::Utc;
use menagerie::domain::pet::{self, Body, Order as Ask, Pet};
use menagerie::domain::{
    Catalog, CharacterId, Context, Effects, Event, Input, Owner, PetId, PetKey, Rules,
};
use menagerie::engine::outbox::kind;
use menagerie::engine::outbox::row::{About, Row, Writer};
use menagerie::engine::record::{Cause, Target};
use menagerie::store::{PetRow, Source, Work};
use menagerie::wire::kafka::status;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, Statement,
    TransactionTrait, Value,
};
use tokio::runtime::Handle;

use crate::api::{self, Order};
use crate::intake::{self, Batch, Committed};
use crate::{Even, Ground, SHARD};

const READ: &str = "select owner, template_id, level, closeness, fullness, slot from pets \
    where tenant = $1 and id = $2 for update";
const CHANGE: &str = "update pets set level = $1, closeness = $2, slot = $3 \
    where tenant = $4 and id = $5";
const ANNOUNCE: &str = "insert into outbox (shard, sink, round, num_events, body, decided_at) \
    values ($1, 'kafka', $2, $3, $4, $5)";
const ADVANCE: &str = "insert into sources (shard, topic, partition, next_offset) \
    values ($1, $2, $3, $4) \
    on conflict (shard, topic, partition) do update set next_offset = excluded.next_offset";

struct Consumer {
    connection: DatabaseConnection,
    catalog: Catalog,
    rules: Rules,
    /// Commands so far: the name of a command's row of events.
    num_commands: i64,
}

pub fn run(ground: Ground, runtime: &Handle) -> anyhow::Result<()> {
    let ground = Arc::new(ground);
    let committed = Committed::default();
    let (orders, ordered) = sync_channel(1_024);
    let (batches, read) = sync_channel(1);
    let (rows, published) = channel();
    api::serve(orders, &ground.store, runtime)?;
    thread::spawn({
        let (ground, runtime) = (Arc::clone(&ground), runtime.clone());
        move || create(&ground, &runtime, &ordered)
    });
    thread::spawn({
        let (ground, runtime) = (Arc::clone(&ground), runtime.clone());
        move || crate::announce::publish(&ground, &runtime, &published)
    });
    let mut options = ConnectOptions::new(&ground.database_url);
    options.max_connections(1).test_before_acquire(false).sqlx_logging(false);
    let connection = runtime.block_on(Database::connect(options))?;
    let mut consumer = Consumer {
        connection,
        catalog: Catalog::builtin(),
        rules: Rules::default(),
        num_commands: 0,
    };
    thread::spawn({
        let (runtime, committed) = (runtime.clone(), Arc::clone(&committed));
        move || {
            while let Ok(batch) = read.recv() {
                let row = runtime.block_on(consumer.apply(&batch));
                let row = row.unwrap_or_else(|error| panic!("{error:#}"));
                committed.lock().extend(batch.sources);
                row.and_then(|row| rows.send(row).ok());
            }
        }
    });
    println!("running");
    intake::read(&ground, 1, &batches, &committed)
}

/// Pets are bought beside the commands.
fn create(ground: &Ground, runtime: &Handle, ordered: &Receiver<Order>) {
    let (mut round, mut last) = (ground.round, 0);
    while let Ok(order) = ordered.recv() {
        let orders: Vec<Order> = std::iter::once(order).chain(ordered.try_iter()).collect();
        let mut work = Work::default();
        let mut created = Vec::new();
        for Order { owner, template_id, reply, .. } in orders {
            last += 1;
            let pet = Pet::new(PetId(last), template_id);
            work.pets.push(PetRow { tenant: owner.tenant, owner: owner.character, pet });
            created.push((reply, PetId(last)));
        }
        round += 1;
        let done = runtime.block_on(ground.store.commit(&ground.fence, round, work.into()));
        assert!(done.is_ok(), "{done:?}");
        for (reply, pet) in created {
            let _ = reply.send(pet);
        }
    }
}

impl Consumer {
    /// At most one command.
    async fn apply(&mut self, batch: &Batch) -> anyhow::Result<Option<Row>> {
        let transaction = self.connection.begin().await?;
        let mut row = None;
        if let Some((Target::Pet(key), Input::Command(command), cause)) = batch.inputs.first() {
            row = self.command(&transaction, *key, command, cause).await?;
        }
        for Source { topic, partition, next_offset } in &batch.sources {
            let values =
                [SHARD.into(), (&**topic).into(), (*partition).into(), (*next_offset).into()];
            execute(&transaction, ADVANCE, values).await?;
        }
        transaction.commit().await?;
        Ok(row)
    }

    async fn command(
        &mut self,
        transaction: &DatabaseTransaction,
        key: PetKey,
        command: &pet::Command,
        cause: &Arc<Cause>,
    ) -> anyhow::Result<Option<Row>> {
        let backend = transaction.get_database_backend();
        let id = [key.tenant.0.into(), i64::from(key.pet.0).into()];
        let read = Statement::from_sql_and_values(backend, READ, id);
        let (Some(found), Some(tenant)) =
            (transaction.query_one_raw(read).await?, cause.tenant.clone())
        else {
            return Ok(None);
        };
        let number = |name: &str| found.try_get::<i64>("", name);
        let small = |name: &str| found.try_get::<i16>("", name);
        let mut pet = Pet::new(key.pet, u32::try_from(number("template_id")?)?);
        pet.level = u8::try_from(small("level")?)?;
        pet.closeness = u16::try_from(found.try_get::<i32>("", "closeness")?)?;
        pet.fullness = u8::try_from(small("fullness")?)?;
        pet.slot = i8::try_from(small("slot")?)?;
        let owner = CharacterId(u32::try_from(number("owner")?)?);
        let (pet, events) = match &command.order {
            Ask::Spawn { .. } if pet.slot < 0 => taken_out(pet, owner),
            _ => self.stepped(pet, owner, tenant, command),
        };
        let values = [
            i16::from(pet.level).into(),
            i32::from(pet.closeness).into(),
            i16::from(pet.slot).into(),
            key.tenant.0.into(),
            i64::from(key.pet.0).into(),
        ];
        execute(transaction, CHANGE, values).await?;
        if events.is_empty() {
            return Ok(None);
        }
        let mut writer = Writer::new();
        writer.begin_cause();
        for event in &events {
            let about = About { owner: owner.0, seq: 0 };
            writer
                .push(kind::of_pet(event), cause, None, about, |_, out| status::encode(event, out));
        }
        self.num_commands += 1;
        let (now, num_events) = (Utc::now(), i32::try_from(writer.num_events())?);
        let values = [
            SHARD.into(),
            self.num_commands.into(),
            num_events.into(),
            writer.body().into(),
            now.into(),
        ];
        execute(transaction, ANNOUNCE, values).await?;
        Ok(Some(writer.into_row(self.num_commands, now)))
    }

    /// As the rules have it.
    fn stepped(
        &self,
        pet: Pet,
        owner: CharacterId,
        tenant: Arc<menagerie::domain::Tenant>,
        command: &pet::Command,
    ) -> (Pet, Vec<pet::Event>) {
        let mut owner = Owner::restored(tenant, owner, None, vec![pet]);
        let mut context = Context {
            now: Utc::now(),
            dice: &mut Even,
            catalog: &self.catalog,
            rules: &self.rules,
        };
        let mut effects = Effects::default();
        owner.step(&Input::Command(command.clone()), &mut context, &mut effects);
        let events = effects.events.into_iter().filter_map(|event| match event {
            Event::Pet(event) => Some(event),
            Event::Character(_) => None,
        });
        (owner.pets()[0].clone(), events.collect())
    }
}

/// Sessions are left out: whoever asks is online.
fn taken_out(mut pet: Pet, owner: CharacterId) -> (Pet, Vec<pet::Event>) {
    pet.slot = 0;
    let bodies = [
        Body::SlotChanged { old_slot: -1, new_slot: 0 },
        Body::Spawned {
            template_id: pet.template_id,
            name: pet.name.clone(),
            slot: 0,
            level: pet.level,
            closeness: pet.closeness,
            fullness: pet.fullness,
            x: 0,
            y: 0,
            stance: 0,
            fh: 1,
        },
    ];
    let events = bodies.map(|body| pet::Event { pet: pet.id, owner, body });
    (pet, events.into())
}

async fn execute<const N: usize>(
    transaction: &DatabaseTransaction,
    sql: &str,
    values: [Value; N],
) -> anyhow::Result<()> {
    let backend = transaction.get_database_backend();
    let done =
        transaction.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    anyhow::ensure!(done.rows_affected() == 1, "{sql}: {} rows", done.rows_affected());
    Ok(())
}
