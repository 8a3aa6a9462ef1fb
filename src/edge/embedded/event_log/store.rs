//! What the log keeps, without lock, clock or subscriber.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rustc_hash::FxHashMap;
use uuid::Uuid;

use super::{Entry, Limits};
use crate::engine::port::{Ack, Message, PublishError};

pub(super) struct Store {
    max_messages: usize,
    max_bytes: usize,
    duplicate_window: Duration,
    max_ids: usize,
    entries: VecDeque<Arc<Entry>>,
    /// Sum of [`size`] over `entries`.
    num_bytes: usize,
    last_sequence: u64,
    /// The sequence under which an id was stored, for the ids in `ids_by_age`.
    sequences: FxHashMap<Uuid, u64>,
    ids_by_age: VecDeque<(Instant, Uuid)>,
}

impl Store {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            max_messages: limits.max_messages.max(1),
            max_bytes: limits.max_bytes,
            duplicate_window: limits.duplicate_window,
            max_ids: limits.max_ids,
            entries: VecDeque::new(),
            num_bytes: 0,
            last_sequence: 0,
            sequences: FxHashMap::default(),
            ids_by_age: VecDeque::new(),
        }
    }

    /// Keeps the message, unless its id is known. The entry is `None` for a duplicate.
    pub(super) fn append(
        &mut self,
        message: &Message,
        now: Instant,
        at: DateTime<Utc>,
    ) -> Result<(Ack, Option<Arc<Entry>>), PublishError> {
        let num_bytes = size(message);
        if num_bytes > self.max_bytes {
            return Err(PublishError::Refused(format!(
                "message of {num_bytes} bytes exceeds the {} of the log",
                self.max_bytes
            )));
        }
        self.forget_ids(now);
        if let Some(&sequence) = self.sequences.get(&message.id) {
            return Ok((Ack { duplicate: true, sequence }, None));
        }
        self.last_sequence += 1;
        let sequence = self.last_sequence;
        let entry = Arc::new(Entry { sequence, at, message: message.clone() });
        self.entries.push_back(entry.clone());
        self.num_bytes += num_bytes;
        while self.entries.len() > self.max_messages || self.num_bytes > self.max_bytes {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.num_bytes -= size(&oldest.message);
        }
        self.sequences.insert(message.id, sequence);
        self.ids_by_age.push_back((now, message.id));
        Ok((Ack { duplicate: false, sequence }, Some(entry)))
    }

    pub(super) fn recent(&self, limit: usize) -> Vec<Arc<Entry>> {
        let skipped = self.entries.len().saturating_sub(limit);
        self.entries.iter().skip(skipped).cloned().collect()
    }

    pub(super) fn last_sequence(&self) -> u64 {
        self.last_sequence
    }

    fn forget_ids(&mut self, now: Instant) {
        while let Some(&(since, id)) = self.ids_by_age.front() {
            let is_over = now.saturating_duration_since(since) >= self.duplicate_window;
            if !is_over && self.ids_by_age.len() < self.max_ids {
                break;
            }
            self.ids_by_age.pop_front();
            self.sequences.remove(&id);
        }
    }
}

fn size(message: &Message) -> usize {
    let headers: usize = message.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    message.subject.len() + headers + message.payload.len()
}
