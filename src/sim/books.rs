//! The books: what was ordered against what was announced.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustc_hash::{FxHashMap, FxHashSet};
use uuid::Uuid;

use crate::domain::pet::{Body, DespawnReason, Event};
use crate::domain::{PetId, pet};

/// Longest latency that is told apart, in microseconds.
const MAX_LATENCY_MICROS: u64 = 120_000_000;

/// Orders sent and events seen.
pub struct Books {
    /// Awards of closeness not yet announced, with when they were due.
    open_awards: FxHashMap<Uuid, Instant>,
    num_awards: u64,
    num_awards_seen: u64,
    num_feeds: u64,
    num_feeds_seen: u64,
    num_tricks: u64,
    num_tricks_seen: u64,
    num_spawns: u64,
    num_spawns_seen: u64,
    num_despawns: u64,
    num_despawns_seen: u64,
    num_levels: u64,
    num_levels_seen: u64,
    num_slots_seen: u64,
    /// Nobody but the sender takes pets out and home, or lets them rise.
    is_alone: bool,
    /// Awards announced more than once, or never ordered.
    num_unexpected: u64,
    /// Ids of all events seen; an event that stands twice shows here.
    ids: FxHashSet<Uuid>,
    num_events: u64,
    num_repeated: u64,
    /// Closeness of each pet as the events last told it.
    closeness: FxHashMap<PetId, u16>,
    /// Fullness of each pet as the events last told it.
    fullness: FxHashMap<PetId, u8>,
    latency: Histogram<u64>,
    /// The same since it was last asked for.
    recent: Histogram<u64>,
}

/// One line of the balance.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Line {
    pub what: &'static str,
    pub ordered: u64,
    pub announced: u64,
}

impl Books {
    pub fn new() -> Self {
        Self {
            open_awards: FxHashMap::default(),
            num_awards: 0,
            num_awards_seen: 0,
            num_feeds: 0,
            num_feeds_seen: 0,
            num_tricks: 0,
            num_tricks_seen: 0,
            num_spawns: 0,
            num_spawns_seen: 0,
            num_despawns: 0,
            num_despawns_seen: 0,
            num_levels: 0,
            num_levels_seen: 0,
            num_slots_seen: 0,
            is_alone: false,
            num_unexpected: 0,
            ids: FxHashSet::default(),
            num_events: 0,
            num_repeated: 0,
            closeness: FxHashMap::default(),
            fullness: FxHashMap::default(),
            latency: latencies(),
            recent: latencies(),
        }
    }

    /// Books that hold spawns, despawns, levels and slots as well: each that is ordered must have its
    /// effect, and none may come of anything else. A pet is taken home only where it is its owner's
    /// one pet out: then a spawn and a despawn change one slot each.
    pub fn of_all() -> Self {
        Self { is_alone: true, ..Self::new() }
    }

    /// Enters how many levels an order brings, which is for the sender to know.
    pub fn expect_levels(&mut self, num_levels: u64) {
        self.num_levels += num_levels;
    }

    /// Enters an order before it is sent. Its latency counts from `due`, when it should
    /// have been sent: a sender that falls behind must not make the service look fast.
    pub fn order(&mut self, command: &pet::Command, due: Instant) {
        match command.order {
            pet::Order::AwardCloseness { .. } => {
                self.num_awards += 1;
                self.open_awards.insert(command.transaction, due);
            }
            pet::Order::AwardFullness { .. } => self.num_feeds += 1,
            pet::Order::Attempt { .. } => self.num_tricks += 1,
            pet::Order::Spawn { .. } => self.num_spawns += 1,
            pet::Order::Despawn => self.num_despawns += 1,
            _ => {}
        }
    }

    /// Enters an event that was read. Without an id, which is nil, it may be any.
    pub fn announce(&mut self, id: Uuid, event: &Event) {
        if !id.is_nil() && !self.ids.insert(id) {
            self.num_repeated += 1;
            return;
        }
        self.num_events += 1;
        match &event.body {
            Body::ClosenessChanged { closeness, transaction, .. } => {
                self.closeness.insert(event.pet, *closeness);
                self.announce_award(*transaction);
            }
            Body::FullnessChanged { amount, fullness, .. } => {
                self.fullness.insert(event.pet, *fullness);
                // Hunger's amount is negative.
                self.num_feeds_seen += u64::from(*amount > 0);
            }
            Body::LevelChanged { .. } => self.num_levels_seen += 1,
            Body::SlotChanged { .. } => self.num_slots_seen += 1,
            Body::CommandResponse { .. } => self.num_tricks_seen += 1,
            Body::Spawned { .. } => self.num_spawns_seen += 1,
            // Hunger and age take pets home that nobody ordered home.
            Body::Despawned { reason: DespawnReason::Normal, .. } => self.num_despawns_seen += 1,
            _ => {}
        }
    }

    /// A trick's increase carries the trick's transaction, which is nobody's award.
    fn announce_award(&mut self, transaction: Uuid) {
        if let Some(sent) = self.open_awards.remove(&transaction) {
            self.num_awards_seen += 1;
            let micros = u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.latency.saturating_record(micros);
            self.recent.saturating_record(micros);
        } else if !transaction.is_nil() {
            self.num_unexpected += 1;
        }
    }

    /// A pet of which nothing was heard is full, as it was created.
    pub fn fullness(&self, pet: PetId) -> u8 {
        self.fullness.get(&pet).copied().unwrap_or(pet::MAX_FULLNESS)
    }

    pub fn closeness(&self) -> &FxHashMap<PetId, u16> {
        &self.closeness
    }

    pub fn num_events(&self) -> u64 {
        self.num_events
    }

    /// Orders whose event is still awaited.
    pub fn num_open(&self) -> u64 {
        self.lines().iter().map(|line| line.ordered.abs_diff(line.announced)).sum()
    }

    /// From due to seen, in microseconds.
    pub fn latencies(&self) -> &Histogram<u64> {
        &self.latency
    }

    /// From sent to seen, at this share (0.5 for the median).
    pub fn latency(&self, share: f64) -> Duration {
        Duration::from_micros(self.latency.value_at_quantile(share))
    }

    /// The same of those seen since this was last asked; none if there are none.
    pub fn take_recent_latency(&mut self, share: f64) -> Option<Duration> {
        let micros = self.recent.value_at_quantile(share);
        let is_empty = self.recent.is_empty();
        self.recent.reset();
        (!is_empty).then(|| Duration::from_micros(micros))
    }

    /// What was ordered against what was announced, and what must not have been announced.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = self.orders();
        lines.extend(self.violations());
        lines
    }

    /// What was ordered against what was announced.
    pub fn orders(&self) -> Vec<Line> {
        let line = |what, ordered, announced| Line { what, ordered, announced };
        let mut lines = vec![
            line("closeness awards", self.num_awards, self.num_awards_seen),
            line("feedings", self.num_feeds, self.num_feeds_seen),
            line("tricks", self.num_tricks, self.num_tricks_seen),
        ];
        if self.is_alone {
            lines.push(line("level changes", self.num_levels, self.num_levels_seen));
            lines.push(line("pets taken out", self.num_spawns, self.num_spawns_seen));
            lines.push(line("pets taken home", self.num_despawns, self.num_despawns_seen));
            let num_moves = self.num_spawns + self.num_despawns;
            lines.push(line("slot changes", num_moves, self.num_slots_seen));
        }
        lines
    }

    /// What must not have been announced: nobody ordered any of it.
    pub fn violations(&self) -> [Line; 2] {
        let line = |what, announced| Line { what, ordered: 0, announced };
        [
            line("events seen twice", self.num_repeated),
            line("awards nobody ordered", self.num_unexpected),
        ]
    }
}

fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1, MAX_LATENCY_MICROS, 3).expect("the bounds are constant and valid")
}

impl Default for Books {
    fn default() -> Self {
        Self::new()
    }
}

impl Line {
    pub fn is_balanced(&self) -> bool {
        self.ordered == self.announced
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::CharacterId;

    fn award(transaction: Uuid) -> pet::Command {
        let order = pet::Order::AwardCloseness { amount: 1 };
        pet::Command { transaction, actor: CharacterId(0), pet: PetId(1), order }
    }

    fn announced(transaction: Uuid) -> Event {
        let body = Body::ClosenessChanged { slot: 0, closeness: 1, amount: 1, transaction };
        Event { pet: PetId(1), owner: CharacterId(1), body }
    }

    fn is_balanced(books: &Books) -> bool {
        books.lines().iter().all(Line::is_balanced)
    }

    #[test]
    fn the_books_balance_once_every_award_is_announced() {
        let mut books = Books::new();
        books.order(&award(Uuid::from_u128(1)), Instant::now());
        assert!(!is_balanced(&books));
        books.announce(Uuid::from_u128(9), &announced(Uuid::from_u128(1)));
        assert!(is_balanced(&books));
    }

    #[test]
    fn the_recent_latency_is_that_of_the_events_since_the_last_look() {
        let mut books = Books::new();
        assert_eq!(books.take_recent_latency(0.99), None);
        books.order(&award(Uuid::from_u128(1)), Instant::now());
        books.announce(Uuid::from_u128(9), &announced(Uuid::from_u128(1)));
        assert!(books.take_recent_latency(0.99).is_some());
        assert_eq!(books.take_recent_latency(0.99), None);
    }

    #[test]
    fn a_pet_that_goes_home_without_leaving_its_slot_upsets_the_books() {
        let mut books = Books::of_all();
        let (transaction, order) = (Uuid::nil(), pet::Order::Despawn);
        let home = pet::Command { transaction, actor: CharacterId(1), pet: PetId(1), order };
        books.order(&home, Instant::now());
        let event = |body| Event { pet: PetId(1), owner: CharacterId(1), body };
        let gone = Body::Despawned {
            template_id: 5_000_017,
            name: "Kitty".into(),
            slot: -1,
            level: 1,
            closeness: 0,
            fullness: 100,
            old_slot: 0,
            reason: DespawnReason::Normal,
        };
        books.announce(Uuid::from_u128(1), &event(gone));
        assert!(!is_balanced(&books));
        let left = Body::SlotChanged { old_slot: 0, new_slot: -1 };
        books.announce(Uuid::from_u128(2), &event(left));
        assert!(is_balanced(&books));
    }

    #[test]
    fn an_effect_that_happened_twice_upsets_the_books() {
        let mut books = Books::new();
        books.order(&award(Uuid::from_u128(1)), Instant::now());
        books.announce(Uuid::from_u128(9), &announced(Uuid::from_u128(1)));
        books.announce(Uuid::from_u128(10), &announced(Uuid::from_u128(1)));
        assert!(!is_balanced(&books));
    }

    #[test]
    fn without_ids_an_award_announced_twice_upsets_the_books_and_two_awards_do_not() {
        let mut books = Books::new();
        for transaction in [1, 2].map(Uuid::from_u128) {
            books.order(&award(transaction), Instant::now());
            books.announce(Uuid::nil(), &announced(transaction));
        }
        assert!(is_balanced(&books));
        books.announce(Uuid::nil(), &announced(Uuid::from_u128(1)));
        assert!(!is_balanced(&books));
    }

    #[test]
    fn an_event_that_stands_twice_upsets_the_books() {
        let mut books = Books::new();
        books.order(&award(Uuid::from_u128(1)), Instant::now());
        books.announce(Uuid::from_u128(9), &announced(Uuid::from_u128(1)));
        books.announce(Uuid::from_u128(9), &announced(Uuid::from_u128(1)));
        assert!(!is_balanced(&books));
    }
}
