//! How long this process may act for the shard without a word from the database.
//!
//! Past it another process may have taken over and publish what stands in the outbox: whatever
//! this one still held in memory would stand on the topic twice. The fence keeps a late
//! *commit* out; this keeps late *publishing* in. A process that is paused between the look
//! and the producer's send is beyond its reach: then the event's id tells the two apart.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::store::{self, Fence, Store};

/// The end of the lease as this process may count on it. By its own clock, which only has to
/// run as fast as the database's.
pub struct Hold {
    began: Instant,
    lease: Duration,
    /// Milliseconds since `began`.
    until: AtomicU64,
    is_over: AtomicBool,
}

impl Hold {
    /// A lease asked for at `asked`, which is before the database counted it from.
    pub fn new(lease: Duration, asked: Instant) -> Self {
        let hold = Self {
            began: asked,
            lease: lease * 3 / 4,
            until: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        };
        hold.renew(asked);
        hold
    }

    /// A commit or renewal that was begun at `asked` went through.
    pub fn renew(&self, asked: Instant) {
        let until = asked.duration_since(self.began) + self.lease;
        let until = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
        self.until.fetch_max(until, Ordering::AcqRel);
    }

    /// Renews the lease without a commit. False: another process has the shard.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn keep(&self, store: &Store, fence: &Fence) -> Result<bool, store::Error> {
        let asked = Instant::now();
        let kept = store.renew(fence, fence.lease).await;
        match &kept {
            Ok(true) => self.renew(asked),
            Ok(false) => self.end(),
            Err(_) => self.doubt(),
        }
        kept
    }

    /// The database did not answer: the session that holds the shard's lock may be gone, and then
    /// another process may have the shard at once.
    pub fn doubt(&self) {
        self.until.store(0, Ordering::Release);
    }

    /// The shard is another process's, or about to be given back.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// Whether nobody else can have the shard yet.
    pub fn is_sure(&self) -> bool {
        !self.is_over.load(Ordering::Acquire)
            && self.began.elapsed() < Duration::from_millis(self.until.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(4_000);

    #[test]
    fn a_lease_asked_for_long_ago_is_not_counted_on() {
        let now = Instant::now();
        assert!(Hold::new(LEASE, now).is_sure());
        let long_ago = now.checked_sub(LEASE * 3 / 4);
        assert!(long_ago.is_none_or(|at| !Hold::new(LEASE, at).is_sure()));
        assert!(!Hold::new(Duration::ZERO, now).is_sure());
    }

    #[test]
    fn an_answer_that_comes_late_counts_from_its_question_and_never_shortens() {
        let hold = Hold::new(LEASE, Instant::now());
        let first = hold.until.load(Ordering::Acquire);
        hold.renew(hold.began + Duration::from_secs(100));
        hold.renew(hold.began + Duration::from_secs(50));
        assert_eq!(hold.until.load(Ordering::Acquire), first + 100_000);
    }

    #[test]
    fn a_doubt_lasts_until_the_next_answer_and_an_end_for_good() {
        let hold = Hold::new(LEASE, Instant::now());
        hold.doubt();
        assert!(!hold.is_sure());
        hold.renew(Instant::now());
        assert!(hold.is_sure());
        hold.end();
        hold.renew(Instant::now());
        assert!(!hold.is_sure());
    }
}
