//! What a process holds in memory while it cannot get rid of it.

use std::time::{Duration, Instant};

use menagerie::wire::kafka::headers::of_tenant;
use menagerie::wire::kafka::{encode_command, key};
use rand::RngExt;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;

use super::process::{SOON, until};
use super::services::Service;
use super::world::World;

const NUM_RECORDS: u64 = 70_000;
/// What each record carries besides its command.
const BALLAST_BYTES: usize = 4 << 10;
/// A record of that size counts five times, so this is 26 MiB of them.
const MAX_IN_FLIGHT: &str = "32768";
/// Whatever the backlog: the records in flight, the 32 MiB that librdkafka fetches ahead, and
/// generously for what is made of them.
const BOUND_BYTES: u64 = 160 << 20;

impl World {
    /// Sends awards as heavy as that, as fast as Kafka takes them.
    async fn award_heavily(&mut self) {
        let producer: BaseProducer = self.options.producer().create().unwrap();
        let mut headers = OwnedHeaders::new();
        for (key, value) in of_tenant(&self.tenant) {
            headers = headers.insert(Header { key, value: Some(&value) });
        }
        // Not to be compressed away.
        let noise: Vec<u8> =
            rand::rng().random_iter::<u8>().map(|byte| b'0' + byte % 10).take(1 << 20).collect();
        for _ in 0..NUM_RECORDS {
            let at = rand::rng().random_range(..noise.len() - BALLAST_BYTES);
            let command = self.crowd.as_mut().unwrap().award();
            self.books.lock().order(&command, Instant::now());
            let id = key(command.pet.0);
            let payload = laden(&encode_command(&command), &noise[at..at + BALLAST_BYTES]);
            let mut record = BaseRecord::<[u8], [u8]>::to(&self.options.topics.pet_command)
                .key(&id)
                .payload(&payload)
                .headers(headers.clone());
            while let Err((error, returned)) = producer.send(record) {
                let full = RDKafkaErrorCode::QueueFull;
                assert!(matches!(error, KafkaError::MessageProduction(code) if code == full));
                record = returned;
                producer.poll(Duration::from_millis(10));
            }
            producer.poll(Duration::ZERO);
        }
        tokio::task::block_in_place(|| producer.flush(SOON)).unwrap();
    }
}

/// A command with a field that nobody asks for.
fn laden(command: &[u8], ballast: &[u8]) -> Vec<u8> {
    [br#"{"ballast":""#, ballast, br#"","#, &command[1..]].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_bounded_while_the_database_is_away_and_the_backlog_grows() {
    let Some(mut world) = World::with(&[("MENAGERIE_KAFKA__MAX_IN_FLIGHT", MAX_IN_FLIGHT)]).await
    else {
        return;
    };
    world.populate().await;
    let probes = world.probes();
    let before = world.process().memory("VmRSS");
    let outage = Service::Postgres.pause().await;
    world.award_heavily().await;
    until("a paused intake", async || probes.metric("menagerie_intake_paused").await > 0.0).await;
    assert_ne!(probes.metric("menagerie_intake_in_flight").await, 0.0);
    // The highest it was at any time.
    let growth = world.process().memory("VmHWM") - before;
    let backlog = NUM_RECORDS * BALLAST_BYTES as u64;
    assert!(growth < BOUND_BYTES, "{growth} bytes more for a backlog of {backlog}");
    outage.end().await;
    assert_eq!(world.differences().await, Vec::<String>::new());
    assert_eq!(probes.metric("menagerie_intake_paused").await, 0.0);
    assert_eq!(probes.metric("menagerie_intake_in_flight").await, 0.0);
    world.close().await;
}
