//! Publishing with acknowledgement.
//!
//! **When the connection breaks.** The client drops what it had written to the old connection
//! and keeps what still stands in its queue; that part is sent as soon as it is connected again.
//! A message reported as [`PublishError::Disconnected`] may therefore be stored already, be
//! stored a moment later, or be lost. Sent again under its id it is stored once, if the server
//! had stored the first copy less than its duplicate window (2 minutes) ago: always true of what
//! was queued, which is sent just before the repetition; true of what was stored before the
//! connection broke unless the outage was longer. Beyond that readers deduplicate by the id.
//!
//! It follows that of several messages under way together an earlier one may be lost while a
//! later one is stored: see the order that [`EventLog`] promises.

use std::str::FromStr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::{HeaderMap, HeaderName, HeaderValue, StatusCode, jetstream};
use async_trait::async_trait;
use serde::Deserialize;

use super::Nats;
use crate::engine::port::{Ack, EventLog, Message, PublishError};

/// The client's events pass a bounded queue that drops what does not fit; so whoever waits for
/// the connection looks for himself this often.
const LINK_RECHECK: Duration = Duration::from_secs(1);

/// What shows that the server was heard of.
#[derive(Clone, Copy)]
struct Signs {
    num_connects: u64,
    num_bytes: u64,
}

impl Nats {
    fn signs(&self) -> Signs {
        let statistics = self.client.statistics();
        Signs {
            num_connects: statistics.connects.load(Ordering::Relaxed),
            num_bytes: statistics.in_bytes.load(Ordering::Relaxed),
        }
    }

    /// What the missing acknowledgement of a message means that was sent when the signs were
    /// `then`.
    ///
    /// Pings go out at least twice within the ack timeout, so a server that is there has sent
    /// something since.
    fn silence(&self, then: Signs) -> PublishError {
        let now = self.signs();
        if !self.is_connected() || now.num_connects != then.num_connects {
            lost()
        } else if now.num_bytes == then.num_bytes {
            PublishError::Disconnected(format!(
                "nothing heard from the server for {}",
                humantime::format_duration(self.options.ack_timeout)
            ))
        } else {
            PublishError::AckTimeout
        }
    }
}

#[async_trait]
impl EventLog for Nats {
    async fn publish(&self, message: &Message) -> Result<Ack, PublishError> {
        if !self.is_connected() {
            return Err(PublishError::Disconnected("no connection to nats".to_owned()));
        }
        let headers = headers(message)?;
        let then = self.signs();
        let (mut waiter, reply_to) = self.inbox.register();
        let answered = async {
            // Everything up to a place in the client's queue, which is fair, happens in the first
            // poll. Unconstrained, as a task that has used up its budget would be sent to the
            // back before it has a place. Safe to cancel: without a place nothing is sent.
            tokio::task::unconstrained(self.client.publish_with_reply_and_headers(
                message.subject.clone(),
                reply_to,
                headers,
                message.payload.clone(),
            ))
            .await
            .map_err(not_sent)?;
            waiter.reply().await.ok_or_else(lost)
        };
        match tokio::time::timeout(self.options.ack_timeout, answered).await {
            Ok(reply) => read(&reply?),
            Err(_elapsed) => Err(self.silence(then)),
        }
    }

    fn is_connected(&self) -> bool {
        !self.is_closed.load(Ordering::Relaxed)
            && self.client.connection_state() == State::Connected
    }

    async fn connected(&self) {
        let mut link = self.link.subscribe();
        while !self.is_connected() {
            let _ = tokio::time::timeout(LINK_RECHECK, link.changed()).await;
        }
    }
}

fn lost() -> PublishError {
    PublishError::Disconnected("connection lost before the acknowledgement".to_owned())
}

fn headers(message: &Message) -> Result<HeaderMap, PublishError> {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, message.id.to_string());
    for (name, value) in &message.headers {
        let unfit = |reason: String| PublishError::Refused(format!("header {name}: {reason}"));
        let value = HeaderValue::from_str(value).map_err(|error| unfit(error.to_string()))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

/// The client itself would not take the message.
fn not_sent(error: async_nats::PublishError) -> PublishError {
    match error.kind() {
        async_nats::client::PublishErrorKind::Send => {
            PublishError::Disconnected("the client is closed".to_owned())
        }
        _ => PublishError::Refused(error.to_string()),
    }
}

/// The body of a JetStream publish acknowledgement.
#[derive(Deserialize)]
struct Reply {
    error: Option<jetstream::Error>,
    seq: Option<u64>,
    #[serde(default)]
    duplicate: bool,
}

fn read(reply: &async_nats::Message) -> Result<Ack, PublishError> {
    if reply.status == Some(StatusCode::NO_RESPONDERS) {
        return Err(PublishError::Refused("no stream takes this subject".to_owned()));
    }
    let unreadable = || {
        let body = String::from_utf8_lossy(&reply.payload);
        PublishError::Refused(format!("not an acknowledgement: {}", body.escape_debug()))
    };
    let body: Reply = serde_json::from_slice(&reply.payload).map_err(|_| unreadable())?;
    match body {
        Reply { error: Some(error), .. } => Err(PublishError::Refused(error.to_string())),
        Reply { seq: Some(sequence), duplicate, .. } => Ok(Ack { duplicate, sequence }),
        Reply { seq: None, .. } => Err(unreadable()),
    }
}
