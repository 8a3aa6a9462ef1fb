//! What a subscriber can be told.

/// Why a subscription could not start, or had to end.
///
/// Failures of a handler are none of these: they are answered by redelivery
/// ([`Verdict`](super::Verdict)).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL cannot be read. Its user part is not shown.
    #[error("not the address of a nats server: {reason}")]
    Address { reason: String },
    /// Nobody answered, or the credentials were refused.
    #[error("cannot connect to nats: {0}")]
    Connect(#[from] async_nats::ConnectError),
    /// The engine, which creates the stream, has not been there yet, or uses another name.
    #[error("there is no stream {stream}")]
    StreamMissing { stream: String },
    /// A setting that cannot work, such as a durable name with a dot.
    #[error("{setting} cannot be {value:?}: {reason}")]
    Setting { setting: &'static str, value: String, reason: &'static str },
    /// The durable consumer belongs to a subscription to something else. Two services share one
    /// name, or one service changed what it subscribes to: then give it a new name.
    #[error("consumer {durable} has another {field}: {theirs}, wanted {ours}")]
    ConsumerDiffers { durable: String, field: &'static str, theirs: String, ours: String },
    /// Somebody deleted the durable consumer while it was in use. Its position is lost; running
    /// again creates it at the start that is asked for.
    #[error("consumer {durable} was deleted")]
    ConsumerDeleted { durable: String },
    /// JetStream did not answer, or said no.
    #[error("jetstream would not {doing}: {reason}")]
    JetStream { doing: &'static str, reason: String, is_retryable: bool },
    /// The connection was closed on this side; it does not come back.
    #[error("the connection is closed")]
    Closed,
}

impl Error {
    /// Whether the same call may succeed later, without other settings.
    pub fn is_retryable(&self) -> bool {
        use async_nats::ConnectErrorKind as Kind;
        match self {
            Self::Connect(error) => !matches!(
                error.kind(),
                Kind::ServerParse | Kind::Authentication | Kind::AuthorizationViolation
            ),
            Self::StreamMissing { .. } => true,
            Self::JetStream { is_retryable, .. } => *is_retryable,
            Self::Address { .. }
            | Self::Setting { .. }
            | Self::ConsumerDiffers { .. }
            | Self::ConsumerDeleted { .. }
            | Self::Closed => false,
        }
    }

    /// Whether events were or may be missed, so that a reader of state has to be rebuilt from
    /// the beginning. Redelivery alone never makes this true.
    pub fn is_position_lost(&self) -> bool {
        matches!(self, Self::ConsumerDeleted { .. })
    }
}
