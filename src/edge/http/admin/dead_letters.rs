//! Records that could not succeed: to read, to try again, to forget.

use std::sync::Arc;

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Admin, Deed, NoFields, Page, instant, json, limit, no_cursor};
use crate::domain::{Reason, TenantId};
use crate::edge::http::asked::query;
use crate::edge::http::error::{Code, Error};
use crate::edge::http::{reading, resource};
use crate::edge::kafka::decode::Decoded;
use crate::engine::record::{Batch, Payload};
use crate::engine::request::{Claim, Claims, Errand, Idempotency, Rendered};
use crate::engine::round::Answer;
use crate::store::StoredDeadLetter;
use crate::store::dead_letters::{DeadLetterLine, Filter};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    reason: Option<String>,
    limit: Option<u64>,
    cursor: Option<String>,
}

#[derive(Serialize)]
struct Line<'a> {
    id: i64,
    #[serde(serialize_with = "instant")]
    at: DateTime<Utc>,
    reason: &'a str,
    detail: &'a str,
    topic: &'a str,
    partition: i32,
    offset: i64,
    tenant: Option<Uuid>,
    /// Bytes of the value.
    size: i64,
}

#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    line: Line<'a>,
    shard: &'a str,
    key: Option<String>,
    value: String,
    text: Option<&'a str>,
    headers: Vec<Header<'a>>,
}

#[derive(Serialize)]
struct Header<'a> {
    name: &'a str,
    value: String,
    text: Option<&'a str>,
}

#[derive(Serialize)]
struct Redelivered {
    outcome: &'static str,
    detail: Option<String>,
}

pub(super) fn routes(config: &mut ServiceConfig) {
    let at = |path, allow| resource(path, allow);
    config
        .service(
            at("/admin/dead-letters", "GET, HEAD").route(web::route().guard(reading()).to(list)),
        )
        .service(
            at("/admin/dead-letters/{id}", "GET, HEAD, DELETE")
                .route(web::route().guard(reading()).to(show))
                .route(web::delete().to(forget)),
        )
        .service(at("/admin/dead-letters/{id}/redeliver", "POST").route(web::post().to(redeliver)));
}

async fn list(admin: Data<Admin>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let Listing { reason, limit: asked, cursor } = query(&request)?;
    let limit = limit(asked)?;
    let before_id = cursor.map(|id| id.parse().map_err(|_| no_cursor())).transpose()?;
    let filter = Filter { reason, before_id };
    let more = limit as u64 + 1;
    let mut letters = admin
        .stored(move |store| async move { store.dead_letter_lines(filter, more).await })
        .await?;
    let is_last = letters.len() <= limit;
    letters.truncate(limit);
    let last = letters.last().filter(|_| !is_last);
    let next_cursor = last.map(|letter| letter.id.to_string());
    let data = letters.iter().map(Line::from).collect();
    Ok(json(&Page { data, next_cursor, total: None }))
}

async fn show(admin: Data<Admin>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let stored = admin.dead_letter(id(&request)?).await?;
    let letter = &stored.letter;
    let headers = letter.headers.iter().map(|(name, value)| Header {
        name,
        value: STANDARD.encode(value),
        text: std::str::from_utf8(value).ok(),
    });
    Ok(json(&Whole {
        line: Line::from(&stored),
        shard: &stored.shard,
        key: letter.key.as_ref().map(|key| STANDARD.encode(key)),
        value: STANDARD.encode(&letter.payload),
        text: std::str::from_utf8(&letter.payload).ok(),
        headers: headers.collect(),
    }))
}

async fn forget(
    admin: Data<Admin>,
    request: HttpRequest,
    _: NoFields,
) -> Result<HttpResponse, Error> {
    let id = id(&request)?;
    let deed = Deed::on(&request, "drop_dead_letter", id.to_string());
    admin.audited(deed, move |admin| async move { admin.forget(id).await }).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn redeliver(
    admin: Data<Admin>,
    request: HttpRequest,
    _: NoFields,
) -> Result<HttpResponse, Error> {
    let id = id(&request)?;
    let deed = Deed::on(&request, "redeliver", id.to_string());
    let work = move |admin: Arc<Admin>| async move { admin.redeliver(id).await };
    Ok(json(&admin.audited_as(deed, work, |done| done.outcome).await?))
}

impl Admin {
    async fn dead_letter(&self, id: i64) -> Result<StoredDeadLetter, Error> {
        let found = self.stored(move |store| async move { store.dead_letter(id).await }).await?;
        found.ok_or_else(unknown)
    }

    /// Puts the original bytes into a round, which also deletes the letter.
    async fn redeliver(&self, id: i64) -> Result<Redelivered, Error> {
        let shard = self.shard()?;
        let stored = self.dead_letter(id).await?;
        if stored.shard != *self.shard {
            let detail = format!("it is one of shard {}", stored.shard);
            return Err(Error::new(Code::NotServing, detail));
        }
        let decoded =
            self.redelivery.decode(&stored.letter, shard.tenants(), self.game.tracer.clone());
        let (cause, decoded) = decoded.ok_or_else(|| {
            Error::new(Code::InvalidField, "nothing is read from its topic any more")
        })?;
        let (target, input) = match decoded {
            Decoded::Payload(Payload::Input { target, input }) => (target, input),
            Decoded::Payload(Payload::Dead { reason, detail }) => {
                let detail = Some(format!("{reason}: {detail}"));
                return Ok(Redelivered { outcome: "dead_letter", detail });
            }
            // It has no effect that is kept: the letter goes by itself, before anybody else has it.
            Decoded::Move(movement) => {
                self.forget(id).await?;
                let batch = Batch { moves: vec![movement], ..Batch::default() };
                shard.handle().deliver(batch);
                return Ok(Redelivered { outcome: "applied", detail: None });
            }
            Decoded::NotOurs => {
                let detail = "records of its type are not for us any more; drop it";
                return Err(Error::new(Code::InvalidField, detail));
            }
        };
        let tenant = cause.tenant.as_ref().map_or(TenantId(Uuid::nil()), |tenant| tenant.id);
        let (claims, idempotency) = once(tenant, id);
        let idempotency = Some(Box::new(idempotency));
        let errand = Errand { target, input, cause, claims, idempotency, redelivers: Some(id) };
        match shard.handle().ask(errand, self.game.request_timeout).await? {
            Answer::Refused(reason @ Reason::AmbiguousAsset) => {
                Ok(Redelivered { outcome: "dead_letter", detail: Some(reason.code().to_owned()) })
            }
            Answer::Refused(reason) => {
                let detail = Some(reason.code().to_owned());
                Ok(Redelivered { outcome: "rejected", detail })
            }
            Answer::Failed => {
                let detail = Some("it failed again; the log says how".to_owned());
                Ok(Redelivered { outcome: "dead_letter", detail })
            }
            _ => Ok(Redelivered { outcome: "applied", detail: None }),
        }
    }

    async fn forget(&self, id: i64) -> Result<(), Error> {
        let gone =
            self.stored(move |store| async move { store.delete_dead_letter(id).await }).await?;
        match gone {
            true => Ok(()),
            false => Err(unknown()),
        }
    }
}

/// What makes two that redeliver at the same time have one effect.
fn once(tenant: TenantId, id: i64) -> (Claims, Idempotency) {
    // With a space, which no caller's key can have.
    let key: Box<str> = format!("dead letter/{id}").into();
    let claims = Claims::from_iter([Claim::Key(tenant, key.clone())]);
    let render = |_: &Answer| Rendered { status: 200, headers: Vec::new(), body: String::new() };
    (claims, Idempotency { key, request_hash: [0; 32], is_drawn: false, render: Arc::new(render) })
}

impl<'a> From<&'a DeadLetterLine> for Line<'a> {
    fn from(line: &'a DeadLetterLine) -> Self {
        let DeadLetterLine { id, tenant, topic, partition, offset, .. } = line;
        let DeadLetterLine { reason, detail, created_at, size, .. } = line;
        Self {
            id: *id,
            at: *created_at,
            reason,
            detail,
            topic,
            partition: *partition,
            offset: *offset,
            tenant: *tenant,
            size: *size,
        }
    }
}

impl<'a> From<&'a StoredDeadLetter> for Line<'a> {
    fn from(stored: &'a StoredDeadLetter) -> Self {
        let letter = &stored.letter;
        Self {
            id: stored.id,
            at: letter.at,
            reason: &letter.reason,
            detail: &letter.detail,
            topic: &letter.topic,
            partition: letter.partition,
            offset: letter.offset,
            tenant: letter.tenant.map(|tenant| tenant.0),
            size: i64::try_from(letter.payload.len()).unwrap_or(i64::MAX),
        }
    }
}

fn id(request: &HttpRequest) -> Result<i64, Error> {
    request.match_info().get("id").and_then(|id| id.parse().ok()).ok_or_else(unknown)
}

fn unknown() -> Error {
    Error::new(Code::UnknownDeadLetter, "there is no such dead letter")
}
