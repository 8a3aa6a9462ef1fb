//! Why an operator's request came to nothing.

use std::fmt;

use reqwest::StatusCode;
use serde::Deserialize;

use crate::cli::table::plain;

/// Why there is no answer to use.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Nobody is there, or has gone before the end. A change may have been made.
    #[error("{base} does not answer: {reason}")]
    Away { base: String, reason: String },
    /// It says no.
    #[error("{0}")]
    Refused(Refusal),
    /// It is no process of ours, or one of another release.
    #[error("{base} answers what the operator's API does not: {what}")]
    Foreign { base: String, what: String },
}

/// What a problem document says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refusal {
    status: u16,
    code: Option<String>,
    title: String,
    detail: Option<String>,
}

#[derive(Deserialize)]
struct Problem {
    title: String,
    detail: Option<String>,
    code: Option<String>,
}

impl Error {
    /// The refusal in an answer with this status; what is no problem document has only that.
    pub(super) fn refused(status: StatusCode, body: Option<&str>) -> Self {
        let problem = body.and_then(|body| serde_json::from_str::<Problem>(body).ok());
        let refusal = match problem {
            Some(Problem { title, detail, code }) => {
                Refusal { status: status.as_u16(), code, title, detail }
            }
            None => Refusal {
                status: status.as_u16(),
                code: None,
                title: status.to_string(),
                detail: None,
            },
        };
        Self::Refused(refusal)
    }

    /// Whether nobody answers.
    pub(in crate::cli) fn is_away(&self) -> bool {
        matches!(self, Self::Away { .. })
    }

    /// Whether the same request may be answered later: the process starts, drains or is gone.
    pub(in crate::cli) fn is_retryable(&self) -> bool {
        match self {
            Self::Away { .. } => true,
            Self::Refused(refusal) => refusal.status >= 500,
            Self::Foreign { .. } => false,
        }
    }

    /// Whether the answer is a problem with this code.
    pub(in crate::cli) fn has_code(&self, code: &str) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code.as_deref() == Some(code))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&plain(&self.title))?;
        if let Some(detail) = self.detail.as_ref().filter(|detail| !detail.is_empty()) {
            write!(f, ": {}", plain(detail))?;
        }
        match &self.code {
            Some(code) => write!(f, " ({})", plain(code)),
            None => Ok(()),
        }
    }
}

/// What lies at the bottom: the layers above it tell only that there was a request.
pub(super) fn cause_of(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    let text = cause.to_string();
    // The operating system's number says nothing that its words do not.
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> Error {
        Error::refused(StatusCode::from_u16(status).unwrap_or_default(), Some(body))
    }

    #[test]
    fn a_problem_is_told_as_title_detail_and_code() {
        let body = r#"{"type":"about:blank","title":"Not online","status":409,
                       "detail":"12345 is offline","code":"not_online","request_id":"x"}"#;
        let error = refused(409, body);
        assert_eq!(error.to_string(), "Not online: 12345 is offline (not_online)");
        assert!(error.has_code("not_online") && !error.has_code("unknown_character"));
    }

    #[test]
    fn what_is_missing_from_a_problem_is_not_told() {
        assert_eq!(refused(404, r#"{"title":"Gone","detail":""}"#).to_string(), "Gone");
        assert_eq!(refused(404, r#"{"title":"Gone","code":"x"}"#).to_string(), "Gone (x)");
        assert_eq!(refused(502, "<html>").to_string(), "502 Bad Gateway");
        assert_eq!(refused(302, "").to_string(), "302 Found");
    }

    #[test]
    fn a_problem_cannot_steer_the_terminal() {
        let error = refused(404, r#"{"title":"No","detail":"\u001b[2Jsuch"}"#);
        assert_eq!(error.to_string(), "No: \\u{1b}[2Jsuch");
    }

    #[test]
    fn only_what_may_pass_is_worth_another_try() {
        let away = Error::Away { base: String::new(), reason: String::new() };
        let foreign = Error::Foreign { base: String::new(), what: String::new() };
        assert!(away.is_retryable() && away.is_away());
        assert!(refused(503, "").is_retryable() && !refused(503, "").is_away());
        assert!(!refused(401, "").is_retryable() && !refused(404, "").is_retryable());
        assert!(!foreign.is_retryable() && !foreign.is_away());
    }
}
