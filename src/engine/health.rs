//! How the process stands, as the probes tell it.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use parking_lot::RwLock;

use super::committer::Tenure;
use super::handle::Handle;
use super::shard::Shard;
use crate::telemetry::metrics::METRICS;

/// Where the process is between its start and its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Waiting for the services it depends on.
    Connecting,
    /// Started; another process has the shard.
    Standby,
    /// Has the lease, reads back who was online.
    Restoring,
    Serving,
    Draining,
}

impl Stage {
    pub fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Standby => "standby",
            Self::Restoring => "restoring",
            Self::Serving => "serving",
            Self::Draining => "draining",
        }
    }
}

/// Shared by the probes, the requests and whoever runs the shard.
pub struct Health {
    inner: RwLock<Inner>,
}

struct Inner {
    stage: Stage,
    shard: Option<Arc<Shard>>,
}

/// One of the conditions of readiness.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
    pub name: &'static str,
    /// None when it holds.
    pub problem: Option<String>,
}

impl Health {
    pub fn new() -> Self {
        Self { inner: RwLock::new(Inner { stage: Stage::Connecting, shard: None }) }
    }

    pub fn set_stage(&self, stage: Stage) {
        self.inner.write().stage = stage;
    }

    /// The shard is held: requests may come.
    pub fn serve(&self, shard: Arc<Shard>) {
        *self.inner.write() = Inner { stage: Stage::Serving, shard: Some(shard) };
    }

    /// No further requests; the caller drains the shard.
    pub fn withdraw(&self) {
        *self.inner.write() = Inner { stage: Stage::Draining, shard: None };
    }

    pub fn stage(&self) -> Stage {
        self.inner.read().stage
    }

    /// The engine, while this process has the shard and is not draining.
    pub fn handle(&self) -> Option<Handle> {
        self.inner.read().shard.as_ref().map(|shard| shard.handle())
    }

    /// The shard, while this process has it and is not draining.
    pub fn shard(&self) -> Option<Arc<Shard>> {
        self.inner.read().shard.clone()
    }

    /// Whether the threads of the shard make progress; true while there is none.
    pub async fn is_alive(&self, patience: Duration) -> bool {
        let pulse = self.inner.read().shard.as_ref().map(|shard| shard.pulse());
        match pulse {
            Some(pulse) => pulse.is_beating(patience).await,
            None => true,
        }
    }

    /// Whether start-up is over: standing by counts.
    pub fn has_started(&self) -> bool {
        !matches!(self.stage(), Stage::Connecting | Stage::Restoring)
    }

    /// The conditions of readiness, all of them at every stage, each with what is wrong with it.
    pub fn checks(&self) -> [Check; 6] {
        let inner = self.inner.read();
        let Inner { stage, shard } = &*inner;
        let unless = |holds: bool, problem: &str| (!holds).then(|| problem.to_string());
        let is_held = matches!(stage, Stage::Serving | Stage::Draining);
        let [store, intake, outbox] = match shard {
            // Of a shard that this process does not serve.
            None => [(); 3].map(|()| Some(stage.name().to_string())),
            Some(shard) => [
                store_problem(shard),
                unless(shard.is_reading(), "no broker is connected or no partition assigned"),
                outbox_problem(shard),
            ],
        };
        [
            ("schema", unless(*stage != Stage::Connecting, "connecting")),
            ("lease", unless(is_held, stage.name())),
            ("store", store),
            ("intake", intake),
            ("outbox", outbox),
            ("draining", unless(*stage != Stage::Draining, "draining")),
        ]
        .map(|(name, problem)| Check { name, problem })
    }

    /// Whether every condition of readiness holds.
    pub fn is_ready(&self) -> bool {
        self.stage() == Stage::Serving && self.checks().iter().all(|check| check.problem.is_none())
    }

    /// Brings the gauges that are read, not counted, up to date; called at every scrape.
    pub fn refresh_gauges(&self) {
        let inner = self.inner.read();
        let Some(shard) = &inner.shard else { return };
        for (sink, status) in &shard.outbox_status {
            METRICS
                .outbox
                .oldest_age_seconds
                .with_label_values(&[sink.name()])
                .set(status.oldest_age(Utc::now()));
        }
    }
}

fn store_problem(shard: &Shard) -> Option<String> {
    match *shard.tenure().borrow() {
        Tenure::Held => None,
        Tenure::Interrupted => Some("the database does not answer".to_string()),
        Tenure::Fenced => Some("another process has the shard".to_string()),
    }
}

fn outbox_problem(shard: &Shard) -> Option<String> {
    let failing = shard.outbox_status.iter().filter(|(_, status)| status.is_failing());
    let failing: Vec<String> = failing
        .map(|(sink, status)| {
            let error = status.last_error().map(|mishap| mishap.message);
            format!("{}: {}", sink.name(), error.unwrap_or_default())
        })
        .collect();
    (!failing.is_empty()).then(|| failing.join("; "))
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_is_named_at_every_stage() {
        let health = Health::new();
        for (stage, [schema, lease, draining]) in [
            (Stage::Connecting, ["connecting", "connecting", "-"]),
            (Stage::Standby, ["-", "standby", "-"]),
            (Stage::Restoring, ["-", "restoring", "-"]),
            (Stage::Draining, ["-", "-", "draining"]),
        ] {
            health.set_stage(stage);
            let away = stage.name();
            let problems = [schema, lease, away, away, away, draining];
            let checks = health.checks();
            let names = checks.each_ref().map(|check| check.name);
            assert_eq!(names, ["schema", "lease", "store", "intake", "outbox", "draining"]);
            let told = checks.each_ref().map(|check| check.problem.as_deref().unwrap_or("-"));
            assert_eq!(told, problems, "{stage:?}");
        }
    }
}
