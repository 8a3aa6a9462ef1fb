//! One event on its way to a handler.

use std::ops::Deref;

use async_nats::HeaderMap;
use async_nats::jetstream;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::event::{Body, Event};

/// An event and how it came here. Dereferences to the [`Event`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Delivery<B = Body> {
    pub event: Event<B>,
    pub meta: Meta,
    /// The message as it was sent, with the fields that [`Event`] does not know.
    pub payload: Bytes,
}

impl<B> Delivery<B> {
    /// For tests of handlers: a first delivery without headers.
    pub fn of(event: Event<B>) -> Self {
        let meta = Meta { subject: event.event_type.clone(), num_deliveries: 1, ..Meta::default() };
        Self { event, meta, payload: Bytes::new() }
    }
}

impl<B> Deref for Delivery<B> {
    type Target = Event<B>;

    fn deref(&self) -> &Event<B> {
        &self.event
    }
}

/// What the headers and JetStream say of a message.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Meta {
    /// Whose character it is. `None` when a header is missing or unreadable.
    pub tenant: Option<Tenant>,
    /// `character-seq`: the character's own number of the event, from 1, without gaps. A gap
    /// shows that an event was missed, for instance because the stream dropped it.
    pub seq: Option<u64>,
    /// `Nats-Msg-Id`, which equals the event's own id.
    pub event_id: Option<Uuid>,
    /// W3C trace context of what caused the event.
    pub traceparent: Option<String>,
    pub subject: String,
    /// Position in the stream, from 1.
    pub stream_sequence: u64,
    /// 1 at the first delivery.
    pub num_deliveries: u64,
    /// When JetStream stored it. `None` only in [`Delivery::of`].
    pub stored_at: Option<DateTime<Utc>>,
}

/// A tenant; ids of one mean nothing in another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tenant {
    pub id: Uuid,
    pub region: String,
    pub major: u16,
    pub minor: u16,
}

impl Meta {
    /// `None` for a message that did not come from JetStream.
    pub(super) fn read(message: &jetstream::Message) -> Option<Self> {
        let info = message.info().ok()?;
        let none = HeaderMap::new();
        let headers = message.headers.as_ref().unwrap_or(&none);
        Some(Self {
            tenant: tenant(headers),
            seq: parsed(headers, "character-seq"),
            event_id: parsed(headers, "Nats-Msg-Id"),
            traceparent: text(headers, "traceparent").map(str::to_owned),
            subject: message.subject.to_string(),
            stream_sequence: info.stream_sequence,
            num_deliveries: u64::try_from(info.delivered).unwrap_or(1),
            stored_at: Some(info.published),
        })
    }
}

fn tenant(headers: &HeaderMap) -> Option<Tenant> {
    Some(Tenant {
        id: parsed(headers, "TENANT_ID")?,
        region: text(headers, "REGION")?.to_owned(),
        major: parsed(headers, "MAJOR_VERSION")?,
        minor: parsed(headers, "MINOR_VERSION")?,
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.as_str())
}

fn parsed<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    text(headers, name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("TENANT_ID", "00000000-0000-0000-0000-000000000007"),
            ("REGION", "GMS"),
            ("MAJOR_VERSION", "83"),
            ("MINOR_VERSION", "1"),
        ] {
            headers.insert(name, value);
        }
        headers
    }

    #[test]
    fn a_tenant_is_read_from_its_four_headers() {
        let expected =
            Tenant { id: Uuid::from_u128(7), region: "GMS".to_owned(), major: 83, minor: 1 };
        assert_eq!(tenant(&headers()), Some(expected));
    }

    #[test]
    fn a_tenant_with_an_unreadable_header_is_none() {
        let mut headers = headers();
        headers.insert("MAJOR_VERSION", "eighty-three");
        assert_eq!(tenant(&headers), None);
        assert_eq!(tenant(&HeaderMap::new()), None);
    }
}
