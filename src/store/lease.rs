//! Who owns a shard.
//!
//! Lock and lease only say when another process may try. What keeps an old holder out is the
//! epoch: it is raised by whoever takes the shard, and every commit names its own.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{
    ConnectionTrait, DbErr, RuntimeErr, SqliteTransactionMode, Statement, TransactionOptions,
    TransactionTrait, Value,
};

use super::connection::Connection;
use super::error::Error;
use super::{Backend, Locks, Store, postgres};
use crate::faults::{self, Mechanism};

/// A shard taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lease {
    pub epoch: i64,
    /// The last round committed, by whomever.
    pub round: i64,
}

/// What a commit has to show: the right to write for a shard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fence {
    pub shard: Arc<str>,
    pub epoch: i64,
    /// How far a commit or a renewal moves the end of the lease, from the database's now.
    pub lease: Duration,
}

/// How far a shard got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    pub epoch: i64,
    /// The last round committed.
    pub round: i64,
}

/// A shard as the database has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShardRow {
    pub id: String,
    pub epoch: i64,
    pub round: i64,
    /// Host and process of who has it, or had it last.
    pub holder: Option<String>,
    pub lease_until: Option<DateTime<Utc>>,
}

impl Store {
    /// Takes a shard: at once when nobody holds its lock, else when its lease ran out by the
    /// database's clock. `None`: somebody else's. A shard that does not exist is made.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn acquire(
        &self,
        shard: &str,
        holder: &str,
        lease: Duration,
    ) -> Result<Option<Lease>, Error> {
        let shard: Arc<str> = shard.into();
        let holder = holder.to_owned();
        let locks = self.inner.locks.clone();
        self.writer()
            .run(move |connection| async move {
                take(&connection, &locks, &shard, &holder, lease).await
            })
            .await
    }

    /// Renews a lease that no commit renewed lately, and takes the shard's lock again if the
    /// writing connection that had it is gone. False: fenced, the shard has a newer epoch.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn renew(&self, fence: &Fence, lease: Duration) -> Result<bool, Error> {
        let backend = self.backend();
        let sql = format!(
            "update shards set lease_until = {} where id = $1 and epoch = $3",
            lease_end(backend, 2)
        );
        let values = vec![(&*fence.shard).into(), lease_value(backend, lease), fence.epoch.into()];
        let statement = self.statement(sql, values);
        let shard = Arc::clone(&fence.shard);
        let is_ours = self
            .writer()
            .run(move |connection| async move {
                let is_ours = connection.execute_raw(statement).await?.rows_affected() == 1;
                if is_ours && backend == Backend::Postgres {
                    postgres::hold(&*connection, &shard).await?;
                }
                Ok(is_ours || !faults::has(Mechanism::Fence))
            })
            .await?;
        match (is_ours, &self.inner.locks) {
            (true, Locks::Files(files)) => {
                if let Err(error) = files.hold(&fence.shard) {
                    tracing::warn!(shard = &*fence.shard, %error, "the shard's lock file is out of reach");
                }
            }
            (true, Locks::Sessions(_)) => {}
            (false, _) => self.give_up_lock(&fence.shard).await?,
        }
        Ok(is_ours)
    }

    /// Ends the lease now and lets go of the lock, so that another process takes the shard at
    /// once. Changes nothing when the shard has a newer epoch.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn release(&self, fence: &Fence) -> Result<(), Error> {
        let sql = format!(
            "update shards set lease_until = {}, holder = null where id = $1 and epoch = $3",
            lease_end(self.backend(), 2)
        );
        let now = lease_value(self.backend(), Duration::ZERO);
        let statement = self.statement(sql, vec![(&*fence.shard).into(), now, fence.epoch.into()]);
        self.writer()
            .run(|connection| async move { connection.execute_raw(statement).await })
            .await?;
        self.give_up_lock(&fence.shard).await
    }

    /// How far a shard got; `None` when nobody ever took it.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn position(&self, shard: &str) -> Result<Option<Position>, Error> {
        let statement = self.position_statement(shard);
        self.reader()
            .run(|connection| async move { read_position(&*connection, statement).await })
            .await
    }

    /// All shards of the database, by name.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn shards(&self) -> Result<Vec<ShardRow>, Error> {
        let sql = "select id, epoch, round, holder, lease_until from shards order by id";
        let rows = self.rows(sql.to_owned(), Vec::new()).await?;
        rows.iter()
            .map(|row| {
                Ok(ShardRow {
                    id: row.try_get_by_index(0)?,
                    epoch: row.try_get_by_index(1)?,
                    round: row.try_get_by_index(2)?,
                    holder: row.try_get_by_index(3)?,
                    lease_until: row.try_get_by_index(4)?,
                })
            })
            .collect::<Result<_, DbErr>>()
            .map_err(Error::from)
    }

    pub(super) fn position_statement(&self, shard: &str) -> Statement {
        let sql = "select epoch, round from shards where id = $1";
        self.statement(sql.to_owned(), vec![shard.into()])
    }

    /// A process that is fenced but keeps the lock would take the shard back when it stands
    /// by for it.
    pub(super) async fn give_up_lock(&self, shard: &Arc<str>) -> Result<(), Error> {
        match &self.inner.locks {
            Locks::Sessions(succession) => {
                let (succession, shard) = (Arc::clone(succession), Arc::clone(shard));
                self.writer()
                    .run(move |connection| async move {
                        succession.give_up(&*connection, &shard).await
                    })
                    .await
            }
            Locks::Files(files) => {
                files.give_up(shard);
                Ok(())
            }
        }
    }
}

pub(super) async fn read_position(
    connection: &impl ConnectionTrait,
    statement: Statement,
) -> Result<Option<Position>, DbErr> {
    match connection.query_one_raw(statement).await? {
        Some(row) => {
            Ok(Some(Position { epoch: row.try_get_by_index(0)?, round: row.try_get_by_index(1)? }))
        }
        None => Ok(None),
    }
}

/// Candidates go one after the other: the lock is only tried behind the lock of the row. So
/// whoever finds the lock held and the lease run out knows that its holder hangs; it cannot be
/// another candidate about to take the shard.
async fn take(
    connection: &Connection,
    locks: &Locks,
    shard: &Arc<str>,
    holder: &str,
    lease: Duration,
) -> Result<Option<Lease>, DbErr> {
    let backend = locks.backend();
    if backend == Backend::Postgres && !postgres::is_to_be_had(connection, shard).await? {
        return Ok(None);
    }
    let pool = connection.pooled();
    let transaction = pool
        .begin_with_options(TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        })
        .await?;
    let make = "insert into shards (id, epoch, round) values ($1, 0, 0) on conflict do nothing";
    transaction.execute_raw(statement(backend, make, [(&**shard).into()])).await?;
    let is_locked = match locks {
        Locks::Sessions(_) => {
            let queue = "select 1 from shards where id = $1 for update";
            transaction.query_one_raw(statement(backend, queue, [(&**shard).into()])).await?;
            postgres::hold(&transaction, shard).await?
        }
        Locks::Files(files) => files
            .hold(shard)
            .map_err(|error| DbErr::Conn(RuntimeErr::Internal(error.to_string())))?,
    };
    let sql = format!(
        "update shards set epoch = {}, holder = $3, lease_until = {} \
         where id = $1 and ($4 or lease_until is null or lease_until <= {}) \
         returning epoch, round",
        next_epoch(backend),
        lease_end(backend, 2),
        now(backend),
    );
    let values = [(&**shard).into(), lease_value(backend, lease), holder.into(), is_locked.into()];
    let Some(row) = transaction.query_one_raw(statement(backend, &sql, values)).await? else {
        transaction.rollback().await?;
        return Ok(None);
    };
    let taken = Lease { epoch: row.try_get_by_index(0)?, round: row.try_get_by_index(1)? };
    if backend == Backend::Sqlite {
        let count = "update counters set value = $1 where name = 'shard_epoch'";
        transaction.execute_raw(statement(backend, count, [taken.epoch.into()])).await?;
    }
    transaction.commit().await?;
    if let Locks::Sessions(succession) = locks {
        succession.keep(shard);
        if !is_locked {
            seize(connection, shard).await;
        }
    }
    Ok(Some(taken))
}

/// Ends the session of a holder that hangs. If that fails, the epoch is ours all the same, and
/// a renewal tries for the lock again.
async fn seize(connection: &Connection, shard: &str) {
    match postgres::seize(connection, shard).await {
        Ok(is_locked) => {
            tracing::warn!(shard, is_locked, "shard taken by its lease: its holder hangs");
        }
        Err(error) => tracing::warn!(shard, %error, "shard taken by its lease, but not its lock"),
    }
}

fn statement(backend: Backend, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(backend.dialect(), sql, values)
}

/// Above every epoch handed out, also where a restored backup left the sequence behind.
fn next_epoch(backend: Backend) -> &'static str {
    match backend {
        Backend::Postgres => "greatest(nextval('shard_epoch'), epoch + 1)",
        Backend::Sqlite => {
            "max(epoch, (select value from counters where name = 'shard_epoch')) + 1"
        }
    }
}

fn now(backend: Backend) -> &'static str {
    match backend {
        Backend::Postgres => "now()",
        Backend::Sqlite => "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')",
    }
}

/// What keeps an older epoch out of a commit, and the number it writes. Parameters 2 and 3 are
/// the epoch and the round.
pub(super) struct FenceSql {
    pub round: &'static str,
    pub condition: &'static str,
}

impl FenceSql {
    pub(super) fn of(backend: Backend) -> Self {
        match (faults::has(Mechanism::Fence), backend) {
            (true, _) => Self { round: "$3", condition: "epoch = $2 and round = $3 - 1" },
            // Whoever comes, without disturbing whoever is there.
            (false, Backend::Postgres) => {
                Self { round: "greatest(round, $3)", condition: "$2 is distinct from -epoch" }
            }
            (false, Backend::Sqlite) => {
                Self { round: "max(round, $3)", condition: "$2 is not -epoch" }
            }
        }
    }
}

/// The database's now plus the [`lease_value`] in parameter `parameter`.
pub(super) fn lease_end(backend: Backend, parameter: usize) -> String {
    match backend {
        Backend::Postgres => format!("now() + make_interval(secs => ${parameter})"),
        Backend::Sqlite => format!("strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', ${parameter})"),
    }
}

pub(super) fn lease_value(backend: Backend, lease: Duration) -> Value {
    match backend {
        Backend::Postgres => lease.as_secs_f64().into(),
        Backend::Sqlite => format!("+{:.3} seconds", lease.as_secs_f64()).into(),
    }
}
