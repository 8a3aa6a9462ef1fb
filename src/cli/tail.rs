//! `tail`: what is committed, as it happens.

mod line;
mod sse;

use std::convert::Infallible;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use reqwest::Response;
use uuid::Uuid;

use super::admin::{self, AdminArgs, Api};
use super::exit::Exit;
use super::out::{self, Stdout};
use super::table;
use crate::edge::embedded::subject::Filter;
use sse::{Message, Parser};

/// Show what is committed, as it happens
///
/// One line an event: when, what, whose, and the facts. From now on; what happened while nobody
/// listened is not shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  menagerie tail
  menagerie tail --subject 'pet.>' --character 12345
  menagerie tail --subject character.levelup --json | jq .event.new_level

When the process goes away, this connects again as soon as there is one, and says so on standard
error. Exits with 0 on Ctrl-C, with 69 if the process does not answer at the start, with 70 if it
refuses.")]
pub struct Args {
    /// Subjects to show; `*` is any one word, `>` all that follow
    #[arg(long, value_name = "PATTERN")]
    subject: Option<Filter>,
    /// Events of this character only: its number, as 12345 or n:12345, or its UUID
    #[arg(long, value_name = "ID", value_parser = character_id)]
    character: Option<String>,
    /// Events of this pet only
    #[arg(long, value_name = "ID")]
    pet: Option<u32>,
    /// Events of this tenant only
    #[arg(long, value_name = "UUID")]
    tenant: Option<Uuid>,
    #[command(flatten)]
    admin: AdminArgs,
}

/// How long a stream is waited for.
#[derive(Clone, Copy)]
struct Patience {
    first_retry: Duration,
    longest_retry: Duration,
    /// The API says something every 15 s.
    silence: Duration,
}

const PATIENCE: Patience = Patience {
    first_retry: Duration::from_millis(250),
    longest_retry: Duration::from_secs(10),
    silence: Duration::from_secs(50),
};

/// Runs until Ctrl-C, or until nobody reads.
///
/// # Errors
/// A process that does not answer at the start, or refuses.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let api = args.admin.api()?;
    super::serve::runtime()?.block_on(async {
        let (mut output, mut notes) = (Stdout, io::stderr());
        let mut tail = Tail {
            api: &api,
            query: args.query(),
            is_json: args.admin.json,
            patience: PATIENCE,
            retry: PATIENCE.first_retry,
            out: &mut output,
            notes: &mut notes,
        };
        tokio::select! {
            ended = tail.follow() => ended.map(|never| match never {}),
            interrupted = tokio::signal::ctrl_c() => Ok(interrupted.map(|()| Exit::Done)?),
            () = out::closed() => Ok(Exit::Done),
        }
    })
}

impl Args {
    fn query(&self) -> Vec<(&'static str, String)> {
        let subject = self.subject.as_ref().map(|filter| filter.as_str().to_owned());
        [
            ("subject", subject),
            ("character", self.character.clone()),
            ("pet", self.pet.map(|number| number.to_string())),
            ("tenant", self.tenant.map(|tenant| tenant.to_string())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

/// As the process is asked for it.
fn character_id(text: &str) -> Result<String, String> {
    let number = admin::number(text).map(|number| number.to_string());
    let id = number.or_else(|_| Uuid::try_parse(text).map(|uuid| uuid.to_string()));
    id.map_err(|_| "expected a number, such as 12345 or n:12345, or a UUID".to_owned())
}

struct Tail<'a, O, N> {
    api: &'a Api,
    query: Vec<(&'static str, String)>,
    is_json: bool,
    patience: Patience,
    /// The next wait before connecting again; longer each time, until something comes.
    retry: Duration,
    /// Events.
    out: &'a mut O,
    /// What happens to the stream itself.
    notes: &'a mut N,
}

impl<O: Write, N: Write> Tail<'_, O, N> {
    /// Prints one stream after another.
    async fn follow(&mut self) -> anyhow::Result<Infallible> {
        let mut stream = self.api.events(&self.query).await?;
        loop {
            let reason = self.print_all(&mut stream).await?;
            drop(stream);
            self.note(&format!("{}: {reason}; connecting again", self.api.base()));
            stream = self.connect_again().await?;
        }
    }

    /// Prints until the stream ends, and tells why it did.
    async fn print_all(&mut self, stream: &mut Response) -> io::Result<&'static str> {
        let mut parser = Parser::default();
        loop {
            let piece = match tokio::time::timeout(self.patience.silence, stream.chunk()).await {
                Ok(Ok(Some(piece))) => piece,
                Ok(Ok(None)) => return Ok("the stream has ended"),
                Ok(Err(_)) => return Ok("the stream is broken"),
                Err(_) => return Ok("the stream is silent"),
            };
            self.retry = self.patience.first_retry;
            for message in parser.feed(&piece) {
                self.print(&message)?;
            }
        }
    }

    fn print(&mut self, message: &Message) -> io::Result<()> {
        if self.is_json {
            // No line ends within JSON other than between its tokens.
            return writeln!(self.out, "{}", message.data.replace('\n', " "));
        }
        match line::missed(message) {
            Some(missed) => {
                self.note(&format!("{missed} events are missing: they are read too slowly"));
                Ok(())
            }
            None => writeln!(self.out, "{}", line::text(message)),
        }
    }

    /// Tries until the process answers.
    async fn connect_again(&mut self) -> anyhow::Result<Response> {
        let since = Instant::now();
        loop {
            tokio::time::sleep(self.retry).await;
            self.retry = (self.retry * 2).min(self.patience.longest_retry);
            match self.api.events(&self.query).await {
                Ok(stream) => {
                    let away = table::seconds(since.elapsed().as_secs_f64());
                    self.note(&format!(
                        "connected again; what happened in these {away} is not shown"
                    ));
                    return Ok(stream);
                }
                Err(error) if error.is_retryable() => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn note(&mut self, text: &str) {
        // Standard error may be closed; the events go on.
        let _ = writeln!(self.notes, "menagerie: {text}");
    }
}

#[cfg(test)]
mod tests;
