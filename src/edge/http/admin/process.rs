//! The process and what was done to it: shards, drain, log level, audit.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Admin, Deed, NoFields, Page, instant, json, limit, no_cursor, optional_instant, role};
use crate::edge::http::asked::query;
use crate::edge::http::auth::Staff;
use crate::edge::http::error::{Code, Error};
use crate::edge::http::{reading, resource};
use crate::edge::operations::body::{invalid, missing};
use crate::engine::health::Stage;
use crate::store::audit::AuditEntry;
use crate::telemetry::logging::{self, LogHandle};

#[derive(Serialize)]
struct Who {
    name: Option<String>,
    role: &'static str,
}

#[derive(Serialize)]
struct Shard {
    id: String,
    epoch: i64,
    round: i64,
    holder: Option<String>,
    #[serde(serialize_with = "optional_instant")]
    lease_until: Option<DateTime<Utc>>,
    /// This process has it, or stands by for it.
    here: bool,
    stage: Option<&'static str>,
}

#[derive(Serialize)]
struct Draining {
    stage: &'static str,
}

#[derive(Serialize)]
struct Level {
    level: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    limit: Option<u64>,
    cursor: Option<String>,
}

#[derive(Serialize)]
struct Entry {
    id: Uuid,
    #[serde(serialize_with = "instant")]
    at: DateTime<Utc>,
    who: Option<String>,
    role: String,
    action: String,
    target: Option<String>,
    detail: Option<String>,
    outcome: Option<String>,
    request_id: String,
}

pub(super) fn routes(config: &mut ServiceConfig) {
    let get = |path| resource(path, "GET, HEAD");
    config
        .service(get("/admin/whoami").route(web::route().guard(reading()).to(whoami)))
        .service(get("/admin/shards").route(web::route().guard(reading()).to(shards)))
        .service(resource("/admin/drain", "POST").route(web::post().to(drain)))
        .service(
            resource("/admin/log-level", "GET, HEAD, PUT")
                .route(web::route().guard(reading()).to(level))
                .route(web::put().to(set_level)),
        )
        .service(get("/admin/audit").route(web::route().guard(reading()).to(audit)));
}

async fn whoami(staff: Staff) -> HttpResponse {
    let name = staff.name.as_deref().map(str::to_owned);
    json(&Who { name, role: role(staff.role) })
}

async fn shards(admin: Data<Admin>) -> Result<HttpResponse, Error> {
    let rows = admin.stored(|store| async move { store.shards().await }).await?;
    let stage = admin.game.health.stage();
    let data = rows.into_iter().map(|row| {
        let here = row.id == *admin.shard && stage != Stage::Connecting;
        Shard {
            id: row.id,
            epoch: row.epoch,
            round: row.round,
            holder: row.holder,
            lease_until: row.lease_until,
            here,
            stage: here.then(|| stage.name()),
        }
    });
    Ok(json(&Page { data: data.collect(), next_cursor: None, total: None }))
}

async fn drain(
    admin: Data<Admin>,
    request: HttpRequest,
    _: NoFields,
) -> Result<HttpResponse, Error> {
    admin.audited_anyway(Deed::new(&request, "drain"), async { Ok(()) }).await?;
    (admin.drain)();
    let body = serde_json::to_string(&Draining { stage: "draining" }).unwrap_or_default();
    Ok(HttpResponse::build(StatusCode::ACCEPTED).content_type("application/json").body(body))
}

async fn level() -> Result<HttpResponse, Error> {
    Ok(json(&Level { level: log()?.level() }))
}

async fn set_level(
    admin: Data<Admin>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let mut body = super::body(&request, payload).await?;
    let level: String = body.optional("level")?.ok_or_else(|| missing("level"))?;
    body.end()?;
    let work = async {
        let log = log()?;
        log.set_level(&level).map_err(|error| invalid("level", &error.to_string()))?;
        Ok(Level { level: log.level() })
    };
    let detail = Some(level.clone());
    let deed = Deed { detail, ..Deed::new(&request, "set_log_level") };
    Ok(json(&admin.audited_anyway(deed, work).await?))
}

async fn audit(admin: Data<Admin>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let Listing { limit: asked, cursor } = query(&request)?;
    let limit = limit(asked)?;
    let before = cursor.map(|id| Uuid::try_parse(&id).map_err(|_| no_cursor())).transpose()?;
    let more = limit as u64 + 1;
    let mut entries =
        admin.stored(move |store| async move { store.audit(before, more).await }).await?;
    let is_last = entries.len() <= limit;
    entries.truncate(limit);
    let next_cursor = entries.last().filter(|_| !is_last).map(|entry| entry.id.to_string());
    let data = entries.into_iter().map(Entry::from).collect();
    Ok(json(&Page { data, next_cursor, total: None }))
}

impl From<AuditEntry> for Entry {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry { id, at, who, role, action, target, detail, outcome, request_id } = entry;
        Self { id, at, who, role, action, target, detail, outcome, request_id }
    }
}

fn log() -> Result<&'static LogHandle, Error> {
    logging::handle().ok_or_else(|| Error::new(Code::NotServing, "this process has no log"))
}
