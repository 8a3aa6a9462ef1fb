//! What a run of `load` found.

use serde::Serialize;

use crate::sim::Books;
use crate::sim::books::Line;

/// Pets that are named when they differ.
const MAX_NAMED: usize = 5;

#[derive(Default, Serialize)]
pub(super) struct Report {
    /// `backlog`: written first, then worked off. `burst`: both at once. `paced`: open loop.
    pub mode: &'static str,
    pub owners: u32,
    pub pets: usize,
    pub awards: u64,
    pub steps: u64,
    /// From the start until the last event stood on the topic; paced: of sending.
    pub seconds: f64,
    pub records_per_second: f64,
    /// A consumer that reads the same records, on this machine right afterwards, and does
    /// nothing with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bare_records_per_second: Option<f64>,
    /// From when an award was due to when its event was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<Latency>,
    pub books: Vec<Line>,
    /// Pets of which the API tells another state than the awards add up to.
    pub wrong_pets: Vec<String>,
    pub is_balanced: bool,
}

/// Milliseconds at quantiles.
#[derive(Serialize)]
pub(super) struct Latency {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub max: f64,
}

impl Report {
    pub(super) fn settle_books(&mut self, books: &Books, wrong_pets: Vec<String>) {
        self.books = books.lines();
        self.is_balanced = wrong_pets.is_empty() && self.books.iter().all(Line::is_balanced);
        self.wrong_pets = wrong_pets;
    }

    pub(super) fn print(&self) {
        println!();
        if !self.mode.is_empty() {
            println!(
                "{}: {} awards and {} steps in {:.2} s: {:.0} records/s",
                self.mode, self.awards, self.steps, self.seconds, self.records_per_second
            );
        }
        if let Some(bare) = self.bare_records_per_second {
            let ratio = self.records_per_second / bare;
            println!("a bare consumer of the same records: {bare:.0}/s (ratio {ratio:.2})");
        }
        if let Some(Latency { p50, p90, p99, max }) = &self.latency_ms {
            println!(
                "from due to seen: p50 {p50:.1} ms, p90 {p90:.1} ms, p99 {p99:.1} ms, max {max:.1} ms"
            );
        }
        println!("{:<28} {:>10} {:>10}", "the books", "ordered", "announced");
        for Line { what, ordered, announced } in &self.books {
            let verdict = if ordered == announced { "" } else { "  <- differs" };
            println!("{what:<28} {ordered:>10} {announced:>10}{verdict}");
        }
        println!("{:<28} {:>10} {:>10}", "pets with another state", 0, self.wrong_pets.len());
        for pet in self.wrong_pets.iter().take(MAX_NAMED) {
            println!("  {pet}");
        }
        let verdict = if self.is_balanced { "balance" } else { "do not balance" };
        println!("The books {verdict}.");
    }
}
