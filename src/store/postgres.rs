//! Sessions on PostgreSQL: their settings, and what a new writing session does first.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use sea_orm::sqlx::{self, PgConnection, Row as _, postgres::PgConnectOptions};
use sea_orm::{ConnectOptions, ConnectionTrait, DbBackend, DbErr, Statement};

use super::Options;

/// Distinct statements of rounds: one for each combination of sections, some dozens in practice.
const STATEMENT_CACHE_CAPACITY: usize = 256;
/// How long a new writing session waits for the end of the one before it.
const PREDECESSOR_MILLIS: i64 = 2_000;

/// What the writing sessions of one process hand to each other.
#[derive(Default, Debug)]
pub(super) struct Succession {
    /// The latest writing session.
    latest: Mutex<Option<Session>>,
    /// Shards whose advisory lock a writing session has to hold.
    held: Mutex<BTreeSet<Arc<str>>>,
    /// Which writer, of those that replaced each other, may open sessions.
    generation: AtomicU64,
}

/// A session on the server. A process id alone may be taken again by another.
#[derive(Clone, Copy, Debug)]
struct Session {
    pid: i32,
    since: DateTime<Utc>,
}

/// Options of the pool that reads, and that writes what is no part of a round: deletions from
/// the outbox, parked events, reserved numbers.
///
/// Its commits do not wait for the disk. That loses nothing: the log is one sequence, so
/// whatever a round commits later carries them with it, and a deletion lost in a crash means
/// an event that is found published already.
pub(super) fn reader(options: &Options) -> ConnectOptions {
    let mut connect = base(options, &[("synchronous_commit", "off")]);
    connect.max_connections(options.max_connections.max(1)).test_before_acquire(false);
    connect.test_before_acquire_if_idle_for(Duration::from_secs(10));
    connect
}

/// Options of the one connection that commits rounds. A writer opened with them replaces the
/// one opened before, which opens no more sessions.
pub(super) fn writer(options: &Options, succession: &Arc<Succession>) -> ConnectOptions {
    let mut connect = base(options, &[]);
    connect
        .max_connections(1)
        .min_connections(0)
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .test_before_acquire(false);
    let generation = succession.generation.fetch_add(1, Ordering::Relaxed) + 1;
    let succession = Arc::clone(succession);
    connect.map_sqlx_postgres_pool_opts(move |pool| {
        let succession = Arc::clone(&succession);
        pool.after_connect(move |connection, _| {
            let succession = Arc::clone(&succession);
            Box::pin(async move { succession.take_over(connection, generation).await })
        })
    });
    connect
}

/// Options of the session that changes the schema: no limit on how long a statement takes.
pub(super) fn migrator(options: &Options) -> ConnectOptions {
    let mut connect = ConnectOptions::new(url(options));
    connect.max_connections(1).connect_timeout(options.connect_timeout).sqlx_logging(false);
    connect
}

/// SeaORM knows the scheme by one of its two names.
fn url(options: &Options) -> String {
    options.url.replacen("postgresql://", "postgres://", 1)
}

/// Every statement finds its rows by key, so the plan is pinned to nested loops over indexes:
/// a table that was never analysed must not turn a round into a scan, and no statement is
/// planned twice. Nor is it worth other processes or a compiler: where statistics are missing,
/// a few rows found by key are taken for thousands, and starting workers for them takes 10 ms.
const PINNED_PLAN: [(&str, &str); 6] = [
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("plan_cache_mode", "force_generic_plan"),
    ("max_parallel_workers_per_gather", "0"),
    ("jit", "off"),
];

/// The server's side of a half-open connection would keep the shard's lock for hours.
const KEEPALIVE: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "2"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "10000"),
];

fn base(options: &Options, settings: &[(&'static str, &'static str)]) -> ConnectOptions {
    // Longer than the caller waits: the caller's deadline is for a silent network, the
    // server's for statements whose caller has gone.
    let limit = format!("{}", 2 * options.commit_timeout.as_millis());
    let limits = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"];
    let settings: Vec<_> = settings.iter().chain(&PINNED_PLAN).chain(&KEEPALIVE).copied().collect();
    let mut connect = ConnectOptions::new(url(options));
    connect.connect_timeout(options.connect_timeout).sqlx_logging(false);
    connect.map_sqlx_postgres_opts(move |postgres: PgConnectOptions| {
        postgres
            .application_name("menagerie")
            .statement_cache_capacity(STATEMENT_CACHE_CAPACITY)
            .options(settings.iter().copied())
            .options(limits.map(|name| (name, limit.as_str())))
    });
    connect
}

/// An advisory lock of the shard in `$1`, apart from other applications' by its first half.
const LOCK_KEY: &str = "hashtext('menagerie.shard'), hashtext($1)";

/// The rows of `pg_locks` that are the lock of the shard in `$1`.
const LOCK_ROWS: &str = "select pid from pg_locks where locktype = 'advisory' and granted \
    and objsubid = 2 \
    and database = (select oid from pg_database where datname = current_database()) \
    and classid::bigint = hashtext('menagerie.shard')::bigint & 4294967295 \
    and objid::bigint = hashtext($1)::bigint & 4294967295";

/// An expression that takes the lock of the shard in `$1` for this session unless it has it
/// (the lock counts), and says whether the session has it then.
fn hold_expression() -> String {
    format!(
        "case when exists ({LOCK_ROWS} and pid = pg_backend_pid()) then true \
         else pg_try_advisory_lock({LOCK_KEY}) end"
    )
}

impl Succession {
    /// Whatever session writes from now on keeps the lock of this shard.
    pub(super) fn keep(&self, shard: &Arc<str>) {
        self.held.lock().insert(Arc::clone(shard));
    }

    /// Gives the lock of the shard back, and no later session takes it by itself.
    pub(super) async fn give_up(
        &self,
        connection: &impl ConnectionTrait,
        shard: &str,
    ) -> Result<(), DbErr> {
        self.held.lock().remove(shard);
        let sql = format!(
            "select pg_advisory_unlock({LOCK_KEY}) \
             where exists ({LOCK_ROWS} and pid = pg_backend_pid())"
        );
        connection.query_one_raw(by_shard(sql, shard)).await?;
        Ok(())
    }

    /// The first thing on a new writing session: end the one before, so that nothing it was
    /// asked to do can still happen, and take over its locks.
    ///
    /// Without this, a statement given up half an hour ago on a silent connection could
    /// commit a round after it was found not to have happened.
    async fn take_over(
        &self,
        connection: &mut PgConnection,
        generation: u64,
    ) -> Result<(), sqlx::Error> {
        self.check(generation)?;
        let predecessor = *self.latest.lock();
        if let Some(Session { pid, since }) = predecessor {
            let sql = "select pg_terminate_backend(pid, $3) from pg_stat_activity \
                       where pid = $1 and backend_start = $2";
            let ended: Option<bool> = sqlx::query_scalar(sql)
                .bind(pid)
                .bind(since)
                .bind(PREDECESSOR_MILLIS)
                .fetch_optional(&mut *connection)
                .await?;
            if ended == Some(false) {
                return Err(sqlx::Error::Protocol("the previous session does not end".into()));
            }
        }
        let sql = "select pid, backend_start from pg_stat_activity where pid = pg_backend_pid()";
        let row = sqlx::query(sql).fetch_one(&mut *connection).await?;
        let session = Session { pid: row.try_get(0)?, since: row.try_get(1)? };
        {
            let mut latest = self.latest.lock();
            // Once more: a replacement since then has not ended this session, for it did not
            // know it. From here on it will.
            self.check(generation)?;
            *latest = Some(session);
        }
        let held: Vec<_> = self.held.lock().iter().cloned().collect();
        for shard in held {
            // Refused when another process took the lock meanwhile; the fence decides who is
            // right.
            sqlx::query(sqlx::AssertSqlSafe(format!("select {}", hold_expression())))
                .bind(&*shard)
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }

    fn check(&self, generation: u64) -> Result<(), sqlx::Error> {
        match self.generation.load(Ordering::Relaxed) == generation {
            true => Ok(()),
            false => Err(sqlx::Error::Protocol("this writer was replaced".into())),
        }
    }
}

/// Whether it is worth while to try for a shard: a look that disturbs nobody, for processes
/// that stand by. Yes when the shard is new, its lease ran out or no other session has its lock.
pub(super) async fn is_to_be_had(
    connection: &impl ConnectionTrait,
    shard: &str,
) -> Result<bool, DbErr> {
    let sql = format!(
        "select lease_until is null or lease_until <= now() \
             or not exists ({LOCK_ROWS} and pid <> pg_backend_pid()) \
         from shards where id = $1"
    );
    match connection.query_one_raw(by_shard(sql, shard)).await? {
        Some(row) => row.try_get_by_index(0),
        None => Ok(true),
    }
}

/// Ends other sessions that still have the lock of a shard whose lease ran out, and takes the
/// lock. Says whether this session has it then.
pub(super) async fn seize(connection: &impl ConnectionTrait, shard: &str) -> Result<bool, DbErr> {
    let sql = format!(
        "select count(pg_terminate_backend(pid, {PREDECESSOR_MILLIS})) \
         from ({LOCK_ROWS} and pid <> pg_backend_pid()) as zombie"
    );
    connection.query_one_raw(by_shard(sql, shard)).await?;
    hold(connection, shard).await
}

/// Takes the lock of the shard unless this session has it; whether it has it then.
pub(super) async fn hold(connection: &impl ConnectionTrait, shard: &str) -> Result<bool, DbErr> {
    let statement = by_shard(format!("select {}", hold_expression()), shard);
    match connection.query_one_raw(statement).await? {
        Some(row) => row.try_get_by_index(0),
        None => Ok(false),
    }
}

fn by_shard(sql: String, shard: &str) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, [shard.into()])
}
