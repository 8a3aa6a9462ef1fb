//! What a character handled lately: enough to see why it is slow, and no more.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::domain::Outcome;
use crate::engine::record::Partition;
use crate::engine::round::{Item, Origin};
use crate::telemetry::mailbox::Span;

/// Inputs remembered.
pub const MAX_HANDLED: usize = 32;
/// Partitions remembered; a character's records come from three or four.
const MAX_SOURCES: usize = 8;
/// What movement is called among the commands.
const MOVEMENT: &str = "MOVEMENT";

/// One input, or movement that came without a command in between.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handled {
    /// When its handler began, in microseconds since 1970.
    at_micros: i64,
    wait_micros: u32,
    duration_micros: u32,
    /// 1, or how many movements.
    pub num_inputs: u32,
    command: Name,
    pub outcome: Outcome,
}

// Each character keeps 32 of them.
const _: () = assert!(size_of::<Handled>() == 24);

/// What a command is called, in one byte: where it stands in [`NAMES`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Name(u8);

/// Names of commands in the order in which they were first met; twice as many as there are.
static NAMES: [OnceLock<&'static str>; 96] = [const { OnceLock::new() }; 96];

impl Name {
    fn of(name: &'static str) -> Self {
        let position = NAMES.iter().position(|known| *known.get_or_init(|| name) == name);
        Self(position.and_then(|position| u8::try_from(position).ok()).expect("names are few"))
    }

    fn get(self) -> &'static str {
        NAMES[usize::from(self.0)].get().copied().expect("it was met")
    }
}

/// The latest inputs of one character, and how far each partition came with it. Empty, and
/// without memory of its own, until the first.
#[derive(Default, Debug)]
pub struct Recent {
    handled: VecDeque<Handled>,
    progress: Vec<(Arc<Partition>, i64)>,
}

impl Recent {
    /// Notes how far the item's partition has come.
    pub fn advance(&mut self, item: &Item) {
        let Origin::Record(record) = &item.origin else { return };
        match self.progress.iter_mut().find(|(source, _)| Arc::ptr_eq(source, &record.source)) {
            Some((_, offset)) => *offset = record.offset,
            None => {
                if self.progress.len() == MAX_SOURCES {
                    self.progress.remove(0);
                }
                self.progress.push((Arc::clone(&record.source), record.offset));
            }
        }
    }

    /// Movement was handled. What follows other movement is counted with it: a pet that walks
    /// pushes no command out.
    pub fn walk(&mut self, span: Span, num_inputs: u32, outcome: Outcome) {
        let mut num_before = 0;
        if let Some(last) = self.handled.pop_back_if(|last| last.command() == MOVEMENT) {
            num_before = last.num_inputs;
        }
        self.push(Handled {
            at_micros: Utc::now().timestamp_micros(),
            wait_micros: micros(span.opened - span.sealed),
            duration_micros: micros(span.opened.elapsed()),
            num_inputs: num_before.saturating_add(num_inputs),
            command: Name::of(MOVEMENT),
            outcome,
        });
    }

    fn push(&mut self, handled: Handled) {
        if self.handled.len() == MAX_HANDLED {
            self.handled.pop_front();
        }
        self.handled.push_back(handled);
    }

    /// Measures inputs of one message, one after the other.
    pub fn begin(&mut self, span: Span) -> Recorder<'_> {
        Recorder {
            recent: self,
            wait: span.opened - span.sealed,
            last: span.opened,
            now: Utc::now(),
        }
    }

    /// The newest first.
    pub fn handled(&self) -> impl Iterator<Item = &Handled> {
        self.handled.iter().rev()
    }

    /// The newest record of each partition.
    pub fn progress(&self) -> &[(Arc<Partition>, i64)] {
        &self.progress
    }
}

/// See [`Recent::begin`].
pub struct Recorder<'r> {
    recent: &'r mut Recent,
    wait: Duration,
    last: Instant,
    now: DateTime<Utc>,
}

impl Recorder<'_> {
    /// The item was just stepped.
    pub fn record(&mut self, item: &Item, outcome: Outcome) {
        let now = Instant::now();
        let duration = now - self.last;
        self.last = now;
        self.recent.push(Handled {
            at_micros: self.now.timestamp_micros(),
            wait_micros: micros(self.wait),
            duration_micros: micros(duration),
            num_inputs: 1,
            command: Name::of(item.input.name()),
            outcome,
        });
    }
}

impl Handled {
    /// As in the `command` label.
    pub fn command(&self) -> &'static str {
        self.command.get()
    }

    pub fn at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.at_micros).unwrap_or_default()
    }

    /// From sent to handled.
    pub fn wait(&self) -> Duration {
        Duration::from_micros(self.wait_micros.into())
    }

    pub fn duration(&self) -> Duration {
        Duration::from_micros(self.duration_micros.into())
    }
}

/// Over an hour counts as that.
fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Reason;

    #[test]
    fn walking_pushes_nothing_else_out() {
        let mut recent = Recent::default();
        let now = Instant::now();
        let span = Span { sealed: now, opened: now };
        let other = |command| Handled {
            at_micros: 0,
            wait_micros: 0,
            duration_micros: 0,
            num_inputs: 1,
            command: Name::of(command),
            outcome: Outcome::Applied,
        };
        for _ in 0..MAX_HANDLED {
            recent.push(other("SPAWN"));
        }
        recent.walk(span, 2, Outcome::Applied);
        recent.walk(span, 3, Outcome::Ignored(Reason::OtherMap));
        recent.push(other("DESPAWN"));
        recent.walk(span, 1, Outcome::Applied);
        let handled: Vec<_> =
            recent.handled().map(|one| (one.command(), one.num_inputs, one.outcome)).collect();
        assert_eq!(handled.len(), MAX_HANDLED);
        let walked = (MOVEMENT, 5, Outcome::Ignored(Reason::OtherMap));
        assert_eq!(
            handled[..4],
            [
                (MOVEMENT, 1, Outcome::Applied),
                ("DESPAWN", 1, Outcome::Applied),
                walked,
                ("SPAWN", 1, Outcome::Applied)
            ]
        );
    }
}
