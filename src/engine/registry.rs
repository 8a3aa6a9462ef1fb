//! Who is in memory: the addresses of the character actors.
//!
//! The supervisor alone writes; requests and the admin API read beside it.

use std::sync::Arc;
use std::time::Instant;

use actix::Addr;
use chrono::{DateTime, Utc};
use dashmap::DashMap;
use rustc_hash::FxBuildHasher;

use super::character::CharacterActor;
use super::round::Census;
use crate::domain::CharacterKey;
use crate::telemetry::metrics::METRICS;
use crate::telemetry::vitals::Vitals;

/// The character actors alive, by identity.
#[derive(Default)]
pub struct Registry {
    actors: DashMap<CharacterKey, Entry, FxBuildHasher>,
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

    pub fn addr(&self, key: CharacterKey) -> Option<Addr<CharacterActor>> {
        self.actors.get(&key).map(|entry| entry.addr.clone())
    }

    pub(super) fn insert(&self, key: CharacterKey, entry: Entry) {
        count(Census::default(), entry.census);
        if let Some(old) = self.actors.insert(key, entry) {
            count(old.census, Census::default());
        }
    }

    pub(super) fn remove(&self, key: CharacterKey) -> Option<Entry> {
        let (_, entry) = self.actors.remove(&key)?;
        count(entry.census, Census::default());
        Some(entry)
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
        Some(result)
    }

    /// Shows every entry, in no particular order. A part of the map is locked at a time.
    ///
    /// By keeping all: the map's iterators count a reference for each entry, and such a count
    /// keeps the processor from fetching the next entries meanwhile.
    pub(super) fn each(&self, mut show: impl FnMut(CharacterKey, &Entry)) {
        self.actors.retain(|key, entry| {
            show(*key, entry);
            true
        });
    }

    pub(super) fn read<R>(&self, key: CharacterKey, read: impl FnOnce(&Entry) -> R) -> Option<R> {
        self.actors.get(&key).map(|entry| read(&entry))
    }
}

/// Moves one character's share of the world gauges from what it was to what it is.
fn count(before: Census, after: Census) {
    if before == after {
        return;
    }
    let world = &METRICS.world;
    if before.world() != after.world() {
        let gauge =
            |world: u8| METRICS.world.characters_online.with_label_values(&[&world.to_string()]);
        before.world().inspect(|world| gauge(*world).dec());
        after.world().inspect(|world| gauge(*world).inc());
    }
    world.pets_spawned.add(i64::from(after.num_spawned) - i64::from(before.num_spawned));
    world.pets_hungry.add(i64::from(after.num_hungry) - i64::from(before.num_hungry));
}
