//! Kafka: the intake that reads what others say, and the topic pet status events go to.

mod board;
pub mod client;
pub mod consumer;
mod cut_off;
pub mod decode;
mod gathering;
pub mod intake;
mod partitions;
mod records;
pub mod redelivery;
pub mod status_topic;
mod tail;

pub use client::{Options, Topics, answered};
pub use records::KafkaRecords;
pub use status_topic::KafkaStatusTopic;
