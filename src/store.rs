//! SQL: the truth about shards, characters, pets, source offsets and unsent events.
//!
//! | file | what |
//! |---|---|
//! | [`work`] | what one round leaves to be written |
//! | [`commit`] | one round, one transaction, behind the fence |
//! | [`lease`] | who owns a shard |
//! | [`load`], [`pets`], [`characters`] | reading the game's state |
//! | [`history`], [`answers`] | what was published and answered before |
//! | [`outbox`], [`parked`], [`dead_letters`] | what waits for a broker or for a person |
//! | [`schema`] | migrations |
//! | [`error`] | database errors in our terms |
//!
//! PostgreSQL and SQLite hold the same tables. One connection writes rounds, others read.
//! Instants are kept to the microsecond.

pub mod answers;
pub mod audit;
pub mod characters;
pub mod commit;
pub mod dead_letters;
pub mod error;
pub mod history;
pub mod lease;
pub mod load;
pub mod outbox;
pub mod parked;
pub mod pets;
pub mod schema;
pub mod work;

mod connection;
mod decode;
mod entity;
mod fields;
mod keys;
mod pool;
mod postgres;
mod rows;
mod sqlite;
mod table;
#[cfg(test)]
pub(crate) mod testing;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectOptions, ConnectionTrait as _, DbBackend, QueryResult, Statement, Value};

pub use characters::{Asked, CharacterRef, Known, UsersCharacter};
pub use commit::{Committed, Settled};
pub use dead_letters::{Filter, StoredDeadLetter};
pub use error::{CommitError, Error};
pub use lease::{Fence, Lease, Position};
pub use load::Stored;
pub use outbox::{Backlog, Page, Pending};
pub use parked::{Parked, ParkedEvent};
pub use schema::{MigrationState, SchemaState};
pub use work::{
    AnswerRow, CharacterRow, DeadLetter, HistoryRow, OutboxRow, PetRow, Sink, Source,
    VitalsColumns, Work,
};

use pool::{Pool, Recovery};
use postgres::Succession;
use sqlite::LockFiles;

/// Where the database is and how long to wait for it.
#[derive(Clone, Debug)]
pub struct Options {
    /// `postgres://…`, with no transaction pooler in between: locks and settings are those of
    /// the session. Or `sqlite:PATH`, a file that is created when it is missing.
    pub url: String,
    /// Connections that read, at least 1; the one that writes comes on top.
    pub max_connections: u32,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long a caller waits for any answer, a commit above all. The server gives up after
    /// twice as long.
    pub commit_timeout: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backend {
    Postgres,
    Sqlite,
}

/// The database of one process. Cheap to clone; all clones share the connections.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    options: Options,
    locks: Locks,
    /// Exactly one connection: rounds, leases, and on SQLite everything that writes.
    writer: Pool,
    reader: Pool,
    deleted: outbox::Deleted,
}

/// What tells other processes at once that the holder of a shard died.
#[derive(Clone)]
enum Locks {
    /// Advisory locks of the writing session.
    Sessions(Arc<Succession>),
    Files(Arc<LockFiles>),
}

impl Store {
    /// Opens the connections. Changes nothing in the database, except that a SQLite file is
    /// created.
    ///
    /// Has to be called on the runtime that is to run the statements; it must outlive those
    /// of the callers.
    ///
    /// # Errors
    /// [`Error::Url`], or [`Error::Unavailable`] when nothing answers within
    /// `connect_timeout`.
    pub async fn connect(options: Options) -> Result<Self, Error> {
        let deadline = options.commit_timeout;
        let ours = options.clone();
        let theirs = options.clone();
        let (locks, writer, reader) = match Backend::of(&options.url)? {
            Backend::Postgres => {
                let succession = Arc::new(Succession::default());
                let heirs = Arc::clone(&succession);
                let writer = move || postgres::writer(&ours, &heirs);
                let reader = move || postgres::reader(&theirs);
                (
                    Locks::Sessions(succession),
                    Pool::open("writer", writer, Recovery::Replace, deadline).await?,
                    Pool::open("reader", reader, Recovery::Replace, deadline).await?,
                )
            }
            Backend::Sqlite => {
                let file = sqlite::file_of(&options.url)?;
                let writer = move || sqlite::writer(&ours);
                let reader = move || sqlite::reader(&theirs);
                (
                    Locks::Files(Arc::new(LockFiles::beside(file))),
                    Pool::open("writer", writer, Recovery::Wait, deadline).await?,
                    Pool::open("reader", reader, Recovery::Wait, deadline).await?,
                )
            }
        };
        Ok(Self {
            inner: Arc::new(Inner {
                options,
                locks,
                writer,
                reader,
                deleted: outbox::Deleted::default(),
            }),
        })
    }

    pub fn backend(&self) -> Backend {
        self.inner.locks.backend()
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn ping(&self) -> Result<(), Error> {
        self.reader().run(|connection| async move { connection.ping().await }).await
    }

    fn writer(&self) -> &Pool {
        &self.inner.writer
    }

    fn reader(&self) -> &Pool {
        &self.inner.reader
    }

    /// For what writes but is no part of a round.
    fn sideline(&self) -> &Pool {
        match self.backend() {
            Backend::Postgres => &self.inner.reader,
            Backend::Sqlite => &self.inner.writer,
        }
    }

    /// Runs one reading statement.
    async fn rows(&self, sql: String, values: Vec<Value>) -> Result<Vec<QueryResult>, Error> {
        let statement = self.statement(sql, values);
        self.reader()
            .run(|connection| async move { connection.query_all_raw(statement).await })
            .await
    }

    fn statement(&self, sql: String, values: Vec<Value>) -> Statement {
        Statement::from_sql_and_values(self.backend().dialect(), sql, values)
    }

    /// The one value of a statement that always has one row.
    async fn count(&self, sql: String, values: Vec<Value>) -> Result<u64, Error> {
        let rows = self.rows(sql, values).await?;
        let count: i64 = match rows.first() {
            Some(row) => row.try_get_by_index(0)?,
            None => 0,
        };
        Ok(count.cast_unsigned())
    }

    /// Deletes rows of a table that nothing updates: those whose `age` lies before an
    /// instant, oldest first, at most `limit`. Returns how many they were.
    async fn prune(
        &self,
        table: &str,
        age: &str,
        before: DateTime<Utc>,
        limit: u64,
    ) -> Result<u64, Error> {
        let oldest = |row: &str| {
            format!("select {row} from {table} where {age} < $1 order by {age} limit $2")
        };
        let sql = match self.backend() {
            Backend::Postgres => {
                format!("delete from {table} where ctid = any(array({}))", oldest("ctid"))
            }
            Backend::Sqlite => {
                format!("delete from {table} where rowid in ({})", oldest("rowid"))
            }
        };
        let values = vec![keys::moment(self.backend(), before), keys::bound(limit)];
        let statement = self.statement(sql, values);
        let outcome = self
            .sideline()
            .run(|connection| async move { connection.execute_raw(statement).await })
            .await?;
        Ok(outcome.rows_affected())
    }

    /// For changing the schema.
    fn migrator_options(&self) -> ConnectOptions {
        match self.backend() {
            Backend::Postgres => postgres::migrator(&self.inner.options),
            Backend::Sqlite => sqlite::writer(&self.inner.options),
        }
    }
}

impl Locks {
    fn backend(&self) -> Backend {
        match self {
            Self::Sessions(_) => Backend::Postgres,
            Self::Files(_) => Backend::Sqlite,
        }
    }
}

impl Backend {
    /// The backend of a URL, by its scheme.
    ///
    /// # Errors
    /// [`Error::Url`] for any other scheme.
    pub fn of(url: &str) -> Result<Self, Error> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            Some("sqlite") => Ok(Self::Sqlite),
            _ => Err(Error::Url { detail: "neither postgres:// nor sqlite:".into() }),
        }
    }

    /// The function that has the greatest of its arguments.
    fn greatest(self) -> &'static str {
        match self {
            Self::Postgres => "greatest",
            Self::Sqlite => "max",
        }
    }

    fn dialect(self) -> DbBackend {
        match self {
            Self::Postgres => DbBackend::Postgres,
            Self::Sqlite => DbBackend::Sqlite,
        }
    }
}
