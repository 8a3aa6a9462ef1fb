//! Slots: who is out, in which order, and what moves when one comes or goes.

use smallvec::SmallVec;

use super::Owner;
use crate::domain::context::Context;
use crate::domain::effects::{Effects, Reason};
use crate::domain::pet::{Body, DespawnReason, Dirty, MAX_SPAWNED, NOT_SPAWNED, Pet};

/// Renumbers the spawned pets 0..n−1 in the order of their slots.
pub(super) fn close_up(pets: &mut [Pet]) {
    pets.sort_unstable_by_key(|pet| (pet.slot, pet.id));
    for (pet, slot) in pets.iter_mut().filter(|pet| pet.is_spawned()).zip(0..) {
        let slot = if slot < MAX_SPAWNED { slot } else { NOT_SPAWNED };
        if pet.slot != slot {
            pet.slot = slot;
            pet.touch(Dirty::Vitals);
        }
    }
}

impl Owner {
    pub(super) fn spawn(
        &mut self,
        index: usize,
        lead: bool,
        ctx: &Context<'_>,
        out: &mut Effects,
    ) -> Result<(), Reason> {
        let pet = &self.pets[index];
        if pet.is_spawned() {
            if lead {
                self.promote(index, out);
            }
            return Ok(());
        }
        let num_spawned = self.num_spawned();
        if num_spawned >= self.max_spawned(ctx) {
            return Err(Reason::SlotsFull);
        }
        if pet.is_expired(ctx.now) {
            return Err(Reason::Expired);
        }
        if num_spawned == 0 {
            self.forgive_hunger(ctx);
        }
        if lead {
            self.move_up(num_spawned, out);
        }
        self.move_to(index, if lead { 0 } else { num_spawned }, out);
        self.tell(index, self.pets[index].spawned(), out);
        Ok(())
    }

    /// How many pets may be out: by the rules, and by the character's own limit.
    fn max_spawned(&self, ctx: &Context<'_>) -> i8 {
        let own = self.character.as_ref().and_then(|character| character.profile.max_spawned);
        let limit = own.map_or(ctx.rules.max_spawned, |own| own.min(ctx.rules.max_spawned));
        i8::try_from(limit).unwrap_or(MAX_SPAWNED).min(MAX_SPAWNED)
    }

    /// Makes a spawned pet the lead.
    fn promote(&mut self, index: usize, out: &mut Effects) {
        let slot = self.pets[index].slot;
        if slot > 0 {
            self.move_up(slot, out);
            self.move_to(index, 0, out);
        }
    }

    /// The despawn group: the gap is closed first, then the pet goes.
    pub(super) fn despawn(&mut self, index: usize, reason: DespawnReason, out: &mut Effects) {
        let old_slot = self.pets[index].slot;
        self.move_down(old_slot, out);
        self.move_to(index, NOT_SPAWNED, out);
        self.tell(index, self.pets[index].despawned(old_slot, reason), out);
    }

    /// Takes a pet away for good: a spawned one's slot is closed, then it is deleted.
    pub(super) fn delete(&mut self, index: usize, out: &mut Effects) {
        if self.pets[index].is_spawned() {
            self.move_down(self.pets[index].slot, out);
        }
        self.tell(index, Body::Deleted, out);
        let pet = self.pets.remove(index);
        self.removed.push(pet.id);
    }

    /// Indexes of the spawned pets, lead first, as of now: they stay valid while despawning
    /// moves the slots.
    pub(super) fn all_spawned(&self) -> SmallVec<[usize; MAX_SPAWNED as usize]> {
        (0..MAX_SPAWNED).map_while(|slot| self.at(slot)).collect()
    }

    pub(super) fn has_spawned(&self) -> bool {
        self.pets.iter().any(Pet::is_spawned)
    }

    /// Also the lowest free slot, as there is never a gap.
    fn num_spawned(&self) -> i8 {
        self.pets.iter().map(|pet| i8::from(pet.is_spawned())).sum()
    }

    fn at(&self, slot: i8) -> Option<usize> {
        self.pets.iter().position(|pet| pet.slot == slot)
    }

    /// Those in slots 0..`end` move up by one, from the highest slot down.
    fn move_up(&mut self, end: i8, out: &mut Effects) {
        for slot in (0..end).rev() {
            if let Some(index) = self.at(slot) {
                self.move_to(index, slot + 1, out);
            }
        }
    }

    /// Those in slots above `gap` move down by one, lowest first.
    fn move_down(&mut self, gap: i8, out: &mut Effects) {
        for slot in gap + 1..MAX_SPAWNED {
            if let Some(index) = self.at(slot) {
                self.move_to(index, slot - 1, out);
            }
        }
    }

    fn move_to(&mut self, index: usize, new_slot: i8, out: &mut Effects) {
        let pet = &mut self.pets[index];
        let old_slot = std::mem::replace(&mut pet.slot, new_slot);
        pet.touch(Dirty::Vitals);
        self.tell(index, Body::SlotChanged { old_slot, new_slot }, out);
    }
}

impl Pet {
    fn spawned(&self) -> Body {
        let position = self.position.unwrap_or_default();
        Body::Spawned {
            template_id: self.template_id,
            name: self.name.clone(),
            slot: self.slot,
            level: self.level,
            closeness: self.closeness,
            fullness: self.fullness,
            x: position.x,
            y: position.y,
            stance: position.stance,
            fh: position.fh,
        }
    }

    fn despawned(&self, old_slot: i8, reason: DespawnReason) -> Body {
        Body::Despawned {
            template_id: self.template_id,
            name: self.name.clone(),
            slot: self.slot,
            level: self.level,
            closeness: self.closeness,
            fullness: self.fullness,
            old_slot,
            reason,
        }
    }
}

#[cfg(test)]
mod tests;
