//! Whether a client has lost its cluster.
//!
//! librdkafka from 2.12 on (its issue 5301, open) never connects again once a broker has answered
//! that there are no brokers, as one does that its controller took for dead for a moment. A client
//! that has had no broker for long is therefore replaced, whatever the reason: while the cluster
//! is away that costs nothing.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::statistics::Statistics;

/// Without any broker for this long, a client may have lost its cluster for good.
const LOST_AFTER: Duration = Duration::from_secs(15);

/// Since when no broker is connected, as the client's statistics tell.
#[derive(Default)]
pub struct CutOff(Mutex<Option<Instant>>);

impl CutOff {
    pub fn note(&self, is_cut_off: bool) {
        let mut since = self.0.lock();
        *since = is_cut_off.then(|| since.unwrap_or_else(Instant::now));
    }

    pub fn is_on(&self) -> bool {
        self.0.lock().is_some()
    }

    pub fn is_lost(&self) -> bool {
        self.0.lock().is_some_and(|since| since.elapsed() >= LOST_AFTER)
    }

    /// A new client has as long as the old one to find a broker.
    pub fn begin_again(&self) {
        *self.0.lock() = Some(Instant::now());
    }
}

pub fn has_broker(statistics: &Statistics) -> bool {
    statistics.brokers.values().any(|broker| broker.state == "UP")
}
