//! Who is in memory: the addresses of the character actors.
//!
//! The supervisor alone writes; requests and the admin API read beside it.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use actix::Addr;
use chrono::{DateTime, Utc};
use dashmap::DashMap;
use parking_lot::RwLock;
use rustc_hash::FxBuildHasher;

use super::character::CharacterActor;
use super::round::{Census, World};
use crate::domain::CharacterKey;
use crate::telemetry::metrics::METRICS;
use crate::telemetry::vitals::{self, Ranks, Vitals};

/// The character actors alive, by identity.
#[derive(Default)]
pub struct Registry {
    actors: DashMap<CharacterKey, Entry, FxBuildHasher>,
    /// What lists are made of, at the numbers of the actors' vitals: beside each other, so that a
    /// look at all of them reads memory in order.
    rows: RwLock<Vec<Option<Row>>>,
}

/// What a list has to know of everybody, whoever comes to stand on it.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) key: CharacterKey,
    /// Greater for who was touched later.
    pub(super) touched_rank: f64,
    pub(super) is_online: bool,
}

/// What is known of one actor from outside.
pub struct Entry {
    pub addr: Addr<CharacterActor>,
    pub vitals: Arc<Vitals>,
    /// The last round it took part in; once that is committed nothing of it is at risk.
    pub last_round: i64,
    pub touched: Instant,
    /// When the clock is to come by, as the clockwork was told.
    pub due: Option<DateTime<Utc>>,
    pub census: Census,
    /// It stands in the supervisor's list of offline characters.
    pub is_listed: bool,
}

impl Registry {
    pub fn len(&self) -> usize {
        self.actors.len()
    }

    pub fn is_empty(&self) -> bool {
        self.actors.is_empty()
    }

    pub fn contains(&self, key: CharacterKey) -> bool {
        self.actors.contains_key(&key)
    }

    pub(super) fn insert(&self, key: CharacterKey, entry: Entry) {
        count(Census::default(), entry.census);
        let number = entry.vitals.number();
        let row = entry.row(key);
        if let Some(old) = self.actors.insert(key, entry) {
            count(old.census, Census::default());
            self.clear(&old);
        }
        let mut rows = self.rows.write();
        if rows.len() <= number {
            rows.resize(number + 1, None);
        }
        rows[number] = Some(row);
    }

    pub(super) fn remove(&self, key: CharacterKey) -> Option<Entry> {
        let (_, entry) = self.actors.remove(&key)?;
        count(entry.census, Census::default());
        self.clear(&entry);
        Some(entry)
    }

    fn clear(&self, entry: &Entry) {
        self.rows.write()[entry.vitals.number()] = None;
    }

    /// Takes everybody out.
    pub(super) fn drain(&self) -> Vec<Entry> {
        let keys: Vec<CharacterKey> = self.actors.iter().map(|entry| *entry.key()).collect();
        keys.into_iter().filter_map(|key| self.remove(key)).collect()
    }

    /// Changes an entry; its census goes into the gauges.
    pub(super) fn update<R>(
        &self,
        key: CharacterKey,
        change: impl FnOnce(&mut Entry) -> R,
    ) -> Option<R> {
        let mut entry = self.actors.get_mut(&key)?;
        let before = entry.census;
        let result = change(&mut entry);
        count(before, entry.census);
        self.rows.write()[entry.vitals.number()] = Some(entry.row(key));
        Some(result)
    }

    /// Shows everybody, in no particular order. Whoever changes an entry waits for a thousand of
    /// them at most.
    pub(super) fn each(&self, mut show: impl FnMut(&Row, &Ranks)) {
        for index in 0.. {
            let Some(ranks) = vitals::page(index) else { return };
            let rows = self.rows.read();
            let Some(rows) = rows.get(index * vitals::PAGE..) else { return };
            for (row, ranks) in rows.iter().zip(ranks) {
                if let Some(row) = row {
                    show(row, ranks);
                }
            }
        }
    }

    pub(super) fn read<R>(&self, key: CharacterKey, read: impl FnOnce(&Entry) -> R) -> Option<R> {
        self.actors.get(&key).map(|entry| read(&entry))
    }
}

impl Entry {
    fn row(&self, key: CharacterKey) -> Row {
        Row { key, touched_rank: rank(self.touched), is_online: self.census.is_online }
    }
}

/// Seconds since some instant that is always the same.
fn rank(touched: Instant) -> f64 {
    static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    match touched.checked_duration_since(*ORIGIN) {
        Some(after) => after.as_secs_f64(),
        None => -ORIGIN.duration_since(touched).as_secs_f64(),
    }
}

/// Moves one character's share of the world gauges from what it was to what it is.
fn count(before: Census, after: Census) {
    if before == after {
        return;
    }
    let world = &METRICS.world;
    if before.world() != after.world() {
        let gauge = |place: World| match place {
            World::Number(number) => {
                world.characters_online.with_label_values(&[&number.to_string()])
            }
            World::Other => world.characters_online.with_label_values(&["other"]),
        };
        before.world().inspect(|place| gauge(*place).dec());
        after.world().inspect(|place| gauge(*place).inc());
    }
    world.pets_spawned.add(i64::from(after.num_spawned) - i64::from(before.num_spawned));
    world.pets_hungry.add(i64::from(after.num_hungry) - i64::from(before.num_hungry));
}
