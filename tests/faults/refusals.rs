//! G4: what NATS refuses is sent again, and nothing that was decided later overtakes it.

use super::process::until;
use super::world::World;

/// Fewer than the attempts an event has, so that none becomes a dead letter.
const REFUSALS: &str = "refuse=character.offline:2";

/// What is heard of journeys of everybody, against what was decided.
async fn differences_with(faults: &str) -> Option<Vec<String>> {
    let mut world = World::new().await?;
    world.populate().await;
    world.restart_with(faults).await;
    world.roam();
    let differences = world.differences_in_journeys().await;
    world.close().await;
    Some(differences)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_was_refused_is_not_overtaken_by_later_ones() {
    let Some(differences) = differences_with(REFUSALS).await else { return };
    assert_eq!(differences, Vec::<String>::new());
}

/// The negative control: a later event does not wait for the retry of an earlier one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_order_of_retries_later_events_overtake() {
    let faults = format!("without=order,{REFUSALS}");
    let Some(differences) = differences_with(&faults).await else { return };
    assert!(!differences.is_empty());
}

/// Refused as often as it is tried, and once more when somebody retries it; its dead letter as well.
const PARKED: &str = "refuse=character.offline:4,refuse=character.dlq.character.offline:3";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_event_is_published_once_when_somebody_retries_it() {
    let Some(mut world) = World::new().await else { return };
    world.populate().await;
    world.restart_with(PARKED).await;
    world.send_one();
    let parked = "select count(*) from parked_events";
    until("a parked event", async || world.ground.count(parked).await == 1).await;
    world.await_all_heard().await;
    let probes = world.probes();

    let retry = "/admin/outbox/nats/retry";
    assert_eq!(probes.post(retry).await, (200, r#"{"retried":0,"parked":1}"#.to_owned()));
    // Nothing waits for it, so the process is as well as before.
    assert_eq!(probes.ask("/readyz").await.unwrap().0, 200);
    assert_eq!(world.num_heard("character.offline").await, 0);

    let published = probes.metric("menagerie_events_published_total").await;
    assert_eq!(probes.post(retry).await, (200, r#"{"retried":1,"parked":0}"#.to_owned()));
    assert_eq!(probes.metric("menagerie_events_published_total").await, published + 1.0);
    assert_eq!(world.ground.count(parked).await, 0);
    assert_eq!(world.num_heard("character.offline").await, 1);
    assert_eq!(probes.post(retry).await, (200, r#"{"retried":0,"parked":0}"#.to_owned()));
    world.close().await;
}
