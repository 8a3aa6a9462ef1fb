//! Listing the actors alive: a page at a time, sorted, beside the engine at work.
//!
//! One pass over the rows of the registry keeps the first of the order only, so a page of a
//! hundred thousand costs one short look at each and memory for the page. Only who is on the page
//! is read.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Instant;

use super::registry::Registry;
use super::round::Census;
use crate::domain::{CharacterKey, TenantId};
use crate::telemetry::vitals::{Mishap, Reading};

/// By what; the greatest first, except for keys.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Sort {
    #[default]
    Key,
    Mailbox,
    Wait,
    Idle,
    Rate,
}

/// Which characters.
#[derive(Clone, Copy, Default, Debug)]
pub struct Filter {
    pub online: Option<bool>,
    pub number: Option<u32>,
    pub tenant: Option<TenantId>,
}

/// Where a page begins: behind the one with this rank and key.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// What it was sorted by, the greatest first; 0 where the key decides.
    pub rank: f64,
    pub key: CharacterKey,
}

/// One character's actor, seen from outside.
#[derive(Clone, PartialEq, Debug)]
pub struct Seen {
    pub place: Place,
    pub reading: Reading,
    pub last_error: Option<Mishap>,
    pub census: Census,
    /// Seconds since anything was asked of it.
    pub idle_seconds: f64,
}

/// Part of the list, and how many the filter lets through.
#[derive(Clone, PartialEq, Debug)]
pub struct Page {
    pub seen: Vec<Seen>,
    /// The last place here, if anybody stands behind it.
    pub next: Option<Place>,
    pub total: usize,
}

/// In the order of the list: the greater stands later.
impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        other.rank.total_cmp(&self.rank).then_with(|| self.key.cmp(&other.key))
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Place {}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Filter {
    fn lets_through(&self, key: CharacterKey, is_online: bool) -> bool {
        self.online.is_none_or(|online| online == is_online)
            && self.number.is_none_or(|number| number == key.character.0)
            && self.tenant.is_none_or(|tenant| tenant == key.tenant)
    }
}

/// The first `limit` characters behind `after`.
pub fn page(
    registry: &Registry,
    filter: Filter,
    sort: Sort,
    after: Option<Place>,
    limit: usize,
) -> Page {
    let mut total = 0;
    // One more than there is room for tells whether another page follows.
    let mut kept: BinaryHeap<Place> = BinaryHeap::with_capacity(limit + 2);
    registry.each(|row, ranks| {
        let key = row.key;
        if !filter.lets_through(key, row.is_online) {
            return;
        }
        total += 1;
        let rank = match sort {
            Sort::Key => 0.0,
            Sort::Mailbox => f64::from(ranks.waiting()),
            // Ranks do not move by time going by, or who was on one page would be on the next.
            Sort::Wait => ranks.wait(),
            Sort::Idle => -row.touched_rank,
            Sort::Rate => ranks.rate(),
        };
        let place = Place { rank, key };
        let is_behind = after.is_none_or(|after| after < place);
        let is_first = kept.len() <= limit || kept.peek().is_some_and(|last| place < *last);
        if is_behind && is_first {
            kept.push(place);
            if kept.len() > limit + 1 {
                kept.pop();
            }
        }
    });
    let now = Instant::now();
    let mut places = kept.into_sorted_vec();
    let has_more = places.len() > limit;
    places.truncate(limit);
    let next = places.last().copied().filter(|_| has_more);
    // Who has gone meanwhile is left out.
    let seen = places.into_iter().filter_map(|place| {
        registry.read(place.key, |entry| Seen {
            place,
            reading: entry.vitals.read(now),
            last_error: entry.vitals.last_error(),
            census: entry.census,
            idle_seconds: now.saturating_duration_since(entry.touched).as_secs_f64(),
        })
    });
    let mut seen: Vec<Seen> = seen.collect();
    // Some moved between the two looks; within the page, what is shown is in order.
    seen.sort_by(|one, other| other.shown(sort).total_cmp(&one.shown(sort)));
    Page { seen, next, total }
}

impl Seen {
    /// What it is sorted by.
    fn shown(&self, sort: Sort) -> f64 {
        match sort {
            Sort::Key => 0.0,
            Sort::Mailbox => self.reading.waiting.into(),
            Sort::Wait => self.reading.oldest_wait.unwrap_or_default().as_secs_f64(),
            Sort::Idle => self.idle_seconds,
            Sort::Rate => self.reading.rate.into(),
        }
    }
}
