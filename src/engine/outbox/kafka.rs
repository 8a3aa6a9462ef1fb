//! The Kafka outbox: pet status events (and dead letters, if they have a topic).
//!
//! The producer is idempotent and never gives up on a message by itself, so order holds
//! within it. When it does fail, it is replaced: everything not deleted is read from SQL
//! again, and the topic's end is searched for the events that already stand there, exactly
//! as after a crash.

mod ticket;

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use chrono::{DateTime, Utc};
use rustc_hash::FxHashSet;
use tokio::runtime::Handle as Runtime;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::acknowledged::{self, Deleting, Deletions};
use super::feed::{Feed, HandOver};
use super::kind;
use super::row::{self, Row};
use super::status::Status;
use super::{Parts, observe_latency, readable};
use crate::engine::hold::Hold;
use crate::engine::port::{StatusTopic, TopicError};
use crate::engine::spans::{self, Publishing};
use crate::faults::{self, Mechanism, Point};
use crate::store::{Sink, Store};
use crate::telemetry::mailbox::{Envelope, MessageKind};
use crate::telemetry::metrics::METRICS;
use crate::telemetry::trace::Tracer;

pub use ticket::{RowDone, Ticket};

/// Rows that are published together, and acknowledged before the next ones are.
const MAX_ROWS_IN_FLIGHT: usize = 8;
/// Bytes of those rows, beyond which no further one joins them.
const MAX_BYTES_IN_FLIGHT: usize = 32 << 20;
/// Between two attempts after a failure.
const RETRY_EVERY: Duration = Duration::from_millis(500);
/// Between two looks whether the producer has lost its cluster.
const LOOK_FOR_LOSS_EVERY: Duration = Duration::from_secs(1);
/// Between two looks whether the shard is surely ours.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const SINK: &str = "kafka";

pub struct KafkaOutbox {
    store: Store,
    runtime: Runtime,
    shard: Arc<str>,
    topic: Arc<dyn StatusTopic>,
    hold: Arc<Hold>,
    feed: Feed,
    max_rows: u64,
    phase: Phase,
    /// Published rows not yet acknowledged.
    in_flight: Vec<InFlight>,
    deletions: Deletions,
    /// Events found at the topic's end.
    standing: FxHashSet<Uuid>,
    /// A generation of the producer: what an older one reports is void.
    generation: u64,
    status: Arc<Status>,
    /// Until the shard is surely ours again.
    is_waiting: bool,
    drained: Option<oneshot::Sender<()>>,
    tracer: Tracer,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Looking at the topic's end; nothing may be published.
    Searching,
    Publishing,
    /// A failed producer is being replaced.
    Failed,
}

struct InFlight {
    round: i64,
    num_events: u32,
    num_bytes: usize,
    decided_at: DateTime<Utc>,
    num_by_type: [u32; kind::PET.len() + 1],
    /// Of its traced events.
    spans: Vec<Publishing>,
}

impl InFlight {
    /// Whether copies of dead letters are among its events.
    fn has_letters(&self) -> bool {
        self.num_by_type[kind::PET.len()] > 0
    }
}

/// Say when nothing is left to publish.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Drain {
    pub done: oneshot::Sender<()>,
    pub envelope: Envelope,
}

impl KafkaOutbox {
    /// `max_rows`: rows read from SQL at once.
    pub fn new(parts: Parts, topic: Arc<dyn StatusTopic>, max_rows: u64) -> Self {
        let deletions = Deletions::new(&parts, Sink::Kafka);
        let Parts { store, runtime, shard, hold, load, status, tracer } = parts;
        Self {
            store,
            runtime,
            shard,
            topic,
            hold,
            feed: Feed::new(load, max_rows),
            max_rows,
            phase: Phase::Searching,
            in_flight: Vec::new(),
            deletions,
            standing: FxHashSet::default(),
            generation: 0,
            status,
            is_waiting: false,
            drained: None,
            tracer,
        }
    }

    fn pump(&mut self, context: &mut Context<Self>) {
        if self.phase == Phase::Publishing {
            // Rows that wait go out together, once those before are acknowledged: of a partition
            // with five messages under way librdkafka sends no more, and spins while others wait
            // there. Copies of dead letters hold nothing up.
            let may_begin = self.in_flight.iter().all(InFlight::has_letters)
                && !self.deletions.acknowledged.is_full();
            let num_in_flight = self.in_flight.len();
            while may_begin && self.has_room() {
                if !self.hold.is_sure() {
                    self.wait_for_hold(context);
                    break;
                }
                let Some(row) = self.feed.pop() else { break };
                if !self.publish(&row, context) {
                    return;
                }
            }
            if self.in_flight.len() > num_in_flight {
                self.topic.release();
            }
            self.read(context);
        }
        acknowledged::delete(self, self.drained.is_some(), context);
        if self.is_drained()
            && let Some(done) = self.drained.take()
        {
            let _ = done.send(());
        }
    }

    fn has_room(&self) -> bool {
        let num_bytes: usize = self.in_flight.iter().map(|row| row.num_bytes).sum();
        self.in_flight.len() < MAX_ROWS_IN_FLIGHT && num_bytes < MAX_BYTES_IN_FLIGHT
    }

    /// Looks again once a commit or a renewal may have come through.
    fn wait_for_hold(&mut self, context: &mut Context<Self>) {
        if !std::mem::replace(&mut self.is_waiting, true) {
            context.run_later(LOOK_EVERY, |this, context| {
                this.is_waiting = false;
                this.pump(context);
            });
        }
    }

    fn is_drained(&self) -> bool {
        self.phase == Phase::Publishing
            && self.feed.is_drained()
            && self.in_flight.is_empty()
            && self.deletions.acknowledged.is_empty()
    }

    /// Gives a row's events to the producer in order. Says whether it took them.
    fn publish(&mut self, row: &Row, context: &mut Context<Self>) -> bool {
        faults::pass(Point::BeforePublish);
        let mut fresh: Vec<row::Entry<'_>> =
            row.entries().filter(|entry| !self.standing.contains(&entry.id)).collect();
        let spans = spans::Events::of_row(&self.tracer, Sink::Kafka).begin_all(&mut fresh);
        METRICS.outbox.already_published.inc_by(u64::from(row.num_events) - fresh.len() as u64);
        let mut num_by_type = [0; kind::PET.len() + 1];
        for entry in &fresh {
            num_by_type[usize::from(entry.kind).min(kind::PET.len())] += 1;
        }
        self.in_flight.push(InFlight {
            round: row.round,
            num_events: row.num_events,
            num_bytes: row.num_bytes(),
            decided_at: row.decided_at,
            num_by_type,
            spans,
        });
        self.show_oldest();
        let outbox = context.address().recipient();
        let ticket = Ticket::new(row.round, self.generation, fresh.len() as u32, outbox);
        let ticket = Arc::new(ticket);
        for (position, entry) in fresh.iter().enumerate() {
            if let Err(error) = self.topic.send(entry, row.decided_at, &ticket) {
                self.fail(&error, context);
                return false;
            }
            if position == 0 {
                faults::pass(Point::AfterPublish);
            }
        }
        ticket.acknowledge();
        true
    }

    /// Reads the next page of rows if the feed calls for it.
    fn read(&mut self, context: &mut Context<Self>) {
        let Some(after) = self.feed.begin_read() else { return };
        self.deletions.acknowledged.begin_read();
        let (store, shard, limit) = (self.store.clone(), Arc::clone(&self.shard), self.max_rows);
        let page = self
            .runtime
            .spawn(async move { store.pending(&shard, Sink::Kafka, after, limit).await });
        let generation = self.generation;
        context.spawn(page.into_actor(self).map(move |page, this, context| match page {
            Ok(Ok(page)) if generation == this.generation => {
                let (mut rows, unreadable) = readable(page.rows);
                let last = rows.last().map(|row| row.round);
                // After a failure rows are read again that were done and not yet deleted.
                rows.retain(|row| !this.deletions.acknowledged.contains(row.round));
                this.deletions.acknowledged.end_read();
                this.feed.end_read(rows, last, page.is_full || unreadable.is_some());
                if let Some(error) = unreadable {
                    this.status.failed(error);
                    context.run_later(RETRY_EVERY, |this, context| this.pump(context));
                } else {
                    this.pump(context);
                }
            }
            Ok(Ok(_)) => {
                this.deletions.acknowledged.end_read();
                this.feed.fail_read();
                this.pump(context);
            }
            failed => {
                this.deletions.acknowledged.end_read();
                this.feed.fail_read();
                tracing::warn!("reading the outbox failed, trying again: {failed:?}");
                context.run_later(RETRY_EVERY, |this, context| this.pump(context));
            }
        }));
    }

    /// Replaces the producer and begins with SQL again.
    fn fail(&mut self, error: &TopicError, context: &mut Context<Self>) {
        if self.phase == Phase::Failed {
            return;
        }
        tracing::error!("publishing to Kafka failed, starting over from SQL: {error}");
        METRICS.outbox.errors.with_label_values(&[SINK, error.kind()]).inc();
        self.status.failed(error.to_string());
        self.phase = Phase::Failed;
        self.generation += 1;
        self.in_flight.clear();
        self.feed.restart();
        self.replace(context);
    }

    /// Until there is a new producer the old one may still send what it holds: nothing is
    /// searched for, and nothing published, before.
    fn replace(&mut self, context: &mut Context<Self>) {
        let topic = Arc::clone(&self.topic);
        let replaced = self.runtime.spawn_blocking(move || topic.replace());
        context.spawn(replaced.into_actor(self).map(|replaced, this, context| match replaced {
            Ok(Ok(())) => {
                context.run_later(RETRY_EVERY, |this, context| this.search(context));
            }
            failed => {
                let failed =
                    failed.map_or_else(|e| e.to_string(), |replaced| format!("{replaced:?}"));
                tracing::error!("replacing the producer failed, trying again: {failed}");
                this.status.failed(failed);
                context.run_later(RETRY_EVERY, |this, context| this.replace(context));
            }
        }));
    }

    /// Looks for pending events that already stand on the topic.
    fn search(&mut self, context: &mut Context<Self>) {
        self.phase = Phase::Searching;
        let (store, shard) = (self.store.clone(), Arc::clone(&self.shard));
        let (topic, runtime) = (Arc::clone(&self.topic), self.runtime.clone());
        let status = Arc::clone(&self.status);
        let standing = self.runtime.spawn(async move {
            let (oldest, bases) = pending_bases(&store, &shard).await.map_err(|e| e.to_string())?;
            if let Some(oldest) = oldest {
                status.begin(oldest);
            }
            let Some(oldest) = oldest.filter(|_| faults::has(Mechanism::TopicTail)) else {
                return Ok(FxHashSet::default());
            };
            let tail = runtime.spawn_blocking(move || topic.standing(oldest, &bases));
            tail.await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())
        });
        context.spawn(standing.into_actor(self).map(|standing, this, context| match standing {
            Ok(Ok(standing)) => {
                if !standing.is_empty() {
                    tracing::info!(num_events = standing.len(), "events already on the topic");
                }
                this.standing = standing;
                this.phase = Phase::Publishing;
                this.show_oldest();
                this.status.recovered();
                this.pump(context);
            }
            failed => {
                let failed: Result<String, _> = failed.map(|inner| inner.err().unwrap_or_default());
                tracing::warn!("searching the topic failed, trying again: {failed:?}");
                this.status.failed(failed.unwrap_or_else(|error| error.to_string()));
                context.run_later(RETRY_EVERY, |this, context| this.search(context));
            }
        }));
    }

    fn done(&mut self, round: i64) {
        let Some(position) = self.in_flight.iter().position(|row| row.round == round) else {
            return;
        };
        let row = self.in_flight.remove(position);
        let latency = (Utc::now() - row.decided_at).as_seconds_f64().max(0.0);
        observe_latency(SINK, latency, row.num_events);
        for event in row.spans {
            spans::published(&self.tracer, Sink::Kafka, self.topic.name(), event, None);
        }
        let names = kind::PET.iter().copied().chain(["DEAD_LETTER"]);
        for (name, num_events) in names.zip(row.num_by_type) {
            if num_events > 0 {
                let published = METRICS.outbox.published.with_label_values(&[SINK, name]);
                published.inc_by(u64::from(num_events));
            }
        }
        METRICS.outbox.pending.with_label_values(&[SINK]).sub(i64::from(row.num_events));
        self.deletions.acknowledged.push(round);
        self.status.published(row.num_events);
        self.show_oldest();
    }

    fn show_oldest(&self) {
        let in_flight = self.in_flight.iter().map(|row| row.decided_at);
        match in_flight.chain(self.feed.oldest()).min() {
            Some(oldest) => self.status.begin(oldest),
            None => self.status.end(),
        }
    }
}

/// The ids' common parts of all pending rows, and when the oldest was decided.
async fn pending_bases(
    store: &Store,
    shard: &str,
) -> Result<(Option<DateTime<Utc>>, FxHashSet<Uuid>), crate::store::Error> {
    let mut bases = FxHashSet::default();
    let mut oldest = None;
    let mut after = i64::MIN;
    loop {
        let page = store.pending(shard, Sink::Kafka, after, 64).await?.rows;
        let Some(last) = page.last() else { return Ok((oldest, bases)) };
        after = last.round;
        for row in page {
            oldest = oldest.min(Some(row.decided_at)).or(Some(row.decided_at));
            bases.extend(row::base_in(&row.body));
        }
    }
}

impl Deleting for KafkaOutbox {
    fn deletions(&mut self) -> &mut Deletions {
        &mut self.deletions
    }

    fn pump(&mut self, context: &mut Context<Self>) {
        Self::pump(self, context);
    }
}

impl Actor for KafkaOutbox {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(LOOK_FOR_LOSS_EVERY, |this, context| {
            if this.phase == Phase::Publishing && this.topic.is_lost() {
                METRICS.outbox.clients_replaced.inc();
                let error = "no broker is connected for long".to_owned();
                this.fail(&TopicError::Rejected(error), context);
            }
        });
        self.search(context);
    }
}

impl Handler<HandOver> for KafkaOutbox {
    type Result = ();

    fn handle(&mut self, mut message: HandOver, context: &mut Context<Self>) {
        let _handling = message.envelope.open(MessageKind::Row);
        self.feed.take(message);
        self.pump(context);
    }
}

impl Handler<RowDone> for KafkaOutbox {
    type Result = ();

    fn handle(&mut self, mut message: RowDone, context: &mut Context<Self>) {
        let _handling = message.envelope.open(MessageKind::RowDone);
        if message.generation != self.generation {
            return;
        }
        match message.error {
            None => {
                self.done(message.round);
                self.pump(context);
            }
            Some(error) => self.fail(&TopicError::Rejected(error), context),
        }
    }
}

impl Handler<Drain> for KafkaOutbox {
    type Result = ();

    fn handle(&mut self, mut message: Drain, context: &mut Context<Self>) {
        let _handling = message.envelope.open(MessageKind::Drain);
        self.drained = Some(message.done);
        self.pump(context);
    }
}

#[cfg(test)]
mod tests;
