//! The document at `/openapi.json`, and a readable page of it at `/docs` (Swagger UI, out of
//! its crate). Neither needs credentials, and the page needs nothing from anywhere else.

use std::sync::{Arc, LazyLock};

use actix_web::http::header::{self, ContentType};
use actix_web::middleware::Compress;
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use utoipa_swagger_ui::Config;

use crate::edge::http::error::{Code, Error};
use crate::edge::http::{reading, resource};

const DOCUMENT: &str = "/openapi.json";
const PAGE: &str = "/docs";
/// Files of Swagger UI that the page asks for.
const FILES: [&str; 3] = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];
const METHODS: &str = "GET, HEAD";
/// Swagger UI writes `style` attributes, hence the exception; it has no other needs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

static TEXT: LazyLock<Bytes> = LazyLock::new(|| super::document().to_string().into());

/// Whether a path is for everyone.
pub fn is_open(path: &str) -> bool {
    path == DOCUMENT
        || path.strip_prefix(PAGE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub fn routes(config: &mut ServiceConfig) {
    let at = |path: &str| resource(path, METHODS);
    config
        .service(
            at(DOCUMENT)
                .route(web::route().guard(reading()).to(document))
                .wrap(Compress::default()),
        )
        .service(at(PAGE).route(web::route().guard(reading()).to(page)))
        .service(
            at(&format!("{PAGE}/{{file}}"))
                .route(web::route().guard(reading()).to(file))
                .wrap(Compress::default()),
        );
}

async fn document() -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(TEXT.clone())
}

async fn page() -> HttpResponse {
    guarded("text/html; charset=utf-8", include_str!("index.html").into())
}

async fn file(request: HttpRequest) -> Result<HttpResponse, Error> {
    let nothing = || Error::new(Code::NoSuchRoute, "nothing is served at this path");
    let name = request.match_info().get("file").unwrap_or_default();
    if name == "start.js" {
        return Ok(guarded("text/javascript; charset=utf-8", include_str!("start.js").into()));
    }
    let name = FILES.iter().find(|file| **file == name).ok_or_else(nothing)?;
    let served = utoipa_swagger_ui::serve(name, Arc::new(Config::default()));
    let served =
        served.map_err(|error| Error::caused(Code::Internal, "a file is unreadable", error))?;
    let served = served.ok_or_else(nothing)?;
    Ok(guarded(&served.content_type, served.bytes.into_owned().into()))
}

fn guarded(content_type: &str, body: Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(body)
}
