//! Series of metrics that are there before anything was counted in them: a rate needs the zero
//! before the first, and who looks for a name finds it in a process in which all went well.
//!
//! Those of partitions begin when a partition is assigned, those of mailboxes' capacity with the
//! shard.

use super::outbox::kind;
use crate::domain::Reason;
use crate::domain::character::StatusChange;
use crate::domain::pet::Order;
use crate::store::Sink;
use crate::telemetry::mailbox::{KINDS, Kind};
use crate::telemetry::metrics::METRICS;

const OUTCOMES: [&str; 4] = ["applied", "ignored", "rejected", "dead_letter"];

/// Once, before anybody scrapes.
pub fn begin() {
    actors();
    commands();
    outboxes();
    METRICS.world.characters_online.with_label_values(&["0"]);
    for reason in [
        "malformed",
        "missing_tenant",
        "oversize",
        "unknown_type",
        Reason::AmbiguousAsset.code(),
        "publish_refused",
    ] {
        METRICS.dead_letters.with_label_values(&[reason]);
    }
    for cause in ["unavailable", "refused", "read"] {
        METRICS.round.retried.with_label_values(&[cause]);
    }
    for reason in ["queue_full", "export", "round", "rate"] {
        METRICS.trace.dropped.with_label_values(&[reason]);
    }
}

fn actors() {
    let actors = &METRICS.actors;
    for kind in KINDS {
        actors.live.with_label_values(&[kind.name()]);
    }
    for reason in ["passivated", "panic", "rollback", "operator"] {
        actors.stopped.with_label_values(&[reason]);
    }
    for reason in ["idle", "crowded", "operator", "drain"] {
        actors.passivated.with_label_values(&[reason]);
    }
    METRICS.mailbox.rejected.with_label_values(&[Kind::Supervisor.name(), "full"]);
}

fn commands() {
    let commands = &METRICS.commands;
    for command in Order::NAMES.into_iter().chain(StatusChange::NAMES) {
        commands.latency_seconds.with_label_values(&[command]);
        for outcome in OUTCOMES {
            commands.ended.with_label_values(&[command, outcome]);
        }
    }
    for command in Order::NAMES {
        for reason in [Reason::NotOwner, Reason::UnknownPet] {
            commands.rejected.with_label_values(&[command, reason.code()]);
        }
    }
    for command in ["LOGOUT", "MAP_CHANGED", "CHANNEL_CHANGED"] {
        commands.rejected.with_label_values(&[command, Reason::NotOnline.code()]);
    }
    for reason in [Reason::UnknownPet, Reason::NotSpawned, Reason::NotOnline, Reason::OtherMap] {
        METRICS.movement.ignored(reason);
    }
}

fn outboxes() {
    let outbox = &METRICS.outbox;
    for (sink, types, errors) in [
        (Sink::Kafka, kind::PET, &["rejected", "unavailable"][..]),
        (Sink::Nats, kind::CHARACTER, &["disconnected", "refused", "ack_timeout"]),
    ] {
        let sink = sink.name();
        outbox.latency_seconds.with_label_values(&[sink]);
        outbox.pending.with_label_values(&[sink]);
        outbox.oldest_age_seconds.with_label_values(&[sink]);
        outbox.parked.with_label_values(&[sink]);
        for kind in types {
            outbox.published.with_label_values(&[sink, kind]);
        }
        for error in errors {
            outbox.errors.with_label_values(&[sink, error]);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_never_happened_is_zero_and_not_missing() {
        begin();
        let text = METRICS.text();
        for series in [
            "menagerie_actor_restarted_total",
            "menagerie_actor_passivated_total{reason=\"crowded\"}",
            "menagerie_commands_rejected_total{command=\"EXCLUDE\",reason=\"not_owner\"}",
            "menagerie_events_published_total{sink=\"nats\",type=\"character.levelup\"}",
            "menagerie_outbox_parked{sink=\"kafka\"}",
        ] {
            assert!(text.contains(&format!("\n{series} ")), "{series} is missing in:\n{text}");
        }
    }
}
