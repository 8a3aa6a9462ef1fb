//! Entering a committed round into the metrics and the log, counted together first: a
//! label look-up for each of 8,192 commands would cost more than stepping them.

use chrono::Utc;
use rustc_hash::FxHashMap;

use crate::domain::{Outcome, Reason};
use crate::engine::round::{Item, Origin, Round, UnroutedEnd};
use crate::telemetry::metrics::METRICS;

/// Rejections logged one by one in a round; the rest are one line with their number.
const MAX_LOGGED: usize = 8;

/// Counts every input of a committed round.
pub(super) fn enter(round: &Round) {
    let now_ms = Utc::now().timestamp_millis();
    let mut counts: FxHashMap<(&'static str, Outcome), u64> = FxHashMap::default();
    let mut latencies: Vec<(&'static str, prometheus::local::LocalHistogram)> = Vec::new();
    let mut num_rejected = 0;
    for stepped in &round.stepped {
        for step in &stepped.steps {
            let command = step.item.input.name();
            *counts.entry((command, step.outcome)).or_default() += 1;
            observe_latency(&mut latencies, command, &step.item, now_ms);
            if let Outcome::Rejected(reason) = step.outcome {
                num_rejected += 1;
                if num_rejected <= MAX_LOGGED {
                    log_rejection(&step.item, reason);
                }
            }
        }
    }
    for unrouted in &round.unrouted {
        match &unrouted.end {
            UnroutedEnd::UnknownPet => {
                let command = unrouted.item.input.name();
                *counts.entry((command, Outcome::Rejected(Reason::UnknownPet))).or_default() += 1;
                num_rejected += 1;
                if num_rejected <= MAX_LOGGED {
                    log_rejection(&unrouted.item, Reason::UnknownPet);
                }
            }
            UnroutedEnd::DeadLetter { reason, detail } => {
                METRICS.commands.ended.with_label_values(&["unknown", "dead_letter"]).inc();
                if let Origin::Record(origin) = &unrouted.item.origin {
                    let (topic, partition) = (&origin.source.topic, origin.source.partition);
                    let offset = origin.offset;
                    tracing::warn!(%topic, partition, offset, reason, "dead letter: {detail}");
                }
            }
        }
    }
    if num_rejected > MAX_LOGGED {
        tracing::info!(num_more = num_rejected - MAX_LOGGED, "more inputs rejected");
    }
    for ((command, outcome), count) in counts {
        let ended = METRICS.commands.ended.with_label_values(&[command, outcome_label(outcome)]);
        ended.inc_by(count);
        if let Outcome::Rejected(reason) | Outcome::Ignored(reason) = outcome {
            let rejected = METRICS.commands.rejected.with_label_values(&[command, reason.code()]);
            rejected.inc_by(count);
        }
    }
    for (_, latency) in latencies {
        latency.flush();
    }
}

fn observe_latency(
    latencies: &mut Vec<(&'static str, prometheus::local::LocalHistogram)>,
    command: &'static str,
    item: &Item,
    now_ms: i64,
) {
    let Origin::Record(origin) = &item.origin else { return };
    let seconds = (now_ms - origin.at.timestamp_millis()).max(0) as f64 / 1_000.0;
    // Names are static: the same name has the same address.
    match latencies.iter().find(|(known, _)| std::ptr::eq(*known, command)) {
        Some((_, latency)) => latency.observe(seconds),
        None => {
            let latency = METRICS.commands.latency_seconds.with_label_values(&[command]).local();
            latency.observe(seconds);
            latencies.push((command, latency));
        }
    }
}

fn outcome_label(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Applied => "applied",
        Outcome::Ignored(_) => "ignored",
        Outcome::Rejected(_) => "rejected",
        Outcome::DeadLetter(_) => "dead_letter",
    }
}

fn log_rejection(item: &Item, reason: Reason) {
    tracing::info!(
        command = item.input.name(),
        reason = reason.code(),
        tenant = item.cause.tenant.as_ref().map(|tenant| tenant.id.to_string()),
        target = ?item.target,
        "rejected"
    );
}
