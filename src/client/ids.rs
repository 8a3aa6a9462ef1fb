//! Which events were handled already.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use futures::future::{self, BoxFuture, FutureExt};
use uuid::Uuid;

/// What an [`EventIds`] may fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A memory of handled events.
///
/// JetStream delivers an event again when its acknowledgement was lost, and a producer that was
/// unsure may have stored it twice. The window in memory ([`Recent`]) covers both while the
/// process lives. An implementation over a database covers restarts too:
///
/// * `is_handled` is asked before the handler; when true the event is acknowledged and dropped.
/// * `record` is told after the handler succeeded and before the acknowledgement.
///
/// A crash between the handler and `record` still repeats the event. Only a handler that writes
/// the event's id in the same transaction as its effect is exact; it needs no [`EventIds`].
/// A failure of either call counts as a failure of the handler: the event comes again.
pub trait EventIds: Send + Sync {
    /// Whether the event was handled.
    fn is_handled(&self, id: Uuid) -> BoxFuture<'_, Result<bool, BoxError>>;

    /// Remembers an event as handled. Telling it twice is no error.
    fn record(&self, id: Uuid) -> BoxFuture<'_, Result<(), BoxError>>;
}

/// The last so many ids, in memory.
#[derive(Debug)]
pub struct Recent {
    capacity: usize,
    ids: Mutex<Ids>,
}

#[derive(Debug, Default)]
struct Ids {
    known: HashSet<Uuid>,
    /// The same ids, oldest first.
    order: VecDeque<Uuid>,
}

impl Recent {
    /// Remembers at most `capacity` ids, some 50 bytes each. With 0 nothing is remembered.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, ids: Mutex::default() }
    }

    /// Whether the id is remembered.
    pub fn contains(&self, id: Uuid) -> bool {
        self.lock().known.contains(&id)
    }

    /// Remembers an id, and forgets the oldest one if there are too many.
    pub fn insert(&self, id: Uuid) {
        let mut ids = self.lock();
        if !ids.known.insert(id) {
            return;
        }
        ids.order.push_back(id);
        if ids.order.len() > self.capacity
            && let Some(oldest) = ids.order.pop_front()
        {
            ids.known.remove(&oldest);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Ids> {
        // Nothing panics while it is held.
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventIds for Recent {
    fn is_handled(&self, id: Uuid) -> BoxFuture<'_, Result<bool, BoxError>> {
        future::ready(Ok(self.contains(id))).boxed()
    }

    fn record(&self, id: Uuid) -> BoxFuture<'_, Result<(), BoxError>> {
        self.insert(id);
        future::ready(Ok(())).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn the_oldest_id_makes_room() {
        let recent = Recent::new(2);
        for number in [1, 2, 2, 3] {
            recent.insert(id(number));
        }
        assert_eq!([1, 2, 3].map(|number| recent.contains(id(number))), [false, true, true]);
    }

    #[test]
    fn without_capacity_nothing_is_remembered() {
        let recent = Recent::new(0);
        recent.insert(id(1));
        assert!(!recent.contains(id(1)));
    }
}
