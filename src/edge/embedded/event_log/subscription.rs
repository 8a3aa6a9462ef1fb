use std::sync::Arc;

use futures::Stream;
use tokio::sync::broadcast::{self, error::RecvError};

use super::Entry;
use crate::edge::embedded::subject::Filter;

/// What a subscriber gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    Entry(Arc<Entry>),
    /// So many messages are lost to this subscriber because it was too slow. They are counted
    /// before the filter: none of them need have matched.
    Lost(u64),
}

/// The live end of a log, from the moment of the subscription on.
pub struct Subscription {
    filter: Filter,
    live: broadcast::Receiver<Arc<Entry>>,
}

impl Subscription {
    pub(super) fn new(filter: Filter, live: broadcast::Receiver<Arc<Entry>>) -> Self {
        Self { filter, live }
    }

    /// The next message that matches; `None` once the log is gone. Safe to cancel.
    pub async fn next(&mut self) -> Option<Delivery> {
        loop {
            match self.live.recv().await {
                Ok(entry) if self.filter.matches(&entry.message.subject) => {
                    return Some(Delivery::Entry(entry));
                }
                Ok(_) => {}
                Err(RecvError::Lagged(num_lost)) => return Some(Delivery::Lost(num_lost)),
                Err(RecvError::Closed) => return None,
            }
        }
    }

    pub fn into_stream(self) -> impl Stream<Item = Delivery> + Send {
        futures::stream::unfold(self, |mut subscription| async {
            let delivery = subscription.next().await?;
            Some((delivery, subscription))
        })
    }
}
