//! Client settings. What a promise rests on stands here and cannot be configured away.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;

use super::decode::Kind;

/// What the headers of a dead letter's copy add to the record at most, and the framing.
const DEAD_LETTER_ROOM: usize = 64 << 10;

/// What librdkafka takes as `message.max.bytes`.
const MAX_MESSAGE_BYTES: usize = 1_000_000_000;

/// How to reach a Kafka cluster.
#[derive(Clone, Debug)]
pub struct Options {
    pub bootstrap_servers: String,
    /// Under which committed offsets are shown to lag tools.
    pub group: String,
    pub topics: Topics,
    /// None: dead letters stay in SQL only.
    pub dead_letter_topic: Option<String>,
    /// Larger records become dead letters.
    pub max_record_bytes: usize,
    /// Between two looks for new partitions.
    pub metadata_interval: Duration,
    /// librdkafka properties of the operator's: security, timeouts.
    pub properties: BTreeMap<String, String>,
    /// The cluster finds no offset by time: search topics from their beginning. True for
    /// librdkafka's in-process cluster.
    pub is_embedded: bool,
}

/// The topics of `spec/pet-kafka.md` under their configured names.
#[derive(Clone, Debug)]
pub struct Topics {
    pub character_status: String,
    pub asset_status: String,
    pub pet_command: String,
    pub pet_movement: String,
    pub pet_status: String,
}

impl Topics {
    /// Each of them with what its records are.
    pub fn kinds(&self) -> [(&str, Kind); 4] {
        [
            (&self.character_status, Kind::CharacterStatus),
            (&self.asset_status, Kind::AssetStatus),
            (&self.pet_command, Kind::PetCommand),
            (&self.pet_movement, Kind::PetMovement),
        ]
    }

    pub fn consumed(&self) -> [&str; 4] {
        self.kinds().map(|(name, _)| name)
    }
}

impl Options {
    fn base(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("client.id", "menagerie")
            .set("bootstrap.servers", &self.bootstrap_servers)
            .set("socket.keepalive.enable", "true")
            .set("socket.nagle.disable", "true")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set("topic.metadata.refresh.interval.ms", "10000")
            .set("allow.auto.create.topics", "false")
            .set_log_level(RDKafkaLogLevel::Warning);
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
    }

    /// The intake's consumer. Offsets come from SQL: it stores and commits none by itself,
    /// and an offset out of range is an error to be looked at, never a silent jump.
    pub fn consumer(&self) -> ClientConfig {
        let mut config = self.base();
        config
            .set("group.id", &self.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "false")
            .set("auto.offset.reset", "error")
            .set("fetch.wait.max.ms", "5")
            .set("fetch.queue.backoff.ms", "5")
            .set("fetch.error.backoff.ms", "100")
            .set("queued.min.messages", "20000")
            .set("queued.max.messages.kbytes", "32768")
            .set("statistics.interval.ms", "1000");
        config
    }

    /// The outbox's producer: idempotent, and never gives up on a message by itself.
    pub fn producer(&self) -> ClientConfig {
        let mut config = self.base();
        let message_bytes = (self.max_record_bytes + DEAD_LETTER_ROOM).min(MAX_MESSAGE_BYTES);
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("message.timeout.ms", "0")
            .set("partitioner", "murmur2_random")
            .set("compression.type", "lz4")
            .set("linger.ms", "1")
            .set("batch.num.messages", "10000")
            // The outbox bounds what it hands in, by rows and by bytes.
            .set("queue.buffering.max.messages", "0")
            .set("queue.buffering.max.kbytes", "1048576")
            // The copy of a dead letter has the record's bytes, its headers and a few more.
            .set("message.max.bytes", message_bytes.to_string());
        config
    }

    /// A consumer that reads a stretch of a topic to its end.
    pub fn reader(&self) -> ClientConfig {
        let mut config = self.base();
        config
            .set("group.id", format!("{}-reader", self.group))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            .set("fetch.wait.max.ms", "10")
            // By default a full queue is left alone for a second.
            .set("fetch.queue.backoff.ms", "5");
        config
    }

    /// Which of our topics the cluster has, and with how many partitions.
    ///
    /// # Errors
    /// When no broker answers within `patience`.
    pub fn survey(
        &self,
        patience: Duration,
    ) -> Result<BTreeMap<String, Option<usize>>, KafkaError> {
        let consumer: BaseConsumer = self.reader().create()?;
        let metadata = consumer.fetch_metadata(None, patience)?;
        let mut wanted: Vec<&str> = self.topics.consumed().to_vec();
        wanted.push(&self.topics.pet_status);
        wanted.extend(self.dead_letter_topic.as_deref());
        Ok(wanted
            .into_iter()
            .map(|name| {
                let topic = metadata.topics().iter().find(|topic| topic.name() == name);
                let num_partitions =
                    topic.filter(|topic| topic.error().is_none()).map(|t| t.partitions().len());
                (name.to_string(), num_partitions)
            })
            .collect())
    }
}
