//! The engine as requests see it.

use std::sync::Arc;
use std::time::Duration;

use actix::Addr;
use tokio::sync::{Semaphore, oneshot};

use super::character::ReadPositions;
use super::registry::Registry;
use super::request::Errand;
use super::round::Answer;
use super::supervisor::{Ask, BrokerSupervisor};
use crate::domain::pet::Position;
use crate::domain::{CharacterKey, PetId};
use crate::telemetry::mailbox::{Envelope, Kind};
use crate::telemetry::metrics::METRICS;

/// The engine of a shard that is held. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    pub(super) supervisor: Addr<BrokerSupervisor>,
    pub(super) registry: Arc<Registry>,
    /// Requests on their way, against `engine.max_requests`.
    pub(super) permits: Arc<Semaphore>,
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
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(|_| {
            METRICS.mailbox.rejected.with_label_values(&[Kind::Supervisor.name(), "full"]).inc();
            AskError::Full
        })?;
        let (reply, answer) = oneshot::channel();
        let envelope = Envelope::seal(Kind::Supervisor);
        self.supervisor.do_send(Ask { errand, reply, permit, envelope });
        match tokio::time::timeout(deadline, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(AskError::Stopped),
            Err(_) => Err(AskError::TimedOut),
        }
    }

    /// Where a character's pets stand; empty for one that is not in memory.
    pub async fn positions(&self, key: CharacterKey) -> Vec<(PetId, Position)> {
        match self.registry.addr(key) {
            Some(addr) => addr.send(ReadPositions).await.unwrap_or_default(),
            None => Vec::new(),
        }
    }

    pub fn registry(&self) -> &Registry {
        &self.registry
    }
}
