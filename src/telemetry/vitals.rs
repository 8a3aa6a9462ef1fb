//! What one actor shows of its mailbox, readable from any thread while it works.

mod ranks;

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use ranks::Seat;
pub use ranks::{PAGE, Ranks, page};

/// Over how long the rate is smoothed.
const RATE_WINDOW: Duration = Duration::from_secs(10);

/// All instants here count from it, so that each is one atomic number.
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The counters of one actor. They outlive it when it is rebuilt after a failure.
#[derive(Default, Debug)]
pub struct Vitals {
    seat: Seat,
    deepest: AtomicU32,
    processed: AtomicU64,
    last_error: Mutex<Option<Box<Mishap>>>,
    is_walking: AtomicBool,
}

/// What went wrong last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mishap {
    pub at: DateTime<Utc>,
    pub message: String,
}

/// The counters at one moment.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct Reading {
    pub waiting: u32,
    /// Most that ever waited.
    pub deepest: u32,
    /// What the oldest message has waited, at most. None: nothing waits.
    pub oldest_wait: Option<Duration>,
    pub processed: u64,
    /// Messages a second.
    pub rate: f32,
    /// Since the latest message. None: there was none.
    pub idle: Option<Duration>,
}

impl Vitals {
    /// Returns how many messages wait, with this one.
    pub(super) fn seal(&self, sealed: Instant) -> u32 {
        let waiting = self.seat.add_waiting(micros(sealed));
        self.deepest.fetch_max(waiting, Ordering::Relaxed);
        waiting
    }

    /// The message is as good as `num` of them.
    pub(super) fn open(&self, sealed: Instant, opened: Instant, num: u32) {
        self.processed.fetch_add(u64::from(num), Ordering::Relaxed);
        self.seat.take_waiting(micros(sealed), micros(opened), num);
    }

    /// A message was lost with its actor.
    pub(super) fn lose(&self) {
        self.seat.lose_waiting();
    }

    /// Whether no walk was on its way to it; now one is, until [`end_walk`](Self::end_walk).
    pub fn begin_walk(&self) -> bool {
        !self.is_walking.swap(true, Ordering::Relaxed)
    }

    pub fn end_walk(&self) {
        self.is_walking.store(false, Ordering::Relaxed);
    }

    pub fn fail(&self, message: impl Into<String>) {
        let mishap = Mishap { at: Utc::now(), message: message.into() };
        *self.last_error.lock() = Some(Box::new(mishap));
    }

    pub fn last_error(&self) -> Option<Mishap> {
        self.last_error.lock().as_deref().cloned()
    }

    /// Where its ranks stand among those of all: `number % PAGE` of page `number / PAGE`. No two
    /// have the same; whoever comes later may have it again.
    pub fn number(&self) -> usize {
        self.seat.number()
    }

    pub fn read(&self, now: Instant) -> Reading {
        let now = micros(now);
        let since = |instant: u64| Duration::from_micros(now.saturating_sub(instant));
        let Ranks { waiting, oldest, latest, rate } = &*self.seat;
        let [oldest, latest] = [oldest, latest].map(|instant| instant.load(Ordering::Relaxed));
        let waiting = waiting.load(Ordering::Relaxed);
        let rate = f32::from_bits(rate.load(Ordering::Relaxed));
        Reading {
            waiting,
            deepest: self.deepest.load(Ordering::Relaxed),
            oldest_wait: (waiting > 0).then(|| since(oldest)),
            processed: self.processed.load(Ordering::Relaxed),
            rate: decayed(rate, now.saturating_sub(latest)),
            idle: (latest > 0).then(|| since(latest)),
        }
    }
}

fn decayed(rate: f32, micros: u64) -> f32 {
    match rate {
        0.0 => 0.0,
        rate => rate * (-(micros as f32) / RATE_WINDOW.as_micros() as f32).exp(),
    }
}

/// Never 0, which means never.
fn micros(instant: Instant) -> u64 {
    let since = instant.saturating_duration_since(*BEGINNING).as_micros();
    u64::try_from(since).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_waits_is_counted_until_it_is_opened_or_lost() {
        let (vitals, now) = (Vitals::default(), Instant::now() + SECOND);
        vitals.seal(now);
        vitals.seal(now + SECOND);
        vitals.seal(now + 2 * SECOND);
        let reading = vitals.read(now + 3 * SECOND);
        assert_eq!((reading.waiting, reading.oldest_wait), (3, Some(3 * SECOND)));
        vitals.open(now, now + 3 * SECOND, 1);
        vitals.open(now + SECOND, now + 3 * SECOND, 1);
        assert_eq!(vitals.read(now + 3 * SECOND).oldest_wait, Some(2 * SECOND));
        vitals.lose();
        let reading = vitals.read(now + 4 * SECOND);
        assert_eq!((reading.waiting, reading.deepest, reading.oldest_wait), (0, 3, None));
        assert_eq!((reading.processed, reading.idle), (2, Some(SECOND)));
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let (vitals, begin) = (Vitals::default(), Instant::now());
        for tenth in 1..=600 {
            let now = begin + tenth * SECOND / 10;
            vitals.seal(now);
            vitals.open(now, now, 2);
        }
        let now = begin + 60 * SECOND;
        let rate = vitals.read(now).rate;
        assert!((19.0..21.5).contains(&rate), "{rate}");
        assert!(vitals.read(now + 60 * SECOND).rate < 0.1);
        assert_eq!(Vitals::default().read(now).rate, 0.0);
    }

    #[test]
    fn the_last_error_is_kept() {
        let vitals = Vitals::default();
        assert_eq!(vitals.last_error(), None);
        vitals.fail("first");
        vitals.fail("second");
        assert_eq!(vitals.last_error().map(|mishap| mishap.message), Some("second".to_owned()));
    }
}
