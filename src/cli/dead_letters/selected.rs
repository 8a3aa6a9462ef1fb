//! What is done to one dead letter, or to all with the same reason.

use std::io::Write;

use clap::builder::NonEmptyStringValueParser;
use serde::Deserialize;
use serde_json::json;

use super::letter::Id;
use super::list;
use crate::cli::admin::{AdminArgs, Api, Error, PageArgs};
use crate::cli::agree;
use crate::cli::exit::Exit;
use crate::cli::table::plain;

/// Of several that do the same at once, all but one are told this.
const GONE: &str = "unknown_dead_letter";

/// Which letters are meant.
#[derive(Debug, clap::Args)]
pub struct SelectedArgs {
    /// One letter, as the list has it
    #[arg(required_unless_present = "all", value_parser = NonEmptyStringValueParser::new())]
    id: Option<String>,
    /// Every letter with the reason that --reason names
    #[arg(long, conflicts_with = "id", requires = "reason")]
    all: bool,
    /// The reason, such as malformed
    #[arg(long, conflicts_with = "id", requires = "all", value_parser = NonEmptyStringValueParser::new())]
    reason: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    pub(super) admin: AdminArgs,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    Redeliver,
    Drop,
}

#[derive(Deserialize)]
struct Named {
    id: Id,
}

#[derive(Deserialize)]
struct Outcome {
    outcome: String,
    detail: Option<String>,
}

impl SelectedArgs {
    pub(super) async fn run(
        &self,
        act: Act,
        api: &Api,
        out: &mut impl Write,
    ) -> anyhow::Result<Exit> {
        match (&self.id, &self.reason) {
            (Some(id), _) => self.one(act, id, api, out).await,
            (None, reason) => self.all(act, reason.as_deref().unwrap_or_default(), api, out).await,
        }
    }

    async fn one(
        &self,
        act: Act,
        id: &str,
        api: &Api,
        out: &mut impl Write,
    ) -> anyhow::Result<Exit> {
        let answer = act.ask(id, api).await?;
        self.tell(act, id, &answer, api, out)
    }

    async fn all(
        &self,
        act: Act,
        reason: &str,
        api: &Api,
        out: &mut impl Write,
    ) -> anyhow::Result<Exit> {
        // All are named before the first is touched: what fails again would come back.
        let mut letters: Vec<Named> = list(Some(reason), &PageArgs::ALL).collect(api).await?;
        // The newest are listed first, and an actor wants its records in order.
        letters.reverse();
        if letters.is_empty() {
            return Ok(Exit::Done);
        }
        if !self.yes {
            let what = format!("{} dead letters with reason {reason}", letters.len());
            agree::to(act.name(), &what)?;
        }
        let mut exit = Exit::Done;
        for id in letters.into_iter().map(|Named { id }| id.to_string()) {
            let told = match act.ask(&id, api).await {
                Ok(answer) => self.tell(act, &id, &answer, api, out)?,
                Err(error) if error.has_code(GONE) => self.tell_gone(&id, out)?,
                Err(error) => return Err(error.into()),
            };
            if told != Exit::Done {
                exit = told;
            }
        }
        Ok(exit)
    }

    /// Says what came of it; a letter that stays is no success.
    fn tell(
        &self,
        act: Act,
        id: &str,
        answer: &str,
        api: &Api,
        out: &mut impl Write,
    ) -> anyhow::Result<Exit> {
        let Outcome { outcome, detail } = match act {
            Act::Drop if self.admin.json => return Ok(Exit::Done),
            Act::Drop => Outcome { outcome: "dropped".to_owned(), detail: None },
            Act::Redeliver => api.read(answer)?,
        };
        match &detail {
            _ if self.admin.json && self.all => {
                writeln!(out, "{}", json!({ "id": id, "outcome": outcome, "detail": detail }))?
            }
            _ if self.admin.json => writeln!(out, "{}", answer.trim_end())?,
            Some(detail) => writeln!(out, "{id}  {}: {}", plain(&outcome), plain(detail))?,
            None => writeln!(out, "{id}  {}", plain(&outcome))?,
        }
        Ok(if outcome == "dead_letter" { Exit::Internal } else { Exit::Done })
    }

    fn tell_gone(&self, id: &str, out: &mut impl Write) -> anyhow::Result<Exit> {
        match self.admin.json {
            true => writeln!(out, "{}", json!({ "id": id, "outcome": "gone", "detail": null }))?,
            false => writeln!(out, "{}  gone already", plain(id))?,
        }
        Ok(Exit::Done)
    }
}

impl Act {
    fn name(self) -> &'static str {
        match self {
            Self::Redeliver => "redeliver",
            Self::Drop => "drop",
        }
    }

    /// The API's answer; of a letter that was dropped, nothing.
    async fn ask(self, id: &str, api: &Api) -> Result<String, Error> {
        match self {
            Self::Redeliver => api.post(&["dead-letters", id, "redeliver"], None).await,
            Self::Drop => api.delete(&["dead-letters", id]).await.map(|()| String::new()),
        }
    }
}
