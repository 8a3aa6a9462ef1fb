//! The connection that subscriptions share.

use std::time::Duration;

use async_nats::{ConnectOptions, ServerAddr, jetstream};

use super::error::Error;
use super::event::{Body, Kind, Readable};
use super::subscription::Subscription;

/// How a subscriber connects and where the events are.
#[derive(Clone, Debug)]
pub struct Options {
    /// Shown by the server's monitoring.
    pub client_name: String,
    /// Name of the event stream: the engine's `nats.stream`.
    pub stream: String,
    /// Longest wait for an answer of JetStream.
    pub request_timeout: Duration,
}

impl Default for Options {
    /// The engine's own default stream, and five seconds.
    fn default() -> Self {
        Self {
            client_name: "menagerie-client".to_owned(),
            stream: "CHARACTER_EVENTS".to_owned(),
            request_timeout: Duration::from_secs(5),
        }
    }
}

/// A connection to the character events. It heals by itself for as long as it lives; clones
/// share it.
#[derive(Clone, Debug)]
pub struct Subscriber {
    client: async_nats::Client,
    jetstream: jetstream::Context,
    options: Options,
}

impl Subscriber {
    /// Connects to `nats://host:4222`, or several such separated by commas. A user and password,
    /// or a token, in the first one are used; for any other authentication connect with
    /// `async_nats` and use [`over`](Self::over).
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::Connect`]. Lost connections later are no error.
    pub async fn connect(url: &str, options: Options) -> Result<Self, Error> {
        let servers = url
            .split(',')
            .map(|url| url.trim().parse::<ServerAddr>())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Error::Address { reason: error.to_string() })?;
        let connecting = ConnectOptions::new().name(&options.client_name);
        let first = servers.first().map(|server| (server.username(), server.password()));
        let connecting = match first {
            Some((Some(user), Some(password))) => {
                connecting.user_and_password(user.to_owned(), password.to_owned())
            }
            Some((Some(token), None)) => connecting.token(token.to_owned()),
            _ => connecting,
        };
        Ok(Self::over(connecting.connect(servers).await?, options))
    }

    /// Subscribes over a connection made elsewhere.
    pub fn over(client: async_nats::Client, options: Options) -> Self {
        let jetstream =
            jetstream::ContextBuilder::new().timeout(options.request_timeout).build(client.clone());
        Self { client, jetstream, options }
    }

    /// Every event, of types that this version does not know too ([`Body::Unknown`]).
    pub fn all(&self) -> Subscription<Body> {
        self.subscription(vec!["character.>".to_owned()])
    }

    /// The events of some types, such as `character.online`; only they leave the server.
    pub fn types<T: Into<String>>(&self, types: impl IntoIterator<Item = T>) -> Subscription<Body> {
        self.subscription(types.into_iter().map(Into::into).collect())
    }

    /// The events of one type, read as that type; only they leave the server.
    pub fn only<K: Kind>(&self) -> Subscription<K> {
        self.subscription(vec![K::TYPE.to_owned()])
    }

    fn subscription<B: Readable>(&self, subjects: Vec<String>) -> Subscription<B> {
        Subscription::new(self.client.clone(), self.jetstream.clone(), &self.options, subjects)
    }

    /// The connection below.
    pub fn client(&self) -> &async_nats::Client {
        &self.client
    }

    /// Closes the connection, for all clones. Stop the subscriptions first.
    ///
    /// # Errors
    /// [`Error::Closed`] when it was closed before.
    pub async fn close(self) -> Result<(), Error> {
        self.client.drain().await.map_err(|_| Error::Closed)
    }
}
