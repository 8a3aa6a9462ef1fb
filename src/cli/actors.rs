//! `actors`: the actors of a running process, from outside.

mod inside;
mod row;

use std::io::Write;

use clap::Subcommand;
use serde_json::{Value, json};

use super::admin::{AdminArgs, Api, List, PageArgs, character_key};
use super::exit::Exit;
use super::out::Stdout;
use crate::domain::CharacterKey;

#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  menagerie actors list --sort mailbox --limit 10")]
pub enum Verb {
    List(ListArgs),
    /// Show one character's actor: its state, its pets, its last messages
    #[command(after_help = "Example:
  menagerie actors inspect 083839c6-c47c-42a6-9585-76492795d123/12345")]
    Inspect(ActorArgs),
    /// Put an offline character's actor out of memory, once everything it did is committed
    #[command(after_help = "Example:
  menagerie actors passivate 083839c6-c47c-42a6-9585-76492795d123/12345")]
    Passivate(ActorArgs),
    Kick(KickArgs),
    /// Drop a character's actor and build it anew from what is stored
    #[command(after_help = "Example:
  menagerie actors restart 083839c6-c47c-42a6-9585-76492795d123/12345")]
    Restart(ActorArgs),
}

/// List actors
///
/// By tenant and number, behind the engine's own; with --sort the greatest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  menagerie actors list --sort mailbox --limit 10
  menagerie actors list --online --search 12345
  menagerie actors list --kind character --all --json")]
pub struct ListArgs {
    /// Actors of this kind only
    #[arg(long, value_parser = [
        "character", "supervisor", "committer", "kafka_outbox", "nats_outbox", "clockwork",
    ])]
    kind: Option<String>,
    /// Characters that are online
    #[arg(long)]
    online: bool,
    /// Characters that are in memory and offline
    #[arg(long, conflicts_with = "online")]
    offline: bool,
    /// By messages that wait, how long the oldest does, idle time, or messages a second
    #[arg(long, value_parser = ["mailbox", "wait", "idle", "rate"])]
    sort: Option<String>,
    /// A character's number, or a tenant
    #[arg(long, value_name = "Q")]
    search: Option<String>,
    #[command(flatten)]
    pages: PageArgs,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Which actor is meant.
#[derive(Debug, clap::Args)]
pub struct ActorArgs {
    /// The character, by its tenant and its number
    #[arg(value_name = "TENANT/NUMBER", value_parser = character_key)]
    actor: CharacterKey,
    #[command(flatten)]
    admin: AdminArgs,
}

/// End a character's session, then put its actor out of memory
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  menagerie actors kick 083839c6-c47c-42a6-9585-76492795d123/12345 --reason maintenance")]
pub struct KickArgs {
    #[command(flatten)]
    of: ActorArgs,
    /// Why, as character.offline and the audit log have it
    #[arg(long)]
    reason: Option<String>,
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
            Self::Inspect(args) | Self::Passivate(args) | Self::Restart(args) => &args.admin,
            Self::Kick(args) => &args.of.admin,
        }
    }

    async fn ask(&self, api: &Api, out: &mut impl Write) -> anyhow::Result<Exit> {
        match self {
            Self::List(args) => args.list(api, out).await?,
            Self::Inspect(args) => args.inspect(api, out).await?,
            Self::Passivate(args) => args.order(api, out, "passivate", "passivated", None).await?,
            Self::Restart(args) => args.order(api, out, "restart", "restarted", None).await?,
            Self::Kick(KickArgs { of, reason }) => {
                let body = match reason {
                    Some(reason) => json!({ "reason": reason }),
                    None => json!({}),
                };
                of.order(api, out, "kick", "kicked", Some(&body)).await?;
            }
        }
        Ok(Exit::Done)
    }
}

impl ListArgs {
    async fn list(&self, api: &Api, out: &mut impl Write) -> anyhow::Result<()> {
        let online = (self.online || self.offline).then_some(self.online);
        let query = [
            ("kind", self.kind.clone()),
            ("online", online.map(|online| online.to_string())),
            ("sort", self.sort.clone()),
            ("q", self.search.clone()),
        ];
        let query = query.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let list = List { path: "actors", query, pages: &self.pages };
        match self.admin.json {
            true => list.print_json(api, out).await,
            false => list.print_table(api, out, row::COLUMNS, row::row).await,
        }
    }
}

impl ActorArgs {
    async fn inspect(&self, api: &Api, out: &mut impl Write) -> anyhow::Result<()> {
        let CharacterKey { tenant, character } = self.actor;
        let answer = api.get(&["actors", &tenant.to_string(), &character.to_string()]).await?;
        match self.admin.json {
            true => writeln!(out, "{}", answer.trim_end())?,
            false => inside::show(&api.read(&answer)?, out)?,
        }
        Ok(())
    }

    /// The API answers with nothing, so that is what there is as JSON.
    async fn order(
        &self,
        api: &Api,
        out: &mut impl Write,
        order: &str,
        done: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<()> {
        let CharacterKey { tenant, character } = self.actor;
        api.post(&["actors", &tenant.to_string(), &character.to_string(), order], body).await?;
        if !self.admin.json {
            writeln!(out, "{done} {}", self.actor)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
