//! Events that were set aside, published again because a person said so.

use std::sync::Arc;

use actix::{Context, Handler, Message};
use tokio::sync::oneshot;

use super::nats::{NatsOutbox, Publisher, SINK};
use crate::engine::port;
use crate::store::{Error, Parked, Sink};
use crate::telemetry::mailbox::{Envelope, MessageKind};
use crate::telemetry::metrics::METRICS;
use crate::wire::kafka::headers::{MAJOR_VERSION, MINOR_VERSION, REGION, TENANT_ID, TRACESTATE};
use crate::wire::nats::headers::{CHARACTER_SEQ, TRACEPARENT};

/// Parked events read at once.
const PAGE: u64 = 256;

/// Try the parked events once more, oldest first. Nothing overtakes by it: they were given
/// up long ago, and what came after them is published.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RetryParked {
    pub reply: oneshot::Sender<Retried>,
    pub envelope: Envelope,
}

/// How many there were.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Retried {
    pub num_published: u64,
    /// Refused again, or not tried because the broker or the database is away.
    pub num_parked: u64,
}

impl Handler<RetryParked> for NatsOutbox {
    type Result = ();

    fn handle(&mut self, mut message: RetryParked, _: &mut Context<Self>) {
        let _handling = message.envelope.open(MessageKind::RetryParked);
        let publisher = Arc::clone(&self.publisher);
        // Beside the rows: a row that waits for a broker must not keep a person waiting.
        self.runtime.spawn(async move {
            let retried = publisher.retry_parked().await;
            let _ = message.reply.send(retried);
        });
    }
}

impl Publisher {
    async fn retry_parked(&self) -> Retried {
        let mut retried = Retried::default();
        if let Err(error) = self.publish_parked(&mut retried).await {
            tracing::warn!("parked events were not all tried: {error}");
        }
        self.count_parked().await;
        retried.num_parked = self.store.num_parked(&self.shard, Sink::Nats).await.unwrap_or(0);
        retried
    }

    async fn publish_parked(&self, retried: &mut Retried) -> Result<(), Error> {
        let mut after = 0;
        loop {
            let page = self.store.parked(&self.shard, Sink::Nats, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            for parked in page {
                // Another process may have the shard, and publish them as well.
                if !self.hold.is_sure() {
                    return Ok(());
                }
                let id = parked.id;
                let message = message(parked);
                if let Err(error) = self.try_once(&message).await {
                    self.status.failed_beside(error.to_string());
                    if !error.is_attempt() {
                        return Ok(());
                    }
                    continue;
                }
                METRICS.outbox.published.with_label_values(&[SINK, &message.subject]).inc();
                self.status.published(1);
                self.store.unpark(&[id]).await?;
                retried.num_published += 1;
            }
        }
    }
}

fn message(parked: Parked) -> port::Message {
    let event = parked.event;
    let known =
        [TENANT_ID, REGION, MAJOR_VERSION, MINOR_VERSION, TRACEPARENT, TRACESTATE, CHARACTER_SEQ];
    let headers = event.headers.into_iter().filter_map(|(name, value)| {
        let name = known.into_iter().find(|known| **known == *name)?;
        Some((name, value))
    });
    port::Message {
        // What it was to be before it was given up: the dead letter's subject is ours.
        subject: event.subject,
        id: event.event_id,
        headers: headers.collect(),
        payload: event.payload.into(),
    }
}
