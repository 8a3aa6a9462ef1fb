//! The rules of the game, pure: no clock, no randomness, no I/O, no logging.
//!
//! Everything is a function from state and input to state and effects:
//! [`Owner::step`] takes one [`Input`] and leaves what follows from it in [`Effects`].
//! The numbers and the order of events come from `spec/pet-kafka.md`,
//! `spec/character-events.md` and `spec/rules.md`.

pub mod catalog;
pub mod character;
pub mod context;
pub mod effects;
pub mod ids;
pub mod input;
pub mod owner;
pub mod pet;
pub mod tenant;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod testing;

pub use catalog::Catalog;
pub use context::{Context, Dice, Rules};
pub use effects::{Effects, Event, Outcome, Reason};
pub use ids::{CharacterId, CharacterKey, PetId, PetKey, TenantId};
pub use input::Input;
pub use owner::Owner;
pub use tenant::Tenant;
