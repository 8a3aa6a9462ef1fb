//! The families of metrics: as the code registers them, and as a text shows them.

use std::collections::{BTreeMap, BTreeSet};

use menagerie::telemetry::metrics::METRICS;
use prometheus::core::{Collector as _, MetricVec, MetricVecBuilder};

pub type Families = BTreeMap<String, Family>;

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Family {
    pub kind: String,
    pub help: String,
    /// Without `le`.
    pub labels: BTreeSet<String>,
    /// The values seen of each label.
    values: Values,
}

/// Those of another text may differ: they say nothing about whether two families are the same.
#[derive(Clone, Eq, Debug, Default)]
struct Values(BTreeMap<String, BTreeSet<String>>);

impl PartialEq for Values {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Family {
    /// The values of a label, if the code has a closed list of them.
    pub fn values(&self, label: &str) -> Option<&BTreeSet<String>> {
        self.values.0.get(label).filter(|values| !values.contains(""))
    }
}

/// Every family that the code registers. Those with labels are shown once they have a value, so
/// each gets one, with empty labels; families whose labels the code fills itself keep those.
pub fn registered() -> Families {
    let metrics = &*METRICS;
    let (actors, mailbox, commands) = (&metrics.actors, &metrics.mailbox, &metrics.commands);
    let (outbox, intake) = (&metrics.outbox, &metrics.intake);
    for kind in ["supervisor", "character", "committer", "kafka_outbox", "nats_outbox", "clockwork"]
    {
        actors.live.with_label_values(&[kind]);
        mailbox.capacity.with_label_values(&[kind]);
    }
    for sink in ["kafka", "nats"] {
        outbox.pending.with_label_values(&[sink]);
        outbox.oldest_age_seconds.with_label_values(&[sink]);
        outbox.parked.with_label_values(&[sink]);
    }
    touch(&actors.stopped);
    touch(&actors.passivated);
    touch(&mailbox.rejected);
    touch(&mailbox.message_duration_seconds);
    touch(&commands.ended);
    touch(&commands.rejected);
    touch(&commands.latency_seconds);
    touch(&outbox.published);
    touch(&outbox.latency_seconds);
    touch(&outbox.errors);
    touch(&metrics.round.retried);
    touch(&intake.lag);
    touch(&intake.paused);
    touch(&intake.ignored);
    touch(&metrics.world.characters_online);
    touch(&metrics.dead_letters);
    touch(&metrics.trace.dropped);
    parse(&metrics.text())
}

fn touch<T: MetricVecBuilder>(family: &MetricVec<T>) {
    let num_labels = family.desc()[0].variable_labels.len();
    family.with_label_values(&vec![""; num_labels]);
}

/// The names in `src/telemetry/metrics.rs`, so that none is overlooked above.
pub fn in_source() -> Vec<String> {
    const MAKERS: [&str; 8] = [
        "counter",
        "counters",
        "gauge",
        "gauges",
        "seconds_gauge",
        "seconds_gauges",
        "histogram",
        "histograms",
    ];
    let source = include_str!("../../src/telemetry/metrics.rs");
    let names: Vec<String> = source
        .match_indices('(')
        .filter_map(|(at, _)| {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let method = source[..at].rsplit(|c| !is_word(c)).next()?;
            let name = source[at + 1..].trim_start().strip_prefix('"')?.split('"').next()?;
            MAKERS.contains(&method).then(|| format!("menagerie_{name}"))
        })
        .collect();
    assert!(names.len() > 30, "the source is written otherwise: {names:?}");
    names
}

/// The families of an exposition text, version 0.0.4.
pub fn parse(text: &str) -> Families {
    let mut families = Families::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap_or((rest, ""));
            families.entry(name.to_owned()).or_default().help = help.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            families.entry(name.to_owned()).or_default().kind = kind.to_owned();
        } else {
            let (series, _) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let is_of_histogram = families.contains_key(family_of(name));
            let family = if is_of_histogram { family_of(name) } else { name };
            let family = families.get_mut(family).unwrap();
            for (label, value) in pairs(labels) {
                if label != "le" {
                    family.labels.insert(label.to_owned());
                    family.values.0.entry(label.to_owned()).or_default().insert(value.to_owned());
                }
            }
        }
    }
    families
}

/// The family of a series, were it one of a histogram.
pub fn family_of(series: &str) -> &str {
    ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|suffix| series.strip_suffix(suffix))
        .unwrap_or(series)
}

/// `a="1",b="2"}` in pairs. No value here has a quote in it.
fn pairs(labels: &str) -> impl Iterator<Item = (&str, &str)> {
    labels.trim_end_matches('}').split("\",").filter_map(|pair| {
        let (label, value) = pair.split_once("=\"")?;
        Some((label.trim_start_matches(','), value.trim_end_matches('"')))
    })
}
