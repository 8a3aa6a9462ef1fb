//! The topics that are read, and from which offsets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::client::Options;
use super::intake::Intake;
use crate::domain::Tenant;
use crate::engine::port::{Delivery, Reading, Records, TopicError};
use crate::engine::record::{Batch, Partition, Progress};
use crate::store::Source;

/// The consumed topics of one cluster.
pub struct KafkaRecords {
    options: Options,
    default_tenant: Option<Tenant>,
    /// The cluster began with this process and was not read yet: offsets in SQL are of one that
    /// is gone.
    is_new: AtomicBool,
}

impl KafkaRecords {
    /// `default_tenant` stands in where a record names none.
    pub fn new(options: Options, default_tenant: Option<Tenant>) -> Self {
        let is_new = AtomicBool::new(options.is_embedded);
        Self { options, default_tenant, is_new }
    }
}

impl Records for KafkaRecords {
    fn read(&self, mut delivery: Delivery) -> Result<Box<dyn Reading>, TopicError> {
        if self.is_new.load(Ordering::Acquire) {
            forget_stored(&mut delivery);
        }
        let intake = Intake::start(self.options.clone(), self.default_tenant.clone(), delivery)
            .map_err(|error| TopicError::Unavailable(error.to_string()))?;
        self.is_new.store(false, Ordering::Release);
        Ok(Box::new(intake))
    }
}

/// Begins every partition with its first record, and has SQL say so: one that gets no record
/// would be read from the old offset when this process takes the shard again.
fn forget_stored(delivery: &mut Delivery) {
    let forgotten = std::mem::take(&mut delivery.stored);
    if forgotten.is_empty() {
        return;
    }
    tracing::info!(partitions = forgotten.len(), "offsets in SQL are of a Kafka that is gone");
    let progress = forgotten.into_iter().map(|Source { topic, partition, .. }| {
        let source = Arc::new(Partition { topic, partition });
        Progress { source, next_offset: 0 }
    });
    delivery.hand_over(Batch { progress: progress.collect(), ..Batch::default() });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use actix::{Actor, Context, Handler};
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
    use tokio::sync::mpsc;

    use super::*;
    use crate::edge::embedded::kafka::EmbeddedKafka;
    use crate::edge::kafka::client::Topics;
    use crate::engine::credits::Credits;
    use crate::engine::supervisor::Deliver;
    use crate::telemetry::trace::Tracer;

    const TOPIC: &str = "pet_command";
    const NUM_RECORDS: i64 = 4;

    struct Supervisor(mpsc::UnboundedSender<Batch>);

    impl Actor for Supervisor {
        type Context = Context<Self>;
    }

    impl Handler<Deliver> for Supervisor {
        type Result = ();

        fn handle(&mut self, Deliver { batch, .. }: Deliver, _: &mut Context<Self>) {
            self.0.send(batch).unwrap();
        }
    }

    fn options(cluster: &EmbeddedKafka) -> Options {
        let topics = Topics {
            character_status: "character_status".into(),
            asset_status: "asset_status".into(),
            pet_command: TOPIC.into(),
            pet_movement: "pet_movement".into(),
            pet_status: "pet_status".into(),
        };
        let servers = cluster.bootstrap_servers();
        Options { is_embedded: true, ..Options::sample(servers, topics) }
    }

    /// What is handed over when SQL knows `stored` of the topic's one partition.
    async fn read(records: &KafkaRecords, stored: i64) -> (Vec<i64>, Vec<i64>) {
        let (sender, mut batches) = mpsc::unbounded_channel();
        let delivery = Delivery {
            stored: vec![Source { topic: TOPIC.into(), partition: 0, next_offset: stored }],
            supervisor: Supervisor(sender).start().recipient(),
            credits: Arc::new(Credits::new(1_000)),
            offsets: Arc::default(),
            tenants: Arc::default(),
            tracer: Tracer::off(),
        };
        let reading = records.read(delivery).unwrap();
        let (mut offsets, mut progress) = (Vec::new(), Vec::new());
        while progress.last() != Some(&NUM_RECORDS) {
            let batch = batches.recv().await.unwrap();
            offsets.extend(batch.records.iter().map(|record| record.offset));
            progress.extend(batch.progress.iter().map(|progress| progress.next_offset));
        }
        tokio::task::spawn_blocking(|| reading.leave()).await.unwrap();
        (offsets, progress)
    }

    #[actix::test]
    async fn a_cluster_that_began_with_the_process_is_read_from_its_beginning_once() {
        let topics = ["character_status", "asset_status", TOPIC, "pet_movement"];
        let cluster = EmbeddedKafka::start(topics, 1).unwrap();
        let options = options(&cluster);
        let producer: BaseProducer = options.producer().create().unwrap();
        for _ in 0..NUM_RECORDS {
            producer.send(BaseRecord::<(), _>::to(TOPIC).partition(0).payload("{")).unwrap();
        }
        producer.flush(Duration::from_secs(20)).unwrap();

        let records = KafkaRecords::new(options, None);
        let (offsets, progress) = read(&records, 2).await;
        assert_eq!(offsets, [0, 1, 2, 3], "SQL's offset is of another cluster");
        assert_eq!(progress.first(), Some(&0), "SQL is told");
        let (offsets, _) = read(&records, 2).await;
        assert_eq!(offsets, [2, 3], "SQL's offset is of this cluster");
    }
}
