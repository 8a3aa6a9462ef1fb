//! The task that sends spans to the collector: OTLP over HTTP, protobuf.
//!
//! Nothing waits for it. What the collector does not take in time is lost and counted, and at
//! the end it has a second for what is left.

use std::collections::HashMap;
use std::time::Duration;

use futures::FutureExt as _;
use hyper_rustls::HttpsConnectorBuilder;
use opentelemetry::KeyValue;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_otlp::{
    Protocol, RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use tokio::runtime::Handle as Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{Inner, Sampler, Tracer};
use crate::config::Trace;
use crate::telemetry::metrics::METRICS;

/// Spans that wait for the collector at most, at roughly 1 KiB each.
const MAX_WAITING: usize = 8_192;
/// Spans sent at once at most.
const MAX_BATCH: usize = 512;
/// How long a batch that is not full waits for more.
const GATHER: Duration = Duration::from_millis(500);
/// Time the collector has to take a batch.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(3);
/// Time the end waits for what is left.
const FLUSH: Duration = Duration::from_secs(1);
/// Where OTLP collectors take spans.
const PATH: &str = "/v1/traces";

/// Why spans cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("trace.endpoint: {0}")]
    Endpoint(String),
    #[error("trace.headers: {0}")]
    Headers(String),
}

/// The running task. Dropped, it goes on until the last [`Tracer`] is gone.
pub struct Export {
    must_end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Starts the export if a collector is configured.
///
/// # Errors
/// An address or headers no request could be made with.
pub fn start(
    config: &Trace,
    shard: &str,
    runtime: &Runtime,
) -> Result<(Tracer, Option<Export>), Error> {
    let Some(endpoint) = &config.endpoint else { return Ok((Tracer::off(), None)) };
    let exporter = exporter(config, endpoint, shard)?;
    let (spans, waiting) = mpsc::channel(MAX_WAITING);
    let (must_end, ends) = oneshot::channel();
    let task = runtime.spawn(run(exporter, waiting, ends));
    let inner = Inner::new(Sampler::new(config.sample_ratio.0), spans);
    tracing::info!(endpoint, sample_ratio = config.sample_ratio.0, "spans are exported");
    Ok((Tracer(Some(inner.into())), Some(Export { must_end, task })))
}

impl Export {
    /// Sends what is left, if that takes no longer than a second.
    pub async fn close(mut self) {
        let _ = self.must_end.send(());
        if tokio::time::timeout(FLUSH, &mut self.task).await.is_err() {
            self.task.abort();
            tracing::warn!("the collector did not take the last spans");
        }
    }
}

fn exporter(config: &Trace, endpoint: &str, shard: &str) -> Result<SpanExporter, Error> {
    let headers = config.headers.as_ref().map_or(Ok(HashMap::new()), |headers| {
        parse_headers(headers.expose()).map_err(Error::Headers)
    })?;
    let builder = SpanExporter::builder()
        .with_http()
        .with_endpoint(address(endpoint))
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(EXPORT_TIMEOUT)
        .with_headers(headers)
        .with_retry_policy(RetryPolicy::disabled());
    let builder = if endpoint.starts_with("https://") {
        let tls = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error| Error::Endpoint(format!("no root certificates: {error}")))?;
        let connector = tls.https_only().enable_http1().build();
        builder.with_http_client(HyperClient::new(connector, EXPORT_TIMEOUT, None))
    } else {
        builder.with_http_client(HyperClient::with_default_connector(EXPORT_TIMEOUT, None))
    };
    let mut exporter = builder.build().map_err(|error| Error::Endpoint(error.to_string()))?;
    // With what OTEL_RESOURCE_ATTRIBUTES says, as operators of clusters set it.
    let resource = Resource::builder()
        .with_service_name("menagerie")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("shard.id", shard.to_owned()))
        .with_attribute(KeyValue::new("process.pid", i64::from(std::process::id())))
        .build();
    exporter.set_resource(&resource);
    Ok(exporter)
}

/// The base address of a collector, or the very address of its traces.
fn address(endpoint: &str) -> String {
    let endpoint = endpoint.trim_end_matches('/');
    if endpoint.ends_with(PATH) { endpoint.to_owned() } else { format!("{endpoint}{PATH}") }
}

/// Reads `name=value,name=value`.
///
/// # Errors
/// What is wrong, without quoting a value.
pub fn parse_headers(text: &str) -> Result<HashMap<String, String>, String> {
    let mut headers = HashMap::new();
    for (index, pair) in text.split(',').enumerate() {
        let number = index + 1;
        let (name, value) =
            pair.split_once('=').ok_or_else(|| format!("header {number} is not `name=value`"))?;
        let (name, value) = (name.trim(), value.trim());
        let is_name = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !is_name || !value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Err(format!("header {number} cannot stand in a request"));
        }
        headers.insert(name.to_owned(), value.to_owned());
    }
    Ok(headers)
}

async fn run(
    exporter: SpanExporter,
    mut spans: mpsc::Receiver<SpanData>,
    ends: oneshot::Receiver<()>,
) {
    let mut ends = ends.fuse();
    let mut batch = Vec::with_capacity(MAX_BATCH);
    let mut is_failing = false;
    loop {
        let goes_on = tokio::select! {
            has_more = gather(&mut spans, &mut batch) => has_more,
            // Not told to end, only left alone: the last tracer ends it.
            ended = &mut ends => ended.is_err() && gather(&mut spans, &mut batch).await,
        };
        if !goes_on {
            break;
        }
        is_failing = export(&exporter, std::mem::take(&mut batch), is_failing).await;
    }
    spans.close();
    while let Ok(span) = spans.try_recv() {
        batch.push(span);
        if batch.len() == MAX_BATCH {
            is_failing = export(&exporter, std::mem::take(&mut batch), is_failing).await;
        }
    }
    if !batch.is_empty() {
        export(&exporter, batch, is_failing).await;
    }
}

/// Waits for spans, and then a moment for more. Says whether any can follow. Dropped, it leaves
/// what it has in the batch.
async fn gather(spans: &mut mpsc::Receiver<SpanData>, batch: &mut Vec<SpanData>) -> bool {
    if spans.recv_many(batch, MAX_BATCH).await == 0 {
        return false;
    }
    let more = async {
        while batch.len() < MAX_BATCH {
            let room = MAX_BATCH - batch.len();
            if spans.recv_many(batch, room).await == 0 {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(GATHER, more).await.unwrap_or(true)
}

/// Says whether it failed; told once until it goes well again.
async fn export(exporter: &SpanExporter, batch: Vec<SpanData>, was_failing: bool) -> bool {
    let num_spans = batch.len() as u64;
    let exported = tokio::time::timeout(EXPORT_TIMEOUT, exporter.export(batch)).await;
    let failure = match exported {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("no answer within {EXPORT_TIMEOUT:?}")),
    };
    match &failure {
        None if was_failing => tracing::info!("the collector takes spans again"),
        None => {}
        Some(error) => {
            METRICS.trace.dropped.with_label_values(&["export"]).inc_by(num_spans);
            if !was_failing {
                tracing::warn!(num_spans, "the collector does not take spans: {error}");
            }
        }
    }
    failure.is_some()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn spans_go_to_where_a_collector_takes_them() {
        for (endpoint, goes_to) in [
            ("http://otel:4318", "http://otel:4318/v1/traces"),
            ("http://otel:4318/", "http://otel:4318/v1/traces"),
            ("https://otel/base", "https://otel/base/v1/traces"),
            ("https://otel/v1/traces", "https://otel/v1/traces"),
        ] {
            assert_eq!(address(endpoint), goes_to);
        }
    }

    #[test]
    fn a_collector_may_be_behind_tls() {
        let config = Trace::default();
        match exporter(&config, "https://otel:4318", "world-0") {
            Ok(_) => {}
            // A machine without certificates: told, and no panic.
            Err(error) => assert!(error.to_string().contains("no root certificates"), "{error}"),
        }
        assert!(exporter(&config, "http://bad host", "world-0").is_err());
    }

    #[test]
    fn headers_are_read_and_a_bad_one_is_named_without_its_value() {
        let headers = parse_headers("authorization=Basic abc==, x-tenant=1").unwrap();
        assert_eq!(headers["authorization"], "Basic abc==");
        assert_eq!(headers["x-tenant"], "1");
        for bad in ["hunter2", "a=b,hunter2", "bad name=hunter2", "a=hunter2\u{7f}", ""] {
            assert!(!parse_headers(bad).unwrap_err().contains("hunter2"), "{bad}");
        }
    }
}
