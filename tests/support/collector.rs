//! An OTLP collector: takes spans over HTTP as protobuf, and keeps them.
//!
//! Include it with `#[path = "support/collector.rs"] mod collector;`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use parking_lot::Mutex;
use prost::Message as _;

/// Longest wait for something that should happen soon.
const SOON: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A span, and whose it is.
#[derive(Clone, Debug)]
pub(crate) struct Exported {
    pub(crate) span: Span,
    pub(crate) resource: HashMap<String, String>,
    /// Of the request that brought it.
    pub(crate) authorization: Option<String>,
}

/// Listens until dropped.
pub(crate) struct Collector {
    pub(crate) endpoint: String,
    spans: Arc<Mutex<Vec<Exported>>>,
    server: ServerHandle,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let spans = Arc::new(Mutex::new(Vec::new()));
        let (tell, told) = std::sync::mpsc::channel();
        let kept = Arc::clone(&spans);
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || {
                    App::new()
                        .app_data(web::PayloadConfig::new(64 << 20))
                        .app_data(web::Data::from(Arc::clone(&kept)))
                        .route("/v1/traces", web::post().to(take))
                };
                let server = HttpServer::new(app).workers(1).disable_signals();
                let server = server.bind("127.0.0.1:0").unwrap();
                let endpoint = format!("http://{}", server.addrs()[0]);
                let server = server.run();
                tell.send((endpoint, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (endpoint, server) = told.recv().unwrap();
        Self { endpoint, spans, server }
    }

    /// The spans of a trace so far.
    pub(crate) fn of(&self, trace_id: &str) -> Vec<Exported> {
        let spans = self.spans.lock();
        spans.iter().filter(|span| hex(&span.span.trace_id) == trace_id).cloned().collect()
    }

    /// The spans of a trace, once there are so many.
    pub(crate) async fn once(&self, trace_id: &str, count: usize) -> Vec<Exported> {
        let deadline = Instant::now() + SOON;
        loop {
            let spans = self.of(trace_id);
            if spans.len() >= count {
                return spans;
            }
            assert!(Instant::now() < deadline, "{count} spans expected, got {spans:#?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

impl Exported {
    pub(crate) fn id(&self) -> String {
        hex(&self.span.span_id)
    }

    /// Empty for the first of a trace.
    pub(crate) fn parent(&self) -> String {
        hex(&self.span.parent_span_id)
    }

    pub(crate) fn attribute(&self, key: &str) -> Option<String> {
        texts(&self.span.attributes).remove(key)
    }
}

async fn take(
    request: HttpRequest,
    body: web::Bytes,
    kept: web::Data<Mutex<Vec<Exported>>>,
) -> HttpResponse {
    let authorization = request.headers().get("authorization");
    let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(request.headers().get("content-type").unwrap(), "application/x-protobuf");
    let batch = ExportTraceServiceRequest::decode(body).unwrap();
    for spans in batch.resource_spans {
        let resource = texts(&spans.resource.unwrap().attributes);
        for span in spans.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            let (resource, authorization) = (resource.clone(), authorization.clone());
            kept.lock().push(Exported { span, resource, authorization });
        }
    }
    HttpResponse::Ok().content_type("application/x-protobuf").finish()
}

fn texts(attributes: &[KeyValue]) -> HashMap<String, String> {
    let text = |pair: &KeyValue| match pair.value.clone()?.value? {
        any_value::Value::StringValue(text) => Some(text),
        any_value::Value::IntValue(number) => Some(number.to_string()),
        _ => None,
    };
    attributes.iter().filter_map(|pair| Some((pair.key.clone(), text(pair)?))).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
