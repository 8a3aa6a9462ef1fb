//! The records, decoded on the thread that polls.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;

use menagerie::domain::Input;
use menagerie::edge::kafka::consumer::RecordConsumer;
use menagerie::edge::kafka::decode::{Decoded, Decoder, Kind};
use menagerie::engine::record::{Cause, Payload, Target};
use menagerie::store::Source;
use menagerie::telemetry::trace::Tracer;
use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{Message, Offset, TopicPartitionList};

use crate::{Ground, MAX_ROUND};

const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// Inputs in their order, and where reading goes on behind them.
#[derive(Default)]
pub struct Batch {
    pub inputs: Vec<(Target, Input, Arc<Cause>)>,
    pub sources: Vec<Source>,
}

struct Place {
    topic: Arc<str>,
    partition: i32,
    kind: Kind,
}

impl Batch {
    fn read_to(&mut self, Place { topic, partition, .. }: &Place, next_offset: i64) {
        let is_it = |source: &&mut Source| {
            source.partition == *partition && Arc::ptr_eq(&source.topic, topic)
        };
        match self.sources.iter_mut().find(is_it) {
            Some(known) => known.next_offset = next_offset,
            None => {
                let (topic, partition) = (Arc::clone(topic), *partition);
                self.sources.push(Source { topic, partition, next_offset });
            }
        }
    }
}

/// What Kafka is to be told, once it is committed.
pub type Committed = Arc<Mutex<Vec<Source>>>;

/// Reads from the beginning of each topic, for ever.
pub fn read(
    ground: &Ground,
    max_inputs: usize,
    to: &SyncSender<Batch>,
    committed: &Committed,
) -> anyhow::Result<()> {
    let consumer: BaseConsumer = ground.kafka.consumer().create()?;
    let mut consumer = RecordConsumer::new(consumer)?;
    let mut list = TopicPartitionList::new();
    let mut places = Vec::new();
    for (name, kind) in ground.kafka.topics.kinds() {
        let name: Arc<str> = name.into();
        let metadata = consumer.client().fetch_metadata(Some(&name), PATIENCE)?;
        for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
            list.add_partition_offset(&name, partition.id(), Offset::Beginning)?;
            consumer.route(&name, partition.id())?;
            places.push(Place { topic: Arc::clone(&name), partition: partition.id(), kind });
        }
    }
    consumer.client().assign(&list)?;
    let mut decoder = Decoder::new(Arc::default(), None, ground.max_record_bytes, Tracer::off());
    let mut batch = Batch::default();
    // Where the last record's place was found.
    let mut hint = 0;
    loop {
        let mut failure = None;
        let mut patience = if batch.sources.is_empty() { POLL } else { Duration::ZERO };
        while failure.is_none() {
            let room = max_inputs - batch.inputs.len();
            let num = consumer.take(patience, room, |received| {
                let record = match received {
                    Ok(record) => record,
                    Err(error) => return failure = Some(error),
                };
                let is_it = |place: &Place| {
                    place.partition == record.partition() && *place.topic == *record.topic()
                };
                if !is_it(&places[hint]) {
                    hint = places.iter().position(is_it).expect("one of ours");
                }
                let place = &places[hint];
                let (cause, decoded) = decoder.decode(place.kind, &record);
                batch.read_to(place, record.offset() + 1);
                if let Decoded::Payload(Payload::Input { target, input }) = decoded {
                    batch.inputs.push((target, input, cause));
                }
            });
            if num == 0 {
                break;
            }
            patience = Duration::ZERO;
        }
        // Nothing but records matters here.
        let _ = consumer.client().poll(Duration::ZERO);
        if let Some(error) = failure {
            return Err(error.into());
        }
        tell(consumer.client(), committed)?;
        if !batch.sources.is_empty() && !hand_over(&mut batch, max_inputs, to) {
            return Ok(());
        }
    }
}

/// A full batch waits for room; another goes on growing until there is. False: nobody reads.
fn hand_over(batch: &mut Batch, max_inputs: usize, to: &SyncSender<Batch>) -> bool {
    let full = std::mem::take(batch);
    if full.inputs.len() >= max_inputs.min(MAX_ROUND) {
        return to.send(full).is_ok();
    }
    match to.try_send(full) {
        Ok(()) => true,
        Err(TrySendError::Full(back)) => {
            *batch = back;
            std::thread::sleep(Duration::from_micros(200));
            true
        }
        Err(TrySendError::Disconnected(_)) => false,
    }
}

fn tell(consumer: &BaseConsumer, committed: &Committed) -> anyhow::Result<()> {
    let sources = std::mem::take(&mut *committed.lock());
    if sources.is_empty() {
        return Ok(());
    }
    let mut list = TopicPartitionList::new();
    for source in sources {
        let offset = Offset::Offset(source.next_offset);
        // Of one partition the last counts.
        if let Some(mut known) = list.find_partition(&source.topic, source.partition) {
            known.set_offset(offset)?;
        } else {
            list.add_partition_offset(&source.topic, source.partition, offset)?;
        }
    }
    consumer.commit(&list, CommitMode::Async)?;
    Ok(())
}
