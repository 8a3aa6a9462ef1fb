//! Client settings. What a promise rests on stands here and cannot be configured away.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{ClientConfig, TopicPartitionList};

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
#[cfg_attr(test, derive(Default))]
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
    /// What the operator may set otherwise: `tuning` and what is common to all clients.
    fn base(&self, tuning: &[(&str, &str)]) -> ClientConfig {
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
        for (name, value) in tuning {
            config.set(*name, *value);
        }
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
    }

    /// The intake's consumer. Offsets come from SQL: it stores and commits none by itself,
    /// and an offset out of range is an error to be looked at, never a silent jump.
    pub fn consumer(&self) -> ClientConfig {
        // The in-process cluster never answers before it. For a real one it is how often to be
        // asked in vain: with 5, an idle service keeps it busy with 0.09 to 0.48 cores, with 10
        // with 0.06 to 0.08. Beyond 10 one record in a thousand takes 40 ms longer.
        let fetch_wait = if self.is_embedded { "5" } else { "10" };
        let mut config = self.base(&[
            ("fetch.wait.max.ms", fetch_wait),
            ("fetch.queue.backoff.ms", "5"),
            ("fetch.error.backoff.ms", "100"),
            ("queued.min.messages", "20000"),
            ("queued.max.messages.kbytes", "32768"),
        ]);
        config
            .set("group.id", &self.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "false")
            .set("auto.offset.reset", "error")
            .set("statistics.interval.ms", "1000");
        config
    }

    /// A producer that sends each message at once: idempotent, and never gives up on one by
    /// itself.
    pub fn producer(&self) -> ClientConfig {
        self.lingering_producer(Duration::ZERO)
    }

    /// One that waits so long for what can go together, unless the operator says how long.
    pub fn lingering_producer(&self, linger: Duration) -> ClientConfig {
        let mut config = self.base(&[
            ("compression.type", "lz4"),
            ("linger.ms", &(linger.as_secs_f64() * 1e3).to_string()),
            ("batch.num.messages", "10000"),
        ]);
        // The other name of the same setting: with both of them set, either may win.
        if self.says_how_long_to_linger() && !self.properties.contains_key("linger.ms") {
            config.remove("linger.ms");
        }
        let message_bytes = (self.max_record_bytes + DEAD_LETTER_ROOM).min(MAX_MESSAGE_BYTES);
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("message.timeout.ms", "0")
            .set("statistics.interval.ms", "1000")
            .set("partitioner", "murmur2_random")
            // The outbox bounds what it hands in, by rows and by bytes.
            .set("queue.buffering.max.messages", "0")
            .set("queue.buffering.max.kbytes", "1048576")
            // The copy of a dead letter has the record's bytes, its headers and a few more.
            .set("message.max.bytes", message_bytes.to_string());
        config
    }

    /// Whether the operator does, under either name of the setting.
    pub fn says_how_long_to_linger(&self) -> bool {
        ["linger.ms", "queue.buffering.max.ms"]
            .iter()
            .any(|name| self.properties.contains_key(*name))
    }

    /// A consumer that reads a stretch of a topic to its end.
    pub fn reader(&self) -> ClientConfig {
        // By default a full queue is left alone for a second.
        let mut config = self.base(&[("fetch.wait.max.ms", "10"), ("fetch.queue.backoff.ms", "5")]);
        config
            .set("group.id", format!("{}-reader", self.group))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest");
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

/// A list of offsets as librdkafka filled it in, unless it could not for one of the partitions.
/// That error stands in the list alone, beside an offset that reads as "there is none".
///
/// # Errors
/// The first of them.
pub fn answered(offsets: TopicPartitionList) -> KafkaResult<TopicPartitionList> {
    for element in offsets.elements() {
        element.error()?;
    }
    Ok(offsets)
}

#[cfg(test)]
impl Options {
    /// With nothing set that can be left out.
    pub fn sample(bootstrap_servers: &str, topics: Topics) -> Self {
        Self {
            bootstrap_servers: bootstrap_servers.to_owned(),
            group: "zoo".to_owned(),
            topics,
            dead_letter_topic: None,
            max_record_bytes: 1 << 20,
            metadata_interval: Duration::from_secs(5),
            properties: BTreeMap::new(),
            is_embedded: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(properties: &[(&str, &str)]) -> Options {
        let properties =
            properties.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Options { properties, ..Options::sample("kafka:9092", Topics::default()) }
    }

    #[test]
    fn an_operator_may_tune_the_clients() {
        let options = options(&[("fetch.wait.max.ms", "250"), ("linger.ms", "7")]);
        assert_eq!(options.consumer().get("fetch.wait.max.ms"), Some("250"));
        assert_eq!(options.producer().get("linger.ms"), Some("7"));
        assert_eq!(options.producer().get("compression.type"), Some("lz4"));
    }

    #[test]
    fn how_long_a_producer_lingers_is_the_operators_under_either_name() {
        let linger = Duration::from_micros(100);
        let of = |properties: &[(&str, &str)]| options(properties).lingering_producer(linger);
        assert_eq!(of(&[]).get("linger.ms"), Some("0.1"));
        assert_eq!(of(&[("linger.ms", "7")]).get("linger.ms"), Some("7"));
        let other = of(&[("queue.buffering.max.ms", "7")]);
        assert_eq!(
            (other.get("linger.ms"), other.get("queue.buffering.max.ms")),
            (None, Some("7"))
        );
        assert_eq!(options(&[]).producer().get("linger.ms"), Some("0"));
        assert!(!options(&[]).says_how_long_to_linger());
        assert!(options(&[("linger.ms", "7")]).says_how_long_to_linger());
        assert!(options(&[("queue.buffering.max.ms", "7")]).says_how_long_to_linger());
    }

    #[test]
    fn what_a_promise_rests_on_is_not_for_tuning() {
        let properties =
            [("enable.auto.commit", "true"), ("auto.offset.reset", "latest"), ("acks", "0")];
        let options = options(&properties);
        assert_eq!(options.consumer().get("enable.auto.commit"), Some("false"));
        assert_eq!(options.consumer().get("auto.offset.reset"), Some("error"));
        assert_eq!(options.producer().get("acks"), Some("all"));
    }
}
