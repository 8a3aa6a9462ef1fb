//! The OpenAPI 3.1 document of the game's listener.
//!
//! | file | what |
//! |---|---|
//! | `route` | how one route is described |
//! | `parameters` | what requests have in common: headers, path, query |
//! | `schemas` | what bodies are made of |
//! | `characters`, `pets` | the routes |
//! | `pages` | the document, and a readable page of it, served |
//!
//! The schemas come from the types that are written, and from those beside the parsers for
//! what is read. The document stands in `docs/schemas/openapi.json`; `tests/schemas.rs` fails
//! when a change of it would break callers, and `tests/fuzz_http.rs` when the server does not do
//! as it says.

mod characters;
pub mod pages;
mod parameters;
mod pets;
mod route;
mod schemas;

use serde_json::Value;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApiBuilder, Paths};
use utoipa::openapi::{SecurityRequirement, ServerBuilder};

use self::schemas::Schemas;
use super::error::{Errors, Problem};

const SERVICE: &str = "service";
const PLAYER: &str = "player";

/// The document.
pub fn document() -> Value {
    let mut paths: Paths = characters::paths();
    paths.merge(pets::paths());
    let mut schemas = Schemas::default();
    schemas.written::<Problem<'_>>();
    schemas.written::<Errors<'_>>();
    characters::schemas(&mut schemas);
    pets::schemas(&mut schemas);
    let components = parameters::add(schemas.into_components())
        .security_scheme(SERVICE, service())
        .security_scheme(PLAYER, player());
    let info = InfoBuilder::new()
        .title("Menagerie")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(include_str!("openapi/about.md")))
        .license(Some(
            LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build(),
        ));
    let nobody = SecurityRequirement::default();
    let of = |scheme: &str| SecurityRequirement::new::<_, [&str; 0], &str>(scheme, []);
    let document = OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([ServerBuilder::new().url("/").build()]))
        .paths(paths)
        .components(Some(components.build()))
        .security(Some([of(SERVICE), of(PLAYER), nobody]))
        .tags(Some([
            TagBuilder::new()
                .name(characters::TAG)
                .description(Some("Characters: JSON in and out, errors as RFC 9457 problems."))
                .build(),
            TagBuilder::new()
                .name(pets::TAG)
                .description(Some("Pets: JSON:API, a drop-in for the pet service."))
                .build(),
        ]))
        .build();
    serde_json::to_value(document).expect("an OpenAPI document is JSON")
}

fn service() -> SecurityScheme {
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A service's token (`auth.tokens`, role `service`); acts for any user."));
    SecurityScheme::Http(scheme.build())
}

fn player() -> SecurityScheme {
    let scheme =
        HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(
            "A player's JWT (`auth.jwt`); sees and changes the characters of the user in `sub` \
             only.",
        ));
    SecurityScheme::Http(scheme.build())
}

#[cfg(test)]
mod tests;
