//! The same message from the same place over and over: so many in [`INTERVAL`], and then one
//! line with the number of those left out.
//!
//! Other fields than the message do not count: a thousand dead letters of as many characters are
//! the same message. What is left out is told with the next line of any kind.

use std::fmt::{self, Write as _};
use std::hash::Hasher as _;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustc_hash::{FxHashMap, FxHasher};
use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

const INTERVAL: Duration = Duration::from_secs(10);
/// Messages remembered, from all places together. While they are as many, one that is new is
/// written and not counted.
const MAX_MESSAGES: usize = 1_024;
/// Of a message, kept to tell what was left out.
const MAX_CHARS: usize = 200;
/// What operators did and what the rules refused is never left out: the ends of the targets.
const EACH_TOLD: [&str; 2] = ["audit", "rejected"];
const MESSAGE: &str = "message";

/// Writes lines as `inner` does, but for repeats.
pub(super) struct Throttled<F> {
    inner: F,
    /// Of one message in [`INTERVAL`]; 0 for no limit.
    max_repeats: u32,
    book: Mutex<Book>,
}

struct Book {
    messages: FxHashMap<(Identifier, u64), Told>,
    swept: Instant,
}

/// A message since it was first written.
struct Told {
    since: Instant,
    num_seen: u32,
    metadata: &'static Metadata<'static>,
    text: Box<str>,
}

impl<F> Throttled<F> {
    pub(super) fn new(inner: F, max_repeats: u32) -> Self {
        let book = Book { messages: FxHashMap::default(), swept: Instant::now() };
        Self { inner, max_repeats, book: Mutex::new(book) }
    }

    /// Whether the event is written, and what was left out and is to be told before it.
    fn enter(&self, event: &Event<'_>, now: Instant) -> (bool, Vec<Told>) {
        let metadata = event.metadata();
        let log = metadata.target().rsplit("::").next().unwrap_or_default();
        if self.max_repeats == 0 || EACH_TOLD.contains(&log) {
            return (true, Vec::new());
        }
        let mut message = Message::default();
        event.record(&mut message);
        let mut book = self.book.lock();
        let over = book.sweep(now, self.max_repeats);
        let key = (metadata.callsite(), message.hash.finish());
        let is_full = book.messages.len() >= MAX_MESSAGES;
        let num_seen = match book.messages.get_mut(&key) {
            Some(told) => {
                told.num_seen = told.num_seen.saturating_add(1);
                told.num_seen
            }
            None if is_full => 1,
            None => {
                let text = message.text.into();
                book.messages.insert(key, Told { since: now, num_seen: 1, metadata, text });
                1
            }
        };
        (num_seen <= self.max_repeats, over)
    }
}

impl Book {
    /// Forgets what is older than the interval, and gives that of which something was left out.
    fn sweep(&mut self, now: Instant, max_repeats: u32) -> Vec<Told> {
        const SWEEP_EVERY: Duration = Duration::from_secs(1);
        if now.saturating_duration_since(self.swept) < SWEEP_EVERY {
            return Vec::new();
        }
        self.swept = now;
        let is_over = |told: &Told| now.saturating_duration_since(told.since) >= INTERVAL;
        let over = self.messages.extract_if(|_, told| is_over(told)).map(|(_, told)| told);
        over.filter(|told| told.num_seen > max_repeats).collect()
    }
}

impl<S, N, F> FormatEvent<S, N> for Throttled<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let (is_written, left_out) = self.enter(event, Instant::now());
        for Told { num_seen, metadata, text, .. } in left_out {
            let Some(field) = metadata.fields().field(MESSAGE) else { continue };
            let num_left_out = num_seen - self.max_repeats;
            let text = format_args!("{text} ({num_left_out} more like it were left out)");
            let values = [(&field, Some(&text as &dyn tracing::Value))];
            let values = metadata.fields().value_set(&values);
            self.inner.format_event(context, writer.by_ref(), &Event::new(metadata, &values))?;
        }
        if is_written { self.inner.format_event(context, writer, event) } else { Ok(()) }
    }
}

/// The message of an event: all of it as a hash, its beginning as text.
#[derive(Default)]
struct Message {
    hash: FxHasher,
    text: String,
}

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == MESSAGE {
            write!(self, "{value:?}").expect("hashing cannot fail");
        }
    }
}

impl fmt::Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.hash.write(text.as_bytes());
        let room = MAX_CHARS.saturating_sub(self.text.len());
        self.text.push_str(&text[..text.floor_char_boundary(room)]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    struct Seen {
        now: Instant,
        written: Vec<bool>,
        left_out: Vec<u32>,
    }

    /// Whether each of these events, a step apart, would be written, and how many of each
    /// message were told to be left out.
    fn written(max_repeats: u32, step: Duration, events: impl Fn()) -> (Vec<bool>, Vec<u32>) {
        use std::sync::Arc;
        use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

        struct Entered {
            throttled: Throttled<()>,
            step: Duration,
            seen: Arc<Mutex<Seen>>,
        }
        impl<S: Subscriber> Layer<S> for Entered {
            fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
                let mut seen = self.seen.lock();
                let (is_written, left_out) = self.throttled.enter(event, seen.now);
                assert!(self.throttled.book.lock().messages.len() <= MAX_MESSAGES);
                seen.now += self.step;
                seen.written.push(is_written);
                let max_repeats = self.throttled.max_repeats;
                seen.left_out.extend(left_out.iter().map(|told| told.num_seen - max_repeats));
            }
        }
        let (written, left_out) = (Vec::new(), Vec::new());
        let seen = Arc::new(Mutex::new(Seen { now: Instant::now(), written, left_out }));
        let throttled = Throttled::new((), max_repeats);
        let layer = Entered { throttled, step, seen: Arc::clone(&seen) };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), events);
        let mut seen = seen.lock();
        (std::mem::take(&mut seen.written), std::mem::take(&mut seen.left_out))
    }

    #[test]
    fn a_message_is_written_so_often_and_then_counted() {
        let (written, left_out) = written(2, Duration::from_secs(3), || {
            for number in 0..6 {
                tracing::info!(number, "again");
            }
        });
        // At 0, 3, 6, 9 s, and from 12 s on in the next interval.
        assert_eq!(written, [true, true, false, false, true, true]);
        assert_eq!(left_out, [2]);
    }

    #[test]
    fn other_messages_and_what_each_is_told_of_are_not_left_out() {
        let (written, _) = written(1, Duration::ZERO, || {
            for number in 0..3 {
                tracing::info!("number {number}");
                tracing::info!(target: "menagerie::audit", "kicked");
                tracing::info!(target: "menagerie::rejected", "rejected");
            }
        });
        assert_eq!(written, [true; 9]);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_rest_is_written() {
        let (written, _) = written(1, Duration::ZERO, || {
            for number in 0..2 * MAX_MESSAGES {
                tracing::info!("number {number}");
            }
        });
        assert_eq!(written, vec![true; 2 * MAX_MESSAGES]);
    }

    #[test]
    fn there_may_be_no_limit() {
        let (written, _) = written(0, Duration::ZERO, || {
            for _ in 0..5 {
                tracing::info!("again");
            }
        });
        assert_eq!(written, [true; 5]);
    }
}
