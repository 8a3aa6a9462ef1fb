//! The committer: one round, one transaction, in order.
//!
//! A commit whose outcome is unknown is settled by the round's number in SQL and, if it did
//! not happen, tried again as it is: the actors' state stays valid through any outage. Only
//! a round the database will not take is given back.

mod assemble;
mod ledger;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, Recipient, WrapFuture,
};
use parking_lot::Mutex;
use tokio::runtime::Handle as Runtime;
use tokio::sync::watch;

use super::hold::Hold;
use super::numbers::Numbers;
use super::outbox::{Line, Row};
use super::record::Progress;
use super::round::{Round, Stepped};
use super::spans;
use super::supervisor::{Committed, TakeBack};
use super::watch::Watch;
use crate::faults::{self, Point};
use crate::store::{CommitError, Fence, PetRow, Settled, Sink, Store, Work};
use crate::telemetry::mailbox::{Envelope, Kind, MessageKind};
use crate::telemetry::metrics::METRICS;
use crate::telemetry::trace::Tracer;

use assemble::{Keep, KnownTenants};

/// Between two attempts while the database is away.
const RETRY_EVERY: Duration = Duration::from_millis(200);

/// What became of the shard, as far as this process is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tenure {
    /// Commits go through.
    Held,
    /// The database is away; nothing is lost, nothing moves.
    Interrupted,
    /// Another process has the shard: this one must not go on.
    Fenced,
}

/// Offsets as committed to SQL, for the intake to tell Kafka.
#[derive(Default)]
pub struct CommittedOffsets(Mutex<Vec<Progress>>);

/// What the committer is built from.
pub struct Parts {
    pub store: Store,
    pub runtime: Runtime,
    pub fence: Fence,
    pub next_round: i64,
    pub offsets: Arc<CommittedOffsets>,
    pub tenure: watch::Sender<Tenure>,
    pub hold: Arc<Hold>,
    pub kafka: Line,
    pub nats: Line,
    pub watch: Watch,
    pub numbers: Arc<Numbers>,
    /// Dead letters go to a topic as well.
    pub has_dead_letter_topic: bool,
    /// Events of characters are kept for those who ask for them.
    pub keeps_history: bool,
    pub tracer: Tracer,
}

pub struct Committer {
    parts: Parts,
    supervisor: Option<Supervisor>,
    waiting: VecDeque<Prepared>,
    is_committing: bool,
    is_renewing: bool,
    /// The next round to accept; others stood behind a refused one.
    expected: i64,
    tenants: KnownTenants,
}

/// Whom the committer reports to.
#[derive(Clone)]
pub struct Supervisor {
    pub committed: Recipient<Committed>,
    pub take_back: Recipient<TakeBack>,
}

impl Supervisor {
    fn give_back(&self, round: Round, refusal: Option<String>) {
        let envelope = Envelope::seal(Kind::Supervisor);
        self.take_back.do_send(TakeBack { round, refusal, envelope });
    }
}

/// Introduces the supervisor; sent before the first round.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ReportTo {
    pub supervisor: Supervisor,
    pub envelope: Envelope,
}

/// The next round. At most [`MAX_OPEN_ROUNDS`](super::supervisor::MAX_OPEN_ROUNDS) are here.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Commit {
    pub round: Round,
    pub envelope: Envelope,
}

/// Nothing was committed lately, and nothing can be for now: keep the lease all the same.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Renew {
    pub envelope: Envelope,
}

/// A round encoded and ready for its transaction.
#[doc(hidden)]
pub struct Prepared {
    round: Round,
    pub work: Arc<Work>,
    rows: Rows,
}

/// The round's outbox rows as they are handed over in memory.
#[derive(Default)]
struct Rows {
    kafka: Option<Row>,
    nats: Option<Row>,
}

/// How a commit ended for good.
enum End {
    Committed,
    Refused(String),
    Fenced,
}

/// What [`Committer`] does with a round before its transaction, for `benches/round.rs`.
#[doc(hidden)]
pub fn prepare(round: Round) -> Prepared {
    KnownTenants::default().prepare(round, Keep { dead_letter_topic: true, history: true })
}

impl Committer {
    pub fn new(parts: Parts) -> Self {
        let expected = parts.next_round;
        Self {
            parts,
            supervisor: None,
            waiting: VecDeque::new(),
            is_committing: false,
            is_renewing: false,
            expected,
            tenants: KnownTenants::default(),
        }
    }

    fn pump(&mut self, context: &mut Context<Self>) {
        if self.is_committing {
            return;
        }
        let Some(prepared) = self.waiting.pop_front() else { return };
        self.is_committing = true;
        let (store, fence) = (self.parts.store.clone(), self.parts.fence.clone());
        let (number, work) = (prepared.round.number, Arc::clone(&prepared.work));
        let (tenure, hold) = (self.parts.tenure.clone(), Arc::clone(&self.parts.hold));
        let started = Instant::now();
        // A task of its own: this actor may stop, the transaction is never cancelled.
        let commit = self
            .parts
            .runtime
            .spawn(async move { commit(&store, &fence, number, work, &tenure, &hold).await });
        context.spawn(commit.into_actor(self).map(move |end, this, context| {
            this.is_committing = false;
            METRICS.round.commit_seconds.observe(started.elapsed().as_secs_f64());
            match end {
                Ok(End::Committed) => this.committed(prepared, started),
                Ok(End::Refused(detail)) => this.refused(prepared.round, detail),
                Ok(End::Fenced) => this.fenced(),
                Err(error) => {
                    tracing::error!("the commit's task ended early: {error}");
                    this.fenced();
                }
            }
            this.pump(context);
        }));
    }

    /// Renews the lease without a round, unless one is about to.
    fn renew(&mut self, context: &mut Context<Self>) {
        if self.is_committing || std::mem::replace(&mut self.is_renewing, true) {
            return;
        }
        let (store, fence) = (self.parts.store.clone(), self.parts.fence.clone());
        let hold = Arc::clone(&self.parts.hold);
        let kept = self.parts.runtime.spawn(async move { hold.keep(&store, &fence).await });
        context.spawn(kept.into_actor(self).map(|kept, this, _| {
            this.is_renewing = false;
            match kept {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => this.fenced(),
                failed => tracing::warn!("the lease is not renewed: {failed:?}"),
            }
        }));
    }

    fn committed(&mut self, prepared: Prepared, began: Instant) {
        faults::pass(Point::AfterCommit);
        if prepared.round.timing.is_some() {
            // Before its rows are handed over: nothing is published until its commit is over.
            let commit = began..Instant::now();
            let backend = self.parts.store.backend();
            spans::committed(&self.parts.tracer, &prepared.round, &commit, backend);
        }
        let Prepared { round, work, rows } = prepared;
        self.tenants.committed(&work.tenants);
        let characters = work.written_characters().map(|row| row.key);
        let owners = work.pets.iter().map(PetRow::owner_key);
        self.parts.numbers.committed(characters.chain(owners));
        let lines = [(&mut self.parts.kafka, Sink::Kafka), (&mut self.parts.nats, Sink::Nats)];
        for ((line, sink), row) in lines.into_iter().zip([rows.kafka, rows.nats]) {
            if let Some(row) = row {
                let pending = METRICS.outbox.pending.with_label_values(&[sink.name()]);
                pending.add(i64::from(row.num_events));
                self.parts.watch.show(sink, &row);
                line.hand_over(row);
            }
        }
        for dead_letter in &work.dead_letters {
            METRICS.dead_letters.with_label_values(&[&dead_letter.reason]).inc();
        }
        ledger::enter(&round);
        self.parts.offsets.advance(round.progress);
        let (number, credits) = (round.number, round.credits);
        for Stepped { items, ended, .. } in round.stepped {
            for (item, ended) in items.into_iter().zip(ended) {
                if let Some(answer) = ended.answer {
                    item.origin.answer(answer);
                }
            }
        }
        for unrouted in round.unrouted {
            unrouted.item.origin.answer(unrouted.end.answer());
        }
        if let Some(supervisor) = &self.supervisor {
            let envelope = Envelope::seal(Kind::Supervisor);
            supervisor.committed.do_send(Committed { number, credits, envelope });
        }
    }

    /// Gives the refused round back, and those that stood behind it.
    fn refused(&mut self, round: Round, detail: String) {
        self.expected = round.number;
        let Some(supervisor) = self.supervisor.clone() else { return };
        for behind in std::mem::take(&mut self.waiting) {
            supervisor.give_back(behind.round, None);
        }
        supervisor.give_back(round, Some(detail));
    }

    fn fenced(&mut self) {
        METRICS.round.fenced.inc();
        self.parts.hold.end();
        tracing::error!("another process has the shard, nothing more is committed");
        self.waiting.clear();
        self.expected = i64::MAX;
        self.parts.tenure.send_replace(Tenure::Fenced);
    }
}

/// Commits until the outcome is known.
async fn commit(
    store: &Store,
    fence: &Fence,
    number: i64,
    work: Arc<Work>,
    tenure: &watch::Sender<Tenure>,
    hold: &Hold,
) -> End {
    loop {
        faults::pass(Point::BeforeCommit);
        let asked = Instant::now();
        let error = match store.commit(fence, number, Arc::clone(&work)).await {
            Ok(_) => return finish(store, fence, tenure, hold, asked).await,
            Err(error) => error,
        };
        match error {
            CommitError::Fenced => return End::Fenced,
            CommitError::Refused { .. } => return End::Refused(error.to_string()),
            CommitError::Unavailable { .. } => {
                hold.doubt();
                set(tenure, Tenure::Interrupted);
                METRICS.round.retried.with_label_values(&["unavailable"]).inc();
                tracing::warn!(round = number, "commit interrupted: {error}");
            }
        }
        match settle(store, fence, number).await {
            Settled::Happened => return finish(store, fence, tenure, hold, asked).await,
            // A database that answers and yet cannot commit: full, read-only, out of connections.
            Settled::NotHappened => tokio::time::sleep(RETRY_EVERY).await,
            Settled::Fenced => return End::Fenced,
        }
    }
}

/// The round is in SQL. After an interruption the connection is another one, and the lock
/// that keeps a standby waiting was lost with the old: take it again.
async fn finish(
    store: &Store,
    fence: &Fence,
    tenure: &watch::Sender<Tenure>,
    hold: &Hold,
    asked: Instant,
) -> End {
    let was_interrupted = *tenure.borrow() == Tenure::Interrupted;
    if was_interrupted {
        match hold.keep(store, fence).await {
            Ok(true) => {}
            Ok(false) => return End::Fenced,
            Err(error) => {
                // The next round asks for it again.
                tracing::warn!("the shard's lock was not taken again, the lease holds: {error}");
                return End::Committed;
            }
        }
    }
    hold.renew(asked);
    set(tenure, Tenure::Held);
    End::Committed
}

/// Asks until the database says whether the round is in it.
async fn settle(store: &Store, fence: &Fence, number: i64) -> Settled {
    loop {
        match store.settle(fence, number).await {
            Ok(settled) => return settled,
            Err(error) => {
                tracing::warn!(round = number, "the database does not answer: {error}");
                tokio::time::sleep(RETRY_EVERY).await;
            }
        }
    }
}

fn set(tenure: &watch::Sender<Tenure>, now: Tenure) {
    tenure.send_if_modified(|tenure| std::mem::replace(tenure, now) != now);
}

impl CommittedOffsets {
    fn advance(&self, progress: Vec<Progress>) {
        let mut offsets = self.0.lock();
        for progress in progress {
            match offsets.iter_mut().find(|known| known.source == progress.source) {
                Some(known) => known.next_offset = progress.next_offset,
                None => offsets.push(progress),
            }
        }
    }

    /// Takes what was committed since the last call.
    pub fn take(&self) -> Vec<Progress> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl Actor for Committer {
    type Context = Context<Self>;
}

impl Handler<ReportTo> for Committer {
    type Result = ();

    fn handle(&mut self, mut message: ReportTo, _: &mut Context<Self>) {
        let _handling = message.envelope.open(MessageKind::ReportTo);
        self.supervisor = Some(message.supervisor);
    }
}

impl Handler<Commit> for Committer {
    type Result = ();

    fn handle(&mut self, mut message: Commit, context: &mut Context<Self>) {
        let _handling = message.envelope.open(MessageKind::Commit);
        let round = message.round;
        if round.number != self.expected {
            if let Some(supervisor) = &self.supervisor {
                supervisor.give_back(round, None);
            }
            return;
        }
        self.expected += 1;
        let keep = Keep {
            dead_letter_topic: self.parts.has_dead_letter_topic,
            history: self.parts.keeps_history,
        };
        let prepared = self.tenants.prepare(round, keep);
        self.waiting.push_back(prepared);
        self.pump(context);
    }
}

impl Handler<Renew> for Committer {
    type Result = ();

    fn handle(&mut self, mut message: Renew, context: &mut Context<Self>) {
        let _handling = message.envelope.open(MessageKind::Renew);
        self.renew(context);
    }
}
