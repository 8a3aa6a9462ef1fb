//! The spans of one trace: from a record or a request through its round to its events.
//!
//! ```text
//! (sender) ── process TOPIC, or request COMMAND     received … committed
//!               ├── round                           gathered … all actors have answered
//!               │     └── step                      the actor's handler
//!               ├── commit                          the transaction
//!               └── publish EVENT                   handed to the broker … acknowledged
//! ```
//! The span of the input is the context its events carry in the outbox row, so that who
//! publishes them, be it another process after a crash, goes on with the same trace; each event
//! leaves with its own `publish` as the parent of whatever comes after it.
//!
//! Round and commit exist once for all their inputs. A traced input gets its own copy of both,
//! with the same times and the round's number: the tree of one trace is whole by itself, and
//! that there may be thousands of other inputs costs nothing, as those have no spans.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;
use uuid::Uuid;

use super::outbox::kind;
use super::outbox::row;
use super::record::Cause;
use super::round::{Item, Origin, Round, Stepped, UnroutedEnd};
use crate::domain::{CharacterKey, Outcome};
use crate::store::{Backend, Sink};
use crate::telemetry::metrics::METRICS;
use crate::telemetry::trace::{Span, Tracer, span_id};
use crate::wire::trace::TraceParent;

/// Inputs of a round that get spans; more than that at once were sampled during an outage.
const MAX_INPUTS: usize = 256;
/// Events of a row that get spans of their own; the others carry the span of their input.
const MAX_EVENTS: usize = 512;

/// How a traced input came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The sender's span.
    parent: Option<[u8; 8]>,
    received: Instant,
}

/// The times of a round that has traced inputs.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    pub gathered: Instant,
    /// Of the last actor's answer.
    pub stepped: Instant,
}

/// An event on its way to the broker.
#[derive(Debug)]
pub struct Publishing {
    context: TraceParent,
    parent: [u8; 8],
    tracestate: Option<Box<str>>,
    event: Uuid,
    name: &'static str,
    owner: u32,
    began: Instant,
}

impl Publishing {
    /// It is about to be sent.
    pub fn begin(self) -> Self {
        Self { began: Instant::now(), ..self }
    }
}

/// What an input carries on, as it comes in: the cause itself, or one with a span of ours if it
/// is to be traced.
pub fn enter(tracer: &Tracer, cause: Arc<Cause>) -> Arc<Cause> {
    let Some(trace) = tracer.sample(cause.trace) else { return cause };
    let parent = cause.trace.map(|sender| sender.span_id);
    let entry = Some(Entry { parent, received: Instant::now() });
    Arc::new(Cause { trace: Some(trace), entry, ..Cause::clone(&cause) })
}

/// The id of the trace an input belongs to, for the log.
pub fn trace_id(cause: &Cause) -> Option<String> {
    cause.trace.map(|trace| format!("{:032x}", u128::from_be_bytes(trace.trace_id)))
}

/// The spans of a round's traced inputs, once it is committed.
pub fn committed(tracer: &Tracer, round: &Round, commit: &Range<Instant>, backend: Backend) {
    let Some(timing) = round.timing else { return };
    let spans = Spans { tracer, round, timing, commit, backend };
    let steps = round.stepped.iter().flat_map(|stepped| {
        stepped.steps().map(move |(item, ended)| (item, End::Stepped(stepped, ended.outcome)))
    });
    let unrouted =
        round.unrouted.iter().map(|unrouted| (&unrouted.item, End::Unrouted(&unrouted.end)));
    let traced = steps.chain(unrouted).filter_map(|(item, end)| {
        let (entry, context) = (item.cause.entry?, item.cause.trace?);
        Some((item, end, entry, context))
    });
    for (index, (item, end, entry, context)) in traced.enumerate() {
        if index < MAX_INPUTS {
            spans.input(item, &end, entry, context);
        } else {
            METRICS.trace.dropped.with_label_values(&["round"]).inc();
        }
    }
}

/// The events of a row on their way out.
pub struct Events<'a> {
    tracer: &'a Tracer,
    sink: Sink,
    /// Events that may yet get a span.
    num_left: usize,
}

impl<'a> Events<'a> {
    pub fn of_row(tracer: &'a Tracer, sink: Sink) -> Self {
        let num_left = if tracer.is_on() { MAX_EVENTS } else { 0 };
        Self { tracer, sink, num_left }
    }

    /// Gives a traced event a span, which its headers will name. The span's id follows from the
    /// event's, so that an event that is sent twice is sent as it was.
    pub fn begin(&mut self, event: &mut row::Entry<'_>) -> Option<Publishing> {
        let is_traced = event.trace.is_sampled() && event.kind != kind::DEAD_LETTER;
        if self.num_left == 0 || !is_traced {
            return None;
        }
        self.num_left -= 1;
        let parent = event.trace.span_id;
        let (_, id) = event.id.as_bytes().split_last_chunk::<8>().expect("a uuid has 16 bytes");
        event.trace = event.trace.child(*id);
        Some(Publishing {
            context: event.trace,
            parent,
            tracestate: event.context.tracestate.map(Into::into),
            event: event.id,
            name: name(self.sink, event.kind),
            owner: event.owner,
            began: Instant::now(),
        })
    }

    /// The same for each of these.
    pub fn begin_all(mut self, events: &mut [row::Entry<'_>]) -> Vec<Publishing> {
        if !self.tracer.is_on() {
            return Vec::new();
        }
        events.iter_mut().filter_map(|event| self.begin(event)).collect()
    }
}

/// The span of an event that the broker has, or that was given up.
pub fn published(
    tracer: &Tracer,
    sink: Sink,
    destination: &str,
    event: Publishing,
    error: Option<String>,
) {
    tracer.emit(Span {
        context: event.context,
        parent: Some(event.parent),
        is_entry: false,
        tracestate: event.tracestate,
        kind: SpanKind::Producer,
        name: format!("publish {}", event.name).into(),
        began: event.began,
        ended: Instant::now(),
        attributes: vec![
            KeyValue::new("messaging.system", sink.name()),
            KeyValue::new("messaging.operation.type", "send"),
            KeyValue::new("messaging.operation.name", "publish"),
            KeyValue::new("messaging.destination.name", destination.to_owned()),
            KeyValue::new("messaging.message.id", event.event.to_string()),
            KeyValue::new("menagerie.character", i64::from(event.owner)),
        ],
        error: error.map(Into::into),
    });
}

fn name(sink: Sink, kind: u8) -> &'static str {
    let names = match sink {
        Sink::Kafka => &kind::PET,
        Sink::Nats => &kind::CHARACTER,
    };
    names.get(usize::from(kind)).copied().unwrap_or("unknown")
}

/// How an input ended.
enum End<'a> {
    Stepped(&'a Stepped, Outcome),
    Unrouted(&'a UnroutedEnd),
}

struct Spans<'a> {
    tracer: &'a Tracer,
    round: &'a Round,
    timing: Timing,
    commit: &'a Range<Instant>,
    backend: Backend,
}

impl Spans<'_> {
    fn input(&self, item: &Item, end: &End<'_>, entry: Entry, context: TraceParent) {
        let number = KeyValue::new("menagerie.round", self.round.number);
        let child = |kind, name: &'static str, parent, times: Range<Instant>, attributes| Span {
            context: context.child(span_id()),
            parent: Some(parent),
            is_entry: false,
            tracestate: item.cause.tracestate.clone(),
            kind,
            name: name.into(),
            began: times.start,
            ended: times.end,
            attributes,
            error: None,
        };
        let of_round = child(
            SpanKind::Internal,
            "round",
            context.span_id,
            self.timing.gathered..self.timing.stepped,
            vec![number.clone()],
        );
        // What another character has to do about it stands below the request it comes of.
        let is_consequence = matches!(item.origin, Origin::Consequence);
        if let End::Stepped(Stepped { key, took: Some(took), .. }, _) = end {
            let about = about(*key).into_iter().chain([number.clone()]).collect();
            let parent = if is_consequence { context } else { of_round.context }.span_id;
            self.tracer.emit(child(SpanKind::Internal, "step", parent, took.clone(), about));
        }
        if is_consequence {
            return;
        }
        self.tracer.emit(of_round);
        let system = match self.backend {
            Backend::Postgres => "postgresql",
            Backend::Sqlite => "sqlite",
        };
        let about_commit = vec![
            KeyValue::new("db.system.name", system),
            KeyValue::new("db.operation.name", "COMMIT"),
            number,
        ];
        let parent = context.span_id;
        let commit = child(SpanKind::Client, "commit", parent, self.commit.clone(), about_commit);
        self.tracer.emit(commit);
        let (kind, name, mut attributes) = origin(item);
        let (outcome, error) = outcome(end);
        if let End::Stepped(stepped, _) = end {
            attributes.extend(about(stepped.key));
        }
        attributes.push(KeyValue::new("menagerie.command", item.input.name()));
        attributes.push(KeyValue::new("menagerie.outcome", outcome));
        self.tracer.emit(Span {
            context,
            parent: entry.parent,
            is_entry: true,
            tracestate: item.cause.tracestate.clone(),
            kind,
            name: name.into(),
            began: entry.received,
            ended: self.commit.end,
            attributes,
            error: error.map(Into::into),
        });
    }
}

fn origin(item: &Item) -> (SpanKind, String, Vec<KeyValue>) {
    match &item.origin {
        Origin::Record(record) => {
            let topic = record.source.topic.to_string();
            let partition = record.source.partition.to_string();
            let attributes = vec![
                KeyValue::new("messaging.system", "kafka"),
                KeyValue::new("messaging.operation.type", "process"),
                KeyValue::new("messaging.operation.name", "process"),
                KeyValue::new("messaging.destination.name", topic.clone()),
                KeyValue::new("messaging.destination.partition.id", partition),
                KeyValue::new("messaging.kafka.offset", record.offset),
            ];
            (SpanKind::Consumer, format!("process {topic}"), attributes)
        }
        _ => (SpanKind::Server, format!("request {}", item.input.name()), Vec::new()),
    }
}

fn about(key: CharacterKey) -> [KeyValue; 2] {
    [
        KeyValue::new("menagerie.tenant", key.tenant.to_string()),
        KeyValue::new("menagerie.character", i64::from(key.character.0)),
    ]
}

/// As the metrics name it, and what is an error of it: what the rules refuse is none.
fn outcome(end: &End<'_>) -> (&'static str, Option<String>) {
    match end {
        End::Stepped(_, Outcome::Applied) => ("applied", None),
        End::Stepped(_, Outcome::Ignored(_)) => ("ignored", None),
        End::Stepped(_, Outcome::Rejected(_)) => ("rejected", None),
        End::Stepped(_, Outcome::DeadLetter(reason)) => {
            ("dead_letter", Some(reason.code().to_owned()))
        }
        End::Unrouted(UnroutedEnd::Unknown(_)) => ("rejected", None),
        End::Unrouted(UnroutedEnd::Answered(_)) => ("repeated", None),
        End::Unrouted(UnroutedEnd::DeadLetter { reason, .. }) => {
            ("dead_letter", Some(reason.clone()))
        }
    }
}
