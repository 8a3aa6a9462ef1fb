//! The real binary with everything embedded.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::ports::free_port;

/// The tenant of requests that name none, and its headers.
pub const TENANT: [(&str, &str); 4] = [
    ("TENANT_ID", "083839c6-c47c-42a6-9585-76492795d123"),
    ("REGION", "GMS"),
    ("MAJOR_VERSION", "83"),
    ("MINOR_VERSION", "1"),
];
const SOON: Duration = Duration::from_secs(60);

/// Killed when dropped.
pub struct Server {
    child: Child,
    url: String,
    admin: String,
    directory: TempDir,
}

impl Server {
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (game, admin) = (free_port(), free_port());
        let log = File::create(directory.path().join("log")).unwrap();
        let database = directory.path().join("menagerie.db");
        let child = Command::new(env!("CARGO_BIN_EXE_menagerie"))
            // Nothing of the environment these tests run in.
            .env_clear()
            .arg("serve")
            .env("MENAGERIE_DATABASE__URL", format!("sqlite:{}", database.display()))
            .env("MENAGERIE_KAFKA__BOOTSTRAP_SERVERS", "embedded")
            .env("MENAGERIE_NATS__URL", "embedded")
            .env("MENAGERIE_HTTP__LISTEN", format!("127.0.0.1:{game}"))
            .env("MENAGERIE_ADMIN__LISTEN", format!("127.0.0.1:{admin}"))
            .env("MENAGERIE_TENANCY__DEFAULT", TENANT.map(|(_, value)| value).join("/"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let url = format!("http://127.0.0.1:{game}");
        let server = Self { child, url, admin: format!("http://127.0.0.1:{admin}"), directory };
        let began = Instant::now();
        while !server.is_ready().await {
            assert!(began.elapsed() < SOON, "not ready: {}", server.end_of_log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        server
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub async fn get(&self, path: &str) -> Value {
        reqwest::get(format!("{}{path}", self.url)).await.unwrap().json().await.unwrap()
    }

    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let request = reqwest::Client::new().post(format!("{}{path}", self.url)).json(body);
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{path}: {body}");
        body
    }

    async fn is_ready(&self) -> bool {
        let answer = reqwest::get(format!("{}/readyz", self.admin)).await;
        answer.is_ok_and(|answer| answer.status() == 200)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory().join("log")).unwrap()
    }

    pub fn end_of_log(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// How often a command was carried out.
    pub async fn num_applied(&self, command: &str) -> u64 {
        let metrics = reqwest::get(format!("{}/metrics", self.admin)).await.unwrap();
        let metrics = metrics.text().await.unwrap();
        let name =
            format!("menagerie_commands_total{{command=\"{command}\",outcome=\"applied\"}} ");
        let count = metrics.lines().find_map(|line| line.strip_prefix(&name));
        count.map_or(0, |count| count.parse().unwrap())
    }

    /// It serves as at the start, and nothing in it has panicked or failed.
    pub async fn assert_is_well(&self) {
        assert!(self.is_ready().await, "{}", self.end_of_log());
        let log = self.log();
        let bad: Vec<_> = log
            .lines()
            .filter(|line| line.contains(" ERROR ") || line.contains("panicked"))
            // What is no HTTP at all: actix logs it as an error of its own.
            .filter(|line| !line.contains("actix_http::h1::dispatcher: stream error"))
            .collect();
        assert!(bad.is_empty(), "{}", bad.join("\n"));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
