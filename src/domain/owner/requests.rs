//! What is asked for over HTTP and NATS.

use super::{Owner, commands};
use crate::domain::context::Context;
use crate::domain::effects::{Effects, Reason};
use crate::domain::input::{NewPet, Request};
use crate::domain::pet::{Body, Dirty, MAX_CLOSENESS, MAX_FULLNESS, MAX_LEVEL, Pet};

impl Owner {
    pub(super) fn request(
        &mut self,
        request: &Request,
        ctx: &Context<'_>,
        out: &mut Effects,
    ) -> Result<(), Reason> {
        if self.is_deleted() && !matches!(request, Request::Character(_)) {
            return Err(Reason::Deleted);
        }
        match request {
            Request::Character(request) => self.character_request(request, ctx, out)?,
            Request::CreatePet(new) => self.create(new, out),
            Request::RenamePet { pet, name } => {
                let index = self.index(*pet)?;
                let pet = &mut self.pets[index];
                if pet.name != *name {
                    pet.name = name.clone();
                    pet.touch(Dirty::Whole);
                }
            }
            Request::DeletePet { pet } => {
                let index = self.index(*pet)?;
                self.delete(index, out);
            }
        }
        Ok(())
    }

    /// Ids come from the database, each once; one that is already here was created before and
    /// stays as it is.
    fn create(&mut self, new: &NewPet, out: &mut Effects) {
        let Err(index) = self.pets.binary_search_by_key(&new.id, |pet| pet.id) else { return };
        self.removed.retain(|&id| id != new.id);
        self.pets.insert(index, Pet::created(new));
        self.tell(index, Body::Created, out);
    }
}

impl Pet {
    fn created(new: &NewPet) -> Self {
        Self {
            cash_id: new.cash_id,
            name: new.name.clone(),
            level: new.level.clamp(1, MAX_LEVEL),
            closeness: new.closeness.min(MAX_CLOSENESS),
            fullness: new.fullness.min(MAX_FULLNESS),
            expiration: new.expiration,
            flag: new.flag,
            purchase_by: new.purchase_by,
            excludes: commands::excludes(&new.excludes),
            asset: new.asset,
            dirty: Dirty::Whole,
            ..Self::new(new.id, new.template_id)
        }
    }
}

#[cfg(test)]
mod tests;
