//! One character with its session and its pets: the state a character actor owns.

mod assets;
mod changes;
mod characters;
mod clock;
mod commands;
mod movement;
mod requests;
mod slots;
mod status;

use std::sync::Arc;

use super::character::{Character, Session};
use super::context::Context;
use super::effects::{Effects, Outcome, Reason};
use super::ids::{CharacterId, CharacterKey, PetId};
use super::input::Input;
use super::pet::{self, Pet};
use super::tenant::Tenant;

pub use changes::{Changes, CharacterChange, Vitals};
pub use movement::Movement;

/// A character, whether it was ever seen or only owns pets, and all its pets.
///
/// Its spawned pets always occupy the slots 0..n−1 without a gap.
#[derive(Clone, PartialEq, Debug)]
pub struct Owner {
    /// As the latest input named it; what the clock causes carries these headers.
    tenant: Arc<Tenant>,
    id: CharacterId,
    /// None until it is seen in a status event.
    character: Option<Character>,
    /// By ascending id.
    pets: Vec<Pet>,
    /// Removed since the last `take_changes`.
    removed: Vec<PetId>,
    /// Whether the character is not what it was at the last `take_changes`.
    is_changed: bool,
    /// Whether there is a row of the character, or will be once what was taken is committed.
    is_stored: bool,
}

impl Owner {
    /// An owner of whom nothing is stored.
    pub fn new(tenant: Arc<Tenant>, id: CharacterId) -> Self {
        Self::restored(tenant, id, None, Vec::new())
    }

    /// An owner as it was stored. `pets` in any order, each id once. Slots somebody left with
    /// a gap in the database are closed up, and written back with the next change.
    pub fn restored(
        tenant: Arc<Tenant>,
        id: CharacterId,
        character: Option<Character>,
        mut pets: Vec<Pet>,
    ) -> Self {
        slots::close_up(&mut pets);
        pets.sort_unstable_by_key(|pet| pet.id);
        let is_stored = character.is_some();
        Self { tenant, id, character, pets, removed: Vec::new(), is_changed: false, is_stored }
    }

    /// Takes one input: changes the state and leaves what follows in `out`.
    ///
    /// An input that is not [`Outcome::Applied`] changed nothing and left no event.
    pub fn step(&mut self, input: &Input, ctx: &mut Context<'_>, out: &mut Effects) -> Outcome {
        match input {
            Input::Command(command) => rejected(self.command(command, ctx, out)),
            Input::Status(status) => ignored(self.status(status, ctx, out)),
            Input::Asset(asset) => self.asset(asset, out),
            Input::Request(request) => rejected(self.request(request, ctx, out)),
            Input::Tick => ignored(self.tick(ctx, out)),
        }
    }

    pub fn key(&self) -> CharacterKey {
        CharacterKey { tenant: self.tenant.id, character: self.id }
    }

    pub fn id(&self) -> CharacterId {
        self.id
    }

    pub fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    /// Notes the headers of the latest input. The tenant's id is the owner's for good.
    pub fn set_tenant(&mut self, tenant: Arc<Tenant>) {
        debug_assert_eq!(self.tenant.id, tenant.id, "an owner never moves to another tenant");
        self.tenant = tenant;
    }

    pub fn character(&self) -> Option<&Character> {
        self.character.as_ref()
    }

    /// Present while the character is online.
    pub fn session(&self) -> Option<&Session> {
        self.character.as_ref()?.session.as_ref()
    }

    pub fn is_online(&self) -> bool {
        self.session().is_some()
    }

    /// Softly deleted: it takes no commands, nor do its pets.
    pub fn is_deleted(&self) -> bool {
        self.character.as_ref().is_some_and(Character::is_deleted)
    }

    /// By ascending id.
    pub fn pets(&self) -> &[Pet] {
        &self.pets
    }

    pub fn pet(&self, id: PetId) -> Option<&Pet> {
        self.index(id).ok().map(|index| &self.pets[index])
    }

    /// Where a pet stands in `pets`.
    fn index(&self, id: PetId) -> Result<usize, Reason> {
        self.pets.binary_search_by_key(&id, |pet| pet.id).map_err(|_| Reason::UnknownPet)
    }

    /// Reports what happened to the pet at `index`.
    fn tell(&self, index: usize, body: pet::Body, out: &mut Effects) {
        out.pet(pet::Event { pet: self.pets[index].id, owner: self.id, body });
    }

    fn clear_positions(&mut self) {
        for pet in &mut self.pets {
            pet.position = None;
        }
    }
}

fn rejected(result: Result<(), Reason>) -> Outcome {
    result.map_or_else(Outcome::Rejected, |()| Outcome::Applied)
}

fn ignored(result: Result<(), Reason>) -> Outcome {
    result.map_or_else(Outcome::Ignored, |()| Outcome::Applied)
}

#[cfg(test)]
mod tests;
