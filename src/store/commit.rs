//! One round, one transaction.
//!
//! The fence `update shards set round = r where epoch = e and round = r - 1` is part of it:
//! either it hits and everything of the round stands, or nothing changed.
//!
//! When the outcome of an attempt is unknown, the number of the round tells: [`Store::settle`]
//! reads it behind whatever the attempt may still do, so its answer is final.

mod postgres;
mod sqlite;

use std::sync::Arc;

use sea_orm::DbErr;

use super::connection::Connection;
use super::error::{CommitError, Error};
use super::keys::Keys;
use super::lease::{Fence, Position, read_position};
use super::work::Work;
use super::{Backend, Store};
use crate::faults::{self, Mechanism};

/// A round that stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Committed {
    /// An earlier attempt, given up as unavailable, had committed it.
    pub was_late: bool,
}

/// What became of a round whose commit ended as unavailable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Settled {
    Happened,
    /// And never will: no earlier attempt can still go through.
    NotHappened,
    /// The shard belongs to another epoch.
    Fenced,
}

/// The last number that is not drawn again once its character is gone. Those after it may be:
/// numbers are drawn above all that are spent, and one of the last would leave none.
const LAST_SPENT: u32 = u32::MAX - 65_536;

/// Keeps the numbers of characters that are removed from being drawn again.
fn spend_numbers(backend: Backend, keys: &Keys, first_parameter: usize, condition: &str) -> String {
    let greatest = backend.greatest();
    let relation = keys.relation(backend, first_parameter);
    // In order, for two rounds that wait for each other's rows would be a deadlock.
    format!(
        "insert into character_numbers as n (tenant, last_number) \
         select k.tenant, max(k.id) from {relation} where k.id <= {LAST_SPENT} and {condition} \
         group by k.tenant order by k.tenant \
         on conflict (tenant) do update \
         set last_number = {greatest}(n.last_number, excluded.last_number)"
    )
}

impl Store {
    /// Commits a round: moves the shard from `round - 1` to `round`, renews its lease and
    /// writes all of `work`, or changes nothing.
    ///
    /// After [`CommitError::Unavailable`] call again with the same work, any number of times;
    /// an attempt that did go through counts. To commit other work under this number, ask
    /// [`settle`](Self::settle) first.
    ///
    /// # Errors
    /// See [`CommitError`]. Nothing changed, unless it is unavailable.
    pub async fn commit(
        &self,
        fence: &Fence,
        round: i64,
        work: Arc<Work>,
    ) -> Result<Committed, CommitError> {
        let backend = self.backend();
        let ours = fence.clone();
        let position = self.position_statement(&fence.shard);
        let outcome = self
            .writer()
            .run(move |connection| async move {
                if attempt(backend, &connection, &ours, round, &work).await? {
                    return Ok(Outcome::Committed { was_late: false });
                }
                // On the writing connection, so behind every earlier attempt.
                let position = read_position(&*connection, position).await?;
                Ok(Outcome::of_miss(position, &ours, round))
            })
            .await?;
        match outcome {
            Outcome::Committed { was_late } => Ok(Committed { was_late }),
            Outcome::Fenced => {
                self.let_go(fence).await;
                Err(CommitError::Fenced)
            }
        }
    }

    /// Finds out what became of a round after [`CommitError::Unavailable`]. Waits for an
    /// attempt still under way, or ends it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] as long as nobody can know.
    pub async fn settle(&self, fence: &Fence, round: i64) -> Result<Settled, Error> {
        let statement = self.position_statement(&fence.shard);
        let position = self
            .writer()
            .run(move |connection| async move { read_position(&*connection, statement).await })
            .await?;
        match position {
            Some(position) if position.epoch == fence.epoch => match position.round >= round {
                true => Ok(Settled::Happened),
                false => Ok(Settled::NotHappened),
            },
            _ if !faults::has(Mechanism::Fence) => Ok(Settled::NotHappened),
            _ => {
                self.let_go(fence).await;
                Ok(Settled::Fenced)
            }
        }
    }

    /// Fenced: this process has no business with the shard any more.
    async fn let_go(&self, fence: &Fence) {
        if let Err(error) = self.give_up_lock(&fence.shard).await {
            tracing::warn!(shard = &*fence.shard, %error, "fenced, but the shard's lock is still held");
        }
    }
}

enum Outcome {
    Committed { was_late: bool },
    Fenced,
}

impl Outcome {
    /// What it means that the fence hit no row.
    fn of_miss(position: Option<Position>, fence: &Fence, round: i64) -> Self {
        match position {
            Some(Position { epoch, round: last }) if epoch == fence.epoch && last == round => {
                Self::Committed { was_late: true }
            }
            _ => Self::Fenced,
        }
    }
}

/// Whether the fence hit, and with it the round was committed.
async fn attempt(
    backend: Backend,
    connection: &Connection,
    fence: &Fence,
    round: i64,
    work: &Work,
) -> Result<bool, DbErr> {
    match backend {
        Backend::Postgres => postgres::attempt(connection, fence, round, work).await,
        Backend::Sqlite => sqlite::attempt(&connection.pooled(), fence, round, work).await,
    }
}
