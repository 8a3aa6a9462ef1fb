//! How the producer tells the outbox what became of a row.

use std::sync::atomic::{AtomicU32, Ordering};

use actix::{Message, Recipient};

use crate::telemetry::mailbox::{Envelope, Kind};

/// Counts a row's acknowledgements; the producer's callback holds one for each message.
pub struct Ticket {
    round: i64,
    generation: u64,
    num_open: AtomicU32,
    outbox: Recipient<RowDone>,
}

/// All messages of a row are acknowledged, or the producer failed one for good.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RowDone {
    pub(super) round: i64,
    pub(super) generation: u64,
    pub(super) error: Option<String>,
    pub(super) envelope: Envelope,
}

impl Ticket {
    /// For a row of so many messages, to be acknowledged once more when all were handed in.
    pub fn new(round: i64, generation: u64, num_messages: u32, outbox: Recipient<RowDone>) -> Self {
        Self { round, generation, num_open: AtomicU32::new(num_messages + 1), outbox }
    }

    pub fn acknowledge(&self) {
        if self.num_open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.report(None);
        }
    }

    pub fn fail(&self, error: String) {
        self.report(Some(error));
    }

    fn report(&self, error: Option<String>) {
        let envelope = Envelope::seal(Kind::KafkaOutbox);
        let Self { round, generation, .. } = *self;
        self.outbox.do_send(RowDone { round, generation, error, envelope });
    }
}

impl RowDone {
    /// Why it is not acknowledged, if it is not.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }
}
