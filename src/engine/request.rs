//! What the engine has to know of a request, besides what it asks for.

use std::fmt;
use std::sync::Arc;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use uuid::Uuid;

use super::record::{Cause, Target};
use super::round::Answer;
use crate::domain::input::Request;
use crate::domain::{Input, Reason, TenantId};

/// How long a first answer is given again.
pub const ANSWERS_KEPT: TimeDelta = TimeDelta::hours(24);

/// A request on its way to the supervisor.
#[derive(Debug)]
pub struct Errand {
    pub target: Target,
    /// A request; or what a record was, redelivered.
    pub input: Input,
    pub cause: Arc<Cause>,
    /// What no other request may touch until this one is committed.
    pub claims: Claims,
    pub idempotency: Option<Box<Idempotency>>,
    /// The dead letter that is gone once this has had its effect.
    pub redelivers: Option<i64>,
}

/// Something beyond one character that two requests must not decide about at once. Another
/// shard's process is kept out by the database's constraints instead.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Claim {
    /// The slots of a user's characters, and which of them is selected.
    User(TenantId, Uuid),
    /// Who has this name, by its key.
    Name(TenantId, Box<str>),
    /// The answer under this `Idempotency-Key`.
    Key(TenantId, Box<str>),
}

pub type Claims = SmallVec<[Claim; 2]>;

/// What makes a repeated request have one effect.
pub struct Idempotency {
    pub key: Box<str>,
    /// SHA-256 of whatever makes two requests the same.
    pub request_hash: [u8; 32],
    /// The number of the character was drawn for it: one that is taken is no answer.
    pub is_drawn: bool,
    /// The answer as it is stored and given again.
    pub render: Render,
}

pub type Render = Arc<dyn Fn(&Answer) -> Rendered + Send + Sync>;

/// An answer in the form in which it leaves.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Rendered {
    /// HTTP status.
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// JSON, or empty.
    pub body: String,
}

/// The first answer under a key, as the database keeps it.
#[derive(Serialize, Deserialize)]
enum Kept {
    #[serde(rename = "refused")]
    Refused(String),
    #[serde(rename = "rendered")]
    Rendered(Rendered),
}

impl Errand {
    pub fn new(target: Target, request: Request, cause: Arc<Cause>) -> Self {
        let input = Input::Request(request);
        Self { target, input, cause, claims: Claims::new(), idempotency: None, redelivers: None }
    }
}

impl Idempotency {
    /// The answer as it is given, now and to each repetition; and as it is kept.
    pub fn keep(&self, answer: Answer) -> (Answer, Option<Vec<u8>>) {
        let (answer, kept) = match answer {
            // A defect of ours: the next attempt may fare better.
            Answer::Failed => return (answer, None),
            // Another one is drawn under the same key.
            Answer::Refused(Reason::NumberTaken) if self.is_drawn => return (answer, None),
            Answer::Refused(reason) => (answer, Kept::Refused(reason.code().to_owned())),
            other => {
                let rendered = (self.render)(&other);
                (Answer::Rendered(Box::new(rendered.clone())), Kept::Rendered(rendered))
            }
        };
        (answer, Some(serde_json::to_vec(&kept).expect("text and numbers are JSON")))
    }

    /// What a repetition is told: the first answer, if it asks for the same.
    pub fn repeat(&self, request_hash: [u8; 32], kept: &[u8]) -> Answer {
        if request_hash != self.request_hash {
            return Answer::Refused(Reason::IdempotencyConflict);
        }
        match serde_json::from_slice(kept) {
            Ok(Kept::Rendered(rendered)) => Answer::Rendered(Box::new(rendered)),
            Ok(Kept::Refused(code)) => {
                Reason::from_code(&code).map_or(Answer::Failed, Answer::Refused)
            }
            Err(error) => {
                tracing::error!(key = &*self.key, "a kept answer cannot be read: {error}");
                Answer::Failed
            }
        }
    }
}

impl fmt::Debug for Idempotency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idempotency").field("key", &self.key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn idempotency(request_hash: [u8; 32]) -> Idempotency {
        let render = |_: &Answer| Rendered {
            status: 201,
            headers: vec![("ETag".into(), "\"1\"".into())],
            body: "{}".into(),
        };
        Idempotency { key: "k".into(), request_hash, is_drawn: false, render: Arc::new(render) }
    }

    #[test]
    fn a_repetition_gets_the_first_answer_and_another_request_a_conflict() {
        let first = idempotency([1; 32]);
        let (told, kept) = first.keep(Answer::Done);
        let kept = kept.unwrap();
        assert_eq!(idempotency([1; 32]).repeat([1; 32], &kept), told);
        let conflict = Answer::Refused(Reason::IdempotencyConflict);
        assert_eq!(idempotency([2; 32]).repeat([1; 32], &kept), conflict);
    }

    #[test]
    fn a_refusal_is_repeated_and_a_failure_is_not_kept() {
        let refused = Answer::Refused(Reason::NameTaken);
        let (told, kept) = idempotency([1; 32]).keep(refused.clone());
        assert_eq!(told, refused);
        assert_eq!(idempotency([1; 32]).repeat([1; 32], &kept.unwrap()), refused);
        assert_eq!(idempotency([1; 32]).keep(Answer::Failed), (Answer::Failed, None));
    }

    #[test]
    fn a_taken_number_is_an_answer_to_who_asked_for_it_only() {
        let taken = Answer::Refused(Reason::NumberTaken);
        assert!(idempotency([1; 32]).keep(taken.clone()).1.is_some());
        let drawn = Idempotency { is_drawn: true, ..idempotency([1; 32]) };
        assert_eq!(drawn.keep(taken.clone()), (taken, None));
    }
}
