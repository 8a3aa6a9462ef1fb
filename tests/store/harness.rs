//! One fresh database for each test, and the same test on both backends.

use std::time::{Duration, Instant};

use menagerie::store::{Options, Store};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement,
};
use tempfile::TempDir;
use uuid::Uuid;

/// Makes a test for each backend out of each behaviour, an `async fn(&Fresh)` beside it.
macro_rules! on_both_backends {
    ($($behaviour:ident),+ $(,)?) => {
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                if let Some(fresh) = crate::store::harness::Fresh::postgres().await {
                    super::$behaviour(&fresh).await;
                    fresh.drop_database().await;
                }
            })+
        }

        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                super::$behaviour(&crate::store::harness::Fresh::sqlite().await).await;
            })+
        }
    };
}
pub(super) use on_both_backends;

/// Makes a test for PostgreSQL alone out of each behaviour.
macro_rules! on_postgres_only {
    ($($behaviour:ident),+ $(,)?) => {
        mod on_postgres_only {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                if let Some(fresh) = crate::store::harness::Fresh::postgres().await {
                    super::$behaviour(&fresh).await;
                    fresh.drop_database().await;
                }
            })+
        }
    };
}
pub(super) use on_postgres_only;

/// An empty database.
pub(super) struct Fresh {
    pub(super) url: String,
    /// The server and the name of the database on it.
    server: Option<(String, String)>,
    /// Removed with the test.
    _directory: Option<TempDir>,
}

impl Fresh {
    pub(super) async fn postgres() -> Option<Self> {
        if std::env::var("MENAGERIE_TEST_SERVICES").is_ok_and(|value| value == "off") {
            eprintln!("left out: MENAGERIE_TEST_SERVICES is off");
            return None;
        }
        let server = std::env::var("MENAGERIE_TEST_POSTGRES").expect(
            "MENAGERIE_TEST_POSTGRES names no server; run scripts/test, or set \
             MENAGERIE_TEST_SERVICES=off to leave the services out",
        );
        let name = format!("store_{}", Uuid::new_v4().simple());
        let admin = connect(&server).await;
        admin.execute_unprepared(&format!("create database {name}")).await.unwrap();
        admin.close().await.unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        let url = format!("{base}/{name}");
        Some(Self { url, server: Some((server, name)), _directory: None })
    }

    pub(super) async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("menagerie.db").display());
        Self { url, server: None, _directory: Some(directory) }
    }

    pub(super) fn is_postgres(&self) -> bool {
        self.server.is_some()
    }

    pub(super) async fn drop_database(self) {
        let (server, name) = self.server.unwrap();
        let admin = connect(&server).await;
        admin.execute_unprepared(&format!("drop database {name} with (force)")).await.unwrap();
    }

    /// A store on the current schema.
    pub(super) async fn store(&self) -> Store {
        let store = self.unmigrated().await;
        store.migrate_up().await.unwrap();
        store
    }

    /// A store on whatever schema there is.
    pub(super) async fn unmigrated(&self) -> Store {
        self.impatient(Duration::from_secs(20)).await
    }

    /// A store that gives a statement up after `patience`.
    pub(super) async fn impatient(&self, patience: Duration) -> Store {
        Store::connect(Options {
            url: self.url.clone(),
            max_connections: 3,
            connect_timeout: Duration::from_secs(10),
            commit_timeout: patience,
        })
        .await
        .unwrap()
    }

    /// Another program's connection.
    pub(super) async fn stranger(&self) -> DatabaseConnection {
        connect(&self.url).await
    }

    /// The sessions that hold the lock of a shard.
    pub(super) async fn lock_holders(&self) -> Vec<i32> {
        let sql = format!("select pid {ADVISORY_LOCKS} order by pid");
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let rows = self.stranger().await.query_all_raw(statement).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    /// Ends the writing session of every holder, as a crash of its process would.
    pub(super) async fn kill_lock_holders(&self) {
        let sql = format!("select pg_terminate_backend(pid, 5000) {ADVISORY_LOCKS}");
        self.stranger().await.execute_unprepared(&sql).await.unwrap();
    }
}

const ADVISORY_LOCKS: &str = "from pg_locks where locktype = 'advisory' and granted \
    and database = (select oid from pg_database where datname = current_database())";

async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await.unwrap()
}

/// Asks again until the answer is there.
pub(super) async fn eventually<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "it never came true");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
