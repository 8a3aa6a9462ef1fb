//! Connections, and the one way to use them: in a task that nobody cancels.
//!
//! A database future that is dropped half way can hand its connection, with a transaction
//! still open, to the next user. So every statement runs in a task of its own, and a caller
//! that gives up leaves the task to itself.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use sea_orm::{ConnectOptions, Database, DbErr};
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use super::connection::Connection;
use super::error::{Error, is_starved};

/// A connection pool that is replaced as a whole when it stops answering.
pub(super) struct Pool {
    name: &'static str,
    current: ArcSwap<Connection>,
    /// Held while a replacement is put in place.
    replacing: Mutex<()>,
    options: Box<dyn Fn() -> ConnectOptions + Send + Sync>,
    recovery: Recovery,
    /// How long a caller waits.
    deadline: Duration,
    /// Where the tasks run: the runtime the store was opened on, which outlives its callers'.
    runtime: Handle,
}

/// What becomes of a pool that does not answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Recovery {
    /// Fresh connections: the network may have swallowed the old ones.
    Replace,
    /// Nothing but patience: the connection is this process and its disk.
    Wait,
}

impl Pool {
    /// Opens the pool with one connection, to find out that it can. `options` is asked again
    /// for each replacement.
    pub(super) async fn open(
        name: &'static str,
        options: impl Fn() -> ConnectOptions + Send + Sync + 'static,
        recovery: Recovery,
        deadline: Duration,
    ) -> Result<Self, Error> {
        let first = Database::connect(options()).await?;
        Ok(Self {
            name,
            current: ArcSwap::from_pointee(Connection::new(first, Handle::current())),
            replacing: Mutex::default(),
            options: Box::new(options),
            recovery,
            deadline,
            runtime: Handle::current(),
        })
    }

    /// Runs statements in their own task and waits for it until the deadline.
    ///
    /// # Errors
    /// [`Error::Unavailable`] after the deadline: the task goes on and may still take effect.
    pub(super) async fn run<T, W, F>(&self, work: W) -> Result<T, Error>
    where
        T: Send + 'static,
        W: FnOnce(Arc<Connection>) -> F,
        F: Future<Output = Result<T, DbErr>> + Send + 'static,
    {
        let connection = self.current.load_full();
        let task = self.runtime.spawn(work(Arc::clone(&connection)));
        match tokio::time::timeout(self.deadline, task).await {
            Ok(Ok(Ok(answer))) => Ok(answer),
            Ok(Ok(Err(error))) => {
                if is_starved(&error) {
                    self.replace(&connection).await;
                }
                Err(error.into())
            }
            Ok(Err(join)) if join.is_panic() => std::panic::resume_unwind(join.into_panic()),
            Ok(Err(_)) => Err(Error::Unavailable { detail: "the runtime is shutting down".into() }),
            Err(_) => {
                self.replace(&connection).await;
                Err(Error::Unavailable {
                    detail: format!("no answer within {:?} ({})", self.deadline, self.name),
                })
            }
        }
    }

    /// Puts fresh connections in the place of `hung`, unless somebody did already.
    async fn replace(&self, hung: &Arc<Connection>) {
        let _turn = self.replacing.lock().await;
        if self.recovery == Recovery::Wait || !Arc::ptr_eq(&self.current.load(), hung) {
            return;
        }
        let mut options = (self.options)();
        options.connect_lazy(true);
        // Lazy: no connection is made here, so this neither waits nor fails.
        let Ok(fresh) = Database::connect(options).await else { return };
        self.current.store(Arc::new(Connection::new(fresh, self.runtime.clone())));
        tracing::warn!(pool = self.name, "connections replaced: the database did not answer");
        let hung = Arc::clone(hung);
        // Closed at once for everybody who waits in it; ends when its last statement does.
        self.runtime.spawn(async move { hung.close().await });
    }
}
