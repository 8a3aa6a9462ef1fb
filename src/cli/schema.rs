//! `menagerie schema`: what the brokers carry and what HTTP answers, as documents.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;

use super::exit::{Exit, Failure};
use super::out::Stdout;
use crate::edge::http::{error, openapi};
use crate::schema;

#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  menagerie schema events character.levelup")]
pub enum Verb {
    /// Print the JSON Schema of one message, or of all of them by name
    #[command(after_help = "Example:\n  menagerie schema events character.levelup")]
    Events {
        /// Such as character.levelup or pet.status
        name: Option<String>,
    },
    /// Print the AsyncAPI document of both brokers
    #[command(after_help = "Example:\n  menagerie schema asyncapi > asyncapi.json")]
    Asyncapi,
    /// Print the OpenAPI document of the game API
    #[command(after_help = "Example:\n  menagerie schema openapi > openapi.json")]
    Openapi,
    /// Print the page of all error codes, in Markdown
    #[command(after_help = "Example:\n  menagerie schema errors > docs/errors.md")]
    Errors,
    /// Write each schema, the AsyncAPI and the OpenAPI document to a file of its own
    #[command(after_help = "Example:\n  menagerie schema write docs/schemas")]
    Write {
        /// An existing directory
        directory: PathBuf,
    },
}

/// # Errors
/// A message that does not exist; a file that cannot be written; stdout closed.
pub fn run(verb: &Verb) -> anyhow::Result<Exit> {
    let text = match verb {
        Verb::Events { name: Some(name) } => one(name)?,
        Verb::Events { name: None } => schema::text(&schema::all()),
        Verb::Asyncapi => schema::text(&schema::asyncapi::document()),
        Verb::Openapi => schema::text(&openapi::document()),
        Verb::Errors => error::page(),
        Verb::Write { directory } => {
            for (name, text) in schema::files() {
                let path = directory.join(name);
                std::fs::write(&path, text)
                    .with_context(|| format!("cannot write {}", path.display()))?;
            }
            return Ok(Exit::Done);
        }
    };
    Stdout.write_all(text.as_bytes())?;
    Ok(Exit::Done)
}

fn one(name: &str) -> anyhow::Result<String> {
    let published = schema::published();
    match published.iter().find(|published| published.name == name) {
        Some(published) => Ok(published.text()),
        None => {
            let names: Vec<_> = published.iter().map(|published| published.name).collect();
            let text = format!("no message {name}: one of {}", names.join(", "));
            Err(Failure::Usage(text).into())
        }
    }
}
