//! The operations on pets (`spec/interface.md` section 3), one function each.
//!
//! | file | what |
//! |---|---|
//! | `body` | what is read |
//! | `document`, `page` | what is written |

pub mod body;
pub mod document;
pub mod page;

use std::sync::Arc;

use self::body::Creation;
use self::document::{Document, List, Resource};
use super::document::{gone, plain};
use super::{Call, Operations, unknown_character};
use crate::domain::input::Request;
use crate::domain::pet::{Pet, Position};
use crate::domain::{CharacterId, CharacterKey, PetId, PetKey};
use crate::edge::http::auth::acts_for;
use crate::edge::http::error::{Code, Error};
use crate::engine::handle::Handle;
use crate::engine::record::Target;
use crate::engine::request::{Render, Rendered};
use crate::engine::round::Answer;

/// Pet ids taken from the database at a time; a restart loses those not used.
const ID_BLOCK: u32 = 256;

/// Where pets stand, as the actor of their owner knows it.
type Positions = Vec<(PetId, Position)>;

impl Operations {
    pub async fn pet(&self, call: &Call, id: PetId) -> Result<Rendered, Error> {
        let engine = self.engine()?;
        let (owner, pet) = self.find_pet(call, id).await?;
        let positions = positions(&engine, owner, std::slice::from_ref(&pet)).await;
        Ok(plain(&Document { data: resource(owner, pet, &positions) }))
    }

    /// `path` is that of the links to other pages.
    pub async fn pets_of(
        &self,
        call: &Call,
        owner: CharacterId,
        page: page::Request,
        path: &str,
    ) -> Result<Rendered, Error> {
        let engine = self.engine()?;
        let owner = CharacterKey { tenant: call.tenant, character: owner };
        self.check(call, owner, unknown_character).await?;
        let (total, pets) = self
            .stored(
                move |store| async move { store.pets_of(owner, page.offset(), page.size()).await },
            )
            .await?;
        let positions = positions(&engine, owner, &pets).await;
        let pets = pets.into_iter().map(|pet| resource(owner, pet, &positions)).collect();
        Ok(plain(&List::new(pets, total, page.among(total), path)))
    }

    pub async fn create_pet(&self, call: &Call, creation: Creation) -> Result<Rendered, Error> {
        self.engine()?;
        let Creation { owner, mut pet } = creation;
        let owner = CharacterKey { tenant: call.tenant, character: owner };
        match self.check(call, owner, unknown_character).await {
            Err(error) => return self.first_answer_or(call, error).await,
            Ok(()) => pet.id = self.next_pet().await?,
        }
        let render: Render = Arc::new(move |answer| match answer {
            Answer::Pet(pet) => {
                let location = format!("/api/pets/{}", pet.id);
                let headers = vec![("Location".to_owned(), location)];
                Rendered { status: 201, headers, ..written(owner, pet, &Positions::new()) }
            }
            _ => gone(),
        });
        let request = Request::CreatePet(Box::new(pet));
        match self.request(call, owner, request, &render).await? {
            Answer::Rendered(rendered) => Ok(*rendered),
            answer @ Answer::Pet(_) => Ok(render(&answer)),
            _ => Err(Error::new(Code::Internal, "the pet was not created")),
        }
    }

    pub async fn rename_pet(
        &self,
        call: &Call,
        id: PetId,
        name: Box<str>,
    ) -> Result<Rendered, Error> {
        let engine = self.engine()?;
        let owner = match self.find_pet(call, id).await {
            Ok((owner, _)) => owner,
            Err(error) => return self.first_answer_or(call, error).await,
        };
        // An answer that is kept is written inside the round, where nobody can be asked.
        let before = match call.idempotency {
            Some(_) => engine.positions(owner).await,
            None => Positions::new(),
        };
        let render: Render = Arc::new(move |answer| match answer {
            Answer::Pet(pet) => written(owner, pet, &before),
            _ => gone(),
        });
        match self.request(call, owner, Request::RenamePet { pet: id, name }, &render).await? {
            Answer::Rendered(rendered) => Ok(*rendered),
            Answer::Pet(pet) => {
                let positions = positions(&engine, owner, std::slice::from_ref(&pet)).await;
                Ok(written(owner, &pet, &positions))
            }
            _ => Err(unknown_pet()),
        }
    }

    pub async fn delete_pet(&self, call: &Call, id: PetId) -> Result<Rendered, Error> {
        self.engine()?;
        let owner = match self.find_pet(call, id).await {
            Ok((owner, _)) => owner,
            Err(error) => return self.first_answer_or(call, error).await,
        };
        let render: Render = Arc::new(|_| gone());
        match self.request(call, owner, Request::DeletePet { pet: id }, &render).await? {
            Answer::Rendered(rendered) => Ok(*rendered),
            _ => Ok(gone()),
        }
    }

    /// Asks a pet's owner, and answers once that is committed.
    async fn request(
        &self,
        call: &Call,
        owner: CharacterKey,
        request: Request,
        render: &Render,
    ) -> Result<Answer, Error> {
        let (target, claims) = (Target::Owner(owner), call.claims());
        match self.send(call, target, request, claims, Arc::clone(render), false).await? {
            Answer::Refused(reason) => Err(reason.into()),
            answer => Ok(answer),
        }
    }

    /// A pet that the caller may see and change, and its owner.
    async fn find_pet(&self, call: &Call, pet: PetId) -> Result<(CharacterKey, Pet), Error> {
        let key = PetKey { tenant: call.tenant, pet };
        let found = self.stored(move |store| async move { store.pet(key).await }).await?;
        let (owner, pet) = found.ok_or_else(unknown_pet)?;
        let owner = CharacterKey { tenant: call.tenant, character: owner };
        self.check(call, owner, unknown_pet).await?;
        Ok((owner, pet))
    }

    /// Lets a player at characters of theirs only; a character of another user, or of none,
    /// might as well not be there. A service is not looked up.
    async fn check(
        &self,
        call: &Call,
        character: CharacterKey,
        refusal: fn() -> Error,
    ) -> Result<(), Error> {
        if call.user.is_none() {
            return Ok(());
        }
        let user = self.stored(move |store| async move { store.user_of(character).await }).await?;
        if acts_for(call.user, user) { Ok(()) } else { Err(refusal()) }
    }

    /// What the request was about is not there, at least not for the caller: unless it is
    /// repeated, and was there the first time.
    async fn first_answer_or(&self, call: &Call, error: Error) -> Result<Rendered, Error> {
        if !matches!(error.code, Code::UnknownPet | Code::UnknownCharacter) {
            return Err(error);
        }
        match self.first_answer(call).await? {
            Some(Answer::Rendered(rendered)) => Ok(*rendered),
            Some(Answer::Refused(reason)) => Err(reason.into()),
            Some(_) | None => Err(error),
        }
    }

    /// An id no pet ever had.
    async fn next_pet(&self) -> Result<PetId, Error> {
        let mut ids = self.pet_ids.lock().await;
        if ids.is_empty() {
            *ids =
                self.stored(|store| async move { store.reserve_pet_ids(ID_BLOCK).await }).await?;
        }
        let id = ids.next().expect("a block has ids");
        Ok(PetId(u32::try_from(id).expect("the store gives ids of 32 bits")))
    }
}

async fn positions(engine: &Handle, owner: CharacterKey, pets: &[Pet]) -> Positions {
    match pets.iter().any(Pet::is_spawned) {
        true => engine.positions(owner).await,
        false => Positions::new(),
    }
}

fn resource(owner: CharacterKey, pet: Pet, positions: &Positions) -> Resource {
    let position = positions.iter().find(|(id, _)| *id == pet.id).map(|(_, position)| *position);
    Resource::new(owner.character, pet, position)
}

fn written(owner: CharacterKey, pet: &Pet, positions: &Positions) -> Rendered {
    plain(&Document { data: resource(owner, pet.clone(), positions) })
}

fn unknown_pet() -> Error {
    Error::new(Code::UnknownPet, "no such pet")
}
