//! Tracing: which inputs are traced, and the spans of those on their way to the collector.
//!
//! A span is made from instants after the fact, once its work is durable: no guard travels
//! with a message. Without `trace.endpoint` a [`Tracer`] is none, and asking it costs a look
//! at that; see [`crate::engine::spans`] for what is made of an input.

mod export;
mod sampler;

use std::borrow::Cow;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::metrics::METRICS;
use crate::wire::trace::TraceParent;

pub use export::{Error, Export, parse_headers, start};
use sampler::Sampler;
pub(crate) use sampler::span_id;

/// Difference between the two clocks beyond which they are compared anew: somebody set one, or
/// the machine slept.
const MAX_SKEW: Duration = Duration::from_millis(100);

/// Decides what is traced and takes the spans. Cheap to clone; none without a collector.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Inner>>);

struct Inner {
    sampler: Sampler,
    /// To the task that exports. Full, a span is dropped and counted.
    spans: mpsc::Sender<SpanData>,
    scope: InstrumentationScope,
    /// The same moment on both clocks.
    anchor: Mutex<(Instant, SystemTime)>,
}

/// A piece of work that is over.
pub struct Span {
    /// Its trace, and its own id.
    pub context: TraceParent,
    /// None: the trace begins with it.
    pub parent: Option<[u8; 8]>,
    /// The parent is another process's.
    pub is_entry: bool,
    pub tracestate: Option<Box<str>>,
    pub kind: SpanKind,
    pub name: Cow<'static, str>,
    pub began: Instant,
    pub ended: Instant,
    pub attributes: Vec<KeyValue>,
    /// What went wrong, if anything did.
    pub error: Option<Cow<'static, str>>,
}

impl Tracer {
    /// One that traces nothing.
    pub fn off() -> Self {
        Self::default()
    }

    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The trace and a new span in it, if an input that came with this context is to be traced:
    /// the sender's decision holds; who brings none is drawn by lot. None also when too many
    /// are traced already.
    pub fn sample(&self, incoming: Option<TraceParent>) -> Option<TraceParent> {
        self.0.as_ref()?.sampler.sample(incoming)
    }

    /// Hands a span over to be exported, or drops it if the collector does not keep up.
    pub fn emit(&self, span: Span) {
        let Some(inner) = &self.0 else { return };
        if inner.spans.try_send(inner.data(span)).is_err() {
            METRICS.trace.dropped.with_label_values(&["queue_full"]).inc();
        }
    }
}

impl Inner {
    fn new(sampler: Sampler, spans: mpsc::Sender<SpanData>) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let scope = InstrumentationScope::builder("menagerie").with_version(version).build();
        Self { sampler, spans, scope, anchor: Mutex::new((Instant::now(), SystemTime::now())) }
    }

    fn data(&self, span: Span) -> SpanData {
        let tracestate = span.tracestate.as_deref().map(TraceState::from_str);
        let context = SpanContext::new(
            TraceId::from_bytes(span.context.trace_id),
            SpanId::from_bytes(span.context.span_id),
            TraceFlags::new(span.context.flags),
            false,
            tracestate.and_then(Result::ok).unwrap_or_default(),
        );
        let [start_time, end_time] = self.times([span.began, span.ended]);
        SpanData {
            span_context: context,
            parent_span_id: span.parent.map_or(SpanId::INVALID, SpanId::from_bytes),
            parent_span_is_remote: span.is_entry && span.parent.is_some(),
            span_kind: span.kind,
            name: span.name,
            start_time,
            end_time,
            attributes: span.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: span.error.map_or(Status::Unset, Status::error),
            instrumentation_scope: self.scope.clone(),
        }
    }

    /// Instants as the time of day. All go by one comparison of the clocks, so that spans stand
    /// in the order of their work to the nanosecond.
    fn times(&self, instants: [Instant; 2]) -> [SystemTime; 2] {
        let mut anchor = self.anchor.lock();
        let (now, now_of_day) = (Instant::now(), SystemTime::now());
        let expected = anchor.1 + now.saturating_duration_since(anchor.0);
        let skew = now_of_day.duration_since(expected).unwrap_or_else(|error| error.duration());
        if skew > MAX_SKEW {
            *anchor = (now, now_of_day);
        }
        let (at, of_day) = *anchor;
        instants.map(|instant| match instant.checked_duration_since(at) {
            Some(since) => of_day + since,
            None => of_day - at.saturating_duration_since(instant),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn span(name: &'static str) -> Span {
        let now = Instant::now();
        Span {
            context: TraceParent { trace_id: [1; 16], span_id: [2; 8], flags: 1 },
            parent: None,
            is_entry: true,
            tracestate: Some("vendor=1".into()),
            kind: SpanKind::Internal,
            name: name.into(),
            began: now.checked_sub(Duration::from_secs(2)).unwrap(),
            ended: now,
            attributes: Vec::new(),
            error: None,
        }
    }

    fn tracer(capacity: usize) -> (Tracer, mpsc::Receiver<SpanData>) {
        let (spans, taken) = mpsc::channel(capacity);
        (Tracer(Some(Arc::new(Inner::new(Sampler::new(1.0), spans)))), taken)
    }

    #[test]
    fn a_span_has_the_duration_of_its_instants_and_the_state_of_its_trace() {
        let (tracer, mut taken) = tracer(1);
        tracer.emit(span("work"));
        let data = taken.try_recv().unwrap();
        let took = data.end_time.duration_since(data.start_time).unwrap();
        assert_eq!(took, Duration::from_secs(2));
        let age = SystemTime::now().duration_since(data.end_time).unwrap_or_default();
        assert!(age < Duration::from_secs(60), "{age:?}");
        assert_eq!(data.span_context.trace_state().get("vendor"), Some("1"));
        assert!(!data.parent_span_is_remote, "there is no parent");
    }

    #[test]
    fn a_full_queue_drops_spans_and_counts_them() {
        let (tracer, mut taken) = tracer(1);
        let before = METRICS.trace.dropped.with_label_values(&["queue_full"]).get();
        tracer.emit(span("first"));
        tracer.emit(span("second"));
        assert!(METRICS.trace.dropped.with_label_values(&["queue_full"]).get() > before);
        assert_eq!(taken.try_recv().unwrap().name, "first");
        assert!(taken.try_recv().is_err());
    }
}
