//! Connections to SQLite, and the lock files that tell who holds a shard.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sea_orm::ConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use super::Options;
use super::error::Error;

/// Options of the one connection that writes. Creates the file when it is missing.
pub(super) fn writer(options: &Options) -> ConnectOptions {
    let mut connect = base(options, false);
    connect.max_connections(1).min_connections(1);
    connect
}

/// Options of the connections that read beside it.
pub(super) fn reader(options: &Options) -> ConnectOptions {
    let mut connect = base(options, true);
    connect.max_connections(options.max_connections.max(1));
    connect
}

fn base(options: &Options, is_reader: bool) -> ConnectOptions {
    // Longer than a caller waits, as on PostgreSQL.
    let busy_timeout = 2 * options.commit_timeout;
    let mut connect = ConnectOptions::new(options.url.clone());
    connect
        .connect_timeout(options.connect_timeout)
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .test_before_acquire(false)
        .sqlx_logging(false);
    connect.map_sqlx_sqlite_opts(move |sqlite: SqliteConnectOptions| {
        let sqlite = sqlite
            .busy_timeout(busy_timeout)
            .synchronous(SqliteSynchronous::Full)
            .statement_cache_capacity(256);
        match is_reader {
            // The writer has created the file and switched it to WAL.
            true => sqlite.create_if_missing(false).pragma("query_only", "on"),
            false => sqlite.create_if_missing(true).journal_mode(SqliteJournalMode::Wal),
        }
    });
    connect
}

/// The database file of a URL.
///
/// # Errors
/// A database in memory: its connections would each see another one.
pub(super) fn file_of(url: &str) -> Result<PathBuf, Error> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|error| Error::Url { detail: error.to_string() })?;
    let is_in_memory = url.contains(":memory:") || url.contains("mode=memory");
    if is_in_memory {
        return Err(Error::Url { detail: "a database in memory is not supported".into() });
    }
    Ok(options.get_filename().to_owned())
}

/// One lock file for each shard held, beside the database file. The operating system lets
/// go of the lock when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct LockFiles {
    database: PathBuf,
    held: Mutex<BTreeMap<Arc<str>, File>>,
}

impl LockFiles {
    pub(super) fn beside(database: PathBuf) -> Self {
        Self { database, held: Mutex::default() }
    }

    /// Takes the lock of the shard unless this store has it; whether it has it then.
    pub(super) fn hold(&self, shard: &Arc<str>) -> io::Result<bool> {
        let mut held = self.held.lock();
        if held.contains_key(shard) {
            return Ok(true);
        }
        let path = lock_path(&self.database, shard);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {
                held.insert(Arc::clone(shard), file);
                Ok(true)
            }
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    pub(super) fn give_up(&self, shard: &str) {
        self.held.lock().remove(shard);
    }
}

/// `menagerie.db.shard-1.lock`; whatever is no letter, digit or hyphen in the shard's name
/// stands as its hexadecimal value.
fn lock_path(database: &Path, shard: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".");
    for byte in shard.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => {
                name.push(char::from(byte).to_string());
            }
            other => name.push(format!("_{other:02x}")),
        }
    }
    name.push(".lock");
    name.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_database_in_memory_is_refused() {
        assert!(matches!(file_of("sqlite::memory:"), Err(Error::Url { .. })));
        assert!(matches!(file_of("sqlite://x?mode=memory"), Err(Error::Url { .. })));
    }

    #[test]
    fn the_lock_stands_beside_the_database() {
        let file = file_of("sqlite:///var/lib/menagerie.db?mode=rwc").unwrap();
        assert_eq!(file, Path::new("/var/lib/menagerie.db"));
        let lock = lock_path(&file, "eu/1");
        assert_eq!(lock, Path::new("/var/lib/menagerie.db.eu_2f1.lock"));
    }
}
