//! The HTTP API under whatever its OpenAPI document allows, and much it does not, by
//! Schemathesis: nothing is answered with 5xx, nothing outside of the document.
//!
//! `MENAGERIE_TEST_SERVICES=off` leaves it out: the tool comes from PyPI. A seed other than the
//! usual one is tried with `MENAGERIE_FUZZ_SEED`, more examples with `MENAGERIE_FUZZ_EXAMPLES`.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

#[path = "fuzz_http/likely.rs"]
mod likely;
#[path = "support/ports.rs"]
mod ports;
#[path = "fuzz_http/server.rs"]
mod server;

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use self::server::Server;

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance,response_headers_conformance,\
                      negative_data_rejection,unsupported_method,allow_header_conformance";

/// Each is carried out at least once, or the requests do not get far enough to find anything.
const COMMANDS: [&str; 15] = [
    "CREATE_CHARACTER",
    "PATCH_CHARACTER",
    "DELETE_CHARACTER",
    "RESTORE_CHARACTER",
    "PURGE_CHARACTER",
    "SELECT_CHARACTER",
    "ONLINE",
    "OFFLINE",
    "MOVE",
    "ALLOCATE_STATS",
    "AWARD_EXPERIENCE",
    "CHANGE_APPEARANCE",
    "CREATE_PET",
    "RENAME_PET",
    "DELETE_PET",
];

fn variable(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

/// Asks all that a document says; panics with the tool's report if anything is found.
fn fuzz(server: &Server, document: &Value, examples: &str, more: &[&str]) {
    let file = server.directory().join("openapi.json");
    std::fs::write(&file, document.to_string()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/schemathesis");
    let run = Command::new(script)
        .current_dir(server.directory())
        .arg("run")
        .arg(&file)
        .args(["--url", server.url(), "--checks", CHECKS])
        .args(["--seed", &variable("MENAGERIE_FUZZ_SEED", "1")])
        .args(["--max-examples", &variable("MENAGERIE_FUZZ_EXAMPLES", examples)])
        // With more, CPython 3.11 now and then trips over its parser.
        .args(["--workers", "1", "--continue-on-failure", "--generation-database", "none"])
        .args(["--warnings", "off", "--no-color"])
        .args(more)
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success(),
        "{report}{}\nthe server's log:\n{}",
        String::from_utf8_lossy(&run.stderr),
        server.end_of_log()
    );
    let summary = report.lines().filter(|line| line.contains("generated"));
    eprintln!("fuzz_http: {}", summary.collect::<Vec<_>>().join(" ").trim());
}

#[tokio::test]
async fn no_request_is_answered_outside_of_the_document() {
    if std::env::var("MENAGERIE_TEST_SERVICES").is_ok_and(|value| value == "off") {
        eprintln!("left out: MENAGERIE_TEST_SERVICES is off");
        return;
    }
    let server = Server::start().await;
    let document: Value = server.get("/openapi.json").await;
    likely::populate(&server).await;
    fuzz(&server, &document, "10", &[]);
    // Most of what is possible is refused early; this is what gets further.
    let tenant = server::TENANT.map(|(name, value)| format!("{name}: {value}"));
    let mut more = vec!["--mode", "positive"];
    more.extend(tenant.iter().flat_map(|header| ["--header", header.as_str()]));
    fuzz(&server, &likely::narrowed(document), "40", &more);
    for command in COMMANDS {
        assert!(server.num_applied(command).await > 0, "{command} was always refused");
    }
    server.assert_is_well().await;
}
