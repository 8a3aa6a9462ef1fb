//! What a subscription knows while it runs.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::client::lanes::Lanes;

/// What a subscription did, in numbers of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Handled and acknowledged.
    pub num_handled: u64,
    /// Acknowledged without the handler, as their id was known.
    pub num_repeated: u64,
    /// Acknowledged without the handler, as they are another user's, character's or tenant's.
    pub num_filtered: u64,
    /// Failures of the handler; one event may have several.
    pub num_failed: u64,
    /// Given up.
    pub num_abandoned: u64,
    /// Acknowledgements that the server did not confirm, among the handled, repeated and given
    /// up ones. Those events may come again.
    pub num_unconfirmed: u64,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) summary: Summary,
    pub(super) lanes: Lanes,
    /// Events with a handler under way.
    pub(super) busy: HashSet<Uuid>,
}

/// How far a subscription is, by stream sequences: where a consumer has to be created again.
#[derive(Default)]
pub(in crate::client) struct Progress {
    sequences: Mutex<Sequences>,
}

#[derive(Default)]
struct Sequences {
    highest: Option<u64>,
    /// Delivered, and neither handled nor given up.
    open: BTreeSet<u64>,
}

impl Progress {
    pub(super) fn pulled(&self, sequence: u64) {
        let mut sequences = self.lock();
        sequences.highest = sequences.highest.max(Some(sequence));
        sequences.open.insert(sequence);
    }

    pub(super) fn done(&self, sequence: u64) {
        self.lock().open.remove(&sequence);
    }

    /// The highest sequence up to which nothing is open. `None`: nothing was delivered yet.
    pub(in crate::client) fn handled(&self) -> Option<u64> {
        let sequences = self.lock();
        sequences.open.first().map(|first| first.saturating_sub(1)).or(sequences.highest)
    }

    fn lock(&self) -> MutexGuard<'_, Sequences> {
        // Nothing panics while it is held.
        self.sequences.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_stops_before_the_first_open_event() {
        let progress = Progress::default();
        assert_eq!(progress.handled(), None);
        for sequence in [5, 6, 9] {
            progress.pulled(sequence);
        }
        progress.done(6);
        assert_eq!(progress.handled(), Some(4));
        progress.done(5);
        assert_eq!(progress.handled(), Some(8));
        progress.done(9);
        progress.pulled(6);
        assert_eq!(progress.handled(), Some(5), "an earlier one came again");
        progress.done(6);
        assert_eq!(progress.handled(), Some(9));
    }
}
