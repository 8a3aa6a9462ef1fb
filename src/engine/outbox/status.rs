//! What an outbox shows of itself, readable from any thread.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use crate::telemetry::vitals::Mishap;

/// The state of one outbox; it outlives the actor.
#[derive(Default)]
pub struct Status {
    is_failing: AtomicBool,
    num_published: AtomicU64,
    num_failed: AtomicU64,
    oldest: Mutex<Option<DateTime<Utc>>>,
    last_error: Mutex<Option<Mishap>>,
}

impl Status {
    /// The oldest row not acknowledged was decided then.
    pub(super) fn begin(&self, oldest: DateTime<Utc>) {
        *self.oldest.lock() = Some(oldest);
    }

    /// Nothing is on its way.
    pub(super) fn end(&self) {
        *self.oldest.lock() = None;
    }

    pub(super) fn published(&self, num_events: u32) {
        self.num_published.fetch_add(u64::from(num_events), Ordering::Relaxed);
        self.recovered();
    }

    pub(super) fn failed(&self, error: String) {
        self.failed_beside(error);
        self.is_failing.store(true, Ordering::Release);
    }

    /// An attempt failed that nothing waits for.
    pub(super) fn failed_beside(&self, error: String) {
        *self.last_error.lock() = Some(Mishap { at: Utc::now(), message: error });
        self.num_failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn recovered(&self) {
        self.is_failing.store(false, Ordering::Release);
    }

    /// Whether the last attempt to publish failed.
    pub fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Acquire)
    }

    /// Events acknowledged since this process took the shard.
    pub fn num_published(&self) -> u64 {
        self.num_published.load(Ordering::Relaxed)
    }

    /// Age in seconds of the oldest event on its way; 0 if there is none.
    pub fn oldest_age(&self, now: DateTime<Utc>) -> f64 {
        self.oldest.lock().map_or(0.0, |at| (now - at).as_seconds_f64().max(0.0))
    }

    /// Attempts that failed since this process took the shard; each was or will be repeated.
    pub fn num_failed(&self) -> u64 {
        self.num_failed.load(Ordering::Relaxed)
    }

    pub fn last_error(&self) -> Option<Mishap> {
        self.last_error.lock().clone()
    }
}
