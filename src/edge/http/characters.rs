//! The routes of the characters API: from HTTP to the [operations](crate::edge::operations)
//! and back.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::web::{self, Bytes, Data, Payload, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use uuid::Uuid;

use super::auth::Principal;
use super::caller::Caller;
use super::error::{Code, Error};
use super::{pets, reading, resource};
use crate::edge::operations::characters::{Listing, character_ref};
use crate::edge::operations::{Call, Operations};
use crate::engine::request::Rendered;
use crate::store::CharacterRef;

/// Where all of it begins.
pub const ROOT: &str = "/api/v1";

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

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
            let id = asked.id(&request)?;
            answer(api.$operation(&asked.call, id, &asked.body).await?)
        }
    };
}

/// A route that reads one character.
macro_rules! of_a_character {
    ($operation:ident) => {
        web::route().guard(reading()).to(
            |api: Data<Arc<Operations>>, request: HttpRequest| async move {
                let asked = Asked::without_body(&api, &request)?;
                let id = asked.id(&request)?;
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
    answer(api.create(&asked.call, &asked.body).await?)
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
    let id = asked.id(&request)?;
    let EventsQuery { after_seq, limit } = query(&request)?;
    answer(api.events(&asked.call, id, after_seq, limit).await?)
}

/// What a request brings besides its path.
struct Asked {
    call: Call,
    body: Bytes,
}

impl Asked {
    fn without_body(api: &Operations, request: &HttpRequest) -> Result<Self, Error> {
        let tenant = api.game().default_tenant.as_ref();
        let caller = Caller::of(Principal::of(request)?, request.headers(), tenant)?;
        let call = Call {
            tenant: caller.tenant_id(),
            user: caller.principal.player(),
            cause: caller.cause,
            version: version(request.headers())?,
            idempotency: None,
        };
        Ok(Self { call, body: Bytes::new() })
    }

    async fn with_body(
        api: &Operations,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<Self, Error> {
        let mut asked = Self::without_body(api, request)?;
        asked.body = pets::whole(payload).await?;
        if let Some(key) = request.headers().get(IDEMPOTENCY_KEY) {
            let key = key.to_str().unwrap_or_default();
            let (method, path) = (request.method().as_str(), request.uri().to_string());
            let parts = [method.as_bytes(), path.as_bytes(), &asked.body];
            asked.call.repeatable(key, &parts)?;
        }
        Ok(asked)
    }

    fn id(&self, request: &HttpRequest) -> Result<CharacterRef, Error> {
        character_ref(request.match_info().get("id").unwrap_or_default())
    }
}

/// `If-Match`, if it names a version; `*` is any.
fn version(headers: &HeaderMap) -> Result<Option<u64>, Error> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let digits = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let version = is_number.then(|| digits.parse().ok()).flatten();
    let invalid = || Error::new(Code::InvalidVersion, "If-Match is no version of a character");
    version.map(Some).ok_or_else(invalid)
}

fn query<T: serde::de::DeserializeOwned>(request: &HttpRequest) -> Result<T, Error> {
    Query::<T>::from_query(request.query_string())
        .map(Query::into_inner)
        .map_err(|error| Error::new(Code::InvalidQuery, error.to_string()))
}

fn answer(rendered: Rendered) -> Result<HttpResponse, Error> {
    let Rendered { status, headers, body } = rendered;
    let invalid = || Error::new(Code::Internal, "the answer cannot be written");
    let status = StatusCode::from_u16(status).map_err(|_| invalid())?;
    let mut response = HttpResponse::build(status);
    for (name, value) in headers {
        let name = HeaderName::try_from(name).map_err(|_| invalid())?;
        response.insert_header((name, HeaderValue::try_from(value).map_err(|_| invalid())?));
    }
    if status == StatusCode::NO_CONTENT {
        return Ok(response.finish());
    }
    Ok(response.content_type("application/json").body(body))
}
