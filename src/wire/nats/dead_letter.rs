//! What goes to the dead letter stream when NATS keeps refusing an event
//! (`spec/rules.md` section 3).

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;

use super::timestamp;

/// An event that was refused, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeadLetter<'a> {
    pub original_subject: &'a str,
    /// The message as it was to be published.
    pub event: &'a [u8],
    /// The last error.
    pub error: &'a str,
    /// When it was given up.
    pub at: DateTime<Utc>,
    /// Attempts made.
    pub num_attempts: u32,
}

#[derive(Serialize)]
struct Message<'a> {
    original_subject: &'a str,
    event: Original<'a>,
    error: &'a str,
    timestamp: String,
    retry_count: u32,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Original<'a> {
    Json(&'a RawValue),
    /// Bytes that are no JSON, which nothing of ours writes, still reach the reader.
    Text(String),
}

/// The message of one dead letter, with the original event as a JSON value.
pub fn encode(letter: &DeadLetter<'_>) -> Vec<u8> {
    let event = match serde_json::from_slice(letter.event) {
        Ok(json) => Original::Json(json),
        Err(_) => Original::Text(String::from_utf8_lossy(letter.event).into_owned()),
    };
    let message = Message {
        original_subject: letter.original_subject,
        event,
        error: letter.error,
        timestamp: timestamp(letter.at),
        retry_count: letter.num_attempts,
    };
    serde_json::to_vec(&message).expect("keys are text and writing to memory cannot fail")
}

/// The dead letter subject of an event: the whole original subject after `character.dlq.`.
pub fn subject(original: &str) -> String {
    format!("character.dlq.{original}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn letter(event: &[u8]) -> String {
        let at = DateTime::from_timestamp(1_705_314_600, 0).unwrap();
        let letter = DeadLetter {
            original_subject: "character.online",
            event,
            error: "no \"space\"",
            at,
            num_attempts: 3,
        };
        String::from_utf8(encode(&letter)).unwrap()
    }

    #[test]
    fn the_original_event_is_a_value_and_keeps_its_order() {
        let expected = concat!(
            r#"{"original_subject":"character.online","event":{"z":1.0,"a":2},"#,
            r#""error":"no \"space\"","timestamp":"2024-01-15T10:30:00Z","retry_count":3}"#
        );
        assert_eq!(letter(br#"{"z":1.0,"a":2}"#), expected);
    }

    #[test]
    fn an_event_that_is_no_json_is_kept_as_text() {
        assert!(letter(b"{\xff").contains("\"event\":\"{\u{fffd}\""));
    }

    #[test]
    fn the_subject_holds_the_whole_original_subject() {
        assert_eq!(subject("character.online"), "character.dlq.character.online");
    }
}
