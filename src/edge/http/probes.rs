//! What the operator's tools ask: the probes and the metrics.

use std::fmt::Write as _;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentType};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use super::{reading, resource};
use crate::engine::health::{Check, Health, Stage};
use crate::telemetry::metrics::METRICS;

/// How long a thread may be busy with one thing. Below what probes wait by default.
const PULSE_PATIENCE: Duration = Duration::from_millis(900);
const METHODS: &str = "GET, HEAD";
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text";
const OPEN_METRICS_TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub fn routes(config: &mut ServiceConfig) {
    let probe = |path| resource(path, METHODS);
    config
        .service(probe("/livez").route(web::route().guard(reading()).to(alive)))
        .service(probe("/readyz").route(web::route().guard(reading()).to(ready)))
        .service(probe("/startupz").route(web::route().guard(reading()).to(started)))
        .service(probe("/metrics").route(web::route().guard(reading()).to(metrics)));
}

/// Says nothing about services: a restart would mend none of them.
async fn alive(health: web::Data<Health>) -> HttpResponse {
    if health.is_alive(PULSE_PATIENCE).await {
        return text(StatusCode::OK, "ok\n".into());
    }
    text(StatusCode::SERVICE_UNAVAILABLE, "a thread of the engine makes no progress\n".into())
}

async fn started(health: web::Data<Health>) -> HttpResponse {
    if health.has_started() {
        return text(StatusCode::OK, "ok\n".into());
    }
    text(StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", health.stage().name()))
}

async fn ready(health: web::Data<Health>, request: HttpRequest) -> HttpResponse {
    let query = request.query_string();
    let is_verbose = query.split('&').any(|part| part.split('=').next() == Some("verbose"));
    let (status, body) = readiness(health.stage(), &health.checks(), is_verbose);
    text(status, body)
}

async fn metrics(health: web::Data<Health>, request: HttpRequest) -> HttpResponse {
    health.refresh_gauges();
    let mut accepted = request.headers().get_all(header::ACCEPT);
    let is_open = accepted.any(|accept| {
        accept.to_str().is_ok_and(|accept| accept.to_ascii_lowercase().contains(OPEN_METRICS))
    });
    let (content_type, body) = match is_open {
        true => (OPEN_METRICS_TEXT, METRICS.open_metrics()),
        false => (PROMETHEUS_TEXT, METRICS.text()),
    };
    HttpResponse::Ok().content_type(content_type).body(body)
}

fn readiness(stage: Stage, checks: &[Check], is_verbose: bool) -> (StatusCode, String) {
    let problem = checks.iter().find_map(|check| check.problem.as_deref());
    let problem = problem.or_else(|| (stage != Stage::Serving).then(|| stage.name()));
    let status = match problem {
        None => StatusCode::OK,
        Some(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    if !is_verbose {
        return (status, format!("{}\n", one_line(problem.unwrap_or("ok"))));
    }
    let mut body = String::new();
    for Check { name, problem } in checks {
        // Writing to a string cannot fail.
        let _ = match problem {
            None => writeln!(body, "[+]{name} ok"),
            Some(problem) => writeln!(body, "[-]{name} {}", one_line(problem)),
        };
    }
    (status, body)
}

/// Drivers put line feeds into their messages.
fn one_line(problem: &str) -> String {
    problem.replace(char::is_control, " ")
}

fn text(status: StatusCode, body: String) -> HttpResponse {
    HttpResponse::build(status).content_type(ContentType::plaintext()).body(body)
}

#[cfg(test)]
mod tests;
