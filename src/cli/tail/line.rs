//! One line of text an event.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::sse::Message;
use crate::cli::table::{instant, is_obeyed, plain};

/// What of an event the line says already, or what tells a reader nothing.
const LEFT_OUT: [&str; 10] = [
    "event_id",
    "event_type",
    "character_id",
    "user_id",
    "timestamp",
    "version",
    "petId",
    "ownerId",
    "characterId",
    "type",
];

/// Characters of the longest subject, `character.appearance.updated`.
const SUBJECT_WIDTH: usize = 28;

/// The `data` of an event.
#[derive(Deserialize)]
struct Event {
    subject: String,
    character: Option<u32>,
    pet: Option<u32>,
    at: DateTime<Utc>,
    event: Value,
}

#[derive(Deserialize)]
struct Missed {
    missed: u64,
}

/// How many events the process dropped because we read too slowly, if the message says that.
pub(super) fn missed(message: &Message) -> Option<u64> {
    let missed = || serde_json::from_str::<Missed>(&message.data).ok();
    Some(message.event.as_str())
        .filter(|event| *event == "missed")
        .and_then(|_| missed())
        .map(|it| it.missed)
}

/// Time, subject, whose it is, and the facts. What is not as the contract has it is shown as it
/// came.
pub(super) fn text(message: &Message) -> String {
    let Ok(event) = serde_json::from_str::<Event>(&message.data) else {
        return format!("{}  {}", plain(&message.event), plain(&message.data));
    };
    let mut line = format!("{}  {:<SUBJECT_WIDTH$} ", instant(event.at), plain(&event.subject));
    for (name, number) in [("character", event.character), ("pet", event.pet)] {
        if let Some(number) = number {
            let _ = write!(line, " {name}={number}");
        }
    }
    match &event.event {
        Value::Object(members) => add_members(&mut line, "", members, &LEFT_OUT),
        Value::Null => {}
        other => add(&mut line, "event", other),
    }
    line
}

fn add_members(line: &mut String, prefix: &str, members: &Map<String, Value>, left_out: &[&str]) {
    for (name, value) in members {
        if left_out.contains(&name.as_str()) {
            continue;
        }
        match value {
            // What a pet's event is about, so its members need no further name.
            Value::Object(body) if prefix.is_empty() && name == "body" => {
                add_members(line, "", body, &[]);
            }
            value => add(line, &format!("{prefix}{name}"), value),
        }
    }
}

/// Nothing is said of what is not there.
fn add(line: &mut String, name: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::Object(members) => add_members(line, &format!("{name}."), members, &[]),
        value => {
            let _ = write!(line, " {}={}", plain(name), word(value));
        }
    }
}

/// Text without quotes where it stays one word all the same.
fn word(value: &Value) -> String {
    let is_odd = |char: char| char.is_whitespace() || is_obeyed(char) || char == '"' || char == '=';
    match value {
        Value::String(text) if !text.is_empty() && !text.contains(is_odd) => text.clone(),
        other => plain(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(data: &Value) -> String {
        text(&Message { event: "x".into(), data: data.to_string() })
    }

    #[test]
    fn a_characters_event_has_its_facts_and_no_ids() {
        let line = line(&json!({
            "subject": "character.stats.updated", "tenant": "083839c6-c47c-42a6-9585-76492795d123",
            "character": 12345, "pet": null, "at": "2026-11-25T01:02:03.000004Z",
            "event": {
                "event_id": "x", "event_type": "character.stats.updated", "character_id": "x",
                "user_id": "x", "timestamp": "x", "version": "1.0", "update_type": "level up",
                "changes": { "strength": 1 }, "none": null,
            },
        }));
        let expected = "2026-11-25T01:02:03.000Z  character.stats.updated       character=12345 \
                        changes.strength=1 update_type=\"level up\"";
        assert_eq!(line, expected);
    }

    #[test]
    fn a_pets_event_is_what_its_body_says() {
        let line = line(&json!({
            "subject": "pet.exclude_changed", "character": 12345, "pet": 17,
            "at": "2026-11-25T01:02:03Z",
            "event": { "petId": 17, "ownerId": 12345, "type": "EXCLUDE_CHANGED",
                       "body": { "excludes": [1, 2], "type": 3 } },
        }));
        let expected = "2026-11-25T01:02:03.000Z  pet.exclude_changed           character=12345 pet=17 \
                        excludes=[1,2] type=3";
        assert_eq!(line, expected);
    }

    #[test]
    fn no_name_breaks_the_line_or_steers_the_terminal() {
        let event = json!({ "name": "a\nb=\u{1b}[2J", "x\r": "\u{202e}", "empty": "" });
        let line =
            line(&json!({ "subject": "pet.x", "at": "2026-11-25T01:02:03Z", "event": event }));
        assert!(line.ends_with(r#" empty="" name="a\nb=\u001b[2J" x\r="\u{202e}""#), "{line}");
        assert!(!line.contains(is_obeyed));
    }

    #[test]
    fn what_nobody_foresaw_is_shown_as_it_came() {
        let message = Message { event: "news".into(), data: "{\"a\":\n1}".into() };
        assert_eq!(text(&message), "news  {\"a\":\\n1}");
    }

    #[test]
    fn only_a_message_of_that_name_tells_what_was_missed() {
        let message = |event: &str, data: &str| Message { event: event.into(), data: data.into() };
        assert_eq!(missed(&message("missed", r#"{"missed": 120}"#)), Some(120));
        assert_eq!(missed(&message("missed", "many")), None);
        assert_eq!(missed(&message("character.online", r#"{"missed": 120}"#)), None);
    }
}
