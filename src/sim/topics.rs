//! How far topics reach, and how far a group has come.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use crate::edge::kafka::{Options, answered};

const PATIENCE: Duration = Duration::from_secs(20);
/// With one answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);
const NO_TOPIC: KafkaError = KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition);
const POLL: Duration = Duration::from_millis(20);

/// A place in each partition of some topics.
pub type Places = BTreeMap<(String, i32), i64>;

/// Looks at topics from outside, without being a member of any group.
pub struct Topics {
    consumer: Mutex<BaseConsumer>,
    options: Options,
}

impl Topics {
    /// # Errors
    /// When the client's settings make no sense to librdkafka.
    pub fn new(options: &Options) -> Result<Self, KafkaError> {
        Ok(Self { consumer: Mutex::new(create(options)?), options: options.clone() })
    }

    /// The offset after the last record of each partition. Patient with topics that are just
    /// being created.
    ///
    /// # Errors
    /// When the cluster does not answer, or a topic does not exist.
    pub fn ends(&self, topics: &[&str]) -> Result<Places, KafkaError> {
        let mut ends = Places::new();
        for topic in topics {
            ends.extend(self.ask(|consumer| ends_of(consumer, topic))?);
        }
        Ok(ends)
    }

    /// Asks again for a while, with a new client: one that was once told of no brokers finds none
    /// again (librdkafka issue 5301).
    fn ask<T>(
        &self,
        question: impl Fn(&BaseConsumer) -> Result<T, KafkaError>,
    ) -> Result<T, KafkaError> {
        let deadline = Instant::now() + PATIENCE;
        let mut consumer = self.consumer.lock();
        loop {
            match question(&consumer) {
                Err(error) if Instant::now() < deadline => {
                    if error != NO_TOPIC {
                        *consumer = create(&self.options)?;
                    }
                    std::thread::sleep(POLL);
                }
                answered => return answered,
            }
        }
    }

    /// Records the group has not yet committed before these places.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub fn lag(&self, before: &Places) -> Result<u64, KafkaError> {
        let mut list = TopicPartitionList::new();
        for (topic, partition) in before.keys() {
            list.add_partition(topic, *partition);
        }
        let committed = self
            .ask(|consumer| answered(consumer.committed_offsets(list.clone(), ANSWER_PATIENCE)?))?;
        let lag = committed.elements().into_iter().map(|element| {
            let place = before.get(&(element.topic().to_owned(), element.partition()));
            let next = match element.offset() {
                Offset::Offset(next) => next,
                // Nothing was read of it yet.
                _ => 0,
            };
            place.map_or(0, |end| u64::try_from(end - next).unwrap_or_default())
        });
        Ok(lag.sum())
    }

    /// Reads what stands between these places and throws it away: as fast as a
    /// consumer of these records can be here that asks for one after another.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub fn read_bare(&self, from: &Places, to: &Places) -> Result<(u64, Duration), KafkaError> {
        let consumer: BaseConsumer =
            self.options.reader().set("enable.partition.eof", "false").create()?;
        let mut list = TopicPartitionList::new();
        let mut num_expected = 0;
        for ((topic, partition), end) in to {
            let begin = from.get(&(topic.clone(), *partition)).copied().unwrap_or_default();
            if begin < *end {
                num_expected += u64::try_from(end - begin).unwrap_or_default();
                list.add_partition_offset(topic, *partition, Offset::Offset(begin))?;
            }
        }
        let started = Instant::now();
        consumer.assign(&list)?;
        let mut num_read = 0;
        let mut num_bytes = 0;
        let deadline = started + Duration::from_secs(300);
        while num_read < num_expected && Instant::now() < deadline {
            match consumer.poll(POLL) {
                None => {}
                Some(Err(error)) => return Err(error),
                Some(Ok(message)) => {
                    num_read += 1;
                    num_bytes += std::hint::black_box(message.payload_len());
                }
            }
        }
        tracing::debug!(num_read, num_bytes, "read bare");
        Ok((num_read, started.elapsed()))
    }
}

fn create(options: &Options) -> Result<BaseConsumer, KafkaError> {
    let mut config = options.reader();
    // Its group's offsets are what the service under load has told Kafka.
    config.set("group.id", &options.group);
    config.create()
}

fn ends_of(consumer: &BaseConsumer, topic: &str) -> Result<Places, KafkaError> {
    let metadata = consumer.fetch_metadata(Some(topic), ANSWER_PATIENCE)?;
    let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
    let ends = partitions.map(|partition| {
        let (_, end) = consumer.fetch_watermarks(topic, partition.id(), ANSWER_PATIENCE)?;
        Ok(((topic.to_owned(), partition.id()), end))
    });
    let ends: Places = ends.collect::<Result<_, KafkaError>>()?;
    // That is how metadata tell of a topic which is not there, or not yet.
    if ends.is_empty() { Err(NO_TOPIC) } else { Ok(ends) }
}

/// Records between two sets of places.
pub fn num_between(from: &Places, to: &Places) -> u64 {
    let between = to.iter().map(|(partition, end)| {
        u64::try_from(end - from.get(partition).copied().unwrap_or_default()).unwrap_or_default()
    });
    between.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_counted_over_all_partitions_new_ones_too() {
        let from = Places::from([(("a".to_owned(), 0), 5)]);
        let to = Places::from([(("a".to_owned(), 0), 7), (("a".to_owned(), 1), 3)]);
        assert_eq!(num_between(&from, &to), 5);
    }
}
