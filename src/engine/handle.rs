//! The engine as requests see it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::Addr;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::character::ReadPositions;
use super::character::inspect::{Inspect, Snapshot};
use super::numbers::Numbers;
use super::record::Batch;
use super::registry::Registry;
use super::request::Errand;
use super::round::{Answer, Census};
use super::supervisor::inbox::Inbox;
use super::supervisor::leave::{Leave, Left, Way};
use super::supervisor::{Ask, BrokerSupervisor, Deliver};
use crate::domain::pet::Position;
use crate::domain::{CharacterId, CharacterKey, PetId, TenantId};
use crate::telemetry::mailbox::{Envelope, Kind};
use crate::telemetry::metrics::METRICS;
use crate::telemetry::vitals::{Mishap, Reading};

/// The engine of a shard that is held. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    pub(super) supervisor: Addr<BrokerSupervisor>,
    /// Its requests.
    pub(super) inbox: Arc<Inbox>,
    pub(super) registry: Arc<Registry>,
    pub(super) numbers: Arc<Numbers>,
    /// Requests on their way, against `engine.max_requests`.
    pub(super) permits: Arc<Semaphore>,
}

/// What is known of an actor from outside.
#[derive(Clone, PartialEq, Debug)]
pub struct Inspected {
    pub reading: Reading,
    pub last_error: Option<Mishap>,
    pub census: Census,
    pub idle_seconds: f64,
    /// The last round it took part in.
    pub round: i64,
}

/// Why a request has no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AskError {
    /// Nothing was begun.
    #[error("too many requests are waiting")]
    Full,
    /// It may still take effect, whole or not at all.
    #[error("the request was not committed in time")]
    TimedOut,
    /// Nothing was committed.
    #[error("the engine has stopped")]
    Stopped,
}

impl Handle {
    /// Puts a request into a round and waits for its commit, at most for `deadline`.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn ask(&self, errand: Errand, deadline: Duration) -> Result<Answer, AskError> {
        let permit = self.permit()?;
        let (reply, answer) = oneshot::channel();
        let envelope = Envelope::seal(Kind::Supervisor);
        self.inbox.put(Ask { errand, reply, permit, envelope }, &self.supervisor);
        match tokio::time::timeout(deadline, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(AskError::Stopped),
            Err(_) => Err(AskError::TimedOut),
        }
    }

    /// The greatest number of a character, or of an owner of pets, that this process has committed.
    pub fn greatest_number(&self, tenant: TenantId) -> Option<CharacterId> {
        self.numbers.greatest(tenant)
    }

    fn permit(&self) -> Result<OwnedSemaphorePermit, AskError> {
        Arc::clone(&self.permits).try_acquire_owned().map_err(|_| {
            METRICS.mailbox.rejected.with_label_values(&[Kind::Supervisor.name(), "full"]).inc();
            AskError::Full
        })
    }

    /// Hands over movement that came another way than through the intake; it holds no credit.
    pub fn deliver(&self, batch: Batch) {
        let envelope = Envelope::seal(Kind::Supervisor);
        self.supervisor.do_send(Deliver { batch, envelope });
    }

    /// Where a character's pets stand; empty for one that is not in memory.
    pub async fn positions(&self, key: CharacterKey) -> Vec<(PetId, Position)> {
        let asked = self.registry.read(key, |entry| {
            let envelope = Envelope::to_character(&entry.vitals);
            entry.addr.send(ReadPositions { envelope })
        });
        match asked {
            Some(positions) => positions.await.unwrap_or_default(),
            None => Vec::new(),
        }
    }

    /// What a character's actor holds, and how its mailbox fares; none if it is not in memory.
    pub async fn inspect(&self, key: CharacterKey) -> Option<(Inspected, Snapshot)> {
        let (asked, inspected) = self.registry.read(key, |entry| {
            let inspected = Inspected {
                reading: entry.vitals.read(Instant::now()),
                last_error: entry.vitals.last_error(),
                census: entry.census,
                idle_seconds: entry.touched.elapsed().as_secs_f64(),
                round: entry.last_round,
            };
            let envelope = Envelope::to_character(&entry.vitals);
            (entry.addr.send(Inspect { envelope }), inspected)
        })?;
        Some((inspected, asked.await.ok()?))
    }

    /// Takes a character out of memory, once all it did is committed.
    ///
    /// # Errors
    /// When too many requests wait, or the engine ended.
    pub async fn leave(&self, key: CharacterKey, way: Way) -> Result<Left, AskError> {
        let permit = self.permit()?;
        let (reply, left) = oneshot::channel();
        let envelope = Envelope::seal(Kind::Supervisor);
        self.supervisor.do_send(Leave { key, way, reply, permit, envelope });
        left.await.map_err(|_| AskError::Stopped)
    }

    pub fn registry(&self) -> &Registry {
        &self.registry
    }
}
