//! A dead letter's original bytes, decoded once more.

use std::sync::Arc;

use rdkafka::Timestamp;
use rdkafka::message::{Header, OwnedHeaders, OwnedMessage};

use super::client::Topics;
use super::decode::{Decoded, Decoder};
use crate::domain::Tenant;
use crate::engine::record::Cause;
use crate::engine::tenants::Tenants;
use crate::store::DeadLetter;
use crate::telemetry::trace::Tracer;

/// What decoding needs besides the letter, as the intake has it.
#[derive(Clone, Debug)]
pub struct Redelivery {
    pub topics: Topics,
    pub default_tenant: Option<Tenant>,
    pub max_record_bytes: usize,
}

impl Redelivery {
    /// None: it came from a topic that is not read any more.
    pub fn decode(
        &self,
        letter: &DeadLetter,
        tenants: Arc<Tenants>,
        tracer: Tracer,
    ) -> Option<(Arc<Cause>, Decoded)> {
        let mut kinds = self.topics.kinds().into_iter();
        let (_, kind) = kinds.find(|(name, _)| **name == *letter.topic)?;
        let headers = letter.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header { key, value: Some(value) })
        });
        let message = OwnedMessage::new(
            Some(letter.payload.clone()),
            letter.key.clone(),
            letter.topic.to_string(),
            // A status takes effect when it is redelivered, not when it was first read.
            Timestamp::NotAvailable,
            letter.partition,
            letter.offset,
            Some(headers),
        );
        let mut decoder =
            Decoder::new(tenants, self.default_tenant.clone(), self.max_record_bytes, tracer);
        Some(decoder.decode(kind, &message))
    }
}
