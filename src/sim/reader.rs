//! Reads the pet status events, as any other service does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Headers;
use rdkafka::{Message, Offset, TopicPartitionList};
use uuid::Uuid;

use super::topics::{Places, Topics};
use crate::domain::{TenantId, pet};
use crate::edge::kafka::Options;
use crate::wire::kafka::decode_status;
use crate::wire::kafka::headers::{EVENT_ID, TENANT_ID};

const POLL: Duration = Duration::from_millis(50);

/// A thread that reads the status topic, until dropped.
pub struct Reader {
    must_end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    /// Every event of this tenant that is published from now on is given to `take` with its id.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub fn start(
        options: &Options,
        tenant: TenantId,
        take: impl FnMut(Uuid, pet::Event) + Send + 'static,
    ) -> Result<Self, KafkaError> {
        let ends = Topics::new(options)?.ends(&[&options.topics.pet_status])?;
        Self::start_at(options, tenant, &ends, take)
    }

    /// As [`start`](Self::start), from these places on.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn start_at(
        options: &Options,
        tenant: TenantId,
        places: &Places,
        mut take: impl FnMut(Uuid, pet::Event) + Send + 'static,
    ) -> Result<Self, KafkaError> {
        let consumer: BaseConsumer =
            options.reader().set("enable.partition.eof", "false").create()?;
        let mut list = TopicPartitionList::new();
        for ((topic, partition), offset) in places {
            list.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
        }
        consumer.assign(&list)?;
        let must_end = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&must_end);
        let read = move || {
            while !stop.load(Ordering::Acquire) {
                match consumer.poll(POLL) {
                    None => {}
                    Some(Err(error)) => tracing::warn!("reading status events: {error}"),
                    Some(Ok(message)) if uuid_in(&message, TENANT_ID) != tenant.0 => {}
                    Some(Ok(message)) => match decode_status(message.payload().unwrap_or_default())
                    {
                        Ok(event) => take(uuid_in(&message, EVENT_ID), event),
                        Err(refused) => tracing::error!("unreadable status event: {refused}"),
                    },
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("status-reader".into())
            .spawn(read)
            .map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
        Ok(Self { must_end, thread: Some(thread) })
    }
}

/// The uuid in a header; nil without one.
fn uuid_in<M: Message>(message: &M, name: &str) -> Uuid {
    let headers = message.headers();
    let value = headers.and_then(|headers| {
        headers.iter().find(|header| header.key == name).and_then(|header| header.value)
    });
    value.and_then(|value| Uuid::try_parse_ascii(value).ok()).unwrap_or_default()
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.must_end.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
