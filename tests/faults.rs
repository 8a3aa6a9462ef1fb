//! Bad days: processes of the real binary, killed, doubled and broken under load between real
//! services, and the books compared afterwards. G1 to G4 have their negative controls:
//! the mechanism switched off makes the books differ.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "support/collector.rs"]
mod collector;

#[path = "faults/draining.rs"]
mod draining;
#[path = "faults/ears.rs"]
mod ears;
#[path = "faults/ground.rs"]
mod ground;
#[path = "faults/loading.rs"]
mod loading;
#[path = "faults/memory.rs"]
mod memory;
#[path = "faults/outages.rs"]
mod outages;
#[path = "support/ports.rs"]
mod ports;
#[path = "faults/process.rs"]
mod process;
#[path = "faults/refusals.rs"]
mod refusals;
#[path = "faults/requests.rs"]
mod requests;
#[path = "faults/retention.rs"]
mod retention;
#[path = "faults/services.rs"]
mod services;
#[path = "faults/starting.rs"]
mod starting;
#[path = "support/stranger.rs"]
mod stranger;
#[path = "faults/tracing.rs"]
mod tracing;
#[path = "support/wait.rs"]
mod wait;
#[path = "faults/world.rs"]
mod world;

use self::world::World;

/// Awards sent in each scenario.
const NUM_AWARDS: u32 = 1_500;

async fn balance_after_a_crash_at(point: &str) {
    let Some(mut world) = World::new().await else { return };
    world.populate().await;
    world.restart_with(&format!("{point}=abort:3")).await;
    world.award(NUM_AWARDS).await;
    assert!(!world.wait_for_end().await.success(), "the process ended at {point}");
    world.restart_with("").await;
    world.award(NUM_AWARDS).await;
    assert_eq!(world.differences().await, Vec::<String>::new(), "after a crash at {point}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_named_point_loses_and_doubles_nothing() {
    for point in [
        "before_commit",
        "after_commit",
        "before_publish",
        "after_publish",
        "after_ack",
        "after_delete",
    ] {
        balance_after_a_crash_at(point).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_killed_under_load_lose_and_double_nothing() {
    let Some(mut world) = World::new().await else { return };
    world.populate().await;
    for _ in 0..5 {
        world.award(NUM_AWARDS).await;
        world.kill();
        world.restart_with("").await;
    }
    assert_eq!(world.differences().await, Vec::<String>::new());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_lost_an_actor_ends_with_70_and_the_next_one_goes_on() {
    let Some(mut world) = World::new().await else { return };
    world.populate().await;
    world.restart_with("after_commit=panic:5").await;
    world.award(NUM_AWARDS).await;
    assert_eq!(world.wait_for_end().await.code(), Some(70));
    world.restart_with("").await;
    assert_eq!(world.differences().await, Vec::<String>::new());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_stands_by_and_takes_over_when_the_first_is_killed() {
    let Some(mut world) = World::new().await else { return };
    world.populate().await;
    let standby = world.start_standby().await;
    assert_eq!(standby.ask("/livez").await, Some((200, "ok\n".into())));
    assert_eq!(standby.ask("/readyz").await, Some((503, "standby\n".into())));
    world.award(NUM_AWARDS).await;
    world.replace_by(standby).await;
    world.award(NUM_AWARDS).await;
    assert_eq!(world.differences().await, Vec::<String>::new());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_wakes_up_after_a_takeover_commits_nothing_and_ends() {
    let Some(mut world) = World::new().await else { return };
    world.populate().await;
    let standby = world.start_standby().await;
    world.award(NUM_AWARDS).await;
    let mut zombie = world.pause_and_replace_by(standby).await;
    world.award(NUM_AWARDS).await;
    zombie.wake();
    world.award(NUM_AWARDS).await;
    assert_eq!(zombie.wait_for_end().await.code(), Some(70));
    // What its producer had taken before the pause may be sent again, under the same event id.
    assert_eq!(world.differences_in_effect().await, Vec::<String>::new());
    world.close().await;
}

/// The negative control of G1: the same, with the epoch left out of the commit's condition.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_fence_a_process_that_wakes_up_commits() {
    let Some(mut world) = World::new().await else { return };
    world.populate().await;
    world.restart_with("without=fence").await;
    let standby = world.start_standby().await;
    world.award(NUM_AWARDS).await;
    let zombie = world.pause_and_replace_by(standby).await;
    world.award(NUM_AWARDS).await;
    zombie.wake();
    world.award(NUM_AWARDS).await;
    assert!(world.comes_to_exceed("awards nobody ordered").await);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kafka_that_forgot_the_groups_offsets_repeats_nothing() {
    let Some(mut world) = World::new().await else { return };
    world.populate().await;
    world.award(NUM_AWARDS).await;
    assert_eq!(world.differences().await, Vec::<String>::new());
    world.kill();
    world.forget_group().await;
    world.restart_with("").await;
    world.award(NUM_AWARDS).await;
    assert_eq!(world.differences().await, Vec::<String>::new());
    world.close().await;
}

/// The negative control of G2: the same, with the offsets in SQL left unread.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_offsets_in_sql_the_books_differ() {
    let Some(mut world) = World::new().await else { return };
    world.populate().await;
    world.award(NUM_AWARDS).await;
    assert_eq!(world.differences().await, Vec::<String>::new());
    world.kill();
    world.forget_group().await;
    world.restart_with("without=offsets").await;
    assert!(world.comes_to_exceed("awards nobody ordered").await);
    world.close().await;
}

/// So is one that lost a commit: nobody awaits those.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kafka_that_forgot_the_groups_offsets_is_told_again() {
    let Some(mut world) = World::new().await else { return };
    world.populate().await;
    world.forget_group().await;
    world.await_all_read().await;
    world.forget_group().await;
    world.restart_with("").await;
    world.await_all_read().await;
    world.close().await;
}

/// A negative control of G3: what was acknowledged and not yet deleted is published again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_look_at_the_topics_end_the_books_differ() {
    let Some(mut world) = World::new().await else { return };
    world.populate().await;
    world.restart_with("after_ack=abort:3").await;
    world.award(NUM_AWARDS).await;
    world.wait_for_end().await;
    world.restart_with("without=topic_tail").await;
    assert!(world.comes_to_exceed("events seen twice").await);
    world.close().await;
}

/// A negative control of G3: what was committed and not yet published is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_outbox_rows_the_books_differ() {
    let Some(mut world) = World::new().await else { return };
    world.populate().await;
    world.restart_with("without=outbox,after_commit=abort:5").await;
    world.award(NUM_AWARDS).await;
    world.wait_for_end().await;
    world.restart_with("").await;
    world.await_all_read().await;
    assert_ne!(world.lost(), 0);
    world.close().await;
}
