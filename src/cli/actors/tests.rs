//! Each verb against a process that answers as the contract has it.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::cli::Verb as Any;
use crate::cli::admin::Error;
use crate::cli::admin::fake::{Answer, Fake, TENANT, verb};

/// What the line prints.
async fn ask(fake: &Fake, line: &str) -> anyhow::Result<String> {
    let Any::Actors(verb) = verb(&format!("actors {line}")) else { panic!("another verb") };
    let mut out = Vec::new();
    assert_eq!(verb.ask(&fake.api(), &mut out).await?, Exit::Done);
    Ok(String::from_utf8(out).unwrap())
}

fn actor(number: u32) -> Value {
    json!({
        "kind": "character", "key": format!("{TENANT}/{number}"), "tenant": TENANT,
        "number": number, "state": "online",
        "mailbox": { "messages": 0, "deepest": 3, "capacity": 19 },
        "oldest_wait_seconds": null, "processed": 4211, "rate": 12.5,
        "last_error": { "at": "2026-11-25T01:02:03.000004Z", "message": "not_owner" },
        "idle_seconds": 0.4,
        "location": { "world_id": 0, "channel_id": 1, "map_id": 100_000_000,
                      "instance": "00000000-0000-0000-0000-000000000000" },
    })
}

fn committer() -> Value {
    json!({
        "kind": "committer", "key": "committer", "tenant": null, "number": null,
        "state": "running", "mailbox": { "messages": 2, "deepest": 2, "capacity": 64 },
        "oldest_wait_seconds": 0.01, "processed": 7, "rate": 0.0, "last_error": null,
        "idle_seconds": 61.0, "location": null,
    })
}

fn page(actors: &[Value], next_cursor: Option<&str>) -> Answer {
    Answer::ok(&json!({ "data": actors, "next_cursor": next_cursor, "total": 3 }))
}

#[tokio::test]
async fn a_list_is_a_table() {
    let fake = Fake::start([page(&[committer(), actor(12_345)], None)]);
    let text = ask(&fake, "list").await.unwrap();
    let lines: Vec<_> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    let [head, committer, character]: [Vec<_>; 3] = lines.try_into().unwrap();
    assert_eq!(head[..4], ["KEY", "STATE", "MAILBOX", "WAIT"]);
    assert_eq!(
        committer,
        ["committer", "running", "2/64", "10ms", "7", "0.0/s", "1m01s", "-", "-"]
    );
    let key = format!("{TENANT}/12345");
    let expected = [
        &key,
        "online",
        "0/19",
        "-",
        "4211",
        "12.5/s",
        "400ms",
        "100000000",
        "2026-11-25T01:02:03.000Z",
        "not_owner",
    ];
    assert_eq!(character, expected);
    assert_eq!(fake.lines(), ["GET /admin/actors?limit=50"]);
}

#[tokio::test]
async fn the_flags_of_a_list_are_the_apis_parameters() {
    let empty = || page(&[], None);
    let fake = Fake::start([empty(), empty()]);
    let flags = "list --kind kafka_outbox --online --sort wait --search 7 --limit 3";
    ask(&fake, flags).await.unwrap();
    ask(&fake, "list --offline").await.unwrap();
    let expected = [
        "GET /admin/actors?kind=kafka_outbox&online=true&sort=wait&q=7&limit=3",
        "GET /admin/actors?online=false&limit=50",
    ];
    assert_eq!(fake.lines(), expected);
}

#[tokio::test]
async fn all_pages_are_read_one_object_a_line_as_the_api_has_it() {
    let fake = Fake::start([
        Answer::raw(r#"{"data":[{"z":1,"a":1.50},{"z":2}],"next_cursor":"c/1","total":3}"#),
        Answer::raw(r#"{"data":[{"z":3}],"next_cursor":null,"total":3}"#),
    ]);
    let text = ask(&fake, "list --all --json").await.unwrap();
    assert_eq!(text, "{\"z\":1,\"a\":1.50}\n{\"z\":2}\n{\"z\":3}\n");
    let expected = ["GET /admin/actors?limit=200", "GET /admin/actors?limit=200&cursor=c%2F1"];
    assert_eq!(fake.lines(), expected);
}

#[tokio::test]
async fn no_more_than_the_limit_is_read() {
    let full = |from: u32, num: u32| (from..from + num).map(actor).collect::<Vec<_>>();
    let fake = Fake::start([page(&full(0, 200), Some("c")), page(&full(200, 50), Some("d"))]);
    let text = ask(&fake, "list --limit 250").await.unwrap();
    assert_eq!(text.lines().count(), 251);
    assert_eq!(fake.lines()[1], "GET /admin/actors?limit=50&cursor=c");
    assert_eq!(fake.lines().len(), 2);
}

#[tokio::test]
async fn a_list_that_breaks_off_is_no_list() {
    let fake = Fake::start([page(&[actor(1)], Some("c")), Answer::problem(503, "not_serving")]);
    let error = ask(&fake, "list --all").await.unwrap_err();
    assert_eq!(error.to_string(), "No: that not_serving (not_serving)");
}

fn inside() -> Value {
    let Value::Object(mut inside) = actor(12_345) else { panic!() };
    let Value::Object(more) = json!({
        "uuid": "0199aaaa-0000-7000-8000-000000000001", "round": 812, "epoch": 4, "version": 17,
        "event_seq": 23,
        "character": { "character_id": "x", "number": 12345, "name": "Rowan", "level": 3 },
        "pets": [{ "id": 17, "template_id": 5_000_017, "name": "Kino", "level": 3, "closeness": 6,
                   "fullness": 80, "slot": 0, "expiration": "2027-02-23T00:00:00Z",
                   "hungry": true, "excludes": [], "x": 10, "y": 20, "stance": 4, "fh": 99 }],
        "next_due": "2026-11-25T01:05:00Z",
        "progress": [{ "topic": "COMMAND_TOPIC_PET", "partition": 0, "offset": 991 }],
        "messages": [{ "at": "2026-11-25T01:02:03Z", "message": "AWARD_CLOSENESS",
                       "wait_seconds": 0.0001, "duration_seconds": 0.00002,
                       "outcome": "applied" }],
    }) else {
        panic!()
    };
    inside.extend(more);
    Value::Object(inside)
}

#[tokio::test]
async fn one_actor_is_shown_with_its_pets_its_progress_and_its_messages() {
    let fake = Fake::start([Answer::ok(&inside())]);
    let text = ask(&fake, &format!("inspect {TENANT}/n:12345")).await.unwrap();
    let expected = format!("GET /admin/actors/{TENANT}/12345");
    assert_eq!(fake.lines(), [expected]);
    let words: Vec<Vec<&str>> =
        text.lines().map(|line| line.split_whitespace().collect()).collect();
    for line in [
        &["character", "Rowan,", "level", "3"][..],
        &["mailbox", "0", "of", "19,", "3", "at", "the", "most"],
        &["epoch", "4"],
        &["next", "due", "2026-11-25T01:05:00.000Z"],
        &[
            "17",
            "5000017",
            "Kino",
            "3",
            "6",
            "80",
            "0",
            "10,20",
            "yes",
            "0",
            "2027-02-23T00:00:00.000Z",
        ],
        &["COMMAND_TOPIC_PET", "0", "991"],
        &["2026-11-25T01:02:03.000Z", "AWARD_CLOSENESS", "100µs", "20µs", "applied"],
    ] {
        assert!(words.contains(&line.to_vec()), "{line:?} is missing in:\n{text}");
    }
}

#[tokio::test]
async fn an_actor_that_is_only_stored_is_shown_too() {
    let mut stored = inside();
    for absent in ["character", "next_due", "location", "last_error", "round"] {
        stored[absent] = Value::Null;
    }
    for absent in ["expiration", "x", "y", "stance", "fh"] {
        stored["pets"][0][absent] = Value::Null;
    }
    stored["state"] = json!("stored");
    stored["messages"] = json!([]);
    let fake = Fake::start([Answer::ok(&stored)]);
    let text = ask(&fake, &format!("inspect {TENANT}/12345")).await.unwrap();
    assert!(
        text.contains("stored") && text.contains("Kino") && !text.contains("OUTCOME"),
        "{text}"
    );
}

#[tokio::test]
async fn as_json_an_actor_is_what_the_api_says() {
    let fake = Fake::start([Answer::raw("{\"z\":1,\"a\":[1.0]}")]);
    let text = ask(&fake, &format!("inspect {TENANT}/1 --json")).await.unwrap();
    assert_eq!(text, "{\"z\":1,\"a\":[1.0]}\n");
}

#[tokio::test]
async fn an_order_is_one_request_and_says_that_it_is_done() {
    for (order, done) in [("passivate", "passivated"), ("kick", "kicked"), ("restart", "restarted")]
    {
        let fake = Fake::start([Answer::nothing(), Answer::nothing()]);
        let text = ask(&fake, &format!("{order} {TENANT}/7")).await.unwrap();
        assert_eq!(text, format!("{done} {TENANT}/7\n"));
        assert_eq!(ask(&fake, &format!("{order} {TENANT}/7 --json")).await.unwrap(), "");
        let expected = format!("POST /admin/actors/{TENANT}/7/{order}");
        assert_eq!(fake.lines(), [expected.clone(), expected]);
    }
}

#[tokio::test]
async fn only_a_kick_has_a_body_with_its_reason() {
    let fake = Fake::start([Answer::nothing(), Answer::nothing(), Answer::nothing()]);
    ask(&fake, &format!("kick {TENANT}/7 --reason maintenance")).await.unwrap();
    ask(&fake, &format!("kick {TENANT}/7")).await.unwrap();
    ask(&fake, &format!("restart {TENANT}/7")).await.unwrap();
    let bodies: Vec<_> = fake.asked().into_iter().map(|asked| asked.body).collect();
    assert_eq!(bodies, [r#"{"reason":"maintenance"}"#, "{}", ""]);
}

#[tokio::test]
async fn a_refused_order_says_why_and_nothing_else() {
    let fake = Fake::start([Answer::problem(409, "character_online")]);
    let error = ask(&fake, &format!("passivate {TENANT}/7")).await.unwrap_err();
    assert!(error.downcast_ref().is_some_and(|error: &Error| error.has_code("character_online")));
}
