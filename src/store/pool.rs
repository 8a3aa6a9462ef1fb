//! Connections, and the one way to use them: in a task that nobody cancels.
//!
//! A database future that is dropped half way can hand its connection, with a transaction
//! still open, to the next user. So every statement runs in a task of its own, and a caller
//! that gives up leaves the task to itself.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};
use tokio::runtime::Handle;

use super::error::{Error, is_starved};

/// A connection pool that is replaced as a whole when it stops answering.
pub(super) struct Pool {
    name: &'static str,
    current: ArcSwap<DatabaseConnection>,
    /// Opens a replacement, lazily; `None` where one could not answer either (SQLite: the
    /// connection is this process and its disk, and only one may write).
    replacement: Option<ConnectOptions>,
    /// How long a caller waits.
    deadline: Duration,
    /// Where the tasks run: the runtime the store was opened on, which outlives its callers'.
    runtime: Handle,
}

impl Pool {
    /// Opens the pool with one connection, to find out that it can.
    pub(super) async fn open(
        name: &'static str,
        options: ConnectOptions,
        is_replaceable: bool,
        deadline: Duration,
    ) -> Result<Self, Error> {
        let first = Database::connect(options.clone()).await?;
        let replacement = is_replaceable.then(|| {
            let mut options = options;
            options.connect_lazy(true);
            options
        });
        Ok(Self {
            name,
            current: ArcSwap::from_pointee(first),
            replacement,
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
        W: FnOnce(Arc<DatabaseConnection>) -> F,
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
    async fn replace(&self, hung: &Arc<DatabaseConnection>) {
        let Some(options) = &self.replacement else { return };
        // Lazy: no connection is made here, so this neither waits nor fails.
        let Ok(fresh) = Database::connect(options.clone()).await else { return };
        let previous = self.current.compare_and_swap(hung, Arc::new(fresh));
        if !Arc::ptr_eq(&previous, hung) {
            return;
        }
        tracing::warn!(pool = self.name, "connections replaced: the database did not answer");
        let hung = Arc::clone(hung);
        // Closed at once for everybody who waits in it; ends when its last statement does.
        self.runtime.spawn(async move { hung.close_by_ref().await });
    }
}
