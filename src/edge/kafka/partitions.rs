//! The partitions the intake reads, and where each one stands.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};

use super::client::{Topics, answered};
use super::consumer::RecordConsumer;
use super::decode::Kind;
use super::intake::Context;
use crate::engine::record::{Partition, Progress};
use crate::faults::{self, Mechanism};
use crate::store::Source;

const PATIENCE: Duration = Duration::from_secs(5);
/// Meanwhile the other partitions are not read.
const RESTART_PATIENCE: Duration = Duration::from_secs(1);

/// The partitions assigned to this process.
#[derive(Default)]
pub struct Partitions {
    assigned: Vec<Assigned>,
}

/// One partition and the next offset wanted from it.
pub struct Assigned {
    pub source: Arc<Partition>,
    pub kind: Kind,
    /// Lower offsets were handed over already: a record delivered again is dropped.
    pub next_offset: i64,
}

impl Partitions {
    /// The partition a record came from. `hint` is where the last one was found.
    pub fn find(&mut self, topic: &str, partition: i32, hint: &mut usize) -> Option<&mut Assigned> {
        let is_it = |assigned: &Assigned| {
            assigned.source.partition == partition && *assigned.source.topic == *topic
        };
        if !self.assigned.get(*hint).is_some_and(is_it) {
            *hint = self.assigned.iter().position(is_it)?;
        }
        self.assigned.get_mut(*hint)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Assigned> {
        self.assigned.iter()
    }

    /// The partitions, each with where it is to be read from.
    pub fn list(&self) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        for Assigned { source, next_offset, .. } in &self.assigned {
            let start = match next_offset {
                // Nothing was read, and its log may begin later.
                0 => Offset::Beginning,
                next_offset => Offset::Offset(*next_offset),
            };
            list.add_partition_offset(&source.topic, source.partition, start)?;
        }
        Ok(list)
    }

    /// Takes up partitions that are not assigned yet: from the offset in SQL, else the
    /// group's committed one, else the beginning. Returns how many are new.
    pub fn refresh(
        &mut self,
        consumer: &RecordConsumer<Context>,
        topics: &Topics,
        stored: &[Source],
    ) -> KafkaResult<usize> {
        let mut fresh = Vec::new();
        for (name, kind) in topics.kinds() {
            let metadata = consumer.client().fetch_metadata(Some(name), PATIENCE)?;
            let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
            for partition in partitions.map(|partition| partition.id()) {
                let is_known = self.assigned.iter().any(|known| {
                    known.source.partition == partition && *known.source.topic == *name
                });
                if !is_known {
                    fresh.push((Partition { topic: name.into(), partition }, kind));
                }
            }
        }
        if fresh.is_empty() {
            return Ok(0);
        }
        let committed = committed(consumer.client(), &fresh)?;
        let mut list = TopicPartitionList::new();
        let mut assigned = Vec::new();
        for (source, kind) in fresh {
            let in_sql = stored
                .iter()
                .find(|known| known.topic == source.topic && known.partition == source.partition)
                .map(|known| known.next_offset)
                .filter(|_| faults::has(Mechanism::Offsets));
            let next_offset = match in_sql {
                Some(offset) => Some(offset),
                None => match committed
                    .find_partition(&source.topic, source.partition)
                    .map(|element| element.offset())
                {
                    Some(Offset::Offset(offset)) => Some(offset),
                    _ => None,
                },
            };
            let start = next_offset.map_or(Offset::Beginning, Offset::Offset);
            list.add_partition_offset(&source.topic, source.partition, start)?;
            consumer.route(&source.topic, source.partition)?;
            let next_offset = next_offset.unwrap_or(0);
            assigned.push(Assigned { source: Arc::new(source), kind, next_offset });
        }
        consumer.client().incremental_assign(&list)?;
        log_starts(&assigned);
        let num_fresh = assigned.len();
        self.assigned.extend(assigned);
        Ok(num_fresh)
    }

    /// Assigns the same partitions to a new client, from what was to be read next.
    pub fn assign_to(&self, consumer: &RecordConsumer<Context>) -> KafkaResult<()> {
        self.route(consumer)?;
        consumer.client().incremental_assign(&self.list()?)
    }

    /// Has the records of all of them come to the consumer's queue, also of those that were
    /// assigned anew, for which librdkafka forgets it.
    pub fn route(&self, consumer: &RecordConsumer<Context>) -> KafkaResult<()> {
        let mut sources = self.assigned.iter().map(|assigned| &assigned.source);
        sources.try_for_each(|source| consumer.route(&source.topic, source.partition))
    }

    /// Begins again with partitions that librdkafka has stopped, as their offset was out of range
    /// then, and, when `all` are to be looked at, with those whose log no longer has what is to be
    /// read next: where reading was if the log has that, else where [`Range::beginning`] says.
    ///
    /// # Errors
    /// The first; the statistics name what is left.
    pub fn repair(
        &mut self,
        consumer: &RecordConsumer<Context>,
        stopped: &[Arc<Partition>],
        all: bool,
        begun: &mut Vec<Begun>,
    ) -> KafkaResult<()> {
        for assigned in &mut self.assigned {
            let is_stopped = stopped.contains(&assigned.source);
            if !is_stopped && !all {
                continue;
            }
            let range = assigned.range(consumer.client())?;
            if is_stopped || !range.contains(assigned.next_offset) {
                begun.extend(assigned.begin_again(consumer, range)?);
            }
        }
        Ok(())
    }
}

/// A partition that is read from elsewhere than it was, and where it ends.
pub struct Begun {
    pub progress: Progress,
    pub end: i64,
}

/// What a log has.
#[derive(Clone, Copy)]
struct Range {
    low: i64,
    /// The offset after its last record.
    high: i64,
}

impl Range {
    fn contains(self, offset: i64) -> bool {
        (self.low..=self.high).contains(&offset)
    }

    /// Where to go on when `wanted` is not there. Retention took what stood before the first
    /// record. A log that ends before `wanted` and begins with 0 was made anew, and nothing of it
    /// was read; one that had lost its first records before lost its last as well, and what it
    /// has was read.
    fn beginning(self, wanted: i64) -> i64 {
        if wanted > self.high && self.low > 0 { self.high } else { self.low }
    }
}

impl Assigned {
    fn range(&self, consumer: &BaseConsumer<Context>) -> KafkaResult<Range> {
        let Partition { topic, partition } = &*self.source;
        let (low, high) = consumer.fetch_watermarks(topic, *partition, RESTART_PATIENCE)?;
        Ok(Range { low, high })
    }

    fn begin_again(
        &mut self,
        consumer: &RecordConsumer<Context>,
        range: Range,
    ) -> KafkaResult<Option<Begun>> {
        let Partition { topic, partition } = &*self.source;
        let (wanted, Range { low, high }) = (self.next_offset, range);
        let is_there = range.contains(wanted);
        let start = if is_there { wanted } else { range.beginning(wanted) };
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, *partition, Offset::Offset(start))?;
        // A seek is refused while it is stopped.
        consumer.client().incremental_unassign(&list)?;
        consumer.route(topic, *partition)?;
        consumer.client().incremental_assign(&list)?;
        if is_there {
            tracing::error!(
                %topic, partition, wanted, low, high,
                "offset was out of the topic's range and is not any more, going on there"
            );
            return Ok(None);
        }
        tracing::error!(
            %topic, partition, wanted, low, high, start,
            "offset is out of the topic's range, going on elsewhere"
        );
        self.next_offset = start;
        let progress = Progress { source: Arc::clone(&self.source), next_offset: start };
        Ok(Some(Begun { progress, end: high }))
    }
}

/// One line a topic: how many partitions are new, and the lowest and highest offset wanted.
fn log_starts(assigned: &[Assigned]) {
    // Those of one topic stand together.
    for of_topic in assigned.chunk_by(|one, other| one.source.topic == other.source.topic) {
        let offsets = of_topic.iter().map(|assigned| assigned.next_offset);
        let (lowest, highest) = (offsets.clone().min(), offsets.max());
        tracing::info!(
            topic = %of_topic[0].source.topic,
            partitions = of_topic.len(),
            from_offsets = %format_args!(
                "{}..={}",
                lowest.unwrap_or_default(),
                highest.unwrap_or_default()
            ),
            "reading"
        );
    }
}

fn committed(
    consumer: &BaseConsumer<Context>,
    fresh: &[(Partition, Kind)],
) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for (source, _) in fresh {
        list.add_partition(&source.topic, source.partition);
    }
    answered(consumer.committed_offsets(list, PATIENCE)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_goes_on_where_nothing_of_it_was_read() {
        let beginning = |low, high, wanted| Range { low, high }.beginning(wanted);
        assert_eq!(beginning(50, 90, 10), 50, "retention took what was wanted");
        assert_eq!(beginning(0, 60, 100), 0, "made anew");
        assert_eq!(beginning(50, 90, 100), 90, "it lost its end");
        let range = Range { low: 50, high: 90 };
        assert!([50, 90].iter().all(|offset| range.contains(*offset)));
        assert!(![49, 91].iter().any(|offset| range.contains(*offset)));
    }
}
