//! A connection as statements use it: one that stays out of the pool between them.
//!
//! sqlx tests each connection with a round trip when it returns to its pool. A round has some
//! statements of its own, so on PostgreSQL that would be as many round trips again. Here a
//! connection goes back only if a statement failed on it, if it was idle for long, or if
//! somebody waits for one in the pool.

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use parking_lot::Mutex;
use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{self, AssertSqlSafe, Postgres};
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult,
    RuntimeErr, Statement, Values,
};
use sea_query_sqlx::SqlxValues;
use tokio::runtime::Handle;

/// One that was idle for longer is tested by the pool before it is used again.
const TRUSTED_FOR: Duration = Duration::from_secs(10);

/// A pool, and the connections of it that are kept at hand.
pub(super) struct Connection {
    pool: DatabaseConnection,
    /// The latest used last; always empty on SQLite, whose pool tests nothing.
    kept: Mutex<Vec<(PoolConnection<Postgres>, Instant)>>,
    /// Who may be waiting in the pool; as long as there is anybody, nothing is kept.
    num_waiting: AtomicUsize,
    /// Where the pool does what it does by itself.
    runtime: Handle,
}

/// The pool itself, for what needs more than single statements.
pub(super) struct Pooled<'c> {
    connection: &'c Connection,
}

impl Connection {
    pub(super) fn new(pool: DatabaseConnection, runtime: Handle) -> Self {
        Self { pool, kept: Mutex::default(), num_waiting: AtomicUsize::new(0), runtime }
    }

    pub(super) fn pooled(&self) -> Pooled<'_> {
        self.num_waiting.fetch_add(1, Ordering::SeqCst);
        // Back to the pool, where it can be had.
        self.kept.lock().clear();
        Pooled { connection: self }
    }

    /// Ends when the last statement has: whoever waits for a connection is told at once.
    pub(super) async fn close(&self) {
        let pooled = self.pooled();
        if let Err(error) = pooled.close_by_ref().await {
            tracing::warn!("connections were not closed: {error}");
        }
    }

    pub(super) async fn ping(&self) -> Result<(), DbErr> {
        self.pooled().ping().await
    }

    fn is_postgres(&self) -> bool {
        self.get_database_backend() == DbBackend::Postgres
    }

    async fn take(&self) -> Result<PoolConnection<Postgres>, DbErr> {
        if let Some((connection, since)) = self.kept.lock().pop()
            && since.elapsed() < TRUSTED_FOR
        {
            return Ok(connection);
        }
        let pooled = self.pooled();
        let acquired = pooled.get_postgres_connection_pool().acquire().await;
        acquired.map_err(|error| match error {
            sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
            sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
            error => DbErr::Conn(RuntimeErr::SqlxError(error.into())),
        })
    }

    fn keep(&self, connection: PoolConnection<Postgres>) {
        let mut kept = self.kept.lock();
        kept.push((connection, Instant::now()));
        // Behind the push: who began to wait before it is seen here, who did after it has
        // cleared the list.
        if self.num_waiting.load(Ordering::SeqCst) > 0 {
            kept.clear();
        }
    }
}

/// Runs `$method` of a statement on a kept connection, and keeps it further if that succeeds.
macro_rules! on_a_kept_one {
    ($connection:expr, $statement:expr, $method:ident, $error:path) => {{
        let Statement { sql, values, .. } = $statement;
        let mut session = $connection.take().await?;
        let values = SqlxValues(values.unwrap_or(Values(Vec::new())));
        let query = sqlx::query_with(AssertSqlSafe(sql), values);
        match query.$method(&mut *session).await {
            Ok(answer) => {
                $connection.keep(session);
                Ok(answer)
            }
            // Dropped: the pool finds out whether it is still of use.
            Err(error) => Err($error(RuntimeErr::SqlxError(error.into()))),
        }
    }};
}

#[async_trait]
impl ConnectionTrait for Connection {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        if !self.is_postgres() {
            return self.pool.execute_raw(statement).await;
        }
        on_a_kept_one!(self, statement, execute, DbErr::Exec).map(ExecResult::from)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.pooled().execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        if !self.is_postgres() {
            return self.pool.query_one_raw(statement).await;
        }
        let row = on_a_kept_one!(self, statement, fetch_optional, DbErr::Query)?;
        Ok(row.map(QueryResult::from))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        if !self.is_postgres() {
            return self.pool.query_all_raw(statement).await;
        }
        let rows = on_a_kept_one!(self, statement, fetch_all, DbErr::Query)?;
        Ok(rows.into_iter().map(QueryResult::from).collect())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A connection that goes back to its pool begins a task, whoever is the last to have it.
        let _context = self.runtime.enter();
        self.kept.get_mut().clear();
    }
}

impl Deref for Pooled<'_> {
    type Target = DatabaseConnection;

    fn deref(&self) -> &DatabaseConnection {
        &self.connection.pool
    }
}

impl Drop for Pooled<'_> {
    fn drop(&mut self) {
        self.connection.num_waiting.fetch_sub(1, Ordering::SeqCst);
    }
}
