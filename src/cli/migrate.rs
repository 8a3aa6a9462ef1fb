//! `migrate`: the schema, up and down.

use super::ConfigArgs;
use super::exit::{Exit, Failure};
use crate::sidecar::ports::store_options;
use crate::store::{Error, Store};

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
        #[arg(long, default_value_t = 1)]
        steps: u32,
    },
    /// List the migrations and which of them the database has
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
    let options = store_options(&config.load()?.config);
    super::serve::runtime()?.block_on(async {
        let store = Store::connect(options).await.map_err(failure)?;
        match verb {
            Verb::Up { .. } => store.migrate_up().await.map_err(failure)?,
            Verb::Down { steps, .. } => store.migrate_down(*steps).await.map_err(failure)?,
            Verb::Status { .. } => {}
        }
        for migration in store.migrate_status().await.map_err(failure)? {
            let state = if migration.applied { "applied" } else { "missing" };
            println!("{state}  {}", migration.name);
        }
        Ok(Exit::Done)
    })
}

fn failure(error: Error) -> anyhow::Error {
    let text = format!("database.url: {error}");
    if error.is_retryable() { Failure::Unavailable(text).into() } else { error.into() }
}
