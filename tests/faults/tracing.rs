//! A trace that outlives the process it began in.

use std::time::{Duration, Instant};

use chrono::DateTime;
use menagerie::engine::outbox::Row;
use menagerie::wire::kafka::{encode_command, headers};
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Header, Headers as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};
use uuid::Uuid;

use super::collector::{Collector, hex};
use super::process::{SOON, until};
use super::world::World;

const SENDER: &str = "00f067aa0ba902b7";

/// Sends an award that belongs to a trace.
fn send(world: &mut World, trace: &str) {
    let command = world.crowd.as_mut().unwrap().award();
    let mut owned = OwnedHeaders::new();
    for (key, value) in headers::of_tenant(&world.tenant) {
        owned = owned.insert(Header { key, value: Some(&value) });
    }
    let parent = format!("00-{trace}-{SENDER}-01");
    owned = owned.insert(Header { key: headers::TRACEPARENT, value: Some(&parent) });
    owned = owned.insert(Header { key: headers::TRACESTATE, value: Some("vendor=1") });
    let producer: BaseProducer = world.options.producer().create().unwrap();
    let payload = encode_command(&command);
    let record = BaseRecord::<[u8], [u8]>::to(&world.options.topics.pet_command).partition(0);
    let sent = producer.send(record.payload(&payload).key(b"any key").headers(owned));
    sent.map_err(|(error, _)| error).unwrap();
    producer.flush(SOON).unwrap();
}

/// The trace headers of the event that belongs to a trace.
fn headers_of_event(world: &World, trace: &str) -> (String, String) {
    let consumer: BaseConsumer = world.options.reader().create().unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..3 {
        let topic = &world.options.topics.pet_status;
        list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let deadline = Instant::now() + SOON;
    loop {
        assert!(Instant::now() < deadline, "the event of {trace} was not announced");
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) else { continue };
        let header = |name: &str| {
            let mut all = message.headers().unwrap().iter();
            let found = all.find(|header| header.key == name)?;
            Some(String::from_utf8(found.value?.to_vec()).unwrap())
        };
        let parent = header(headers::TRACEPARENT).unwrap_or_default();
        if parent.contains(trace) {
            return (parent, header(headers::TRACESTATE).unwrap_or_default());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_goes_on_in_the_next_process_after_a_crash_before_its_event_was_published() {
    let collector = Collector::start();
    let env = [
        ("MENAGERIE_TRACE__ENDPOINT", &*collector.endpoint),
        ("MENAGERIE_TRACE__SAMPLE_RATIO", "0"),
    ];
    let Some(mut world) = World::with(&env).await else { return };
    world.populate().await;
    let left = "select count(*) from outbox";
    until("an empty outbox", async || world.ground.count(left).await == 0).await;
    world.restart_with("before_publish=abort").await;
    let trace = Uuid::new_v4().simple().to_string();
    send(&mut world, &trace);
    assert!(!world.wait_for_end().await.success(), "the process ended before it published");
    let num_events = world.ground.count("select num_events::bigint from outbox").await;
    let body = world.ground.bytes("select body from outbox").await;
    let num_events = u32::try_from(num_events).unwrap();
    let row = Row::read(1, num_events, DateTime::UNIX_EPOCH, &body).unwrap();
    let stored = row.entries().next().unwrap().context.trace.unwrap();

    world.restart_with("").await;
    let (parent, state) = tokio::task::block_in_place(|| headers_of_event(&world, &trace));
    let mut published = None;
    until("the span of the event", async || {
        published = collector.of(&trace).into_iter().find(|span| parent[36..52] == span.id());
        published.is_some()
    })
    .await;
    let published = published.unwrap();
    assert_eq!(parent, format!("00-{trace}-{}-01", published.id()));
    assert!(published.span.name.starts_with("publish"), "{published:#?}");
    assert_eq!(published.resource["process.pid"], world.process().id().to_string());
    // Below the span that the first process had for the record.
    assert_eq!(published.parent(), hex(&stored.span_id));
    assert!(published.parent() != SENDER && published.parent() != published.id());
    assert_eq!((&*state, &*published.span.trace_state), ("vendor=1", "vendor=1"));
    world.close().await;
}
