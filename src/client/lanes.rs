//! One event of a character after the other.

use std::collections::HashMap;

use tokio::sync::oneshot;
use uuid::Uuid;

/// The last event of each character that has one under way.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    next_ticket: u64,
    tails: HashMap<Uuid, Tail>,
}

#[derive(Debug)]
struct Tail {
    ticket: u64,
    /// Answered, or dropped, when that event is through.
    done: oneshot::Receiver<()>,
}

/// A place in a character's lane. Dropping it lets the next one through.
#[derive(Debug)]
pub(super) struct Place {
    ticket: u64,
    before: Option<oneshot::Receiver<()>>,
    _done: oneshot::Sender<()>,
}

impl Lanes {
    /// The next place in a character's lane, in the order of these calls.
    pub(super) fn queue(&mut self, character: Uuid) -> Place {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let (sender, done) = oneshot::channel();
        let before = self.tails.insert(character, Tail { ticket, done }).map(|tail| tail.done);
        Place { ticket, before, _done: sender }
    }

    /// Gives a place up.
    pub(super) fn leave(&mut self, character: Uuid, place: Place) {
        if self.tails.get(&character).is_some_and(|tail| tail.ticket == place.ticket) {
            self.tails.remove(&character);
        }
    }
}

impl Place {
    /// Returns when every earlier place of the lane was given up.
    pub(super) async fn turn(&mut self) {
        if let Some(before) = self.before.take() {
            let _ = before.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn a_place_waits_for_the_one_before_it_in_its_own_lane() {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut lanes = Lanes::default();
        let mut first = lanes.queue(one);
        let mut second = lanes.queue(one);
        let mut elsewhere = lanes.queue(other);
        assert!(first.turn().now_or_never().is_some());
        assert!(elsewhere.turn().now_or_never().is_some());
        let mut turn = Box::pin(second.turn());
        assert!((&mut turn).now_or_never().is_none());
        lanes.leave(one, first);
        assert!(turn.as_mut().now_or_never().is_some());
        drop(turn);
        lanes.leave(one, second);
        lanes.leave(other, elsewhere);
        assert!(lanes.tails.is_empty(), "nothing is left behind");
    }
}
