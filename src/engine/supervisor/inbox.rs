//! Requests on their way to the supervisor.
//!
//! A message for each of them would wake the supervisor's thread each time, for a request that
//! may only wait: with many of them the waking takes longer than all it has to do for them. So
//! they lie here, sealed and counted as if in its mailbox, and it says from how many on it wants
//! to be woken. It takes them whenever it looks for work.

use actix::{Addr, Context, Handler, Message};
use parking_lot::Mutex;

use super::{Ask, BrokerSupervisor};
use crate::telemetry::mailbox::{Handling, MessageKind};

/// Bounded by the requests' permits.
#[derive(Default)]
pub struct Inbox {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    asks: Vec<Ask>,
    /// How many wake the supervisor; one of them does in any case.
    wake_at: usize,
    /// It is on its way.
    is_woken: bool,
    /// The supervisor is gone.
    is_closed: bool,
}

/// There are requests. It is not counted: they are.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Wake;

impl Inbox {
    /// Leaves a request for the supervisor. One that nobody will take is dropped, which tells who
    /// asked.
    pub fn put(&self, ask: Ask, supervisor: &Addr<BrokerSupervisor>) {
        if self.wakes(ask) {
            supervisor.do_send(Wake);
        }
    }

    fn wakes(&self, ask: Ask) -> bool {
        let mut state = self.state.lock();
        if state.is_closed {
            return false;
        }
        state.asks.push(ask);
        let wakes = state.asks.len() >= state.wake_at && !state.is_woken;
        state.is_woken |= wakes;
        wakes
    }

    fn take(&self) -> Vec<Ask> {
        let mut state = self.state.lock();
        state.is_woken = false;
        std::mem::take(&mut state.asks)
    }

    /// Says how many requests are to wake the supervisor from now on. Not if there are so many
    /// already.
    fn rest(&self, wake_at: usize) -> bool {
        let mut state = self.state.lock();
        state.wake_at = wake_at;
        state.asks.len() < wake_at.max(1)
    }

    fn close(&self) {
        let mut state = self.state.lock();
        state.is_closed = true;
        // Dropping them wakes those who asked; not under the lock.
        let asks = std::mem::take(&mut state.asks);
        drop(state);
        drop(asks);
    }
}

impl BrokerSupervisor {
    /// Puts the requests that have come into the queue. Gives the handling of the last, if any has.
    pub(super) fn take_in(&mut self) -> Option<Handling> {
        let is_over = self.is_over();
        let mut handling = None;
        for mut ask in self.parts.inbox.take() {
            handling = Some(ask.envelope.open(MessageKind::Request));
            if !is_over {
                self.queue.push_request(ask);
            }
        }
        handling
    }

    /// Whether there is nothing to do until something comes.
    pub(super) fn rests(&self) -> bool {
        self.parts.inbox.rest(self.wake_at())
    }

    /// How many requests are to wake it: while something is under way, as many as a crowd lacks.
    /// Whatever ends what is under way takes them in too.
    fn wake_at(&self) -> usize {
        let is_busy = !self.is_over() && (!self.open.is_empty() || self.is_resolving);
        match self.queue.num_if_only_requests() {
            Some(num_waiting) if is_busy => self.crowd.num_missing(num_waiting).max(1),
            _ => 1,
        }
    }
}

impl Handler<Wake> for BrokerSupervisor {
    type Result = ();

    fn handle(&mut self, _: Wake, context: &mut Context<Self>) {
        // The time is that of the request that woke it.
        let _handling = self.take_in();
        self.pump(context);
    }
}

impl Drop for BrokerSupervisor {
    fn drop(&mut self) {
        self.parts.inbox.close();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use tokio::sync::{Semaphore, oneshot};

    use super::*;
    use crate::domain::PetId;
    use crate::domain::input::Request;
    use crate::engine::record::{Cause, Target};
    use crate::engine::request::Errand;
    use crate::engine::round::Answer;
    use crate::telemetry::mailbox::{Envelope, Kind};

    #[test]
    fn it_wakes_once_and_from_as_many_on_as_it_was_told() {
        let inbox = Inbox::default();
        assert!(inbox.wakes(ask().0), "nothing was said yet");
        assert!(!inbox.wakes(ask().0), "it is on its way");
        assert_eq!(inbox.take().len(), 2);
        assert!(inbox.rest(3));
        assert!(!inbox.wakes(ask().0));
        assert!(!inbox.wakes(ask().0));
        assert!(inbox.wakes(ask().0));
        assert_eq!(inbox.take().len(), 3);
    }

    #[test]
    fn who_wants_to_rest_is_told_of_those_that_came_meanwhile() {
        let inbox = Inbox::default();
        assert!(inbox.rest(2));
        assert!(!inbox.wakes(ask().0));
        assert!(inbox.rest(2), "one is not enough");
        assert!(!inbox.rest(1), "now it is");
        inbox.take();
        assert!(inbox.rest(0), "none is nothing to do");
    }

    #[test]
    fn whoever_asks_one_that_is_gone_hears_of_it() {
        let inbox = Inbox::default();
        let (before, mut answer_before) = ask();
        assert!(inbox.wakes(before));
        inbox.close();
        assert!(answer_before.try_recv().is_err_and(is_closed));
        let (after, mut answer_after) = ask();
        assert!(!inbox.wakes(after));
        assert!(answer_after.try_recv().is_err_and(is_closed));
    }

    fn ask() -> (Ask, oneshot::Receiver<Answer>) {
        let errand =
            Errand::new(Target::Nobody, Request::DeletePet { pet: PetId(1) }, Cause::none().into());
        let (reply, answer) = oneshot::channel();
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        (Ask { errand, reply, permit, envelope: Envelope::seal(Kind::Supervisor) }, answer)
    }

    fn is_closed(error: oneshot::error::TryRecvError) -> bool {
        error == oneshot::error::TryRecvError::Closed
    }
}
