//! The look at a topic's end: which of the pending events already stand there.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::Headers;
use rdkafka::{Message, Offset, TopicPartitionList};
use rustc_hash::FxHashSet;
use uuid::Uuid;

use super::client::{Options, answered};
use crate::engine::outbox::row;
use crate::wire::kafka::headers::EVENT_ID;

const PATIENCE: Duration = Duration::from_secs(10);
/// Without a single record or end of partition for this long, the search failed.
const STALLED_AFTER: Duration = Duration::from_secs(30);
/// Clocks of brokers that stamp records themselves may be off by this much.
const SKEW: chrono::TimeDelta = chrono::TimeDelta::minutes(1);

/// Ids in `topic` that belong to rows with these bases, from `since` to the present end.
/// None if there is no such topic. Blocks; reads everything that was published since then.
///
/// # Errors
/// When the cluster does not answer for every partition.
pub fn standing(
    options: &Options,
    topic: &str,
    since: DateTime<Utc>,
    bases: &FxHashSet<Uuid>,
) -> KafkaResult<Option<FxHashSet<Uuid>>> {
    let consumer: BaseConsumer = options.reader().create()?;
    let Some(partitions) = partitions(&consumer, topic)? else { return Ok(None) };
    let (assignment, mut ends) = stretch(&consumer, options, topic, &partitions, since)?;
    let mut found = FxHashSet::default();
    if ends.is_empty() {
        return Ok(Some(found));
    }
    consumer.assign(&assignment)?;
    let mut progressed = Instant::now();
    while !ends.is_empty() {
        match consumer.poll(Duration::from_millis(100)) {
            None if progressed.elapsed() < STALLED_AFTER => continue,
            None => {
                return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut));
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                ends.remove(&partition);
            }
            Some(Err(error)) => return Err(error),
            Some(Ok(message)) => {
                if let Some(id) = event_id(&message)
                    && bases.contains(&row::base_of(id))
                {
                    found.insert(id);
                }
                let end = ends.get(&message.partition());
                if end.is_some_and(|end| message.offset() + 1 >= *end) {
                    ends.remove(&message.partition());
                }
            }
        }
        progressed = Instant::now();
    }
    Ok(Some(found))
}

/// Where to begin in each partition, and the end of those that have anything to read.
fn stretch(
    consumer: &BaseConsumer,
    options: &Options,
    topic: &str,
    partitions: &[i32],
    since: DateTime<Utc>,
) -> KafkaResult<(TopicPartitionList, HashMap<i32, i64>)> {
    let mut times = TopicPartitionList::new();
    for partition in partitions {
        let since = Offset::Offset((since - SKEW).timestamp_millis().max(0));
        times.add_partition_offset(topic, *partition, since)?;
    }
    let begins = if options.is_embedded {
        times
    } else {
        answered(consumer.offsets_for_times(times, PATIENCE)?)?
    };
    let mut assignment = TopicPartitionList::new();
    let mut ends = HashMap::new();
    for &partition in partitions {
        let (low, high) = consumer.fetch_watermarks(topic, partition, PATIENCE)?;
        let begin = match begins.find_partition(topic, partition).map(|found| found.offset()) {
            _ if options.is_embedded => low,
            Some(Offset::Offset(offset)) => offset,
            // Nothing is as young as that.
            _ => high,
        };
        if begin < high {
            assignment.add_partition_offset(topic, partition, Offset::Offset(begin))?;
            ends.insert(partition, high);
        }
    }
    Ok((assignment, ends))
}

/// The topic's partitions, at least one; none if it does not exist.
fn partitions(consumer: &BaseConsumer, topic: &str) -> KafkaResult<Option<Vec<i32>>> {
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let Some(topic) = metadata.topics().first() else { return Ok(None) };
    match topic.error().map(RDKafkaErrorCode::from) {
        None => {}
        Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition) => {
            return Ok(None);
        }
        Some(code) => return Err(KafkaError::MetadataFetch(code)),
    }
    let partitions: Vec<i32> = topic.partitions().iter().map(|found| found.id()).collect();
    Ok((!partitions.is_empty()).then_some(partitions))
}

fn event_id<M: Message>(message: &M) -> Option<Uuid> {
    let headers = message.headers()?;
    let header = headers.iter().find(|header| header.key == EVENT_ID)?;
    Uuid::try_parse_ascii(header.value?).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::DefaultProducerContext;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;
    use crate::edge::kafka::Topics;

    type Cluster = MockCluster<'static, DefaultProducerContext>;

    fn cluster(topic: &str) -> (Cluster, Options) {
        let cluster = Cluster::new(1).unwrap();
        cluster.create_topic(topic, 3, 1).unwrap();
        let topics = Topics { pet_status: topic.into(), ..Topics::default() };
        let options = Options::sample(&cluster.bootstrap_servers(), topics);
        (cluster, options)
    }

    /// A broker that has just come back knows the new epoch of its partitions a moment later
    /// than the metadata do. librdkafka asks again then, and hands out the first answer.
    #[test]
    fn a_partition_that_was_not_answered_for_is_no_partition_without_events() {
        let (cluster, options) = cluster("status");
        let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH;
        cluster.request_errors(RDKafkaApiKey::ListOffsets, &[error]);
        let look = || standing(&options, "status", Utc::now(), &FxHashSet::default());
        assert_eq!(look(), Err(KafkaError::OffsetFetch(RDKafkaErrorCode::UnknownLeaderEpoch)));
        assert_eq!(look(), Ok(Some(FxHashSet::default())));
    }

    #[test]
    fn a_topic_that_is_not_there_is_no_topic_without_events() {
        let (_cluster, options) = cluster("status");
        let looked = standing(&options, "other", Utc::now(), &FxHashSet::default());
        assert_eq!(looked, Ok(None));
    }
}
