//! The events of committed rounds: published in order, their rows deleted once they are acknowledged.
//! As the engine does, and for its reasons: rows that wait go together once those before them are
//! acknowledged, and the producer is woken when what it lingers for is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use menagerie::edge::kafka::status_topic::headers;
use menagerie::engine::outbox::row::Row;
use menagerie::store::Sink;
use menagerie::wire::kafka::key::key;
use rdkafka::ClientContext;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use tokio::runtime::Handle;

use crate::{Ground, SHARD};

const LINGER: Duration = Duration::from_micros(100);
/// Rows published together, as the engine has it.
const MAX_UNDER_WAY: usize = 8;
/// How long acknowledged rows wait to be deleted together, as the engine has it.
const DELETE_EVERY: Duration = Duration::from_millis(50);

struct Acknowledge {
    done: Sender<i64>,
}

/// The acknowledgements that a row still waits for.
struct Open {
    round: i64,
    num_open: AtomicU32,
}

impl ClientContext for Acknowledge {}

impl ProducerContext for Acknowledge {
    type DeliveryOpaque = Arc<Open>;

    fn delivery(&self, result: &DeliveryResult<'_>, open: Arc<Open>) {
        assert!(result.is_ok(), "a yardstick has no second try");
        if open.num_open.fetch_sub(1, Ordering::AcqRel) == 1 {
            let _ = self.done.send(open.round);
        }
    }
}

/// Publishes what it receives, until nothing comes any more.
pub fn publish(ground: &Ground, runtime: &Handle, rows: &Receiver<Row>) -> anyhow::Result<()> {
    let (done, acknowledged) = channel();
    let mut config = ground.kafka.lingering_producer(LINGER);
    let producer: ThreadedProducer<_> = config
        .set("queue.buffering.max.messages", "0")
        .create_with_context(Acknowledge { done })?;
    let store = ground.store.clone();
    let deleting = runtime.clone();
    let (published, to_delete) = channel();
    std::thread::spawn(move || delete(&to_delete, &store, &deleting));
    while let Ok(first) = rows.recv() {
        let mut num_rows = 0;
        for row in std::iter::once(first).chain(rows.try_iter()).take(MAX_UNDER_WAY) {
            send(&producer, &ground.kafka.topics.pet_status, &row)?;
            num_rows += 1;
        }
        std::thread::sleep(LINGER);
        let _still_under_way = producer.flush(Duration::ZERO);
        for round in acknowledged.iter().take(num_rows) {
            published.send(round)?;
        }
    }
    Ok(())
}

fn send(producer: &ThreadedProducer<Acknowledge>, topic: &str, row: &Row) -> anyhow::Result<()> {
    let open = Arc::new(Open { round: row.round, num_open: AtomicU32::new(row.num_events) });
    for entry in row.entries() {
        let key = key(entry.owner);
        let record = BaseRecord::with_opaque_to(topic, Arc::clone(&open))
            .key(key.as_slice())
            .payload(entry.payload)
            .timestamp(row.decided_at.timestamp_millis())
            .headers(headers(&entry));
        producer.send(record).map_err(|(error, _)| error)?;
    }
    Ok(())
}

fn delete(published: &Receiver<i64>, store: &menagerie::store::Store, runtime: &Handle) {
    while let Ok(first) = published.recv() {
        std::thread::sleep(DELETE_EVERY);
        let rounds: Vec<i64> = std::iter::once(first).chain(published.try_iter()).collect();
        let deleted = runtime.block_on(store.delete_published(SHARD, Sink::Kafka, &rounds));
        assert!(deleted.is_ok(), "{deleted:?}");
    }
}
