//! How the connection is made and made again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{ConnectOptions, Event, ServerAddr};
use tokio::sync::watch;

use super::NatsError;
use super::acks::Acks;

/// Time for one attempt to reach one address, handshake included.
pub(super) const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest time between two looks at the connection.
const MAX_PING_INTERVAL: Duration = Duration::from_secs(5);

const FIRST_RECONNECT_DELAY: Duration = Duration::from_millis(50);
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(2);

/// How [`Nats`](super::Nats) connects and what it expects to find.
#[derive(Clone, Debug)]
pub struct NatsOptions {
    /// `nats://host:4222` or `tls://host:4222`, one or more servers of one cluster. A user and
    /// password in the first one are used when `auth` is [`Auth::None`].
    pub urls: Vec<String>,
    pub auth: Auth,
    /// Shown by the server's monitoring.
    pub client_name: String,
    /// PEM file with the authorities to trust besides the system's.
    pub root_certificates: Option<PathBuf>,
    /// Longest wait for one acknowledgement. The connection is looked at twice as often, at least
    /// every 5 s.
    pub ack_timeout: Duration,
    /// Name of the event stream.
    pub stream: String,
    /// Name of the dead letter stream.
    pub dead_letter_stream: String,
    /// Replicas of each stream, 1 to 5.
    pub num_replicas: usize,
    /// Whether streams that exist with other settings are changed.
    pub update_streams: bool,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self {
            urls: vec!["nats://127.0.0.1:4222".to_owned()],
            auth: Auth::None,
            client_name: "menagerie".to_owned(),
            root_certificates: None,
            ack_timeout: Duration::from_secs(5),
            stream: "CHARACTER_EVENTS".to_owned(),
            dead_letter_stream: "CHARACTER_EVENTS_DLQ".to_owned(),
            num_replicas: 1,
            update_streams: false,
        }
    }
}

/// Who we are to the server.
#[derive(Clone)]
pub enum Auth {
    None,
    UserPassword {
        user: String,
        password: String,
    },
    Token(String),
    /// A `.creds` file: user JWT and NKEY seed. Read once, at connect.
    CredentialsFile(PathBuf),
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::UserPassword { .. } => "UserPassword",
            Self::Token(_) => "Token",
            Self::CredentialsFile(_) => "CredentialsFile",
        })
    }
}

/// What is known of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Up,
    Down,
    /// For good.
    Closed,
}

pub(super) async fn connect(
    options: &NatsOptions,
    link: &watch::Sender<Link>,
    acks: &Arc<Acks>,
) -> Result<async_nats::Client, NatsError> {
    let servers = options.urls.iter().map(|url| parse(url)).collect::<Result<Vec<_>, _>>()?;
    let connecting = ConnectOptions::new()
        .name(&options.client_name)
        .connection_timeout(CONNECTION_TIMEOUT)
        // Two looks within an ack timeout: a link on which nothing was heard for as long as that
        // is dead, and its silence says nothing about the message (`publisher`).
        .ping_interval((options.ack_timeout / 2).min(MAX_PING_INTERVAL))
        .reconnect_delay_callback(reconnect_delay)
        .event_callback({
            let (link, acks) = (link.clone(), acks.clone());
            move |event| {
                note(&event, &link, &acks);
                std::future::ready(())
            }
        });
    let connecting = match &options.root_certificates {
        Some(path) => connecting.add_root_certificates(path.clone()),
        None => connecting,
    };
    authenticate(connecting, &options.auth, &servers)
        .await?
        .connect(servers)
        .await
        .map_err(|source| NatsError::Connect { servers: shown(&options.urls), source })
}

async fn authenticate(
    connecting: ConnectOptions,
    auth: &Auth,
    servers: &[ServerAddr],
) -> Result<ConnectOptions, NatsError> {
    match auth {
        // The client reads the addresses and leaves their user part aside.
        Auth::None => Ok(match servers.first().map(|first| (first.username(), first.password())) {
            Some((Some(user), Some(password))) => {
                connecting.user_and_password(decoded(user), decoded(password))
            }
            Some((Some(token), None)) => connecting.token(decoded(token)),
            _ => connecting,
        }),
        Auth::UserPassword { user, password } => {
            Ok(connecting.user_and_password(user.clone(), password.clone()))
        }
        Auth::Token(token) => Ok(connecting.token(token.clone())),
        Auth::CredentialsFile(path) => {
            let unreadable =
                |source| NatsError::Credentials { path: path.display().to_string(), source };
            let credentials = tokio::fs::read_to_string(path).await.map_err(unreadable)?;
            connecting.credentials(&credentials).map_err(unreadable)
        }
    }
}

fn parse(url: &str) -> Result<ServerAddr, NatsError> {
    url.trim().parse::<ServerAddr>().map_err(|error| NatsError::Address {
        address: without_secret(url),
        reason: error.to_string(),
    })
}

/// Resolves `%40` and the like, in which an address writes what else would divide it.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// The addresses, for people.
pub(super) fn shown(urls: &[String]) -> String {
    urls.iter().map(|url| without_secret(url)).collect::<Vec<_>>().join(", ")
}

/// Works on the text, as an address that does not parse may hold a password all the same.
fn without_secret(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((_, rest)) => format!("…@{rest}"),
        None => url.to_owned(),
    }
}

/// `attempts` counts from 1 after each loss. The first attempt is immediate.
fn reconnect_delay(attempts: usize) -> Duration {
    match attempts {
        0 | 1 => Duration::ZERO,
        _ => {
            let doublings = u32::try_from(attempts - 2).unwrap_or(u32::MAX).min(16);
            (FIRST_RECONNECT_DELAY * 2_u32.pow(doublings)).min(MAX_RECONNECT_DELAY)
        }
    }
}

fn note(event: &Event, link: &watch::Sender<Link>, acks: &Acks) {
    match event {
        Event::Connected => {
            link.send_replace(Link::Up);
        }
        Event::Disconnected => {
            tracing::warn!("lost the connection to nats");
            link.send_replace(Link::Down);
            // What was under way may be lost in the old connection's buffers; nobody knows.
            acks.abandon();
        }
        Event::Closed => {
            link.send_replace(Link::Closed);
            acks.abandon();
        }
        Event::ServerError(error) => tracing::warn!(%error, "nats server reports an error"),
        Event::ClientError(_) | Event::LameDuckMode | Event::Draining | Event::SlowConsumer(_) => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_first_reconnect_is_immediate_and_the_delay_grows_to_two_seconds() {
        let delays: Vec<_> = (1..=8).map(|attempt| reconnect_delay(attempt).as_millis()).collect();
        assert_eq!(delays, [0, 50, 100, 200, 400, 800, 1600, 2000]);
        assert_eq!(reconnect_delay(usize::MAX), MAX_RECONNECT_DELAY);
    }

    #[test]
    fn a_password_is_in_no_message() {
        let error = parse("nats://user:secret@[nowhere").unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
        let auth = Auth::UserPassword { user: "user".into(), password: "secret".into() };
        assert!(!format!("{auth:?}").contains("secret"));
        let urls = ["nats://user:secret@a:4222".to_owned(), "nats://b:4222".to_owned()];
        assert_eq!(shown(&urls), "…@a:4222, nats://b:4222");
    }

    #[test]
    fn a_password_in_an_address_may_hold_any_character() {
        let server = parse("nats://us%65r:p%40ss%3aw%C3%B6rd%2@localhost").unwrap();
        assert_eq!(server.username().map(decoded).as_deref(), Some("user"));
        assert_eq!(server.password().map(decoded).as_deref(), Some("p@ss:wörd%2"));
    }

    #[tokio::test]
    async fn an_unreadable_credentials_file_is_named_and_not_retried() {
        let options = NatsOptions {
            auth: Auth::CredentialsFile("/nonexistent/menagerie.creds".into()),
            ..NatsOptions::default()
        };
        let error =
            connect(&options, &watch::Sender::new(Link::Up), &Arc::default()).await.unwrap_err();
        assert!(error.to_string().contains("/nonexistent/menagerie.creds"));
        assert!(!error.is_retryable());
    }
}
