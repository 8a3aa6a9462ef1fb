//! Each verb against a process that answers as the contract has it.

#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::cli::Verb as Any;
use crate::cli::admin::fake::{Answer, Fake, verb};

async fn ask(fake: &Fake, line: &str) -> anyhow::Result<String> {
    let Any::Outbox(verb) = verb(&format!("outbox {line}")) else { panic!("another verb") };
    let mut out = Vec::new();
    assert_eq!(verb.ask(&fake.api(), &mut out).await?, Exit::Done);
    Ok(String::from_utf8(out).unwrap())
}

fn sink(name: &str, last_error: &serde_json::Value) -> serde_json::Value {
    json!({ "sink": name, "pending": 12, "oldest_age_seconds": 90.0, "published": 9120,
            "retried": 3, "parked": 1, "failing": last_error.is_object(),
            "last_error": last_error })
}

#[tokio::test]
async fn the_status_is_a_line_a_sink() {
    let error = json!({ "at": "2026-11-25T01:02:03Z", "message": "no\nresponders" });
    let sinks = json!({ "sinks": [sink("kafka", &json!(null)), sink("nats", &error)] });
    let fake = Fake::start([Answer::ok(&sinks)]);
    let expected = "\
SINK   STATE    PENDING  OLDEST  PUBLISHED  RETRIED  PARKED  LAST ERROR
kafka  ok       12       1m30s   9120       3        1       -
nats   failing  12       1m30s   9120       3        1       2026-11-25T01:02:03.000Z no\\nresponders
";
    assert_eq!(ask(&fake, "status").await.unwrap(), expected);
    assert_eq!(fake.lines(), ["GET /admin/outbox"]);
}

#[tokio::test]
async fn a_retry_says_what_it_published_and_what_stays() {
    let fake = Fake::start([Answer::ok(&json!({ "retried": 2, "parked": 1 }))]);
    assert_eq!(ask(&fake, "retry nats").await.unwrap(), "nats: 2 published, 1 still parked\n");
    assert_eq!(fake.lines(), ["POST /admin/outbox/nats/retry"]);
}

#[tokio::test]
async fn as_json_both_are_what_the_api_says() {
    let answers = ["{\"sinks\":[],\"a\":1}", "{\"retried\":0,\"parked\":0}"];
    let fake = Fake::start(answers.map(Answer::raw));
    assert_eq!(ask(&fake, "status --json").await.unwrap(), format!("{}\n", answers[0]));
    assert_eq!(ask(&fake, "retry kafka --json").await.unwrap(), format!("{}\n", answers[1]));
}

#[tokio::test]
async fn a_viewer_may_not_retry() {
    let fake = Fake::start([Answer::problem(403, "forbidden")]);
    let error = ask(&fake, "retry nats").await.unwrap_err();
    assert_eq!(error.to_string(), "No: that forbidden (forbidden)");
}
