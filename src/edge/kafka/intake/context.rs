//! What librdkafka tells the intake beside its records.

use std::sync::Arc;

use rdkafka::client::ClientContext;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::statistics::Statistics;

use super::Context;
use crate::edge::kafka::cut_off::has_broker;
use crate::telemetry::metrics::METRICS;

/// What librdkafka's statistics call the state of a partition it has given up.
const FETCH_STOPPED: &str = "none";

impl ClientContext for Context {
    /// Lag is what stands on the topic beyond what is committed in SQL.
    fn stats(&self, statistics: Statistics) {
        self.shared.cut_off.note(!has_broker(&statistics));
        let mut stopped = Vec::new();
        self.shared.board.told(|source| {
            let topic = statistics.topics.get(&*source.topic)?;
            let partition = topic.partitions.get(&source.partition)?;
            if partition.fetch_state == FETCH_STOPPED {
                stopped.push(Arc::clone(source));
            }
            Some(partition.hi_offset)
        });
        *self.shared.stopped.lock() = stopped;
    }

    fn error(&self, error: KafkaError, reason: &str) {
        METRICS.intake.errors.inc();
        tracing::warn!("kafka: {error}: {reason}");
        *self.shared.last_error.lock() = Some(format!("{error}: {reason}"));
    }
}

impl ConsumerContext for Context {}
