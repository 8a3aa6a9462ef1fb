//! What time does to spawned pets: hunger and expiry (`spec/rules.md` section 1, Time).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Owner;
use crate::domain::catalog::Catalog;
use crate::domain::context::Context;
use crate::domain::effects::{Effects, Reason};
use crate::domain::pet::{Body, DespawnReason, Dirty, HUNGER_DESPAWN, limited};

impl Owner {
    /// The earliest instant at which a [`Tick`](crate::domain::Input::Tick) has something to do,
    /// as far as is known now: the next hunger or the next expiration of a spawned pet.
    /// None while offline or without a pet out.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        let session = self.session()?;
        if !self.has_spawned() {
            return None;
        }
        let out = self.pets.iter().filter(|pet| pet.is_spawned());
        out.filter_map(|pet| pet.expiration).chain([session.next_hunger]).min()
    }

    /// Expiry first: a pet whose time is up takes no part in the meal it missed.
    pub(super) fn tick(&mut self, ctx: &Context<'_>, out: &mut Effects) -> Result<(), Reason> {
        if self.purge_if_due(ctx, out) {
            return Ok(());
        }
        let session = self.session().ok_or(Reason::NotOnline)?;
        let hunger_is_due = session.next_hunger <= ctx.now;
        self.expire(ctx.now, out);
        if hunger_is_due && self.has_spawned() {
            self.starve(ctx.catalog, out);
            self.advance_hunger(ctx);
        }
        Ok(())
    }

    /// Despawns every spawned pet whose expiration has come, lead first.
    fn expire(&mut self, now: DateTime<Utc>, out: &mut Effects) {
        for index in self.all_spawned() {
            if self.pets[index].is_expired(now) {
                self.despawn(index, DespawnReason::Expired, out);
            }
        }
    }

    /// One hunger tick.
    fn starve(&mut self, catalog: &Catalog, out: &mut Effects) {
        for index in self.all_spawned() {
            match catalog.template(self.pets[index].template_id) {
                Some(template) => self.lose_fullness(index, template.hunger, out),
                None => out.num_unknown_templates += 1,
            }
        }
    }

    fn lose_fullness(&mut self, index: usize, hunger: u8, out: &mut Effects) {
        let pet = &mut self.pets[index];
        let fullness = pet.fullness.saturating_sub(hunger);
        let lost = pet.fullness - fullness;
        if lost > 0 {
            pet.fullness = fullness;
            pet.touch(Dirty::Vitals);
            let slot = pet.slot;
            let amount = -limited(lost);
            self.tell(index, Body::FullnessChanged { slot, fullness, amount }, out);
        }
        if fullness <= HUNGER_DESPAWN {
            self.despawn(index, DespawnReason::Hunger, out);
        }
    }

    /// Called before the first pet comes out: ticks that passed with none out are not owed.
    pub(super) fn forgive_hunger(&mut self, ctx: &Context<'_>) {
        if self.session().is_some_and(|session| session.next_hunger <= ctx.now) {
            self.advance_hunger(ctx);
        }
    }

    /// Sets the clock to its next phase after now, however many were missed.
    fn advance_hunger(&mut self, ctx: &Context<'_>) {
        if let Some(session) = self.character.as_mut().and_then(|one| one.session.as_mut()) {
            session.next_hunger = hunger_after(session.since, ctx.rules.hunger_interval, ctx.now);
            self.is_changed = true;
        }
    }
}

/// The first hunger tick of a session.
pub(super) fn first_hunger(since: DateTime<Utc>, interval: Duration) -> DateTime<Utc> {
    hunger_after(since, interval, since)
}

/// The first `since + k * interval`, k ≥ 1, after `now`. An interval below a millisecond counts
/// as one; an instant no calendar has becomes the last one there is.
fn hunger_after(since: DateTime<Utc>, interval: Duration, now: DateTime<Utc>) -> DateTime<Utc> {
    const NANOS_PER_SEC: u128 = 1_000_000_000;
    let interval = interval.max(Duration::from_millis(1)).as_nanos();
    let elapsed = (now - since).to_std().unwrap_or_default().as_nanos();
    let nanos = (elapsed / interval + 1) * interval;
    let secs = u64::try_from(nanos / NANOS_PER_SEC).unwrap_or(u64::MAX);
    let offset = Duration::new(secs, (nanos % NANOS_PER_SEC) as u32);
    TimeDelta::from_std(offset)
        .ok()
        .and_then(|offset| since.checked_add_signed(offset))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests;
