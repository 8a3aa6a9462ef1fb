//! The outboxes: publish what is committed, in order, and delete it once acknowledged.

mod acknowledged;
pub mod feed;
pub mod kafka;
pub mod kind;
pub mod nats;
pub mod parked;
pub mod row;
pub mod status;

use std::sync::Arc;

use tokio::runtime::Handle as Runtime;

use super::hold::Hold;
use crate::store::{Pending, Store};
use crate::telemetry::metrics::METRICS;
use crate::telemetry::trace::Tracer;

pub use feed::{Feed, HandOver, Line};
pub use kafka::KafkaOutbox;
pub use nats::NatsOutbox;
pub use row::Row;

/// What either outbox is built from, besides its broker.
pub struct Parts {
    pub store: Store,
    pub runtime: Runtime,
    pub shard: Arc<str>,
    pub hold: Arc<Hold>,
    pub load: Arc<feed::Load>,
    pub status: Arc<status::Status>,
    pub tracer: Tracer,
}

/// Decodes stored rows, up to the first that cannot be read: what stands behind it must not
/// overtake it, and to skip it would lose its events. It waits for somebody to look at it.
fn readable(page: Vec<Pending>) -> (Vec<Row>, Option<String>) {
    let mut rows = Vec::with_capacity(page.len());
    for stored in page {
        match Row::read(stored.round, stored.num_events, stored.decided_at, &stored.body) {
            Ok(row) => rows.push(row),
            Err(error) => {
                let error = format!("the row of round {} waits: {error}", stored.round);
                tracing::error!("{error}");
                return (rows, Some(error));
            }
        }
    }
    (rows, None)
}

/// Enters the latency of each event of a row, all of which were decided at once.
fn observe_latency(sink: &str, seconds: f64, num_events: u32) {
    let latency = METRICS.outbox.latency_seconds.with_label_values(&[sink]).local();
    for _ in 0..num_events {
        latency.observe(seconds);
    }
    latency.flush();
}
