//! The outboxes: publish what is committed, in order, and delete it once acknowledged.

pub mod feed;
pub mod kafka;
pub mod kind;
pub mod nats;
pub mod row;
pub mod status;

pub use feed::{Feed, HandOver, Line};
pub use kafka::KafkaOutbox;
pub use nats::NatsOutbox;
pub use row::Row;
