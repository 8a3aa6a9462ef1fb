//! Asking the server for events, for exactly as many as can be taken.
//!
//! Nothing is fetched ahead: what this process holds it works on, so a stop leaves nothing
//! behind that others would have to wait for.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull::Batch;
use futures::{Stream, StreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::consumer::Consumers;
use super::error::Error;
use super::run::Progress;

/// The server forgets a request after this time, so that those of dead processes end.
const EXPIRES: Duration = Duration::from_secs(10);

/// A connection that was lost took the requests along; it is looked at this often.
const LOOK: Duration = Duration::from_millis(250);

/// Wait before the server is asked again after it failed.
const PAUSE: Duration = Duration::from_millis(250);

/// A message, and the room it takes until it is dealt with.
pub(super) type Held = (Message, OwnedSemaphorePermit);

pub(super) struct Puller<'a> {
    consumers: &'a mut Consumers,
    progress: &'a Progress,
    room: Arc<Semaphore>,
    batch: Option<Open>,
}

/// A request under way.
struct Open {
    messages: Batch,
    /// As many as were asked for and not delivered yet.
    permits: OwnedSemaphorePermit,
    /// Connections made before it.
    num_connects: u64,
}

impl<'a> Puller<'a> {
    pub(super) fn new(
        consumers: &'a mut Consumers,
        progress: &'a Progress,
        max_held: usize,
    ) -> Self {
        let room = Arc::new(Semaphore::new(max_held.min(Semaphore::MAX_PERMITS)));
        Self { consumers, progress, room, batch: None }
    }

    /// The events, without end. After an error it is over.
    pub(super) fn messages(self) -> impl Stream<Item = Result<Held, Error>> {
        stream::try_unfold(self, |mut puller| async move {
            puller.next().await.map(|held| Some((held, puller)))
        })
    }

    async fn next(&mut self) -> Result<Held, Error> {
        loop {
            let Some(mut open) = self.batch.take() else {
                self.batch = self.open().await?;
                continue;
            };
            match self.receive(&mut open).await {
                Some(Ok(message)) => {
                    let permit = open.permits.split(1);
                    self.batch = Some(open);
                    // More than was asked for never comes; then there would be no room.
                    if let Some(permit) = permit {
                        return Ok((message, permit));
                    }
                }
                None => {}
                Some(Err(error)) => {
                    tracing::debug!(%error, "the server ended the request");
                    drop(open);
                    self.recover().await?;
                }
            }
        }
    }

    /// `None`: to be tried again.
    async fn open(&mut self) -> Result<Option<Open>, Error> {
        let closed = |_| Error::Closed;
        let mut permits = self.room.clone().acquire_owned().await.map_err(closed)?;
        while let Ok(another) = self.room.clone().try_acquire_owned() {
            permits.merge(another);
        }
        let num_connects = num_connects(&self.consumers.client);
        let consumer = &self.consumers.current;
        let request = consumer.batch().max_messages(permits.num_permits()).expires(EXPIRES);
        match request.messages().await {
            Ok(messages) => Ok(Some(Open { messages, permits, num_connects })),
            Err(error) => {
                tracing::debug!(%error, "the request could not be sent");
                self.recover().await?;
                Ok(None)
            }
        }
    }

    /// `None`: the request was answered in full, expired, or was lost with its connection.
    async fn receive(&self, open: &mut Open) -> Option<Result<Message, async_nats::Error>> {
        tokio::select! {
            biased;
            next = open.messages.next() => next,
            () = reconnected(&self.consumers.client, open.num_connects) => None,
        }
    }

    /// Waits until the consumer is there.
    async fn recover(&mut self) -> Result<(), Error> {
        loop {
            tokio::time::sleep(PAUSE).await;
            // A client that was closed says so only when it is used; one that is not connected
            // does not answer.
            let flush = self.consumers.client.flush();
            if let Ok(Err(_)) = tokio::time::timeout(PAUSE, flush).await {
                return Err(Error::Closed);
            }
            match self.consumers.restore(self.progress.handled()).await {
                Ok(()) => return Ok(()),
                Err(error @ Error::StreamMissing { .. }) => return Err(error),
                Err(error) if error.is_retryable() => {
                    tracing::warn!(%error, "waiting for jetstream");
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Connections made so far.
pub(super) fn num_connects(client: &async_nats::Client) -> u64 {
    client.statistics().connects.load(Ordering::Relaxed)
}

/// Returns once another connection was made than the first `num_before`.
pub(super) async fn reconnected(client: &async_nats::Client, num_before: u64) {
    while num_connects(client) == num_before {
        tokio::time::sleep(LOOK).await;
    }
}
