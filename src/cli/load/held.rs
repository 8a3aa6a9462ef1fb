//! A process that is stopped while a backlog is written.

use std::process::{self, Command};

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

/// A process that was stopped, until dropped. It goes on as well when a signal ends this one.
pub(super) struct Held(u32);

impl Held {
    /// # Errors
    /// When there is no such process, or it is not ours to stop.
    pub(super) fn stop(pid: u32) -> anyhow::Result<Self> {
        // First: between the two a signal would leave it stopped.
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            let mut signals = signal(kind)?;
            tokio::spawn(async move {
                signals.recv().await;
                drop(Self(pid));
                process::exit(128 + kind.as_raw_value());
            });
        }
        kill("-STOP", pid).with_context(|| format!("cannot stop process {pid}"))?;
        Ok(Self(pid))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Err(error) = kill("-CONT", self.0) {
            tracing::error!(pid = self.0, "the process stays stopped: {error}");
        }
    }
}

fn kill(signal: &str, pid: u32) -> anyhow::Result<()> {
    let status = Command::new("kill").arg(signal).arg(pid.to_string()).status()?;
    anyhow::ensure!(status.success(), "kill {signal} {pid}: {status}");
    Ok(())
}
