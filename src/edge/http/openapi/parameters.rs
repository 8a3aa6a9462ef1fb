//! What requests have in common: the headers, and the parameters of paths and queries.

use serde_json::{Value, json};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::AnyOfBuilder;
use utoipa::openapi::{
    ComponentsBuilder, HeaderBuilder, KnownFormat, Object, ObjectBuilder, Ref, RefOr, Required,
    Schema, SchemaFormat, Type,
};

/// Headers of every request, by the names of their components.
pub const OF_ALL: [&str; 6] =
    ["TenantId", "Region", "MajorVersion", "MinorVersion", "RequestId", "TraceParent"];
pub const IDEMPOTENCY_KEY: &str = "IdempotencyKey";
pub const IF_MATCH: &str = "IfMatch";

/// Puts the headers of requests and answers into the document's components.
pub fn add(components: ComponentsBuilder) -> ComponentsBuilder {
    let requests: [(&str, &str, ObjectBuilder, &str, Value); 8] = [
        (
            "TenantId",
            "TENANT_ID",
            uuid(),
            "The tenant.",
            json!("083839c6-c47c-42a6-9585-76492795d123"),
        ),
        (
            "Region",
            "REGION",
            text().max_length(Some(64)).pattern(Some("^[!-~]([ -~]*[!-~])?$")),
            "Region of the tenant, 64 bytes at most.",
            json!("GMS"),
        ),
        ("MajorVersion", "MAJOR_VERSION", version(), "Major version of the tenant.", json!(83)),
        ("MinorVersion", "MINOR_VERSION", version(), "Minor version of the tenant.", json!(1)),
        (
            "RequestId",
            "X-Request-Id",
            text(),
            "Comes back with the answer. One that is not 1 to 128 visible ASCII characters is \
             replaced.",
            json!("01928f6e-7a3b-7c00-8000-0242ac120002"),
        ),
        (
            "TraceParent",
            "traceparent",
            text(),
            "W3C trace context, which the events carry on. One that is not valid is ignored.",
            json!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ),
        (
            IDEMPOTENCY_KEY,
            "Idempotency-Key",
            text().min_length(Some(1)).max_length(Some(255)).pattern(Some("^[!-~]+$")),
            "The same request under the same key gets the first answer again for 24 hours.",
            json!("create-aurora-1"),
        ),
        (
            IF_MATCH,
            "If-Match",
            text().pattern(Some("^(\\*|\"?[0-9]{1,19}\"?)$")),
            "The version the character has to be at, as `ETag` gave it; `*`: any.",
            json!("\"3\""),
        ),
    ];
    let components = requests.into_iter().fold(components, |components, parts| {
        let (component, name, schema, description, example) = parts;
        let parameter = parameter(name, ParameterIn::Header, Required::False, schema, description)
            .example(Some(example));
        components.parameter(component, parameter.build())
    });
    let answers = [
        ("X-Request-Id", text(), "Of the request; made if it had none."),
        ("ETag", text(), "Version of the character, in quotes."),
        ("Location", text(), "Path of what was created."),
        ("Retry-After", whole().minimum(Some(1)), "Seconds after which to try again."),
        ("WWW-Authenticate", text(), "`Bearer`."),
    ];
    answers.into_iter().fold(components, |components, (name, schema, description)| {
        let header =
            HeaderBuilder::new().schema(Some(Schema::from(schema))).description(Some(description));
        components.header(name, header.build())
    })
}

pub fn reference(component: &str) -> Ref {
    Ref::new(format!("#/components/parameters/{component}"))
}

/// `{id}` of a character.
pub fn character() -> Parameter {
    let either = AnyOfBuilder::new().item(uuid()).item(text().pattern(Some("^n:[0-9]{1,10}$")));
    ParameterBuilder::new()
        .name("id")
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some("The character's UUID, or its 32-bit number as `n:12345`."))
        .schema(Some(Schema::AnyOf(either.build())))
        .example(Some(json!(crate::edge::operations::schemas::CHARACTER)))
        .build()
}

/// A number of 32 bits in the path.
pub fn number(name: &str, description: &str) -> Parameter {
    let schema = whole().minimum(Some(0)).maximum(Some(u32::MAX));
    parameter(name, ParameterIn::Path, Required::True, schema, description)
        .example(Some(json!(1)))
        .build()
}

pub fn query(name: &str, schema: ObjectBuilder, description: &str) -> Parameter {
    parameter(name, ParameterIn::Query, Required::False, schema, description).build()
}

pub fn required_query(name: &str, schema: ObjectBuilder, description: &str) -> Parameter {
    parameter(name, ParameterIn::Query, Required::True, schema, description).build()
}

pub fn text() -> ObjectBuilder {
    Object::builder().schema_type(Type::String)
}

pub fn uuid() -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
}

pub fn whole() -> ObjectBuilder {
    Object::builder().schema_type(Type::Integer)
}

pub fn truth() -> ObjectBuilder {
    Object::builder().schema_type(Type::Boolean)
}

fn version() -> ObjectBuilder {
    whole().minimum(Some(0)).maximum(Some(u16::MAX))
}

fn parameter(
    name: &str,
    place: ParameterIn,
    required: Required,
    schema: ObjectBuilder,
    description: &str,
) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(description))
        .schema(Some(RefOr::T(Schema::from(schema))))
}
