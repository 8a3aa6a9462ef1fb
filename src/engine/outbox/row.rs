//! An outbox row: all events of one round for one sink, in order, already encoded.
//!
//! ```text
//! body    = base (16 bytes) | version (1 byte) | lz4 block, its size before it
//! event   = tag | [context] | anchor varint | owner varint | seq varint | length u32 | payload
//! tag     = kind (7 bits) | 0x80 when a context follows; it holds until the next one
//! ```
//! An event's id is the base with the event's index in its low 24 bits, so it is stable
//! however often the row is read, and costs nothing to store.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::engine::record::Cause;
use crate::wire::trace::TraceParent;

const VERSION: u8 = 1;
const NEW_CONTEXT: u8 = 0x80;
const INDEX_BITS: u32 = 24;
const PREFIX_LEN: usize = 17;

/// A row in memory, decompressed.
#[derive(Clone, Debug)]
pub struct Row {
    pub round: i64,
    pub num_events: u32,
    pub decided_at: DateTime<Utc>,
    pub base: Uuid,
    entries: Arc<[u8]>,
}

/// Why a stored row cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("outbox row of version {0} is from another release")]
    Version(u8),
    #[error("outbox row is damaged: {0}")]
    Damaged(String),
}

/// What the events of one cause share on the wire.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Context<'a> {
    pub tenant: Uuid,
    pub region: &'a str,
    pub major: u16,
    pub minor: u16,
    pub trace: Option<TraceParent>,
    pub tracestate: Option<&'a str>,
    pub environment: Option<&'a [u8]>,
}

/// One event of a row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    pub id: Uuid,
    pub kind: u8,
    pub context: Context<'a>,
    /// The trace of its cause; a new one, shared by all events of the cause, if that had none.
    pub trace: TraceParent,
    /// The number of the character it is about, for the key and the order; 0 for a dead letter.
    pub owner: u32,
    /// NATS: the character's own event number, from 1. Kafka: 0.
    pub seq: u64,
    pub payload: &'a [u8],
}

/// Whose event it is, and which of theirs.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct About {
    pub owner: u32,
    pub seq: u64,
}

/// Collects the events of a round.
pub struct Writer {
    base: Uuid,
    entries: Vec<u8>,
    num_events: u32,
    /// The cause and tenant of the last context written, compared by address.
    last: Option<(Arc<Cause>, Option<Arc<crate::domain::Tenant>>)>,
    anchor: u32,
}

/// The id of the event at `index` of a row with this base.
pub fn event_id(base: Uuid, index: u32) -> Uuid {
    Uuid::from_u128(base.as_u128() | u128::from(index))
}

/// The base of the row an event id belongs to.
pub fn base_of(id: Uuid) -> Uuid {
    Uuid::from_u128(id.as_u128() >> INDEX_BITS << INDEX_BITS)
}

impl Writer {
    pub fn new() -> Self {
        Self {
            base: base_of(Uuid::now_v7()),
            entries: Vec::new(),
            num_events: 0,
            last: None,
            anchor: 0,
        }
    }

    /// Marks the next event as the first of another cause.
    pub fn begin_cause(&mut self) {
        self.anchor = self.num_events;
    }

    pub fn num_events(&self) -> u32 {
        self.num_events
    }

    /// Appends an event. `tenant` stands in for a cause that has none. `encode` gets the
    /// event's id and appends the payload.
    pub fn push(
        &mut self,
        kind: u8,
        cause: &Arc<Cause>,
        tenant: Option<&Arc<crate::domain::Tenant>>,
        about: About,
        encode: impl FnOnce(Uuid, &mut Vec<u8>),
    ) {
        let tenant = cause.tenant.as_ref().or(tenant);
        let is_same = self.last.as_ref().is_some_and(|(last, last_tenant)| {
            Arc::ptr_eq(last, cause)
                && last_tenant.as_ref().map(Arc::as_ptr) == tenant.map(Arc::as_ptr)
        });
        if is_same {
            self.entries.push(kind);
        } else {
            self.entries.push(kind | NEW_CONTEXT);
            put_context(&mut self.entries, cause, tenant.map(Arc::as_ref));
            self.last = Some((Arc::clone(cause), tenant.cloned()));
        }
        put_varint(&mut self.entries, u64::from(self.num_events - self.anchor));
        put_varint(&mut self.entries, u64::from(about.owner));
        put_varint(&mut self.entries, about.seq);
        let at = self.entries.len();
        self.entries.extend_from_slice(&[0; 4]);
        encode(event_id(self.base, self.num_events), &mut self.entries);
        let len = u32::try_from(self.entries.len() - at - 4).expect("a payload is far below 4 GiB");
        self.entries[at..at + 4].copy_from_slice(&len.to_le_bytes());
        self.num_events += 1;
        debug_assert!(self.num_events < 1 << INDEX_BITS, "a round is bounded");
    }

    /// The row as it is stored.
    pub fn body(&self) -> Vec<u8> {
        let block = lz4_flex::block::compress_prepend_size(&self.entries);
        let mut body = Vec::with_capacity(PREFIX_LEN + block.len());
        body.extend_from_slice(self.base.as_bytes());
        body.push(VERSION);
        body.extend_from_slice(&block);
        body
    }

    /// The row as it is handed over in memory.
    pub fn into_row(self, round: i64, decided_at: DateTime<Utc>) -> Row {
        let Self { base, entries, num_events, .. } = self;
        Row { round, num_events, decided_at, base, entries: entries.into() }
    }
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Row {
    /// Reads a row as it was stored.
    pub fn read(
        round: i64,
        num_events: u32,
        decided_at: DateTime<Utc>,
        body: &[u8],
    ) -> Result<Self, Unreadable> {
        let base = base_in(body).ok_or_else(|| Unreadable::Damaged("too short".into()))?;
        match body.get(16) {
            Some(&VERSION) => {}
            Some(other) => return Err(Unreadable::Version(*other)),
            None => return Err(Unreadable::Damaged("too short".into())),
        }
        let entries = lz4_flex::block::decompress_size_prepended(&body[PREFIX_LEN..])
            .map_err(|error| Unreadable::Damaged(error.to_string()))?;
        let row = Self { round, num_events, decided_at, base, entries: entries.into() };
        let num_readable = row.entries().count();
        if num_readable != num_events as usize {
            return Err(Unreadable::Damaged(format!("{num_readable} of {num_events} events")));
        }
        Ok(row)
    }

    /// The events in order.
    pub fn entries(&self) -> Entries<'_> {
        Entries { base: self.base, rest: &self.entries, context: Context::default(), index: 0 }
    }

    /// Memory it takes.
    pub fn num_bytes(&self) -> usize {
        self.entries.len()
    }
}

/// The base of a stored row, without reading the rest of it.
pub fn base_in(body: &[u8]) -> Option<Uuid> {
    body.first_chunk::<16>().map(|bytes| Uuid::from_bytes(*bytes))
}

/// See [`Row::entries`].
pub struct Entries<'a> {
    base: Uuid,
    rest: &'a [u8],
    context: Context<'a>,
    index: u32,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    /// Ends early where the bytes make no sense; [`Row::read`] compares the count.
    fn next(&mut self) -> Option<Entry<'a>> {
        let tag = take(&mut self.rest, 1)?[0];
        if tag & NEW_CONTEXT != 0 {
            self.context = take_context(&mut self.rest)?;
        }
        let anchor = self.index.checked_sub(u32::try_from(take_varint(&mut self.rest)?).ok()?)?;
        let owner = u32::try_from(take_varint(&mut self.rest)?).ok()?;
        let seq = take_varint(&mut self.rest)?;
        let len = u32::from_le_bytes(take(&mut self.rest, 4)?.try_into().ok()?);
        let payload = take(&mut self.rest, len as usize)?;
        let id = event_id(self.base, self.index);
        self.index += 1;
        let trace = self.context.trace.unwrap_or_else(|| trace_from(event_id(self.base, anchor)));
        let context = self.context.clone();
        Some(Entry { id, kind: tag & !NEW_CONTEXT, context, trace, owner, seq, payload })
    }
}

/// A trace of its own for a cause that came without one: derived, so that a row read twice
/// says the same twice.
fn trace_from(first: Uuid) -> TraceParent {
    let bytes = first.into_bytes();
    let mut span_id = [0; 8];
    span_id.copy_from_slice(&bytes[8..]);
    TraceParent { trace_id: bytes, span_id, flags: 0 }
}

const HAS_TRACE: u8 = 1;
const HAS_TRACESTATE: u8 = 2;
const HAS_ENVIRONMENT: u8 = 4;

fn put_context(out: &mut Vec<u8>, cause: &Cause, tenant: Option<&crate::domain::Tenant>) {
    let flag = |is_there, flag| if is_there { flag } else { 0 };
    out.push(
        flag(cause.trace.is_some(), HAS_TRACE)
            | flag(cause.tracestate.is_some(), HAS_TRACESTATE)
            | flag(cause.environment.is_some(), HAS_ENVIRONMENT),
    );
    let (id, region, major, minor) =
        tenant.map_or((Uuid::nil(), "", 0, 0), |t| (t.id.0, &*t.region, t.major, t.minor));
    out.extend_from_slice(id.as_bytes());
    put_bytes(out, region.as_bytes());
    out.extend_from_slice(&major.to_le_bytes());
    out.extend_from_slice(&minor.to_le_bytes());
    if let Some(trace) = &cause.trace {
        out.extend_from_slice(&trace.trace_id);
        out.extend_from_slice(&trace.span_id);
        out.push(trace.flags);
    }
    if let Some(tracestate) = &cause.tracestate {
        put_bytes(out, tracestate.as_bytes());
    }
    if let Some(environment) = &cause.environment {
        put_bytes(out, environment);
    }
}

fn take_context<'a>(rest: &mut &'a [u8]) -> Option<Context<'a>> {
    let flags = take(rest, 1)?[0];
    let tenant = Uuid::from_slice(take(rest, 16)?).ok()?;
    let region = std::str::from_utf8(take_bytes(rest)?).ok()?;
    let major = u16::from_le_bytes(take(rest, 2)?.try_into().ok()?);
    let minor = u16::from_le_bytes(take(rest, 2)?.try_into().ok()?);
    let mut context = Context { tenant, region, major, minor, ..Context::default() };
    if flags & HAS_TRACE != 0 {
        context.trace = Some(TraceParent {
            trace_id: take(rest, 16)?.try_into().ok()?,
            span_id: take(rest, 8)?.try_into().ok()?,
            flags: take(rest, 1)?[0],
        });
    }
    if flags & HAS_TRACESTATE != 0 {
        context.tracestate = Some(std::str::from_utf8(take_bytes(rest)?).ok()?);
    }
    if flags & HAS_ENVIRONMENT != 0 {
        context.environment = Some(take_bytes(rest)?);
    }
    Some(context)
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(take_varint(rest)?).ok()?;
    take(rest, len)
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (bytes, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::{Tenant, TenantId};

    fn tenant(n: u128) -> Arc<Tenant> {
        let id = TenantId(Uuid::from_u128(n));
        Arc::new(Tenant { id, region: "GMS".into(), major: 83, minor: 1 })
    }

    fn about(owner: u32, seq: u64) -> About {
        About { owner, seq }
    }

    fn stored(writer: Writer) -> Row {
        let body = writer.body();
        Row::read(7, writer.num_events(), DateTime::UNIX_EPOCH, &body).unwrap()
    }

    #[test]
    fn a_row_reads_back_what_was_written_in_order() {
        let trace = TraceParent { trace_id: [1; 16], span_id: [2; 8], flags: 1 };
        let traced = Arc::new(Cause {
            tenant: Some(tenant(1)),
            trace: Some(trace),
            tracestate: Some("a=b".into()),
            environment: Some(b"blue".as_slice().into()),
            entry: None,
        });
        let clock = Arc::new(Cause::none());
        let mut writer = Writer::new();
        writer.begin_cause();
        writer.push(3, &traced, None, about(12_345, 0), |_, out| out.extend_from_slice(b"one"));
        writer.push(4, &traced, None, about(12_345, 0), |_, out| out.extend_from_slice(b"two"));
        writer.begin_cause();
        writer.push(5, &clock, Some(&tenant(2)), about(u32::MAX, u64::MAX), |_, _| {});
        let row = stored(writer);
        let entries: Vec<_> = row.entries().collect();
        assert_eq!(entries.iter().map(|e| e.kind).collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(entries[1].payload, b"two");
        assert_eq!(entries[1].trace, trace);
        assert_eq!(entries[0].context.environment, Some(b"blue".as_slice()));
        assert_eq!(entries[2].context.tenant, Uuid::from_u128(2));
        assert_eq!((entries[2].owner, entries[2].seq), (u32::MAX, u64::MAX));
    }

    #[test]
    fn ids_are_stable_and_lead_back_to_their_row() {
        let cause = Arc::new(Cause::of(tenant(1)));
        let mut writer = Writer::new();
        let mut ids = Vec::new();
        for _ in 0..3 {
            writer.push(0, &cause, None, about(1, 0), |id, _| ids.push(id));
        }
        let row = stored(writer);
        assert_eq!(row.entries().map(|entry| entry.id).collect::<Vec<_>>(), ids);
        assert!(ids.iter().all(|id| base_of(*id) == row.base));
        assert_eq!(ids[0].get_version_num(), 7);
    }

    #[test]
    fn events_of_one_cause_without_a_trace_share_a_new_one() {
        let cause = Arc::new(Cause::of(tenant(1)));
        let mut writer = Writer::new();
        for _ in 0..2 {
            writer.begin_cause();
            writer.push(0, &cause, None, about(1, 0), |_, _| {});
            writer.push(0, &cause, None, about(1, 0), |_, _| {});
        }
        let row = stored(writer);
        let traces: Vec<_> = row.entries().map(|entry| entry.trace.trace_id).collect();
        assert_eq!(traces[0], traces[1]);
        assert_eq!(traces[2], traces[3]);
        assert_ne!(traces[0], traces[2]);
    }

    #[test]
    fn a_damaged_row_is_refused_and_never_panics() {
        let cause = Arc::new(Cause::of(tenant(1)));
        let mut writer = Writer::new();
        writer.push(0, &cause, None, about(1, 0), |_, out| out.extend_from_slice(&[9; 100]));
        let body = writer.body();
        for len in 0..body.len() {
            assert!(Row::read(1, 1, DateTime::UNIX_EPOCH, &body[..len]).is_err(), "{len}");
        }
        assert!(Row::read(1, 2, DateTime::UNIX_EPOCH, &body).is_err());
    }
}
