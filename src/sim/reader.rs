//! Reads the pet status events, as any other service does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers};
use rdkafka::{Message, Offset, TopicPartitionList};
use uuid::Uuid;

use super::topics::{Places, Topics};
use crate::domain::{TenantId, pet};
use crate::edge::kafka::Options;
use crate::wire::kafka::decode_status;
use crate::wire::kafka::headers::{EVENT_ID, TENANT_ID};

const POLL: Duration = Duration::from_millis(50);
/// Without a record for this long, nothing more comes.
const QUIET: Duration = Duration::from_secs(1);

/// A thread that reads the status topic, until dropped.
pub struct Reader {
    must_end: Arc<AtomicBool>,
    /// What is to be read next, and when the last record came.
    progress: Arc<Mutex<(Places, Instant)>>,
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
        let progress = Arc::new(Mutex::new((places.clone(), Instant::now())));
        let advanced = Arc::clone(&progress);
        let mut enter = move |message: &BorrowedMessage<'_>| {
            if uuid_in(message, TENANT_ID) != tenant.0 {
                return;
            }
            match decode_status(message.payload().unwrap_or_default()) {
                Ok(event) => take(uuid_in(message, EVENT_ID), event),
                Err(refused) => tracing::error!("unreadable status event: {refused}"),
            }
        };
        let read = move || {
            while !stop.load(Ordering::Acquire) {
                match consumer.poll(POLL) {
                    None => {}
                    Some(Err(error)) => tracing::warn!("reading status events: {error}"),
                    Some(Ok(message)) => {
                        enter(&message);
                        advance(&advanced, &message);
                    }
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("status-reader".into())
            .spawn(read)
            .map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
        Ok(Self { must_end, progress, thread: Some(thread) })
    }

    /// Waits until everything before these places was read, or nothing came for a second: the
    /// markers of transactions are never handed out.
    pub fn catch_up(&self, ends: &Places) {
        let begun = Instant::now();
        loop {
            let (is_there, since) = {
                let (places, since) = &*self.progress.lock();
                let is_read = |(place, end): (&(String, i32), &i64)| {
                    places.get(place).is_some_and(|next| next >= end)
                };
                (ends.iter().all(is_read), *since)
            };
            if is_there || since.max(begun).elapsed() > QUIET {
                return;
            }
            std::thread::sleep(POLL);
        }
    }
}

fn advance(progress: &Mutex<(Places, Instant)>, message: &BorrowedMessage<'_>) {
    let mut progress = progress.lock();
    let place = (message.topic().to_owned(), message.partition());
    progress.0.insert(place, message.offset() + 1);
    progress.1 = Instant::now();
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
