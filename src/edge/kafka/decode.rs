//! From a record as Kafka delivers it to what the engine takes. Runs on the polling thread,
//! from the borrowed payload.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::{DateTime, Datelike as _, Utc};
use rdkafka::Message;
use rdkafka::message::Headers;

use crate::domain::{CharacterKey, Input, PetKey, Tenant};
use crate::engine::record::{Cause, Move, Payload, Target};
use crate::engine::spans;
use crate::engine::tenants::Tenants;
use crate::telemetry::trace::Tracer;
use crate::wire::kafka::headers;
use crate::wire::kafka::{Refused, asset, character, command, movement};

/// Longest `ENVIRONMENT` that is echoed, in bytes: it travels with every event.
const MAX_ENVIRONMENT_BYTES: usize = 4_096;
/// Years in which a record may say it was produced; a database's end with 9999.
const CREDIBLE_YEARS: RangeInclusive<i32> = 1970..=9000;

/// Which of the consumed topics a partition belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    CharacterStatus,
    AssetStatus,
    PetCommand,
    PetMovement,
}

/// What a record turned out to be.
pub enum Decoded {
    Payload(Payload),
    Move(Move),
    /// Of a type that is none of ours.
    NotOurs,
}

/// Decodes records and shares what consecutive ones have in common.
pub struct Decoder {
    tenants: Arc<Tenants>,
    /// Of records without tenant headers, if one is configured.
    default_tenant: Option<Arc<Tenant>>,
    max_record_bytes: usize,
    /// The last record that had nothing but a tenant.
    plain: Option<Plain>,
    nobody: Arc<Cause>,
    tracer: Tracer,
}

/// The values of the tenant headers, and the cause they make.
struct Plain {
    headers: [Box<[u8]>; 4],
    cause: Arc<Cause>,
}

impl Decoder {
    pub fn new(
        tenants: Arc<Tenants>,
        default_tenant: Option<Tenant>,
        max_record_bytes: usize,
        tracer: Tracer,
    ) -> Self {
        let default_tenant = default_tenant.map(|tenant| tenants.intern(tenant));
        let nobody = Arc::new(Cause::none());
        Self { tenants, default_tenant, max_record_bytes, plain: None, nobody, tracer }
    }

    pub fn decode(&mut self, kind: Kind, message: &impl Message) -> (Arc<Cause>, Decoded) {
        let (cause, decoded) = self.read(kind, message);
        match decoded {
            // Movement and what is not ours enter no round.
            Decoded::Payload(_) => (spans::enter(&self.tracer, cause), decoded),
            Decoded::Move(_) | Decoded::NotOurs => (cause, decoded),
        }
    }

    fn read(&mut self, kind: Kind, message: &impl Message) -> (Arc<Cause>, Decoded) {
        let len = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        let mut num_bytes = len(message.payload()) + len(message.key());
        let raw = match message.headers() {
            Some(found) => headers::Raw::collect(
                header_pairs(found).inspect(|(name, value)| num_bytes += name.len() + value.len()),
            ),
            None => headers::Raw::collect(std::iter::empty()),
        };
        let cause = match self.cause(&raw) {
            Ok(cause) => cause,
            Err(detail) => return (Arc::clone(&self.nobody), dead("missing_tenant", detail)),
        };
        if num_bytes > self.max_record_bytes {
            let detail = format!("{num_bytes} bytes, at most {}", self.max_record_bytes);
            return (cause, dead("oversize", detail));
        }
        let environment = cause.environment.as_ref().map_or(0, |value| value.len());
        if environment > MAX_ENVIRONMENT_BYTES {
            let detail = format!("ENVIRONMENT has {environment} bytes, at most 4096");
            return (cause, dead("oversize", detail));
        }
        let payload = message.payload().unwrap_or_default();
        let tenant = cause.tenant.as_ref().map(|tenant| tenant.id).expect("just resolved");
        let decoded = match kind {
            Kind::PetCommand => command::decode(payload).map(|command| {
                let target = Target::Pet(PetKey { tenant, pet: command.pet });
                input(target, Input::Command(command))
            }),
            Kind::PetMovement => movement::decode(payload).map(|record| {
                let observer = CharacterKey { tenant, character: record.observer };
                Decoded::Move(Move { observer, movement: record.movement })
            }),
            Kind::CharacterStatus => character::decode(payload, instant(message)).map(|status| {
                status.map_or(Decoded::NotOurs, |(character, status)| {
                    let target = Target::Owner(CharacterKey { tenant, character });
                    input(target, Input::Status(status))
                })
            }),
            Kind::AssetStatus => asset::decode(payload).map(|asset| {
                asset.map_or(Decoded::NotOurs, |(character, asset)| {
                    let target = Target::Owner(CharacterKey { tenant, character });
                    input(target, Input::Asset(asset))
                })
            }),
        };
        (cause, decoded.unwrap_or_else(|refused| refuse(&refused)))
    }

    /// The record's cause, or why it has no tenant.
    fn cause(&mut self, raw: &headers::Raw<'_>) -> Result<Arc<Cause>, String> {
        let only = raw.only_tenant();
        if let Some(only) = &only
            && let Some(plain) = &self.plain
            && plain.headers.iter().zip(only).all(|(known, value)| **known == **value)
        {
            return Ok(Arc::clone(&plain.cause));
        }
        let mut headers = raw.without_tenant();
        headers.tenant = match raw.tenant() {
            Ok(tenant) => tenant,
            Err(error) if self.default_tenant.is_none() => return Err(error.to_string()),
            Err(_) => None,
        };
        let tenant = match &headers.tenant {
            Some(tenant) => self.tenants.intern(tenant.to_tenant()),
            None => Arc::clone(self.default_tenant.as_ref().ok_or("no tenant headers")?),
        };
        let cause = Arc::new(Cause {
            tenant: Some(tenant),
            trace: headers.traceparent,
            tracestate: headers.tracestate.map(Into::into),
            environment: headers.environment.map(Into::into),
            entry: None,
        });
        if let Some(only) = only
            && headers.tenant.is_some()
        {
            self.plain = Some(Plain { headers: only.map(Into::into), cause: Arc::clone(&cause) });
        }
        Ok(cause)
    }
}

/// When it was produced; now, if it does not say or cannot be right: one that counts in
/// microseconds is in the year 58,000.
pub fn instant(message: &impl Message) -> DateTime<Utc> {
    let at = message.timestamp().to_millis().and_then(DateTime::from_timestamp_millis);
    at.filter(|at| CREDIBLE_YEARS.contains(&at.year())).unwrap_or_else(Utc::now)
}

/// The headers of a record; one without a value counts as empty.
pub fn header_pairs<H: Headers>(headers: &H) -> impl Iterator<Item = (&str, &[u8])> {
    // Their own iterator asks librdkafka for their number before each.
    let each = (0..).map_while(|index| headers.try_get(index));
    each.map(|header| (header.key, header.value.unwrap_or_default()))
}

fn input(target: Target, input: Input) -> Decoded {
    Decoded::Payload(Payload::Input { target, input })
}

fn dead(reason: &'static str, detail: String) -> Decoded {
    Decoded::Payload(Payload::Dead { reason: Cow::Borrowed(reason), detail })
}

fn refuse(refused: &Refused) -> Decoded {
    dead(refused.reason(), refused.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rdkafka::Timestamp;
    use rdkafka::message::{Header, OwnedHeaders, OwnedMessage};
    use uuid::Uuid;

    use super::*;
    use crate::domain::TenantId;

    const TRACE: (&str, &[u8]) =
        ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");

    fn tenant(number: u128, region: &str, major: u16) -> Tenant {
        Tenant { id: TenantId(Uuid::from_u128(number)), region: region.into(), major, minor: 1 }
    }

    fn record(tenant: Option<&Tenant>, others: &[(&str, &[u8])]) -> OwnedMessage {
        let of_tenant = tenant.map(headers::of_tenant).into_iter().flatten();
        let mut headers = OwnedHeaders::new();
        for (key, value) in of_tenant {
            headers = headers.insert(Header { key, value: Some(&value) });
        }
        for (key, value) in others {
            headers = headers.insert(Header { key, value: Some(*value) });
        }
        let payload = Some(b"{}".to_vec());
        let topic = "t".to_owned();
        OwnedMessage::new(payload, None, topic, Timestamp::NotAvailable, 0, 0, Some(headers))
    }

    fn cause(decoder: &mut Decoder, message: &OwnedMessage) -> Arc<Cause> {
        decoder.decode(Kind::PetCommand, message).0
    }

    fn decoder(default_tenant: Option<Tenant>) -> Decoder {
        Decoder::new(Arc::default(), default_tenant, 1 << 20, Tracer::off())
    }

    #[test]
    fn a_record_from_no_time_at_all_is_from_now() {
        let millis = 1_800_000_000_123;
        let at = |millis| instant(&record(None, &[]).set_timestamp(Timestamp::CreateTime(millis)));
        assert_eq!(at(millis).timestamp_millis(), millis);
        let before = Utc::now();
        for millis in [millis * 1_000, millis * 1_000_000, i64::MAX, -i64::MAX, -1] {
            let at = at(millis);
            assert!((before..=Utc::now()).contains(&at), "{millis}: {at}");
        }
    }

    #[test]
    fn a_cause_is_shared_by_records_with_the_same_tenant_headers_and_no_others() {
        let mut decoder = decoder(None);
        let (one, other) = (tenant(1, "GMS", 83), tenant(2, "GMS", 83));
        let first = cause(&mut decoder, &record(Some(&one), &[]));
        assert!(Arc::ptr_eq(&first, &cause(&mut decoder, &record(Some(&one), &[]))));
        let traced = cause(&mut decoder, &record(Some(&one), &[TRACE]));
        assert!(traced.trace.is_some() && first.trace.is_none());
        let environment = cause(&mut decoder, &record(Some(&one), &[("ENVIRONMENT", b"")]));
        assert_eq!(environment.environment.as_deref(), Some(&b""[..]));
        // In turns, and with another region and version.
        for tenant in [other, one.clone(), tenant(1, "EMS", 83), tenant(1, "EMS", 84), one] {
            let cause = cause(&mut decoder, &record(Some(&tenant), &[]));
            assert_eq!(cause.tenant.as_deref(), Some(&tenant));
            assert_eq!((cause.trace, &cause.environment), (None, &None));
        }
    }

    #[test]
    fn the_default_tenant_stands_in_only_where_none_is_named() {
        let (default, one) = (tenant(9, "JMS", 1), tenant(1, "GMS", 83));
        let mut decoder = decoder(Some(default.clone()));
        for (headers, expected) in [(Some(&one), &one), (None, &default), (Some(&one), &one)] {
            let cause = cause(&mut decoder, &record(headers, &[]));
            assert_eq!(cause.tenant.as_deref(), Some(expected));
        }
    }
}
