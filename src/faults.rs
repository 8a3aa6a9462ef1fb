//! Faults on demand, for the tests that prove the promises.
//!
//! `MENAGERIE_TEST_FAULTS` is a comma-separated list; `serve` and `demo` read it once, when
//! they start, and say loudly what it does to the promises:
//!
//! | entry | does |
//! |---|---|
//! | `POINT=abort` or `POINT=abort:N` | ends the process at once, as `kill -9` would, at the first or the N-th pass of the [`Point`] |
//! | `POINT=panic` or `POINT=panic:N` | panics there, as a defect of ours would |
//! | `without=MECHANISM` | switches one [`Mechanism`] off: the negative control of a promise |
//! | `refuse=SUBJECT` or `refuse=SUBJECT:N` | the event log refuses the first, or the first N, publishes on this subject |
//! | `panic=UUID` or `panic=UUID:N` | the step of a pet command with this transaction id panics, always or the first N times |
//!
//! Unset, each check is one load of a static.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use crate::domain::Input;

/// Where a process can be made to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Point {
    BeforeCommit,
    AfterCommit,
    BeforePublish,
    /// Some events of a row are on the broker, not all.
    AfterPublish,
    /// All are acknowledged, the row still stands.
    AfterAck,
    AfterDelete,
}

/// What a promise rests on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mechanism {
    /// G1: the epoch in the commit's condition.
    Fence,
    /// G2: reading starts from the offsets in SQL.
    Offsets,
    /// G3: the look at the topic's end for events that already stand there.
    TopicTail,
    /// G3: events are written in the transaction of their change.
    Outbox,
    /// G4: a later event waits for the retry of an earlier one.
    Order,
}

const POINTS: [(&str, Point); 6] = [
    ("before_commit", Point::BeforeCommit),
    ("after_commit", Point::AfterCommit),
    ("before_publish", Point::BeforePublish),
    ("after_publish", Point::AfterPublish),
    ("after_ack", Point::AfterAck),
    ("after_delete", Point::AfterDelete),
];

const ENDS: [(&str, End); 2] = [("abort", End::Abort), ("panic", End::Panic)];

const MECHANISMS: [(&str, Mechanism); 5] = [
    ("fence", Mechanism::Fence),
    ("offsets", Mechanism::Offsets),
    ("topic_tail", Mechanism::TopicTail),
    ("outbox", Mechanism::Outbox),
    ("order", Mechanism::Order),
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Abort,
    Panic,
}

#[derive(Debug, Default)]
struct Faults {
    /// Passes left until the end.
    ends: Vec<(Point, End, AtomicU64)>,
    without: Vec<Mechanism>,
    /// Steps left to panic.
    panics: Vec<(Uuid, AtomicU64)>,
    /// Publishes left to refuse.
    refusals: Vec<(String, AtomicU64)>,
}

/// The environment variable with the list.
pub const VARIABLE: &str = "MENAGERIE_TEST_FAULTS";

static FAULTS: OnceLock<Faults> = OnceLock::new();

/// An entry of the list that is none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{VARIABLE}: bad entry `{entry}`")]
pub struct BadEntry {
    entry: String,
}

/// Sets the faults of this process, for tests that run the engine in their own process.
///
/// # Panics
/// On an entry that is none, and when faults were set already.
pub fn install(text: &str) {
    let faults = text.parse().unwrap_or_else(|error: BadEntry| panic!("{error}"));
    assert!(FAULTS.set(faults).is_ok(), "the faults are set once");
}

/// Sets the faults that an operator's environment asks for, if they were not set before. What
/// they do, an entry a line, for the log; nothing for a list without entries.
///
/// # Errors
/// An entry that is none; then there are no faults.
pub fn arm(text: &str) -> Result<Vec<String>, BadEntry> {
    let faults: Faults = text.parse()?;
    Ok(FAULTS.get_or_init(|| faults).warnings())
}

fn faults() -> Option<&'static Faults> {
    FAULTS.get()
}

impl Faults {
    fn warnings(&self) -> Vec<String> {
        let without = self.without.iter().map(|mechanism| {
            let name =
                MECHANISMS.iter().find(|(_, known)| known == mechanism).map(|(name, _)| name);
            format!("{} is switched off: {mechanism}", name.unwrap_or(&"?"))
        });
        let ends = self.ends.iter().map(|(point, end, passes)| {
            format!("{end:?} at {point:?}, pass {}", passes.load(Ordering::Relaxed))
        });
        let panics = self.panics.iter().map(|(id, _)| format!("the command {id} panics"));
        let refusals = self.refusals.iter().map(|(subject, left)| {
            format!("{} publishes on {subject} are refused", left.load(Ordering::Relaxed))
        });
        without.chain(ends).chain(panics).chain(refusals).collect()
    }
}

/// What is lost without it.
impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fence => "a process that lost the shard may still commit",
            Self::Offsets => "records may be applied twice or not at all",
            Self::TopicTail => "events may be published twice",
            Self::Outbox => "committed events may never be published",
            Self::Order => "events of a character may overtake each other",
        })
    }
}

impl FromStr for Faults {
    type Err = BadEntry;

    fn from_str(text: &str) -> Result<Self, BadEntry> {
        let mut faults = Self::default();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let bad = || BadEntry { entry: entry.to_owned() };
            let (name, value) = entry.split_once('=').ok_or_else(bad)?;
            match name {
                "without" => faults.without.push(named(&MECHANISMS, value).ok_or_else(bad)?),
                "panic" => {
                    let (id, count) = match value.contains(':') {
                        true => counted(value).ok_or_else(bad)?,
                        false => (value, u64::MAX),
                    };
                    let id = id.parse().map_err(|_| bad())?;
                    faults.panics.push((id, AtomicU64::new(count)));
                }
                "refuse" => {
                    let (subject, count) = counted(value).ok_or_else(bad)?;
                    faults.refusals.push((subject.to_owned(), AtomicU64::new(count)));
                }
                _ => {
                    let point = named(&POINTS, name).ok_or_else(bad)?;
                    let (verb, nth) = counted(value).ok_or_else(bad)?;
                    let end = named(&ENDS, verb).ok_or_else(bad)?;
                    faults.ends.push((point, end, AtomicU64::new(nth)));
                }
            }
        }
        Ok(faults)
    }
}

/// `VALUE` or `VALUE:N`.
fn counted(text: &str) -> Option<(&str, u64)> {
    let (value, count) = text.split_once(':').unwrap_or((text, "1"));
    Some((value, count.parse().ok()?))
}

fn named<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// Passes a point; may not return.
pub fn pass(point: Point) {
    let Some(faults) = faults() else { return };
    for (at, end, left) in &faults.ends {
        if *at == point && left.fetch_sub(1, Ordering::Relaxed) == 1 {
            match end {
                End::Abort => std::process::abort(),
                End::Panic => panic!("panic on demand"),
            }
        }
    }
}

/// Whether a mechanism is switched on, as it is outside of tests.
pub fn has(mechanism: Mechanism) -> bool {
    faults().is_none_or(|faults| !faults.without.contains(&mechanism))
}

/// Whether the event log is to refuse this publish.
pub fn refuses(subject: &str) -> bool {
    let Some(faults) = faults() else { return false };
    faults.refusals.iter().any(|(refused, left)| refused == subject && is_left(left))
}

/// Takes one of what is left.
fn is_left(left: &AtomicU64) -> bool {
    let take = |left: u64| left.checked_sub(1);
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
}

/// Panics if this input was named to.
pub fn on_step(input: &Input) {
    let Some(faults) = faults() else { return };
    if let Input::Command(command) = input {
        let is_named = |(id, left): &(Uuid, AtomicU64)| *id == command.transaction && is_left(left);
        assert!(!faults.panics.iter().any(is_named), "panic on demand");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_point_and_mechanism_has_a_name() {
        let text = "after_ack=abort:3, without=fence,refuse=character.online:2,\
                    panic=00000000-0000-0000-0000-000000000001,\
                    panic=00000000-0000-0000-0000-000000000002:2";
        let faults: Faults = text.parse().unwrap();
        assert_eq!((faults.ends[0].0, faults.ends[0].1), (Point::AfterAck, End::Abort));
        assert_eq!(faults.without, [Mechanism::Fence]);
        let panics: Vec<_> = faults
            .panics
            .iter()
            .map(|(id, left)| (id.as_u128(), left.load(Ordering::Relaxed)))
            .collect();
        assert_eq!(panics, [(1, u64::MAX), (2, 2)]);
        assert_eq!(faults.refusals[0].0, "character.online");
    }

    #[test]
    fn a_typing_error_is_named() {
        let error = "after_ack=abort,without=fences".parse::<Faults>().unwrap_err();
        assert_eq!(error.to_string(), "MENAGERIE_TEST_FAULTS: bad entry `without=fences`");
    }

    #[test]
    fn what_is_switched_off_is_named() {
        let warnings = |text: &str| text.parse::<Faults>().unwrap().warnings();
        for (name, _) in MECHANISMS {
            let warning = warnings(&format!("without={name}")).remove(0);
            assert!(warning.starts_with(&format!("{name} is switched off: ")), "{warning}");
        }
        assert_eq!(warnings("before_commit=abort:3"), ["Abort at BeforeCommit, pass 3"]);
        assert_eq!(warnings(" , "), Vec::<String>::new());
    }
}
