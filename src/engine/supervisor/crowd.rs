//! Requests that come in a crowd.
//!
//! A round takes PostgreSQL and the threads between much the same for eight requests as for
//! twenty. So where requests come in numbers, those that could have a round beside an open one
//! wait until they are more, or until that one is committed: their commit would have waited for
//! its commit anyway. Beside a round of fewer nobody waits.

/// Requests in a round from which on they are a crowd.
const CROWD: usize = 8;
/// Requests that wait for no more.
const ENOUGH: usize = 32;

/// What is remembered of the last round.
#[derive(Default)]
pub struct Crowd {
    is_here: bool,
}

impl Crowd {
    pub fn gathered(&mut self, num_requests: usize) {
        self.is_here = num_requests >= CROWD;
    }

    /// How many more `num_waiting` requests, with nothing else beside them, wait for while a round
    /// is open.
    pub fn num_missing(&self, num_waiting: usize) -> usize {
        if self.is_here { ENOUGH.saturating_sub(num_waiting) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_crowd_waits_and_only_until_it_is_enough() {
        let mut crowd = Crowd::default();
        assert_eq!(crowd.num_missing(1), 0);
        crowd.gathered(CROWD - 1);
        assert_eq!(crowd.num_missing(1), 0);
        crowd.gathered(CROWD);
        assert_eq!(crowd.num_missing(1), ENOUGH - 1);
        assert_eq!(crowd.num_missing(ENOUGH - 1), 1);
        assert_eq!(crowd.num_missing(ENOUGH), 0);
        assert_eq!(crowd.num_missing(ENOUGH + 1), 0);
        crowd.gathered(1);
        assert_eq!(crowd.num_missing(1), 0);
    }
}
