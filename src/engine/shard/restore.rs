//! Bringing everybody who was online back into memory, and keeping the shard meanwhile.

use std::pin::pin;
use std::sync::Arc;

use actix::Addr;
use futures::{TryStreamExt as _, stream};
use tokio::runtime::Handle as Runtime;

use super::StartError;
use crate::engine::hold::Hold;
use crate::engine::supervisor::BrokerSupervisor;
use crate::engine::supervisor::activation::Restore;
use crate::engine::supervisor::facts::Questions;
use crate::engine::supervisor::lookup::{insist, look_up};
use crate::store::{self, Fence, Sink, Source, Store};
use crate::telemetry::mailbox::{Envelope, Kind};
use crate::telemetry::metrics::METRICS;

/// Characters read with one query.
pub(super) const RESTORE_PAGE: u64 = 2_048;
/// Pages read while another one's actors are started: the database then need not wait for
/// rows to be decoded, nor they for it.
const PAGES_AT_ONCE: usize = 2;

/// What the process before has left: how much is to be published, for the metrics, and where
/// reading goes on.
pub(super) async fn left(
    store: &Store,
    runtime: &Runtime,
    shard: &Arc<str>,
) -> Result<Vec<Source>, StartError> {
    for sink in [Sink::Kafka, Sink::Nats] {
        let shard = Arc::clone(shard);
        let backlog = on(runtime, store.clone(), move |store| async move {
            insist(|| store.backlog(&shard, sink)).await
        });
        let pending = i64::try_from(backlog.await?.num_events).unwrap_or(i64::MAX);
        METRICS.outbox.pending.with_label_values(&[sink.name()]).set(pending);
    }
    let shard = Arc::clone(shard);
    on(runtime, store.clone(), move |store| async move { insist(|| store.sources(&shard)).await })
        .await
}

/// Renews the lease for as long as something takes: nothing is committed meanwhile, and however
/// many are restored, nobody else is to begin with it.
pub(super) async fn holding<T>(
    store: &Store,
    runtime: &Runtime,
    fence: &Fence,
    hold: &Arc<Hold>,
    what: impl Future<Output = Result<T, StartError>>,
) -> Result<T, StartError> {
    let mut what = pin!(what);
    loop {
        if let Ok(done) = tokio::time::timeout(fence.lease / 3, &mut what).await {
            return done;
        }
        let (fence, hold) = (fence.clone(), Arc::clone(hold));
        let kept =
            on(runtime, store.clone(), move |store| async move { hold.keep(&store, &fence).await });
        match kept.await {
            Ok(true) => {}
            Ok(false) => return Err(StartError::Fenced),
            Err(error) => tracing::warn!("the lease is not renewed: {error}"),
        }
    }
}

/// Starts the actors of all characters that were online, page by page, while the next pages are
/// read. One that cannot be read is named in the log and left out: the others do not wait for it.
pub(super) async fn restore(
    store: &Store,
    runtime: &Runtime,
    shard: &Arc<str>,
    supervisor: &Addr<BrokerSupervisor>,
) -> Result<usize, StartError> {
    let keys = stream::try_unfold(None, |after| async move {
        let shard = Arc::clone(shard);
        let keys = on(runtime, store.clone(), move |store| async move {
            insist(|| store.online(&shard, after, RESTORE_PAGE)).await
        })
        .await?;
        Ok::<_, StartError>(keys.last().copied().map(|last| (keys, Some(last))))
    });
    let read = keys.map_ok(|keys| {
        on(runtime, store.clone(), move |store| async move {
            Ok(look_up(store, Vec::new(), Questions::default(), keys, |_| false).await)
        })
    });
    // In no order: who was online does not depend on who else was.
    let mut pages = pin!(read.try_buffer_unordered(PAGES_AT_ONCE));
    let mut num_restored = 0;
    while let Some(found) = pages.try_next().await? {
        num_restored += found.stored.len();
        let envelope = Envelope::seal(Kind::Supervisor);
        let restore = Restore { stored: found.stored, envelope };
        supervisor.send(restore).await.map_err(|_| StartError::Gone)?;
    }
    Ok(num_restored)
}

/// Runs a database future where its connections live.
pub(super) async fn on<T, F>(
    runtime: &Runtime,
    store: Store,
    action: impl FnOnce(Store) -> F,
) -> Result<T, StartError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, store::Error>> + Send + 'static,
{
    Ok(runtime.spawn(action(store)).await.map_err(|_| StartError::Gone)??)
}
