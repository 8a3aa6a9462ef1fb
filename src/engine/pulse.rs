//! Whether the shard's threads turn and its actors live.
//!
//! An actor whose handler panics is gone without a word. For a character that is mended by
//! the supervisor; for one of the few actors that everything passes through it is not:
//! whoever finds one missing ends the process, and the next one restores from SQL.

use std::time::Duration;

use actix::{Actor, Addr, ArbiterHandle};
use tokio::sync::oneshot;

use crate::telemetry::mailbox::Kind;

/// The engine's threads and the actors it cannot do without.
#[derive(Default)]
pub struct Pulse {
    arbiters: Vec<ArbiterHandle>,
    actors: Vec<(Kind, Box<dyn Fn() -> bool + Send + Sync>)>,
}

impl Pulse {
    pub fn add_arbiter(&mut self, arbiter: ArbiterHandle) {
        self.arbiters.push(arbiter);
    }

    pub fn add_actor<A>(&mut self, kind: Kind, addr: Addr<A>)
    where
        A: Actor<Context = actix::Context<A>> + Send,
    {
        self.actors.push((kind, Box::new(move || addr.connected())));
    }

    /// Each actor, and whether it lives.
    pub fn actors(&self) -> impl Iterator<Item = (Kind, bool)> {
        self.actors.iter().map(|(kind, is_alive)| (*kind, is_alive()))
    }

    /// An actor that is gone, if there is one.
    pub fn missing(&self) -> Option<Kind> {
        self.actors.iter().find(|(_, is_alive)| !is_alive()).map(|(kind, _)| *kind)
    }

    /// Whether every arbiter takes up a task within `patience`.
    pub async fn is_beating(&self, patience: Duration) -> bool {
        let pings: Vec<_> = self
            .arbiters
            .iter()
            .map(|arbiter| {
                let (done, pong) = oneshot::channel::<()>();
                let is_running = arbiter.spawn_fn(move || {
                    let _ = done.send(());
                });
                async move { is_running && pong.await.is_ok() }
            })
            .collect();
        let all = futures::future::join_all(pings);
        tokio::time::timeout(patience, all).await.is_ok_and(|pongs| pongs.into_iter().all(|is| is))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::mpsc;

    use std::time::Instant;

    use actix::{Arbiter, Context, Handler, Message};

    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    struct Frail;

    #[derive(Message)]
    #[rtype(result = "()")]
    struct Fail;

    impl Actor for Frail {
        type Context = Context<Self>;
    }

    impl Handler<Fail> for Frail {
        type Result = ();

        fn handle(&mut self, _: Fail, _: &mut Context<Self>) {
            panic!("on purpose");
        }
    }

    #[actix::test]
    async fn an_actor_that_panicked_is_missing() {
        let arbiter = Arbiter::new();
        let addr = Frail::start_in_arbiter(&arbiter.handle(), |_| Frail);
        let mut pulse = Pulse::default();
        pulse.add_actor(Kind::Committer, addr.clone());
        assert_eq!(pulse.missing(), None);
        assert!(addr.send(Fail).await.is_err());
        // The answer is lost before the mailbox is gone.
        let deadline = Instant::now() + SOON;
        while pulse.missing() != Some(Kind::Committer) {
            assert!(Instant::now() < deadline, "nobody is missed");
            tokio::task::yield_now().await;
        }
        arbiter.stop();
    }

    #[actix::test]
    async fn a_thread_that_is_stuck_does_not_beat() {
        let arbiter = Arbiter::new();
        let mut pulse = Pulse::default();
        pulse.add_arbiter(arbiter.handle());
        assert!(pulse.is_beating(SOON).await);
        let (release, stuck) = mpsc::channel::<()>();
        arbiter.spawn_fn(move || {
            let _ = stuck.recv();
        });
        assert!(!pulse.is_beating(Duration::from_millis(50)).await);
        release.send(()).unwrap();
        assert!(pulse.is_beating(SOON).await);
        arbiter.stop();
    }

    #[actix::test]
    async fn a_thread_that_ended_does_not_beat() {
        let arbiter = Arbiter::new();
        let mut pulse = Pulse::default();
        pulse.add_arbiter(arbiter.handle());
        arbiter.stop();
        arbiter.join().unwrap();
        assert!(!pulse.is_beating(SOON).await);
    }
}
