//! Topics that no longer have what was to be read next.

use menagerie::sim::Topics;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::{Offset, TopicPartitionList};

use super::process::until;
use super::world::World;

const NUM_AWARDS: u32 = 60;

fn admin(world: &World) -> AdminClient<DefaultClientContext> {
    world.options.reader().create().unwrap()
}

/// Takes all that stands on the commands' topic, as retention does.
async fn empty_commands(world: &World) {
    let topic = world.options.topics.pet_command.as_str();
    let topics = Topics::new(&world.options).unwrap();
    let ends = tokio::task::block_in_place(|| topics.ends(&[topic])).unwrap();
    let mut list = TopicPartitionList::new();
    for ((topic, partition), end) in &ends {
        list.add_partition_offset(topic, *partition, Offset::Offset(*end)).unwrap();
    }
    let emptied = admin(world).delete_records(&list, &AdminOptions::new()).await.unwrap();
    for element in emptied.elements() {
        element.error().unwrap();
    }
}

/// Deletes the commands' topic and makes another of the same name.
async fn make_commands_anew(world: &World) {
    let topic = world.options.topics.pet_command.as_str();
    for deleted in admin(world).delete_topics(&[topic], &AdminOptions::new()).await.unwrap() {
        deleted.unwrap();
    }
    let anew = NewTopic::new(topic, 3, TopicReplication::Fixed(1));
    until("the topic made anew", async || {
        let created = admin(world).create_topics([&anew], &AdminOptions::new()).await.unwrap();
        created.into_iter().all(|topic| topic.is_ok())
    })
    .await;
}

/// Waits until the process has found that nothing of the new topic was read. Until then, as many
/// records as were read of a partition of the old one would hide that it is new.
async fn await_new_beginning(world: &World) {
    let begun = "select coalesce(sum(next_offset), 0)::bigint from sources where topic like '%PET'";
    until("the new beginning in SQL", async || world.ground.count(begun).await == 0).await;
}

/// A world of which everything sent was read and has had its effect.
async fn settled() -> Option<World> {
    let mut world = World::new().await?;
    world.populate().await;
    world.award(NUM_AWARDS).await;
    assert_eq!(world.differences().await, Vec::<String>::new());
    world.await_all_read().await;
    Some(world)
}

fn assert_it_is_logged(world: &mut World) {
    let log = world.process().log();
    assert!(log.contains("offset is out of the topic's range"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_made_anew_is_read_from_its_beginning() {
    let Some(mut world) = settled().await else { return };
    world.kill();
    make_commands_anew(&world).await;
    world.restart_with("").await;
    await_new_beginning(&world).await;
    world.award(NUM_AWARDS).await;
    assert_eq!(world.differences().await, Vec::<String>::new());
    assert_it_is_logged(&mut world);
    world.close().await;
}

/// Nothing stands in the new topic yet when it is found: the next process begins with it as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_made_anew_is_read_from_its_beginning_by_the_next_process_too() {
    let Some(mut world) = settled().await else { return };
    world.kill();
    make_commands_anew(&world).await;
    world.restart_with("").await;
    await_new_beginning(&world).await;
    world.kill();
    // Beyond what stood in the old one.
    world.award(4 * NUM_AWARDS).await;
    world.restart_with("").await;
    assert_eq!(world.differences().await, Vec::<String>::new());
    world.close().await;
}

/// What is lost is what retention took, and no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_lost_its_beginning_is_read_on_where_it_begins() {
    let Some(mut world) = settled().await else { return };
    world.kill();
    world.award(NUM_AWARDS).await;
    world.flush();
    empty_commands(&world).await;
    world.restart_with("").await;
    world.award(NUM_AWARDS).await;
    let taken = u64::from(NUM_AWARDS);
    until("all but what was taken", async || world.lost() == taken).await;
    assert_it_is_logged(&mut world);
    world.close().await;
}

/// While nothing is read nobody hears of the error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_made_anew_while_reading_is_held_is_read_from_its_beginning() {
    let Some(mut world) = settled().await else { return };
    let probes = world.probes();
    assert_eq!(probes.post("/admin/intake/pause").await.0, 200);
    make_commands_anew(&world).await;
    assert_eq!(probes.post("/admin/intake/resume").await.0, 200);
    await_new_beginning(&world).await;
    world.award(NUM_AWARDS).await;
    assert_eq!(world.differences().await, Vec::<String>::new());
    world.close().await;
}
