//! `dead-letters`: records that could not be processed, looked at, tried again or forgotten.

mod letter;
mod selected;

use std::io::Write;

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;

use super::admin::{AdminArgs, Api, List, PageArgs};
use super::exit::Exit;
use super::out::Stdout;
use selected::{Act, SelectedArgs};

#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  menagerie dead-letters list --reason malformed")]
pub enum Verb {
    List(ListArgs),
    Show(ShowArgs),
    /// Process records again, from their original bytes, each once
    #[command(after_help = "Examples:
  menagerie dead-letters redeliver 42
  menagerie dead-letters redeliver --all --reason unknown_pet --yes

With --all the oldest goes first. It asks first, in a terminal; anywhere else it needs --yes, or
ends with 64 and changes nothing. With --json each line has the letter's id too.

Exits with 0 if all are applied, rejected or gone, with 70 if one failed again and stays.")]
    Redeliver(SelectedArgs),
    /// Forget records for good
    #[command(after_help = "Examples:
  menagerie dead-letters drop 42
  menagerie dead-letters drop --all --reason malformed --yes

With --all it asks first, in a terminal; anywhere else it needs --yes, or ends with 64 and changes
nothing.")]
    Drop(SelectedArgs),
}

/// List dead letters, the newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  menagerie dead-letters list --reason malformed --limit 200
  menagerie dead-letters list --all --json | jq -r .id")]
pub struct ListArgs {
    /// Those with this reason only, such as malformed
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    pages: PageArgs,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Show one dead letter with its original bytes
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  menagerie dead-letters show 42
  menagerie dead-letters show 42 --json | jq -r .value | base64 -d")]
pub struct ShowArgs {
    /// As the list has it
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    id: String,
    #[command(flatten)]
    admin: AdminArgs,
}

/// # Errors
/// Bad usage, a process that does not answer or refuses, or stdout closed.
pub fn run(verb: &Verb) -> anyhow::Result<Exit> {
    let api = verb.admin().api()?;
    super::serve::runtime()?.block_on(verb.ask(&api, &mut Stdout))
}

impl Verb {
    fn admin(&self) -> &AdminArgs {
        match self {
            Self::List(args) => &args.admin,
            Self::Show(args) => &args.admin,
            Self::Redeliver(args) | Self::Drop(args) => &args.admin,
        }
    }

    async fn ask(&self, api: &Api, out: &mut impl Write) -> anyhow::Result<Exit> {
        match self {
            Self::List(args) => args.list(api, out).await?,
            Self::Show(args) => args.show(api, out).await?,
            Self::Redeliver(args) => return args.run(Act::Redeliver, api, out).await,
            Self::Drop(args) => return args.run(Act::Drop, api, out).await,
        }
        Ok(Exit::Done)
    }
}

impl ListArgs {
    async fn list(&self, api: &Api, out: &mut impl Write) -> anyhow::Result<()> {
        let list = list(self.reason.as_deref(), &self.pages);
        match self.admin.json {
            true => list.print_json(api, out).await,
            false => list.print_table(api, out, letter::COLUMNS, letter::row).await,
        }
    }
}

fn list<'a>(reason: Option<&str>, pages: &'a PageArgs) -> List<'a> {
    let query = reason.map(|reason| ("reason", reason.to_owned())).into_iter().collect();
    List { path: "dead-letters", query, pages }
}

impl ShowArgs {
    async fn show(&self, api: &Api, out: &mut impl Write) -> anyhow::Result<()> {
        let answer = api.get(&["dead-letters", &self.id]).await?;
        match self.admin.json {
            true => writeln!(out, "{}", answer.trim_end())?,
            false => letter::show(&api.read(&answer)?, out)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
