//! The character event log without NATS: the same subjects, kept in memory.

mod store;
mod subscription;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use tokio::sync::broadcast;

use self::store::Store;
pub use self::subscription::{Delivery, Subscription};
use super::fault::{Fault, Switch};
use super::subject::Filter;
use crate::engine::port::{Ack, EventLog, Message, PublishError};

/// What bounds the memory of a [`MemoryLog`].
#[derive(Clone, Debug)]
pub struct Limits {
    /// Messages kept; the oldest go first.
    pub max_messages: usize,
    /// Bytes kept, counted over subjects, headers and payloads; the oldest messages go first. A
    /// single message above it is refused.
    pub max_bytes: usize,
    /// How long an id is remembered.
    pub duplicate_window: Duration,
    /// How many ids are remembered at most, the window notwithstanding.
    pub max_ids: usize,
    /// Messages a subscriber may be behind before it loses the oldest.
    pub max_backlog: usize,
    /// How long a publish waits under [`Fault::Silent`] and [`Fault::LostAck`].
    pub ack_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_messages: 50_000,
            max_bytes: 64 << 20,
            duplicate_window: Duration::from_secs(120),
            max_ids: 200_000,
            max_backlog: 4_096,
            ack_timeout: Duration::from_secs(5),
        }
    }
}

/// A message as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// From 1, without a gap.
    pub sequence: u64,
    /// When the log took it.
    pub at: DateTime<Utc>,
    pub message: Message,
}

/// An [`EventLog`] in this process. What it holds is gone with the process, and beyond its
/// [`Limits`] earlier; who must not miss a message reads NATS.
pub struct MemoryLog {
    limits: Limits,
    /// Also the order in which `live` is fed: both happen under this lock.
    store: Mutex<Store>,
    live: broadcast::Sender<Arc<Entry>>,
    fault: Switch,
}

impl MemoryLog {
    pub fn new(limits: Limits) -> Self {
        let (live, _) = broadcast::channel(limits.max_backlog.max(1));
        Self { store: Mutex::new(Store::new(&limits)), live, fault: Switch::new(), limits }
    }

    /// Everything published from now on whose subject matches.
    pub fn subscribe(&self, filter: Filter) -> Subscription {
        Subscription::new(filter, self.live.subscribe())
    }

    /// The newest `limit` messages that are still there, oldest first.
    pub fn recent(&self, limit: usize) -> Vec<Arc<Entry>> {
        self.store.lock().recent(limit)
    }

    /// The sequence of the newest message, 0 before the first.
    pub fn last_sequence(&self) -> u64 {
        self.store.lock().last_sequence()
    }

    /// For tests: lets every publish from now on meet `fault`, or none.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.fault.set(fault.map(|fault| (fault, Arc::new(|_: &str| true) as _)));
    }

    /// For tests: lets publishes on the subjects that `subjects` picks meet `fault`, in place of
    /// any fault set before. [`Fault::Disconnected`] holds for all subjects.
    pub fn set_fault_on<F>(&self, fault: Fault, subjects: F)
    where
        F: Fn(&str) -> bool + Send + Sync + 'static,
    {
        self.fault.set(Some((fault, Arc::new(subjects))));
    }

    fn append(&self, message: &Message) -> Result<Ack, PublishError> {
        let mut store = self.store.lock();
        let (ack, entry) = store.append(message, Instant::now(), Utc::now())?;
        if let Some(entry) = entry {
            // An error says that nobody subscribes.
            let _ = self.live.send(entry);
        }
        Ok(ack)
    }

    async fn silence(&self) -> PublishError {
        tokio::time::sleep(self.limits.ack_timeout).await;
        PublishError::AckTimeout
    }
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

#[async_trait]
impl EventLog for MemoryLog {
    async fn publish(&self, message: &Message) -> Result<Ack, PublishError> {
        match self.fault.on(&message.subject) {
            None => self.append(message),
            Some(Fault::Refuse) => {
                Err(PublishError::Refused("refused by fault injection".to_owned()))
            }
            Some(Fault::Silent) => Err(self.silence().await),
            Some(Fault::LostAck) => {
                self.append(message)?;
                Err(self.silence().await)
            }
            Some(Fault::Disconnected) => {
                Err(PublishError::Disconnected("disconnected by fault injection".to_owned()))
            }
        }
    }

    fn is_connected(&self) -> bool {
        self.fault.is_connected()
    }

    async fn connected(&self) {
        self.fault.connected().await;
    }
}

#[cfg(test)]
mod tests;
