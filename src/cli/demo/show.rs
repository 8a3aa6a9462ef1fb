//! What the demo prints.

use std::net::SocketAddr;
use std::time::Duration;

use super::Seen;
use crate::sidecar::Outside;
use crate::sim::Books;
use crate::sim::players::{Players, Tally};

/// Where everything is.
pub(super) fn places(game: SocketAddr, admin: SocketAddr, outside: &Outside, notes: &[String]) {
    let topics = &outside.kafka.topics;
    let servers = &outside.kafka.bootstrap_servers;
    println!("Menagerie runs, with nothing but itself.");
    println!("  pets API   http://{game}/api/pets/1   (needs the tenant headers)");
    println!("  probes     http://{admin}/readyz?verbose");
    println!("  metrics    http://{admin}/metrics");
    println!("  Kafka      kcat -b {servers} -C -t {}", topics.pet_status);
    println!("             kcat -b {servers} -C -t {}", topics.pet_command);
    for note in notes {
        println!("  note       {note}");
    }
    println!();
}

/// One line a second.
pub(super) fn progress(elapsed: Duration, players: &Players, books: &Books) {
    println!(
        "{:>4}s  online {:>5}  pets out {:>5}  commands {:>8}  steps {:>8}  events {:>8}  \
         open {:>4}  p50 {:>6.1} ms  p99 {:>6.1} ms",
        elapsed.as_secs(),
        players.num_online(),
        players.num_pets_out(),
        players.tally.num_commands,
        players.tally.num_steps,
        books.num_events(),
        books.num_open(),
        millis(books.latency(0.5)),
        millis(books.latency(0.99)),
    );
}

/// The balance of the books. True if every line agrees.
pub(super) fn balance(books: &Books, tally: &Tally, seen: Seen, wrong: &[String]) -> bool {
    println!();
    println!("{:<28} {:>10} {:>10}", "the books", "ordered", "announced");
    let mut is_balanced = wrong.is_empty();
    let mut line = |what: &str, ordered: u64, announced: u64| {
        let verdict = if ordered == announced { "" } else { "  <- differs" };
        println!("{what:<28} {ordered:>10} {announced:>10}{verdict}");
        is_balanced &= ordered == announced;
    };
    for entry in books.lines() {
        line(entry.what, entry.ordered, entry.announced);
    }
    line("logins", tally.num_logins, seen.num_online);
    line("logouts", tally.num_logouts, seen.num_offline);
    line("travels", tally.num_travels, seen.num_moved);
    line("pets with another closeness", 0, wrong.len() as u64);
    for pet in wrong.iter().take(5) {
        println!("  {pet}");
    }
    println!();
    println!(
        "{} events; from sent to seen p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
        books.num_events(),
        millis(books.latency(0.5)),
        millis(books.latency(0.99)),
        millis(books.latency(1.0)),
    );
    println!("{}", if is_balanced { "The books balance." } else { "The books do not balance." });
    is_balanced
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
