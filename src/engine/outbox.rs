//! The outboxes: publish what is committed, in order, and delete it once acknowledged.

pub mod feed;
pub mod kafka;
pub mod kind;
pub mod nats;
pub mod row;
pub mod status;

use std::sync::Arc;

use tokio::runtime::Handle as Runtime;

use super::hold::Hold;
use crate::store::Store;

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
}
