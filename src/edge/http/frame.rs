//! What all requests have in common: they have an id, and they are answered in time.

use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpMessage as _, HttpResponse};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::error::{Error, Form};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id of a caller's that is taken over, in bytes.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// The request's id, in its extensions.
#[derive(Clone, Debug)]
pub struct RequestId(pub HeaderValue);

/// Time in which a request is answered; put into the app's data.
#[derive(Clone, Copy, Debug)]
pub struct Patience(pub Duration);

/// When the caller is told that it took too long, in the request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(pub Instant);

/// Gives the request's id back with the answer, whatever the answer is, and writes errors in
/// the listener's form.
pub async fn identified(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let id = request_id(request.headers());
    request.extensions_mut().insert(RequestId(id.clone()));
    let form = Form::of(request.path());
    let written = |error: &actix_web::Error| {
        let text = id.to_str().unwrap_or_default();
        let mut response = match error.as_error::<Error>() {
            Some(error) => {
                if let Some(cause) = error.cause() {
                    tracing::warn!(request_id = text, "{error}: {cause}");
                }
                error.response(form, text)
            }
            None => error.error_response(),
        };
        response.headers_mut().insert(X_REQUEST_ID, id.clone());
        response
    };
    match next.call(request).await {
        Ok(mut answered) => match answered.response().error().map(&written) {
            Some(response) => {
                let (request, _) = answered.into_parts();
                Ok(ServiceResponse::new(request, response.map_into_right_body()))
            }
            None => {
                answered.headers_mut().insert(X_REQUEST_ID, id);
                Ok(answered.map_into_left_body())
            }
        },
        Err(error) => {
            let response: HttpResponse = written(&error);
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// Gives up after the app's [`Patience`].
pub async fn within_deadline(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let Patience(patience) =
        *request.app_data::<Patience>().expect("every app has its patience in its data");
    let deadline = Instant::now() + patience;
    request.extensions_mut().insert(Deadline(deadline));
    match timeout_at(deadline, next.call(request)).await {
        Ok(answered) => answered,
        Err(_) => Err(Error::timed_out().into()),
    }
}

/// The caller's, or a new one.
pub fn request_id(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(X_REQUEST_ID).filter(|id| {
        (1..=MAX_REQUEST_ID_BYTES).contains(&id.len())
            && id.as_bytes().iter().all(u8::is_ascii_graphic)
    });
    given.cloned().unwrap_or_else(|| {
        let id = Uuid::now_v7().hyphenated().to_string();
        HeaderValue::from_str(&id).expect("a uuid is a header's value")
    })
}
