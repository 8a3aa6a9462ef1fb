//! Mailbox instrumentation: every message of every actor travels in an [`Envelope`], but for one
//! that says only that others wait.
//!
//! actix tells neither a mailbox's length nor how long a message waited, so both are
//! counted here: sealed when sent, opened when handled, and settled when dropped, so that a
//! message lost with its actor leaves no ghost in the depth. Each character has its own
//! [`Vitals`] besides, the other actors one each.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use prometheus::{Histogram, IntGauge};

use super::metrics::METRICS;
use super::vitals::Vitals;

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

/// The kinds of message; the `message` label.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageKind {
    Batch,
    Request,
    Due,
    Collected,
    Committed,
    TakeBack,
    Tend,
    Leave,
    Restore,
    Drain,
    TakeRound,
    Walk,
    Inspect,
    Retire,
    ReportTo,
    Commit,
    Renew,
    Row,
    RowDone,
    RetryParked,
    Wind,
    Schedule,
}

pub const KINDS: [Kind; 6] = [
    Kind::Supervisor,
    Kind::Character,
    Kind::Committer,
    Kind::KafkaOutbox,
    Kind::NatsOutbox,
    Kind::Clockwork,
];

const NUM_MESSAGES: usize = MessageKind::Schedule as usize + 1;

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

    /// What it can be sent.
    fn messages(self) -> &'static [MessageKind] {
        use MessageKind as M;
        match self {
            Self::Supervisor => &[
                M::Batch,
                M::Request,
                M::Due,
                M::Collected,
                M::Committed,
                M::TakeBack,
                M::Tend,
                M::Leave,
                M::Restore,
                M::Drain,
            ],
            Self::Character => &[M::TakeRound, M::Walk, M::Inspect, M::Retire],
            Self::Committer => &[M::ReportTo, M::Commit, M::Renew],
            Self::KafkaOutbox => &[M::Row, M::RowDone, M::Drain],
            Self::NatsOutbox => &[M::Row, M::RetryParked, M::Drain],
            Self::Clockwork => &[M::Wind, M::Schedule],
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
            Self::TakeBack => "take_back",
            Self::Tend => "tend",
            Self::Leave => "leave",
            Self::Restore => "restore",
            Self::Drain => "drain",
            Self::TakeRound => "take_round",
            Self::Walk => "walk",
            Self::Inspect => "inspect",
            Self::Retire => "retire",
            Self::ReportTo => "report_to",
            Self::Commit => "commit",
            Self::Renew => "renew",
            Self::Row => "row",
            Self::RowDone => "row_done",
            Self::RetryParked => "retry_parked",
            Self::Wind => "wind",
            Self::Schedule => "schedule",
        }
    }
}

/// How long the deepest mailbox is told of, at least.
const WINDOW: Duration = Duration::from_secs(30);

/// Whether anything is counted and timed at all (`engine.mailbox_metrics`).
static IS_ON: AtomicBool = AtomicBool::new(true);

/// The counters of one kind of actor, its label already resolved.
struct Counters {
    /// Messages waiting in all mailboxes of the kind.
    depth: AtomicI64,
    /// Most that waited in one of them.
    deepest: AtomicI64,
    /// The same of the window before.
    deepest_before: AtomicI64,
    /// Of the one actor of this kind; characters have their own.
    vitals: Vitals,
    wait: Histogram,
    depth_gauge: IntGauge,
    deepest_gauge: IntGauge,
}

static COUNTERS: LazyLock<[Counters; 6]> = LazyLock::new(|| KINDS.map(Counters::new));

type Durations = [Option<Histogram>; NUM_MESSAGES];

static DURATIONS: LazyLock<[Durations; 6]> = LazyLock::new(|| {
    KINDS.map(|kind| {
        let mut durations = Durations::default();
        for message in kind.messages() {
            let labels = [kind.name(), message.name()];
            let histogram = METRICS.mailbox.message_duration_seconds.with_label_values(&labels);
            durations[*message as usize] = Some(histogram);
        }
        durations
    })
});

impl Counters {
    fn new(kind: Kind) -> Self {
        Self {
            depth: AtomicI64::new(0),
            deepest: AtomicI64::new(0),
            deepest_before: AtomicI64::new(0),
            vitals: Vitals::default(),
            wait: METRICS.mailbox.wait_seconds.with_label_values(&[kind.name()]),
            depth_gauge: METRICS.mailbox.messages.with_label_values(&[kind.name()]),
            deepest_gauge: METRICS.mailbox.messages_max.with_label_values(&[kind.name()]),
        }
    }

    /// A message waits, in a mailbox in which `waiting` do now.
    fn add(&self, waiting: u32) {
        self.depth.fetch_add(1, Ordering::Relaxed);
        self.deepest.fetch_max(i64::from(waiting), Ordering::Relaxed);
    }

    /// Most that waited in one mailbox in this window and the one before; this one may be over.
    fn deepest(&self, is_over: bool) -> i64 {
        let deepest = self.deepest.load(Ordering::Relaxed);
        if is_over {
            // Of what waits still, no mailbox holds more than all of them together.
            let depth = self.depth.load(Ordering::Relaxed);
            self.deepest.store(deepest.min(depth), Ordering::Relaxed);
            self.deepest_before.store(deepest, Ordering::Relaxed);
        }
        deepest.max(self.deepest_before.load(Ordering::Relaxed))
    }
}

/// What a message carries for its measurement.
#[derive(Debug)]
pub struct Envelope {
    kind: Kind,
    /// None: nothing is measured.
    sealed: Option<Instant>,
    /// Of the addressee, if it is not the only one of its kind.
    own: Option<Arc<Vitals>>,
    is_open: bool,
}

/// A message being handled; its drop ends the measurement.
pub struct Handling {
    actor: Kind,
    message: MessageKind,
    span: Option<Span>,
}

/// When a message was sent and when its handler began.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub sealed: Instant,
    pub opened: Instant,
}

/// Switches the instrumentation; before any message is sent.
pub fn switch(is_on: bool) {
    IS_ON.store(is_on, Ordering::Relaxed);
}

/// The counters of an actor that is the only one of its kind; for characters, of none.
pub fn vitals(kind: Kind) -> &'static Vitals {
    &COUNTERS[kind as usize].vitals
}

impl Envelope {
    /// Seals a message right before it is sent to the one actor of `kind`.
    pub fn seal(kind: Kind) -> Self {
        Self::sealed(kind, None)
    }

    /// Seals a message right before it is sent to the character with these counters.
    pub fn to_character(vitals: &Arc<Vitals>) -> Self {
        Self::sealed(Kind::Character, Some(vitals))
    }

    fn sealed(kind: Kind, own: Option<&Arc<Vitals>>) -> Self {
        if !IS_ON.load(Ordering::Relaxed) {
            return Self { kind, sealed: None, own: None, is_open: false };
        }
        let counters = &COUNTERS[kind as usize];
        let now = Instant::now();
        let waiting = own.map_or(&counters.vitals, |own| own).seal(now);
        counters.add(waiting);
        Self { kind, sealed: Some(now), own: own.cloned(), is_open: false }
    }

    /// Opens it when its handler begins.
    pub fn open(&mut self, message: MessageKind) -> Handling {
        self.open_many(message, 1)
    }

    /// The same for a message that brings `num` inputs.
    pub fn open_many(&mut self, message: MessageKind, num: usize) -> Handling {
        self.is_open = true;
        let actor = self.kind;
        debug_assert!(actor.messages().contains(&message), "{actor:?} is sent {message:?}");
        let Some(sealed) = self.sealed else { return Handling { actor, message, span: None } };
        let opened = Instant::now();
        let counters = &COUNTERS[self.kind as usize];
        counters.depth.fetch_sub(1, Ordering::Relaxed);
        counters.wait.observe(opened.duration_since(sealed).as_secs_f64());
        self.vitals().open(sealed, opened, u32::try_from(num).unwrap_or(u32::MAX));
        Handling { actor, message, span: Some(Span { sealed, opened }) }
    }

    /// The counters of the addressee.
    pub fn vitals(&self) -> &Vitals {
        self.own.as_deref().unwrap_or(&COUNTERS[self.kind as usize].vitals)
    }
}

impl Handling {
    /// None: nothing is measured.
    pub fn span(&self) -> Option<Span> {
        self.span
    }
}

impl Drop for Envelope {
    fn drop(&mut self) {
        if self.sealed.is_some() && !self.is_open {
            COUNTERS[self.kind as usize].depth.fetch_sub(1, Ordering::Relaxed);
            self.vitals().lose();
        }
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        if let Some(Span { opened, .. }) = self.span
            && let Some(durations) = &DURATIONS[self.actor as usize][self.message as usize]
        {
            durations.observe(opened.elapsed().as_secs_f64());
        }
    }
}

/// Brings the gauges up to date; called at every scrape. How deep it was is told for half a
/// minute at least, so that one who scrapes takes nothing from another.
pub fn refresh() {
    static SINCE: Mutex<Option<Instant>> = Mutex::new(None);
    let is_over = {
        let mut since = SINCE.lock();
        let is_over = since.is_none_or(|since| since.elapsed() >= WINDOW);
        if is_over {
            *since = Some(Instant::now());
        }
        is_over
    };
    for counters in COUNTERS.iter() {
        counters.depth_gauge.set(counters.depth.load(Ordering::Relaxed));
        counters.deepest_gauge.set(counters.deepest(is_over));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_is_one_mailbox_and_not_all_of_them() {
        let counters = Counters::new(Kind::Character);
        for waiting in [1, 1, 2, 3] {
            counters.add(waiting);
        }
        assert_eq!(counters.deepest(false), 3);
        assert_eq!(counters.deepest(true), 3, "what waits still is the next window's as well");
        counters.depth.store(1, Ordering::Relaxed);
        assert_eq!(counters.deepest(true), 3, "the window before");
        assert_eq!(counters.deepest(true), 1);
    }
}
