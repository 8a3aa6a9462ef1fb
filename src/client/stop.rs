//! Ending a subscription.

use std::sync::Arc;

use tokio::sync::watch;

/// Ends every subscription it was given to. Clones are the same handle.
#[derive(Clone, Debug)]
pub struct Stop {
    is_stopped: Arc<watch::Sender<bool>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self { is_stopped: Arc::new(watch::Sender::new(false)) }
    }
}

impl Stop {
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing is asked for any more; handlers under way finish and their acknowledgements are
    /// awaited. [`Subscription::run`](super::Subscription::run) returns after that.
    pub fn stop(&self) {
        self.is_stopped.send_replace(true);
    }

    pub fn is_stopped(&self) -> bool {
        *self.is_stopped.borrow()
    }

    /// Returns once [`stop`](Self::stop) was called.
    pub async fn stopped(&self) {
        // An error means that the sender is gone, which `self` keeps alive.
        let _ = self.is_stopped.subscribe().wait_for(|is_stopped| *is_stopped).await;
    }
}
