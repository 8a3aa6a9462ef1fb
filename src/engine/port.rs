//! What the engine asks of the outside. The adapters are in [`crate::edge`].

use std::sync::Arc;

use actix::Recipient;
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use rustc_hash::FxHashSet;
use uuid::Uuid;

use super::committer::CommittedOffsets;
use super::credits::Credits;
use super::outbox::kafka::Ticket;
use super::outbox::row::Entry;
use super::record::{Batch, Partition};
use super::supervisor::Deliver;
use super::tenants::Tenants;
use crate::store::Source;
use crate::telemetry::mailbox::{Envelope, Kind};
use crate::telemetry::metrics::METRICS;
use crate::telemetry::trace::Tracer;

/// One message for the character event log, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub subject: String,
    /// What a log recognises a duplicate by; `Nats-Msg-Id` on the wire.
    pub id: Uuid,
    /// Without `Nats-Msg-Id`, which the adapter adds from `id`.
    pub headers: Vec<(&'static str, String)>,
    pub payload: Bytes,
}

/// The log has the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The log had a message with this id already and kept that one.
    pub duplicate: bool,
    /// Position in the log, from 1; of a duplicate that of the message that was kept, where the
    /// log tells it.
    pub sequence: u64,
}

/// Why a message has no acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// There is no working connection. Says nothing about the message: it may be stored, may be
    /// stored later by what the connection still held, or never. Wait for
    /// [`EventLog::connected`] and send it again, under the same id.
    #[error("event log is not connected: {0}")]
    Disconnected(String),
    /// The log said no. The message is not stored.
    #[error("event log refused the message: {0}")]
    Refused(String),
    /// The log is alive and said nothing in time. The message may be stored.
    #[error("event log did not acknowledge the message in time")]
    AckTimeout,
}

impl PublishError {
    /// The `error_type` label.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Disconnected(_) => "disconnected",
            Self::Refused(_) => "refused",
            Self::AckTimeout => "ack_timeout",
        }
    }

    /// Whether this counts against the message (`spec/rules.md`, section 3: three attempts, then
    /// the dead letter subject). A lost connection does not.
    pub fn is_attempt(&self) -> bool {
        match self {
            Self::Disconnected(_) => false,
            Self::Refused(_) | Self::AckTimeout => true,
        }
    }
}

/// Where character events go.
///
/// **Order.** Messages are sent in the order in which the futures of [`publish`](Self::publish)
/// are first polled, and as long as the connection holds and nothing is refused, they are stored
/// in that order. A message that failed and is sent again comes after everything that was under
/// way beside it. So whoever owes a reader an order keeps at most one message of that sequence
/// (of one character, say) under way at a time, and pipelines across sequences.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Publishes and waits for the acknowledgement. A duplicate counts as a success.
    ///
    /// Dropping the future gives up the wait, not the message: it may be stored all the same.
    ///
    /// # Errors
    /// See [`PublishError`]; which of them counts as an attempt says
    /// [`PublishError::is_attempt`].
    async fn publish(&self, message: &Message) -> Result<Ack, PublishError>;

    /// Whether a publish would be tried now. True does not mean that it would succeed.
    fn is_connected(&self) -> bool;

    /// Resolves once [`is_connected`](Self::is_connected); never, after the log was closed.
    async fn connected(&self);
}

/// Where pet status events go: a topic of a Kafka cluster.
pub trait StatusTopic: Send + Sync + 'static {
    /// As the cluster has it.
    fn name(&self) -> &str;

    /// Gives one message to the producer, which keeps the order of these calls. The ticket
    /// hears of its acknowledgement or its failure. `at` becomes the record's timestamp.
    ///
    /// # Errors
    /// When the producer did not take it; the ticket then hears nothing.
    fn send(
        &self,
        entry: &Entry<'_>,
        at: DateTime<Utc>,
        ticket: &Arc<Ticket>,
    ) -> Result<(), TopicError>;

    /// Lets go what was sent. Without it the last messages go a moment later. Blocks for less
    /// than a millisecond.
    fn release(&self);

    /// Messages have waited for a broker for so long that this producer may never find one.
    fn is_lost(&self) -> bool {
        false
    }

    /// Gives up a failed producer with all it holds, and begins with a new one. Blocks.
    ///
    /// # Errors
    /// When no new one can be made.
    fn replace(&self) -> Result<(), TopicError>;

    /// The ids on the topic that belong to rows with these bases, looked for from `since`
    /// to the topic's present end. Blocks.
    ///
    /// # Errors
    /// When the topic cannot be read.
    fn standing(
        &self,
        since: DateTime<Utc>,
        bases: &FxHashSet<Uuid>,
    ) -> Result<FxHashSet<Uuid>, TopicError>;
}

/// Why the status topic does not take or show its records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// The producer gave a message up, or would not take it.
    #[error("the producer failed: {0}")]
    Rejected(String),
    /// The cluster does not answer.
    #[error("the topic cannot be read: {0}")]
    Unavailable(String),
}

impl TopicError {
    /// The `error_type` label.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Rejected(_) => "rejected",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

/// Where records come from: the consumed topics of a Kafka cluster.
pub trait Records: Send + Sync + 'static {
    /// Begins to read, from the offsets in SQL.
    ///
    /// # Errors
    /// When the client cannot be made. A cluster that is away is no error: reading begins
    /// when it is back.
    fn read(&self, delivery: Delivery) -> Result<Box<dyn Reading>, TopicError>;
}

/// What a reader of records needs of the engine.
pub struct Delivery {
    /// The next offset of every partition SQL knows.
    pub stored: Vec<Source>,
    pub supervisor: Recipient<Deliver>,
    pub credits: Arc<Credits>,
    pub offsets: Arc<CommittedOffsets>,
    pub tenants: Arc<Tenants>,
    /// Says which records are traced.
    pub tracer: Tracer,
}

impl Delivery {
    /// Gives the supervisor a batch, which takes its credit.
    pub fn hand_over(&self, batch: Batch) {
        self.credits.take(batch.credits);
        let envelope = Envelope::seal(Kind::Supervisor);
        self.supervisor.do_send(Deliver { batch, envelope });
    }
}

/// One partition as the intake sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionState {
    pub source: Arc<Partition>,
    /// The first offset that was not read yet.
    pub position: i64,
    /// The first offset that is not committed in SQL; up to a second old.
    pub next_offset: i64,
    /// Where the partition ended when the broker last told; up to a second old.
    pub end: Option<i64>,
}

/// Why nothing is read at the moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pause {
    /// A person said so.
    Operator,
    /// The engine holds as much as it may.
    Full,
}

impl PartitionState {
    /// Brings the gauge up to date.
    pub fn show_lag(&self) {
        if let Some(lag) = self.lag() {
            let partition = self.source.partition.to_string();
            METRICS.intake.lag.with_label_values(&[&*self.source.topic, &partition]).set(lag);
        }
    }

    /// Records that were read and are not committed; a transaction's marker counts as one.
    pub fn in_flight(&self) -> i64 {
        (self.position - self.next_offset).max(0)
    }

    /// Records on the partition that are not committed.
    pub fn lag(&self) -> Option<i64> {
        self.end.map(|end| (end - self.next_offset).max(0))
    }
}

/// Records being read.
pub trait Reading: Send + Sync {
    /// In the order in which they were found.
    fn partitions(&self) -> Vec<PartitionState>;

    /// Stops handing over, or goes on; until this process ends.
    fn hold(&self, must_hold: bool);

    fn is_held(&self) -> bool;

    fn pause(&self) -> Option<Pause>;

    /// No further batches are handed over; offsets are still committed.
    fn stop(&self);

    /// Commits the last offsets and leaves the cluster. Blocks for at most a few seconds.
    fn leave(self: Box<Self>);

    fn is_ready(&self) -> bool;

    /// False once nothing will ever be read again.
    fn is_alive(&self) -> bool;

    fn last_error(&self) -> Option<String>;
}
