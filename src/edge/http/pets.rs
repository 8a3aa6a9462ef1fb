//! The routes of the pets API.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use chrono::Utc;
use serde::Serialize;
use tokio::sync::Mutex;

use super::auth::Principal;
use super::body::{self, Creation};
use super::caller::Caller;
use super::document::{self, Document, JSON_API, List};
use super::error::{Code, Error};
use super::page;
use super::{Game, reading, resource};
use crate::domain::input::Request;
use crate::domain::pet::Pet;
use crate::domain::{CharacterId, CharacterKey, PetId};
use crate::engine::handle::Handle;
use crate::engine::record::Target;
use crate::engine::request::Errand;
use crate::engine::round::Answer;
use crate::store::{self, Store};

/// Largest body, in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// Pet ids taken from the database at a time; a restart loses those not used.
const ID_BLOCK: u32 = 64;

/// What the routes of all workers share.
pub struct Api {
    game: Arc<Game>,
    /// Reserved in the database and not yet given away.
    ids: Mutex<Range<i64>>,
}

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/api/pets", "POST").route(web::post().to(create)))
        .service(
            resource("/api/pets/{pet}", "GET, HEAD, PATCH, DELETE")
                .route(web::route().guard(reading()).to(read))
                .route(web::patch().to(rename))
                .route(web::delete().to(delete)),
        )
        .service(
            resource("/api/characters/{character}/pets", "GET, HEAD, POST")
                .route(web::route().guard(reading()).to(list))
                .route(web::post().to(create)),
        );
}

async fn read(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let caller = api.caller(&request)?;
    let id = pet_id(&request)?;
    let engine = api.engine()?;
    let key = caller.pet(id);
    let store = api.store()?;
    let (owner, pet) =
        api.stored(async move { store.pet(key).await }).await?.ok_or_else(unknown_pet)?;
    let owner = caller.character(owner);
    api.check(&caller, owner, unknown_pet).await?;
    let pet = placed(&engine, owner, vec![pet]).await.remove(0);
    Ok(answer(HttpResponse::Ok(), &Document { data: pet }))
}

async fn list(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let caller = api.caller(&request)?;
    let owner = caller.character(character_id(&request)?);
    let page = page::Request::parse(request.query_string())?;
    let engine = api.engine()?;
    api.check(&caller, owner, unknown_character).await?;
    let store = api.store()?;
    let (total, pets) =
        api.stored(async move { store.pets_of(owner, page.offset(), page.size()).await }).await?;
    let pets = placed(&engine, owner, pets).await;
    let list = List::new(pets, total, page.among(total), request.path());
    Ok(answer(HttpResponse::Ok(), &list))
}

/// Of both routes; the second names the owner in its path.
async fn create(
    api: web::Data<Api>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let caller = api.caller(&request)?;
    let has_owner = request.match_info().get("character").is_some();
    let owner = has_owner.then(|| character_id(&request)).transpose()?;
    let Creation { owner, mut pet } = Creation::parse(&whole(payload).await?, owner, Utc::now())?;
    let engine = api.engine()?;
    let owner = caller.character(owner);
    api.check(&caller, owner, unknown_character).await?;
    pet.id = api.next_id().await?;
    let created = api.ask(&engine, &caller, owner, Request::CreatePet(Box::new(pet))).await?;
    let pet = created.ok_or_else(|| Error::new(Code::Internal, "the pet was not created"))?;
    let location = format!("/api/pets/{}", pet.id);
    let data = document::Resource::new(owner.character, pet, None);
    let mut response = HttpResponse::Created();
    response.insert_header((header::LOCATION, location));
    Ok(answer(response, &Document { data }))
}

async fn rename(
    api: web::Data<Api>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let caller = api.caller(&request)?;
    let id = pet_id(&request)?;
    let name = body::rename(&whole(payload).await?, id)?;
    let engine = api.engine()?;
    let owner = api.owner(&caller, id).await?;
    let renamed = api.ask(&engine, &caller, owner, Request::RenamePet { pet: id, name }).await?;
    let pet = renamed.ok_or_else(unknown_pet)?;
    let data = placed(&engine, owner, vec![pet]).await.remove(0);
    Ok(answer(HttpResponse::Ok(), &Document { data }))
}

async fn delete(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let caller = api.caller(&request)?;
    let id = pet_id(&request)?;
    let engine = api.engine()?;
    let owner = api.owner(&caller, id).await?;
    api.ask(&engine, &caller, owner, Request::DeletePet { pet: id }).await?;
    Ok(HttpResponse::NoContent().finish())
}

impl Api {
    pub fn new(game: Arc<Game>) -> Self {
        Self { game, ids: Mutex::new(0..0) }
    }

    pub fn game(&self) -> &Game {
        &self.game
    }

    fn caller(&self, request: &HttpRequest) -> Result<Caller, Error> {
        let principal = Principal::of(request)?;
        Caller::of(principal, request.headers(), self.game.default_tenant.as_ref())
    }

    fn engine(&self) -> Result<Handle, Error> {
        self.game.health.handle().ok_or_else(not_serving)
    }

    fn store(&self) -> Result<Store, Error> {
        self.game.store.get().cloned().ok_or_else(not_serving)
    }

    /// Runs a statement where the store's connections live, to its end even if the client is
    /// gone by then.
    async fn stored<T: Send + 'static>(
        &self,
        statement: impl Future<Output = Result<T, store::Error>> + Send + 'static,
    ) -> Result<T, Error> {
        match self.game.runtime.spawn(statement).await {
            Ok(result) => Ok(result?),
            Err(error) => Err(Error::caused(Code::Internal, "a statement did not end", error)),
        }
    }

    /// Lets a player at characters of theirs only; a character of another user, or of none,
    /// might as well not be there. A service is not looked up.
    async fn check(
        &self,
        caller: &Caller,
        character: CharacterKey,
        refusal: fn() -> Error,
    ) -> Result<(), Error> {
        if caller.principal.player().is_none() {
            return Ok(());
        }
        let store = self.store()?;
        let user = self.stored(async move { store.user_of(character).await }).await?;
        if caller.principal.acts_for(user) { Ok(()) } else { Err(refusal()) }
    }

    /// The owner of a pet that the caller may change.
    async fn owner(&self, caller: &Caller, pet: PetId) -> Result<CharacterKey, Error> {
        let (key, store) = (caller.pet(pet), self.store()?);
        let stored = self.stored(async move { store.pet(key).await }).await?;
        let (owner, _) = stored.ok_or_else(unknown_pet)?;
        let owner = caller.character(owner);
        self.check(caller, owner, unknown_pet).await?;
        Ok(owner)
    }

    /// An id no pet ever had.
    async fn next_id(&self) -> Result<PetId, Error> {
        let mut ids = self.ids.lock().await;
        if ids.is_empty() {
            let store = self.store()?;
            *ids = self.stored(async move { store.reserve_pet_ids(ID_BLOCK).await }).await?;
        }
        let id = ids.next().expect("a block has ids");
        Ok(PetId(u32::try_from(id).expect("the store gives ids of 32 bits")))
    }

    /// The pet as the request left it, once that is committed.
    async fn ask(
        &self,
        engine: &Handle,
        caller: &Caller,
        owner: CharacterKey,
        request: Request,
    ) -> Result<Option<Pet>, Error> {
        let errand = Errand::new(Target::Owner(owner), request, Arc::clone(&caller.cause));
        match engine.ask(errand, self.game.request_timeout).await? {
            Answer::Pet(pet) => Ok(Some(*pet)),
            Answer::Done | Answer::Character(..) => Ok(None),
            Answer::Refused(reason) => Err(reason.into()),
            Answer::Failed | Answer::Rendered(_) => {
                Err(Error::new(Code::Internal, "the request failed"))
            }
        }
    }
}

/// The pets of one owner, with where they stand.
async fn placed(engine: &Handle, owner: CharacterKey, pets: Vec<Pet>) -> Vec<document::Resource> {
    let positions =
        if pets.iter().any(Pet::is_spawned) { engine.positions(owner).await } else { Vec::new() };
    let position =
        |pet: &Pet| positions.iter().find(|(id, _)| *id == pet.id).map(|(_, position)| *position);
    pets.into_iter()
        .map(|pet| {
            let position = position(&pet);
            document::Resource::new(owner.character, pet, position)
        })
        .collect()
}

/// What is no number of 32 bits is no pet.
fn pet_id(request: &HttpRequest) -> Result<PetId, Error> {
    number(request, "pet").map(PetId).ok_or_else(unknown_pet)
}

fn character_id(request: &HttpRequest) -> Result<CharacterId, Error> {
    let invalid = || Error::new(Code::InvalidId, "the character is not a number of 32 bits");
    number(request, "character").map(CharacterId).ok_or_else(invalid)
}

fn number(request: &HttpRequest, name: &str) -> Option<u32> {
    let text = request.match_info().get(name)?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn not_serving() -> Error {
    Error::new(Code::NotServing, "another process serves, or none yet")
}

fn unknown_pet() -> Error {
    Error::new(Code::UnknownPet, "no such pet")
}

fn unknown_character() -> Error {
    Error::new(Code::UnknownCharacter, "no such character")
}

pub(super) async fn whole(payload: Payload) -> Result<Bytes, Error> {
    match payload.to_bytes_limited(MAX_BODY_BYTES).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) => Err(Error::new(Code::InvalidJson, error.to_string())),
        Err(_) => Err(Error::new(Code::BodyTooLarge, "the body is larger than 64 KiB")),
    }
}

fn answer(mut response: HttpResponseBuilder, document: &impl Serialize) -> HttpResponse {
    let body = serde_json::to_vec(document).expect("text and numbers are JSON");
    response.content_type(JSON_API).body(body)
}
