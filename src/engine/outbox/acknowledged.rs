//! Rows that their broker has acknowledged and that are still to be deleted.
//!
//! Nobody waits for a deletion, and it costs the database as much for one row as for twenty. So
//! rows are deleted together, now and then: at hundreds of rounds a second that is most of what
//! the database has to do for them beside the commits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, WrapFuture};
use tokio::runtime::Handle as Runtime;

use crate::faults::{self, Point};
use crate::store::{Sink, Store};

/// From the beginning of one deletion to that of the next.
const DELETE_EVERY: Duration = Duration::from_millis(20);
/// Between two attempts after a failure.
const RETRY_EVERY: Duration = Duration::from_millis(500);

/// The rounds of rows that were published and stand in SQL.
#[derive(Default)]
pub struct Acknowledged {
    /// Their deletion is due.
    due: Vec<i64>,
    /// Their deletion is under way.
    deleting: Vec<i64>,
    begun: Option<Instant>,
    /// The next deletion is arranged for.
    is_waiting: bool,
}

/// Where an outbox's rows are deleted.
pub struct Place {
    pub store: Store,
    pub runtime: Runtime,
    pub shard: Arc<str>,
    pub sink: Sink,
}

/// An outbox whose acknowledged rows are deleted.
pub trait Deleting: Actor<Context = Context<Self>> {
    fn acknowledged(&mut self) -> &mut Acknowledged;

    fn place(&self) -> Place;

    /// It is to end soon: rows are deleted at once.
    fn is_draining(&self) -> bool;

    /// Goes on; called once rows are deleted.
    fn pump(&mut self, context: &mut Context<Self>);
}

impl Acknowledged {
    pub fn push(&mut self, round: i64) {
        self.due.push(round);
    }

    /// Whether this round's row was published and may still stand in SQL.
    pub fn contains(&self, round: i64) -> bool {
        self.due.contains(&round) || self.deleting.contains(&round)
    }

    pub fn is_empty(&self) -> bool {
        self.due.is_empty() && self.deleting.is_empty()
    }

    /// How long the next deletion is to be put off.
    fn pause(&self) -> Duration {
        self.begun.map_or(Duration::ZERO, |begun| DELETE_EVERY.saturating_sub(begun.elapsed()))
    }
}

/// Deletes all rows acknowledged so far, one statement at a time, if one is due.
pub fn delete<O: Deleting>(outbox: &mut O, context: &mut Context<O>) {
    let is_draining = outbox.is_draining();
    let acknowledged = outbox.acknowledged();
    if !acknowledged.deleting.is_empty() || acknowledged.due.is_empty() {
        return;
    }
    let pause = acknowledged.pause();
    if !pause.is_zero() && !is_draining {
        if !std::mem::replace(&mut acknowledged.is_waiting, true) {
            context.run_later(pause, |outbox, context| {
                outbox.acknowledged().is_waiting = false;
                delete(outbox, context);
            });
        }
        return;
    }
    faults::pass(Point::AfterAck);
    acknowledged.begun = Some(Instant::now());
    let rounds = std::mem::take(&mut acknowledged.due);
    acknowledged.deleting.clone_from(&rounds);
    let Place { store, runtime, shard, sink } = outbox.place();
    let deletion =
        runtime.spawn(async move { store.delete_published(&shard, sink, &rounds).await });
    context.spawn(deletion.into_actor(outbox).map(|deletion, outbox, context| {
        let acknowledged = outbox.acknowledged();
        let rounds = std::mem::take(&mut acknowledged.deleting);
        if let Ok(Ok(())) = deletion {
            faults::pass(Point::AfterDelete);
            outbox.pump(context);
        } else {
            tracing::warn!("deleting published rows failed, trying again: {deletion:?}");
            acknowledged.due.extend(rounds);
            context.run_later(RETRY_EVERY, |outbox, context| outbox.pump(context));
        }
    }));
}
