//! What was committed, for whoever looks on. Costs nothing while nobody does.

use tokio::sync::broadcast;

use super::outbox::row::Row;
use crate::store::Sink;

/// Rows that a looker-on may be behind; beyond it the oldest are missed.
const MAX_BEHIND: usize = 256;

/// Where committed rows are shown, before they are published.
#[derive(Clone, Debug)]
pub struct Watch(broadcast::Sender<(Sink, Row)>);

impl Default for Watch {
    fn default() -> Self {
        Self(broadcast::Sender::new(MAX_BEHIND))
    }
}

impl Watch {
    pub(super) fn show(&self, sink: Sink, row: &Row) {
        if self.0.receiver_count() > 0 {
            // The last one may have left meanwhile.
            let _ = self.0.send((sink, row.clone()));
        }
    }

    /// From now on.
    pub fn look(&self) -> broadcast::Receiver<(Sink, Row)> {
        self.0.subscribe()
    }
}
