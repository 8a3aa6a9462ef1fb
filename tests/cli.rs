//! The binary as an operator meets it: exit codes, messages, variables. No services.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for something that should happen soon.
const SOON: Duration = Duration::from_secs(60);

fn menagerie(arguments: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_menagerie"));
    // Nothing of the environment these tests run in.
    command.env_clear().args(arguments).envs(env.iter().copied());
    command
}

fn ended(arguments: &[&str], env: &[(&str, &str)]) -> (i32, String) {
    let Output { status, stderr, .. } = menagerie(arguments, env).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in: {text}");
    }
}

fn free_port() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port().to_string()
}

/// A process that is killed when a test fails.
struct Process(Child);

impl Process {
    fn start(arguments: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = menagerie(arguments, env);
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// What it prints, up to and including the first line with this word.
    fn printed_until(&mut self, word: &str) -> String {
        let mut text = String::new();
        for line in BufReader::new(self.0.stdout.as_mut().unwrap()).lines() {
            text.push_str(&line.unwrap());
            text.push('\n');
            if text.contains(word) {
                break;
            }
        }
        text
    }

    fn terminate(&self) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// Its exit code, and what it logged.
    fn end(&mut self) -> (i32, String) {
        let deadline = Instant::now() + SOON;
        let status = loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the process goes on");
            std::thread::sleep(Duration::from_millis(20));
        };
        let mut log = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (status.code().unwrap(), log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_fault_that_is_none_is_bad_usage() {
    for verb in ["serve", "demo"] {
        let (code, log) = ended(&[verb], &[("MENAGERIE_TEST_FAULTS", "without=fences")]);
        assert_eq!(code, 64, "{log}");
        assert_says(&log, &["MENAGERIE_TEST_FAULTS", "without=fences"]);
    }
}

#[test]
fn a_misspelled_variable_is_bad_configuration() {
    let (code, log) = ended(&["config", "print"], &[("MENAGERIE_ALOW_ANONYMOUS", "true")]);
    assert_eq!(code, 64, "{log}");
    assert_says(&log, &["MENAGERIE_ALOW_ANONYMOUS", "`allow_anonymous`"]);
}

#[test]
fn a_taken_port_is_bad_configuration_and_says_what_changes_it() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, log) = ended(&["demo"], &[("REST_PORT", &port), ("ADMIN_PORT", "0")]);
    assert_eq!(code, 64, "{log}");
    assert_says(&log, &["http.listen", &port, "REST_PORT"]);
}

#[test]
fn a_load_without_a_service_ends_with_69() {
    let url = format!("http://127.0.0.1:{}", free_port());
    let brokers = format!("127.0.0.1:{}", free_port());
    let env = [("BOOTSTRAP_SERVERS", brokers.as_str())];
    let (code, log) = ended(&["load", "--rate", "1", "--owners", "1", "--url", &url], &env);
    assert_eq!(code, 69, "{log}");
}

#[test]
fn a_load_that_would_send_nothing_is_bad_usage() {
    let (code, log) = ended(&["load", "--owners", "1"], &[]);
    assert_eq!(code, 64, "{log}");
    assert_says(&log, &["--rate", "--backlog"]);
}

#[test]
fn a_catalog_that_is_not_there_is_bad_configuration() {
    let env = [
        ("MENAGERIE_CATALOG__DIR", "/nowhere"),
        ("DATABASE_URL", "sqlite:/nowhere/zoo.db"),
        ("BOOTSTRAP_SERVERS", "embedded"),
        ("NATS_URL", "embedded"),
    ];
    let Output { status, stdout, .. } = menagerie(&["check"], &env).output().unwrap();
    let found = String::from_utf8(stdout).unwrap();
    assert_eq!(status.code(), Some(64), "{found}");
    assert_says(&found, &["catalog.dir: /nowhere/pets.toml", "http: 127.0.0.1:8080", "admin: "]);
}

#[test]
fn what_never_came_up_is_named_once_with_its_address_and_why() {
    let database = format!("127.0.0.1:{}", free_port());
    let url = format!("postgres://zoo:hunter2@{database}/zoo");
    let env = [
        ("DATABASE_URL", url.as_str()),
        ("REST_PORT", "0"),
        ("ADMIN_PORT", "0"),
        ("MENAGERIE_STARTUP__TIMEOUT", "1ms"),
    ];
    let (code, log) = ended(&["serve"], &env);
    assert_eq!(code, 69, "{log}");
    let error = format!("menagerie: the database is not available: {database}: connection refused");
    assert_says(&log, &[&error, "menagerie starts", "listening", "builtin", "zoo:***@"]);
    assert!(!log.contains("hunter2"), "{log}");
}

#[test]
fn a_closed_output_ends_a_verb_quietly() {
    for arguments in [["config", "print"], ["config", "schema"], ["schema", "asyncapi"]] {
        let (mut process, reader) = (menagerie(&arguments, &[]), std::io::pipe().unwrap());
        drop(reader.0);
        let Output { status, stderr, .. } = process
            .stdout(reader.1)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        assert_eq!(status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8(stderr).unwrap(), "");
    }
}

#[test]
fn a_demo_whose_output_is_closed_ends_in_good_order() {
    let (game, admin) = (free_port(), free_port());
    let env = [("REST_PORT", game.as_str()), ("ADMIN_PORT", &admin)];
    let mut demo = Process::start(&["demo", "--characters", "5", "--for", "10m"], &env);
    demo.printed_until("online");
    drop(demo.0.stdout.take());
    let (code, log) = demo.end();
    assert_eq!(code, 0, "{log}");
    assert!(!log.contains("panic"), "{log}");
}

#[test]
fn data_goes_only_when_somebody_said_so_and_status_tells_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("zoo.db").display());
    let migrate = |arguments: &[&str]| {
        ended(&[&["migrate"], arguments].concat(), &[("DATABASE_URL", url.as_str())])
    };
    assert_eq!(migrate(&["up"]).0, 0);
    assert_eq!(migrate(&["status"]).0, 0);
    let (code, log) = migrate(&["down"]);
    assert_eq!(code, 64, "{log}");
    assert_says(&log, &["--yes"]);
    assert_eq!(migrate(&["status"]).0, 0);
    assert_eq!(migrate(&["down", "--yes"]).0, 0);
    assert_eq!(migrate(&["status"]).0, 69);
}

#[test]
fn a_demo_obeys_the_environment_but_for_its_services() {
    let (game, admin) = (free_port(), free_port());
    let env = [
        ("REST_PORT", game.as_str()),
        ("ADMIN_PORT", &admin),
        ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/zoo"),
        ("BOOTSTRAP_SERVERS", "127.0.0.1:1"),
        ("NATS_URL", "nats://127.0.0.1:1"),
        ("LOG_LEVEL", "error"),
        ("MENAGERIE_TEST_FAULTS", "without=fence"),
    ];
    let mut demo = Process::start(&["demo", "--serve-only"], &env);
    let text = demo.printed_until("ignored");
    assert_says(&text, &[&format!("http://127.0.0.1:{game}/"), &format!(":{admin}/readyz")]);
    assert_says(&text, &["DATABASE_URL", "BOOTSTRAP_SERVERS", "NATS_URL"]);
    demo.terminate();
    let (code, log) = demo.end();
    assert_eq!(code, 0, "{log}");
    assert_says(&log, &["MENAGERIE_TEST_FAULTS", "fence is switched off"]);
}

#[test]
fn a_demo_that_is_interrupted_settles_its_books_first() {
    let (game, admin) = (free_port(), free_port());
    let env = [("REST_PORT", game.as_str()), ("ADMIN_PORT", &admin)];
    let mut demo = Process::start(&["demo", "--characters", "5", "--for", "10m"], &env);
    demo.printed_until("online");
    demo.terminate();
    let text = demo.printed_until("The books");
    let (code, log) = demo.end();
    assert_eq!(code, 0, "{text}{log}");
    assert_says(&text, &["The books balance."]);
}
