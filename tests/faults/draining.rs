//! Processes that are asked to end.

use super::process::{Process, until};
use super::services::Service;
use super::stranger::Stranger;
use super::world::World;

const NUM_AWARDS: u32 = 1_500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_asked_to_end_under_load_drains_and_the_next_one_goes_on() {
    let Some(mut world) = World::new().await else { return };
    world.populate().await;
    world.award(NUM_AWARDS).await;
    let mut process = world.take_process();
    let ended = world
        .play_during(async {
            process.signal("-TERM");
            process.wait_for_end().await
        })
        .await;
    assert_eq!(ended.code(), Some(0));
    // What it had committed is published, and whoever comes next need not wait.
    assert_eq!(world.ground.count("select count(*) from outbox").await, 0);
    let free = "select count(*) from shards where holder is null and lease_until <= now()";
    assert_eq!(world.ground.count(free).await, 1);
    world.restart_with("").await;
    assert_eq!(world.differences().await, Vec::<String>::new());
    assert_eq!(world.differences_in_journeys().await, Vec::<String>::new());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_asked_to_end_while_it_restores_ends_and_the_next_one_goes_on() {
    let Some(mut world) = World::new().await else { return };
    world.populate().await;
    world.kill();
    let url = world.ground.get("MENAGERIE_DATABASE__URL");
    let stranger = Stranger::lock(url, "characters").await;
    let mut process = Process::start(&world.ground.env, "");
    let restoring = Some((503, "restoring\n".into()));
    until("the restoration", async || process.ask("/startupz").await == restoring).await;
    process.signal("-TERM");
    assert_eq!(process.wait_for_end().await.code(), Some(0));
    stranger.leave().await;
    world.restart_with("").await;
    world.award(NUM_AWARDS).await;
    assert_eq!(world.differences().await, Vec::<String>::new());
    world.close().await;
}

/// The drain cannot end by itself: its rounds wait for a database that does not answer, and
/// it may take longer than this test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_asked_twice_ends_at_once_and_the_next_one_goes_on() {
    let Some(mut world) = World::with(&[("MENAGERIE_SHUTDOWN__GRACE", "1h")]).await else { return };
    world.populate().await;
    world.award(NUM_AWARDS).await;
    let probes = world.probes();
    let mut process = world.take_process();
    let ended = world
        .play_during(async {
            let outage = Service::Postgres.pause().await;
            process.signal("-TERM");
            let draining = Some((503, "draining\n".into()));
            until("the drain", async || probes.ask("/readyz").await == draining).await;
            process.signal("-TERM");
            let ended = process.wait_for_end().await;
            outage.end().await;
            ended
        })
        .await;
    assert_eq!(ended.code(), Some(0));
    world.restart_with("").await;
    assert_eq!(world.differences().await, Vec::<String>::new());
    assert_eq!(world.differences_in_journeys().await, Vec::<String>::new());
    world.close().await;
}
