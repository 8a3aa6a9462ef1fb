//! Rows that their broker has acknowledged and that are still to be deleted.
//!
//! Nobody waits for a deletion, and it costs the database as much for one row as for twenty. So
//! rows are deleted together, now and then: at hundreds of rounds a second that is most of what
//! the database has to do for them beside the commits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, WrapFuture};
use tokio::runtime::Handle as Runtime;

use super::Parts;
use super::status::Status;
use crate::faults::{self, Point};
use crate::store::{Sink, Store};

/// From the beginning of one deletion to that of the next.
const DELETE_EVERY: Duration = Duration::from_millis(50);
/// Between two attempts after a failure.
const RETRY_EVERY: Duration = Duration::from_millis(500);
/// Rows left to be deleted, beyond which nothing further is published: after a crash each of them
/// is published again, or looked for.
const MAX_LEFT: usize = 64;

/// The rounds of rows that were published and stand in SQL.
#[derive(Default)]
pub struct Acknowledged {
    /// Their deletion is due.
    due: Vec<i64>,
    /// Their deletion is under way.
    deleting: Vec<i64>,
    /// They were deleted since a page of rows was asked for, and may be on it.
    deleted: Vec<i64>,
    is_reading: bool,
    /// When the latest deletion began.
    begun: Option<Instant>,
    /// When it failed, if it did.
    failed: Option<Instant>,
    /// The next deletion is arranged for.
    is_waiting: bool,
}

/// How an outbox's acknowledged rows are deleted.
pub struct Deletions {
    pub acknowledged: Acknowledged,
    store: Store,
    runtime: Runtime,
    shard: Arc<str>,
    sink: Sink,
    status: Arc<Status>,
}

/// An outbox whose acknowledged rows are deleted.
pub trait Deleting: Actor<Context = Context<Self>> {
    fn deletions(&mut self) -> &mut Deletions;

    /// Goes on, which has it [`delete`] what is due.
    fn pump(&mut self, context: &mut Context<Self>);
}

impl Deletions {
    pub fn new(parts: &Parts, sink: Sink) -> Self {
        let Parts { store, runtime, shard, status, .. } = parts;
        Self {
            acknowledged: Acknowledged::default(),
            store: store.clone(),
            runtime: runtime.clone(),
            shard: Arc::clone(shard),
            sink,
            status: Arc::clone(status),
        }
    }
}

impl Acknowledged {
    pub fn push(&mut self, round: i64) {
        self.due.push(round);
    }

    /// Whether this round's row was published, and may be on the page that is being read.
    pub fn contains(&self, round: i64) -> bool {
        [&self.due, &self.deleting, &self.deleted].iter().any(|rounds| rounds.contains(&round))
    }

    /// A page of rows is asked for.
    pub fn begin_read(&mut self) {
        self.is_reading = true;
    }

    /// What was on it has been looked up here.
    pub fn end_read(&mut self) {
        self.is_reading = false;
        self.deleted.clear();
    }

    /// Whether so many are left that their deletion comes first.
    pub fn is_full(&self) -> bool {
        self.due.len() + self.deleting.len() >= MAX_LEFT
    }

    pub fn is_empty(&self) -> bool {
        self.due.is_empty() && self.deleting.is_empty()
    }

    /// How long the next deletion is to be put off from now on.
    fn pause(&self, now: Instant, is_draining: bool) -> Duration {
        let left = |since: Option<Instant>, whole: Duration| {
            since.map_or(Duration::ZERO, |since| whole.saturating_sub(now - since))
        };
        match is_draining || self.is_full() {
            true => left(self.failed, RETRY_EVERY),
            false => left(self.failed, RETRY_EVERY).max(left(self.begun, DELETE_EVERY)),
        }
    }

    fn begin(&mut self, now: Instant) -> Vec<i64> {
        self.begun = Some(now);
        self.deleting = std::mem::take(&mut self.due);
        self.deleting.clone()
    }

    fn end(&mut self, now: Instant, is_done: bool) {
        let rounds = std::mem::take(&mut self.deleting);
        if !is_done {
            self.failed = Some(now);
            self.due.extend(rounds);
            return;
        }
        self.failed = None;
        if self.is_reading {
            self.deleted.extend(rounds);
        }
    }
}

/// Deletes all rows acknowledged so far, one statement at a time, if one is due. An outbox that
/// `is_draining` does not wait for others to join them.
pub fn delete<O: Deleting>(outbox: &mut O, is_draining: bool, context: &mut Context<O>) {
    let Deletions { acknowledged, store, runtime, shard, sink, .. } = outbox.deletions();
    if !acknowledged.deleting.is_empty() || acknowledged.due.is_empty() {
        return;
    }
    let now = Instant::now();
    let pause = acknowledged.pause(now, is_draining);
    if !pause.is_zero() {
        if !std::mem::replace(&mut acknowledged.is_waiting, true) {
            context.run_later(pause, |outbox, context| {
                outbox.deletions().acknowledged.is_waiting = false;
                outbox.pump(context);
            });
        }
        return;
    }
    faults::pass(Point::AfterAck);
    let rounds = acknowledged.begin(now);
    let (store, shard, sink) = (store.clone(), Arc::clone(shard), *sink);
    let deletion =
        runtime.spawn(async move { store.delete_published(&shard, sink, &rounds).await });
    context.spawn(deletion.into_actor(outbox).map(move |deletion, outbox, context| {
        let Deletions { acknowledged, status, .. } = outbox.deletions();
        let is_done = matches!(deletion, Ok(Ok(())));
        acknowledged.end(Instant::now(), is_done);
        if is_done {
            faults::pass(Point::AfterDelete);
        } else {
            let error = format!("deleting published rows failed, trying again: {deletion:?}");
            tracing::warn!(sink = sink.name(), "{error}");
            status.failed_beside(error);
        }
        outbox.pump(context);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deleted_while_a_page_is_read_is_known_until_that_is_looked_through() {
        let (mut acknowledged, now) = (Acknowledged::default(), Instant::now());
        acknowledged.begin_read();
        acknowledged.push(1);
        assert_eq!(acknowledged.begin(now), [1]);
        acknowledged.push(2);
        acknowledged.end(now, true);
        assert!(acknowledged.contains(1) && acknowledged.contains(2) && !acknowledged.contains(3));
        acknowledged.end_read();
        assert!(!acknowledged.contains(1) && acknowledged.contains(2));
    }

    #[test]
    fn deletions_have_a_pause_between_them_unless_the_outbox_is_to_end_or_full() {
        let (mut acknowledged, now) = (Acknowledged::default(), Instant::now());
        acknowledged.push(1);
        assert_eq!(acknowledged.pause(now, false), Duration::ZERO, "the first waits for nothing");
        acknowledged.begin(now);
        acknowledged.end(now, true);
        acknowledged.push(2);
        assert_eq!(acknowledged.pause(now, false), DELETE_EVERY);
        assert_eq!(acknowledged.pause(now, true), Duration::ZERO);
        assert_eq!(acknowledged.pause(now + DELETE_EVERY, false), Duration::ZERO);
        (3..=65).for_each(|round| acknowledged.push(round));
        assert_eq!(acknowledged.pause(now, false), Duration::ZERO);
    }

    #[test]
    fn a_deletion_that_failed_is_repeated_after_a_while_even_at_the_end() {
        let (mut acknowledged, now) = (Acknowledged::default(), Instant::now());
        acknowledged.push(1);
        acknowledged.begin(now);
        acknowledged.end(now, false);
        for is_draining in [false, true] {
            assert_eq!(acknowledged.pause(now, is_draining), RETRY_EVERY);
        }
        acknowledged.push(2);
        let later = now + RETRY_EVERY;
        assert_eq!(acknowledged.begin(later), [1, 2]);
        acknowledged.end(later, true);
        assert!(acknowledged.is_empty());
        assert_eq!(acknowledged.pause(later, true), Duration::ZERO);
    }

    #[test]
    fn so_many_are_left_at_most() {
        let (mut acknowledged, now) = (Acknowledged::default(), Instant::now());
        (1..64).for_each(|round| acknowledged.push(round));
        assert!(!acknowledged.is_full());
        acknowledged.begin(now);
        acknowledged.push(64);
        assert!(acknowledged.is_full(), "those whose deletion is under way count");
        acknowledged.end(now, true);
        assert!(!acknowledged.is_full());
    }
}
