//! Credits: how much may be between the intake and its commit, counted in records; a large
//! record counts more than once (see [`credits_of`](super::record::credits_of)).
//!
//! actix's `do_send` ignores a mailbox's limit, so whoever sends takes credit first and the
//! supervisor gives it back after the commit.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::telemetry::metrics::METRICS;

/// What is in flight in one shard, against `kafka.max_in_flight`.
pub struct Credits {
    limit: usize,
    in_flight: AtomicUsize,
    gate: Mutex<()>,
    returned: Condvar,
}

impl Credits {
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            in_flight: AtomicUsize::new(0),
            gate: Mutex::new(()),
            returned: Condvar::new(),
        }
    }

    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Credit for what may still be handed over.
    /// Records read and not committed, the large ones counting for more.
    pub fn taken(&self) -> usize {
        self.limit().saturating_sub(self.available())
    }

    pub fn available(&self) -> usize {
        self.limit.saturating_sub(self.in_flight.load(Ordering::Acquire))
    }

    /// Takes credit for records about to be handed over. The only taker is the intake's one
    /// thread, so what was [`available`](Self::available) still is.
    pub fn take(&self, num: usize) {
        let in_flight = self.in_flight.fetch_add(num, Ordering::AcqRel) + num;
        METRICS.intake.in_flight.set(i64::try_from(in_flight).unwrap_or(i64::MAX));
    }

    /// Gives credit back: committed, or in need of no commit.
    pub fn give_back(&self, num: usize) {
        if num == 0 {
            return;
        }
        let in_flight = self.in_flight.fetch_sub(num, Ordering::AcqRel) - num;
        METRICS.intake.in_flight.set(i64::try_from(in_flight).unwrap_or(i64::MAX));
        let _gate = self.gate.lock();
        self.returned.notify_one();
    }

    /// Blocks the intake's thread until some credit is back, for at most `patience`.
    pub fn wait(&self, patience: Duration) {
        let mut gate = self.gate.lock();
        if self.available() == 0 {
            self.returned.wait_for(&mut gate, patience);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_missing_until_it_is_given_back() {
        let credits = Credits::new(10);
        credits.take(7);
        assert_eq!(credits.available(), 3);
        credits.give_back(7);
        assert_eq!(credits.available(), 10);
    }
}
