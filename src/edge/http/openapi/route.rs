//! How one route is described: what it takes, what it answers, and each error it may end with.

use std::collections::BTreeMap;

use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::link::Link;
use utoipa::openapi::path::{Operation, OperationBuilder, Parameter};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{Schema, SchemaType};
use utoipa::openapi::{
    AllOfBuilder, ArrayBuilder, Object, ObjectBuilder, Ref, Required, Response, ResponseBuilder,
};

use super::parameters::{self, text, whole};
use crate::edge::http::error::{Code, Form, PROBLEM};
use crate::edge::operations::pets::document::JSON_API;
use crate::edge::operations::schemas::Example;

/// Every route may end with these.
const OF_ALL: [Code; 9] = [
    Code::InvalidTenant,
    Code::InvalidQuery,
    // Read of every request, also where nothing depends on it.
    Code::InvalidVersion,
    Code::Unauthenticated,
    Code::Forbidden,
    Code::NotServing,
    Code::TimedOut,
    Code::DatabaseUnavailable,
    Code::Internal,
];
/// And so may every one that reads a body; those it may end with as 422 come as that in the
/// characters API.
const OF_BODIES: [Code; 6] = [
    Code::InvalidJson,
    Code::InvalidDocument,
    Code::MissingField,
    Code::InvalidField,
    Code::UnknownField,
    Code::BodyTooLarge,
];

pub struct Route {
    form: Form,
    operation: OperationBuilder,
    codes: BTreeMap<u16, Vec<Code>>,
}

/// What is answered if all is well.
pub struct Answer {
    status: u16,
    builder: ResponseBuilder,
}

impl Route {
    pub fn new(form: Form, tag: &str, id: &str, summary: &str) -> Self {
        let operation =
            OperationBuilder::new().tag(tag).operation_id(Some(id)).summary(Some(summary));
        let operation = parameters::OF_ALL.into_iter().fold(operation, |operation, component| {
            operation.parameter_ref(parameters::reference(component))
        });
        Self { form, operation, codes: BTreeMap::new() }.ends_with(&OF_ALL)
    }

    pub fn describe(mut self, text: &str) -> Self {
        self.operation = self.operation.description(Some(text));
        self
    }

    pub fn takes(mut self, parameter: Parameter) -> Self {
        self.operation = self.operation.parameter(parameter);
        self
    }

    /// It changes something, and can be repeated.
    pub fn changes(mut self) -> Self {
        let key = parameters::reference(parameters::IDEMPOTENCY_KEY);
        self.operation = self.operation.parameter_ref(key);
        self.ends_with(&[
            Code::Overloaded,
            Code::InvalidIdempotencyKey,
            Code::Reason(crate::domain::Reason::IdempotencyConflict),
        ])
    }

    /// It heeds the version that the caller believes in.
    pub fn heeds_version(mut self) -> Self {
        let version = parameters::reference(parameters::IF_MATCH);
        self.operation = self.operation.parameter_ref(version);
        self.ends_with(&[Code::Reason(crate::domain::Reason::VersionMismatch)])
    }

    pub fn reads<T: Example>(mut self, required: Required) -> Self {
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(T::name())))
            .example(Some(T::example_json()));
        let body = RequestBodyBuilder::new()
            .content(self.media_type(), content.build())
            .required(Some(required));
        self.operation = self.operation.request_body(Some(body.build()));
        self.ends_with(&OF_BODIES)
    }

    pub fn answers(mut self, answer: Answer) -> Self {
        let Answer { status, builder } = answer;
        let id = response_header("X-Request-Id");
        let response = builder.header_ref("X-Request-Id", id).build();
        self.operation = self.operation.response(status.to_string(), response);
        self
    }

    pub fn ends_with(mut self, codes: &[Code]) -> Self {
        for code in codes {
            let is_unprocessable = self.form == Form::Problem && code.may_be_unprocessable();
            let status = if is_unprocessable { 422 } else { code.status().as_u16() };
            let codes = self.codes.entry(status).or_default();
            if codes.iter().all(|known| known.name() != code.name()) {
                codes.push(*code);
            }
        }
        self
    }

    pub fn build(self) -> Operation {
        let Self { form, operation, codes } = self;
        codes
            .into_iter()
            .fold(operation, |operation, (status, codes)| {
                operation.response(status.to_string(), failure(form, status, &codes))
            })
            .build()
    }

    fn media_type(&self) -> &'static str {
        match self.form {
            Form::JsonApi => JSON_API,
            Form::Problem => "application/json",
        }
    }
}

impl Answer {
    pub fn of<T: ToSchema>(form: Form, status: u16, description: &str) -> Self {
        let media_type = match form {
            Form::JsonApi => JSON_API,
            Form::Problem => "application/json",
        };
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(T::name())));
        let builder =
            ResponseBuilder::new().description(description).content(media_type, content.build());
        Self { status, builder }
    }

    pub fn nothing(description: &str) -> Self {
        Self { status: 204, builder: ResponseBuilder::new().description(description) }
    }

    pub fn header(mut self, name: &str) -> Self {
        self.builder = self.builder.header_ref(name, response_header(name));
        self
    }

    /// `value` of this answer is the parameter of each of those operations.
    pub fn leads_to(mut self, operations: &[&str], parameter: &str, value: &str) -> Self {
        for operation in operations {
            let link = Link::builder().operation_id(*operation).parameter(parameter, value);
            self.builder = self.builder.link(*operation, link.build());
        }
        self
    }
}

fn response_header(name: &str) -> Ref {
    Ref::new(format!("#/components/headers/{name}"))
}

/// The answer of one status: which codes it may have, and what they mean.
fn failure(form: Form, status: u16, codes: &[Code]) -> Response {
    let described = codes.iter().map(|code| format!("- `{}`: {}", code.name(), code.meaning()));
    let description = described.collect::<Vec<_>>().join("\n");
    let names = text().enum_values(Some(codes.iter().map(|code| code.name())));
    let (media_type, schema, narrowed) = match form {
        Form::Problem => {
            let status = whole().enum_values(Some([status]));
            let problem = any().property("status", status).property("code", names);
            (PROBLEM, "Problem", problem)
        }
        Form::JsonApi => {
            let status = text().enum_values(Some([status.to_string()]));
            let error = any().property("status", status).property("code", names);
            let errors = ArrayBuilder::new().items(error);
            (JSON_API, "Errors", any().property("errors", errors))
        }
    };
    let schema = AllOfBuilder::new().item(Ref::from_schema_name(schema)).item(narrowed);
    let content = ContentBuilder::new().schema(Some(Schema::AllOf(schema.build())));
    let mut response = ResponseBuilder::new()
        .description(description)
        .content(media_type, content.build())
        .header_ref("X-Request-Id", response_header("X-Request-Id"));
    if status == 503 {
        response = response.header_ref("Retry-After", response_header("Retry-After"));
    }
    if status == 401 {
        response = response.header_ref("WWW-Authenticate", response_header("WWW-Authenticate"));
    }
    response.build()
}

/// Nothing but what is added to it.
fn any() -> ObjectBuilder {
    Object::builder().schema_type(SchemaType::AnyValue)
}
