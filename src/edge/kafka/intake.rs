//! The intake: an OS thread that polls Kafka, decodes, and hands batches to the supervisor.
//!
//! Partitions are assigned by hand from the offsets in SQL. There is no consumer group to
//! wait for: who reads is decided by the shard's lease. Offsets are committed to Kafka
//! afterwards, for lag tools to see.

mod context;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::board::Board;
use super::client::Options;
use super::consumer::RecordConsumer;
use super::cut_off::CutOff;
use super::decode::Decoder;
use super::gathering::Gathering;
use super::partitions::{Assigned, Begun, Partitions};
use crate::domain::Tenant;
use crate::engine::port::{Delivery, PartitionState, Pause, Reading};
use crate::engine::record::{Batch, Partition, Progress};
use crate::telemetry::metrics::METRICS;

/// Longest wait for a first record; bounds how late the thread notices anything else.
const POLL: Duration = Duration::from_millis(50);
/// Without credit for this long, the partitions are paused.
const PAUSE_AFTER: Duration = Duration::from_secs(1);
const COMMIT_EVERY: Duration = Duration::from_millis(200);
/// A commit is not awaited, and librdkafka tells only its log of one that failed: all offsets
/// are committed again this often. It also keeps those of a quiet partition from expiring.
const COMMIT_AGAIN_EVERY: Duration = Duration::from_secs(5);
/// While partitions are paused nothing is fetched that would tell where they end: how often to
/// ask, and for how long at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOK_PATIENCE: Duration = Duration::from_millis(250);

/// After so long the statistics that are polled are of what was assigned last.
const SETTLED_AFTER: Duration = Duration::from_secs(3);

/// The handle of the intake's thread. Dropped, it tells the thread to leave.
pub struct Intake {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    is_stopped: AtomicBool,
    must_leave: AtomicBool,
    is_assigned: AtomicBool,
    cut_off: CutOff,
    /// Partitions that librdkafka reads no further, as its statistics tell: the error that told
    /// of it names none, and is dropped where it meets a pause.
    stopped: Mutex<Vec<Arc<Partition>>>,
    /// An operator wants nothing to be read.
    is_held: AtomicBool,
    /// Why the partitions are paused, as the intake's thread has it.
    pause: Mutex<Option<Pause>>,
    board: Board,
    last_error: Mutex<Option<String>>,
}

/// Receives librdkafka's statistics and errors on the polling thread.
pub struct Context {
    shared: Arc<Shared>,
}

impl Intake {
    pub fn start(
        options: Options,
        default_tenant: Option<Tenant>,
        delivery: Delivery,
    ) -> KafkaResult<Self> {
        let shared = Arc::new(Shared::default());
        let context = Context { shared: Arc::clone(&shared) };
        let consumer = RecordConsumer::new(options.consumer().create_with_context(context)?)?;
        let reader = Reader::new(options, default_tenant, delivery, consumer, Arc::clone(&shared));
        let thread = std::thread::Builder::new()
            .name("intake".into())
            .spawn(move || reader.run())
            .map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
        Ok(Self { shared, thread: Some(thread) })
    }
}

impl Reading for Intake {
    fn partitions(&self) -> Vec<PartitionState> {
        self.shared.board.states()
    }

    fn hold(&self, must_hold: bool) {
        self.shared.is_held.store(must_hold, Ordering::Release);
    }

    fn is_held(&self) -> bool {
        self.shared.is_held.load(Ordering::Acquire)
    }

    fn pause(&self) -> Option<Pause> {
        *self.shared.pause.lock()
    }

    fn stop(&self) {
        self.shared.is_stopped.store(true, Ordering::Release);
    }

    fn leave(mut self: Box<Self>) {
        self.shared.must_leave.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the intake's thread panicked");
        }
    }

    /// Partitions are assigned, a broker is connected and the thread lives.
    fn is_ready(&self) -> bool {
        self.shared.is_assigned.load(Ordering::Acquire)
            && !self.shared.cut_off.is_on()
            && self.is_alive()
    }

    fn is_alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    fn last_error(&self) -> Option<String> {
        self.shared.last_error.lock().clone()
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.shared.must_leave.store(true, Ordering::Release);
    }
}

struct Reader {
    options: Options,
    delivery: Delivery,
    consumer: RecordConsumer<Context>,
    shared: Arc<Shared>,
    partitions: Partitions,
    decoder: Decoder,
    hint: usize,
    is_paused: bool,
    /// An offset was out of range.
    must_repair: bool,
    /// When partitions were assigned last: statistics of before tell of another state.
    assigned_at: Instant,
    starving_since: Option<Instant>,
}

impl Reader {
    fn new(
        options: Options,
        default_tenant: Option<Tenant>,
        delivery: Delivery,
        consumer: RecordConsumer<Context>,
        shared: Arc<Shared>,
    ) -> Self {
        let tenants = Arc::clone(&delivery.tenants);
        let tracer = delivery.tracer.clone();
        let decoder = Decoder::new(tenants, default_tenant, options.max_record_bytes, tracer);
        Self {
            options,
            delivery,
            consumer,
            shared,
            partitions: Partitions::default(),
            decoder,
            hint: 0,
            is_paused: false,
            must_repair: false,
            assigned_at: Instant::now(),
            starving_since: None,
        }
    }

    fn run(mut self) {
        let mut refreshed: Option<Instant> = None;
        let (mut committed, mut committed_all) = (Instant::now(), Instant::now());
        let mut looked = Instant::now();
        while !self.shared.must_leave.load(Ordering::Acquire) {
            let interval = self.options.metadata_interval;
            let is_reading = !self.shared.is_stopped.load(Ordering::Acquire);
            if is_reading && refreshed.is_none_or(|at| at.elapsed() >= interval) {
                let found = self.refresh();
                // Nothing to read yet: look again soon, not at the full interval.
                let soon = interval.saturating_sub(Duration::from_secs(1));
                refreshed =
                    if found { Some(Instant::now()) } else { Instant::now().checked_sub(soon) };
            }
            if committed.elapsed() >= COMMIT_EVERY {
                self.commit_progress(CommitMode::Async);
                self.route();
                committed = Instant::now();
            }
            if committed_all.elapsed() >= COMMIT_AGAIN_EVERY && !self.shared.cut_off.is_on() {
                self.commit(&self.shared.board.committed_so_far(), CommitMode::Async);
                committed_all = Instant::now();
            }
            if self.shared.cut_off.is_lost() {
                self.replace_consumer();
            }
            if is_reading {
                self.repair();
            }
            let is_held = self.shared.is_held.load(Ordering::Acquire);
            // Not while the engine is full: then a request to a broker that hangs costs time.
            if is_held && self.is_paused && looked.elapsed() >= LOOK_EVERY {
                self.look_for_ends();
                looked = Instant::now();
            }
            let is_reading = is_reading && !is_held;
            if is_reading && self.has_credit() {
                self.read();
                self.serve(Duration::ZERO);
            } else if !is_reading {
                self.set_paused(Some(if is_held { Pause::Operator } else { Pause::Full }));
                self.serve(POLL);
            }
        }
        self.commit_progress(CommitMode::Sync);
    }

    /// Goes on with a new client where the old one stopped.
    fn replace_consumer(&mut self) {
        tracing::warn!("kafka: no broker is connected for long, beginning with a new client");
        METRICS.intake.clients_replaced.inc();
        self.shared.cut_off.begin_again();
        let context = Context { shared: Arc::clone(&self.shared) };
        let fresh = self.options.consumer().create_with_context(context);
        let fresh = fresh.and_then(RecordConsumer::new);
        match fresh.and_then(|fresh| self.partitions.assign_to(&fresh).map(|()| fresh)) {
            Ok(fresh) => {
                let lost = std::mem::replace(&mut self.consumer, fresh);
                // It says goodbye to a cluster that it does not find.
                std::thread::spawn(move || drop(lost));
                self.assigned_at = Instant::now();
                self.pause_all_again();
            }
            Err(error) => self.note_error(&error),
        }
    }

    /// Looks for partitions that are not assigned yet. Says whether there is any to read.
    fn refresh(&mut self) -> bool {
        let options = &self.options;
        match self.partitions.refresh(&self.consumer, &options.topics, &self.delivery.stored) {
            Ok(num_fresh) => {
                if num_fresh > 0 {
                    self.assigned_at = Instant::now();
                    self.pause_all_again();
                }
                self.shared.board.take_up(self.partitions.iter());
                let is_assigned = self.partitions.iter().next().is_some();
                self.shared.is_assigned.store(is_assigned, Ordering::Release);
                is_assigned
            }
            Err(error) => {
                self.note_error(&error);
                self.partitions.iter().next().is_some()
            }
        }
    }

    fn route(&self) {
        if let Err(error) = self.partitions.route(&self.consumer) {
            self.note_error(&error);
        }
    }

    fn look_for_ends(&self) {
        for Assigned { source, .. } in self.partitions.iter() {
            let (topic, partition) = (&*source.topic, source.partition);
            match self.consumer.client().fetch_watermarks(topic, partition, LOOK_PATIENCE) {
                Ok((_, end)) => self.shared.board.ends(source, end),
                // The broker is away; the next look is soon.
                Err(_) => break,
            }
        }
    }

    /// Waits for credit; pauses the partitions when it does not come, so that librdkafka
    /// stops fetching, and resumes them once half of it is back.
    fn has_credit(&mut self) -> bool {
        let credits = Arc::clone(&self.delivery.credits);
        let needed = if self.is_paused { credits.limit() / 2 } else { 1 };
        if credits.available() >= needed.max(1) {
            self.starving_since = None;
            self.set_paused(None);
            return true;
        }
        let since = *self.starving_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= PAUSE_AFTER {
            self.set_paused(Some(Pause::Full));
            self.serve(POLL);
        } else {
            credits.wait(POLL);
        }
        false
    }

    /// Hears what librdkafka has to tell beside records, which have a queue of their own.
    fn serve(&mut self, patience: Duration) {
        match self.consumer.client().poll(patience) {
            None => {}
            Some(Err(error)) => self.handle_error(&error),
            // Of a partition that is not routed, and then all of its records come here: to drop it
            // would lose it for good, for the next one's offset would pass it.
            Some(Ok(record)) => {
                let mut gathering = Gathering::default();
                gathering.take(&record, &mut self.partitions, &mut self.decoder, &mut self.hint);
                self.hand_over(gathering);
            }
        }
    }

    fn hand_over(&self, gathering: Gathering) {
        if let Some(batch) = gathering.finish() {
            self.deliver(batch);
        }
    }

    fn deliver(&self, batch: Batch) {
        self.shared.board.read(&batch.progress);
        self.delivery.hand_over(batch);
    }

    /// New partitions, or those of a new client, are read: they join a pause, so that all are
    /// resumed together.
    fn pause_all_again(&mut self) {
        if std::mem::take(&mut self.is_paused) {
            let pause = *self.shared.pause.lock();
            self.set_paused(pause);
        }
    }

    fn set_paused(&mut self, pause: Option<Pause>) {
        let must_pause = pause.is_some();
        if self.is_paused == must_pause {
            *self.shared.pause.lock() = pause;
            return;
        }
        let done = self.partitions.list().and_then(|list| match must_pause {
            true => self.consumer.client().pause(&list),
            false => self.consumer.resume(list),
        });
        match done {
            Ok(()) => {
                self.is_paused = must_pause;
                *self.shared.pause.lock() = pause;
                for assigned in self.partitions.iter() {
                    let partition = assigned.source.partition.to_string();
                    METRICS
                        .intake
                        .paused
                        .with_label_values(&[&*assigned.source.topic, &partition])
                        .set(i64::from(must_pause));
                }
            }
            Err(error) => tracing::error!(must_pause, "pausing or resuming failed: {error}"),
        }
    }

    /// Reads what is there, up to the credit, and hands it over.
    fn read(&mut self) {
        let mut gathering = Gathering::default();
        let available = self.delivery.credits.available();
        let mut failure = None;
        let mut patience = POLL;
        let Self { consumer, partitions, decoder, hint, .. } = self;
        while failure.is_none() {
            let room = gathering.room(available);
            let num = consumer.take(patience, room, |received| match received {
                Ok(record) => gathering.take(&record, partitions, decoder, hint),
                Err(error) => failure = Some(error),
            });
            if num == 0 {
                break;
            }
            patience = Duration::ZERO;
        }
        self.hand_over(gathering);
        if let Some(error) = failure {
            self.handle_error(&error);
        }
    }

    fn handle_error(&mut self, error: &KafkaError) {
        self.note_error(error);
        self.must_repair |= matches!(
            error.rdkafka_error_code(),
            Some(RDKafkaErrorCode::OffsetOutOfRange | RDKafkaErrorCode::AutoOffsetReset)
        );
    }

    /// Begins again with partitions that librdkafka reads no further: at once when it says so, and
    /// when its statistics do, for what it says may be lost.
    fn repair(&mut self) {
        let mut stopped = std::mem::take(&mut *self.shared.stopped.lock());
        if self.assigned_at.elapsed() < SETTLED_AFTER {
            stopped.clear();
        }
        let must_look = std::mem::take(&mut self.must_repair);
        if stopped.is_empty() && !must_look {
            return;
        }
        let mut begun = Vec::new();
        if let Err(error) = self.partitions.repair(&self.consumer, &stopped, must_look, &mut begun)
        {
            self.note_error(&error);
        }
        if !begun.is_empty() || !stopped.is_empty() {
            self.assigned_at = Instant::now();
            self.pause_all_again();
        }
        for Begun { progress, end } in begun {
            self.shared.board.begin_again(&progress, end);
            // To SQL, where the next process would find the offset of the old log.
            self.deliver(Batch { progress: vec![progress], ..Batch::default() });
        }
    }

    fn note_error(&self, error: &KafkaError) {
        METRICS.intake.errors.inc();
        tracing::warn!("kafka: {error}");
        *self.shared.last_error.lock() = Some(error.to_string());
    }

    fn commit_progress(&self, mode: CommitMode) {
        let progress = self.delivery.offsets.take();
        self.commit(&progress, mode);
        self.shared.board.committed(&progress);
    }

    /// Tells Kafka what is committed in SQL. Information only: nobody reads from it while
    /// SQL has an offset.
    fn commit(&self, progress: &[Progress], mode: CommitMode) {
        if progress.is_empty() {
            return;
        }
        let mut list = TopicPartitionList::new();
        for Progress { source, next_offset } in progress {
            let offset = Offset::Offset(*next_offset);
            if let Err(error) = list.add_partition_offset(&source.topic, source.partition, offset) {
                self.note_error(&error);
            }
        }
        if let Err(error) = self.consumer.client().commit(&list, mode) {
            self.note_error(&error);
        }
    }
}
