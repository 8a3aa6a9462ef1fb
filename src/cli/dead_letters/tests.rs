//! Each verb against a process that answers as the contract has it.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::cli::Verb as Any;
use crate::cli::admin::fake::{Answer, Fake, TENANT, verb};

async fn ask(fake: &Fake, line: &str) -> anyhow::Result<(Exit, String)> {
    let Any::DeadLetters(verb) = verb(&format!("dead-letters {line}")) else {
        panic!("another verb")
    };
    let mut out = Vec::new();
    let exit = verb.ask(&fake.api(), &mut out).await?;
    Ok((exit, String::from_utf8(out).unwrap()))
}

fn letter(id: &str) -> Value {
    json!({ "id": id, "at": "2026-11-25T01:02:03Z", "reason": "malformed",
            "detail": "expected\nvalue", "topic": "COMMAND_TOPIC_PET", "partition": 0,
            "offset": 991, "tenant": TENANT, "size": 40 })
}

fn page(ids: &[&str], next_cursor: Option<&str>) -> Answer {
    let data: Vec<_> = ids.iter().map(|id| letter(id)).collect();
    Answer::ok(&json!({ "data": data, "next_cursor": next_cursor }))
}

fn outcome(outcome: &str, detail: Option<&str>) -> Answer {
    Answer::ok(&json!({ "outcome": outcome, "detail": detail }))
}

#[tokio::test]
async fn a_list_is_a_table() {
    let fake = Fake::start([page(&["42"], None)]);
    let (_, text) = ask(&fake, "list --reason malformed --limit 9").await.unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let record = "COMMAND_TOPIC_PET/0@991";
    let expected = format!(
        "42  2026-11-25T01:02:03.000Z  malformed  {record}  {TENANT}  40     expected\\nvalue"
    );
    assert_eq!(lines[1..], [expected]);
    assert_eq!(fake.lines(), ["GET /admin/dead-letters?reason=malformed&limit=9"]);
}

#[tokio::test]
async fn all_pages_are_read() {
    let fake = Fake::start([page(&["3", "2"], Some("c")), page(&["1"], None)]);
    let (_, text) = ask(&fake, "list --all --json").await.unwrap();
    let ids: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].take())
        .collect();
    assert_eq!(ids, ["3", "2", "1"]);
    assert_eq!(fake.lines()[1], "GET /admin/dead-letters?limit=200&cursor=c");
}

fn opened(text: Option<&str>) -> Value {
    let mut letter = letter("42");
    letter["key"] = json!("OTAAAAAAAAA=");
    letter["value"] = json!("eyI=");
    letter["text"] = json!(text);
    letter["headers"] = json!([
        { "name": "TENANT_ID", "value": "x", "text": TENANT },
        { "name": "MAJOR_VERSION", "value": "AFM=", "text": null },
    ]);
    letter
}

#[tokio::test]
async fn one_is_shown_with_its_headers_and_its_text() {
    let fake = Fake::start([Answer::ok(&opened(Some("{\u{1b}[2J\n}")))]);
    let (_, text) = ask(&fake, "show 42").await.unwrap();
    let expected = format!(
        "tenant  {TENANT}\nkey     base64 OTAAAAAAAAA=\nbytes   40\n\n\
         TENANT_ID      {TENANT}\nMAJOR_VERSION  base64 AFM=\n\n{{\\u{{1b}}[2J\n}}\n"
    );
    assert!(text.ends_with(&expected), "{text}");
    assert_eq!(fake.lines(), ["GET /admin/dead-letters/42"]);
}

#[tokio::test]
async fn what_is_no_text_is_shown_in_base64() {
    let fake = Fake::start([Answer::ok(&opened(None))]);
    let (_, text) = ask(&fake, "show 42").await.unwrap();
    assert!(text.ends_with("\n\nbase64 eyI=\n"), "{text}");
}

#[tokio::test]
async fn what_came_of_a_redelivery_is_told_and_a_letter_that_stays_ends_with_70() {
    for (answer, detail, exit, told) in [
        ("applied", None, Exit::Done, "42  applied\n"),
        ("rejected", Some("not_owner"), Exit::Done, "42  rejected: not_owner\n"),
        ("dead_letter", Some("malformed"), Exit::Internal, "42  dead_letter: malformed\n"),
    ] {
        let fake = Fake::start([outcome(answer, detail), outcome(answer, detail)]);
        assert_eq!(ask(&fake, "redeliver 42").await.unwrap(), (exit, told.to_owned()));
        let (same_exit, json) = ask(&fake, "redeliver 42 --json").await.unwrap();
        assert_eq!(same_exit, exit);
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["outcome"], answer);
        assert_eq!(fake.lines()[0], "POST /admin/dead-letters/42/redeliver");
    }
}

#[tokio::test]
async fn one_is_dropped() {
    let fake = Fake::start([Answer::nothing(), Answer::problem(404, "unknown_dead_letter")]);
    assert_eq!(ask(&fake, "drop 42").await.unwrap(), (Exit::Done, "42  dropped\n".to_owned()));
    assert_eq!(fake.lines(), ["DELETE /admin/dead-letters/42"]);
    let error = ask(&fake, "drop 42").await.unwrap_err();
    assert_eq!(error.to_string(), "No: that unknown_dead_letter (unknown_dead_letter)");
}

#[tokio::test]
async fn all_are_redelivered_the_oldest_first_and_each_once() {
    let fake = Fake::start([
        page(&["3"], Some("c")),
        page(&["2", "1"], None),
        outcome("applied", None),
        outcome("dead_letter", None),
        Answer::problem(404, "unknown_dead_letter"),
    ]);
    let told = ask(&fake, "redeliver --all --reason malformed --yes").await.unwrap();
    let expected = "1  applied\n2  dead_letter\n3  gone already\n".to_owned();
    assert_eq!(told, (Exit::Internal, expected));
    let orders = ["1", "2", "3"].map(|id| format!("POST /admin/dead-letters/{id}/redeliver"));
    assert_eq!(fake.lines()[2..], orders);
    assert_eq!(fake.lines()[0], "GET /admin/dead-letters?reason=malformed&limit=200");
}

#[tokio::test]
async fn of_many_each_line_of_json_names_its_letter() {
    let fake = Fake::start([
        page(&["2", "1"], None),
        outcome("rejected", Some("not_owner")),
        Answer::problem(404, "unknown_dead_letter"),
    ]);
    let (_, text) = ask(&fake, "redeliver --all --reason malformed --yes --json").await.unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = [
        json!({ "id": "1", "outcome": "rejected", "detail": "not_owner" }),
        json!({ "id": "2", "outcome": "gone", "detail": null }),
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn an_id_may_be_a_number() {
    let letters = "{\"data\":[{\"id\":42}],\"next_cursor\":null}";
    let fake = Fake::start([Answer::raw(letters), Answer::nothing()]);
    ask(&fake, "drop --all --reason malformed --yes").await.unwrap();
    assert_eq!(fake.lines()[1], "DELETE /admin/dead-letters/42");
}

#[tokio::test]
async fn whoever_is_refused_in_between_stops_there() {
    let fake = Fake::start([
        page(&["3", "2", "1"], None),
        Answer::nothing(),
        Answer::problem(403, "forbidden"),
    ]);
    let error = ask(&fake, "drop --all --reason malformed --yes").await.unwrap_err();
    assert_eq!(error.to_string(), "No: that forbidden (forbidden)");
    assert_eq!(fake.lines().len(), 3);
}

#[tokio::test]
async fn where_there_is_nothing_nobody_is_asked() {
    let fake = Fake::start([page(&[], None)]);
    let told = ask(&fake, "drop --all --reason malformed").await.unwrap();
    assert_eq!(told, (Exit::Done, String::new()));
}
