//! A process of the binary, and what can be seen of it from outside.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

pub(super) use super::ports::free_port;
pub(super) use super::wait::{SOON, until};

/// A process that serves, killed when dropped. What it logs is shown when its test fails.
pub(super) struct Process {
    child: Child,
    game: u16,
    probes: Probes,
    log: PathBuf,
}

/// The admin API of a process, also while somebody else waits for the process.
#[derive(Clone, Copy)]
pub(super) struct Probes {
    port: u16,
}

impl Process {
    pub(super) fn start(env: &[(String, String)], faults: &str) -> Self {
        let (game, admin) = (free_port(), free_port());
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("faults-{admin}.log"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_menagerie"));
        command
            .arg("serve")
            .envs(env.iter().cloned())
            .env("MENAGERIE_HTTP__LISTEN", format!("127.0.0.1:{game}"))
            .env("MENAGERIE_ADMIN__LISTEN", format!("127.0.0.1:{admin}"))
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap());
        if !faults.is_empty() {
            command.env("MENAGERIE_TEST_FAULTS", faults);
        }
        Self { child: command.spawn().unwrap(), game, probes: Probes { port: admin }, log }
    }

    /// Where its game API stands.
    pub(super) fn game(&self) -> String {
        format!("http://127.0.0.1:{}", self.game)
    }

    pub(super) fn probes(&self) -> Probes {
        self.probes
    }

    pub(super) async fn ask(&self, path: &str) -> Option<(u16, String)> {
        self.probes.ask(path).await
    }

    pub(super) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Lets a paused process go on.
    pub(super) fn wake(&self) {
        self.signal("-CONT");
    }

    /// A line of `/proc/PID/status` that is a size, in bytes.
    pub(super) fn memory(&self, line: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let value = status.lines().find_map(|text| text.strip_prefix(line)).unwrap();
        let kibibytes: u64 = value.trim_matches([':', '\t', ' ', 'k', 'B']).parse().unwrap();
        kibibytes * 1024
    }

    /// What it has logged so far.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until the process ends by itself.
    pub(super) async fn wait_for_end(&mut self) -> ExitStatus {
        let mut ended = None;
        until("the end of the process", async || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        })
        .await;
        ended.unwrap()
    }

    /// Waits until it is ready, or was ready and has ended already.
    pub(super) async fn await_ready(&mut self) {
        until("readiness", async || {
            self.child.try_wait().unwrap().is_some()
                || self.probes.ask("/readyz").await.is_some_and(|(status, _)| status == 200)
        })
        .await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("what the process logged:\n{}", self.log());
        }
        let _ = std::fs::remove_file(&self.log);
    }
}

impl Probes {
    pub(super) async fn ask(self, path: &str) -> Option<(u16, String)> {
        let answer = reqwest::get(format!("http://127.0.0.1:{}{path}", self.port)).await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    pub(super) async fn post(self, path: &str) -> (u16, String) {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let answer = reqwest::Client::new().post(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// A metric, added up over its labels; 0 if there is none of that name.
    pub(super) async fn metric(self, name: &str) -> f64 {
        let (_, text) = self.ask("/metrics").await.expect("the process answers");
        let samples = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let (labels, value) = rest.rsplit_once(' ')?;
            (labels.is_empty() || labels.starts_with('{')).then(|| value.parse::<f64>().unwrap())
        });
        samples.sum()
    }
}
