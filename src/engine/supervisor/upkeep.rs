//! What has to be looked after now and then: the lease, idle actors, characters whose time to be
//! restored is over, and what is kept for a time only.

use std::time::{Duration, Instant};

use actix::{ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use chrono::{TimeDelta, Utc};

use super::gather::Draft;
use super::{BrokerSupervisor, Draining, Tend};
use crate::engine::committer::Renew;
use crate::engine::request::ANSWERS_KEPT;
use crate::store::Error;
use crate::telemetry::mailbox::{Envelope, Kind, MessageKind};
use crate::telemetry::metrics::METRICS;

/// Between two looks for characters to purge.
const PURGE_EVERY: Duration = Duration::from_secs(1);
/// Characters purged at a time; they enter a round together.
const MAX_PURGES: u64 = 256;
/// Between two deletions of what is too old.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// Rows deleted at a time, and how often one after the other: more than comes in until the
/// next look.
const MAX_PRUNED: u64 = 5_000;
const MAX_TURNS: usize = 1_000;

/// When what was looked after last.
#[derive(Default)]
pub struct Upkeep {
    purged: Option<Instant>,
    is_purging: bool,
    pruned: Option<Instant>,
}

impl BrokerSupervisor {
    pub(super) fn keep_up(&mut self, context: &mut Context<Self>) {
        let is_due = |last: Option<Instant>, every| last.is_none_or(|at| at.elapsed() >= every);
        if is_due(self.upkeep.purged, PURGE_EVERY)
            && !self.upkeep.is_purging
            && matches!(self.drain, Draining::No)
            && !self.queue.has_due()
        {
            self.purge(context);
        }
        if is_due(self.upkeep.pruned, PRUNE_EVERY) {
            self.prune();
        }
    }

    /// Has every character looked at whose time to be restored is over; its owner decides.
    fn purge(&mut self, context: &mut Context<Self>) {
        self.upkeep.purged = Some(Instant::now());
        self.upkeep.is_purging = true;
        let (store, shard) = (self.parts.store.clone(), self.parts.shard.clone());
        let due = self
            .parts
            .runtime
            .spawn(async move { store.purgeable(&shard, Utc::now(), MAX_PURGES).await });
        context.spawn(due.into_actor(self).map(|due, this, context| {
            this.upkeep.is_purging = false;
            match due {
                Ok(Ok(_)) if this.is_over() => {}
                Ok(Ok(keys)) => {
                    keys.into_iter().for_each(|key| this.push_due(key));
                    this.pump(context);
                }
                failed => tracing::warn!("no look at deleted characters: {failed:?}"),
            }
        }));
    }

    /// Deletes answers and events that are too old, beside the rounds: nobody waits for it.
    fn prune(&mut self) {
        self.upkeep.pruned = Some(Instant::now());
        let store = self.parts.store.clone();
        let retention = TimeDelta::from_std(self.parts.event_retention).unwrap_or(TimeDelta::MAX);
        self.parts.runtime.spawn(async move {
            let now = Utc::now();
            let answers = pruned(|| store.prune_answers(now - ANSWERS_KEPT, MAX_PRUNED)).await;
            let history = match now.checked_sub_signed(retention) {
                Some(before) => pruned(|| store.prune_history(before, MAX_PRUNED)).await,
                None => Ok(()),
            };
            for failed in [answers, history].into_iter().filter_map(Result::err) {
                tracing::warn!("what is too old was not deleted: {failed}");
            }
        });
    }
}

/// Deletes page by page until there is no full one.
async fn pruned<F>(mut prune: impl FnMut() -> F) -> Result<(), Error>
where
    F: Future<Output = Result<u64, Error>>,
{
    for _ in 0..MAX_TURNS {
        if prune().await? < MAX_PRUNED {
            break;
        }
    }
    Ok(())
}

impl Handler<Tend> for BrokerSupervisor {
    type Result = ();

    fn handle(&mut self, mut message: Tend, context: &mut Context<Self>) {
        let _handling = message.envelope.open(MessageKind::Tend);
        METRICS
            .actors
            .live
            .with_label_values(&[Kind::Character.name()])
            .set(i64::try_from(self.parts.registry.len()).unwrap_or(i64::MAX));
        // Who was here when a look-up began was not asked for: it must be here when that ends.
        if !self.is_resolving {
            self.retire_idle(context);
        }
        self.keep_up(context);
        let must_renew = self.last_commit_at.elapsed() >= message.renew_after;
        if self.is_quiet() && self.queue.is_empty() && (must_renew || self.queue.has_progress()) {
            self.dispatch(Draft::default(), Instant::now(), context);
        } else if must_renew && self.is_resolving && self.open.is_empty() {
            // A round now would commit the offsets of what is being looked up.
            let envelope = Envelope::seal(Kind::Committer);
            self.parts.committer.do_send(Renew { envelope });
        }
        // Takes in what lies in the inbox, also while a commit takes very long.
        self.pump(context);
    }
}
