//! A service that is away for a while, under load: killed hard and started again, or paused
//! for longer than anybody waits for an answer.

use super::process::until;
use super::services::{Outage, Service};
use super::world::World;

/// The pauses are longer than these, as each is waited for: an answer that does not come.
const IMPATIENT: [(&str, &str); 4] = [
    // Longer than the lease, which is then over as well.
    ("MENAGERIE_DATABASE__COMMIT_TIMEOUT", "1500ms"),
    ("MENAGERIE_DATABASE__CONNECT_TIMEOUT", "1s"),
    ("MENAGERIE_NATS__ACK_TIMEOUT", "1s"),
    ("MENAGERIE_KAFKA__PROPERTIES", "socket.timeout.ms=1500"),
];

async fn survives_without(service: Service, strike: impl AsyncFnOnce() -> Outage) {
    let (symptom, more) = service.symptom();
    survives_until(&[symptom], more, strike).await;
}

/// The outage lasts until each of these metrics has grown by so much.
async fn survives_until(symptoms: &[&str], more: f64, strike: impl AsyncFnOnce() -> Outage) {
    let Some(mut world) = World::with(&IMPATIENT).await else { return };
    world.populate().await;
    let probes = world.probes();
    let alive = Some((200, "ok\n".into()));
    world
        .play_during(async {
            let mut before = Vec::new();
            for symptom in symptoms {
                before.push(probes.metric(symptom).await);
            }
            let outage = strike().await;
            for (symptom, before) in symptoms.iter().zip(before) {
                until(symptom, async || probes.metric(symptom).await >= before + more).await;
            }
            assert_eq!(probes.ask("/livez").await, alive);
            outage.end().await;
        })
        .await;
    assert_eq!(world.differences().await, Vec::<String>::new());
    assert_eq!(world.differences_in_journeys().await, Vec::<String>::new());
    // The process that was there before: nobody starts another.
    assert_eq!(probes.ask("/livez").await, alive);
    // Ready again by itself. librdkafka tells once a second whether a broker is connected.
    until("ready", async || probes.ask("/readyz").await == alive).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kafka_killed_hard_costs_nothing() {
    survives_without(Service::Kafka, async || Service::Kafka.kill().await).await;
}

/// A client without a broker for long may be one that will never find it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kafka_that_is_away_for_long_is_met_with_new_clients() {
    const REPLACED: [&str; 2] =
        ["menagerie_intake_clients_replaced_total", "menagerie_outbox_clients_replaced_total"];
    survives_until(&REPLACED, 1.0, async || Service::Kafka.kill().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_killed_hard_costs_nothing() {
    survives_without(Service::Postgres, async || Service::Postgres.kill().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nats_killed_hard_costs_nothing() {
    survives_without(Service::Nats, async || Service::Nats.kill().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_kafka_costs_nothing() {
    survives_without(Service::Kafka, async || Service::Kafka.pause().await).await;
}

/// Nobody stands by, so the shard stays with its holder though the lease ran out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_database_costs_nothing_not_even_the_shard() {
    survives_without(Service::Postgres, async || Service::Postgres.pause().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_nats_costs_nothing() {
    survives_without(Service::Nats, async || Service::Nats.pause().await).await;
}
