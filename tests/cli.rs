//! The binary as an operator meets it: exit codes, messages, variables. No services.

#![allow(clippy::unwrap_used)]

#[path = "support/ports.rs"]
mod ports;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Output, Stdio};
use std::thread::{self, JoinHandle};
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
    ports::free_port().to_string()
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
        self.signal("-TERM");
    }

    fn signal(&self, signal: &str) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Its exit code, and what it logged.
    fn end(&mut self) -> (i32, String) {
        let deadline = Instant::now() + SOON;
        let status = loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the process goes on");
            thread::sleep(Duration::from_millis(20));
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

/// One event and no further, as `GET /admin/events` has it.
const EVENT: &str = concat!(
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hello\n\n",
    "event: character.online\ndata: {\"subject\":\"character.online\",\"tenant\":\"t\",",
    "\"character\":7,\"pet\":null,\"at\":\"2026-11-25T01:02:03Z\",\"event\":{}}\n\n",
);

fn json(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

/// The operator's port of a process that answers with these in turn, and the heads of the
/// requests. It waits until the one who asked last has gone.
fn operated(answers: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let answer = move |answer: String| {
        let mut stream = BufReader::new(listener.accept().unwrap().0);
        let mut head = String::new();
        while stream.read_line(&mut head).unwrap() > 2 {}
        stream.get_mut().write_all(answer.as_bytes()).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
        head
    };
    (port, thread::spawn(|| answers.into_iter().map(answer).collect()))
}

#[test]
fn an_operators_verb_ends_with_69_if_nobody_answers() {
    let actor = "083839c6-c47c-42a6-9585-76492795d123/7";
    let port = free_port();
    for line in [
        "tail".to_owned(),
        "actors list".to_owned(),
        format!("actors inspect {actor}"),
        format!("actors passivate {actor}"),
        format!("actors kick {actor}"),
        format!("actors restart {actor}"),
        "outbox status".to_owned(),
        "outbox retry nats".to_owned(),
        "dead-letters list".to_owned(),
        "dead-letters show 1".to_owned(),
        "dead-letters redeliver 1".to_owned(),
        "dead-letters drop --all --reason malformed --yes".to_owned(),
    ] {
        let words: Vec<_> = line.split(' ').collect();
        let (code, log) = ended(&words, &[("ADMIN_PORT", &port)]);
        assert_eq!(code, 69, "{line}: {log}");
        let expected =
            format!("menagerie: http://127.0.0.1:{port} does not answer: connection refused\n");
        assert_eq!(log, expected, "{line}");
    }
}

#[test]
fn an_operators_token_comes_from_the_environment() {
    let (port, requests) = operated(vec![json("{\"sinks\":[]}")]);
    let env = [("ADMIN_PORT", port.as_str()), ("MENAGERIE_ADMIN_TOKEN", "hunter2")];
    let (code, log) = ended(&["outbox", "status"], &env);
    assert_eq!((code, log.as_str()), (0, ""));
    let head = requests.join().unwrap().remove(0).to_lowercase();
    assert_says(&head, &["get /admin/outbox http/1.1", "authorization: bearer hunter2"]);
    let Output { stdout, .. } = menagerie(&["outbox", "status", "--help"], &env).output().unwrap();
    let help = String::from_utf8(stdout).unwrap();
    assert!(help.contains("MENAGERIE_ADMIN_TOKEN") && !help.contains("hunter2"), "{help}");
}

#[test]
fn an_empty_variable_of_the_command_line_counts_as_unset() {
    let (port, requests) = operated(vec![json("{\"sinks\":[]}")]);
    let empty = ["MENAGERIE_CONFIG", "MENAGERIE_ADMIN_TOKEN", "MENAGERIE_ADMIN_TOKEN_FILE"];
    let env = empty.map(|variable| (variable, ""));
    let env = [&env[..], &[("ADMIN_PORT", port.as_str())]].concat();
    let (code, log) = ended(&["outbox", "status"], &env);
    assert_eq!((code, log.as_str()), (0, ""));
    assert!(!requests.join().unwrap()[0].to_lowercase().contains("authorization"));
}

#[test]
fn letters_go_only_when_somebody_said_so() {
    let letters = "{\"data\":[{\"id\":\"1\"},{\"id\":\"2\"}],\"next_cursor\":null}";
    let (port, requests) = operated(vec![json(letters)]);
    let drop = ["dead-letters", "drop", "--all", "--reason", "malformed"];
    let (code, log) = ended(&drop, &[("ADMIN_PORT", &port)]);
    assert_eq!(code, 64, "{log}");
    assert_says(&log, &["drop 2 dead letters with reason malformed", "--yes"]);
    assert_eq!(requests.join().unwrap().len(), 1);
}

#[test]
fn a_list_whose_reader_has_gone_ends_quietly() {
    let (port, requests) = operated(vec![json("{\"data\":[{}],\"next_cursor\":null}")]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let list = menagerie(&["actors", "list", "--json"], &[("ADMIN_PORT", &port)])
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn();
    let Output { status, stderr, .. } = list.unwrap().wait_with_output().unwrap();
    assert_eq!((status.code(), String::from_utf8(stderr).unwrap()), (Some(0), String::new()));
    requests.join().unwrap();
}

#[test]
fn a_tail_ends_quietly_with_its_reader_though_nothing_happens_any_more() {
    let (port, requests) = operated(vec![EVENT.to_owned()]);
    let mut tail = Process::start(&["tail"], &[("ADMIN_PORT", &port)]);
    let line = tail.printed_until("character=7");
    assert_eq!(line, "2026-11-25T01:02:03.000Z  character.online              character=7\n");
    drop(tail.0.stdout.take());
    assert_eq!(tail.end(), (0, String::new()));
    requests.join().unwrap();
}

#[test]
fn a_tail_that_is_interrupted_ends_with_0() {
    let (port, requests) = operated(vec![EVENT.to_owned()]);
    let mut tail = Process::start(&["tail", "--json"], &[("ADMIN_PORT", &port)]);
    assert_says(&tail.printed_until("character.online"), &["{\"subject\":\"character.online\","]);
    tail.signal("-INT");
    assert_eq!(tail.end(), (0, String::new()));
    requests.join().unwrap();
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
    let (code, log) = ended(&["serve"], &[("REST_PORT", &port), ("ADMIN_PORT", "0")]);
    assert_eq!(code, 64, "{log}");
    assert_says(&log, &["`http.listen` (REST_PORT): cannot listen on", &port]);
}

#[test]
fn a_load_without_a_service_ends_with_69() {
    let url = format!("http://127.0.0.1:{}", free_port());
    let brokers = format!("127.0.0.1:{}", free_port());
    let env = [("BOOTSTRAP_SERVERS", brokers.as_str())];
    let (code, log) = ended(&["load", "--rate", "1", "--owners", "1", "--url", &url], &env);
    assert_eq!(code, 69, "{log}");
    let error = format!("menagerie: kafka.bootstrap_servers: {brokers}: connection refused\n");
    assert_eq!(log, error, "and nothing of librdkafka's own");
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
fn where_the_embedded_kafka_listens_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("zoo.db").display());
    let env = [
        ("DATABASE_URL", url.as_str()),
        ("BOOTSTRAP_SERVERS", "embedded"),
        // What ends it, once Kafka is there.
        ("NATS_URL", "nats://127.0.0.1:1"),
        ("REST_PORT", "0"),
        ("ADMIN_PORT", "0"),
        ("MENAGERIE_STARTUP__TIMEOUT", "1ms"),
    ];
    let (code, log) = ended(&["serve"], &env);
    assert_eq!(code, 69, "{log}");
    let told = log.lines().find(|line| line.contains("embedded Kafka")).unwrap_or_default();
    let (_, port) = told.rsplit_once("127.0.0.1:").unwrap_or_else(|| panic!("{log}"));
    let port: String = port.chars().take_while(char::is_ascii_digit).collect();
    assert!(port.parse::<u16>().unwrap() > 0, "{told}");
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
fn migrations_go_up_and_down_and_status_tells_which_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("zoo.db").display());
    let migrate = |arguments: &[&str]| {
        ended(&[&["migrate"], arguments].concat(), &[("DATABASE_URL", url.as_str())])
    };
    let num_missing = || {
        let mut asked = menagerie(&["migrate", "status"], &[("DATABASE_URL", url.as_str())]);
        let Output { status, stdout, .. } = asked.output().unwrap();
        assert_eq!(status.code(), Some(0));
        let listed = String::from_utf8(stdout).unwrap();
        listed.lines().filter(|line| line.starts_with("missing ")).count()
    };
    assert_eq!(migrate(&["up"]).0, 0);
    assert_eq!(num_missing(), 0);
    // No terminal: nobody is asked.
    assert_eq!(migrate(&["down"]).0, 0);
    assert_eq!(num_missing(), 1);
    assert_eq!(migrate(&["down", "--steps", "2", "--yes"]).0, 0);
    assert_eq!(num_missing(), 3);
    assert_eq!(migrate(&["up"]).0, 0);
    assert_eq!(num_missing(), 0);
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
