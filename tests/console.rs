//! The console in a real Chromium, against a running process with a world in it. What the
//! browser is to find stands in `tests/console/tests`.

#![allow(clippy::unwrap_used)]

#[path = "support/ports.rs"]
mod ports;
#[allow(dead_code)]
#[path = "observability/tools.rs"]
mod tools;
#[path = "support/wait.rs"]
mod wait;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use self::tools::Demo;
use self::wait::until;

const OPERATOR: &str = "operator-of-the-console-tests";
const VIEWER: &str = "viewer-of-the-console-tests";
/// SHA-256 of the two.
const TOKENS: &str = "ann:operator:002f7501d7858ac688910f892d60f085939dab616d5375e301d5aa93d96cc333,vic:viewer:5c4decd6a6deb78e672e1ef47793b5cfb0fd5a02be84baf2a18fc1457b04e235";

/// A file of this repository.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs it to its end. What it wrote is shown when the test fails, and which behaviours failed.
fn run(command: &mut Command, what: &str) {
    let command = command.current_dir(file("tests/console")).stderr(Stdio::inherit());
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{what}: {error}; install it, or see scripts/test"));
    let wrote = String::from_utf8_lossy(&output.stdout);
    println!("{wrote}");
    let failed: Vec<_> = wrote.lines().filter(|line| line.starts_with("FAIL")).collect();
    assert!(output.status.success(), "{what} failed: {failed:?}");
}

/// An award whose step panics until it is a dead letter, and works when it is redelivered; and
/// events that NATS refuses until one of them is parked.
const FAULTS: &str = "panic=00000000-0000-4000-8000-00000000dead:2,\
                      refuse=character.offline:3,refuse=character.dlq.character.offline:3";

/// Dead letters to read, one of them hostile and one that can be redelivered; an event that was
/// parked; somebody who just left, and two who stay online, as those of the demo may not.
async fn furnish(demo: &Demo) {
    let award = json!({
        "transactionId": "00000000-0000-4000-8000-00000000dead", "petId": 1, "actorId": 0,
        "type": "AWARD_CLOSENESS", "body": { "amount": 1 },
    });
    let letters = ["{\"petId\": oops", "[]", "{\"petId\": \"<img src=x onerror=alert(1)>\"}", "{}"];
    for record in letters.into_iter().map(str::to_owned).chain([award.to_string()]) {
        demo.send("COMMAND_TOPIC_PET", record.as_bytes());
    }
    // Far apart: the demo's own numbers are drawn above the greatest seen, meanwhile as well.
    for (kind, number) in
        [("LOGIN", 900_000), ("LOGOUT", 900_000), ("LOGIN", 910_000), ("LOGIN", 920_000)]
    {
        let status = json!({
            "characterId": number, "worldId": 0, "type": kind,
            "body": { "channelId": 1, "mapId": 100_000_000, "instance": uuid::Uuid::nil() },
        });
        demo.send("EVENT_TOPIC_CHARACTER_STATUS", status.to_string().as_bytes());
    }
    let is_furnished = |metrics: &str| {
        let count = |name: &str| -> f64 {
            let lines = metrics.lines().filter(|line| line.starts_with(name));
            lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
        };
        count("menagerie_dead_letters_total") >= 5.0
            && count("menagerie_outbox_parked") >= 1.0
            && count("menagerie_characters_online") >= 5.0
            && count("menagerie_events_published_total{sink=\"nats\"") >= 1.0
    };
    until("a world come to life", async || is_furnished(&demo.metrics().await)).await;
}

#[tokio::test]
async fn the_console_does_what_it_says() {
    run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]), "npm ci");
    let demo = Demo::start_with(
        // Longer than the tests; they end it.
        &["--characters", "20", "--for", "20m", "--set", &format!("auth.tokens={TOKENS}")],
        &[("MENAGERIE_TEST_FAULTS", FAULTS)],
    );
    furnish(&demo).await;
    let url = format!("http://{}", demo.admin);
    let mut tests = Command::new("node");
    tests.arg("run.mjs").env("CONSOLE_URL", url);
    tests.env("CONSOLE_OPERATOR", OPERATOR).env("CONSOLE_VIEWER", VIEWER);
    // Nothing is left out, and the last of them drains the process.
    tests.env("CONSOLE_STRICT", "1").env("CONSOLE_DRAIN", "1");
    tokio::task::spawn_blocking(move || run(&mut tests, "node run.mjs")).await.unwrap();
    until("the end of a drained process", async || {
        reqwest::get(format!("http://{}/livez", demo.admin)).await.is_err()
    })
    .await;
}
