//! What the demo prints. Fits 80 columns, but for the lines that are there to be pasted.

use std::io::{self, IsTerminal as _, Write};
use std::net::SocketAddr;
use std::time::Duration;

use super::world::Balance;
use crate::domain::Tenant;
use crate::edge::kafka;
use crate::sim::Books;
use crate::sim::players::Players;
use crate::sim::shop::Bought;

/// Lines after which a terminal is shown the columns' names again.
const HEADER_EVERY: u32 = 20;
/// Pets that are named when they differ.
const MAX_NAMED: usize = 5;

const COLUMNS: &str = "
One line a second. online: characters; pets: out with them; commands, steps:
sent; events: read back from Kafka; NATS: character events; open: sent, but not
announced yet; p99: ms from sent to read back, of the last second and of all.
~ the newest event of the heroes, who live by requests over HTTP.
";

/// Where everything is, and whose it is.
pub(super) struct Places<'a> {
    pub(super) game: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) kafka: &'a kafka::Options,
    pub(super) tenant: &'a Tenant,
    /// A pet that belongs to nobody who plays.
    pub(super) yours: Bought,
    pub(super) notes: &'a [String],
}

/// # Errors
/// When it cannot be written.
pub(super) fn places(out: &mut impl Write, places: &Places<'_>) -> io::Result<()> {
    let Places { game, admin, kafka, tenant, yours, notes } = places;
    let (servers, topics) = (&kafka.bootstrap_servers, &kafka.topics);
    let Tenant { id, region, major, minor } = tenant;
    let Bought { pet, owner, template_id } = yours;
    let headers = format!(
        "-H 'TENANT_ID: {id}' -H 'REGION: {region}' \
         -H 'MAJOR_VERSION: {major}' -H 'MINOR_VERSION: {minor}'"
    );
    writeln!(out, "Menagerie runs, with nothing but itself.")?;
    writeln!(out, "  pets API   http://{game}/api/pets/{pet}")?;
    writeln!(out, "  characters http://{game}/api/v1/characters, described at http://{game}/docs")?;
    writeln!(out, "  console    http://{admin}/console")?;
    writeln!(out, "  probes     http://{admin}/readyz?verbose")?;
    writeln!(out, "  metrics    http://{admin}/metrics")?;
    writeln!(out, "  Kafka      {servers}")?;
    writeln!(out, "  tenant     {id} {region} {major}.{minor}")?;
    for note in *notes {
        writeln!(out, "  note       {note}")?;
    }
    writeln!(out)?;
    writeln!(out, "To paste elsewhere; pet {pet}, of character {owner}, is yours to play with:")?;
    writeln!(out, "curl -s http://{game}/api/pets/{pet} {headers}")?;
    writeln!(
        out,
        "curl -s http://{game}/api/pets {headers} -H 'Content-Type: application/json' \
         -d '{{\"data\":{{\"type\":\"pets\",\"attributes\":{{\"templateId\":{template_id},\
         \"ownerId\":{owner},\"name\":\"Kino\"}}}}}}'"
    )?;
    writeln!(out, "curl -s 'http://{game}/api/v1/characters?limit=3' {headers}")?;
    writeln!(out, "kcat -q -b {servers} -C -o beginning -t {}", topics.pet_status)?;
    writeln!(
        out,
        "echo '{{\"petId\":{pet},\"actorId\":{owner},\"type\":\"AWARD_CLOSENESS\",\
         \"body\":{{\"amount\":3}}}}' | kcat -b {servers} -P -t {}",
        topics.pet_command
    )?;
    writeln!(
        out,
        "The last one has no tenant headers: kcat cannot send versions of two bytes. What"
    )?;
    writeln!(out, "names no tenant belongs to the demo's, which is its tenancy.default.")?;
    writeln!(out)?;
    writeln!(out, "For whoever operates it; the second line makes a dead letter:")?;
    writeln!(out, "menagerie actors list --sort rate --admin http://{admin}")?;
    writeln!(out, "echo 'not JSON' | kcat -b {servers} -P -t {}", topics.pet_command)?;
    writeln!(out, "menagerie dead-letters list --admin http://{admin}")
}

/// One second of the demo.
pub(super) struct Moment {
    elapsed: Duration,
    num_online: usize,
    num_pets_out: usize,
    num_commands: u64,
    num_steps: u64,
    num_events: u64,
    num_heard: usize,
    num_open: u64,
    recent: Option<Duration>,
    all: Duration,
    /// The newest event of a hero.
    newest: Option<String>,
}

impl Moment {
    /// The latency of the last second is taken out of the books with it.
    pub(super) fn new(
        elapsed: Duration,
        players: &Players,
        books: &mut Books,
        num_heard: usize,
    ) -> Self {
        Self {
            elapsed,
            num_online: players.num_online(),
            num_pets_out: players.num_pets_out(),
            num_commands: players.tally.num_commands,
            num_steps: players.tally.num_steps,
            num_events: books.num_events(),
            num_heard,
            num_open: books.num_open(),
            recent: books.take_recent_latency(0.99),
            all: books.latency(0.99),
            newest: None,
        }
    }

    pub(super) fn with_newest(self, newest: Option<String>) -> Self {
        Self { newest, ..self }
    }
}

/// One line a second, and above the first what it says.
///
/// # Errors
/// When it cannot be written.
pub(super) fn progress(out: &mut impl Write, number: u32, moment: &Moment) -> io::Result<()> {
    if number == 0 {
        writeln!(out, "{COLUMNS}")?;
    }
    if number == 0 || (number.is_multiple_of(HEADER_EVERY) && io::stdout().is_terminal()) {
        writeln!(
            out,
            "{:>5} {:>6} {:>6} {:>9} {:>8} {:>8} {:>7} {:>5} {:>8} {:>8}",
            "time",
            "online",
            "pets",
            "commands",
            "steps",
            "events",
            "NATS",
            "open",
            "p99 (1s)",
            "p99"
        )?;
    }
    let recent = moment.recent.map_or_else(|| "-".to_owned(), millis);
    writeln!(
        out,
        "{:>4}s {:>6} {:>6} {:>9} {:>8} {:>8} {:>7} {:>5} {:>8} {:>8}",
        moment.elapsed.as_secs(),
        moment.num_online,
        moment.num_pets_out,
        moment.num_commands,
        moment.num_steps,
        moment.num_events,
        moment.num_heard,
        moment.num_open,
        recent,
        millis(moment.all),
    )?;
    match &moment.newest {
        Some(newest) => writeln!(out, "{:>6} {newest:.72}", "~"),
        None => Ok(()),
    }
}

/// The books at the end.
///
/// # Errors
/// When it cannot be written.
pub(super) fn balance(
    out: &mut impl Write,
    balance: &Balance,
    books: &Books,
    num_heard: usize,
) -> io::Result<()> {
    let Balance { orders, violations, steps, wrong_pets } = balance;
    writeln!(out)?;
    writeln!(out, "{:<28} {:>10} {:>10}", "the books", "ordered", "announced")?;
    for line in orders {
        let verdict = if line.is_balanced() { "" } else { "  <- differs" };
        writeln!(out, "{:<28} {:>10} {:>10}{verdict}", line.what, line.ordered, line.announced)?;
    }
    writeln!(
        out,
        "of the steps {} applied, {} coalesced, {} ignored",
        steps.num_applied, steps.num_coalesced, steps.num_ignored
    )?;
    if violations.is_empty() {
        writeln!(out, "violations: none")?;
    }
    for (what, count) in violations {
        writeln!(out, "violation: {count} {what}")?;
    }
    for pet in wrong_pets.iter().take(MAX_NAMED) {
        writeln!(out, "  {pet}")?;
    }
    writeln!(out)?;
    writeln!(out, "{} events on Kafka, {num_heard} on NATS", books.num_events())?;
    writeln!(
        out,
        "from sent to read back: p50 {} ms, p99 {} ms, max {} ms",
        millis(books.latency(0.5)),
        millis(books.latency(0.99)),
        millis(books.latency(1.0)),
    )?;
    let verdict = if balance.is_even() { "balance" } else { "do not balance" };
    writeln!(out, "The books {verdict}.")
}

fn millis(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::world::Steps;
    use super::*;
    use crate::sim::books::Line;

    const MANY: u64 = 9_999_999;

    fn shown(show: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        show(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn assert_fits_80_columns(text: &str) {
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn a_second_of_a_large_world_fits_80_columns_and_stands_below_its_header() {
        let moment = Moment {
            elapsed: Duration::from_secs(9_999),
            num_online: 10_000,
            num_pets_out: 30_000,
            num_commands: MANY,
            num_steps: MANY,
            num_events: MANY,
            num_heard: 999_999,
            num_open: 9_999,
            recent: Some(Duration::from_secs(120)),
            all: Duration::from_secs(120),
            newest: None,
        };
        let text = shown(|out| progress(out, 0, &moment));
        assert_fits_80_columns(&text);
        let [.., header, line] = &text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
        assert_eq!(header.split_whitespace().count(), 1 + line.split_whitespace().count());
        assert_eq!(header.len(), line.len());
        assert_eq!(shown(|out| progress(out, 1, &moment)).lines().count(), 1);
    }

    #[test]
    fn the_books_fit_80_columns_and_name_what_must_not_be_apart() {
        let mut books = Balance {
            orders: vec![Line { what: "closeness awards", ordered: MANY, announced: MANY - 1 }],
            violations: Vec::new(),
            steps: Steps { num_applied: MANY, num_coalesced: MANY, num_ignored: MANY },
            wrong_pets: Vec::new(),
        };
        let text = shown(|out| balance(out, &books, &Books::new(), 7));
        assert_fits_80_columns(&text);
        assert!(text.contains("differs") && text.contains("violations: none"), "{text}");
        books.violations.push(("events seen twice", 2));
        let text = shown(|out| balance(out, &books, &Books::new(), 7));
        assert!(text.contains("violation: 2 events seen twice"), "{text}");
        assert!(text.ends_with("The books do not balance.\n"), "{text}");
    }
}
