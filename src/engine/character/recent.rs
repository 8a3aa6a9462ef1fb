//! What a character handled lately: enough to see why it is slow, and no more.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::domain::Outcome;
use crate::engine::record::Partition;
use crate::engine::round::{Item, Origin};
use crate::telemetry::mailbox::Span;

/// Inputs remembered.
pub const MAX_HANDLED: usize = 32;
/// Partitions remembered; a character's records come from three or four.
const MAX_SOURCES: usize = 8;

/// One input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handled {
    /// When its handler began, in microseconds since 1970.
    at_micros: i64,
    wait_micros: u32,
    duration_micros: u32,
    /// As in the `command` label.
    pub command: &'static str,
    pub outcome: Outcome,
}

/// The latest inputs of one character, and how far each partition came with it. Empty, and
/// without memory of its own, until the first.
#[derive(Default, Debug)]
pub struct Recent {
    handled: VecDeque<Handled>,
    progress: Vec<(Arc<Partition>, i64)>,
}

impl Recent {
    /// Measures inputs of one message, one after the other.
    pub fn begin(&mut self, span: Span) -> Recorder<'_> {
        Recorder {
            recent: self,
            wait: span.opened - span.sealed,
            last: span.opened,
            now: Utc::now(),
        }
    }

    /// The newest first.
    pub fn handled(&self) -> impl Iterator<Item = &Handled> {
        self.handled.iter().rev()
    }

    /// The newest record of each partition.
    pub fn progress(&self) -> &[(Arc<Partition>, i64)] {
        &self.progress
    }
}

/// See [`Recent::begin`].
pub struct Recorder<'r> {
    recent: &'r mut Recent,
    wait: Duration,
    last: Instant,
    now: DateTime<Utc>,
}

impl Recorder<'_> {
    /// The item was just stepped.
    pub fn record(&mut self, item: &Item, outcome: Outcome) {
        let now = Instant::now();
        let duration = now - self.last;
        self.last = now;
        let handled = &mut self.recent.handled;
        if handled.len() == MAX_HANDLED {
            handled.pop_front();
        }
        handled.push_back(Handled {
            at_micros: self.now.timestamp_micros(),
            wait_micros: micros(self.wait),
            duration_micros: micros(duration),
            command: item.input.name(),
            outcome,
        });
        let Origin::Record(record) = &item.origin else { return };
        let progress = &mut self.recent.progress;
        match progress.iter_mut().find(|(source, _)| Arc::ptr_eq(source, &record.source)) {
            Some((_, offset)) => *offset = record.offset,
            None => {
                if progress.len() == MAX_SOURCES {
                    progress.remove(0);
                }
                progress.push((Arc::clone(&record.source), record.offset));
            }
        }
    }
}

impl Handled {
    pub fn at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.at_micros).unwrap_or_default()
    }

    /// From sent to handled.
    pub fn wait(&self) -> Duration {
        Duration::from_micros(self.wait_micros.into())
    }

    pub fn duration(&self) -> Duration {
        Duration::from_micros(self.duration_micros.into())
    }
}

/// Over an hour counts as that.
fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}
