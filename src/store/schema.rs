//! The schema's version.

use menagerie_migrations::sea_orm_migration::MigratorTrait as _;
use menagerie_migrations::{Migrator, names};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbErr};

use super::error::Error;
use super::{Backend, Store};

/// One migration and whether the database has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MigrationState {
    pub name: String,
    pub applied: bool,
}

/// The database's schema against the one this program was built for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SchemaState {
    Current,
    /// `migrate up` has to run first.
    Behind {
        missing: Vec<String>,
    },
    /// A newer program has changed the schema.
    Ahead {
        unknown: Vec<String>,
    },
}

impl Store {
    /// Applies every migration that is missing. Of two processes the second waits for the
    /// first.
    ///
    /// # Errors
    /// See [`Error`]; a migration that fails leaves nothing behind.
    pub async fn migrate_up(&self) -> Result<(), Error> {
        self.migrate(|connection| async move { Migrator::up(&connection, None).await }).await
    }

    /// Takes the last `steps` migrations back, with the data in their tables.
    ///
    /// # Errors
    /// As for [`migrate_up`](Self::migrate_up).
    pub async fn migrate_down(&self, steps: u32) -> Result<(), Error> {
        self.migrate(
            move |connection| async move { Migrator::down(&connection, Some(steps)).await },
        )
        .await
    }

    /// Every migration of this program, oldest first, and then those the database has beyond.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn migrate_status(&self) -> Result<Vec<MigrationState>, Error> {
        let applied = self.applied().await?;
        let known = names();
        let unknown: Vec<_> =
            applied.iter().filter(|name| !known.contains(name)).cloned().collect();
        let known =
            known.into_iter().map(|name| MigrationState { applied: applied.contains(&name), name });
        let unknown = unknown.into_iter().map(|name| MigrationState { name, applied: true });
        Ok(known.chain(unknown).collect())
    }

    /// Whether this program can work on the database's schema.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn schema(&self) -> Result<SchemaState, Error> {
        let applied = self.applied().await?;
        let known = names();
        let unknown: Vec<_> =
            applied.iter().filter(|name| !known.contains(name)).cloned().collect();
        let missing: Vec<_> = known.into_iter().filter(|name| !applied.contains(name)).collect();
        Ok(match (unknown.is_empty(), missing.is_empty()) {
            (false, _) => SchemaState::Ahead { unknown },
            (true, false) => SchemaState::Behind { missing },
            (true, true) => SchemaState::Current,
        })
    }

    /// Reads what is applied without making the table that says so.
    async fn applied(&self) -> Result<Vec<String>, Error> {
        let sql = match self.backend() {
            Backend::Postgres => {
                "select count(*) from pg_tables \
                where tablename = 'seaql_migrations' and schemaname = any(current_schemas(false))"
            }
            Backend::Sqlite => {
                "select count(*) from sqlite_master \
                where type = 'table' and name = 'seaql_migrations'"
            }
        };
        if self.count(sql.to_owned(), Vec::new()).await? == 0 {
            return Ok(Vec::new());
        }
        let sql = "select version from seaql_migrations order by version";
        let rows = self.rows(sql.to_owned(), Vec::new()).await?;
        rows.iter().map(|row| row.try_get_by_index(0).map_err(Error::from)).collect()
    }

    /// Runs migrations on a connection of their own, without the limits of the others.
    async fn migrate<W, F>(&self, work: W) -> Result<(), Error>
    where
        W: FnOnce(DatabaseConnection) -> F + Send + 'static,
        F: Future<Output = Result<(), DbErr>> + Send + 'static,
    {
        let options = self.migrator_options();
        let backend = self.backend();
        let task = tokio::spawn(async move {
            let connection = Database::connect(options).await?;
            if backend == Backend::Postgres {
                // The pool has one connection, so the lock is that of the session that
                // migrates; it ends with it.
                let lock = "select pg_advisory_lock(hashtext('menagerie.schema'))";
                connection.execute_unprepared(lock).await?;
            }
            let outcome = work(connection.clone()).await;
            connection.close().await?;
            outcome
        });
        match task.await {
            Ok(outcome) => Ok(outcome?),
            Err(join) if join.is_panic() => std::panic::resume_unwind(join.into_panic()),
            Err(_) => Err(Error::Unavailable { detail: "the runtime is shutting down".into() }),
        }
    }
}
