//! A shard that is held: its actors, from taking the lease to giving it back.

mod restore;

use std::ffi::CStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, Arbiter, Recipient};
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::runtime::Handle as Runtime;
use tokio::sync::{Semaphore, oneshot, watch};

use self::restore::{holding, left, restore};
use super::character;
use super::clockwork::{Clockwork, Strikes, Wind};
use super::committer::{self, CommittedOffsets, Committer, ReportTo, Tenure};
use super::credits::Credits;
use super::handle::Handle;
use super::hold::Hold;
use super::numbers::Numbers;
use super::outbox::feed::Load;
use super::outbox::kafka::Drain as DrainOutbox;
use super::outbox::nats::Policy;
use super::outbox::parked::{Retried, RetryParked};
use super::outbox::status::Status;
use super::outbox::{self, KafkaOutbox, Line, NatsOutbox};
use super::port::{Delivery, EventLog, Reading, Records, StatusTopic, TopicError};
use super::pulse::Pulse;
use super::registry::Registry;
use super::supervisor::inbox::Inbox;
use super::supervisor::{self, BrokerSupervisor, Drain, MAX_OPEN_ROUNDS};
use super::tenants::Tenants;
use super::watch::Watch;
use crate::domain::{Catalog, Rules};
use crate::store::{self, Fence, Lease, Sink, Store};
use crate::telemetry::mailbox::{Envelope, Kind};
use crate::telemetry::metrics::METRICS;
use crate::telemetry::trace::Tracer;

/// Of a drain, kept for giving the lease back.
const RELEASE_TIME: Duration = Duration::from_secs(1);
/// Of a drain, kept before that for giving up a producer that still has events.
const GIVE_UP_TIME: Duration = Duration::from_secs(1);
/// How often the supervisor looks after its lease and its idle actors, at least.
const TEND_EVERY: Duration = Duration::from_millis(500);

/// What a shard runs on: its ports and its settings.
pub struct Parts {
    pub store: Store,
    /// Where database and network futures run.
    pub runtime: Runtime,
    pub records: Arc<dyn Records>,
    pub topic: Arc<dyn StatusTopic>,
    pub log: Arc<dyn EventLog>,
    pub catalog: Arc<ArcSwap<Catalog>>,
    pub rules: Rules,
    pub settings: Settings,
    pub tracer: Tracer,
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub shard: Arc<str>,
    pub lease: Duration,
    /// Threads for character actors, at least 1.
    pub num_arbiters: usize,
    pub max_round: usize,
    pub max_requests: usize,
    pub max_in_flight: usize,
    pub idle_passivation: Duration,
    /// How long the history of characters is kept; zero: none is.
    pub event_retention: Duration,
    pub has_dead_letter_topic: bool,
    pub outbox: Policy,
}

/// Why a shard could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the shard's state cannot be read: {0}")]
    Store(#[from] store::Error),
    #[error("records cannot be read: {0}")]
    Records(#[from] TopicError),
    #[error("another process took the shard meanwhile")]
    Fenced,
    #[error("an actor of the shard is gone")]
    Gone,
}

/// The running actors of a shard.
pub struct Shard {
    store: Store,
    runtime: Runtime,
    fence: Fence,
    hold: Arc<Hold>,
    topic: Arc<dyn StatusTopic>,
    handle: Handle,
    kafka: Recipient<DrainOutbox>,
    nats: Recipient<DrainOutbox>,
    parked: Recipient<RetryParked>,
    watch: Watch,
    credits: Arc<Credits>,
    tenants: Arc<Tenants>,
    reading: Mutex<Option<Box<dyn Reading>>>,
    tenure: watch::Receiver<Tenure>,
    pub outbox_status: [(Sink, Arc<Status>); 2],
    arbiters: Vec<Arbiter>,
    pulse: Arc<Pulse>,
}

impl Shard {
    /// Starts the actors of a shard whose lease was asked for at `asked` and given, and
    /// restores who was online.
    ///
    /// # Errors
    /// When the database holds what cannot be read, or the Kafka client's settings are
    /// impossible. A database that is away is waited for.
    pub async fn start(parts: Parts, lease: Lease, asked: Instant) -> Result<Self, StartError> {
        let started = Instant::now();
        let Parts { store, runtime, records, topic, log, catalog, rules, settings, tracer } = parts;
        let shard = Arc::clone(&settings.shard);
        let fence = Fence { shard: Arc::clone(&shard), epoch: lease.epoch, lease: settings.lease };
        let offsets = Arc::new(CommittedOffsets::default());
        let credits = Arc::new(Credits::new(settings.max_in_flight));
        let tenants = Arc::new(Tenants::default());
        let registry = Arc::new(Registry::default());
        let numbers = Arc::new(Numbers::default());
        let watch = Watch::default();
        let (tenure, tenure_seen) = watch::channel(Tenure::Held);
        let hold = Arc::new(Hold::new(settings.lease, asked));
        let next_round = lease.round + 1;

        let stored = holding(&store, &runtime, &fence, &hold, left(&store, &runtime, &shard));
        let stored = stored.await?;

        let mut arbiters: Vec<Arbiter> = Vec::new();
        let mut arbiter = |name: &'static CStr| {
            arbiters.push(Arbiter::new());
            let handle = arbiters.last().expect("just pushed").handle();
            handle.spawn_fn(move || name_thread(name));
            handle
        };
        let status = [Arc::new(Status::default()), Arc::new(Status::default())];
        let loads = [Arc::new(Load::default()), Arc::new(Load::default())];
        let outbox = |index: usize| outbox::Parts {
            store: store.clone(),
            runtime: runtime.clone(),
            shard: Arc::clone(&shard),
            hold: Arc::clone(&hold),
            load: Arc::clone(&loads[index]),
            status: Arc::clone(&status[index]),
            tracer: tracer.clone(),
        };
        let kafka = KafkaOutbox::new(outbox(0), Arc::clone(&topic), settings.outbox.max_rows);
        let kafka = KafkaOutbox::start_in_arbiter(&arbiter(c"kafka-outbox"), |_| kafka);
        let nats = NatsOutbox::new(outbox(1), log, settings.outbox);
        let engine_arbiter = arbiter(c"nats-outbox");
        let nats = NatsOutbox::start_in_arbiter(&engine_arbiter, |_| nats);
        let committer = Committer::new(committer::Parts {
            store: store.clone(),
            runtime: runtime.clone(),
            fence: fence.clone(),
            next_round,
            offsets: Arc::clone(&offsets),
            tenure,
            hold: Arc::clone(&hold),
            kafka: Line::new(
                kafka.clone().recipient(),
                Kind::KafkaOutbox,
                Arc::clone(&loads[0]),
                settings.outbox.max_rows,
            ),
            nats: Line::new(
                nats.clone().recipient(),
                Kind::NatsOutbox,
                Arc::clone(&loads[1]),
                settings.outbox.max_rows,
            ),
            watch: watch.clone(),
            numbers: Arc::clone(&numbers),
            has_dead_letter_topic: settings.has_dead_letter_topic,
            keeps_history: !settings.event_retention.is_zero(),
            tracer: tracer.clone(),
        });
        let committer = Committer::start_in_arbiter(&arbiter(c"committer"), |_| committer);
        let clockwork = Clockwork::start_in_arbiter(&engine_arbiter, |_| Clockwork::default());
        let character_arbiters =
            (0..settings.num_arbiters.max(1)).map(|_| arbiter(c"characters")).collect();
        let inbox = Arc::new(Inbox::default());
        let supervisor = BrokerSupervisor::new(supervisor::Parts {
            store: store.clone(),
            runtime: runtime.clone(),
            inbox: Arc::clone(&inbox),
            registry: Arc::clone(&registry),
            catalog,
            rules,
            tenants: Arc::clone(&tenants),
            credits: Arc::clone(&credits),
            arbiters: character_arbiters,
            committer: committer.clone(),
            clockwork: clockwork.clone(),
            max_round: settings.max_round,
            idle_passivation: settings.idle_passivation,
            shard: Arc::clone(&shard),
            event_retention: settings.event_retention,
            next_round,
            tracer: tracer.clone(),
        });
        let supervisor =
            BrokerSupervisor::start_in_arbiter(&arbiter(c"supervisor"), |_| supervisor);
        let report_to = committer::Supervisor {
            committed: supervisor.clone().recipient(),
            take_back: supervisor.clone().recipient(),
        };
        let envelope = Envelope::seal(Kind::Committer);
        committer.do_send(ReportTo { supervisor: report_to, envelope });

        for kind in [
            Kind::Supervisor,
            Kind::Committer,
            Kind::KafkaOutbox,
            Kind::NatsOutbox,
            Kind::Clockwork,
        ] {
            METRICS.actors.live.with_label_values(&[kind.name()]).set(1);
        }
        show_capacities(&settings);
        let restored = restore(&store, &runtime, &shard, &supervisor);
        let num_restored = holding(&store, &runtime, &fence, &hold, restored).await?;
        let strikes =
            Strikes { due: supervisor.clone().recipient(), tend: supervisor.clone().recipient() };
        let renew_after = settings.lease / 3;
        // A short lease is renewed well before an outbox stops counting on it.
        let tend_every = TEND_EVERY.min(settings.lease / 6);
        let envelope = Envelope::seal(Kind::Clockwork);
        clockwork.do_send(Wind { strikes, tend_every, renew_after, envelope });
        let reading = records.read(Delivery {
            stored,
            supervisor: supervisor.clone().recipient(),
            credits: Arc::clone(&credits),
            offsets,
            tenants: Arc::clone(&tenants),
            tracer,
        })?;
        let took = started.elapsed();
        tracing::info!(%shard, epoch = lease.epoch, num_restored, ?took, "shard is held");
        let mut pulse = Pulse::default();
        for arbiter in &arbiters {
            pulse.add_arbiter(arbiter.handle());
        }
        pulse.add_actor(Kind::Supervisor, supervisor.clone());
        pulse.add_actor(Kind::Committer, committer);
        pulse.add_actor(Kind::KafkaOutbox, kafka.clone());
        pulse.add_actor(Kind::NatsOutbox, nats.clone());
        pulse.add_actor(Kind::Clockwork, clockwork);
        let permits = Arc::new(Semaphore::new(settings.max_requests));
        let [kafka_status, nats_status] = status;
        Ok(Self {
            store,
            runtime,
            fence,
            hold,
            topic,
            handle: Handle { supervisor, inbox, registry, numbers, permits },
            kafka: kafka.recipient(),
            parked: nats.clone().recipient(),
            nats: nats.recipient(),
            watch,
            credits,
            tenants,
            reading: Mutex::new(Some(reading)),
            tenure: tenure_seen,
            outbox_status: [(Sink::Kafka, kafka_status), (Sink::Nats, nats_status)],
            arbiters,
            pulse: Arc::new(pulse),
        })
    }

    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// How the shard's commits fare; its holder must end when it is [`Tenure::Fenced`].
    pub fn tenure(&self) -> watch::Receiver<Tenure> {
        self.tenure.clone()
    }

    pub fn fence(&self) -> &Fence {
        &self.fence
    }

    pub fn credits(&self) -> &Credits {
        &self.credits
    }

    /// Of all inputs, so that equal ones are the same.
    pub fn tenants(&self) -> Arc<Tenants> {
        Arc::clone(&self.tenants)
    }

    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// What the intake knows; `None` while draining.
    pub fn intake<R>(&self, ask: impl FnOnce(&dyn Reading) -> R) -> Option<R> {
        self.reading.lock().as_deref().map(ask)
    }

    /// Publishes what was parked for NATS again.
    pub async fn retry_parked(&self) -> Option<Retried> {
        let (reply, retried) = oneshot::channel();
        self.parked.do_send(RetryParked { reply, envelope: Envelope::seal(Kind::NatsOutbox) });
        retried.await.ok()
    }

    /// The engine's own actors and whether each lives.
    pub fn actors(&self) -> impl Iterator<Item = (Kind, bool)> {
        self.pulse.actors()
    }

    pub fn is_reading(&self) -> bool {
        self.reading.lock().as_ref().is_some_and(|reading| reading.is_ready())
    }

    /// The shard's threads and actors, for whoever looks after them.
    pub fn pulse(&self) -> Arc<Pulse> {
        Arc::clone(&self.pulse)
    }

    /// What the shard cannot do without and has lost, if anything.
    pub fn missing(&self) -> Option<&'static str> {
        let is_intake_gone =
            self.reading.lock().as_ref().is_some_and(|reading| !reading.is_alive());
        let actor = self.pulse.missing().map(Kind::name);
        actor.or(is_intake_gone.then_some("intake"))
    }

    /// Finishes what was accepted and gives the shard back. Whatever the deadline cuts off
    /// is durable or was never begun.
    pub async fn drain(&self, deadline: Instant) {
        let phase = |number, what: &str| {
            METRICS.drain_phase.set(number);
            tracing::info!("drain: {what}");
        };
        phase(1, "intake stops");
        if let Some(reading) = &*self.reading.lock() {
            reading.stop();
        }
        phase(2, "mailboxes are finished");
        let (done, finished) = oneshot::channel();
        let envelope = Envelope::seal(Kind::Supervisor);
        self.handle.supervisor.do_send(Drain { done, envelope });
        until(deadline, "rounds are still open", finished).await;
        phase(3, "offsets are committed");
        let reading = self.reading.lock().take();
        if let Some(reading) = reading {
            let left = self.runtime.spawn_blocking(move || reading.leave());
            until(deadline, "the intake still leaves", left).await;
        }
        phase(4, "outboxes are flushed");
        let outboxes = [(&self.kafka, Kind::KafkaOutbox), (&self.nats, Kind::NatsOutbox)];
        let flushed = outboxes.map(|(outbox, kind)| {
            let (done, flushed) = oneshot::channel();
            outbox.do_send(DrainOutbox { done, envelope: Envelope::seal(kind) });
            flushed
        });
        // A broker that is away must not cost the successor its start.
        let before = |time: Duration| deadline.checked_sub(time).unwrap_or(deadline);
        let flush_deadline = before(RELEASE_TIME + GIVE_UP_TIME);
        let flushed = futures::future::join_all(flushed);
        let otherwise = "events are still pending, they are durable";
        let is_flushed = until(flush_deadline, otherwise, flushed).await;
        self.hold.end();
        if !is_flushed {
            // What the producer still has, the next process finds in SQL and sends.
            let topic = Arc::clone(&self.topic);
            let given_up = self.runtime.spawn_blocking(move || topic.replace());
            until(before(RELEASE_TIME), "the producer may still send", given_up).await;
        }
        phase(5, "the lease is given back");
        let (store, fence) = (self.store.clone(), self.fence.clone());
        let released = self.runtime.spawn(async move { store.release(&fence).await });
        until(deadline, "the lease will run out by itself", released).await;
        for arbiter in &self.arbiters {
            arbiter.stop();
        }
        phase(6, "done");
    }
}

/// What `top -H` calls the thread; actix-rt's own name for it is cut short.
#[cfg(target_os = "linux")]
fn name_thread(name: &'static CStr) {
    if let Err(error) = rustix::thread::set_name(name) {
        tracing::debug!(?name, "the thread keeps its name: {error}");
    }
}

#[cfg(not(target_os = "linux"))]
fn name_thread(_: &'static CStr) {}

/// How many messages each kind of actor can have waiting. All of it is enforced by whoever
/// sends, for actix's own limit does not hold for what we send.
fn show_capacities(settings: &Settings) {
    let rows = usize::try_from(settings.outbox.max_rows).unwrap_or(usize::MAX);
    for (kind, capacity) in [
        // A batch holds at least one credit, a request one permit; and the answers of rounds.
        (Kind::Supervisor, settings.max_in_flight + settings.max_requests + 2 * MAX_OPEN_ROUNDS),
        (Kind::Character, character::CAPACITY),
        (Kind::Committer, MAX_OPEN_ROUNDS),
        (Kind::KafkaOutbox, rows),
        (Kind::NatsOutbox, rows),
        // What a round changed, and a page of a restore.
        (Kind::Clockwork, MAX_OPEN_ROUNDS + 1),
    ] {
        let capacity = i64::try_from(capacity).unwrap_or(i64::MAX);
        METRICS.mailbox.capacity.with_label_values(&[kind.name()]).set(capacity);
    }
}

/// Whether it was done before the deadline.
async fn until<T>(deadline: Instant, otherwise: &str, what: impl Future<Output = T>) -> bool {
    let is_done = tokio::time::timeout_at(deadline.into(), what).await.is_ok();
    if !is_done {
        tracing::warn!("drain: {otherwise}");
    }
    is_done
}

#[cfg(test)]
mod tests;
