//! A row of events on its way out: given to the producer, and all of it acknowledged.
//!
//! Kafka is librdkafka's in-process cluster, and the real one too when `MENAGERIE_TEST_KAFKA` names
//! it; NATS when `MENAGERIE_TEST_NATS` does. The yardstick is the same messages one at a time, each
//! sent when the one before is acknowledged.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use actix::{Actor, Context, Handler, Recipient};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use futures::future::join_all;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use tokio::runtime::Runtime;
use uuid::Uuid;

use menagerie::edge::embedded::kafka::EmbeddedKafka;
use menagerie::edge::kafka::{KafkaStatusTopic, Options, Topics};
use menagerie::edge::nats::{Nats, NatsOptions};
use menagerie::engine::outbox::kafka::{RowDone, Ticket};
use menagerie::engine::outbox::row::Row;
use menagerie::engine::port::{EventLog, Message, StatusTopic};

use samples::{announce, closeness_changed, start};

mod samples;

const NUM_EVENTS: u32 = 1_000;
/// Messages of the yardstick, which are some for each of its samples.
const NUM_SINGLE: u32 = 10;

/// Hears of rows that are done.
struct Outbox(mpsc::Sender<()>);

impl Actor for Outbox {
    type Context = Context<Self>;
}

impl Handler<RowDone> for Outbox {
    type Result = ();

    fn handle(&mut self, done: RowDone, _: &mut Context<Self>) {
        assert_eq!(done.error(), None);
        self.0.send(()).unwrap();
    }
}

/// An actor on a thread of its own, and what it hears.
fn outbox() -> (Recipient<RowDone>, mpsc::Receiver<()>) {
    let ((sender, done), (started, outbox)) = (mpsc::channel(), mpsc::channel());
    std::thread::spawn(move || {
        let system = actix::System::new();
        system.block_on(async move {
            started.send(Outbox(sender).start().recipient()).unwrap();
        });
        system.run().unwrap();
    });
    (outbox.recv().unwrap(), done)
}

fn on_kafka(c: &mut Criterion) {
    let topic = format!("bench_{}", Uuid::new_v4().simple());
    let cluster = EmbeddedKafka::start([topic.as_str()], 4).unwrap();
    row_on(c, "publish on the in-process Kafka", cluster.bootstrap_servers(), &topic);
    drop(cluster);
    let Ok(servers) = std::env::var("MENAGERIE_TEST_KAFKA") else {
        eprintln!("publish on Kafka: left out, MENAGERIE_TEST_KAFKA names no cluster");
        return;
    };
    let runtime = Runtime::new().unwrap();
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &servers).create().unwrap();
    let wanted = [NewTopic::new(&topic, 4, TopicReplication::Fixed(1))];
    let options = AdminOptions::new();
    let created = runtime.block_on(admin.create_topics(&wanted, &options)).unwrap();
    assert!(created.iter().all(Result::is_ok), "{created:?}");
    row_on(c, "publish on Kafka", &servers, &topic);
    runtime.block_on(admin.delete_topics(&[&topic], &options)).unwrap();
}

fn row_on(c: &mut Criterion, name: &str, servers: &str, topic: &str) {
    let status_topic = KafkaStatusTopic::connect(options(servers, topic)).unwrap();
    let (outbox, done) = outbox();
    let events: Vec<_> = (0..NUM_EVENTS).map(closeness_changed).collect();
    let row = announce(&events).into_row(1, start());
    let publish = |row: &Row, num_messages: u32| {
        let ticket = Arc::new(Ticket::new(1, 0, num_messages, outbox.clone()));
        for entry in row.entries() {
            status_topic.send(&entry, start(), &ticket).unwrap();
        }
        status_topic.release();
        ticket.acknowledge();
        done.recv_timeout(Duration::from_secs(60)).unwrap();
    };
    let mut group = c.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Elements(NUM_EVENTS.into()));
    group.bench_function("row/1000", |b| b.iter(|| publish(&row, NUM_EVENTS)));
    let single = announce(&events[..1]).into_row(1, start());
    group.throughput(Throughput::Elements(NUM_SINGLE.into()));
    group.bench_function("yardstick: one at a time", |b| {
        b.iter(|| (0..NUM_SINGLE).for_each(|_| publish(&single, 1)));
    });
    group.finish();
}

fn options(servers: &str, topic: &str) -> Options {
    let unused = String::new;
    Options {
        bootstrap_servers: servers.to_owned(),
        group: "bench".to_owned(),
        topics: Topics {
            character_status: unused(),
            asset_status: unused(),
            pet_command: unused(),
            pet_movement: unused(),
            pet_status: topic.to_owned(),
        },
        dead_letter_topic: None,
        max_record_bytes: 1 << 20,
        metadata_interval: Duration::from_secs(5),
        properties: BTreeMap::new(),
        is_embedded: false,
    }
}

fn on_nats(c: &mut Criterion) {
    let Ok(url) = std::env::var("MENAGERIE_TEST_NATS") else {
        eprintln!("publish on NATS: left out, MENAGERIE_TEST_NATS names no server");
        return;
    };
    let runtime = Runtime::new().unwrap();
    let nats = runtime.block_on(async {
        let nats = Nats::connect(NatsOptions { urls: vec![url], ..NatsOptions::default() });
        let nats = nats.await.unwrap();
        nats.ensure_streams().await.unwrap();
        nats
    });
    let mut group = c.benchmark_group("publish on NATS");
    group.sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Elements(NUM_EVENTS.into()));
    group.bench_function("row/1000", |b| {
        b.iter(|| {
            let messages: Vec<_> = (0..NUM_EVENTS).map(|_| message()).collect();
            runtime.block_on(async {
                let acks = join_all(messages.iter().map(|message| nats.publish(message))).await;
                assert!(acks.iter().all(Result::is_ok));
            });
        });
    });
    group.throughput(Throughput::Elements(NUM_SINGLE.into()));
    group.bench_function("yardstick: one at a time", |b| {
        b.iter(|| {
            runtime.block_on(async {
                for _ in 0..NUM_SINGLE {
                    nats.publish(&message()).await.unwrap();
                }
            });
        });
    });
    group.finish();
    runtime.block_on(nats.close(Duration::from_secs(5)));
}

/// A new id each: the log would answer a known one without storing it.
fn message() -> Message {
    Message {
        subject: "character.updated".to_owned(),
        id: Uuid::now_v7(),
        headers: vec![("TENANT_ID", samples::tenant().id.to_string())],
        payload: vec![b' '; 300].into(),
    }
}

criterion_group! {
    name = benches;
    config = samples::measured_for(3);
    targets = on_kafka, on_nats
}
criterion_main!(benches);
