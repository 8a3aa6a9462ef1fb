//! The programs these tests run: the demo, Prometheus, promtool.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::Value;

use crate::file;
use crate::ports::free_port;
use crate::wait::{SOON, until};

const MISSING: &str = "is missing; scripts/services start installs it, and so does \
                       `apt-get install --no-install-recommends prometheus`";

/// A process that ends with its test.
struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> Self {
        let program = command.get_program().to_owned();
        Self(command.spawn().unwrap_or_else(|error| panic!("{program:?} {MISSING}: {error}")))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs promtool with `input`; it has to find nothing wrong.
#[track_caller]
pub fn promtool(folder: &Path, arguments: &[&str], input: &str) {
    let mut command = Command::new("promtool");
    command.args(arguments).current_dir(folder).stdin(Stdio::piped());
    let mut promtool = Process::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut stdin = promtool.0.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let [mut stdout, mut stderr] = [String::new(), String::new()];
    let (mut out, mut err) = (promtool.0.stdout.take().unwrap(), promtool.0.stderr.take().unwrap());
    std::io::Read::read_to_string(&mut out, &mut stdout).unwrap();
    std::io::Read::read_to_string(&mut err, &mut stderr).unwrap();
    let status = promtool.0.wait().unwrap();
    assert!(status.success(), "promtool {arguments:?}: {stdout}{stderr}");
    // `check metrics` tells some of its complaints by nothing but a line.
    let complaint = if input.is_empty() { "" } else { stdout.trim() };
    assert_eq!(complaint, "", "promtool {arguments:?}: {stderr}");
}

/// The built binary, as `demo --serve-only`.
pub struct Demo {
    process: Process,
    pub admin: String,
    kafka: String,
}

impl Demo {
    /// Returns once it serves.
    pub fn start() -> Self {
        Self::start_with(&["--serve-only"], &[])
    }

    /// The demo with these arguments and variables.
    pub fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let (game, admin) = (free_port().to_string(), free_port());
        let mut command = Command::new(env!("CARGO_BIN_EXE_menagerie"));
        // Nothing of the environment these tests run in.
        command.env_clear().arg("demo").args(arguments).env("REST_PORT", game);
        command.env("ADMIN_PORT", admin.to_string()).stdout(Stdio::piped());
        command.envs(variables.iter().copied());
        let mut process = Process::start(&mut command);
        let lines = BufReader::new(process.0.stdout.as_mut().unwrap()).lines();
        let kafka = lines
            .map_while(Result::ok)
            .find_map(|line| Some(line.trim().strip_prefix("Kafka ")?.trim().to_owned()))
            .expect("the demo says where its Kafka is");
        Self { process, admin: format!("127.0.0.1:{admin}"), kafka }
    }

    pub async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.admin);
        reqwest::get(url).await.unwrap().text().await.unwrap()
    }

    /// Puts a record of no tenant on a topic, behind those sent before.
    pub fn send(&self, topic: &str, value: &[u8]) {
        let mut config = ClientConfig::new();
        let producer: BaseProducer = config.set("bootstrap.servers", &self.kafka).create().unwrap();
        let record = BaseRecord::<(), [u8]>::to(topic).partition(0).payload(value);
        producer.send(record).unwrap();
        producer.flush(SOON).unwrap();
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It has a folder of its own to clear away.
        let pid = self.process.0.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline && matches!(self.process.0.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A Prometheus with the rules of this repository.
pub struct Prometheus {
    _process: Process,
    _folder: tempfile::TempDir,
    url: String,
}

impl Prometheus {
    /// Scrapes `target` every second, if there is one.
    pub async fn start(target: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rules = file("config/prometheus");
        let mut config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n\
             rule_files: ['{0}/rules.yaml', '{0}/alerts.yaml']\n",
            rules.display()
        );
        if let Some(target) = target {
            config += &format!(
                "scrape_configs: [{{job_name: menagerie, static_configs: \
                 [{{targets: ['{target}'], labels: {{shard: world-0}}}}]}}]\n"
            );
        }
        std::fs::write(folder.path().join("prometheus.yaml"), config).unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new("prometheus");
        command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).args([
            "--config.file=prometheus.yaml",
            "--storage.tsdb.path=data",
            "--web.enable-lifecycle",
            &format!("--web.listen-address={address}"),
        ]);
        let process = Process::start(&mut command);
        let url = format!("http://{address}");
        until("Prometheus", async || {
            let answer = reqwest::get(format!("{url}/-/ready")).await;
            answer.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
        Self { _process: process, _folder: folder, url }
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = reqwest::get(format!("{}{path}", self.url)).await.unwrap();
        answer.json().await.unwrap()
    }

    /// How many series an expression has now, or why it cannot be evaluated.
    pub async fn query(&self, expression: &str) -> Result<usize, String> {
        let answer = self.get(&format!("/api/v1/query?query={}", encoded(expression))).await;
        match answer["data"]["result"].as_array() {
            Some(result) if answer["status"] == "success" => Ok(result.len()),
            _ => Err(answer["error"].to_string()),
        }
    }

    /// Waits until an expression has as many series as `holds` wants.
    pub async fn until(&self, what: &str, expression: &str, holds: impl Fn(usize) -> bool) {
        let deadline = Instant::now() + SOON;
        loop {
            let found = self.query(expression).await;
            if found.clone().is_ok_and(&holds) {
                return;
            }
            assert!(Instant::now() < deadline, "{what} did not come: {found:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// As a part of an address.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte.is_ascii_alphanumeric() {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}
