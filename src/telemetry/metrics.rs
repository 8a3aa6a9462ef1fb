//! Every metric in one place. Names and labels are those of `spec/interface.md` section 5;
//! base units, no ids in labels.

use std::sync::LazyLock;

use prometheus::{
    Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::domain::Reason;

/// The metrics of this process.
pub static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// From 100 µs to 10 s: waits, steps, commits and latencies alike. By milliseconds where what is
/// paced spends its time.
const SECONDS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.003, 0.004, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0,
];
/// From 1 µs: what happens inside one process.
const SHORT_SECONDS: &[f64] = &[
    0.000001, 0.000005, 0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0,
    5.0,
];
const INPUTS: &[f64] = &[
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0,
    16384.0,
];

pub struct Metrics {
    registry: Registry,
    pub actors: Actors,
    pub mailbox: Mailbox,
    pub commands: Commands,
    pub movement: Movement,
    pub outbox: Outbox,
    pub round: Round,
    pub intake: Intake,
    pub world: World,
    pub trace: Trace,
    /// Dead letters written, by reason.
    pub dead_letters: IntCounterVec,
    /// Step of the drain that runs: 0 none, 1 intake, 2 mailboxes, 3 offsets, 4 outboxes,
    /// 5 lease, 6 done.
    pub drain_phase: IntGauge,
    /// How late the clock's work is.
    pub tick_lag_seconds: Gauge,
}

pub struct Actors {
    pub live: IntGaugeVec,
    pub spawned: IntCounter,
    pub stopped: IntCounterVec,
    pub restarted: IntCounter,
    pub passivated: IntCounterVec,
    pub activation_seconds: Histogram,
}

pub struct Mailbox {
    pub messages: IntGaugeVec,
    pub messages_max: IntGaugeVec,
    pub capacity: IntGaugeVec,
    pub rejected: IntCounterVec,
    pub wait_seconds: HistogramVec,
    pub message_duration_seconds: HistogramVec,
}

pub struct Commands {
    pub ended: IntCounterVec,
    pub rejected: IntCounterVec,
    pub latency_seconds: HistogramVec,
}

pub struct Movement {
    outcomes: IntCounterVec,
    pub applied: IntCounter,
    pub coalesced: IntCounter,
}

pub struct Outbox {
    pub published: IntCounterVec,
    pub latency_seconds: HistogramVec,
    pub pending: IntGaugeVec,
    pub oldest_age_seconds: GaugeVec,
    pub errors: IntCounterVec,
    pub parked: IntGaugeVec,
    /// Events found on the topic after a crash and not published again.
    pub already_published: IntCounter,
    /// Kafka producers that had lost their cluster.
    pub clients_replaced: IntCounter,
}

pub struct Round {
    pub inputs: Histogram,
    pub step_seconds: Histogram,
    pub commit_seconds: Histogram,
    pub fenced: IntCounter,
    pub retried: IntCounterVec,
}

pub struct Intake {
    pub lag: IntGaugeVec,
    pub paused: IntGaugeVec,
    pub in_flight: IntGauge,
    pub ignored: IntCounterVec,
    pub errors: IntCounter,
    /// Consumers that had lost their cluster.
    pub clients_replaced: IntCounter,
}

pub struct World {
    pub characters_online: IntGaugeVec,
    pub pets_spawned: IntGauge,
    pub pets_hungry: IntGauge,
}

pub struct Trace {
    /// Spans the collector never got, by why: `queue_full`, `export`, and `round` and `rate` for
    /// inputs beyond what is traced of a round and in a second.
    pub dropped: IntCounterVec,
}

impl Metrics {
    fn new() -> Self {
        let registry = Registry::new();
        let make = Make(&registry);
        let build = make.gauges("build_info", "Always 1; the labels say what runs", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let outcomes =
            make.counters("movement_total", "Movement records, by outcome", &["outcome"]);
        let this = Self {
            actors: Actors::new(&make),
            mailbox: Mailbox::new(&make),
            commands: Commands::new(&make),
            movement: Movement {
                applied: outcomes.with_label_values(&["applied"]),
                coalesced: outcomes.with_label_values(&["coalesced"]),
                outcomes,
            },
            outbox: Outbox::new(&make),
            round: Round::new(&make),
            intake: Intake::new(&make),
            world: World {
                characters_online: make.gauges(
                    "characters_online",
                    "Characters online",
                    &["world"],
                ),
                pets_spawned: make.gauge("pets_spawned", "Pets out, of characters in memory"),
                pets_hungry: make.gauge(
                    "pets_hungry",
                    "Pets out with fullness below 100, of characters in memory",
                ),
            },
            trace: Trace {
                dropped: make.counters(
                    "trace_spans_dropped_total",
                    "Spans that were sampled and not exported, by why",
                    &["reason"],
                ),
            },
            dead_letters: make.counters("dead_letters_total", "Dead letters written", &["reason"]),
            drain_phase: make.gauge("drain_phase", "Step of the drain that runs, 0 for none"),
            tick_lag_seconds: make
                .seconds_gauge("tick_lag_seconds", "How late the latest due hunger or expiry was"),
            registry: registry.clone(),
        };
        #[cfg(target_os = "linux")]
        registry
            .register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))
            .expect("process metrics are registered once");
        this
    }

    /// The exposition text, version 0.0.4.
    pub fn text(&self) -> String {
        super::mailbox::refresh();
        let mut out = Vec::new();
        TextEncoder::new()
            .encode(&self.registry.gather(), &mut out)
            .expect("writing to memory cannot fail");
        String::from_utf8(out).expect("the exposition text is UTF-8")
    }

    /// The same as OpenMetrics 1.0 text: counter families are named without `_total`, and
    /// the text ends with `# EOF`.
    pub fn open_metrics(&self) -> String {
        let mut out = String::new();
        for line in self.text().lines() {
            match line.strip_prefix("# ").map(|rest| rest.split(' ').collect::<Vec<_>>()) {
                Some(words) if words.len() > 1 => {
                    let family = words[1].strip_suffix("_total").unwrap_or(words[1]);
                    out.push_str(&format!("# {} {family} {}\n", words[0], words[2..].join(" ")));
                }
                _ => out.push_str(&format!("{line}\n")),
            }
        }
        out.push_str("# EOF\n");
        out
    }
}

impl Actors {
    fn new(make: &Make<'_>) -> Self {
        Self {
            live: make.gauges("actors", "Actors alive", &["actor"]),
            spawned: make.counter("actor_spawned_total", "Character actors started"),
            stopped: make.counters("actor_stopped_total", "Character actors ended", &["reason"]),
            restarted: make.counter("actor_restarted_total", "Actors rebuilt after a failure"),
            passivated: make.counters(
                "actor_passivated_total",
                "Character actors that left memory in good order",
                &["reason"],
            ),
            activation_seconds: make.histogram(
                "actor_activation_duration_seconds",
                "From a round's need of absent characters to their actors running",
                SECONDS,
            ),
        }
    }
}

impl Mailbox {
    fn new(make: &Make<'_>) -> Self {
        Self {
            messages: make.gauges(
                "actor_mailbox_messages",
                "Messages waiting, of all actors of the kind",
                &["actor"],
            ),
            messages_max: make.gauges(
                "actor_mailbox_messages_max",
                "Most messages waiting in one mailbox in the last half minute or more",
                &["actor"],
            ),
            capacity: make.gauges(
                "actor_mailbox_capacity",
                "Most that may wait in one mailbox",
                &["actor"],
            ),
            rejected: make.counters(
                "actor_mailbox_rejected_total",
                "Messages a full mailbox refused",
                &["actor", "reason"],
            ),
            wait_seconds: make.histograms(
                "actor_mailbox_wait_seconds",
                "From sent to handled",
                &["actor"],
                SHORT_SECONDS,
            ),
            message_duration_seconds: make.histograms(
                "actor_message_duration_seconds",
                "Time in the handler",
                &["actor", "message"],
                SHORT_SECONDS,
            ),
        }
    }
}

impl Commands {
    fn new(make: &Make<'_>) -> Self {
        Self {
            ended: make.counters(
                "commands_total",
                "Inputs by how they ended",
                &["command", "outcome"],
            ),
            rejected: make.counters(
                "commands_rejected_total",
                "Inputs the rules refused or ignored, by reason",
                &["command", "reason"],
            ),
            latency_seconds: make.histograms(
                "command_latency_seconds",
                "From the record's timestamp to committed",
                &["command"],
                SECONDS,
            ),
        }
    }
}

impl Movement {
    /// Movement that was ignored, for whatever reason.
    pub fn num_ignored(&self) -> u64 {
        use prometheus::core::Collector as _;
        let families = self.outcomes.collect();
        let counters = families.iter().flat_map(|family| family.get_metric());
        let num_ended: f64 = counters.map(|metric| metric.get_counter().get_value()).sum();
        (num_ended as u64).saturating_sub(self.applied.get() + self.coalesced.get())
    }

    /// The counter of movement that was ignored for `reason`.
    pub fn ignored(&self, reason: Reason) -> IntCounter {
        self.outcomes.with_label_values(&[reason.code()])
    }
}

impl Outbox {
    fn new(make: &Make<'_>) -> Self {
        Self {
            published: make.counters(
                "events_published_total",
                "Events acknowledged by the broker",
                &["sink", "type"],
            ),
            latency_seconds: make.histograms(
                "event_latency_seconds",
                "From decided to acknowledged",
                &["sink"],
                SECONDS,
            ),
            pending: make.gauges(
                "outbox_pending",
                "Events committed and not acknowledged",
                &["sink"],
            ),
            oldest_age_seconds: make.seconds_gauges(
                "outbox_oldest_age_seconds",
                "Age of the oldest event not acknowledged",
                &["sink"],
            ),
            errors: make.counters(
                "outbox_publish_errors_total",
                "Failed attempts to publish",
                &["sink", "error_type"],
            ),
            parked: make.gauges("outbox_parked", "Events set aside for a person", &["sink"]),
            already_published: make.counter(
                "outbox_already_published_total",
                "Events found on the topic after a crash and not published again",
            ),
            clients_replaced: make.counter(
                "outbox_clients_replaced_total",
                "Kafka producers given up because no broker was connected for long",
            ),
        }
    }
}

impl Round {
    fn new(make: &Make<'_>) -> Self {
        Self {
            inputs: make.histogram("round_inputs", "Inputs of a round", INPUTS),
            step_seconds: make.histogram(
                "round_step_seconds",
                "From a round's gathering to its last actor's answer",
                SECONDS,
            ),
            commit_seconds: make.histogram(
                "commit_duration_seconds",
                "Duration of the transaction",
                SECONDS,
            ),
            fenced: make
                .counter("commit_fenced_total", "Commits refused because the shard is another's"),
            retried: make.counters(
                "commit_retried_total",
                "Commits tried again, by what went wrong",
                &["cause"],
            ),
        }
    }
}

impl Intake {
    fn new(make: &Make<'_>) -> Self {
        let partition = &["topic", "partition"];
        Self {
            lag: make.gauges("intake_lag", "Records on the topic and not committed", partition),
            paused: make.gauges("intake_paused", "1 while the partition is paused", partition),
            in_flight: make.gauge("intake_in_flight", "Records read and not committed"),
            ignored: make.counters(
                "intake_ignored_total",
                "Records of types that are none of ours",
                &["topic"],
            ),
            errors: make.counter("intake_errors_total", "Errors the Kafka client reported"),
            clients_replaced: make.counter(
                "intake_clients_replaced_total",
                "Kafka consumers given up because no broker was connected for long",
            ),
        }
    }
}

/// Makes and registers; every name gets the prefix.
struct Make<'a>(&'a Registry);

impl Make<'_> {
    fn opts(name: &str, help: &str) -> Opts {
        Opts::new(format!("menagerie_{name}"), help)
    }

    fn register<M: prometheus::core::Collector + Clone + 'static>(
        &self,
        metric: prometheus::Result<M>,
    ) -> M {
        let metric = metric.expect("metric names are fixed and valid");
        self.0.register(Box::new(metric.clone())).expect("each metric is registered once");
        metric
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::with_opts(Self::opts(name, help)))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(Self::opts(name, help), labels))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::with_opts(Self::opts(name, help)))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(Self::opts(name, help), labels))
    }

    fn seconds_gauge(&self, name: &str, help: &str) -> Gauge {
        self.register(Gauge::with_opts(Self::opts(name, help)))
    }

    fn seconds_gauges(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.register(GaugeVec::new(Self::opts(name, help), labels))
    }

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let opts = HistogramOpts::from(Self::opts(name, help)).buckets(buckets.to_vec());
        self.register(Histogram::with_opts(opts))
    }

    fn histograms(&self, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
        let opts = HistogramOpts::from(Self::opts(name, help)).buckets(buckets.to_vec());
        self.register(HistogramVec::new(opts, labels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_names_counters_without_their_suffix() {
        METRICS.actors.restarted.inc();
        let text = METRICS.open_metrics();
        assert!(text.contains("# TYPE menagerie_actor_restarted counter"));
        assert!(text.contains("\nmenagerie_actor_restarted_total "));
        assert!(text.ends_with("# EOF\n"));
    }
}
