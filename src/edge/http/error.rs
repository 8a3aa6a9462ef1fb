//! Every error a caller may meet. The codes are part of the interface: they never change.

mod listing;

use std::borrow::Cow;
use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use crate::domain::Reason;
use crate::edge::operations::pets::document::JSON_API;
use crate::engine::handle::AskError;
use crate::store;

pub use self::listing::page;

/// The media type of RFC 9457.
pub const PROBLEM: &str = "application/problem+json";

/// What went wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Code {
    /// Neither the headers nor `tenancy.default` name a tenant.
    InvalidTenant,
    /// The body is not JSON.
    InvalidJson,
    /// The body is JSON and no document of a pet.
    InvalidDocument,
    /// A required field is missing.
    MissingField,
    /// A field has the wrong type, or lies outside its range.
    InvalidField,
    /// A field nobody knows.
    UnknownField,
    /// The query string is not readable, or names what there is not.
    InvalidQuery,
    /// The page asked for is not one.
    InvalidPage,
    /// An identifier in the path is not a number of 32 bits.
    InvalidId,
    /// No credentials, or such as are not accepted.
    Unauthenticated,
    /// Credentials for something else.
    Forbidden,
    UnknownPet,
    /// No such character, or another user's.
    UnknownCharacter,
    UnknownDeadLetter,
    /// It has to be offline for that.
    CharacterOnline,
    NoSuchRoute,
    MethodNotAllowed,
    /// The engine says no, for a reason of the game.
    Reason(Reason),
    /// A name nobody can have.
    InvalidName,
    /// `Idempotency-Key` is no key.
    InvalidIdempotencyKey,
    /// `If-Match` is no version.
    InvalidVersion,
    /// Larger than 64 KiB.
    BodyTooLarge,
    /// This process does not have the shard, or not yet, or not any more.
    NotServing,
    /// As many requests are waiting as may.
    Overloaded,
    /// No answer within `http.request_timeout`; a change may still take effect.
    TimedOut,
    /// The database does not answer.
    DatabaseUnavailable,
    Internal,
}

/// An error with what it says about this request.
#[derive(Debug)]
pub struct Error {
    pub code: Code,
    /// For the caller.
    detail: Cow<'static, str>,
    /// For the log only.
    cause: Option<String>,
    /// The methods of a resource that was asked with another one.
    allow: Option<&'static str>,
    /// In place of the code's own.
    status: Option<StatusCode>,
}

/// How errors are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// JSON:API 1.1, which is the form of the service the pets API stands in for.
    JsonApi,
    /// RFC 9457.
    Problem,
}

impl Form {
    /// By the path of the request.
    pub fn of(path: &str) -> Self {
        let is_below = |root: &str| {
            path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match is_below("/api/pets") || is_below("/api/characters") {
            true => Self::JsonApi,
            false => Self::Problem,
        }
    }
}

/// An error of the pets API (JSON:API).
#[derive(Serialize, utoipa::ToSchema)]
pub struct Errors<'a> {
    #[schema(value_type = Vec<ErrorObject>, min_items = 1, max_items = 1)]
    errors: [ErrorObject<'a>; 1],
}

/// What went wrong.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ErrorObject<'a> {
    /// As the answer's own.
    #[schema(value_type = String, pattern = "^[45][0-9]{2}$")]
    status: &'a str,
    #[schema(value_type = ErrorCode)]
    code: &'a str,
    /// The same for every error of this code.
    #[schema(value_type = String)]
    title: &'a str,
    /// About this request.
    #[schema(value_type = String)]
    detail: &'a str,
}

/// An error of the characters API (RFC 9457).
#[derive(Serialize, utoipa::ToSchema)]
pub struct Problem<'a> {
    /// Says nothing: `code` tells problems apart.
    #[schema(value_type = String)]
    r#type: &'a str,
    /// The same for every error of this code.
    #[schema(value_type = String)]
    title: &'a str,
    /// As the answer's own.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// About this request.
    #[schema(value_type = String)]
    detail: &'a str,
    #[schema(value_type = ErrorCode)]
    code: &'a str,
    /// As in `X-Request-Id`.
    #[schema(value_type = String)]
    request_id: &'a str,
}

/// Every code there is.
pub struct ErrorCode;

impl Code {
    pub fn name(self) -> &'static str {
        self.parts().1
    }

    pub fn status(self) -> StatusCode {
        self.parts().0
    }

    pub fn title(self) -> &'static str {
        self.parts().2
    }

    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::InvalidTenant => (S::BAD_REQUEST, "invalid_tenant", "No tenant"),
            Self::InvalidJson => (S::BAD_REQUEST, "invalid_json", "Not JSON"),
            Self::InvalidDocument => (S::BAD_REQUEST, "invalid_document", "Not such a document"),
            Self::MissingField => (S::BAD_REQUEST, "missing_field", "Missing field"),
            Self::InvalidField => (S::BAD_REQUEST, "invalid_field", "Invalid field"),
            Self::UnknownField => (S::UNPROCESSABLE_ENTITY, "unknown_field", "Unknown field"),
            Self::InvalidQuery => (S::BAD_REQUEST, "invalid_query", "Invalid query"),
            Self::InvalidPage => (S::BAD_REQUEST, "invalid_page", "Invalid page"),
            Self::InvalidId => (S::BAD_REQUEST, "invalid_id", "Invalid identifier"),
            Self::Unauthenticated => (S::UNAUTHORIZED, "unauthenticated", "Not authenticated"),
            Self::Forbidden => (S::FORBIDDEN, "forbidden", "Not allowed"),
            Self::UnknownPet => (S::NOT_FOUND, "unknown_pet", "No such pet"),
            Self::UnknownCharacter => (S::NOT_FOUND, "unknown_character", "No such character"),
            Self::UnknownDeadLetter => (S::NOT_FOUND, "unknown_dead_letter", "No such dead letter"),
            Self::CharacterOnline => (S::CONFLICT, "character_online", "It is online"),
            Self::NoSuchRoute => (S::NOT_FOUND, "no_such_route", "Nothing here"),
            Self::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed")
            }
            Self::Reason(reason) => of_reason(reason),
            Self::InvalidName => (S::UNPROCESSABLE_ENTITY, "invalid_name", "Invalid name"),
            Self::InvalidIdempotencyKey => {
                (S::BAD_REQUEST, "invalid_idempotency_key", "Invalid idempotency key")
            }
            Self::InvalidVersion => (S::BAD_REQUEST, "invalid_version", "Invalid version"),
            Self::BodyTooLarge => (S::PAYLOAD_TOO_LARGE, "body_too_large", "Body too large"),
            Self::NotServing => (S::SERVICE_UNAVAILABLE, "not_serving", "Not serving"),
            Self::Overloaded => (S::SERVICE_UNAVAILABLE, "overloaded", "Too many requests waiting"),
            Self::TimedOut => (S::SERVICE_UNAVAILABLE, "timed_out", "No answer in time"),
            Self::DatabaseUnavailable => {
                (S::SERVICE_UNAVAILABLE, "database_unavailable", "Database unavailable")
            }
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "Internal error"),
        }
    }
}

impl Error {
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), cause: None, allow: None, status: None }
    }

    /// With what the log is to say, and the caller not to know.
    pub fn caused(code: Code, detail: &'static str, cause: impl fmt::Display) -> Self {
        Self { cause: Some(cause.to_string()), ..Self::new(code, detail) }
    }

    /// `allow` as in the header of that name.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let detail = format!("this resource answers to {allow}");
        Self { allow: Some(allow), ..Self::new(Code::MethodNotAllowed, detail) }
    }

    /// 422, where the code's own status is 400: it was JSON, but not what is wanted.
    pub fn unprocessable(self) -> Self {
        debug_assert!(self.code.may_be_unprocessable(), "docs/errors.md says so of {self}");
        Self { status: Some(StatusCode::UNPROCESSABLE_ENTITY), ..self }
    }

    pub fn status(&self) -> StatusCode {
        self.status.unwrap_or_else(|| self.code.status())
    }

    /// Whether the same request may fare better later.
    pub fn is_retryable(&self) -> bool {
        self.status() == StatusCode::SERVICE_UNAVAILABLE
    }

    pub fn detail(&self) -> &str {
        &self.detail
    }

    pub fn body_too_large() -> Self {
        Self::new(Code::BodyTooLarge, "the body is larger than 64 KiB")
    }

    pub fn timed_out() -> Self {
        let detail = "there was no answer in time; a change may still take effect";
        Self::new(Code::TimedOut, detail)
    }

    /// What the log is to say of it, if anything.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    pub fn response(&self, form: Form, request_id: &str) -> HttpResponse {
        let status = self.status();
        let mut response = HttpResponse::build(status);
        if self.is_retryable() {
            response.insert_header((header::RETRY_AFTER, "1"));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if let Some(allow) = self.allow {
            response.insert_header((header::ALLOW, allow));
        }
        let (code, title, detail) = (self.code.name(), self.code.title(), &*self.detail);
        let (content_type, body) = match form {
            Form::JsonApi => {
                let status = status.as_str();
                let errors = [ErrorObject { status, code, title, detail }];
                (JSON_API, serde_json::to_vec(&Errors { errors }))
            }
            Form::Problem => (PROBLEM, Ok(self.problem(request_id))),
        };
        response.content_type(content_type).body(body.expect("text and numbers are JSON"))
    }

    /// As RFC 9457 has it.
    pub fn problem(&self, request_id: &str) -> Vec<u8> {
        let problem = Problem {
            r#type: "about:blank",
            title: self.code.title(),
            status: self.status().as_u16(),
            detail: &self.detail,
            code: self.code.name(),
            request_id,
        };
        serde_json::to_vec(&problem).expect("text and numbers are JSON")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.detail)
    }
}

impl std::error::Error for Error {}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    /// The middleware that knows the request's id and the listener's form writes it anew.
    fn error_response(&self) -> HttpResponse {
        self.response(Form::Problem, "")
    }
}

impl From<AskError> for Error {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Full => Self::new(Code::Overloaded, "too many requests are waiting"),
            AskError::TimedOut => Self::timed_out(),
            AskError::Stopped => Self::new(Code::NotServing, "the engine has stopped"),
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        if error.is_retryable() {
            let detail = "the database does not answer";
            return Self::caused(Code::DatabaseUnavailable, detail, error);
        }
        if let store::Error::Exhausted { .. } = error {
            // Somebody took the highest there is: the caller may name one below.
            return Self::new(Code::Reason(Reason::NumberTaken), "no higher number is left");
        }
        Self::caused(Code::Internal, "the database could not be read", error)
    }
}

impl From<Reason> for Error {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::UnknownPet => Self::new(Code::UnknownPet, "no such pet"),
            other => Self::new(Code::Reason(other), of_reason(other).2),
        }
    }
}

/// What the rules refuse, as requests see it.
fn of_reason(reason: Reason) -> (StatusCode, &'static str, &'static str) {
    let title = match reason {
        Reason::UnknownPet => "No such pet",
        Reason::UnknownCharacter => "No such character",
        Reason::NoPosition => "It was nowhere yet",
        Reason::VersionMismatch => "Somebody changed it since",
        Reason::NameReserved => "The name is reserved",
        Reason::UnknownSlot => "No such slot",
        Reason::UnknownClass => "No such class",
        Reason::UnknownRace => "No such race",
        Reason::UnknownGender => "No such gender",
        Reason::UnknownStat => "No such stat",
        Reason::UnknownMovement => "No such movement type",
        Reason::UnknownAppearance => "No such appearance field",
        Reason::InvalidAppearance => "Not among what can be chosen",
        Reason::NumberTaken => "The number is taken",
        Reason::NameTaken => "The name is taken",
        Reason::SlotOccupied => "The slot is occupied",
        Reason::SlotsFull => "No slot is free",
        Reason::Deleted => "It is deleted",
        Reason::NotDeleted => "It is not deleted",
        Reason::RestoreExpired => "The time to restore it is over",
        Reason::AlreadySet => "It is set already",
        Reason::ClassUnset => "It has no class yet",
        Reason::NotEnoughPoints => "Not enough points",
        Reason::NotOnline => "It is not online",
        Reason::IdempotencyConflict => "The key was used for another request",
        Reason::NotOwner
        | Reason::Expired
        | Reason::NotSpawned
        | Reason::UnknownSkill
        | Reason::AmbiguousAsset
        | Reason::OtherMap => "Refused",
    };
    let status = match reason {
        Reason::UnknownPet | Reason::UnknownCharacter | Reason::NoPosition => StatusCode::NOT_FOUND,
        Reason::VersionMismatch => StatusCode::PRECONDITION_FAILED,
        Reason::NameReserved
        | Reason::UnknownSlot
        | Reason::UnknownClass
        | Reason::UnknownRace
        | Reason::UnknownGender
        | Reason::UnknownStat
        | Reason::UnknownMovement
        | Reason::UnknownAppearance
        | Reason::InvalidAppearance => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::CONFLICT,
    };
    (status, reason.code(), title)
}
