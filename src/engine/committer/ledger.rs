//! Entering a committed round into the metrics and the log, counted together first: a
//! label look-up for each of 8,192 commands would cost more than stepping them.

use chrono::Utc;
use rustc_hash::FxHashMap;

use crate::domain::{CharacterKey, Outcome, Reason, TenantId};
use crate::engine::record::Target;
use crate::engine::round::{Ended, Item, Named, Origin, Round, UnroutedEnd};
use crate::telemetry::metrics::METRICS;

/// Rejections of a round that are logged one by one; the rest are one line for each command,
/// reason and tenant, with their number: what comes after a round waits for its log.
const MAX_LOGGED: u64 = 1_000;
/// Where rejections are logged, so that [`repeats`](crate::telemetry::logging) leaves none out
/// and an operator can silence them.
const LOG: &str = "menagerie::rejected";

/// Counts every input of a committed round.
pub(super) fn enter(round: &Round) {
    let now_ms = Utc::now().timestamp_millis();
    let mut counts: FxHashMap<(&'static str, Outcome), u64> = FxHashMap::default();
    let mut latencies: Vec<(&'static str, prometheus::local::LocalHistogram)> = Vec::new();
    let mut rejections = Rejections::default();
    for stepped in &round.stepped {
        if stepped.num_unknown_templates > 0 {
            let unknown =
                METRICS.commands.rejected.with_label_values(&["TICK", "unknown_template"]);
            unknown.inc_by(u64::from(stepped.num_unknown_templates));
        }
        for (item, Ended { outcome, .. }) in stepped.steps() {
            let command = item.input.name();
            *counts.entry((command, *outcome)).or_default() += 1;
            observe_latency(&mut latencies, command, item, now_ms);
            if let Outcome::Rejected(reason) = *outcome {
                rejections.note(item, Some(stepped.key), reason);
            }
        }
    }
    for unrouted in &round.unrouted {
        match &unrouted.end {
            UnroutedEnd::Unknown(reason) => {
                let command = unrouted.item.input.name();
                *counts.entry((command, Outcome::Rejected(*reason))).or_default() += 1;
                rejections.note(&unrouted.item, None, *reason);
            }
            UnroutedEnd::Answered(_) => {
                let command = unrouted.item.input.name();
                METRICS.commands.ended.with_label_values(&[command, "repeated"]).inc();
            }
            UnroutedEnd::DeadLetter { reason, detail } => {
                let command = match unrouted.item.target {
                    Target::Nobody => "unknown",
                    _ => unrouted.item.input.name(),
                };
                METRICS.commands.ended.with_label_values(&[command, "dead_letter"]).inc();
                if let Origin::Record(origin) = &unrouted.item.origin {
                    let (topic, partition) = (&origin.source.topic, origin.source.partition);
                    let offset = origin.offset;
                    let Named { tenant, character, trace_id } = unrouted.item.named(None);
                    tracing::warn!(
                        tenant,
                        character,
                        trace_id,
                        %topic,
                        partition,
                        offset,
                        reason,
                        "dead letter: {detail}"
                    );
                }
            }
        }
    }
    rejections.log_rest();
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

/// What a round rejected.
#[derive(Default)]
struct Rejections {
    num_logged: u64,
    rest: FxHashMap<(&'static str, Reason, Option<TenantId>), u64>,
}

impl Rejections {
    fn note(&mut self, item: &Item, key: Option<CharacterKey>, reason: Reason) {
        let command = item.input.name();
        let tenant = item.cause.tenant.as_ref().map(|tenant| tenant.id);
        if self.num_logged == MAX_LOGGED {
            *self.rest.entry((command, reason, tenant)).or_default() += 1;
            return;
        }
        self.num_logged += 1;
        let Named { tenant, character, trace_id } = item.named(key);
        let pet = match item.target {
            Target::Pet(key) => Some(key.pet.0),
            _ => None,
        };
        let reason = reason.code();
        tracing::info!(
            target: LOG,
            tenant, character, trace_id, command, reason, pet, "rejected"
        );
    }

    fn log_rest(self) {
        for ((command, reason, tenant), num_more) in self.rest {
            let (reason, tenant) = (reason.code(), tenant.map(|tenant| tenant.to_string()));
            tracing::info!(target: LOG, command, reason, tenant, num_more, "rejected");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::domain::{CharacterId, Input, Tenant};
    use crate::engine::record::Cause;
    use crate::telemetry::logging::tests::Lines;
    use crate::wire::trace::TraceParent;

    #[test]
    fn a_rejection_names_the_character_and_its_trace() {
        let id = TenantId(Uuid::from_u128(7));
        let tenant = Tenant { id, region: "GMS".into(), major: 83, minor: 1 };
        let trace = TraceParent { trace_id: [0xab; 16], span_id: [1; 8], flags: 0 };
        let cause = Cause { trace: Some(trace), ..Cause::of(Arc::new(tenant)) };
        let key = CharacterKey { tenant: id, character: CharacterId(12_345) };
        let item = Item {
            origin: Origin::Clock,
            target: Target::Owner(key),
            input: Input::Tick,
            cause: Arc::new(cause),
            index: 0,
            is_suspect: false,
        };
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt().json().flatten_event(true);
        let log = log.with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(log, || {
            Rejections::default().note(&item, None, Reason::UnknownPet);
        });
        let line: Value = serde_json::from_slice(&lines.0.lock()).unwrap();
        assert_eq!(line["message"], "rejected");
        assert_eq!(line["tenant"], json!(id.0));
        assert_eq!(line["character"], 12_345);
        assert_eq!(line["trace_id"], "ab".repeat(16));
    }
}
