//! What a run of `load` found.

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use crate::sim::Books;
use crate::sim::books::Line;

/// Pets that are named when they differ.
const MAX_NAMED: usize = 5;
/// Digits of a number in the report that say anything.
const NUM_DIGITS: i32 = 6;
/// Bound of the first bucket of latencies.
const FIRST_BUCKET_MICROS: u64 = 125;

#[derive(Default, Serialize)]
pub(super) struct Report {
    /// `backlog`: written first, then worked off. `burst`: both at once. `paced`: open loop.
    /// `stay`: nothing was sent.
    pub mode: &'static str,
    /// What was asked for.
    pub plan: Plan,
    pub owners: u32,
    pub pets: usize,
    pub awards: u64,
    /// And despawns.
    pub spawns: u64,
    pub tricks: u64,
    pub steps: u64,
    /// From the start until the last event stood on the topic; paced: of sending.
    #[serde(serialize_with = "rounded")]
    pub seconds: f64,
    #[serde(serialize_with = "rounded")]
    pub records_per_second: f64,
    /// A consumer that reads the same records, on this machine right afterwards, and does
    /// nothing with them.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rounded_if_any")]
    pub bare_records_per_second: Option<f64>,
    /// From when an award was due to when its event was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<Latency>,
    /// Of what was sent only.
    pub books: Vec<Line>,
    /// What must not have been announced, and was.
    pub violations: Vec<Line>,
    /// Pets of which the API tells another state than the awards add up to.
    pub wrong_pets: Vec<String>,
    /// The service did not move for a minute while more was awaited, so that no time means anything.
    pub is_stalled: bool,
    pub is_balanced: bool,
}

/// The options that made the records: with them, and as many owners and pets, a run can be
/// repeated.
#[derive(Clone, Copy, Default, Serialize)]
pub(super) struct Plan {
    pub seed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backlog: Option<u64>,
    /// Records a second, for so many seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub for_seconds: Option<f64>,
    /// Shares of the records; the rest are awards.
    pub movement: f64,
    pub spawns: f64,
    pub tricks: f64,
    /// The exponent; absent, all pets alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zipf: Option<f64>,
}

/// Milliseconds of awards, at quantiles and by number.
#[derive(Serialize)]
pub(super) struct Latency {
    pub num_awards: u64,
    #[serde(serialize_with = "rounded")]
    pub mean: f64,
    #[serde(serialize_with = "rounded")]
    pub p50: f64,
    #[serde(serialize_with = "rounded")]
    pub p90: f64,
    #[serde(serialize_with = "rounded")]
    pub p99: f64,
    #[serde(serialize_with = "rounded")]
    pub p999: f64,
    #[serde(serialize_with = "rounded")]
    pub max: f64,
    /// Each bound in milliseconds, twice the one before, and how many were below it and not below
    /// that one.
    pub buckets: Vec<(f64, u64)>,
}

impl Report {
    pub(super) fn settle_books(&mut self, books: &Books, wrong_pets: Vec<String>) {
        let sent = |line: &Line| line.ordered > 0 || line.announced > 0;
        self.books = books.orders().into_iter().filter(sent).collect();
        self.violations = books.violations().into_iter().filter(sent).collect();
        self.is_balanced = !self.is_stalled
            && wrong_pets.is_empty()
            && self.violations.is_empty()
            && self.books.iter().all(Line::is_balanced);
        self.wrong_pets = wrong_pets;
    }

    pub(super) fn show(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out)?;
        let Self { mode, awards, spawns, tricks, steps, seconds, .. } = self;
        if awards + spawns + tricks + steps > 0 {
            write!(out, "{mode}: {awards} awards, ")?;
            if spawns + tricks > 0 {
                write!(out, "{spawns} spawns and despawns, {tricks} tricks, ")?;
            }
            let rate = self.records_per_second;
            writeln!(out, "{steps} steps in {seconds:.2} s: {rate:.0} records/s")?;
        }
        if let Some(bare) = self.bare_records_per_second {
            let ratio = self.records_per_second / bare;
            writeln!(out, "a consumer that only reads the same records: {bare:.0}/s")?;
            writeln!(out, "the service came to {ratio:.2} of that")?;
        }
        if let Some(Latency { p50, p90, p99, p999, max, .. }) = &self.latency_ms {
            writeln!(
                out,
                "from due to seen in ms: p50 {p50:.1}, p90 {p90:.1}, p99 {p99:.1}, p99.9 {p999:.1}, \
                 max {max:.1}"
            )?;
        }
        if !self.books.is_empty() {
            writeln!(out, "{:<28} {:>10} {:>10}", "the books", "ordered", "announced")?;
        }
        for Line { what, ordered, announced } in &self.books {
            let verdict = if ordered == announced { "" } else { "  <- differs" };
            writeln!(out, "{what:<28} {ordered:>10} {announced:>10}{verdict}")?;
        }
        for Line { what, announced, .. } in &self.violations {
            writeln!(out, "violation: {announced} {what}")?;
        }
        if self.is_stalled {
            writeln!(out, "The service did not move for a minute while more was awaited.")?;
        }
        let num_wrong = self.wrong_pets.len();
        writeln!(out, "{} pets looked up, {num_wrong} in another state than sent", self.pets)?;
        for pet in self.wrong_pets.iter().take(MAX_NAMED) {
            writeln!(out, "  {pet}")?;
        }
        let verdict = if self.is_balanced { "balance" } else { "do not balance" };
        writeln!(out, "The books {verdict}.")
    }
}

impl From<&Books> for Latency {
    fn from(books: &Books) -> Self {
        let latencies = books.latencies();
        let millis = |micros: u64| micros as f64 / 1_000.0;
        let at = |share| millis(latencies.value_at_quantile(share));
        let steps = latencies.iter_log(FIRST_BUCKET_MICROS, 2.0);
        let buckets = steps
            .map(|step| (millis(step.value_iterated_to() + 1), step.count_since_last_iteration()));
        Self {
            num_awards: latencies.len(),
            mean: latencies.mean() / 1_000.0,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: at(1.0),
            buckets: buckets.collect(),
        }
    }
}

fn rounded<S: Serializer>(number: &f64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(significant(*number))
}

fn rounded_if_any<S: Serializer>(number: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
    number.map(significant).serialize(to)
}

/// To [`NUM_DIGITS`] digits, wherever the point stands.
fn significant(number: f64) -> f64 {
    if number == 0.0 || !number.is_finite() {
        return number;
    }
    let digits_before_point = number.abs().log10().floor() as i32 + 1;
    let num_decimals = usize::try_from(NUM_DIGITS - digits_before_point).unwrap_or_default();
    // By way of text, which is what it becomes: no scaling leaves a tail of digits behind.
    format!("{number:.num_decimals$}").parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::{Duration, Instant};

    use uuid::Uuid;

    use super::*;
    use crate::domain::pet::Body;
    use crate::domain::{CharacterId, PetId, pet};

    #[test]
    fn numbers_have_six_digits() {
        for (number, expected) in [
            (0.0, 0.0),
            (0.123_456_789, 0.123_457),
            (12.345_678_9, 12.345_7),
            (1_234_567.89, 1_234_568.0),
        ] {
            assert_eq!(significant(number), expected);
        }
        let report = Report { seconds: 1.0 / 3.0, ..Report::default() };
        let text = serde_json::to_string(&report).unwrap();
        assert!(text.contains("\"seconds\":0.333333,"), "{text}");
    }

    #[test]
    fn latencies_stand_in_buckets_each_twice_the_one_before() {
        let mut books = Books::new();
        let now = Instant::now();
        for (number, millis) in (1..).zip([0, 1, 1, 100]) {
            let transaction = Uuid::from_u128(number);
            let order = pet::Order::AwardCloseness { amount: 1 };
            let award = pet::Command { transaction, actor: CharacterId(1), pet: PetId(1), order };
            let due = now.checked_sub(Duration::from_millis(millis)).unwrap();
            books.order(&award, due);
            let body = Body::ClosenessChanged { slot: 0, closeness: 1, amount: 1, transaction };
            books.announce(Uuid::nil(), &pet::Event { pet: PetId(1), owner: CharacterId(1), body });
        }
        let latency = Latency::from(&books);
        assert_eq!(latency.num_awards, 4);
        assert_eq!(latency.buckets.iter().map(|(_, num)| num).sum::<u64>(), 4);
        assert_eq!(latency.buckets[0].0, 0.125);
        assert!(latency.buckets.windows(2).all(|pair| pair[1].0 == 2.0 * pair[0].0));
        assert!(latency.buckets.last().unwrap().0 > 100.0 && latency.max >= 100.0);
    }

    #[test]
    fn a_service_that_stalled_does_not_balance_its_books() {
        for is_stalled in [false, true] {
            let mut report = Report { is_stalled, ..Report::default() };
            report.settle_books(&Books::of_all(), Vec::new());
            assert_eq!(report.is_balanced, !is_stalled);
            let mut shown = Vec::new();
            report.show(&mut shown).unwrap();
            assert_eq!(String::from_utf8(shown).unwrap().contains("did not move"), is_stalled);
        }
    }

    #[test]
    fn the_books_tell_of_nothing_that_was_not_sent() {
        let mut books = Books::new();
        let order = pet::Order::AwardCloseness { amount: 1 };
        let transaction = Uuid::from_u128(1);
        let award = pet::Command { transaction, actor: CharacterId(1), pet: PetId(1), order };
        books.order(&award, Instant::now());
        let mut report = Report::default();
        report.settle_books(&books, Vec::new());
        let mut shown = Vec::new();
        report.show(&mut shown).unwrap();
        let shown = String::from_utf8(shown).unwrap();
        assert!(shown.contains("closeness awards") && shown.contains("differs"), "{shown}");
        assert!(!shown.contains("feedings") && !shown.contains("tricks"), "{shown}");
        assert!(shown.ends_with("The books do not balance.\n"), "{shown}");
    }
}
