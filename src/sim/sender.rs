//! Produces what the game servers produce: commands, movement and status events.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;

use crate::domain::character::Status;
use crate::domain::{CharacterId, Tenant, pet};
use crate::edge::kafka::Options;
use crate::wire::kafka::movement::MovementRecord;
use crate::wire::kafka::{encode_command, encode_movement, encode_status, headers, key};

const FLUSH_PATIENCE: Duration = Duration::from_secs(30);
const SETTLE_PATIENCE: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_micros(500);
const SERVE_EVERY: Duration = Duration::from_millis(10);

/// A producer in one tenant. Records of a pet keep their order: they share a key.
pub struct Sender {
    producer: BaseProducer,
    options: Options,
    headers: OwnedHeaders,
}

impl Sender {
    /// # Errors
    /// When the client's settings make no sense to librdkafka.
    pub fn new(options: Options, tenant: &Tenant) -> Result<Self, KafkaError> {
        Self::with(options.producer(), options, tenant)
    }

    /// For records that are to be written as fast as possible, in batches as of busy producers,
    /// unless the operator's `linger.ms` says otherwise.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn in_batches(options: Options, tenant: &Tenant) -> Result<Self, KafkaError> {
        let config = options.lingering_producer(Duration::from_millis(1));
        Self::with(config, options, tenant)
    }

    fn with(config: ClientConfig, options: Options, tenant: &Tenant) -> Result<Self, KafkaError> {
        let producer = config.create()?;
        let mut owned = OwnedHeaders::new();
        for (key, value) in headers::of_tenant(tenant) {
            owned = owned.insert(Header { key, value: Some(&value) });
        }
        Ok(Self { producer, options, headers: owned })
    }

    /// # Errors
    /// See [`KafkaError`]; a full queue is waited out.
    pub fn command(&self, command: &pet::Command) -> Result<(), KafkaError> {
        let payload = encode_command(command);
        self.send(&self.options.topics.pet_command, command.pet.0, &payload)
    }

    /// # Errors
    /// As [`command`](Self::command).
    pub fn status(&self, character: CharacterId, status: &Status) -> Result<(), KafkaError> {
        let payload = encode_status(character, status);
        self.send(&self.options.topics.character_status, character.0, &payload)
    }

    /// # Errors
    /// As [`command`](Self::command).
    pub fn movement(&self, record: &MovementRecord) -> Result<(), KafkaError> {
        let payload = encode_movement(record);
        self.send(&self.options.topics.pet_movement, record.observer.0, &payload)
    }

    fn send(&self, topic: &str, id: u32, payload: &[u8]) -> Result<(), KafkaError> {
        let key = key(id);
        let mut record = BaseRecord::<[u8], [u8]>::to(topic)
            .key(key.as_slice())
            .payload(payload)
            .headers(self.headers.clone());
        loop {
            match self.producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), returned)) => {
                    record = returned;
                    self.producer.poll(Duration::from_millis(10));
                }
                Err((error, _)) => return Err(error),
            }
        }
        self.producer.poll(Duration::ZERO);
        Ok(())
    }

    /// Waits until everything sent is acknowledged, though not for long: librdkafka spins while
    /// records wait behind five others of their partition.
    pub fn settle(&self) {
        let deadline = Instant::now() + SETTLE_PATIENCE;
        while self.producer.in_flight_count() > 0 && Instant::now() < deadline {
            self.serve_until(Instant::now() + LOOK_EVERY);
        }
    }

    /// Waits for an instant, taking acknowledgements meanwhile. Sleeps: polling with less than a
    /// millisecond to wait is spinning.
    pub fn serve_until(&self, due: Instant) {
        loop {
            self.producer.poll(Duration::ZERO);
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(SERVE_EVERY));
        }
    }

    /// Records sent and not yet acknowledged.
    pub fn num_in_flight(&self) -> usize {
        self.producer.poll(Duration::ZERO);
        usize::try_from(self.producer.in_flight_count()).unwrap_or_default()
    }

    /// Waits until everything sent is acknowledged.
    ///
    /// # Errors
    /// When the cluster does not acknowledge it in time.
    pub fn flush(&self) -> Result<(), KafkaError> {
        self.producer.flush(FLUSH_PATIENCE)
    }
}
