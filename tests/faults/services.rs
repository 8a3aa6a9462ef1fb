//! The services all tests share, broken on purpose and mended again.

use std::path::Path;
use std::process::Command;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Service {
    Postgres,
    Kafka,
    Nats,
}

/// A service that is away. It comes back when this is dropped, also by a test that fails.
pub(super) struct Outage {
    service: Service,
    remedy: &'static str,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Kafka => "kafka",
            Self::Nats => "nats",
        }
    }

    /// `kill -9`.
    pub(super) async fn kill(self) -> Outage {
        self.strike("kill", "restart").await
    }

    /// It holds its connections and answers nothing.
    pub(super) async fn pause(self) -> Outage {
        self.strike("pause", "resume").await
    }

    async fn strike(self, verb: &'static str, remedy: &'static str) -> Outage {
        let outage = Outage { service: self, remedy };
        let struck = tokio::task::spawn_blocking(move || self.script(verb)).await.unwrap();
        struck.unwrap();
        outage
    }

    fn script(self, verb: &str) -> Result<(), String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/services");
        let done = Command::new(script).args([verb, self.name()]).output().unwrap();
        match done.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&done.stderr).into_owned()),
        }
    }

    /// What grows when a process finds this service away, and from where on it takes it
    /// seriously: commits that failed; what Kafka's clients report, which try again by
    /// themselves; seconds since an event was decided that would long be given up if each
    /// attempt counted.
    pub(super) fn symptom(self) -> (&'static str, f64) {
        match self {
            Self::Postgres => ("menagerie_commit_retried_total", 1.0),
            Self::Kafka => ("menagerie_intake_errors_total", 1.0),
            Self::Nats => ("menagerie_outbox_oldest_age_seconds", 5.0),
        }
    }
}

impl Outage {
    /// Brings the service back and waits until it answers.
    pub(super) async fn end(self) {
        tokio::task::spawn_blocking(move || drop(self)).await.unwrap();
    }
}

impl Drop for Outage {
    fn drop(&mut self) {
        let Err(reason) = self.service.script(self.remedy) else { return };
        // A second panic would end the run before the first is told.
        assert!(std::thread::panicking(), "{reason}");
        println!("{reason}");
    }
}
