//! Who waits for which acknowledgement.
//!
//! The client's own JetStream publish remembers every request until its reply comes: one whose
//! reply never comes is never forgotten, and its bound on acks under way queues publishes a
//! second time, so that two tasks may pass each other. Here a waiter forgets itself when dropped,
//! and a publish queues once.

use std::sync::Arc;

use async_nats::{Client, Message, Subscriber};
use futures::StreamExt;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

#[derive(Default)]
pub(super) struct Acks {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    next_token: u64,
    /// One for each live [`Waiter`] that has no reply yet.
    senders: FxHashMap<u64, oneshot::Sender<Message>>,
}

impl Acks {
    fn register(self: &Arc<Self>) -> Waiter {
        let (sender, reply) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        let token = waiting.next_token;
        waiting.next_token += 1;
        waiting.senders.insert(token, sender);
        Waiter { token, reply, acks: self.clone() }
    }

    fn settle(&self, token: u64, reply: Message) {
        let sender = self.waiting.lock().senders.remove(&token);
        if let Some(sender) = sender {
            // An error says that the waiter is just being dropped.
            let _ = sender.send(reply);
        }
    }

    /// Tells everybody who waits that no reply is to be expected.
    pub(super) fn abandon(&self) {
        let senders = std::mem::take(&mut self.waiting.lock().senders);
        drop(senders);
    }

    #[cfg(test)]
    fn num_waiting(&self) -> usize {
        self.waiting.lock().senders.len()
    }
}

/// A place in the queue for one reply. Dropping it gives the place up.
pub(super) struct Waiter {
    token: u64,
    reply: oneshot::Receiver<Message>,
    acks: Arc<Acks>,
}

impl Waiter {
    /// The reply; `None` when the connection was lost.
    pub(super) async fn reply(&mut self) -> Option<Message> {
        (&mut self.reply).await.ok()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.acks.waiting.lock().senders.remove(&self.token);
    }
}

/// The subject below which replies arrive, and the task that hands them out.
pub(super) struct Inbox {
    prefix: String,
    acks: Arc<Acks>,
    reader: JoinHandle<()>,
}

impl Inbox {
    pub(super) async fn open(
        client: &Client,
        acks: Arc<Acks>,
    ) -> Result<Self, async_nats::SubscribeError> {
        let prefix = format!("{}.", client.new_inbox());
        let replies = client.subscribe(format!("{prefix}*")).await?;
        let reader = tokio::spawn(read(replies, prefix.len(), acks.clone()));
        Ok(Self { prefix, acks, reader })
    }

    /// A waiter and the reply subject it waits on.
    pub(super) fn register(&self) -> (Waiter, String) {
        let waiter = self.acks.register();
        let subject = format!("{}{}", self.prefix, waiter.token);
        (waiter, subject)
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        // The reader's subscription holds the client alive.
        self.reader.abort();
    }
}

async fn read(mut replies: Subscriber, prefix_len: usize, acks: Arc<Acks>) {
    while let Some(reply) = replies.next().await {
        let token = reply.subject.get(prefix_len..).and_then(|token| token.parse().ok());
        if let Some(token) = token {
            acks.settle(token, reply);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiter_that_gives_up_leaves_nothing_behind() {
        let acks = Arc::new(Acks::default());
        let (first, second) = (acks.register(), acks.register());
        assert_eq!(acks.num_waiting(), 2);
        drop(first);
        assert_eq!(acks.num_waiting(), 1);
        drop(second);
        assert_eq!(acks.num_waiting(), 0);
    }

    #[tokio::test]
    async fn everybody_is_told_when_the_connection_is_lost() {
        let acks = Arc::new(Acks::default());
        let (mut first, mut second) = (acks.register(), acks.register());
        acks.abandon();
        assert!(first.reply().await.is_none());
        assert!(second.reply().await.is_none());
    }
}
