//! Records on their way from the intake to the supervisor.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::owner::Movement;
use crate::domain::{CharacterKey, Input, PetKey, Tenant, TenantId};
use crate::engine::spans::Entry;
use crate::wire::trace::TraceParent;

/// One topic and partition the shard reads.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Partition {
    pub topic: Arc<str>,
    pub partition: i32,
}

/// What the intake read in one go, in partition order.
#[derive(Debug, Default)]
pub struct Batch {
    pub records: Vec<Record>,
    pub moves: Vec<Move>,
    /// How far each partition was read, movement and ignored records included.
    pub progress: Vec<Progress>,
    /// Credit this batch holds: for everything read, whatever became of it.
    pub credits: usize,
}

/// The first offset of a partition that is not in this batch nor in one before it.
#[derive(Clone, Debug)]
pub struct Progress {
    pub source: Arc<Partition>,
    pub next_offset: i64,
}

/// One record that enters a round.
#[derive(Debug)]
pub struct Record {
    pub source: Arc<Partition>,
    pub offset: i64,
    /// The record's own timestamp.
    pub at: DateTime<Utc>,
    pub cause: Arc<Cause>,
    /// Its bytes, in the form of [`Original`]; a slice of the batch's one buffer.
    pub original: Bytes,
    pub payload: Payload,
}

/// The credit a record takes until it is committed: one, and one more for each whole KiB
/// that is kept of it, so that large records are few.
pub fn credits_of(num_bytes: usize) -> usize {
    1 + num_bytes / 1_024
}

/// What became of a record's bytes.
#[derive(Debug)]
pub enum Payload {
    Input {
        target: Target,
        input: Input,
    },
    /// Never became an input; the dead letter's reason and detail.
    Dead {
        reason: Cow<'static, str>,
        detail: String,
    },
}

/// Whom an input is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    Owner(CharacterKey),
    /// Its owner is looked up in the pet directory.
    Pet(PetKey),
    /// Looked up in the directory of characters.
    Character(TenantId, Uuid),
    /// Of a record that is a dead letter from the start.
    Nobody,
}

/// A movement record. It enters no round.
#[derive(Debug)]
pub struct Move {
    pub observer: CharacterKey,
    pub movement: Movement,
}

/// What an input carries over into the headers of the events it causes.
#[derive(Clone, PartialEq, Debug)]
pub struct Cause {
    /// None for the clock, and for a dead letter whose tenant could not be read.
    pub tenant: Option<Arc<Tenant>>,
    /// The sender's context; of an input that is traced, our own span for it.
    pub trace: Option<TraceParent>,
    pub tracestate: Option<Box<str>>,
    /// Echoed byte for byte.
    pub environment: Option<Box<[u8]>>,
    /// Of an input that is traced.
    pub entry: Option<Entry>,
}

impl Cause {
    /// What the clock causes: a new trace, in the tenant of the character.
    pub fn none() -> Self {
        Self { tenant: None, trace: None, tracestate: None, environment: None, entry: None }
    }

    /// What a request without headers of its own causes.
    pub fn of(tenant: Arc<Tenant>) -> Self {
        Self { tenant: Some(tenant), ..Self::none() }
    }
}

/// A record as Kafka delivered it, for its dead letter: key, headers and payload.
///
/// The intake appends every record of a batch to one buffer in this form, so that keeping
/// the originals of 8,192 records costs one allocation.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Original {
    pub key: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
    pub payload: Vec<u8>,
}

impl Original {
    /// Appends a record to `raw` and says where it stands.
    pub fn append<'a>(
        raw: &mut Vec<u8>,
        key: Option<&[u8]>,
        headers: impl Iterator<Item = (&'a str, &'a [u8])>,
        payload: &[u8],
    ) -> Range<usize> {
        let start = raw.len();
        raw.push(u8::from(key.is_some()));
        put(raw, key.unwrap_or_default());
        put(raw, payload);
        for (name, value) in headers {
            put(raw, name.as_bytes());
            put(raw, value);
        }
        start..raw.len()
    }

    /// Reads back what [`append`](Self::append) wrote.
    pub fn read(bytes: &[u8]) -> Self {
        let Some((&has_key, mut rest)) = bytes.split_first() else { return Self::default() };
        let key = take(&mut rest).to_vec();
        let payload = take(&mut rest).to_vec();
        let mut headers = Vec::new();
        while !rest.is_empty() {
            let name = String::from_utf8_lossy(take(&mut rest)).into_owned();
            headers.push((name, take(&mut rest).to_vec()));
        }
        Self { key: (has_key == 1).then_some(key), headers, payload }
    }
}

fn put(raw: &mut Vec<u8>, bytes: &[u8]) {
    let len = u32::try_from(bytes.len()).expect("a record is bounded far below 4 GiB");
    raw.extend_from_slice(&len.to_le_bytes());
    raw.extend_from_slice(bytes);
}

fn take<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let Some((len, tail)) = rest.split_first_chunk::<4>() else {
        *rest = &[];
        return &[];
    };
    let (bytes, tail) = tail.split_at((u32::from_le_bytes(*len) as usize).min(tail.len()));
    *rest = tail;
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_bounds_records_and_their_bytes() {
        assert_eq!(credits_of(0), 1);
        assert_eq!(credits_of(1_023), 1);
        assert_eq!(credits_of(1 << 20), 1_025);
    }

    #[test]
    fn an_original_comes_back_byte_for_byte() {
        let mut raw = vec![7; 3];
        let first = Original {
            key: Some(vec![1, 2]),
            headers: vec![("TENANT_ID".into(), b"x".to_vec()), ("TENANT_ID".into(), vec![])],
            payload: b"{}".to_vec(),
        };
        let second = Original { key: None, headers: vec![], payload: vec![] };
        let mut ranges = Vec::new();
        for original in [&first, &second] {
            let headers = original.headers.iter().map(|(k, v)| (k.as_str(), v.as_slice()));
            ranges.push(Original::append(
                &mut raw,
                original.key.as_deref(),
                headers,
                &original.payload,
            ));
        }
        assert_eq!(Original::read(&raw[ranges[0].clone()]), first);
        assert_eq!(Original::read(&raw[ranges[1].clone()]), second);
    }
}
