//! From a request to what the [operations](crate::edge::operations) want, and from their answer
//! to a response.

use actix_web::body::{BodyStream, SizedStream, to_bytes_limited};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::{Bytes, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::de::DeserializeOwned;

use super::auth::Principal;
use super::error::{Code, Error};
use crate::edge::operations::body::Body;
use crate::edge::operations::{Call, IDEMPOTENCY_KEY, MAX_BODY_BYTES, Operations};
use crate::engine::request::Rendered;

/// What a request brings besides its path.
pub struct Asked {
    pub call: Call,
    pub bytes: Bytes,
}

impl Asked {
    /// One that changes nothing.
    pub fn without_body(api: &Operations, request: &HttpRequest) -> Result<Self, Error> {
        let tenant = api.game().default_tenant.as_ref();
        let call = Call::of(Principal::of(request)?, request.headers(), tenant)?;
        Ok(Self { call, bytes: Bytes::new() })
    }

    /// The same, of a resource that has no parameters besides its path.
    ///
    /// # Errors
    /// Also [`Code::InvalidQuery`].
    pub fn of_a_path(api: &Operations, request: &HttpRequest) -> Result<Self, Error> {
        let asked = Self::without_body(api, request)?;
        plain(request)?;
        Ok(asked)
    }

    /// One that changes something, and may be repeated if it has a key.
    pub async fn with_body(
        api: &Operations,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<Self, Error> {
        let mut asked = Self::without_body(api, request)?;
        asked.bytes = whole(request, payload).await?;
        plain(request)?;
        if let Some(key) = request.headers().get(IDEMPOTENCY_KEY) {
            let key = key.to_str().unwrap_or_default();
            let (method, path) = (request.method().as_str(), request.uri().to_string());
            let parts = [method.as_bytes(), path.as_bytes(), &asked.bytes];
            asked.call.repeatable(key, &parts)?;
        }
        Ok(asked)
    }

    pub fn body(&self) -> Result<Body, Error> {
        Body::parse(&self.bytes)
    }
}

/// # Errors
/// [`Code::InvalidQuery`].
pub fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, Error> {
    Query::<T>::from_query(request.query_string())
        .map(Query::into_inner)
        .map_err(|error| Error::new(Code::InvalidQuery, error.to_string()))
}

/// A parameter nobody reads was meant to do something.
fn plain(request: &HttpRequest) -> Result<(), Error> {
    match request.query_string() {
        "" => Ok(()),
        _ => Err(Error::new(Code::InvalidQuery, "this resource has no query parameters")),
    }
}

/// The body of a request. One that says how long it is has no more set aside for it than that;
/// one that is too long is read so far all the same, or its sender would not hear why it ended.
pub(super) async fn whole(request: &HttpRequest, payload: Payload) -> Result<Bytes, Error> {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let body = match length.filter(|length| *length <= MAX_BODY_BYTES as u64) {
        Some(length) => to_bytes_limited(SizedStream::new(length, payload), MAX_BODY_BYTES).await,
        None => to_bytes_limited(BodyStream::new(payload), MAX_BODY_BYTES).await,
    };
    match body {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) => Err(Error::new(Code::InvalidJson, error.to_string())),
        Err(_) => Err(Error::body_too_large()),
    }
}

pub fn answer(rendered: Rendered, content_type: &str) -> Result<HttpResponse, Error> {
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
    Ok(response.content_type(content_type).body(body))
}
