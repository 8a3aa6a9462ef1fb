//! What comes in and what goes out: the intake and the outboxes.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use serde::Serialize;

use super::{Admin, Deed, LastError, NoFields, json};
use crate::edge::http::error::{Code, Error};
use crate::edge::http::{reading, resource};
use crate::engine::port::{PartitionState, Pause, Reading};
use crate::engine::shard::Shard;
use crate::store::Sink;
use crate::telemetry::metrics::METRICS;

/// Between two looks whether the intake has obeyed.
const LOOK_EVERY: Duration = Duration::from_millis(5);

#[derive(Serialize)]
struct Intake {
    /// By an operator.
    paused: bool,
    in_flight: i64,
    capacity: usize,
    partitions: Vec<Partition>,
}

#[derive(Serialize)]
struct Partition {
    topic: String,
    partition: i32,
    position: i64,
    next_offset: i64,
    end: Option<i64>,
    lag: Option<i64>,
    /// Records read and not committed.
    in_flight: i64,
    paused: bool,
    pause_reason: Option<&'static str>,
}

#[derive(Serialize)]
struct Outboxes {
    sinks: Vec<Outbox>,
}

#[derive(Serialize)]
struct Outbox {
    sink: &'static str,
    pending: i64,
    oldest_age_seconds: f64,
    published: u64,
    retried: u64,
    parked: i64,
    failing: bool,
    last_error: Option<LastError>,
}

#[derive(Serialize)]
struct Retried {
    retried: u64,
    parked: u64,
}

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            resource("/admin/intake", "GET, HEAD").route(web::route().guard(reading()).to(intake)),
        )
        .service(resource("/admin/intake/pause", "POST").route(web::post().to(pause)))
        .service(resource("/admin/intake/resume", "POST").route(web::post().to(resume)))
        .service(
            resource("/admin/outbox", "GET, HEAD").route(web::route().guard(reading()).to(outbox)),
        )
        .service(resource("/admin/outbox/{sink}/retry", "POST").route(web::post().to(retry)));
}

async fn intake(admin: Data<Admin>) -> Result<HttpResponse, Error> {
    let shard = admin.shard()?;
    Ok(json(&show(&shard)?))
}

async fn pause(
    admin: Data<Admin>,
    request: HttpRequest,
    _: NoFields,
) -> Result<HttpResponse, Error> {
    hold(&admin, &request, true).await
}

async fn resume(
    admin: Data<Admin>,
    request: HttpRequest,
    _: NoFields,
) -> Result<HttpResponse, Error> {
    hold(&admin, &request, false).await
}

async fn hold(
    admin: &Arc<Admin>,
    request: &HttpRequest,
    must_hold: bool,
) -> Result<HttpResponse, Error> {
    let shard = admin.shard()?;
    let action = if must_hold { "pause_intake" } else { "resume_intake" };
    let work = move |_| async move {
        shard.intake(|reading| reading.hold(must_hold)).ok_or_else(draining)?;
        // The intake's thread may be in the middle of a batch: answered once it has obeyed, or
        // somebody else has said otherwise.
        let is_pending = |reading: &dyn Reading| {
            let is_paused = reading.pause() == Some(Pause::Operator);
            reading.is_held() == must_hold && is_paused != must_hold
        };
        while shard.intake(is_pending) == Some(true) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        show(&shard)
    };
    Ok(json(&admin.audited(Deed::new(request, action), work).await?))
}

fn show(shard: &Shard) -> Result<Intake, Error> {
    let shown = |reading: &dyn Reading| {
        let pause = reading.pause();
        let partitions = reading.partitions().into_iter();
        let partitions = partitions.map(|state| Partition::new(&state, pause)).collect();
        (reading.is_held(), partitions)
    };
    let (paused, partitions) = shard.intake(shown).ok_or_else(draining)?;
    Ok(Intake {
        paused,
        in_flight: i64::try_from(shard.credits().taken()).unwrap_or(i64::MAX),
        capacity: shard.credits().limit(),
        partitions,
    })
}

async fn outbox(admin: Data<Admin>) -> Result<HttpResponse, Error> {
    let shard = admin.shard()?;
    let now = Utc::now();
    let sinks = shard.outbox_status.iter().map(|(sink, status)| {
        let name = sink.name();
        Outbox {
            sink: name,
            pending: METRICS.outbox.pending.with_label_values(&[name]).get(),
            oldest_age_seconds: status.oldest_age(now),
            published: status.num_published(),
            retried: status.num_failed(),
            parked: METRICS.outbox.parked.with_label_values(&[name]).get(),
            failing: status.is_failing(),
            last_error: status.last_error().map(LastError::from),
        }
    });
    Ok(json(&Outboxes { sinks: sinks.collect() }))
}

async fn retry(
    admin: Data<Admin>,
    request: HttpRequest,
    _: NoFields,
) -> Result<HttpResponse, Error> {
    let name = request.match_info().get("sink").unwrap_or_default().to_owned();
    let sink = [Sink::Kafka, Sink::Nats].into_iter().find(|sink| sink.name() == name);
    let sink = sink.ok_or_else(|| Error::new(Code::NoSuchRoute, "there is no such sink"))?;
    let shard = admin.shard()?;
    let work = move |_| async move {
        match sink {
            // Its producer repeats by itself, for as long as it takes; nothing is set aside.
            Sink::Kafka => Ok(Retried { retried: 0, parked: 0 }),
            Sink::Nats => {
                let retried = shard.retry_parked().await.ok_or_else(draining)?;
                Ok(Retried { retried: retried.num_published, parked: retried.num_parked })
            }
        }
    };
    let deed = Deed::on(&request, "retry_outbox", name);
    Ok(json(&admin.audited(deed, work).await?))
}

impl Partition {
    fn new(state: &PartitionState, pause: Option<Pause>) -> Self {
        Self {
            topic: state.source.topic.to_string(),
            partition: state.source.partition,
            position: state.position,
            next_offset: state.next_offset,
            end: state.end,
            lag: state.lag(),
            in_flight: state.in_flight(),
            paused: pause.is_some(),
            pause_reason: pause.map(|pause| match pause {
                Pause::Operator => "operator",
                Pause::Full => "full",
            }),
        }
    }
}

fn draining() -> Error {
    Error::new(Code::NotServing, "this process drains")
}
