//! Headers in, answers out.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use async_nats::client::{PublishError, PublishErrorKind};
use async_nats::service::Request;
use async_nats::service::error::Error as ServiceError;
use async_nats::service::{NATS_SERVICE_ERROR, NATS_SERVICE_ERROR_CODE};
use async_nats::{Client, Subject};
use bytes::Bytes;

use crate::edge::http::error::{Code, Error, PROBLEM};
use crate::edge::http::frame::request_id;
use crate::engine::request::Rendered;

/// Longest text of an error in a header, in characters; the body has all of it.
const MAX_DETAIL_CHARS: usize = 256;
/// No subject the client would send to.
const NOWHERE: Subject = Subject::from_static(" ");

/// An answer as it leaves.
pub struct Reply {
    headers: async_nats::HeaderMap,
    body: Bytes,
    /// For the statistics.
    error: Option<ServiceError>,
}

/// The headers of a request as HTTP has them: names in any case, and values of which one that
/// HTTP could not carry is empty, so that it is wrong and not missing.
pub fn headers(request: &Request) -> HeaderMap {
    let mut known = HeaderMap::new();
    for (name, values) in request.message.headers.iter().flat_map(|headers| headers.iter()) {
        let name: &str = name.as_ref();
        let Ok(name) = HeaderName::try_from(name) else { continue };
        for value in values {
            let value = HeaderValue::from_bytes(value.as_str().trim().as_bytes());
            let value = value.unwrap_or_else(|_| HeaderValue::from_static(""));
            known.append(name.clone(), value);
        }
    }
    known
}

impl Reply {
    /// `asked` are the headers of the request.
    pub fn new(asked: &HeaderMap, answer: Result<Rendered, Error>) -> Self {
        Self::to(request_id(asked).to_str().unwrap_or_default(), answer)
    }

    fn to(id: &str, answer: Result<Rendered, Error>) -> Self {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("X-Request-Id", id);
        match answer {
            Ok(rendered) => {
                for (name, value) in &rendered.headers {
                    headers.insert(name.as_str(), value.as_str());
                }
                // Where HTTP says by its status that nothing is left: here every answer is JSON.
                let body = Some(rendered.body).filter(|body| !body.is_empty());
                Self { headers, body: body.unwrap_or_else(|| "{}".into()).into(), error: None }
            }
            Err(error) => {
                if let Some(cause) = error.cause() {
                    tracing::warn!(request_id = id, "{error}: {cause}");
                }
                let (status, code) = (one_line(error.detail()), error.status().as_u16());
                headers.insert(NATS_SERVICE_ERROR, status.as_str());
                headers.insert(NATS_SERVICE_ERROR_CODE, code.to_string());
                headers.insert("Content-Type", PROBLEM);
                if error.is_retryable() {
                    headers.insert("Retry-After", "1");
                }
                let body = error.problem(id).into();
                Self { headers, body, error: Some(ServiceError { status, code: code.into() }) }
            }
        }
    }

    /// Answers and counts. The library would send an error without a body: the message is ours,
    /// and it is told of one to nowhere, which it refuses to send and counts.
    pub async fn send(mut self, client: &Client, mut request: Request) {
        if let Some(reply) = request.message.reply.replace(NOWHERE) {
            let mut sent = self.publish(client, &reply).await;
            if let Err(error) = &sent
                && error.kind() == PublishErrorKind::MaxPayloadExceeded
            {
                self = self.too_large();
                sent = self.publish(client, &reply).await;
            }
            if let Err(error) = sent {
                tracing::warn!("an answer cannot be sent: {error}");
            }
        }
        let counted = self.error.map_or(Ok(Bytes::new()), Err);
        let _ = request.respond(counted).await;
    }

    async fn publish(&self, client: &Client, to: &Subject) -> Result<(), PublishError> {
        client.publish_with_headers(to.clone(), self.headers.clone(), self.body.clone()).await
    }

    /// What is said in place of an answer that the server does not carry.
    fn too_large(&self) -> Self {
        let id = self.headers.get("X-Request-Id").map_or("", |id| id.as_str());
        let detail = format!(
            "the answer has {} bytes, more than the NATS server's max_payload; ask for a smaller page",
            self.body.len()
        );
        Self::to(id, Err(Error::new(Code::InvalidPage, detail)))
    }
}

/// As a header may have it.
fn one_line(text: &str) -> String {
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(MAX_DETAIL_CHARS).collect()
}
