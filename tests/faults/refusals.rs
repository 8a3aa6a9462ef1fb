//! G4: what NATS refuses is sent again, and nothing that was decided later overtakes it.

use super::world::World;

/// Fewer than the attempts an event has, so that none becomes a dead letter.
const REFUSALS: &str = "refuse=character.offline:2";

/// What is heard of journeys of everybody, against what was decided.
async fn differences_with(faults: &str) -> Option<Vec<String>> {
    let mut world = World::new().await?;
    world.populate().await;
    world.restart_with(faults).await;
    world.roam();
    world.await_all_read().await;
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
