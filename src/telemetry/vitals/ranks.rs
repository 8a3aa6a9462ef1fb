//! What actors are compared by, side by side in memory.
//!
//! Who lists a hundred thousand actors by one of these looks at all of them. Read in order that
//! is quick; one by one, wherever each actor happens to have its memory, it is not.

use std::ops::Deref;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use super::{RATE_WINDOW, decayed};

/// Ranks that are made at once.
pub const PAGE: usize = 1_024;

/// The counters of one actor that lists are sorted by.
#[derive(Default, Debug)]
pub struct Ranks {
    pub(super) waiting: AtomicU32,
    /// Messages a second, as it was at `latest`; the bits of an `f32`.
    pub(super) rate: AtomicU32,
    /// No message that waits was sent before; microseconds.
    pub(super) oldest: AtomicU64,
    /// When the latest message was opened, in microseconds; 0 before the first.
    pub(super) latest: AtomicU64,
}

/// The ranks of all actors. Pages are never given back, for there will be as many actors again.
#[derive(Default)]
struct Hall {
    pages: RwLock<Vec<&'static [Ranks; PAGE]>>,
    vacant: Mutex<Vec<usize>>,
}

static HALL: LazyLock<Hall> = LazyLock::new(Hall::default);

/// The ranks one actor has, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    ranks: &'static Ranks,
    number: usize,
}

/// The ranks with the numbers from `PAGE * index` on, if there were ever so many. Of those that
/// nobody has all counters are 0.
pub fn page(index: usize) -> Option<&'static [Ranks; PAGE]> {
    HALL.pages.read().get(index).copied()
}

impl Ranks {
    pub fn waiting(&self) -> u32 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Greater for who waits longer; the same at any time.
    pub fn wait(&self) -> f64 {
        if self.waiting() == 0 {
            return f64::NEG_INFINITY;
        }
        -(self.oldest.load(Ordering::Relaxed) as f64)
    }

    /// Greater for a greater rate; the same at any time, though rates decay.
    pub fn rate(&self) -> f64 {
        let rate = f32::from_bits(self.rate.load(Ordering::Relaxed));
        let latest = self.latest.load(Ordering::Relaxed);
        // All rates decay alike, so their logarithms keep their distance.
        f64::from(rate).ln() + latest as f64 / RATE_WINDOW.as_micros() as f64
    }

    /// Counts a message sent at `sealed`, and says how many wait now.
    pub(super) fn add_waiting(&self, sealed: u64) -> u32 {
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        if waiting == 1 {
            self.oldest.store(sealed, Ordering::Relaxed);
        }
        waiting
    }

    /// A message sent at `sealed` is handled from `opened` on; it is as good as `num`.
    pub(super) fn take_waiting(&self, sealed: u64, opened: u64, num: u32) {
        self.lose_waiting();
        // Mailboxes are queues: what still waits was not sent before this one.
        self.oldest.fetch_max(sealed, Ordering::Relaxed);
        let before = self.latest.swap(opened, Ordering::Relaxed);
        let rate = f32::from_bits(self.rate.load(Ordering::Relaxed));
        let rate = decayed(rate, opened - before.min(opened));
        let rate = rate + num as f32 / RATE_WINDOW.as_secs_f32();
        self.rate.store(rate.to_bits(), Ordering::Relaxed);
    }

    pub(super) fn lose_waiting(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    fn clear(&self) {
        let Self { waiting, rate, oldest, latest } = self;
        waiting.store(0, Ordering::Relaxed);
        rate.store(0, Ordering::Relaxed);
        oldest.store(0, Ordering::Relaxed);
        latest.store(0, Ordering::Relaxed);
    }
}

impl Seat {
    pub(super) fn number(&self) -> usize {
        self.number
    }
}

impl Default for Seat {
    /// Takes one that is vacant.
    fn default() -> Self {
        let mut vacant = HALL.vacant.lock();
        if vacant.is_empty() {
            let mut pages = HALL.pages.write();
            let first = pages.len() * PAGE;
            pages.push(Box::leak(Box::new(std::array::from_fn(|_| Ranks::default()))));
            vacant.extend((first..first + PAGE).rev());
        }
        let number = vacant.pop().expect("a page was added when there was none");
        drop(vacant);
        Self { ranks: &HALL.pages.read()[number / PAGE][number % PAGE], number }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.ranks.clear();
        HALL.vacant.lock().push(self.number);
    }
}

impl Deref for Seat {
    type Target = Ranks;

    fn deref(&self) -> &Ranks {
        self.ranks
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;

    use super::*;

    fn ranks_of(seat: &Seat) -> &'static Ranks {
        &page(seat.number() / PAGE).unwrap()[seat.number() % PAGE]
    }

    #[test]
    fn everybody_has_ranks_of_their_own_that_are_found_by_their_number() {
        let seats: Vec<Seat> = (0..3 * PAGE).map(|_| Seat::default()).collect();
        let numbers: BTreeSet<usize> = seats.iter().map(Seat::number).collect();
        assert_eq!(numbers.len(), seats.len());
        for seat in &seats {
            assert_eq!(seat.add_waiting(7), 1);
            assert!(std::ptr::eq(&raw const **seat, ranks_of(seat)));
        }
    }

    #[test]
    fn who_comes_later_begins_with_nothing() {
        let seat = Seat::default();
        seat.add_waiting(7);
        seat.take_waiting(7, 9, 1);
        seat.add_waiting(8);
        let ranks = ranks_of(&seat);
        assert_eq!((ranks.waiting(), ranks.wait()), (1, -8.0));
        drop(seat);
        // Others take seats meanwhile, but count nothing on this one before the next line.
        assert_eq!(Seat::default().waiting(), 0);
        assert_eq!(Seat::default().rate(), f64::NEG_INFINITY);
    }
}
