//! The NATS outbox: character events.
//!
//! The rows that wait are published together, and those that come meanwhile after them. The
//! events of one character wait for each other, so that a retry never overtakes; different
//! characters go side by side.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use chrono::Utc;
use futures::StreamExt;
use rustc_hash::FxHashMap;
use tokio::runtime::Handle as Runtime;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::acknowledged::{self, Deleting, Deletions};
use super::feed::{Feed, HandOver};
use super::kafka::Drain;
use super::kind;
use super::row::{Entry, Row};
use super::status::Status;
use super::{Parts, observe_latency, readable};
use crate::engine::hold::Hold;
use crate::engine::port::{EventLog, Message, PublishError};
use crate::engine::spans::{self, Publishing};
use crate::faults::{self, Mechanism, Point};
use crate::store::{ParkedEvent, Sink, Store};
use crate::telemetry::mailbox::MessageKind;
use crate::telemetry::metrics::METRICS;
use crate::telemetry::trace::Tracer;
use crate::wire::kafka::headers::{MAJOR_VERSION, MINOR_VERSION, REGION, TENANT_ID, TRACESTATE};
use crate::wire::nats::dead_letter::{self, DeadLetter};
use crate::wire::nats::headers::{CHARACTER_SEQ, TRACEPARENT};

/// Between two attempts to reach the database.
const RETRY_EVERY: Duration = Duration::from_millis(500);
/// Between two looks whether the shard is surely ours.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Rows published together.
const MAX_ROWS_TOGETHER: usize = 8;
/// Decompressed bytes of rows published together, beyond which no further one joins them.
const MAX_BYTES_TOGETHER: usize = 4 << 20;
pub(super) const SINK: &str = "nats";

/// How often and how patiently an event is tried (`outbox.*`, `nats.max_in_flight`).
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Attempts before the dead letter; a lost connection is none.
    pub max_attempts: u32,
    /// Before the second attempt; doubled before each further one.
    pub backoff: Duration,
    /// Characters whose events are on their way at once.
    pub max_in_flight: usize,
    /// Rows read from SQL at once.
    pub max_rows: u64,
}

pub struct NatsOutbox {
    pub(super) publisher: Arc<Publisher>,
    pub(super) runtime: Runtime,
    feed: Feed,
    deletions: Deletions,
    is_busy: bool,
    status: Arc<Status>,
    drained: Option<oneshot::Sender<()>>,
}

/// What publishing needs, shared with the task that does it.
pub(super) struct Publisher {
    pub(super) store: Store,
    pub(super) shard: Arc<str>,
    log: Arc<dyn EventLog>,
    pub(super) hold: Arc<Hold>,
    policy: Policy,
    pub(super) status: Arc<Status>,
    tracer: Tracer,
}

/// An event on its way.
struct Outgoing {
    message: Message,
    /// The number of its character.
    owner: u32,
    /// If it is traced.
    span: Option<Publishing>,
}

impl NatsOutbox {
    pub fn new(parts: Parts, log: Arc<dyn EventLog>, policy: Policy) -> Self {
        let deletions = Deletions::new(&parts, Sink::Nats);
        let Parts { store, runtime, shard, hold, load, status, tracer } = parts;
        let publisher =
            Publisher { store, shard, log, hold, policy, status: Arc::clone(&status), tracer };
        Self {
            publisher: Arc::new(publisher),
            runtime,
            feed: Feed::new(load, policy.max_rows),
            deletions,
            is_busy: false,
            status,
            drained: None,
        }
    }

    fn pump(&mut self, context: &mut Context<Self>) {
        if !self.is_busy && self.deletions.acknowledged.is_full() {
            // Nothing is on its way, and yet it waits.
            self.feed.oldest().inspect(|oldest| self.status.begin(*oldest));
        } else if !self.is_busy {
            let rows = self.take_rows();
            if rows.is_empty() {
                self.read(context);
            } else {
                self.publish(rows, context);
            }
        }
        acknowledged::delete(self, self.drained.is_some(), context);
        if !self.is_busy
            && self.feed.is_drained()
            && self.deletions.acknowledged.is_empty()
            && let Some(done) = self.drained.take()
        {
            let _ = done.send(());
        }
    }

    fn take_rows(&mut self) -> Vec<Row> {
        let (mut rows, mut num_bytes) = (Vec::new(), 0);
        while rows.len() < MAX_ROWS_TOGETHER
            && num_bytes < MAX_BYTES_TOGETHER
            && let Some(row) = self.feed.pop()
        {
            num_bytes += row.num_bytes();
            rows.push(row);
        }
        rows
    }

    fn publish(&mut self, rows: Vec<Row>, context: &mut Context<Self>) {
        self.is_busy = true;
        self.status.begin(rows[0].decided_at);
        let publisher = Arc::clone(&self.publisher);
        let rounds: Vec<i64> = rows.iter().map(|row| row.round).collect();
        let published = self.runtime.spawn(async move { publisher.publish(rows).await });
        context.spawn(published.into_actor(self).map(move |published, this, context| {
            this.is_busy = false;
            this.status.end();
            match published {
                Ok(()) => {
                    rounds.into_iter().for_each(|round| this.deletions.acknowledged.push(round))
                }
                Err(error) => {
                    tracing::error!("publishing was cut short, reading the rows again: {error}");
                    this.feed.restart();
                }
            }
            this.pump(context);
        }));
    }

    fn read(&mut self, context: &mut Context<Self>) {
        let Some(after) = self.feed.begin_read() else { return };
        self.deletions.acknowledged.begin_read();
        let publisher = Arc::clone(&self.publisher);
        let limit = publisher.policy.max_rows;
        let page = self.runtime.spawn(async move {
            publisher.store.pending(&publisher.shard, Sink::Nats, after, limit).await
        });
        context.spawn(page.into_actor(self).map(move |page, this, context| match page {
            Ok(Ok(page)) => {
                let (mut rows, unreadable) = readable(page.rows);
                let last = rows.last().map(|row| row.round);
                // Of rows that are read again some were published and are not yet deleted.
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
            failed => {
                this.deletions.acknowledged.end_read();
                this.feed.fail_read();
                tracing::warn!("reading the outbox failed, trying again: {failed:?}");
                context.run_later(RETRY_EVERY, |this, context| this.pump(context));
            }
        }));
    }
}

impl Publisher {
    /// Publishes the events of rows. Returns when each is acknowledged or set aside.
    async fn publish(&self, rows: Vec<Row>) {
        faults::pass(Point::BeforePublish);
        let num_in_flight = self.policy.max_in_flight.max(1);
        let runs = runs(&rows, &self.tracer).into_iter().map(|run| self.publish_run(run));
        let mut runs = futures::stream::iter(runs).buffered(num_in_flight);
        while runs.next().await.is_some() {}
        drop(runs);
        let now = Utc::now();
        for row in &rows {
            let latency = (now - row.decided_at).as_seconds_f64().max(0.0);
            observe_latency(SINK, latency, row.num_events);
            METRICS.outbox.pending.with_label_values(&[SINK]).sub(i64::from(row.num_events));
            self.status.published(row.num_events);
        }
    }

    /// One character's events, each after the last one's end.
    async fn publish_run(&self, run: Vec<Outgoing>) {
        if faults::has(Mechanism::Order) {
            for event in run {
                self.publish_event(event).await;
            }
        } else {
            let events = run.into_iter().map(|event| self.publish_event(event));
            futures::future::join_all(events).await;
        }
    }

    async fn publish_event(&self, event: Outgoing) {
        let Outgoing { message, owner, span } = event;
        let begun = span.map(Publishing::begin);
        let attempted = self.attempt(&message, owner).await;
        if let Some(span) = begun {
            let error = attempted.as_ref().err().map(ToString::to_string);
            spans::published(&self.tracer, Sink::Nats, &message.subject, span, error);
        }
        match attempted {
            Ok(()) => {
                METRICS.outbox.published.with_label_values(&[SINK, &message.subject]).inc();
                faults::pass(Point::AfterPublish);
            }
            // Rare, and large: every event's future would have room for it.
            Err(error) => Box::pin(self.give_up(&message, owner, &error)).await,
        }
    }

    /// Tries as often as the policy says. A lost connection is waited out.
    async fn attempt(&self, message: &Message, character: u32) -> Result<(), PublishError> {
        let mut num_attempts = 0;
        loop {
            while !self.hold.is_sure() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            let Err(error) = self.try_once(message).await else {
                self.status.recovered();
                return Ok(());
            };
            self.status.failed(error.to_string());
            if !error.is_attempt() {
                self.log.connected().await;
                continue;
            }
            num_attempts += 1;
            let (tenant, subject) = (tenant(message), &*message.subject);
            tracing::warn!(tenant, character, subject, num_attempts, "publishing failed: {error}");
            if num_attempts >= self.policy.max_attempts {
                return Err(error);
            }
            tokio::time::sleep(self.policy.backoff * 2_u32.saturating_pow(num_attempts - 1)).await;
        }
    }

    pub(super) async fn try_once(&self, message: &Message) -> Result<(), PublishError> {
        let published = if faults::refuses(&message.subject) {
            Err(PublishError::Refused("on demand".into()))
        } else {
            self.log.publish(message).await.map(|_| ())
        };
        published.inspect_err(|error| {
            METRICS.outbox.errors.with_label_values(&[SINK, error.kind()]).inc();
        })
    }

    /// To the dead letter stream; refused there as well, it is parked in SQL.
    async fn give_up(&self, message: &Message, character: u32, error: &PublishError) {
        let now = Utc::now();
        let letter = dead_letter::encode(&DeadLetter {
            original_subject: &message.subject,
            event: &message.payload,
            error: &error.to_string(),
            at: now,
            num_attempts: self.policy.max_attempts,
        });
        let letter = Message {
            subject: dead_letter::subject(&message.subject),
            payload: letter.into(),
            ..message.clone()
        };
        METRICS.dead_letters.with_label_values(&["publish_refused"]).inc();
        let Err(refusal) = self.attempt(&letter, character).await else { return };
        let (tenant, subject) = (tenant(message), &*message.subject);
        let id = message.id;
        tracing::error!(tenant, character, subject, %id, "event parked: {refusal}");
        let parked = ParkedEvent {
            sink: Sink::Nats,
            event_id: message.id,
            subject: message.subject.clone(),
            headers: message.headers.iter().map(|(k, v)| ((*k).into(), v.clone())).collect(),
            payload: message.payload.to_vec(),
            error: error.to_string(),
            retry_count: self.policy.max_attempts,
            shard: self.shard.to_string(),
            at: now,
        };
        self.insist("parking an event", || self.store.park(parked.clone())).await;
        self.count_parked().await;
    }

    /// Shows how many events are set aside, of whatever process.
    pub(super) async fn count_parked(&self) {
        match self.store.num_parked(&self.shard, Sink::Nats).await {
            Ok(count) => {
                let parked = METRICS.outbox.parked.with_label_values(&[SINK]);
                parked.set(i64::try_from(count).unwrap_or(i64::MAX));
            }
            Err(error) => tracing::warn!("parked events were not counted: {error}"),
        }
    }

    /// Until the database has done it: what is published must not be forgotten half.
    async fn insist<F>(&self, what: &str, mut action: impl FnMut() -> F)
    where
        F: Future<Output = Result<(), crate::store::Error>>,
    {
        while let Err(error) = action().await {
            tracing::warn!("{what} failed, trying again: {error}");
            tokio::time::sleep(RETRY_EVERY).await;
        }
    }
}

/// Splits rows into runs that must keep their order: the events of one character each.
fn runs(rows: &[Row], tracer: &Tracer) -> Vec<Vec<Outgoing>> {
    let mut runs: Vec<Vec<Outgoing>> = Vec::new();
    let mut positions: FxHashMap<(Uuid, u32), usize> = FxHashMap::default();
    for row in rows {
        let mut events = spans::Events::of_row(tracer, Sink::Nats);
        for mut entry in row.entries() {
            let span = events.begin(&mut entry);
            let owner = (entry.context.tenant, entry.owner);
            let position = *positions.entry(owner).or_insert(runs.len());
            if position == runs.len() {
                runs.push(Vec::new());
            }
            runs[position].push(Outgoing { message: message(&entry), owner: entry.owner, span });
        }
    }
    runs
}

/// For the log.
fn tenant(message: &Message) -> Option<&str> {
    let tenant = message.headers.iter().find(|(name, _)| *name == TENANT_ID);
    tenant.map(|(_, value)| value.as_str())
}

fn message(entry: &Entry<'_>) -> Message {
    let subject =
        kind::CHARACTER.get(usize::from(entry.kind)).copied().unwrap_or("character.unknown");
    let context = &entry.context;
    let mut headers = vec![
        (TENANT_ID, context.tenant.to_string()),
        (REGION, context.region.to_string()),
        (MAJOR_VERSION, context.major.to_string()),
        (MINOR_VERSION, context.minor.to_string()),
        (TRACEPARENT, entry.trace.to_string()),
        (CHARACTER_SEQ, entry.seq.to_string()),
    ];
    if let Some(tracestate) = context.tracestate {
        headers.push((TRACESTATE, tracestate.to_string()));
    }
    Message {
        subject: subject.to_string(),
        id: entry.id,
        headers,
        payload: bytes::Bytes::copy_from_slice(entry.payload),
    }
}

impl Deleting for NatsOutbox {
    fn deletions(&mut self) -> &mut Deletions {
        &mut self.deletions
    }

    fn pump(&mut self, context: &mut Context<Self>) {
        Self::pump(self, context);
    }
}

impl Actor for NatsOutbox {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let publisher = Arc::clone(&self.publisher);
        self.runtime.spawn(async move { publisher.count_parked().await });
        self.pump(context);
    }
}

impl Handler<HandOver> for NatsOutbox {
    type Result = ();

    fn handle(&mut self, mut message: HandOver, context: &mut Context<Self>) {
        let _handling = message.envelope.open(MessageKind::Row);
        self.feed.take(message);
        self.pump(context);
    }
}

impl Handler<Drain> for NatsOutbox {
    type Result = ();

    fn handle(&mut self, mut message: Drain, context: &mut Context<Self>) {
        let _handling = message.envelope.open(MessageKind::Drain);
        self.drained = Some(message.done);
        self.pump(context);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Tenant, TenantId};
    use crate::engine::outbox::row::{About, Writer};
    use crate::engine::record::Cause;

    #[test]
    fn a_character_that_begins_anew_keeps_its_place_behind_its_end() {
        let id = TenantId(Uuid::from_u128(1));
        let tenant = Tenant { id, region: "GMS".into(), major: 83, minor: 1 };
        let cause = Arc::new(Cause::of(Arc::new(tenant)));
        let row = |events: &[(u32, u64)]| {
            let mut writer = Writer::new();
            for (owner, seq) in events.iter().copied() {
                writer.push(0, &cause, None, About { owner, seq }, |_, _| {});
            }
            writer.into_row(1, Utc::now())
        };
        // Deleted as its fourth and fifth event, provisioned again with its first, and in the
        // next row there is its second.
        let rows = [row(&[(7, 4), (7, 5), (8, 6), (7, 1)]), row(&[(9, 1), (7, 2)])];
        let seq = |event: &Outgoing| {
            let header = event.message.headers.iter().find(|(name, _)| *name == CHARACTER_SEQ);
            header.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let runs: Vec<Vec<String>> =
            runs(&rows, &Tracer::off()).iter().map(|run| run.iter().map(seq).collect()).collect();
        assert_eq!(runs, [vec!["4", "5", "1", "2"], vec!["6"], vec!["1"]]);
    }
}
