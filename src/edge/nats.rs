//! NATS: the character event log on JetStream, and the [micro service](service).
//!
//! One connection, which heals by itself for as long as the process lives. What the adapter can
//! promise about a message under way when the connection breaks is written at
//! [`publisher`]; what it wants of the server's streams at [`streams`].

mod acks;
pub mod connect;
pub mod publisher;
pub mod service;
pub mod streams;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream;
use tokio::sync::watch;

use self::acks::{Acks, Inbox};
use self::connect::Link;
pub use self::connect::{Auth, NatsOptions};
pub use self::streams::{Difference, StreamReport, StreamState, StreamStatus};

/// Why NATS cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    #[error("`{address}` is not the address of a NATS server: {reason}")]
    Address { address: String, reason: String },
    #[error("cannot read the credentials in {path}")]
    Credentials { path: String, source: std::io::Error },
    #[error("cannot connect to {servers}")]
    Connect { servers: String, source: async_nats::ConnectError },
    /// The server is there and JetStream does not answer, or says no.
    #[error("JetStream does not serve stream {stream}: {reason}")]
    Stream { stream: String, reason: String },
}

impl NatsError {
    /// Whether the same call may succeed later, without another configuration.
    pub fn is_retryable(&self) -> bool {
        use async_nats::ConnectErrorKind as Kind;
        match self {
            Self::Address { .. } | Self::Credentials { .. } => false,
            Self::Connect { source, .. } => !matches!(
                source.kind(),
                Kind::ServerParse | Kind::Authentication | Kind::AuthorizationViolation
            ),
            Self::Stream { .. } => true,
        }
    }
}

/// A connection to NATS, its streams and its publisher.
pub struct Nats {
    client: async_nats::Client,
    jetstream: jetstream::Context,
    options: NatsOptions,
    /// Fed by the client's events; outlives reconnects.
    link: watch::Sender<Link>,
    /// Where acknowledgements arrive. Its reader ends with this struct.
    inbox: Inbox,
    is_closed: AtomicBool,
}

impl Nats {
    /// Connects once; the caller decides whether and how long to try again
    /// ([`NatsError::is_retryable`]). From then on lost connections are made again without end.
    ///
    /// # Errors
    /// [`NatsError::Address`], [`NatsError::Credentials`], [`NatsError::Connect`].
    pub async fn connect(options: NatsOptions) -> Result<Self, NatsError> {
        let acks = Arc::new(Acks::default());
        let link = watch::Sender::new(Link::Up);
        let client = connect::connect(&options, &link, &acks).await?;
        let inbox = Inbox::open(&client, acks).await.map_err(|error| NatsError::Connect {
            servers: connect::shown(&options.urls),
            source: async_nats::ConnectError::with_source(async_nats::ConnectErrorKind::Io, error),
        })?;
        let jetstream = jetstream::ContextBuilder::new()
            .timeout(options.ack_timeout.max(connect::CONNECTION_TIMEOUT))
            .build(client.clone());
        Ok(Self { client, jetstream, options, link, inbox, is_closed: AtomicBool::new(false) })
    }

    /// The client below, for what else goes over this connection.
    pub fn client(&self) -> &async_nats::Client {
        &self.client
    }

    /// Another connection to the same servers, under a name of its own. Whoever has it closes
    /// it.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn another(&self, client_name: &str) -> Result<async_nats::Client, NatsError> {
        let options = NatsOptions { client_name: client_name.to_owned(), ..self.options.clone() };
        connect::connect(&options, &watch::Sender::new(Link::Up), &Arc::default()).await
    }

    /// Name and version of the server, for people.
    pub fn server(&self) -> String {
        let info = self.client.server_info();
        format!("{} {}", info.server_name, info.version)
    }

    /// Creates the streams that are missing, and with
    /// [`update_streams`](NatsOptions::update_streams) brings the others to the wanted settings;
    /// else it only says what differs. Repeatable.
    ///
    /// # Errors
    /// [`NatsError::Stream`] when JetStream does not answer or the event stream cannot be created.
    /// A dead letter stream that cannot be created is a finding in the report: events flow without
    /// it, and what cannot be published is parked.
    pub async fn ensure_streams(&self) -> Result<StreamReport, NatsError> {
        streams::ensure(&self.jetstream, &self.options).await
    }

    /// What [`ensure_streams`](Self::ensure_streams) would find, changing nothing.
    ///
    /// # Errors
    /// [`NatsError::Stream`] when JetStream does not answer.
    pub async fn inspect(&self) -> Result<StreamReport, NatsError> {
        streams::inspect(&self.jetstream, &self.options).await
    }

    /// Ends the connection: nothing is published any more, subscriptions of others on
    /// [`client`](Self::client) are drained. Call it after the last publish was answered.
    ///
    /// Returns whether the client ended in time. While the connection is down it cannot; then it
    /// ends with the process, and nothing is lost, as nothing is under way.
    pub async fn close(&self, within: Duration) -> bool {
        self.is_closed.store(true, Ordering::Relaxed);
        let mut link = self.link.subscribe();
        let drain = async {
            self.client.drain().await.is_ok()
                && link.wait_for(|link| *link == Link::Closed).await.is_ok()
        };
        tokio::time::timeout(within, drain).await.unwrap_or(false)
    }
}
