//! The producer of pet status events (and dead letters).

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use rdkafka::ClientContext;
use rdkafka::Message as _;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, PurgeConfig, ThreadedProducer};
use rdkafka::statistics::Statistics;
use rustc_hash::FxHashSet;
use uuid::Uuid;

use super::client::Options;
use super::cut_off::{CutOff, has_broker};
use super::tail;
use crate::engine::outbox::kafka::Ticket;
use crate::engine::outbox::kind::DEAD_LETTER;
use crate::engine::outbox::row::Entry;
use crate::engine::port::{StatusTopic, TopicError};
use crate::engine::record::Original;
use crate::telemetry::metrics::METRICS;
use crate::wire::kafka::headers::{
    ENVIRONMENT, EVENT_ID, MAJOR_VERSION, MINOR_VERSION, REGION, TENANT_ID, TRACEPARENT, TRACESTATE,
};
use crate::wire::kafka::key::key;

/// How long the producer waits for more of what is handed in together: with less, the first
/// messages go alone, and of a partition with five under way librdkafka sends no more.
const LINGER: Duration = Duration::from_micros(100);
/// How long a replaced producer may take to report what it still held.
const PURGE_PATIENCE: Duration = Duration::from_secs(5);

/// `EVENT_TOPIC_PET_STATUS` on a Kafka cluster.
pub struct KafkaStatusTopic {
    options: Options,
    producer: ArcSwap<ThreadedProducer<Acknowledge>>,
}

/// Turns librdkafka's delivery reports into acknowledgements of their row's ticket.
struct Acknowledge {
    dead_letter_topic: Option<String>,
    /// While messages wait for a broker.
    cut_off: CutOff,
}

impl ClientContext for Acknowledge {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!("kafka producer: {error}: {reason}");
    }

    fn stats(&self, statistics: Statistics) {
        // One that has nothing to send may let its connections go.
        self.cut_off.note(statistics.msg_cnt > 0 && !has_broker(&statistics));
    }
}

impl ProducerContext for Acknowledge {
    type DeliveryOpaque = Arc<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Arc<Ticket>) {
        match result {
            Ok(_) => ticket.acknowledge(),
            Err((error, message))
                if self.dead_letter_topic.as_deref() == Some(message.topic())
                    && is_final(error) =>
            {
                give_up(error);
                ticket.acknowledge();
            }
            Err((error, _)) => ticket.fail(error.to_string()),
        }
    }
}

impl KafkaStatusTopic {
    /// # Errors
    /// When the client's settings make no sense to librdkafka.
    pub fn connect(options: Options) -> KafkaResult<Self> {
        let producer = ArcSwap::from_pointee(create(&options)?);
        Ok(Self { options, producer })
    }

    fn send_dead_letter(&self, entry: &Entry<'_>, ticket: &Arc<Ticket>) -> Result<(), KafkaError> {
        let Some(topic) = &self.options.dead_letter_topic else {
            // The topic was taken out of the configuration; the letter stands in SQL.
            ticket.acknowledge();
            return Ok(());
        };
        let original = Original::read(entry.payload);
        let id = entry.id.to_string();
        let mut headers = OwnedHeaders::new_with_capacity(original.headers.len() + 1);
        for (key, value) in &original.headers {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        headers = headers.insert(Header { key: EVENT_ID, value: Some(&id) });
        let mut record = BaseRecord::with_opaque_to(topic, Arc::clone(ticket))
            .payload(&original.payload)
            .headers(headers);
        if let Some(key) = &original.key {
            record = record.key(key);
        }
        match self.producer.load().send(record) {
            Err((error, _)) if is_final(&error) => {
                give_up(&error);
                ticket.acknowledge();
                Ok(())
            }
            sent => sent.map_err(|(error, _)| error),
        }
    }

    fn send_event(
        &self,
        entry: &Entry<'_>,
        at: DateTime<Utc>,
        ticket: &Arc<Ticket>,
    ) -> Result<(), KafkaError> {
        let key = key(entry.owner);
        let record =
            BaseRecord::with_opaque_to(&self.options.topics.pet_status, Arc::clone(ticket))
                .key(key.as_slice())
                .payload(entry.payload)
                // What the search of the topic's end begins with after a crash.
                .timestamp(at.timestamp_millis())
                .headers(headers(entry));
        self.producer.load().send(record).map_err(|(error, _)| error)
    }
}

fn create(options: &Options) -> KafkaResult<ThreadedProducer<Acknowledge>> {
    let dead_letter_topic = options.dead_letter_topic.clone();
    let cut_off = CutOff::default();
    let config = options.lingering_producer(LINGER);
    config.create_with_context(Acknowledge { dead_letter_topic, cut_off })
}

/// Whether the cluster will never take this message, or this topic.
fn is_final(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::MessageSizeTooLarge
                | RDKafkaErrorCode::InvalidMessage
                | RDKafkaErrorCode::InvalidMessageSize
                | RDKafkaErrorCode::InvalidRecord
                | RDKafkaErrorCode::InvalidTopic
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::TopicAuthorizationFailed
        )
    )
}

/// The copy of a dead letter is a courtesy, which must not hold up what happened to pets: the
/// letter itself stands in SQL.
fn give_up(error: &KafkaError) {
    METRICS.outbox.errors.with_label_values(&["kafka", "dead_letter_refused"]).inc();
    tracing::warn!("the dead letter topic did not take a copy, the letter is in SQL: {error}");
}

/// What an event carries besides its body.
pub fn headers(entry: &Entry<'_>) -> OwnedHeaders {
    let context = &entry.context;
    let mut text = Uuid::encode_buffer();
    let (major, minor) = (context.major.to_be_bytes(), context.minor.to_be_bytes());
    let trace = entry.trace.to_bytes();
    let insert = |headers: OwnedHeaders, key, value: &[u8]| {
        headers.insert(Header { key, value: Some(value) })
    };
    let mut headers = OwnedHeaders::new_with_capacity(8);
    headers =
        insert(headers, TENANT_ID, context.tenant.hyphenated().encode_lower(&mut text).as_bytes());
    headers = insert(headers, REGION, context.region.as_bytes());
    headers = insert(headers, MAJOR_VERSION, &major);
    headers = insert(headers, MINOR_VERSION, &minor);
    headers = insert(headers, TRACEPARENT, &trace);
    headers = insert(headers, EVENT_ID, entry.id.hyphenated().encode_lower(&mut text).as_bytes());
    if let Some(tracestate) = context.tracestate {
        headers = insert(headers, TRACESTATE, tracestate.as_bytes());
    }
    if let Some(environment) = context.environment {
        headers = insert(headers, ENVIRONMENT, environment);
    }
    headers
}

impl StatusTopic for KafkaStatusTopic {
    fn name(&self) -> &str {
        &self.options.topics.pet_status
    }

    fn send(
        &self,
        entry: &Entry<'_>,
        at: DateTime<Utc>,
        ticket: &Arc<Ticket>,
    ) -> Result<(), TopicError> {
        let sent = if entry.kind == DEAD_LETTER {
            self.send_dead_letter(entry, ticket)
        } else {
            self.send_event(entry, at, ticket)
        };
        sent.map_err(|error| TopicError::Rejected(error.to_string()))
    }

    fn release(&self) {
        // Then the last messages go when they said, not when we think.
        if self.options.says_how_long_to_linger() {
            return;
        }
        // librdkafka waits in whole milliseconds for what is left of the linger, unless it is
        // woken. A flush without patience wakes it and waits for nothing; by then the linger of
        // every message has to be over.
        std::thread::sleep(LINGER);
        let _still_under_way = self.producer.load().flush(Duration::ZERO);
    }

    fn is_lost(&self) -> bool {
        self.producer.load().client().context().cut_off.is_lost()
    }

    fn replace(&self) -> Result<(), TopicError> {
        let fresh = create(&self.options).map_err(|e| TopicError::Rejected(e.to_string()))?;
        let old = self.producer.swap(Arc::new(fresh));
        // What the old one still holds must not be sent after the new one began; what is under
        // way may yet arrive, and the topic's end is looked at once it has or never will.
        old.purge(PurgeConfig::default().queue());
        if old.flush(PURGE_PATIENCE).is_ok() {
            return Ok(());
        }
        old.purge(PurgeConfig::default().queue().inflight());
        if let Err(error) = old.flush(PURGE_PATIENCE) {
            tracing::warn!("the replaced producer still holds messages: {error}");
        }
        Ok(())
    }

    fn standing(
        &self,
        since: DateTime<Utc>,
        bases: &FxHashSet<Uuid>,
    ) -> Result<FxHashSet<Uuid>, TopicError> {
        let look = |topic: &str| {
            tail::standing(&self.options, topic, since, bases)
                .map_err(|error| TopicError::Unavailable(format!("the end of {topic}: {error}")))
        };
        let name = self.name();
        let mut standing =
            look(name)?.ok_or_else(|| TopicError::Unavailable(format!("{name} does not exist")))?;
        if let Some(topic) = &self.options.dead_letter_topic {
            // One that does not exist takes no copies either.
            standing.extend(look(topic)?.unwrap_or_default());
        }
        Ok(standing)
    }
}
