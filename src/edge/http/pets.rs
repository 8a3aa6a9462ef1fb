//! The routes of the pets API: from HTTP to the [operations](crate::edge::operations::pets) and
//! back.

use std::sync::Arc;

use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;

use super::asked::{self, Asked};
use super::error::{Code, Error};
use super::{reading, resource};
use crate::domain::{CharacterId, PetId};
use crate::edge::operations::Operations;
use crate::edge::operations::pets::body::{self, Creation};
use crate::edge::operations::pets::document::JSON_API;
use crate::edge::operations::pets::page;
use crate::engine::request::Rendered;

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

async fn read(api: Data<Arc<Operations>>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let asked = Asked::of_a_path(&api, &request)?;
    answer(api.pet(&asked.call, pet_id(&request)?).await?)
}

async fn list(api: Data<Arc<Operations>>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let asked = Asked::without_body(&api, &request)?;
    let owner = character_id(&request)?;
    let page = page::Request::parse(request.query_string())?;
    answer(api.pets_of(&asked.call, owner, page, request.path()).await?)
}

/// Of both routes; the second names the owner in its path.
async fn create(
    api: Data<Arc<Operations>>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let has_owner = request.match_info().get("character").is_some();
    let asked = Asked::with_body(&api, &request, payload).await?;
    let owner = has_owner.then(|| character_id(&request)).transpose()?;
    let creation = Creation::parse(&asked.bytes, owner, &api.game().catalog.load(), Utc::now())?;
    answer(api.create_pet(&asked.call, creation).await?)
}

async fn rename(
    api: Data<Arc<Operations>>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let id = pet_id(&request)?;
    let asked = Asked::with_body(&api, &request, payload).await?;
    let name = body::rename(&asked.bytes, id)?;
    answer(api.rename_pet(&asked.call, id, name).await?)
}

async fn delete(
    api: Data<Arc<Operations>>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let id = pet_id(&request)?;
    let asked = Asked::with_body(&api, &request, payload).await?;
    answer(api.delete_pet(&asked.call, id).await?)
}

/// What is no number of 32 bits is no pet.
fn pet_id(request: &HttpRequest) -> Result<PetId, Error> {
    let unknown = || Error::new(Code::UnknownPet, "no such pet");
    number(request, "pet").map(PetId).ok_or_else(unknown)
}

fn character_id(request: &HttpRequest) -> Result<CharacterId, Error> {
    let invalid = || Error::new(Code::InvalidId, "the character is not a number of 32 bits");
    number(request, "character").map(CharacterId).ok_or_else(invalid)
}

fn number(request: &HttpRequest, name: &str) -> Option<u32> {
    let text = request.match_info().get(name)?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn answer(rendered: Rendered) -> Result<HttpResponse, Error> {
    asked::answer(rendered, JSON_API)
}
