//! Pet items in the inventory: which item stands for which pet, and what its loss means.

use super::Owner;
use crate::domain::character::{Asset, AssetChange};
use crate::domain::effects::{Effects, Outcome, Reason};
use crate::domain::pet::{self, Dirty, Pet};

impl Owner {
    /// An item whose pet is not known here is nobody's loss, unless the item is deleted: then
    /// a pet that should have gone stays, and that is a rejection.
    pub(super) fn asset(&mut self, asset: &Asset, out: &mut Effects) -> Outcome {
        let found = match asset.change {
            AssetChange::Recorded { pet, .. } => self.index(pet),
            AssetChange::Moved { old_slot } => self
                .first_of([&|pet| pet.is_asset(asset.asset), &|pet| {
                    old_slot.is_some_and(|slot| pet.is_at(asset.template_id, slot))
                }]),
            AssetChange::Deleted => self.first_of([
                &|pet| pet.is_asset(asset.asset),
                &|pet| pet.is_at(asset.template_id, asset.slot),
                &|pet| pet.template_id == asset.template_id,
            ]),
        };
        match (found, asset.change) {
            (Ok(index), AssetChange::Deleted) => self.delete(index, out),
            (Ok(index), _) => self.record(index, asset),
            (Err(Reason::AmbiguousAsset), AssetChange::Deleted) => {
                return Outcome::DeadLetter(Reason::AmbiguousAsset);
            }
            (Err(_), AssetChange::Deleted) => return Outcome::Rejected(Reason::UnknownPet),
            (Err(_), _) => return Outcome::Ignored(Reason::UnknownPet),
        }
        Outcome::Applied
    }

    /// The pet that the surest sign points at which points at any. Never a guess: a sign that
    /// points at several ends the search.
    fn first_of<const N: usize>(&self, signs: [&dyn Fn(&Pet) -> bool; N]) -> Result<usize, Reason> {
        signs
            .into_iter()
            .map(|sign| self.only(sign))
            .find(|found| *found != Err(Reason::UnknownPet))
            .unwrap_or(Err(Reason::UnknownPet))
    }

    /// The only pet of which `is_it` holds.
    fn only(&self, is_it: impl Fn(&Pet) -> bool) -> Result<usize, Reason> {
        let mut found = (0..self.pets.len()).filter(|&index| is_it(&self.pets[index]));
        match (found.next(), found.next()) {
            (Some(index), None) => Ok(index),
            (Some(_), Some(_)) => Err(Reason::AmbiguousAsset),
            (None, _) => Err(Reason::UnknownPet),
        }
    }

    fn record(&mut self, index: usize, asset: &Asset) {
        let pet = &mut self.pets[index];
        let recorded = Some(pet::Asset { id: asset.asset, slot: asset.slot });
        if pet.asset != recorded {
            pet.asset = recorded;
            pet.touch(Dirty::Whole);
        }
    }
}

impl Pet {
    fn is_asset(&self, id: u32) -> bool {
        self.asset.is_some_and(|asset| asset.id == id)
    }

    fn is_at(&self, template_id: u32, slot: i16) -> bool {
        self.template_id == template_id && self.asset.is_some_and(|asset| asset.slot == slot)
    }
}

#[cfg(test)]
mod tests;
