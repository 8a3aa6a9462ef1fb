//! The routes of the characters API: from HTTP to the [operations](crate::edge::operations)
//! and back.

use std::sync::Arc;

use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use uuid::Uuid;

use super::asked::{self, Asked, query};
use super::error::{Code, Error};
use super::{reading, resource};
use crate::edge::operations::Operations;
use crate::edge::operations::characters::{Listing, character_ref};
use crate::engine::request::Rendered;
use crate::store::CharacterRef;

/// Where all of it begins.
pub const ROOT: &str = "/api/v1";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    user_id: Option<Uuid>,
    #[serde(default)]
    include_deleted: bool,
    cursor: Option<String>,
    limit: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NameQuery {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventsQuery {
    #[serde(default)]
    after_seq: u64,
    limit: Option<u64>,
}

/// A route that hands its body to one operation on one character.
macro_rules! on_a_character {
    ($operation:ident) => {
        |api: Data<Arc<Operations>>, request: HttpRequest, payload: Payload| async move {
            let asked = Asked::with_body(&api, &request, payload).await?;
            let id = id(&request)?;
            answer(api.$operation(&asked.call, id, asked.body()?).await?)
        }
    };
}

/// A route that reads one character.
macro_rules! of_a_character {
    ($operation:ident) => {
        web::route().guard(reading()).to(
            |api: Data<Arc<Operations>>, request: HttpRequest| async move {
                let asked = Asked::of_a_path(&api, &request)?;
                let id = id(&request)?;
                answer(api.$operation(&asked.call, id).await?)
            },
        )
    };
}

pub fn routes(config: &mut ServiceConfig) {
    let at = |path: &str, allow| resource(&format!("{ROOT}/characters{path}"), allow);
    config
        .service(
            at("", "GET, HEAD, POST")
                .route(web::route().guard(reading()).to(list))
                .route(web::post().to(create)),
        )
        .service(at("/check-name", "GET, HEAD").route(web::route().guard(reading()).to(check_name)))
        .service(
            at("/{id}", "GET, HEAD, PATCH, DELETE")
                .route(of_a_character!(get))
                .route(web::patch().to(on_a_character!(patch)))
                .route(web::delete().to(on_a_character!(delete))),
        )
        .service(at("/{id}/restore", "POST").route(web::post().to(on_a_character!(restore))))
        .service(at("/{id}/permanent", "DELETE").route(web::delete().to(on_a_character!(purge))))
        .service(at("/{id}/select", "POST").route(web::post().to(on_a_character!(select))))
        .service(at("/{id}/online", "POST").route(web::post().to(on_a_character!(online))))
        .service(at("/{id}/offline", "POST").route(web::post().to(on_a_character!(offline))))
        .service(
            at("/{id}/position", "GET, HEAD, PUT")
                .route(of_a_character!(position))
                .route(web::put().to(on_a_character!(reposition))),
        )
        .service(at("/{id}/stats", "GET, HEAD").route(of_a_character!(stats)))
        .service(
            at("/{id}/stats/allocate", "POST").route(web::post().to(on_a_character!(allocate))),
        )
        .service(at("/{id}/experience", "POST").route(web::post().to(on_a_character!(experience))))
        .service(
            at("/{id}/appearance", "GET, HEAD, PUT")
                .route(of_a_character!(appearance))
                .route(web::put().to(on_a_character!(dress))),
        )
        .service(at("/{id}/events", "GET, HEAD").route(web::route().guard(reading()).to(events)));
}

async fn create(
    api: Data<Arc<Operations>>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let asked = Asked::with_body(&api, &request, payload).await?;
    answer(api.create(&asked.call, asked.body()?).await?)
}

async fn list(api: Data<Arc<Operations>>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let asked = Asked::without_body(&api, &request)?;
    let ListQuery { user_id: user, include_deleted, cursor, limit } = query(&request)?;
    let listing = Listing { user, include_deleted, cursor, limit };
    answer(api.list(&asked.call, listing).await?)
}

async fn check_name(
    api: Data<Arc<Operations>>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let asked = Asked::without_body(&api, &request)?;
    let NameQuery { name } = query(&request)?;
    answer(api.check_name(&asked.call, &name).await?)
}

async fn events(api: Data<Arc<Operations>>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let asked = Asked::without_body(&api, &request)?;
    let id = id(&request)?;
    let EventsQuery { after_seq, limit } = query(&request)?;
    answer(api.events(&asked.call, id, after_seq, limit).await?)
}

fn id(request: &HttpRequest) -> Result<CharacterRef, Error> {
    let id = request.match_info().get("id").unwrap_or_default();
    character_ref(id).ok_or_else(|| {
        let detail = "its id is neither a UUID nor a number written as n:12345";
        Error::new(Code::UnknownCharacter, detail)
    })
}

fn answer(rendered: Rendered) -> Result<HttpResponse, Error> {
    asked::answer(rendered, "application/json")
}
