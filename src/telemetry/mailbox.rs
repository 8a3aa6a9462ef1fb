//! Mailbox instrumentation: every message of every actor travels in an [`Envelope`].
//!
//! actix tells neither a mailbox's length nor how long a message waited, so both are
//! counted here: sealed when sent, opened when handled, and settled when dropped, so that a
//! message lost with its actor leaves no ghost in the depth.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use prometheus::{Histogram, IntGauge};

use super::metrics::METRICS;

/// The kinds of actor; the `actor` label.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Supervisor,
    Character,
    Committer,
    KafkaOutbox,
    NatsOutbox,
    Clockwork,
}

/// The kinds of message; the `message` label, and which actor they are for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageKind {
    Batch,
    Request,
    Due,
    Collected,
    Committed,
    TakeRound,
    Walk,
    Commit,
    KafkaRow,
    NatsRow,
    Schedule,
}

const KINDS: [Kind; 6] = [
    Kind::Supervisor,
    Kind::Character,
    Kind::Committer,
    Kind::KafkaOutbox,
    Kind::NatsOutbox,
    Kind::Clockwork,
];

const MESSAGES: [MessageKind; 11] = [
    MessageKind::Batch,
    MessageKind::Request,
    MessageKind::Due,
    MessageKind::Collected,
    MessageKind::Committed,
    MessageKind::TakeRound,
    MessageKind::Walk,
    MessageKind::Commit,
    MessageKind::KafkaRow,
    MessageKind::NatsRow,
    MessageKind::Schedule,
];

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Supervisor => "supervisor",
            Self::Character => "character",
            Self::Committer => "committer",
            Self::KafkaOutbox => "kafka_outbox",
            Self::NatsOutbox => "nats_outbox",
            Self::Clockwork => "clockwork",
        }
    }
}

impl MessageKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Request => "request",
            Self::Due => "due",
            Self::Collected => "collected",
            Self::Committed => "committed",
            Self::TakeRound => "take_round",
            Self::Walk => "walk",
            Self::Commit => "commit",
            Self::KafkaRow | Self::NatsRow => "row",
            Self::Schedule => "schedule",
        }
    }

    fn actor(self) -> Kind {
        match self {
            Self::Batch | Self::Request | Self::Due | Self::Collected | Self::Committed => {
                Kind::Supervisor
            }
            Self::TakeRound | Self::Walk => Kind::Character,
            Self::Commit => Kind::Committer,
            Self::KafkaRow => Kind::KafkaOutbox,
            Self::NatsRow => Kind::NatsOutbox,
            Self::Schedule => Kind::Clockwork,
        }
    }
}

/// The counters of one kind of actor, its label already resolved.
struct Counters {
    depth: AtomicI64,
    deepest: AtomicI64,
    wait: Histogram,
    depth_gauge: IntGauge,
    deepest_gauge: IntGauge,
}

static COUNTERS: LazyLock<[Counters; 6]> = LazyLock::new(|| {
    KINDS.map(|kind| Counters {
        depth: AtomicI64::new(0),
        deepest: AtomicI64::new(0),
        wait: METRICS.mailbox.wait_seconds.with_label_values(&[kind.name()]),
        depth_gauge: METRICS.mailbox.messages.with_label_values(&[kind.name()]),
        deepest_gauge: METRICS.mailbox.messages_max.with_label_values(&[kind.name()]),
    })
});

static DURATIONS: LazyLock<[Histogram; 11]> = LazyLock::new(|| {
    MESSAGES.map(|message| {
        let labels = [message.actor().name(), message.name()];
        METRICS.mailbox.message_duration_seconds.with_label_values(&labels)
    })
});

/// What a message carries for its measurement.
#[derive(Debug)]
pub struct Envelope {
    kind: Kind,
    sealed: Instant,
}

/// A message being handled; its drop ends the measurement.
pub struct Handling {
    message: MessageKind,
    opened: Instant,
}

impl Envelope {
    /// Seals a message right before it is sent to an actor of `kind`.
    pub fn seal(kind: Kind) -> Self {
        let counters = &COUNTERS[kind as usize];
        let depth = counters.depth.fetch_add(1, Ordering::Relaxed) + 1;
        counters.deepest.fetch_max(depth, Ordering::Relaxed);
        Self { kind, sealed: Instant::now() }
    }

    /// Opens it when its handler begins.
    pub fn open(&mut self, message: MessageKind) -> Handling {
        let opened = Instant::now();
        let waited = opened.duration_since(self.sealed);
        COUNTERS[self.kind as usize].wait.observe(waited.as_secs_f64());
        Handling { message, opened }
    }
}

impl Drop for Envelope {
    fn drop(&mut self) {
        COUNTERS[self.kind as usize].depth.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        DURATIONS[self.message as usize].observe(self.opened.elapsed().as_secs_f64());
    }
}

/// Brings the gauges up to date; called at every scrape. The deepest since the last scrape
/// starts anew from the present depth.
pub fn refresh() {
    for counters in COUNTERS.iter() {
        let depth = counters.depth.load(Ordering::Relaxed);
        counters.depth_gauge.set(depth);
        counters.deepest_gauge.set(counters.deepest.swap(depth, Ordering::Relaxed));
    }
}
