//! The partitions the intake reads, and where each one stands.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};

use super::board::Board;
use super::client::{Topics, answered};
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

    /// The partitions without offsets, as pausing and resuming name them.
    pub fn list(&self) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for assigned in &self.assigned {
            list.add_partition(&assigned.source.topic, assigned.source.partition);
        }
        list
    }

    /// Takes up partitions that are not assigned yet: from the offset in SQL, else the
    /// group's committed one, else the beginning. Returns how many are new.
    pub fn refresh(
        &mut self,
        consumer: &BaseConsumer<Context>,
        topics: &Topics,
        stored: &[Source],
    ) -> KafkaResult<usize> {
        let mut fresh = Vec::new();
        for (name, kind) in topics.kinds() {
            let metadata = consumer.fetch_metadata(Some(name), PATIENCE)?;
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
        let committed = committed(consumer, &fresh)?;
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
            let next_offset = next_offset.unwrap_or(0);
            assigned.push(Assigned { source: Arc::new(source), kind, next_offset });
        }
        consumer.incremental_assign(&list)?;
        log_starts(&assigned);
        let num_fresh = assigned.len();
        self.assigned.extend(assigned);
        Ok(num_fresh)
    }

    /// Assigns the same partitions to a new client, from what was to be read next.
    pub fn assign_to(&self, consumer: &BaseConsumer<Context>) -> KafkaResult<()> {
        let mut list = TopicPartitionList::new();
        for Assigned { source, next_offset, .. } in &self.assigned {
            let start = match next_offset {
                // Nothing was read, and its log may begin later.
                0 => Offset::Beginning,
                next_offset => Offset::Offset(*next_offset),
            };
            list.add_partition_offset(&source.topic, source.partition, start)?;
        }
        consumer.incremental_assign(&list)
    }

    /// Begins again with partitions that librdkafka has stopped: where the log begins if it no
    /// longer has what was to be read next (retention took it, or the topic was made anew), else
    /// where reading was. What retention took is gone; the log line says how much.
    ///
    /// # Errors
    /// The first one; the others are begun with all the same.
    pub fn restart(
        &mut self,
        consumer: &BaseConsumer<Context>,
        stopped: &[Arc<Partition>],
        board: &Board,
    ) -> KafkaResult<()> {
        let mut outcome = Ok(());
        for assigned in &mut self.assigned {
            if stopped.contains(&assigned.source) {
                outcome = outcome.and(assigned.begin_again(consumer, board));
            }
        }
        outcome
    }
}

impl Assigned {
    fn begin_again(&mut self, consumer: &BaseConsumer<Context>, board: &Board) -> KafkaResult<()> {
        let (topic, partition) = (&*self.source.topic, self.source.partition);
        let (low, high) = consumer.fetch_watermarks(topic, partition, RESTART_PATIENCE)?;
        let wanted = self.next_offset;
        let is_in_range = (low..=high).contains(&wanted);
        let start = if is_in_range { wanted } else { low };
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(start))?;
        // A seek is refused while it is stopped.
        consumer.incremental_unassign(&list)?;
        consumer.incremental_assign(&list)?;
        if is_in_range {
            tracing::warn!(topic, partition, wanted, "reading had stopped, going on");
            return Ok(());
        }
        tracing::error!(
            topic,
            partition,
            wanted,
            low,
            high,
            "offset is out of the topic's range, going on at its beginning"
        );
        self.next_offset = low;
        board.begin_again(&Progress { source: Arc::clone(&self.source), next_offset: low }, high);
        Ok(())
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
