//! The operator's API (`docs/admin-api.md`).
//!
//! | file | what |
//! |---|---|
//! | `actors` | the actors alive, and one of them inside |
//! | `flow` | what comes in and goes out: intake and outboxes |
//! | `dead_letters` | records that could not succeed |
//! | `events` | what is committed, live |
//! | `process` | shards, drain, log level, audit |

mod actors;
mod dead_letters;
mod events;
mod flow;
mod process;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::ContentType;
use actix_web::web::{Payload, ServiceConfig};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, dev, rt};
use chrono::{DateTime, SecondsFormat, SubsecRound as _, Utc};
use futures::future::LocalBoxFuture;
use serde::{Serialize, Serializer};
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

use super::auth::Staff;
use super::error::{Code, Error};
use super::frame::{self, RequestId};
use super::{Game, asked};
use crate::config::Role;
use crate::edge::kafka::redelivery::Redelivery;
use crate::edge::operations::body::Body;
use crate::edge::operations::characters::page_limit;
use crate::engine::shard::Shard;
use crate::store::audit::AuditEntry;
use crate::store::{self, Store};
use crate::telemetry::vitals::Mishap;

/// What the operator's routes work with.
pub struct Admin {
    pub game: Arc<Game>,
    pub redelivery: Redelivery,
    /// `shard.id`.
    pub shard: Arc<str>,
    /// As SIGTERM.
    pub drain: Box<dyn Fn() + Send + Sync>,
}

/// The body of a change that has no fields.
struct NoFields;

/// One page of a list.
#[derive(Serialize)]
struct Page<T> {
    data: Vec<T>,
    next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<usize>,
}

/// How long the audit log is waited for by what cannot wait for the database.
const AUDIT_PATIENCE: Duration = Duration::from_secs(1);

/// What somebody wants done, for the audit log.
struct Deed<'a> {
    request: &'a HttpRequest,
    action: &'static str,
    target: Option<String>,
    detail: Option<String>,
}

/// The last error of something.
#[derive(Serialize)]
struct LastError {
    #[serde(serialize_with = "instant")]
    at: DateTime<Utc>,
    message: String,
}

pub fn routes(config: &mut ServiceConfig) {
    actors::routes(config);
    flow::routes(config);
    dead_letters::routes(config);
    events::routes(config);
    process::routes(config);
}

impl Admin {
    /// The shard, if this process has it.
    fn shard(&self) -> Result<Arc<Shard>, Error> {
        let not_here = || Error::new(Code::NotServing, "this process does not have the shard");
        self.game.health.shard().ok_or_else(not_here)
    }

    /// Runs a statement where the store's connections live, to its end.
    async fn stored<T, F>(&self, statement: impl FnOnce(Store) -> F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, store::Error>> + Send + 'static,
    {
        let connecting = || Error::new(Code::NotServing, "not connected to the database yet");
        let store = self.game.store.get().cloned().ok_or_else(connecting)?;
        self.game.run(statement(store)).await
    }

    /// Does what somebody wants done: written down before it is begun, and what came of it
    /// before it is answered. Seen through when the caller has gone, and given up when the caller
    /// is told so.
    async fn audited<T, F>(
        self: &Arc<Self>,
        deed: Deed<'_>,
        work: impl FnOnce(Arc<Self>) -> F,
    ) -> Result<T, Error>
    where
        T: 'static,
        F: Future<Output = Result<T, Error>> + 'static,
    {
        self.audited_as(deed, work, |_| "done").await
    }

    /// As [`audited`](Self::audited), where what is done may come to different things.
    async fn audited_as<T, F>(
        self: &Arc<Self>,
        deed: Deed<'_>,
        work: impl FnOnce(Arc<Self>) -> F,
        outcome: impl FnOnce(&T) -> &'static str + 'static,
    ) -> Result<T, Error>
    where
        T: 'static,
        F: Future<Output = Result<T, Error>> + 'static,
    {
        let frame::Deadline(deadline) =
            *deed.request.extensions().get().expect("every request has a deadline");
        let entry = deed.entry()?;
        let admin = Arc::clone(self);
        let work = work(Arc::clone(self));
        let seen_through = rt::spawn(async move {
            admin.begin_audit(&entry).await?;
            // Written down too late: the caller was told already.
            let result = match Instant::now() < deadline {
                true => timeout_at(deadline, work).await,
                false => Ok(Err(Error::timed_out())),
            };
            let result = result.unwrap_or_else(|_| Err(Error::timed_out()));
            let outcome = logged(&entry, result.as_ref().map(outcome));
            admin.end_audit(&entry, outcome).await?;
            result
        });
        seen_through
            .await
            .map_err(|error| Error::caused(Code::Internal, "it did not end", error))?
    }

    /// As [`audited`](Self::audited), for what is wanted most while the database is away: then
    /// only the log has it.
    async fn audited_anyway<T>(
        &self,
        deed: Deed<'_>,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let entry = deed.entry()?;
        let begun = timeout(AUDIT_PATIENCE, self.begin_audit(&entry)).await;
        let result = work.await;
        let outcome = logged(&entry, result.as_ref().map(|_| "done"));
        if let Ok(Ok(())) = begun {
            let _ = timeout(AUDIT_PATIENCE, self.end_audit(&entry, outcome)).await;
        }
        result
    }

    async fn begin_audit(&self, entry: &AuditEntry) -> Result<(), Error> {
        let entry = entry.clone();
        self.stored(|store| async move { store.begin_audit(entry).await }).await
    }

    async fn end_audit(&self, entry: &AuditEntry, outcome: &'static str) -> Result<(), Error> {
        let id = entry.id;
        self.stored(move |store| async move { store.end_audit(id, outcome).await }).await
    }
}

impl<'a> Deed<'a> {
    fn new(request: &'a HttpRequest, action: &'static str) -> Self {
        Self { request, action, target: None, detail: None }
    }

    fn on(request: &'a HttpRequest, action: &'static str, target: String) -> Self {
        Self { target: Some(target), ..Self::new(request, action) }
    }

    fn entry(self) -> Result<AuditEntry, Error> {
        let Self { request, action, target, detail } = self;
        let staff = Staff::of(request)?;
        let request_id = request.extensions().get::<RequestId>().cloned();
        Ok(AuditEntry {
            id: Uuid::now_v7(),
            at: Utc::now().trunc_subsecs(6),
            who: staff.name.as_deref().map(str::to_owned),
            role: role(staff.role).to_owned(),
            action: action.to_owned(),
            target,
            detail,
            outcome: None,
            request_id: request_id
                .and_then(|RequestId(id)| id.to_str().ok().map(str::to_owned))
                .unwrap_or_default(),
        })
    }
}

/// Tells the log what came of it, and answers with its name.
fn logged(entry: &AuditEntry, outcome: Result<&'static str, &Error>) -> &'static str {
    let outcome = outcome.unwrap_or_else(|error| error.code.name());
    let AuditEntry { who, role, action, target, detail, request_id, .. } = entry;
    tracing::info!(
        target: "menagerie::audit",
        who, role, action, target, detail, request_id, outcome
    );
    outcome
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Operator => "operator",
        Role::Viewer => "viewer",
        Role::Service => "service",
    }
}

/// The body of a change. Nothing at all is an empty object.
async fn body(request: &HttpRequest, payload: Payload) -> Result<Body, Error> {
    Body::parse(&asked::whole(request, payload).await?)
}

impl FromRequest for NoFields {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let payload = Payload::from_request(request, payload).into_inner();
        let request = request.clone();
        Box::pin(async move {
            let payload =
                payload.map_err(|error| Error::new(Code::InvalidJson, error.to_string()))?;
            body(&request, payload).await?.end()?;
            Ok(Self)
        })
    }
}

fn limit(asked: Option<u64>) -> Result<usize, Error> {
    Ok(usize::try_from(page_limit(asked)?).unwrap_or(usize::MAX))
}

fn no_cursor() -> Error {
    Error::new(Code::InvalidPage, "that is no cursor")
}

fn json(value: &impl Serialize) -> HttpResponse {
    let body = serde_json::to_vec(value).expect("text and numbers are JSON");
    HttpResponse::Ok().content_type(ContentType::json()).body(body)
}

impl From<Mishap> for LastError {
    fn from(Mishap { at, message }: Mishap) -> Self {
        Self { at, message }
    }
}

// serde wants a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn instant<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Micros, true))
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn optional_instant<S: Serializer>(
    at: &Option<DateTime<Utc>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => instant(at, serializer),
        None => serializer.serialize_none(),
    }
}
