//! `migrate`: the schema, up and down.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Instant;

use super::exit::{self, Exit, Failure};
use super::look::{self, Database};
use super::out::{self, Stdout};
use super::{ConfigArgs, agree};
use crate::config::Config;
use crate::sidecar::ports::store_options;
use crate::sidecar::reach::{self, Attempt};
use crate::store::{Error, MigrationState, Store};

#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  menagerie migrate status")]
pub enum Verb {
    /// Apply every migration that is missing
    #[command(after_help = "Example:\n  DATABASE_URL=postgres://… menagerie migrate up")]
    Up {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Take back the latest migrations; what their tables hold is lost
    #[command(after_help = "Example:
  menagerie migrate down --steps 1

In a terminal it asks first, and ends with 64 and changes nothing unless the answer is yes. A
script is not asked.")]
    Down {
        #[command(flatten)]
        config: ConfigArgs,
        /// How many
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        steps: u32,
        /// Do not ask, in a terminal either
        #[arg(long)]
        yes: bool,
    },
    /// List the migrations, each `applied` or `missing` in the database; changes nothing
    #[command(after_help = "Example:
  menagerie migrate status --config config/menagerie.toml")]
    Status {
        #[command(flatten)]
        config: ConfigArgs,
    },
}

/// # Errors
/// A bad configuration, a database that cannot be reached or changed, or data that somebody was
/// asked about and did not say may go.
pub fn run(verb: &Verb) -> anyhow::Result<Exit> {
    let (Verb::Up { config } | Verb::Down { config, .. } | Verb::Status { config }) = verb;
    let loaded = config.load()?;
    let config = &loaded.config;
    let runtime = super::serve::runtime()?;
    let migrations = match verb {
        Verb::Status { .. } => runtime.block_on(status(config)).map_err(failure),
        Verb::Up { .. } => runtime.block_on(up(config)).map_err(failure),
        Verb::Down { steps, yes, .. } => runtime.block_on(down(config, *steps, *yes)),
    };
    let migrations = migrations.map_err(|failure| exit::sourced(failure, &loaded))?;
    out::unless_closed(show(&migrations))?;
    Ok(Exit::Done)
}

fn show(migrations: &[MigrationState]) -> io::Result<()> {
    for migration in migrations {
        let state = if migration.applied { "applied" } else { "missing" };
        writeln!(Stdout, "{state}  {}", migration.name)?;
    }
    Ok(())
}

async fn status(config: &Config) -> Result<Vec<MigrationState>, Error> {
    reached(config).await?;
    match look::open(config).await? {
        Database::Open(store) => store.migrate_status().await,
        Database::Absent(_) => Ok(all_missing()),
    }
}

async fn up(config: &Config) -> Result<Vec<MigrationState>, Error> {
    reached(config).await?;
    let store = Store::connect(store_options(config)).await?;
    store.migrate_up().await?;
    store.migrate_status().await
}

/// Waits until `startup.timeout`, as `serve` does: who migrates may have started beside the
/// database.
async fn reached(config: &Config) -> Result<(), Error> {
    let deadline = Instant::now() + config.startup.timeout;
    let (url, patience) = (config.database.url.expose(), config.database.connect_timeout);
    let attempt = || async move { reach::database(url, patience).await.map_err(Attempt::Later) };
    // Whoever closed standard error does not care.
    let announce = |reason: &str| _ = writeln!(io::stderr(), "waiting for the database: {reason}");
    reach::insist(deadline, attempt, announce).await.map_err(|last| match last {
        Attempt::Later(detail) | Attempt::Never(_, detail) => Error::Unavailable { detail },
    })
}

async fn down(config: &Config, steps: u32, yes: bool) -> anyhow::Result<Vec<MigrationState>> {
    // Only looked at before it is agreed on: a file that is not there is not made to be emptied.
    let applied = status(config).await.map_err(failure)?;
    let doomed: Vec<&str> = applied
        .iter()
        .rev()
        .filter(|migration| migration.applied)
        .take(usize::try_from(steps).unwrap_or(usize::MAX))
        .map(|migration| migration.name.as_str())
        .collect();
    if doomed.is_empty() {
        return Ok(applied);
    }
    if !yes && io::stdin().is_terminal() {
        let database = config.database.url.redacted();
        let what = format!("{} of {database}, with all that their tables hold", doomed.join(", "));
        agree::to("take back", &what)?;
    }
    let store = Store::connect(store_options(config)).await.map_err(failure)?;
    store.migrate_down(steps).await.map_err(failure)?;
    store.migrate_status().await.map_err(failure)
}

fn all_missing() -> Vec<MigrationState> {
    let missing = |name| MigrationState { name, applied: false };
    menagerie_migrations::names().into_iter().map(missing).collect()
}

fn failure(error: Error) -> anyhow::Error {
    let text = format!("database.url: {}", reach::reason_of(&error));
    match error {
        Error::Url { .. } => Failure::Usage(text).into(),
        error if error.is_retryable() => Failure::Unavailable(text).into(),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;

    fn config(url: &str) -> ConfigArgs {
        ConfigArgs { config: None, flags: vec![("database.url".to_owned(), url.to_owned())] }
    }

    fn status(url: &str) -> anyhow::Result<Exit> {
        run(&Verb::Status { config: config(url) })
    }

    #[test]
    fn where_nothing_can_be_lost_nobody_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("zoo.db");
        let url = format!("sqlite:{}", file.display());
        let down = Verb::Down { config: config(&url), steps: 1, yes: false };
        assert_eq!(run(&down).unwrap(), Exit::Done);
        assert!(!file.exists());
    }

    #[test]
    fn the_status_of_a_file_that_is_not_there_does_not_create_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("zoo.db");
        assert_eq!(status(&format!("sqlite:{}", file.display())).unwrap(), Exit::Done);
        assert!(!file.exists());
        assert!(all_missing().iter().all(|migration| !migration.applied));
    }

    #[test]
    fn a_database_that_does_not_come_up_in_time_ends_with_69() {
        let mut config = config("postgres://zoo@127.0.0.1:1/zoo");
        config.flags.push(("startup.timeout".to_owned(), "300ms".to_owned()));
        let began = Instant::now();
        let error = run(&Verb::Status { config }).unwrap_err();
        assert_eq!(exit::code_of_failure(&error), Exit::Unavailable);
        assert!(began.elapsed() >= Duration::from_millis(300), "it was waited for");
    }

    #[test]
    fn an_address_that_cannot_be_used_ends_with_64() {
        let error = status("sqlite::memory:").unwrap_err();
        assert_eq!(exit::code_of_failure(&error), Exit::Usage);
        assert!(error.to_string().starts_with("`database.url` (--set): "), "{error}");
    }
}
