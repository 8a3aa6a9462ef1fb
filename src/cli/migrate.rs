//! `migrate`: the schema, up and down.

use super::ConfigArgs;
use super::exit::{Exit, Failure};
use super::look::{self, Database};
use crate::config::Config;
use crate::sidecar::ports::store_options;
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
    #[command(after_help = "Example:\n  menagerie migrate down --steps 1")]
    Down {
        #[command(flatten)]
        config: ConfigArgs,
        /// How many
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        steps: u32,
    },
    /// List the migrations and which of them the database has; changes nothing
    #[command(after_help = "Example:\n  menagerie migrate status --config config/menagerie.toml")]
    Status {
        #[command(flatten)]
        config: ConfigArgs,
    },
}

/// # Errors
/// A bad configuration, or a database that cannot be reached or changed.
pub fn run(verb: &Verb) -> anyhow::Result<Exit> {
    let (Verb::Up { config } | Verb::Down { config, .. } | Verb::Status { config }) = verb;
    let config = config.load()?.config;
    let migrations = super::serve::runtime()?.block_on(migrate(verb, &config)).map_err(failure)?;
    for migration in migrations {
        let state = if migration.applied { "applied" } else { "missing" };
        println!("{state}  {}", migration.name);
    }
    Ok(Exit::Done)
}

async fn migrate(verb: &Verb, config: &Config) -> Result<Vec<MigrationState>, Error> {
    let store = match verb {
        Verb::Status { .. } => match look::open(config).await? {
            Database::Open(store) => store,
            Database::Absent(_) => return Ok(all_missing()),
        },
        Verb::Up { .. } | Verb::Down { .. } => Store::connect(store_options(config)).await?,
    };
    match verb {
        Verb::Up { .. } => store.migrate_up().await?,
        Verb::Down { steps, .. } => store.migrate_down(*steps).await?,
        Verb::Status { .. } => {}
    }
    store.migrate_status().await
}

fn all_missing() -> Vec<MigrationState> {
    let missing = |name| MigrationState { name, applied: false };
    menagerie_migrations::names().into_iter().map(missing).collect()
}

fn failure(error: Error) -> anyhow::Error {
    let text = format!("database.url: {error}");
    match error {
        Error::Url { .. } => Failure::Usage(text).into(),
        error if error.is_retryable() => Failure::Unavailable(text).into(),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::cli::exit;

    fn status(url: &str) -> anyhow::Result<Exit> {
        let flags = vec![("database.url".to_owned(), url.to_owned())];
        run(&Verb::Status { config: ConfigArgs { config: None, flags } })
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
    fn an_address_that_cannot_be_used_ends_with_64() {
        let error = status("sqlite::memory:").unwrap_err();
        assert_eq!(exit::code_of_failure(&error), Exit::Usage);
        assert!(error.to_string().contains("database.url"), "{error}");
    }
}
