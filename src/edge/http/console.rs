//! The page for people at `/console`: static files out of the binary, and nothing from
//! anywhere else. It needs no credentials; what it asks the operator's API for does.

use actix_web::http::header;
use actix_web::middleware::Compress;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use super::error::{Code, Error};
use super::{reading, resource};

const PAGE: &str = "/console";
const METHODS: &str = "GET, HEAD";
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// Files of the page by name.
macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        const FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("console/", $name)))),+];
    };
}

files!(
    "actor.js",
    "actors.js",
    "api.js",
    "audit.js",
    "chart.js",
    "console.css",
    "console.js",
    "dialogs.js",
    "dom.js",
    "events.js",
    "format.js",
    "icon.svg",
    "intake.js",
    "letters.js",
    "metrics.js",
    "outbox.js",
    "overview.js",
    "process.js",
    "session.js",
    "shard.js",
    "source.js",
    "table.js",
    "theme.js",
);

/// Whether a path is for everyone.
pub fn is_open(path: &str) -> bool {
    path.strip_prefix(PAGE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(
            resource(PAGE, METHODS)
                .route(web::route().guard(reading()).to(page))
                .wrap(Compress::default()),
        )
        .service(
            resource(&format!("{PAGE}/"), METHODS).route(web::route().guard(reading()).to(home)),
        )
        .service(
            resource(&format!("{PAGE}/{{file}}"), METHODS)
                .route(web::route().guard(reading()).to(file))
                .wrap(Compress::default()),
        );
}

async fn page() -> HttpResponse {
    served("index.html", include_str!("console/index.html"))
}

/// Relative, as the page's own addresses are: there may be a proxy in front.
async fn home() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "../console")).finish()
}

async fn file(request: HttpRequest) -> Result<HttpResponse, Error> {
    let name = request.match_info().get("file").unwrap_or_default();
    let found = FILES.iter().find(|(file, _)| *file == name);
    let (name, text) =
        found.ok_or_else(|| Error::new(Code::NoSuchRoute, "nothing is served at this path"))?;
    Ok(served(name, text))
}

fn served(name: &str, text: &'static str) -> HttpResponse {
    let content_type = match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/javascript; charset=utf-8",
    };
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_file_of_the_page_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/edge/http/console");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "index.html")
            .collect();
        there.sort();
        let mut served: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        served.sort_unstable();
        assert_eq!(served, there);
    }

    #[test]
    fn only_the_page_itself_is_open() {
        assert!(is_open("/console") && is_open("/console/") && is_open("/console/api.js"));
        assert!(!is_open("/consoles") && !is_open("/admin/console"));
    }
}
