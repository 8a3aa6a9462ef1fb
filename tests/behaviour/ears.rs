//! What other services see: the records of a topic and the messages of the event streams,
//! each kept under the tenant its headers name.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, consumer};
use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use menagerie::edge::embedded::event_log::{Delivery, MemoryLog};
use menagerie::edge::embedded::subject::Filter;
use menagerie::edge::kafka::Options;
use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Headers as _;
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use serde_json::Value;
use tokio::runtime::Handle;

use super::engine::{LOOK_EVERY, SOON};

const POLL: Duration = Duration::from_millis(20);

/// Everything that came, by tenant, in the order in which it came.
pub(super) struct Shelf<T>(Mutex<HashMap<String, Vec<Arc<T>>>>);

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

/// A record of a topic.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) key: Vec<u8>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) text: String,
}

/// A message of the character event log.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) subject: String,
    pub(super) headers: BTreeMap<String, String>,
    /// Its payload.
    pub(super) text: String,
    /// The same, read.
    pub(super) body: Value,
}

impl<T> Shelf<T> {
    fn put(&self, tenant: &str, item: T) {
        self.0.lock().entry(tenant.to_owned()).or_default().push(Arc::new(item));
    }

    pub(super) fn of(&self, tenant: &str) -> Vec<Arc<T>> {
        self.0.lock().get(tenant).cloned().unwrap_or_default()
    }

    /// The items of a tenant, once they are enough.
    pub(super) async fn once(
        &self,
        tenant: &str,
        are_enough: impl Fn(&[Arc<T>]) -> bool,
    ) -> Vec<Arc<T>>
    where
        T: std::fmt::Debug,
    {
        let deadline = Instant::now() + SOON;
        loop {
            let items = self.of(tenant);
            if are_enough(&items) {
                return items;
            }
            assert!(Instant::now() < deadline, "still waiting, with {items:#?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Told {
    pub(super) fn header(&self, name: &str) -> Option<&[u8]> {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        let first = found.next().map(|(_, value)| value.as_slice());
        assert!(found.next().is_none(), "{name} stands twice in {self:?}");
        first
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

/// A thread that reads, until dropped.
pub(super) struct Reading {
    must_end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.must_end.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Reads a whole topic, from its beginning.
pub(super) fn read_topic(options: &Options, topic: &str, shelf: &Arc<Shelf<Told>>) -> Reading {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &options.bootstrap_servers)
        .set("group.id", "behaviour")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "5")
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), SOON).unwrap();
    let mut list = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        list.add_partition_offset(topic, partition.id(), Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let must_end = Arc::new(AtomicBool::new(false));
    let (stop, shelf) = (Arc::clone(&must_end), Arc::clone(shelf));
    let thread = std::thread::spawn(move || {
        while !stop.load(Ordering::Acquire) {
            let Some(Ok(message)) = consumer.poll(POLL) else { continue };
            let headers: Vec<(String, Vec<u8>)> = message
                .headers()
                .into_iter()
                .flat_map(|headers| headers.iter())
                .map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec()))
                .collect();
            let told = Told {
                key: message.key().unwrap_or_default().to_vec(),
                text: String::from_utf8(message.payload().unwrap_or_default().to_vec()).unwrap(),
                headers,
            };
            let tenant = told.header("TENANT_ID").unwrap_or_default().to_vec();
            shelf.put(&String::from_utf8(tenant).unwrap(), told);
        }
    });
    Reading { must_end, thread: Some(thread) }
}

/// Listens to the in-process event log, as long as the runtime lives.
pub(super) fn hear_memory(io: &Handle, log: &MemoryLog, shelf: &Arc<Shelf<Heard>>) {
    let mut events = log.subscribe(">".parse::<Filter>().unwrap());
    let shelf = Arc::clone(shelf);
    io.spawn(async move {
        while let Some(delivery) = events.next().await {
            let Delivery::Entry(entry) = delivery else {
                panic!("the listener lags: {delivery:?}")
            };
            let message = &entry.message;
            let headers = message.headers.iter().map(|(k, v)| ((*k).to_owned(), v.clone()));
            let mut headers: BTreeMap<String, String> = headers.collect();
            headers.insert("Nats-Msg-Id".into(), message.id.to_string());
            hear(&shelf, message.subject.clone(), headers, &message.payload);
        }
    });
}

/// Listens to both streams, from an instant on, as long as the runtime lives.
pub(super) async fn hear_nats(
    io: &Handle,
    url: String,
    since: DateTime<Utc>,
    shelf: &Arc<Shelf<Heard>>,
) {
    for stream in ["CHARACTER_EVENTS", "CHARACTER_EVENTS_DLQ"] {
        let (url, shelf) = (url.clone(), Arc::clone(shelf));
        let listening = io.spawn(async move {
            let context = jetstream::new(async_nats::connect(url).await.unwrap());
            let stream = context.get_stream(stream).await.unwrap();
            let config = consumer::pull::OrderedConfig {
                deliver_policy: consumer::DeliverPolicy::ByStartTime { start_time: since },
                ..Default::default()
            };
            let mut messages =
                stream.create_consumer(config).await.unwrap().messages().await.unwrap();
            tokio::spawn(async move {
                while let Some(Ok(message)) = messages.next().await {
                    let headers = message.headers.iter().flat_map(|headers| headers.iter());
                    let headers = headers.map(|(k, v)| (k.to_string(), v[0].to_string())).collect();
                    hear(&shelf, message.subject.to_string(), headers, &message.payload);
                }
            });
        });
        listening.await.unwrap();
    }
}

fn hear(shelf: &Shelf<Heard>, subject: String, headers: BTreeMap<String, String>, payload: &[u8]) {
    let tenant = headers.get("TENANT_ID").cloned().unwrap_or_default();
    let text = String::from_utf8(payload.to_vec()).unwrap();
    let body = serde_json::from_str(&text).unwrap();
    shelf.put(&tenant, Heard { subject, headers, text, body });
}
