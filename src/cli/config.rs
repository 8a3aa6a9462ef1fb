//! `menagerie config`: what is in force, and what could be.

use std::io::Write as _;

use clap::Subcommand;

use super::ConfigArgs;
use super::exit::Exit;
use super::out::Stdout;
use crate::config::Config;

#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  menagerie config print --config config/menagerie.toml")]
pub enum Verb {
    /// Print each key with its effective value and where that comes from; secrets are hidden
    #[command(
        after_help = "Example:\n  LOG_LEVEL=debug menagerie config print --set kafka.group=zoo"
    )]
    Print(ConfigArgs),
    /// Print the JSON Schema of the configuration file
    #[command(after_help = "Example:\n  menagerie config schema > menagerie.schema.json")]
    Schema,
}

/// # Errors
/// A bad configuration; stdout closed.
pub fn run(verb: Verb) -> anyhow::Result<Exit> {
    let text = match verb {
        Verb::Print(args) => args.load()?.print(),
        Verb::Schema => format!("{:#}\n", Config::schema().to_value()),
    };
    Stdout.write_all(text.as_bytes())?;
    Ok(Exit::Done)
}
