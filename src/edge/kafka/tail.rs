//! The look at a topic's end: which of the pending events already stand there.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Headers;
use rdkafka::{Message, Offset, TopicPartitionList};
use rustc_hash::FxHashSet;
use uuid::Uuid;

use super::client::Options;
use crate::engine::outbox::row;
use crate::engine::port::TopicError;
use crate::wire::kafka::headers::EVENT_ID;

const PATIENCE: Duration = Duration::from_secs(10);
/// Without a single record or end of partition for this long, the search failed.
const STALLED_AFTER: Duration = Duration::from_secs(30);
/// Clocks of brokers that stamp records themselves may be off by this much.
const SKEW: chrono::TimeDelta = chrono::TimeDelta::minutes(1);

/// Ids in `topic` that belong to rows with these bases, from `since` to the present end.
/// Blocks; reads everything that was published since then.
///
/// # Errors
/// When the cluster does not answer, or the topic does not exist.
pub fn standing(
    options: &Options,
    topic: &str,
    since: DateTime<Utc>,
    bases: &FxHashSet<Uuid>,
) -> Result<FxHashSet<Uuid>, TopicError> {
    let unavailable = |error: KafkaError| TopicError::Unavailable(error.to_string());
    let consumer: BaseConsumer = options.reader().create().map_err(unavailable)?;
    let (assignment, mut ends) = stretch(&consumer, options, topic, since).map_err(unavailable)?;
    let mut found = FxHashSet::default();
    if ends.is_empty() {
        return Ok(found);
    }
    consumer.assign(&assignment).map_err(unavailable)?;
    let mut progressed = Instant::now();
    while !ends.is_empty() {
        match consumer.poll(Duration::from_millis(100)) {
            None if progressed.elapsed() < STALLED_AFTER => continue,
            None => return Err(TopicError::Unavailable(format!("{topic} stopped answering"))),
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                ends.remove(&partition);
            }
            Some(Err(error)) => return Err(unavailable(error)),
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
    Ok(found)
}

/// Where to begin in each partition, and the end of those that have anything to read.
fn stretch(
    consumer: &BaseConsumer,
    options: &Options,
    topic: &str,
    since: DateTime<Utc>,
) -> Result<(TopicPartitionList, HashMap<i32, i64>), KafkaError> {
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let partitions: Vec<i32> = metadata
        .topics()
        .iter()
        .flat_map(|topic| topic.partitions())
        .map(|partition| partition.id())
        .collect();
    let mut times = TopicPartitionList::new();
    for partition in &partitions {
        let since = Offset::Offset((since - SKEW).timestamp_millis().max(0));
        times.add_partition_offset(topic, *partition, since)?;
    }
    let begins = if options.is_embedded || partitions.is_empty() {
        times
    } else {
        consumer.offsets_for_times(times, PATIENCE)?
    };
    let mut assignment = TopicPartitionList::new();
    let mut ends = HashMap::new();
    for partition in partitions {
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

fn event_id<M: Message>(message: &M) -> Option<Uuid> {
    let headers = message.headers()?;
    let header = headers.iter().find(|header| header.key == EVENT_ID)?;
    Uuid::try_parse_ascii(header.value?).ok()
}
